"""A log of impressions and what it earned, counted in two scans: by place and day, and by product.

Whatever a report shows of a log is added up from the few thousand rows of these counts. Impressions are scanned where
they lie; only the counts, and the impressions that orders are credited to, come into memory.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import Table

from reco.errors import InputError
from reco.kpis.attribution import PARTS, Rule, claimed
from reco.kpis.calendar import day_of, midnights
from reco.kpis.dashboard import rates
from reco.settings import Context

#: What is counted; each adds up over any rows of a `Summary`.
COUNTS: Final = ("impressions", "clicks", "orders", "revenue")
#: Columns of a log that it may be broken down by, as they stand; a log has those that it has.
PLACES: Final = ("context", "strategy", "algorithm", "position", "device", "variant")
#: Clicks on positions up to this one count as relevant.
TOP: Final = 3
#: What stands where a log does not say.
UNKNOWN: Final = "unknown"


class Summary(NamedTuple):
    """Counts of a log.

    Attributes:
        cube: one row for each combination of `PLACES` that the log has, segment and category where asked for, and
            day: impressions, clicks, orders (clicked impressions that led to an order), revenue (net of returns).
        products: product_id with the same counts, and the product's category where known.
        rule: how orders were credited.
        zone: whose days they are.
        claims: the credited purchases, as `claimed` gives them.
    """

    cube: pd.DataFrame
    products: pd.DataFrame
    rule: Rule
    zone: str
    claims: Table

    @property
    def dimensions(self) -> list[str]:
        """What the log can be broken down by."""
        weeks = ["week"] if "day" in self.cube else []
        return [column for column in self.cube if column not in COUNTS] + weeks + ["category", "product_id"]

    def by(self, *columns: str, confidence: float = 0.95) -> pd.DataFrame:
        """Counts and rates by any of `dimensions`, largest revenue first (days, weeks and positions in order).

        `week` is the Monday it begins on. `category` and `product_id` stand alone. Raises `InputError` for what the
        log does not tell.
        """
        for column in columns:
            if column not in self.dimensions:
                raise InputError(f"no {column!r} in the log; it tells {', '.join(self.dimensions)}")
        if {"category", "product_id"} & set(columns):
            if len(columns) > 1:
                raise InputError(f"{' and '.join(columns)}: category and product_id are counted by themselves")
            table = self.products
        else:
            table = self.cube.assign(week=_weeks(self.cube["day"])) if "week" in columns else self.cube
        sums = table.groupby(list(columns), observed=True, dropna=False)[list(COUNTS)].sum().reset_index()
        ordered = [column for column in columns if column in ("day", "week", "position")]
        if len(ordered) < len(columns):
            sums = sums.sort_values(["revenue", *columns], ascending=[False] + [True] * len(columns))
        return rates(sums.reset_index(drop=True), confidence)

    def total(self) -> pd.Series:
        """The counts of the whole log."""
        return self.cube[list(COUNTS)].sum()

    def dashboard(self) -> pd.DataFrame:
        """Counts by context, largest revenue first, as `reco.kpis.dashboard` gives them."""
        return self.by("context")[["context", *COUNTS]]

    def extremes(self, most: int = 10, least_impressions: int = 100) -> pd.DataFrame:
        """Products that earn most and least per thousand impressions: end (top, bottom), product_id, counts, rates.

        Only products shown at least `least_impressions` times count; none is in both ends.
        """
        shown = self.products[self.products["impressions"] >= least_impressions]
        ranked = rates(shown).sort_values(["revenue_per_thousand", "product_id"], ascending=[False, True])
        top = ranked.head(most)
        bottom = ranked.iloc[len(top) :].tail(most).iloc[::-1]
        return pd.concat([top.assign(end="top"), bottom.assign(end="bottom")], ignore_index=True)


def summarize(
    impressions: Table,
    order_lines: Table,
    rule: Rule,
    *,
    zone: str = "UTC",
    products: Table | None = None,
    segments: Table | None = None,
    algorithms: Mapping[tuple[str, str], str] | None = None,
) -> Summary:
    """Count a log.

    Args:
        impressions, order_lines: tables of the store.
        rule: how orders are credited.
        zone: IANA zone of the shop, for days.
        products: adds `category` to products; the rule's scope `category` needs it, too.
        segments: customer_id and segment, to break down by; customers once each.
        algorithms: what stands behind a strategy, by (context, strategy).

    Raises `InputError` for a log without `context`, `product_id` or `clicked`.
    """
    for column in ("context", "product_id", "clicked"):
        if column not in impressions.columns:
            raise InputError(f"no column {column!r} in the log; it has {', '.join(impressions.columns)}")
    places = [place for place in PLACES if place in impressions.columns]
    dated = ["shown_at"] if "shown_at" in impressions.columns else []
    days, starts = _days(impressions, zone)
    claims = claimed(impressions, order_lines, rule, products=products, keep=[*places, *dated])
    if segments is not None:
        impressions, claims = (_segmented(table, segments) for table in (impressions, claims))
        places.append("segment")
    if dated:
        impressions, claims = (
            table.mutate(day=day_of(table.shown_at, days, starts)).drop("shown_at") for table in (impressions, claims)
        )
        places.append("day")
    shown, items = (
        impressions.group_by(keys).aggregate(impressions=impressions.count(), clicks=impressions.clicked.sum())
        for keys in (places, "product_id")
    )
    # the one result that is not small: a row for each credited purchase
    kept = claims.to_pyarrow()
    names = [*places, "impression_id", "touched_product", "by_view", "net"]
    earned = kept.select(names).to_pandas().rename(columns={"touched_product": "product_id"})
    earned["orders"] = ~earned.pop("by_view") & ~earned.duplicated("impression_id")
    earned["revenue"] = earned.pop("net") / PARTS
    cube = _joined(shown.execute(), earned, places)
    if algorithms is not None and "strategy" in cube and "algorithm" not in cube:
        pairs = zip(cube["context"], cube["strategy"], strict=True)
        cube.insert(2, "algorithm", [algorithms.get(pair, UNKNOWN) for pair in pairs])
    by_product = _joined(items.execute(), earned, ["product_id"])
    if products is not None:
        kinds = products.select("product_id", "category").execute().drop_duplicates("product_id")
        by_product = by_product.merge(kinds, on="product_id", how="left")
        by_product["category"] = by_product["category"].fillna(UNKNOWN)
    return Summary(cube, by_product, rule, zone, ibis.memtable(kept))


def algorithms(contexts: Mapping[str, Context]) -> dict[tuple[str, str], str]:
    """What stands behind each strategy of the settings, by context and title: its model, or its kind."""
    return {
        (name, strategy.title): strategy.model or strategy.kind
        for name, context in contexts.items()
        for strategy in context.strategies
    }


def _segmented(table: Table, segments: Table) -> Table:
    """`table` with the segment of each row's customer."""
    named = segments.select("segment", of="customer_id")
    joined = table.left_join(named, [("customer_id", "of")])
    return joined.select(*table.columns, segment=joined.segment.fill_null(UNKNOWN))


def _days(impressions: Table, zone: str) -> tuple[list[str], list[pd.Timestamp]]:
    """The days of the log and when they begin."""
    if "shown_at" not in impressions.columns:
        return [], []
    ends = impressions.aggregate(first=impressions.shown_at.min(), last=impressions.shown_at.max()).execute()
    first, last = (pd.to_datetime(ends[name], utc=True)[0] for name in ("first", "last"))
    return ([], []) if pd.isna(first) else midnights(first, last, zone)


def _joined(shown: pd.DataFrame, earned: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Counts of impressions beside what they earned."""
    keys = list(keys)
    shown, earned = (table.assign(**_filled(table, keys)) for table in (shown, earned))
    sums = earned.groupby(keys, observed=True)[["orders", "revenue"]].sum().reset_index()
    both = shown.merge(sums, on=keys, how="left").fillna({"orders": 0, "revenue": 0.0, "clicks": 0})
    both = both.sort_values(keys, ignore_index=True)
    return both.astype({"impressions": "int64", "clicks": "int64", "orders": "int64", "revenue": "float64"})


def _filled(table: pd.DataFrame, keys: Iterable[str]) -> dict[str, pd.Series]:
    """Keys without gaps: what is missing is told as such; positions stay numbers, 0 where missing."""
    numbers = {key: pd.api.types.is_numeric_dtype(table[key]) for key in keys}
    return {key: table[key].fillna(0 if numbers[key] else UNKNOWN) for key in keys}


def _weeks(days: pd.Series) -> pd.Series:
    """The Monday of each day's week, as ISO text; empty for a day that is not known."""
    dates = pd.to_datetime(days.where(days != ""))
    mondays = dates - pd.to_timedelta(dates.dt.day_of_week, unit="D")
    return mondays.dt.strftime("%Y-%m-%d").fillna("")


def share_of_top(cube: pd.DataFrame, top: int = TOP) -> float:
    """Relevance: the share of clicks on the first `top` positions; NaN without clicks or positions."""
    clicks = cube["clicks"].sum()
    if "position" not in cube or not clicks:
        return float("nan")
    return float(cube.loc[cube["position"].between(1, top), "clicks"].sum() / clicks)


def coverage(products: pd.DataFrame, catalogue: int) -> float:
    """Share of the `catalogue` (products that may be recommended) that the log showed at least once."""
    return float((products["impressions"] > 0).sum() / catalogue) if catalogue else float(np.nan)
