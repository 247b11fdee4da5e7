"""Runs of the workbook: what is up to date, execution in child processes, and publishing."""
