"""How recommendations perform and pay: attribution, the dashboard, targets."""

from reco.kpis.attribution import Rule, attribute, credits
from reco.kpis.dashboard import TOTAL, Pay, compare, dashboard, named, pay, rates, totals

__all__ = ["TOTAL", "Pay", "Rule", "attribute", "compare", "credits", "dashboard", "named", "pay", "rates", "totals"]
