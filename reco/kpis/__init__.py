"""How recommendations perform and pay: attribution, the dashboard, targets."""

from reco.kpis.attribution import Rule, attribute, claimed, credits
from reco.kpis.baskets import baskets
from reco.kpis.dashboard import TOTAL, Pay, compare, dashboard, named, pay, rates, totals
from reco.kpis.incremental import WARNING, Incremental, incremental, judge_lift, per_customer
from reco.kpis.notes import notes
from reco.kpis.quality import quality
from reco.kpis.summary import Summary, coverage, share_of_top, summarize

__all__ = [
    "TOTAL", "WARNING", "Incremental", "Pay", "Rule", "Summary", "attribute", "baskets", "claimed", "compare",
    "coverage", "credits", "dashboard", "incremental", "judge_lift", "named", "notes", "pay", "per_customer",
    "quality", "rates", "share_of_top", "summarize", "totals",
]  # fmt: skip
