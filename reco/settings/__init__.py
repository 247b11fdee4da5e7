"""workbook.yaml as typed settings, checked whole before anything runs."""

from reco.settings.base import AnySource
from reco.settings.experiments import Arm, Experiments, Goal, PlannedTest, Rule
from reco.settings.explaining import place
from reco.settings.kpis import BuildOrBuy, Kpis, Target
from reco.settings.loading import find, load
from reco.settings.sections import (
    Catalogue,
    Cleaning,
    ColdStart,
    Comparison,
    Context,
    Hybrid,
    Incentive,
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
)

__all__ = [
    "AnySource",
    "Arm",
    "BuildOrBuy",
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
