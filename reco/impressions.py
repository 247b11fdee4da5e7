"""The log of impressions that KPIs and monitoring read: the store's own, or a simulated one that says so."""

import math
from typing import NamedTuple

import ibis
import pandas as pd

from reco.errors import MissingTableError
from reco.simulation import SOURCE, simulate
from reco.workbook import Workbook


class Log(NamedTuple):
    """Impressions with the orders of the same time.

    Attributes:
        impressions: the unified table (a simulated one adds `fallback` and `age_weeks`).
        order_lines: order lines from the first impression on; a simulated log adds the orders after stray clicks.
        simulated: whether shoppers were simulated; then every number from it is, too.
        assignments: who was held out of a simulated log, see `reco.simulation.World`; None where nobody was, and for a
            store's own log, of which a file tells.
        held: the share of customers that the simulation held out.
    """

    impressions: ibis.Table
    order_lines: ibis.Table
    simulated: bool
    assignments: ibis.Table | None = None
    held: float = 0.0

    @property
    def mark(self) -> str:
        """What every title of a table or picture from this log ends in."""
        return " (simulated)" if self.simulated else ""

    @property
    def added(self) -> float:
        """What recommendations really added to the revenue of a simulated log: orders after stray clicks."""
        return float(self.order_lines.filter(lambda t: t.source == SOURCE).revenue.sum().fill_null(0).execute())

    @property
    def days(self) -> int:
        """Days from the first impression to the last, rounded up; at least one, and none without impressions."""
        first, last = self._span
        return 0 if pd.isna(first) else max(1, math.ceil((last - first) / pd.Timedelta(days=1)))

    @property
    def revenue(self) -> float:
        """Revenue of all orders in those days, recommended or not."""
        first, last = self._span
        if pd.isna(first):
            return 0.0
        lines = self.order_lines.filter(lambda t: (t.ordered_at >= first) & (t.ordered_at <= last))
        return float(lines.revenue.sum().fill_null(0).execute())

    @property
    def _span(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """When the first and the last impression were shown; missing without any."""
        span = self.impressions.aggregate(first=lambda t: t.shown_at.min(), last=lambda t: t.shown_at.max()).execute()
        return span["first"][0], span["last"][0]


def read_log(wb: Workbook) -> Log:
    """The store's own impressions where a source fills them, otherwise simulated ones.

    Raises `MissingTableError` when there are none and simulation is switched off.
    """
    if wb.has("impressions"):
        impressions = wb.table("impressions")
        start = impressions.shown_at.min().execute()
        lines = wb.table("order_lines").filter(lambda lines: lines.ordered_at >= start)
        return Log(impressions, lines, simulated=bool(impressions.simulated.fill_null(False).any().execute()))
    if not wb.settings.simulation.enabled:
        raise MissingTableError(
            f"the store {wb.settings.store.name} logs no impressions and `simulation.enabled` is false in "
            f"{wb.settings.file.name}"
        )
    world = simulate(wb)
    held = None if world.assignments.empty else ibis.memtable(world.assignments)
    return Log(
        ibis.memtable(world.impressions), ibis.memtable(world.order_lines), True, held, wb.settings.simulation.holdout
    )
