"""What the store holds, and whether it is enough for what the notebooks want to do with it."""

from typing import NamedTuple

import ibis
import numpy as np
import pandas as pd

from reco.clock import to_local
from reco.columns import Columns
from reco.interactions import Interactions
from reco.store import SCHEMAS
from reco.workbook import Workbook

#: Column that dates the rows of each table, where one does.
MOMENTS = {
    "order_lines": "ordered_at",
    "events": "occurred_at",
    "engagement": "occurred_at",
    "impressions": "shown_at",
    "campaigns": "starts_at",
}


def inventory(wb: Workbook) -> pd.DataFrame:
    """Every unified table: rows, first and last day (the shop's own), and a remark on columns that no source fills."""
    rows = []
    for name in SCHEMAS:
        if not wb.has(name):
            rows.append((name, 0, None, None, "no source fills this table"))
            continue
        missing = missing_values(wb.table(name))
        empty = ", ".join(missing.loc[missing["missing"] == 1, "column"])
        first, last = _span(wb.table(name), MOMENTS.get(name), wb.settings.store.time_zone)
        count = int(wb.table(name).count().execute())
        rows.append((name, count, first, last, f"empty: {empty}" if empty else ""))
    return pd.DataFrame(rows, columns=["table", "rows", "first", "last", "remark"])


def _span(table: ibis.Table, moment: str | None, time_zone: str) -> tuple[str | None, str | None]:
    if moment is None:
        return None, None
    span = table.aggregate(first=table[moment].min(), last=table[moment].max()).execute().iloc[0]
    if span.isna().any():
        return None, None
    first, last = (f"{span[end].tz_convert(time_zone):%Y-%m-%d}" for end in ("first", "last"))
    return first, last


def missing_values(table: ibis.Table) -> pd.DataFrame:
    """Share of missing values by column, in the order of the table: column, missing."""
    shares = table.aggregate([table[column].isnull().mean().name(column) for column in table.columns]).execute()
    return shares.iloc[0].astype(float).rename_axis("column").reset_index(name="missing")


def missing_columns(wb: Workbook) -> pd.DataFrame:
    """Columns of the store that hold some values and lack others: table, column, missing (share of rows)."""
    parts = [missing_values(wb.table(name)).assign(table=name) for name in SCHEMAS if wb.has(name)]
    frame = pd.concat(parts, ignore_index=True)[["table", "column", "missing"]]
    return frame[(frame["missing"] > 0) & (frame["missing"] < 1)].reset_index(drop=True)


def monthly_revenue(order_lines: ibis.Table, time_zone: str) -> pd.DataFrame:
    """Revenue, orders and customers by calendar month of the shop's own time: month (first day), revenue, …

    Months without orders are absent.
    """
    frame = order_lines.select("ordered_at", "order_id", "customer_id", revenue=order_lines.revenue.cast("float64"))
    local = frame.mutate(month=to_local(time_zone, frame.ordered_at).truncate("M"))
    by_month = local.group_by("month").aggregate(
        revenue=local.revenue.sum(), orders=local.order_id.nunique(), customers=local.customer_id.nunique()
    )
    return by_month.order_by("month").execute()


class Sufficiency(NamedTuple):
    """One minimum of the requirement against what the store has.

    Attributes:
        family: what it is for.
        minimum: what is asked for.
        required: number required.
        found: number found.
        verdict: `enough` or `too little`, with what follows.
    """

    family: str
    minimum: str
    required: int
    found: int
    verdict: str


def sufficiency(x: Interactions) -> list[Sufficiency]:
    """The requirement's minima against the interactions that models would learn from."""
    pairs = _pairs_per_item(x)
    median = int(np.median(pairs)) if len(pairs) else 0
    total = len(x.log)
    return [
        Sufficiency("User-based collaborative", "interactions", 1000, total, _word(total >= 1000)),
        Sufficiency(
            "Item-based collaborative",
            "co-purchase pairs of the median item",
            500,
            median,
            f"{_word(median >= 500)}: {np.mean(pairs >= 500) if median else 0:.0%} of {len(pairs):,} items reach it",
        ),
        Sufficiency("Deep learning", "interactions", 10000, total, _word(total >= 10000)),
    ]


def _pairs_per_item(x: Interactions) -> np.ndarray:
    """For each item, how many (order, other item of that order) pairs it was bought in."""
    size = np.bincount(x.log[Columns.BASKET])
    return np.bincount(x.log["item"], weights=size[x.log[Columns.BASKET]] - 1, minlength=len(x.items))


def _word(enough: bool) -> str:
    return "enough" if enough else "too little"
