"""What readers see: display helpers for notebooks, and the HTML that runs publish."""
