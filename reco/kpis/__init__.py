"""How recommendations perform and pay: attribution, the dashboard, targets."""

from reco.kpis.attribution import Rule, attribute, credits
from reco.kpis.baskets import baskets
from reco.kpis.dashboard import TOTAL, Pay, compare, dashboard, named, pay, rates, totals
from reco.kpis.notes import notes
from reco.kpis.quality import quality
from reco.kpis.summary import Summary, coverage, share_of_top, summarize

__all__ = [
    "TOTAL", "Pay", "Rule", "Summary", "attribute", "baskets", "compare", "coverage", "credits", "dashboard", "named",
    "notes", "pay", "quality", "rates", "share_of_top", "summarize", "totals",
]  # fmt: skip
