"""What clicks say about recommendations: relevance, novelty, serendipity, and how wide and varied the slates are."""

from typing import Final

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr.types import Table
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

from reco.kpis.attribution import LONE
from reco.kpis.summary import TOP, Summary, coverage

#: A product is expected that is among so many best sellers: they need no model.
BEST_SELLERS: Final = 100
#: Slates that diversity is measured on, about; a log of more is sampled by a hash of the slate's id.
SLATES: Final = 40_000
#: A product put into the cart within so many hours after a click on it was added because of it.
CART_HOURS: Final = 24


def quality(
    impressions: Table,
    order_lines: Table,
    summary: Summary,
    *,
    products: Table | None = None,
    history: Table | None = None,
    events: Table | None = None,
    best_sellers: int = BEST_SELLERS,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """The quality of what a log shows: metric, value, low, high, part, whole; `GLOSSARY` has each metric's formula.

    Args:
        impressions, order_lines, summary: the log, and what `summarize` counted of it.
        products: the catalogue, for coverage (of those `recommendable`, where it says so) and diversity.
        history: order lines from as far back as known, for what customers bought before; `order_lines` by default.
        events: visitors' events, for the add-to-cart rate.

    A metric that lacks its data is missing, as is one without a denominator.
    """
    history = order_lines if history is None else history
    clicks, known, new, serendipitous = _clicks(history, summary, best_sellers)
    total = int(summary.total()["clicks"])
    top = (
        summary.cube.loc[summary.cube["position"].between(1, TOP), "clicks"].sum() if "position" in summary.cube else 0
    )
    placed = total if "position" in summary.cube else 0
    rows = [
        ("relevance", top, placed),
        ("novelty", new, known),
        ("serendipity", serendipitous, known),
    ]
    if events is not None:
        rows.append(("add_to_cart_rate", _added(summary.clicks, events), clicks))
    table = pd.DataFrame([(*row, *_rate(*row[1:], confidence)) for row in rows], columns=_COLUMNS)
    more = []
    if products is not None:
        size = int(_catalogue(products).count().execute())
        shown = int(summary.products.merge(_catalogue(products).execute(), on="product_id")["impressions"].gt(0).sum())
        share = coverage(summary.products.head(shown), size)
        more.append(("coverage", shown, size, share, np.nan, np.nan))
        if "slate_id" in impressions.columns:
            more.append(("diversity", *_diversity(impressions, products, summary, confidence)))
    return pd.concat([table, pd.DataFrame(more, columns=_COLUMNS)], ignore_index=True) if more else table


_COLUMNS: Final = ["metric", "part", "whole", "value", "low", "high"]


def _rate(part: float, whole: float, confidence: float) -> tuple[float, float, float]:
    if not whole:
        return (np.nan,) * 3
    low, high = proportion_confint(part, whole, alpha=1 - confidence, method="wilson")
    return part / whole, float(low), float(high)


def _catalogue(products: Table) -> Table:
    """Products that may be recommended."""
    if "recommendable" in products.columns:
        products = products.filter(products.recommendable.fill_null(True))
    return products.select("product_id").distinct()


def _clicks(history: Table, summary: Summary, best_sellers: int) -> tuple[int, int, int, int]:
    """Clicks; those of known customers; of these on products not bought before; of these bought and no best seller."""
    known = summary.clicks.filter(_.customer_id.notnull(), _.clicked_at.notnull())
    known = known.select("impression_id", "customer_id", "product_id", "clicked_at")
    bought = history.filter(history.quantity > 0, history.customer_id.notnull())
    pairs = bought.semi_join(known, ["customer_id", "product_id"]).group_by("customer_id", "product_id")
    first = pairs.aggregate(first=_.ordered_at.min())
    again = known.inner_join(first, ["customer_id", "product_id"]).filter(_.first < _.clicked_at)
    given = summary.claims.filter(~_.by_view).select("impression_id").distinct()
    expected = bought.group_by("product_id").aggregate(owners=_.customer_id.nunique())
    expected = expected.order_by(ibis.desc("owners"), "product_id").limit(best_sellers)
    # few clicks are credited: these are looked up among the orders before, not the other way round
    credited = known.semi_join(given, "impression_id").anti_join(expected, "product_id").view()
    credited = credited.left_join(first, ["customer_id", "product_id"])
    lucky = credited.filter(credited.first.isnull() | (credited.first >= credited.clicked_at))
    counts = [summary.clicks.count(), known.count(), again.count(), lucky.count()]
    clicks, of_known, old, serendipitous = (int(count.execute()) for count in counts)
    return clicks, of_known, of_known - old, serendipitous


@ibis.udf.scalar.builtin(name="hash")
def _hash(text: str) -> int:
    """A whole number of either engine's own: Ibis's hash takes DuckDB through a string of bits."""


def _added(clicks: Table, events: Table) -> int:
    """Clicks after which their customer put the product into the cart in time."""
    clicked = clicks.filter(clicks.customer_id.notnull()).select(
        "impression_id", "customer_id", "product_id", "clicked_at"
    )
    added = events.filter(events.event == "add_to_cart").select("customer_id", "product_id", "occurred_at")
    pairs = clicked.inner_join(added, ["customer_id", "product_id"])
    until = pairs.clicked_at + ibis.interval(hours=CART_HOURS)
    pairs = pairs.filter(pairs.clicked_at <= pairs.occurred_at, pairs.occurred_at <= until)
    return int(pairs.impression_id.nunique().execute())


def _diversity(impressions: Table, products: Table, summary: Summary, confidence: float) -> tuple[float, ...]:
    """Share of the pairs of a slate that differ in category, mean over slates of two or more products."""
    size = len(summary.cube) and int(summary.total()["impressions"])
    every = max(1, size // (SLATES * 10))
    rows = impressions.filter(impressions.slate_id.notnull())
    if every > 1:
        rows = rows.filter(_hash(rows.slate_id) % every == 0)
    kinds = products.select(kind_of="product_id", category="category").distinct(on="kind_of")
    rows = rows.left_join(kinds, [("product_id", "kind_of")])
    rows = rows.select("slate_id", kind=ibis.coalesce(rows.category, ibis.literal(LONE) + rows.product_id))
    kinds = rows.group_by("slate_id", "kind").aggregate(n=rows.count())
    slates = kinds.group_by("slate_id").aggregate(n=kinds.n.sum(), squares=(kinds.n * kinds.n).sum())
    slates = slates.filter(slates.n > 1)
    slates = slates.mutate(differ=1 - (slates.squares - slates.n) / (slates.n * (slates.n - 1)))
    found = slates.aggregate(n=slates.count(), mean=slates.differ.mean(), sd=slates.differ.std()).execute().iloc[0]
    n, mean = int(found["n"]), float(found["mean"]) if found["n"] else np.nan
    margin = norm.ppf((1 + confidence) / 2) * found["sd"] / np.sqrt(n) if n > 1 else np.nan
    return n, n, mean, mean - margin, mean + margin
