"""Features of products: price, margin, stock, sales, returns, how soon they are bought again, and their seasons.

Everything is an Ibis expression on unified tables, as of a moment `end`: later rows do not count. Order lines without
a customer count here too, but for the time to the next purchase.
"""

import ibis
import pandas as pd
from ibis import _

from reco.clock import to_local
from reco.features.common import (
    Tables,
    band,
    beside,
    days_before,
    known_lines,
    lines_before,
    local_day,
    total,
    unified,
    unit_price,
)

#: A category has terciles of its own when so many of its products have a price; the others take the whole shop's.
PRICED_PRODUCTS = 12
#: Intervals from which a median is told.
INTERVALS = 5
#: Days of recent sales: those that stock is held against, and a longer look.
RECENT, LONGER = 28, 90
#: Days of data that make a year; a shop may be closed at both ends of it.
YEAR = 360
#: A season is mixed with so many purchases spread as the level above has them (the shop: evenly).
SMOOTHING = 120
#: Products with fewer purchases take the season of their category.
SEASON_PURCHASES = 50


def products(tables: Tables, end: pd.Timestamp, time_zone: str) -> ibis.Table:
    """Features of every product that the catalogue holds or an order line names, one row each.

    From `products` and `order_lines`; columns as in `reco.features.FEATURES`. Units and revenue are net of returns.
    """
    table = _ids(tables, end)
    catalogue = unified(tables, "products").select(
        "product_id", "stock", "published_at", price=_.price.cast("float64"), cost=_.cost.cast("float64")
    )
    limits = price_limits(tables, end)
    priced = limits.select("product_id", "unit_price", price_band=band(limits.unit_price, limits.lower, limits.upper))
    for part in (catalogue, priced, _sales(tables, end), _repurchase(tables, end, time_zone)):
        table = beside(table, part, "product_id")
    published = ibis.ifelse(table.published_at < end, table.published_at, ibis.null(table.published_at.type()))
    daily = table.units_28_days / RECENT
    has_margin = (table.price > 0) & table.cost.notnull()
    return table.select(
        "product_id",
        "unit_price",
        "price_band",
        margin=ibis.ifelse(has_margin, (table.price - table.cost) / table.price, None),
        product_age_days=days_before(end, ibis.coalesce(published, table.first_sale)),
        stock=table.stock,
        stock_days=ibis.ifelse(daily > 0, table.stock.clip(lower=0) / daily, None),
        units_28_days=table.units_28_days.fill_null(0),
        revenue_28_days=table.revenue_28_days.fill_null(0),
        units_90_days=table.units_90_days.fill_null(0),
        revenue_90_days=table.revenue_90_days.fill_null(0),
        return_rate=table.return_rate,
        repurchase_interval_days=table.repurchase_interval_days,
        repurchase_intervals=table.repurchase_intervals.fill_null(0),
    )


def price_limits(tables: Tables, end: pd.Timestamp) -> ibis.Table:
    """What each product costs and what that is held against: product_id, unit_price, lower, upper.

    Unit price is what customers paid for a unit on average, after discounts; of a product never sold, its list price;
    otherwise null. `lower` and `upper` are the terciles of the unit prices in the product's category when at least
    `PRICED_PRODUCTS` products there have one, else those of the whole shop.
    """
    lines = lines_before(tables, end)
    paid = lines.filter(lines.quantity > 0, lines.revenue > 0)
    paid = paid.group_by("product_id").aggregate(paid=unit_price(total(paid.revenue), paid.quantity.sum()))
    catalogue = unified(tables, "products").select("product_id", "category", price=_.price.cast("float64"))
    table = beside(beside(_ids(tables, end), catalogue, "product_id"), paid, "product_id")
    table = table.select("product_id", "category", unit_price=ibis.coalesce(table.paid, table.price))
    terciles = {"lower": table.unit_price.quantile(1 / 3), "upper": table.unit_price.quantile(2 / 3)}
    shop = table.aggregate(shop_lower=terciles["lower"], shop_upper=terciles["upper"])
    by_category = table.group_by("category").aggregate(**terciles, priced=table.unit_price.count())
    by_category = by_category.filter(by_category.category.notnull(), by_category.priced >= PRICED_PRODUCTS)
    found = beside(table, by_category, "category").cross_join(shop)
    return found.select(
        "product_id",
        "unit_price",
        lower=ibis.coalesce(found.lower, found.shop_lower),
        upper=ibis.coalesce(found.upper, found.shop_upper),
    )


def _ids(tables: Tables, end: pd.Timestamp) -> ibis.Table:
    catalogue, lines = unified(tables, "products"), lines_before(tables, end)
    return ibis.union(catalogue.select("product_id"), lines.select("product_id"), distinct=True)


def _sales(tables: Tables, end: pd.Timestamp) -> ibis.Table:
    """First sale, units and revenue of recent days, and the share of units that came back; one pass over the lines."""
    lines = lines_before(tables, end)
    sold, returned = lines.quantity > 0, lines.quantity < 0
    recent, longer = (lines.ordered_at >= end - pd.Timedelta(days=days) for days in (RECENT, LONGER))
    by_product = lines.group_by("product_id").aggregate(
        first_sale=lines.ordered_at.min(where=sold),
        units_28_days=lines.quantity.sum(where=recent),
        revenue_28_days=total(lines.revenue, recent),
        units_90_days=lines.quantity.sum(where=longer),
        revenue_90_days=total(lines.revenue, longer),
        sold=lines.quantity.sum(where=sold),
        returned=-lines.quantity.sum(where=returned),
    )
    rate = ibis.ifelse(by_product.sold > 0, by_product.returned.fill_null(0) / by_product.sold, None)
    return by_product.mutate(return_rate=rate).drop("sold", "returned")


def _repurchase(tables: Tables, end: pd.Timestamp, time_zone: str) -> ibis.Table:
    """Median days between a customer's successive purchases of a product, purchases of one day being one."""
    lines = known_lines(tables, end)
    bought = lines.filter(lines.quantity > 0)
    days = bought.select("customer_id", "product_id", day=local_day(time_zone, bought.ordered_at)).distinct()
    before = days.day.lag().over(ibis.window(group_by=["customer_id", "product_id"], order_by="day"))
    gaps = days.mutate(gap=days.day.delta(before, unit="day"))
    found = gaps.group_by("product_id").aggregate(median=gaps.gap.median(), repurchase_intervals=gaps.gap.count())
    enough = found.repurchase_intervals >= INTERVALS
    return found.mutate(repurchase_interval_days=ibis.ifelse(enough, found.median.cast("float64"), None)).drop("median")


def seasons(tables: Tables, end: pd.Timestamp, time_zone: str) -> ibis.Table:
    """How each calendar month sells, by category and by product: kind, value, month, season_index, purchases, remark.

    The index is revenue a day in the month over the mean of the twelve months, 1 being even; months of several years
    are one. `value` is the category, or the product id. A category's twelve are mixed with `SMOOTHING` purchases
    spread evenly, a product's with as many spread like its category's; so the twelve average 1. Products with fewer
    than `SEASON_PURCHASES` purchases (lines; returns do not count) are left out: their category's season is theirs.
    With less than a year of order lines there is no telling a season: the index is null, and `remark` says why. What
    came in or went out of sale within the data looks seasonal, too; `product_age_days` tells such products.
    """
    lines = lines_before(tables, end)
    bought = lines.filter(lines.quantity > 0)
    by_product = bought.group_by("product_id", month=to_local(time_zone, bought.ordered_at).month().cast("int64"))
    by_product = by_product.aggregate(revenue=bought.revenue.sum(), purchases=bought.count())
    categories = unified(tables, "products").select("product_id", "category")
    sums = beside(by_product, categories, "product_id")
    months = _calendar(bought, time_zone)
    totals = {"revenue": sums.revenue.sum(), "purchases": sums.purchases.sum()}
    by_category = sums.filter(sums.category.notnull()).group_by(value="category", month="month").aggregate(**totals)
    of_categories = _smoothed(_indexes(by_category, months).mutate(level=ibis.literal(1.0)), "category")
    of_products = _indexes(sums.select("month", "revenue", "purchases", value="product_id"), months)
    of_products = of_products.filter(of_products.purchases >= SEASON_PURCHASES)
    of_products = beside(of_products, categories.rename(value="product_id"), "value")
    above = of_categories.select("month", category="value", level="season_index")
    of_products = of_products.left_join(above, ["category", "month"]).drop("category_right", "month_right")
    return ibis.union(of_categories, _smoothed(of_products.mutate(level=_.level.fill_null(1.0)), "product"))


def _calendar(lines: ibis.Table, time_zone: str) -> ibis.Table:
    """The twelve months with their days from the first to the last order line: month, days, covered (of all months)."""
    local = lines.select(day=to_local(time_zone, lines.ordered_at).truncate("D"))
    span = local.aggregate(first=local.day.min(), last=local.day.max())
    days = span.select(day=ibis.range(span.first, span.last + ibis.interval(days=1), ibis.interval(days=1)).unnest())
    covered = days.group_by(month=days.day.month().cast("int64")).aggregate(days=days.count())
    months = ibis.memtable({"month": list(range(1, 13))}).cast({"month": "int64"})
    table = beside(months, covered, "month").mutate(days=_.days.fill_null(0))
    return table.mutate(covered=table.days.sum().over(ibis.window()))


def _indexes(sums: ibis.Table, months: ibis.Table) -> ibis.Table:
    """Revenue a day over the mean of the twelve months (`raw`), with the purchases of all of them."""
    grid = sums.select("value").distinct().cross_join(months)
    table = grid.left_join(sums, ["value", "month"]).drop("value_right", "month_right")
    table = table.mutate(rate=ibis.ifelse(table.days > 0, table.revenue.cast("float64").fill_null(0) / table.days, 0))
    whole = ibis.window(group_by="value")
    mean = table.rate.mean().over(whole)
    return table.select(
        "value",
        "month",
        "covered",
        raw=ibis.ifelse(mean > 0, table.rate / mean, 1.0),
        purchases=table.purchases.sum().over(whole),
    )


def _smoothed(table: ibis.Table, kind: str) -> ibis.Table:
    """Indexes mixed with those of the level above, null with less than a year of data."""
    mixed = (table.purchases * table.raw + SMOOTHING * table.level) / (table.purchases + SMOOTHING)
    short = table.covered < YEAR
    remark = ibis.literal("less than a year of data: ") + table.covered.cast("string") + " days"
    return table.select(
        "value",
        "month",
        kind=ibis.literal(kind),
        season_index=ibis.ifelse(short, None, mixed),
        purchases=table.purchases,
        remark=ibis.ifelse(short, remark, ibis.null("string")),
    ).select("kind", "value", "month", "season_index", "purchases", "remark")
