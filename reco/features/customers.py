"""Features of customers: value, lifecycle, taste, habits and engagement.

Everything is an Ibis expression on unified tables, as of a moment `end`: later rows do not count. Returns (lines of
negative quantity) lower money and shares, and are never orders.
"""

from functools import reduce
from typing import Final

import ibis
import pandas as pd
from ibis.expr.types import StringValue

from reco.clock import to_local
from reco.features.common import (
    Tables,
    band,
    beside,
    days_before,
    known_lines,
    local_day,
    top,
    total,
    unified,
    unit_price,
)
from reco.features.products import price_limits
from reco.segments import purchase_history, scored

#: A customer is new for so many days after the first order.
NEW_DAYS: Final = 30
#: Lifecycle stages of those no longer new, by the most of the shop's typical intervals since the last order.
STAGES: Final = {"active": 2, "at_risk": 4}
#: The typical interval of a shop where no one has come back yet, in days.
DEFAULT_INTERVAL: Final = 30
#: Recency bands by their upper limit in days; beyond the last is `over 365 days`.
RECENCY_BANDS: Final = {
    7: "up to 7 days",
    30: "8 to 30 days",
    90: "31 to 90 days",
    180: "91 to 180 days",
    365: "181 to 365 days",
}
#: Days after which a purchase counts half for a customer's taste.
HALF_LIFE: Final = 90
#: Days of engagement that are looked at.
ENGAGED_DAYS: Final = 90
#: What an act of engagement is worth, in points.
POINTS: Final = {"open": 1.0, "click": 3.0, "session": 2.0, "view": 0.5}
#: Points that make an engagement score of one half.
HALF_SCORE: Final = 10.0
#: Names of acts in `engagement.event`. Those of machines (`machine_opened`, `machine_clicked`) never count.
MAIL_ACTS: Final = {"open": "opened", "click": "clicked"}


def customers(tables: Tables, end: pd.Timestamp, time_zone: str) -> ibis.Table:
    """Features of every customer with order lines or events, one row each; columns as in `reco.features.FEATURES`.

    From `order_lines` and, where the store has them, `products`, `events`, `engagement` and `impressions`; what has
    no source is null.
    """
    known, events = known_lines(tables, end), _events(tables, end)
    table = ibis.union(known.select("customer_id"), events.select("customer_id"), distinct=True)
    visits = _visits(known, events, time_zone)
    parts = (
        _value(known, end, time_zone),
        _price_band(tables, end),
        _favourites(affinities(tables, end, time_zone)),
        _preferred_channel(visits),
        _preferred_hour(visits),
        _points(tables, end, time_zone),
    )
    table = reduce(lambda left, part: beside(left, part, "customer_id"), parts, table)
    points = table.points.fill_null(0) if {"events", "engagement", "impressions"} & set(tables) else table.points
    return table.select(
        "customer_id",
        "recency_days",
        frequency=table.frequency.fill_null(0),
        monetary=table.monetary.fill_null(0),
        recency_score=table.recency_score,
        frequency_score=table.frequency_score,
        segment=table.segment,
        lifecycle_stage=table.lifecycle_stage.fill_null("prospect"),
        recency_band=table.recency_band,
        price_band=table.price_band,
        top_category=table.top_category,
        top_brand=table.top_brand,
        preferred_channel=table.preferred_channel,
        preferred_hour=table.preferred_hour,
        engagement_score=points / (points + HALF_SCORE),
        basket_items=table.basket_items,
        basket_products=table.basket_products,
        basket_value=table.basket_value,
    )


def affinities(tables: Tables, end: pd.Timestamp, time_zone: str) -> ibis.Table:
    """What each customer spends on: customer_id, kind (`category` or `brand`), value, share, rank.

    A purchase counts half as much for every `HALF_LIFE` days of age. Shares are of what the customer spent on
    products whose category (or brand) is known, and add up to 1; values of which as much or more was returned are
    left out. Rank 1 is the largest share; ties go by name. The time zone does not matter.
    """
    lines = known_lines(tables, end)
    weight = ibis.literal(0.5) ** (days_before(end, lines.ordered_at) / HALF_LIFE)
    by_product = lines.group_by("customer_id", "product_id").aggregate(
        spent=(lines.revenue.cast("float64") * weight).sum()
    )
    described = by_product.join(unified(tables, "products").select("product_id", "category", "brand"), "product_id")
    kinds = [
        described.select("customer_id", "spent", kind=ibis.literal(kind), value=kind) for kind in ("category", "brand")
    ]
    long = ibis.union(*kinds)
    long = long.filter(long.value.notnull()).group_by("customer_id", "kind", "value").aggregate(spent=long.spent.sum())
    long = long.filter(long.spent > 0)
    share = long.spent / long.spent.sum().over(ibis.window(group_by=["customer_id", "kind"]))
    shares = long.select("customer_id", "kind", "value", share=share)
    # what differs by the order of adding up alone is equal
    return top(shares, ["customer_id", "kind"], [shares.share.round(9).desc(), shares.value.asc()])


def typical_interval(known: ibis.Table, time_zone: str) -> ibis.Table:
    """The shop's typical days between purchases, as one row of `interval`.

    It is the median, over customers who bought on more than one day, of a customer's mean days between days of
    purchase; each customer counts once, however often they come. Without such customers it is `DEFAULT_INTERVAL`.
    """
    bought = known.filter(known.quantity > 0)
    days = bought.select("customer_id", day=local_day(time_zone, bought.ordered_at)).distinct()
    span = days.group_by("customer_id").aggregate(first=days.day.min(), last=days.day.max(), days=days.count())
    again = span.filter(span.days > 1)
    mean = again.last.delta(again.first, unit="day") / (again.days - 1)
    return again.aggregate(interval=mean.median().fill_null(DEFAULT_INTERVAL))


def recency_band(days: ibis.Value) -> StringValue:
    """The band of `RECENCY_BANDS` that days since the last order fall in; null without an order."""
    bands = [(days <= limit, name) for limit, name in RECENCY_BANDS.items()]
    return ibis.cases(*bands, (days.notnull(), f"over {max(RECENCY_BANDS)} days"))


def _value(known: ibis.Table, end: pd.Timestamp, time_zone: str) -> ibis.Table:
    """Recency, frequency, money and segment; lifecycle stage; size of the mean basket."""
    history = purchase_history(known)
    scores = scored(history).select("customer_id", "recency_score", "frequency_score", "segment")
    table = beside(beside(history, scores, "customer_id"), _baskets(known), "customer_id")
    table = table.cross_join(typical_interval(known, time_zone))
    recency = days_before(end, table.last_order)
    stages = [(recency <= limit * table.interval, stage) for stage, limit in STAGES.items()]
    new = days_before(end, table.first_order) <= NEW_DAYS
    return table.mutate(
        recency_days=recency,
        recency_band=recency_band(recency),
        lifecycle_stage=ibis.cases((new, "new"), *stages, (recency.notnull(), "lapsed")),
    ).drop("last_order", "first_order", "interval")


def _baskets(known: ibis.Table) -> ibis.Table:
    """By customer: first order, and means over orders of units, products and money."""
    bought = known.filter(known.quantity > 0)
    orders = bought.group_by("customer_id", "order_id").aggregate(
        ordered_at=bought.ordered_at.min(),
        items=bought.quantity.sum(),
        products=bought.product_id.nunique(),
        value=total(bought.revenue),
    )
    return orders.group_by("customer_id").aggregate(
        first_order=orders.ordered_at.min(),
        basket_items=orders.items.mean(),
        basket_products=orders.products.mean(),
        basket_value=orders.value.mean(),
    )


def _price_band(tables: Tables, end: pd.Timestamp) -> ibis.Table:
    """Band of the customer's median purchase: each is held against the terciles of its own category."""
    lines = known_lines(tables, end)
    paid = lines.filter(lines.quantity > 0, lines.revenue > 0).join(price_limits(tables, end), "product_id")
    placed = paid.select("customer_id", band=band(unit_price(paid.revenue, paid.quantity), paid.lower, paid.upper))
    counts = placed.group_by("customer_id").aggregate(
        low=(placed.band == "budget").sum(), high=(placed.band == "premium").sum(), all=placed.count()
    )
    # the median of budget < mid < premium, without sorting: a half on each side is mid
    median = ibis.cases((2 * counts.low > counts["all"], "budget"), (2 * counts.high > counts["all"], "premium"))
    return counts.select("customer_id", price_band=median.fill_null("mid"))


def _favourites(taste: ibis.Table) -> ibis.Table:
    """The first of each customer's affinities: customer_id, top_category, top_brand."""
    first = taste.filter(taste["rank"] == 1)
    tops = {f"top_{kind}": first.value.max(where=first.kind == kind) for kind in ("category", "brand")}
    return first.group_by("customer_id").aggregate(**tops)


def _events(tables: Tables, end: pd.Timestamp) -> ibis.Table:
    events = unified(tables, "events")
    return events.filter(events.customer_id.notnull(), events.occurred_at < end)


def _visits(known: ibis.Table, events: ibis.Table, time_zone: str) -> ibis.Table:
    """Orders, and hours with events of one source: customer_id, channel, hour (0-23, the shop's time), visits."""
    bought = known.filter(known.quantity > 0)
    orders = bought.group_by("customer_id", "order_id").aggregate(
        channel=bought.channel.min(), hour=to_local(time_zone, bought.ordered_at.min()).hour()
    )
    hours = events.select(
        "customer_id", channel="source", moment=to_local(time_zone, events.occurred_at).truncate("h")
    ).distinct()
    visits = ibis.union(
        orders.select("customer_id", "channel", "hour"),
        hours.select("customer_id", "channel", hour=hours.moment.hour()),
    )
    return visits.group_by("customer_id", "channel", hour=visits.hour.cast("int64")).aggregate(visits=visits.count())


def _preferred_channel(visits: ibis.Table) -> ibis.Table:
    named = visits.filter(visits.channel.notnull())
    sums = named.group_by("customer_id", "channel").aggregate(visits=named.visits.sum())
    ranked = top(sums, "customer_id", [sums.visits.desc(), sums.channel.asc()])
    return ranked.filter(ranked["rank"] == 1).select("customer_id", preferred_channel="channel")


def _preferred_hour(visits: ibis.Table) -> ibis.Table:
    """The hour with most visits, those of the hours before and after counting half; 23 and 0 are neighbours."""
    spread = visits.select("customer_id", "hour", "visits", step=ibis.array([-1, 0, 1]).unnest())
    spread = spread.select(
        "customer_id",
        hour=(spread.hour + spread.step + 24) % 24,
        weight=spread.visits * ibis.ifelse(spread.step == 0, 2, 1),
    )
    sums = spread.group_by("customer_id", "hour").aggregate(weight=spread.weight.sum())
    ranked = top(sums, "customer_id", [sums.weight.desc(), sums.hour.asc()])
    return ranked.filter(ranked["rank"] == 1).select("customer_id", preferred_hour="hour")


def _points(tables: Tables, end: pd.Timestamp, time_zone: str) -> ibis.Table:
    """Points for the acts of the last days: customer_id, points."""
    start = end - pd.Timedelta(days=ENGAGED_DAYS)
    events, mail, shown = (unified(tables, name) for name in ("events", "engagement", "impressions"))
    events = events.filter(events.occurred_at >= start, events.occurred_at < end)
    mail = mail.filter(mail.occurred_at >= start, mail.occurred_at < end)
    clicked_at = ibis.coalesce(shown.clicked_at, shown.shown_at)
    # what was simulated is nobody's engagement
    clicks = shown.filter(shown.clicked, ~shown.simulated.fill_null(False), clicked_at >= start, clicked_at < end)
    session = ibis.coalesce(events.session_id, local_day(time_zone, events.occurred_at).cast("string"))
    views = (events.event == "view").sum() * POINTS["view"]
    of_mail = ((mail.event == name).sum() * POINTS[act] for act, name in MAIL_ACTS.items())
    acts = ibis.union(
        events.group_by("customer_id").aggregate(points=views + session.nunique() * POINTS["session"]),
        mail.group_by("customer_id").aggregate(points=sum(of_mail)),
        clicks.group_by("customer_id").aggregate(points=clicks.count() * POINTS["click"]),
    )
    return acts.filter(acts.customer_id.notnull()).group_by("customer_id").aggregate(points=acts.points.sum())
