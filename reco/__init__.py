"""Reco: a workbook of parameterized notebooks for product recommendations."""

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reco.workbook import Workbook

# a library that looks for progress-bar widgets, which reports do not use
warnings.filterwarnings("ignore", message="IProgress not found")

__all__ = ["Workbook"]
__version__ = "0.1.0"


def __getattr__(name: str) -> type:
    """`Workbook`, imported when it is first asked for: processes that only start others need no tables."""
    if name == "Workbook":
        from reco.workbook import Workbook

        return Workbook
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
