"""Design and analysis of experiments: how large a test must be, whether it was fair, and what it showed."""

from reco.experiments.analysis import Analysis, analyze, analyze_by
from reco.experiments.design import Plan, compare_plans, plan
from reco.experiments.metrics import Mean, Rate, Ratio
from reco.experiments.rates import rates
from reco.experiments.sequential import peeked, watch

__all__ = [
    "Analysis", "Mean", "Plan", "Rate", "Ratio", "analyze", "analyze_by", "compare_plans", "peeked", "plan", "rates",
    "watch",
]  # fmt: skip
