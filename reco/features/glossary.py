"""What every feature means, so that a notebook can print it."""

from typing import Final, NamedTuple

from reco.features.customers import (
    DEFAULT_INTERVAL,
    ENGAGED_DAYS,
    HALF_LIFE,
    HALF_SCORE,
    NEW_DAYS,
    POINTS,
    STAGES,
)
from reco.features.products import INTERVALS, PRICED_PRODUCTS, SEASON_PURCHASES, SMOOTHING


class Feature(NamedTuple):
    """A column of a table of features.

    Attributes:
        name: the column.
        table: `customers`, `affinities`, `products` or `seasons`.
        meaning: how it is defined, and from which unified tables.
        unit: its unit, its values, or `text`.
    """

    name: str
    table: str
    meaning: str
    unit: str


MONEY: Final = "currency of the store"

CUSTOMERS: Final = (
    ("customer_id", "customer with order lines or events", "id"),
    ("recency_days", "time since the last order; null without one (order_lines)", "days"),
    ("frequency", "orders; returns are none (order_lines)", "orders"),
    ("monetary", "revenue of all lines, less returns (order_lines)", MONEY),
    ("recency_score", "third of the buyers by last order, 3 the most recent (order_lines)", "1 to 3"),
    ("frequency_score", "third of the buyers by number of orders, 3 the most frequent (order_lines)", "1 to 3"),
    ("segment", "name of the two scores, see reco.segments (order_lines)", "text"),
    (
        "lifecycle_stage",
        f"new: first order within {NEW_DAYS} days; else active or at_risk: last order within {STAGES['active']} or "
        f"{STAGES['at_risk']} of the shop's typical intervals between days of purchase (the median of the customers' "
        f"means; {DEFAULT_INTERVAL} days where none came back); lapsed: longer ago; prospect: no order (order_lines)",
        "new, active, at_risk, lapsed, prospect",
    ),
    ("recency_band", "range of days that recency_days falls in (order_lines)", "text"),
    (
        "price_band",
        "band of the median purchase, its unit price held against the terciles of its category as for products "
        "(order_lines, products)",
        "budget, mid, premium",
    ),
    ("top_category", "category with the largest share in affinities (order_lines, products)", "text"),
    ("top_brand", "brand with the largest share in affinities (order_lines, products)", "text"),
    (
        "preferred_channel",
        "channel of most visits: an order visits its channel, an hour with events visits their source; ties by name "
        "(order_lines, events)",
        "text",
    ),
    (
        "preferred_hour",
        "hour with most visits in the shop's time, where the hours before and after count half, midnight or not; the "
        "earliest of equals (order_lines, events)",
        "0 to 23",
    ),
    (
        "engagement_score",
        f"p / (p + {HALF_SCORE:g}) of p points in {ENGAGED_DAYS} days: "
        + ", ".join(f"{points:g} for each {act}" for act, points in POINTS.items())
        + "; machine opens and simulated clicks never count (events, engagement, impressions)",
        "0 to 1",
    ),
    ("basket_items", "mean units in an order (order_lines)", "units as sold, also by weight"),
    ("basket_products", "mean number of different products in an order (order_lines)", "products"),
    ("basket_value", "mean revenue of an order's purchases (order_lines)", MONEY),
)

AFFINITIES: Final = (
    ("customer_id", "customer with purchases", "id"),
    ("kind", "what the value is", "category, brand"),
    ("value", "name of the category or brand (products)", "text"),
    (
        "share",
        f"share of the customer's spending, less returns, a purchase counting half for every {HALF_LIFE} days of age "
        "(order_lines, products)",
        "0 to 1",
    ),
    ("rank", "place by share within customer and kind; ties by name", "from 1"),
)

PRODUCTS: Final = (
    ("product_id", "product of the catalogue or of an order line", "id"),
    ("unit_price", "mean price paid for a unit, else the list price (order_lines, products)", MONEY),
    (
        "price_band",
        "unit price below, within or above the middle third of its category's, or of the whole shop's when fewer than "
        f"{PRICED_PRODUCTS} products of the category have one (order_lines, products)",
        "budget, mid, premium",
    ),
    ("margin", "(price - cost) / price; null without either (products)", "share of price"),
    ("product_age_days", "time since publication, else since the first sale (products, order_lines)", "days"),
    ("stock", "stock on hand (products)", "units"),
    ("stock_days", "stock over daily sales of 28 days; null without sales (products, order_lines)", "days"),
    ("units_28_days", "units sold in 28 days, less those returned (order_lines)", "units"),
    ("revenue_28_days", "revenue of 28 days, less returns (order_lines)", MONEY),
    ("units_90_days", "units sold in 90 days, less those returned (order_lines)", "units"),
    ("revenue_90_days", "revenue of 90 days, less returns (order_lines)", MONEY),
    (
        "return_rate",
        "units returned over units sold; above 1 where the sales are older than the data (order_lines)",
        "share of units",
    ),
    (
        "repurchase_interval_days",
        "median time between days on which a customer bought it; null with fewer than "
        f"{INTERVALS} intervals (order_lines)",
        "days",
    ),
    ("repurchase_intervals", "intervals that the median is of (order_lines)", "intervals"),
)

SEASONS: Final = (
    ("kind", "what the value is", "category, product"),
    ("value", "name of the category, or product id (products)", "text"),
    ("month", "calendar month in the shop's time", "1 to 12"),
    (
        "season_index",
        "revenue a day in the month over the mean of the twelve months, mixed with "
        f"{SMOOTHING} purchases spread evenly (category) or like the category's (product); null with less than a year "
        "of data (order_lines, products)",
        "1 is even",
    ),
    (
        "purchases",
        f"order lines without returns that the index is of; products have at least {SEASON_PURCHASES} (order_lines)",
        "lines",
    ),
    ("remark", "why there is no index", "text"),
)

_TABLES: Final = {"customers": CUSTOMERS, "affinities": AFFINITIES, "products": PRODUCTS, "seasons": SEASONS}

#: Every column of every table of features, in order.
FEATURES: Final = tuple(
    Feature(name, table, meaning, unit) for table, columns in _TABLES.items() for name, meaning, unit in columns
)
