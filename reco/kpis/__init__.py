"""How recommendations perform and pay: attribution, the dashboard, targets."""

from reco.kpis.attribution import attribute
from reco.kpis.dashboard import compare, dashboard, totals

__all__ = ["attribute", "compare", "dashboard", "totals"]
