"""What visitors do on the way to an order, and whether what was recorded of it is whole and recent."""

from collections.abc import Mapping
from typing import Final

import ibis
import numpy as np
import pandas as pd
from ibis import _
from statsmodels.stats.proportion import proportion_confint

from reco.clock import to_local

#: Steps to an order, as `events.event` names them.
STEPS: Final = ("view", "add_to_cart", "begin_checkout", "purchase")
#: An order belongs to the visit of the customer's last step within so many days before.
ORDER_WITHIN_DAYS: Final = 1
#: A weekday is one on which the shop works when it has rows in such a share of the weeks that have any.
USUAL: Final = 0.5
#: Column that dates the rows of tables that keep growing.
MOMENTS: Final = {
    "order_lines": "ordered_at",
    "events": "occurred_at",
    "engagement": "occurred_at",
    "impressions": "shown_at",
}


def funnel(events: ibis.Table, order_lines: ibis.Table | None = None, time_zone: str = "UTC") -> pd.DataFrame:
    """How many visits reach each of `STEPS`, one after the other: step, visitors, rate, rate_low, rate_high.

    A visit is a session where its id is known, else a customer's day; events of neither are nobody's visit. It
    reaches a step with an event of that name at or after its first reaching the step before. An order is a purchase
    in the visit of the customer's last step within `ORDER_WITHIN_DAYS` before. Rates are of the visits that reached
    the step before, with 95 % Wilson intervals. Of a step that nothing tells of, all is null, and the next is
    measured from the one before it.
    """
    steps = _steps(events, time_zone)
    if order_lines is not None:
        steps = ibis.union(steps, _orders(steps, order_lines))
    recorded = set(steps.select("step").distinct().execute()["step"])
    known = [step for step in STEPS if step in recorded]
    since = None
    for step in known:  # each step adds the moment at which its visit reached it
        here = steps.step == step if since is None else (steps.step == step) & (steps.moment >= steps[since])
        steps = steps.mutate(steps.moment.min(where=here).over(ibis.window(group_by="visit")).name(step))
        since = step
    reached = [steps.visit.nunique(where=steps[step].notnull()).name(step) for step in known]
    counts = steps.aggregate(reached).execute().iloc[0] if known else pd.Series(dtype="int64")
    return _rates(counts.reindex(STEPS).astype("Int64"))


def _steps(events: ibis.Table, time_zone: str) -> ibis.Table:
    """Events that are steps: customer_id, visit, step, moment."""
    day = to_local(time_zone, events.occurred_at).date().cast("string")
    visit = ibis.coalesce(ibis.literal("session ") + events.session_id, day + " " + events.customer_id)
    steps = events.filter(events.event.isin(STEPS), visit.notnull())
    return steps.select("customer_id", visit=visit, step="event", moment="occurred_at")


def _orders(steps: ibis.Table, order_lines: ibis.Table) -> ibis.Table:
    """Orders as purchases in the visit that led to them, for those that have one."""
    bought = order_lines.filter(order_lines.quantity > 0, order_lines.customer_id.notnull())
    orders = bought.group_by("customer_id", "order_id").aggregate(moment=bought.ordered_at.min())
    empty = {name: ibis.null(steps[name].type()) for name in ("visit", "step")}
    both = ibis.union(
        steps.semi_join(orders, "customer_id").mutate(at=_.moment),
        orders.select("customer_id", **empty, moment="moment").mutate(at=ibis.null(orders.moment.type())),
    )
    # at the same moment the event comes first; each opens a run, which the orders up to the next one belong to
    order = [both.moment, both.step.isnull(), both.visit]
    runs = both.mutate(run=both.step.count().over(ibis.window(group_by="customer_id", order_by=order, rows=(None, 0))))
    run = ibis.window(group_by=["customer_id", "run"])
    led = runs.mutate(visit=runs.visit.max().over(run), at=runs["at"].max().over(run))
    limit = led["at"] + ibis.interval(days=ORDER_WITHIN_DAYS)
    led = led.filter(led.step.isnull(), led.visit.notnull(), led.moment <= limit)
    return led.select("customer_id", "visit", step=ibis.literal("purchase"), moment=led.moment)


def _rates(counts: pd.Series) -> pd.DataFrame:
    previous = counts.ffill().shift()
    frame = pd.DataFrame({"step": STEPS, "visitors": counts.to_numpy(), "rate": np.nan})
    frame[["rate_low", "rate_high"]] = np.nan
    measured = (counts.notna() & previous.fillna(0).gt(0)).to_numpy()
    done, tried = (series[measured].to_numpy(dtype=float) for series in (counts, previous))
    frame.loc[measured, "rate"] = done / tried
    low, high = proportion_confint(done, tried, method="wilson")
    frame.loc[measured, "rate_low"], frame.loc[measured, "rate_high"] = low, high
    return frame


def gaps(table: ibis.Table, moment: str, time_zone: str) -> pd.DataFrame:
    """Runs of days without any row between the first and the last day: start, end (days), days (how many lack).

    Days are the shop's own. Only days count whose weekday usually has rows (see `USUAL`), so that a shop closed on
    Sundays has no gaps; a run goes on over the others. A shop with rows on few days has no usual weekday, and no gaps.
    """
    dated = table.filter(table[moment].notnull())
    found = dated.select(day=to_local(time_zone, dated[moment]).truncate("D")).distinct().order_by("day").execute()
    nothing = pd.DataFrame({"start": found["day"][:0], "end": found["day"][:0], "days": pd.Series(dtype="int64")})
    if found.empty:
        return nothing
    has = pd.Series(True, index=pd.DatetimeIndex(found["day"])).asfreq("D", fill_value=False)
    usual = _usual(has)
    has = has[usual[has.index.day_of_week].to_numpy()]
    lacking = has.index[~has.to_numpy()]
    if lacking.empty:
        return nothing
    run = has.cumsum()[~has].to_numpy()
    days = pd.DataFrame({"day": lacking, "run": run})
    runs = days.groupby("run")["day"].agg(start="min", end="max", days="size")
    return runs.reset_index(drop=True)


def _usual(has: pd.Series) -> pd.Series:
    """Whether the shop usually works on each weekday (0 is Monday); weeks without any row tell nothing."""
    week = has.index.to_period("W")
    active = has.groupby(week).transform("any")
    share = has[active].groupby(has.index[active].day_of_week).mean()
    return share.reindex(range(7), fill_value=0).ge(USUAL)


def freshness(tables: Mapping[str, ibis.Table], now: pd.Timestamp) -> pd.DataFrame:
    """How old the newest row of each source is: source, table, newest (a moment), age_days; the oldest first.

    Looks at tables that keep growing (`MOMENTS`). A negative age is a row dated after `now`.
    """
    newest = [
        tables[name].group_by("source").aggregate(newest=tables[name][moment].max()).execute().assign(table=name)
        for name, moment in MOMENTS.items()
        if name in tables
    ]
    if not newest:
        return pd.DataFrame(columns=["source", "table", "newest", "age_days"])
    frame = pd.concat(newest, ignore_index=True)[["source", "table", "newest"]]
    frame["newest"] = pd.to_datetime(frame["newest"], utc=True)  # Spark tells instants without their zone
    frame["age_days"] = (now - frame["newest"]).dt.total_seconds() / 86400
    return frame.sort_values(["age_days", "source", "table"], ascending=[False, True, True], ignore_index=True)
