"""workbook.yaml as typed settings, checked whole before anything runs."""

from reco.settings.explaining import place
from reco.settings.loading import find, load
from reco.settings.sections import (
    AnySource,
    Catalogue,
    Cleaning,
    Comparison,
    Context,
    Experiments,
    Hybrid,
    Kpis,
    Monitoring,
    Privacy,
    Rules,
    Settings,
    Simulation,
    Split,
    Store,
    Strategy,
    Target,
)

__all__ = [
    "AnySource",
    "Catalogue",
    "Cleaning",
    "Comparison",
    "Context",
    "Experiments",
    "Hybrid",
    "Kpis",
    "Monitoring",
    "Privacy",
    "Rules",
    "Settings",
    "Simulation",
    "Split",
    "Store",
    "Strategy",
    "Target",
    "find",
    "load",
    "place",
]
