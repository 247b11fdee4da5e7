"""Orders with a recommended product beside those without: what they are worth and how many pieces they hold."""

import numpy as np
import pandas as pd
from ibis import _
from ibis.expr.types import Table
from scipy.stats import norm

from reco.kpis.summary import Summary


def baskets(impressions: Table, order_lines: Table, summary: Summary, *, confidence: float = 0.95) -> pd.DataFrame:
    """Orders of the log's days by whether recommendations are credited with any of their lines.

    Columns: recommended (with, without), orders, revenue, average_order_value, units_per_order, both with *_low and
    *_high; before returns. That orders with a credited line are larger is no effect of recommendations: larger
    orders have more lines to be credited. Orders are told apart by `order_id`.
    """
    ends = impressions.aggregate(first=impressions.shown_at.min(), last=impressions.shown_at.max()).execute()
    first, last = (pd.to_datetime(ends[name], utc=True)[0] for name in ("first", "last"))
    bought, rule = order_lines.filter(order_lines.quantity > 0), summary.rule
    if rule.currency is not None and "currency" in bought.columns:
        bought = bought.filter(bought.currency.fill_null(rule.currency) == rule.currency)
    if pd.notna(first):
        bought = bought.filter(bought.ordered_at >= first, bought.ordered_at <= last)
    keys = ["customer_id", "product_id", "ordered_at"]
    some = bought.semi_join(summary.claims, keys).select(credited="order_id").distinct()
    orders = bought.group_by("order_id").aggregate(
        value=_.revenue.sum().cast("float64"), units=_.quantity.sum().cast("float64")
    )
    orders = orders.left_join(some, [("order_id", "credited")])
    orders = orders.select("value", "units", recommended=orders.credited.notnull()).view()
    sums = orders.group_by("recommended").aggregate(
        orders=_.count(), revenue=_.value.sum(), units=_.units.sum(), value_sd=_.value.std(), units_sd=_.units.std()
    )
    found = sums.execute().set_index("recommended").reindex([True, False])
    found[["orders", "revenue", "units"]] = found[["orders", "revenue", "units"]].fillna(0)
    table = pd.DataFrame({"recommended": ["with", "without"], "orders": found["orders"].astype("int64").to_numpy()})
    table["revenue"] = found["revenue"].to_numpy(float)
    n = table["orders"].where(table["orders"] > 0).to_numpy(float)
    quantile = norm.ppf((1 + confidence) / 2)
    for name, total, sd in (
        ("average_order_value", "revenue", "value_sd"),
        ("units_per_order", "units", "units_sd"),
    ):
        mean, margin = found[total].to_numpy(float) / n, quantile * found[sd].to_numpy(float) / np.sqrt(n)
        table[name], table[f"{name}_low"], table[f"{name}_high"] = mean, mean - margin, mean + margin
    return table
