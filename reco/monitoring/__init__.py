"""What changed since the models were trained, whether it is more than chance, and what to do about it."""

from reco.monitoring.alerts import Delivery, alert_table, deliver, write_alerts
from reco.monitoring.bubble import FUNNEL_DAYS, exploration, explored, newcomers, trend, variety_of_customers
from reco.monitoring.drift import WATCHED, Watched, binned, drift_table
from reco.monitoring.limits import control_limits
from reco.monitoring.mixes import mix_drift, movers, stability_index, week_of, weekly_mix, weekly_performance
from reco.monitoring.retraining import Advice, Check, Decay, advise, decay, retraining_checks
from reco.monitoring.weekly import MEASURES, weekly_table

__all__ = [
    "FUNNEL_DAYS",
    "MEASURES",
    "WATCHED",
    "Advice",
    "Check",
    "Decay",
    "Delivery",
    "Watched",
    "advise",
    "alert_table",
    "binned",
    "control_limits",
    "decay",
    "deliver",
    "drift_table",
    "exploration",
    "explored",
    "mix_drift",
    "movers",
    "newcomers",
    "retraining_checks",
    "stability_index",
    "trend",
    "variety_of_customers",
    "week_of",
    "weekly_mix",
    "weekly_performance",
    "weekly_table",
    "write_alerts",
]
