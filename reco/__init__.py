"""Reco: a workbook of parameterized notebooks for product recommendations."""

import warnings

# a library that looks for progress-bar widgets, which reports do not use
warnings.filterwarnings("ignore", message="IProgress not found")

from reco.workbook import Workbook  # noqa: E402

__all__ = ["Workbook"]
__version__ = "0.1.0"
