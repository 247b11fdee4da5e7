"""How recommendations perform and pay: attribution, the dashboard, targets."""

from reco.kpis.attribution import attribute
from reco.kpis.dashboard import TOTAL, Pay, compare, dashboard, named, pay, rates, totals

__all__ = ["TOTAL", "Pay", "attribute", "compare", "dashboard", "named", "pay", "rates", "totals"]
