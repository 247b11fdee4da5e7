"""What changed since the models were trained, whether it is more than chance, and what to do about it."""

from reco.monitoring.mixes import mix_drift, movers, stability_index, week_of, weekly_mix, weekly_performance
from reco.monitoring.retraining import Check, retraining_checks

__all__ = [
    "Check",
    "mix_drift",
    "movers",
    "retraining_checks",
    "stability_index",
    "week_of",
    "weekly_mix",
    "weekly_performance",
]
