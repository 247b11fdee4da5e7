"""workbook.yaml as typed settings, checked whole before anything runs."""

from reco.settings.base import AnySource
from reco.settings.experiments import Arm, Experiments, Goal, PlannedTest, Rule
from reco.settings.explaining import place
from reco.settings.loading import find, load
from reco.settings.sections import (
    Catalogue,
    Cleaning,
    ColdStart,
    Comparison,
    Context,
    Hybrid,
    Incentive,
    Kpis,
    Mail,
    Monitoring,
    Privacy,
    Rules,
    Sending,
    Settings,
    Simulation,
    Split,
    Store,
    Strategy,
    Target,
)

__all__ = [
    "AnySource",
    "Arm",
    "Catalogue",
    "Cleaning",
    "ColdStart",
    "Comparison",
    "Context",
    "Experiments",
    "Goal",
    "Hybrid",
    "Incentive",
    "Kpis",
    "Mail",
    "Monitoring",
    "PlannedTest",
    "Privacy",
    "Rule",
    "Rules",
    "Sending",
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
