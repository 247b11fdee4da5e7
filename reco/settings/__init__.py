"""workbook.yaml as typed settings, checked whole before anything runs."""

from reco.settings.base import AnySource
from reco.settings.experiments import Arm, Experiments, Goal, PlannedTest, Rule
from reco.settings.explaining import place
from reco.settings.kpis import BuildOrBuy, Kpis, Target
from reco.settings.loading import find, load
from reco.settings.monitoring import Alerting, Command, Monitoring, Smtp, Webhook
from reco.settings.sections import (
    Catalogue,
    Cleaning,
    ColdStart,
    Comparison,
    Context,
    Hybrid,
    Incentive,
    Mail,
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
    "Alerting",
    "AnySource",
    "Arm",
    "BuildOrBuy",
    "Catalogue",
    "Cleaning",
    "ColdStart",
    "Command",
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
    "Smtp",
    "Split",
    "Store",
    "Strategy",
    "Target",
    "Webhook",
    "find",
    "load",
    "place",
]
