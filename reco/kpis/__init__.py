"""How recommendations perform and pay: attribution, the dashboard, targets."""

from reco.kpis.attribution import Rule, attribute, claimed, credits
from reco.kpis.baskets import baskets
from reco.kpis.bridge import bridge, last_periods
from reco.kpis.buy import Choice, build_or_buy
from reco.kpis.dashboard import TOTAL, Pay, compare, dashboard, named, pay, rates, totals
from reco.kpis.incremental import WARNING, Incremental, incremental, judge_lift, per_customer
from reco.kpis.notes import notes
from reco.kpis.quality import quality
from reco.kpis.summary import Summary, coverage, share_of_top, summarize

__all__ = [
    "TOTAL", "WARNING", "Choice", "Incremental", "Pay", "Rule", "Summary", "attribute", "baskets", "bridge",
    "build_or_buy", "claimed", "compare", "coverage", "credits", "dashboard", "incremental", "judge_lift",
    "last_periods", "named", "notes", "pay", "per_customer", "quality", "rates", "share_of_top", "summarize", "totals",
]  # fmt: skip
