"""How recommendations perform and pay: attribution, the dashboard, targets."""

from reco.kpis.attribution import Rule, attribute, claimed, credits, rule_of
from reco.kpis.baskets import baskets
from reco.kpis.bridge import bridge, last_periods
from reco.kpis.buy import Choice, build_or_buy
from reco.kpis.dashboard import (
    TOTAL,
    Pay,
    against_benchmarks,
    compare,
    compare_orders,
    dashboard,
    named,
    pay,
    rates,
    totals,
)
from reco.kpis.glossary import GLOSSARY, Term, caption, explain, formats
from reco.kpis.incremental import WARNING, Incremental, incremental, judge_lift, per_customer
from reco.kpis.notes import notes
from reco.kpis.quality import quality
from reco.kpis.summary import Summary, algorithms, coverage, fits, share_of_top, summarize

__all__ = [
    "GLOSSARY", "TOTAL", "WARNING", "Choice", "Incremental", "Pay", "Rule", "Summary", "Term", "against_benchmarks",
    "algorithms", "attribute", "baskets", "bridge", "build_or_buy", "caption", "claimed", "compare", "compare_orders",
    "coverage", "credits", "dashboard", "explain", "fits", "formats", "incremental", "judge_lift", "last_periods",
    "named", "notes", "pay", "per_customer", "quality", "rates", "rule_of", "share_of_top", "summarize", "totals",
]  # fmt: skip
