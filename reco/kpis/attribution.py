"""Which orders recommendations are credited with."""

import ibis


def attribute(impressions: ibis.Table, order_lines: ibis.Table, days: int = 7) -> ibis.Table:
    """Impressions with the orders they are credited with: adds `ordered` (bool) and `revenue` (float64).

    An order line counts for the last click of the same customer on the same product within `days` before it, both
    ends included; of clicks at the same moment, for the lowest impression id. Every line is credited once, so that
    revenue is never counted double. Lines without a known customer, and returns (quantity not above zero), are
    credited to nothing.
    """
    impressions = impressions.drop(*{"ordered", "revenue"}.intersection(impressions.columns))
    clicks = impressions.filter(impressions.clicked, impressions.customer_id.notnull())
    clicks = clicks.select("impression_id", "customer_id", "product_id", "clicked_at")
    lines = order_lines.filter(order_lines.quantity > 0)
    lines = lines.select("customer_id", "product_id", "ordered_at", "revenue")
    lines = lines.mutate(line=ibis.row_number().over(order_by=["ordered_at", "customer_id", "product_id", "revenue"]))
    pairs = clicks.inner_join(lines, ["customer_id", "product_id"])
    pairs = pairs.filter(
        pairs.clicked_at <= pairs.ordered_at, pairs.ordered_at <= pairs.clicked_at + ibis.interval(days=days)
    )
    last = ibis.row_number().over(group_by="line", order_by=[ibis.desc("clicked_at"), ibis.asc("impression_id")])
    credited = pairs.mutate(place=last).filter(lambda pairs: pairs.place == 0)
    credited = credited.group_by("impression_id").aggregate(
        revenue=credited.revenue.sum().cast("float64"), lines=credited.count()
    )
    joined = impressions.left_join(credited, "impression_id")
    return joined.select(
        *impressions.columns,
        ordered=joined.lines.fill_null(0) > 0,
        revenue=joined.revenue.fill_null(0.0),
    )
