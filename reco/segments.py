"""Customer segments by recency, frequency and monetary value."""

import ibis
import pandas as pd

#: Segment of each (recency score, frequency score), both from 1 (low) to 3 (high).
SEGMENTS = {
    (3, 3): "Champions",
    (3, 2): "Regulars",
    (3, 1): "New or occasional",
    (2, 3): "Loyal, cooling",
    (2, 2): "Average",
    (2, 1): "Occasional, cooling",
    (1, 3): "Lost regulars",
    (1, 2): "Lapsed",
    (1, 1): "Lost",
}


def purchase_history(order_lines: ibis.Table) -> ibis.Table:
    """Every customer with order lines: customer_id, last_order (a moment), frequency (orders), monetary (revenue).

    Returns lower what a customer is worth, but are no orders: customers with nothing but returns have none.
    """
    known = order_lines.filter(order_lines.customer_id.notnull())
    return known.group_by("customer_id").aggregate(
        last_order=known.ordered_at.max(where=known.quantity > 0),
        frequency=known.order_id.nunique(where=known.quantity > 0),
        monetary=known.revenue.sum().cast("float64"),
    )


def scored(history: ibis.Table) -> ibis.Table:
    """A purchase history with recency_score, frequency_score and segment, where the data are; see `rfm`."""
    history = history.filter(history.frequency > 0)
    ranked = history.mutate(
        recency_score=ibis.ntile(3).over(ibis.window(order_by=["last_order", "customer_id"])) + 1,
        frequency_score=ibis.ntile(3).over(ibis.window(order_by=["frequency", "customer_id"])) + 1,
    )
    of = [
        ((ranked.recency_score == recency) & (ranked.frequency_score == frequency), name)
        for (recency, frequency), name in SEGMENTS.items()
    ]
    return ranked.mutate(segment=ibis.cases(*of))


def rfm(order_lines: ibis.Table, end: pd.Timestamp) -> pd.DataFrame:
    """Recency (days before `end`), frequency (orders), monetary (revenue) of every known customer, and the segment.

    Returns lower what a customer is worth, but are no orders; customers with nothing but returns are left out.
    Recency and frequency are scored in thirds of the customers, 3 the most recent and most frequent; ties go by
    customer id. See A. Hughes, "Strategic Database Marketing", 1994, on scoring customers by rank.
    """
    by_customer = purchase_history(order_lines)
    frame = by_customer.filter(by_customer.frequency > 0).order_by("customer_id").execute()
    frame["recency"] = (end - frame.pop("last_order")).dt.total_seconds() / 86400
    frame["recency_score"] = _thirds(-frame["recency"])
    frame["frequency_score"] = _thirds(frame["frequency"])
    pairs = zip(frame["recency_score"], frame["frequency_score"], strict=True)
    frame["segment"] = [SEGMENTS[pair] for pair in pairs]
    return frame


def _thirds(values: pd.Series) -> pd.Series:
    """1, 2 or 3 for the lowest, middle and highest third by rank."""
    return (3 * (values.rank(method="first") - 1) // len(values) + 1).astype(int)


def segment_table(customers: pd.DataFrame) -> pd.DataFrame:
    """By segment, largest revenue first: customers, revenue, shares of both, medians of recency and frequency."""
    table = customers.groupby("segment").agg(
        customers=("customer_id", "size"),
        revenue=("monetary", "sum"),
        recency=("recency", "median"),
        frequency=("frequency", "median"),
    )
    table["customer_share"] = table["customers"] / table["customers"].sum()
    table["revenue_share"] = table["revenue"] / table["revenue"].sum()
    return table.sort_values("revenue", ascending=False, kind="stable").reset_index()
