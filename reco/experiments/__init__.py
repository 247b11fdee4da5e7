"""Design and analysis of experiments: how large a test must be, whether it was fair, and what it showed."""

from reco.experiments.analysis import Analysis, analyze, analyze_by
from reco.experiments.assignment import assign
from reco.experiments.days import by_day
from reco.experiments.design import Plan, compare_plans, plan
from reco.experiments.metrics import Mean, Rate, Ratio
from reco.experiments.moments import cumulate
from reco.experiments.quantiles import compare_quantiles
from reco.experiments.rates import rates
from reco.experiments.sequential import peeked, watch

__all__ = [
    "Analysis", "Mean", "Plan", "Rate", "Ratio", "analyze", "analyze_by", "assign", "by_day", "compare_plans",
    "compare_quantiles", "cumulate", "peeked", "plan", "rates", "watch",
]  # fmt: skip
