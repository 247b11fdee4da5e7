"""A log of impressions and what it earned, counted in three scans: its clicks, by place and day, and by product.

Whatever a report shows of a log is added up from the few thousand rows of these counts, or found among its clicks,
which are a few rows in a hundred and are kept. Impressions are scanned where they lie, each column as seldom as can be.
"""

import re
import weakref
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from uuid import uuid4

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis.expr.operations import DatabaseTable
from ibis.expr.types import Table

from reco.errors import InputError
from reco.kpis.attribution import PARTS, Rule, judged, purchases, touches
from reco.kpis.calendar import MOST_DAYS, day_number, midnights
from reco.kpis.dashboard import rates
from reco.settings import Context

#: What is counted; each adds up over any rows of a `Summary`.
COUNTS: Final = ("impressions", "clicks", "orders", "revenue")
#: Columns of a log that it may be broken down by, as they stand; a log has those that it has.
PLACES: Final = ("context", "strategy", "algorithm", "position", "device", "variant")
#: Clicks on positions up to this one count as relevant.
TOP: Final = 3
#: What stands in the title of a strategy for a product, a category or a name.
GAP: Final = re.compile(r"\{[^{}]*\}")
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
        clicks: the clicked impressions, with what of their columns is counted by or credited by.
        bought: purchases of what their customer clicked (or saw, where views count), as `judged` gives them.
    """

    cube: pd.DataFrame
    products: pd.DataFrame
    rule: Rule
    zone: str
    clicks: Table
    bought: Table

    @property
    def claims(self) -> Table:
        """The credited purchases, as `claimed` gives them."""
        return self.bought.filter(self.bought.inside).drop("inside", "after")

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
    columns = ["impression_id", "customer_id", "product_id", "clicked", "clicked_at", *places, *dated]
    clicks = _kept(impressions.filter(impressions.clicked).select(columns))
    touched = touches(clicks if rule.checked().view_days is None else impressions, rule, order_lines)
    found = judged(touched, purchases(order_lines, touched, rule, products), rule, products, [*places, *dated])
    bought = _kept(found.drop("touched_at"))
    summary = Summary(pd.DataFrame(), pd.DataFrame(), rule, zone, clicks, bought)
    shown, claims = impressions, summary.claims
    if segments is not None:
        shown, claims = (_segmented(table, segments) for table in (shown, claims))
        places.append("segment")
    if dated:
        shown, claims = (table.mutate(day=day_number(table.shown_at, starts)) for table in (shown, claims))
        places.append("day")
    earned = _earned(claims.select(*places, "impression_id", "touched_product", "by_view", "net").to_pyarrow())
    counts = shown.group_by(places).aggregate(impressions=shown.count(), clicks=shown.count(where=shown.clicked))
    cube = _joined(counts.execute(), earned, places, days)
    if algorithms is not None and "strategy" in cube and "algorithm" not in cube:
        cube.insert(2, "algorithm", _behind(cube, algorithms))
    # clicks are counted among the clicks: one column less to scan
    items = impressions.group_by("product_id").aggregate(impressions=impressions.count()).execute()
    clicked = clicks.group_by("product_id").aggregate(clicks=clicks.count()).execute()
    items = items.merge(clicked, on="product_id", how="left")
    by_product = _joined(items, earned.rename(columns={"touched_product": "product_id"}), ["product_id"], days)
    if products is not None:
        kinds = products.select("product_id", "category").execute().drop_duplicates("product_id")
        by_product = by_product.merge(kinds, on="product_id", how="left")
        by_product["category"] = by_product["category"].fillna(UNKNOWN)
    return summary._replace(cube=cube, products=by_product)


def algorithms(contexts: Mapping[str, Context]) -> dict[tuple[str, str], str]:
    """What stands behind each strategy of the settings, by context and title: its model, or its kind.

    Those that stand in for another (`instead`) are among them; of several with one title all are named, with `or`.
    A title keeps its gaps, as in `Because you bought {product}`; `fits` tells what fills them.
    """
    found: dict[tuple[str, str], dict[str, None]] = {}
    for name, context in contexts.items():
        for declared in context.strategies:
            strategy = declared
            while strategy is not None:
                found.setdefault((name, strategy.title), {})[strategy.model or strategy.kind] = None
                strategy = strategy.instead
    return {pair: " or ".join(names) for pair, names in found.items()}


def fits(name: str, title: str) -> bool:
    """Whether a log's name of a strategy is the title of the settings, its gaps filled.

    >>> fits("Because you bought Milk", "Because you bought {product}"), fits("Because of {x}", "Because of {x}")
    (True, True)
    """
    if name == title:
        return True
    parts = GAP.split(title)
    return len(parts) > 1 and re.fullmatch(".+".join(map(re.escape, parts)), name, re.DOTALL) is not None


def _behind(cube: pd.DataFrame, algorithms: Mapping[tuple[str, str], str]) -> pd.Series:
    """What stands behind each row's strategy; the very title goes before one with gaps."""
    pairs = cube[["context", "strategy"]].drop_duplicates()
    found = []
    for pair in pairs.itertuples(index=False, name=None):
        close = (name for (context, title), name in algorithms.items() if context == pair[0] and fits(pair[1], title))
        found.append(algorithms.get(pair) or next(close, UNKNOWN))
    named = pairs.assign(algorithm=found)
    return cube[["context", "strategy"]].merge(named, on=["context", "strategy"], how="left")["algorithm"]


def _kept(table: Table) -> Table:
    """`table` computed once: where the tables of its engine lie, as long as something refers to it, or in memory."""
    if not table.op().find(DatabaseTable):
        return ibis.memtable(table.to_pyarrow())
    backend = table.get_backend()
    if backend.name != "duckdb":
        return table.cache()
    # as Ibis's own cache, which cannot drop its tables: the name gets lost on the way through its SQL
    name = f"kept_{uuid4().hex}"
    kept = backend.create_table(name, table, temp=True)
    weakref.finalize(kept.op(), backend.raw_sql, f"DROP TABLE IF EXISTS {name}").atexit = False
    return kept


def _segmented(table: Table, segments: Table) -> Table:
    """`table` with the segment of each row's customer."""
    named = segments.select("segment", of="customer_id")
    joined = table.left_join(named, [("customer_id", "of")])
    return joined.select(*table.columns, segment=joined.segment.fill_null(UNKNOWN))


def _days(impressions: Table, zone: str) -> tuple[list[str], list[pd.Timestamp]]:
    """The days of the log, when they begin, and when the last one ends."""
    if "shown_at" not in impressions.columns:
        return [], []
    ends = impressions.aggregate(first=impressions.shown_at.min(), last=impressions.shown_at.max()).execute()
    first, last = (pd.to_datetime(ends[name], utc=True)[0] for name in ("first", "last"))
    if pd.isna(first):
        return [], []
    days, starts = midnights(first, last, zone)
    if len(days) < MOST_DAYS:
        starts = midnights(first, last + pd.Timedelta(days=1), zone)[1]
    return days, starts


def _earned(claims: pa.Table) -> pd.DataFrame:
    """Orders and revenue of credited purchases by all that they are counted by; an impression is one order at most."""
    ids = claims["impression_id"].combine_chunks()
    first = np.zeros(len(ids), bool)
    first[ids.dictionary_encode().indices.to_pandas().drop_duplicates().index] = True
    views = claims["by_view"].to_numpy()
    claims = claims.drop_columns(["impression_id", "by_view"])
    claims = claims.append_column("orders", pa.array((first & ~views).astype("int64")))
    keys = [name for name in claims.column_names if name not in ("net", "orders")]
    sums = claims.group_by(keys).aggregate([("orders", "sum"), ("net", "sum")]).to_pandas()
    sums["revenue"] = sums.pop("net_sum") / PARTS
    return sums.rename(columns={"orders_sum": "orders"})


def _joined(shown: pd.DataFrame, earned: pd.DataFrame, keys: Sequence[str], days: Sequence[str]) -> pd.DataFrame:
    """Counts of impressions beside what they earned."""
    keys = list(keys)
    counts, sums = (
        table.assign(**_filled(table, keys, days)).groupby(keys, observed=True)[columns].sum().reset_index()
        for table, columns in ((shown, ["impressions", "clicks"]), (earned, ["orders", "revenue"]))
    )
    both = counts.merge(sums, on=keys, how="left").fillna({"orders": 0, "revenue": 0.0, "clicks": 0})
    both = both.sort_values(keys, ignore_index=True)
    return both.astype({"impressions": "int64", "clicks": "int64", "orders": "int64", "revenue": "float64"})


def _filled(table: pd.DataFrame, keys: Sequence[str], days: Sequence[str]) -> dict[str, pd.Series]:
    """Keys without gaps: what is missing is told as such; positions stay numbers, 0 where missing; days by name."""
    found = {}
    for key in keys:
        if key == "day":
            names = dict(enumerate(days))
            found[key] = pd.Series([names.get(day, "") for day in table[key]], table.index, dtype="str")
        else:
            found[key] = table[key].fillna(0 if pd.api.types.is_numeric_dtype(table[key]) else UNKNOWN)
    return found


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
