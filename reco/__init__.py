"""Reco: a workbook of parameterized notebooks for product recommendations."""

from reco.workbook import Workbook

__all__ = ["Workbook"]
__version__ = "0.1.0"
