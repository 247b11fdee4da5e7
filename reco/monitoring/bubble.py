"""Does the shop narrow what customers see? Variety by customer, what exploring earned, and how newcomers get on."""

from typing import Final

import ibis
import pandas as pd
from ibis.expr.types import BooleanValue

from reco.columns import Columns
from reco.errors import InputError
from reco.monitoring.mixes import week_of

#: Standard errors to either side of a mean that hold 95 %.
REACH: Final = 1.959964

#: Days after joining in which a newcomer's steps count.
FUNNEL_DAYS: Final = 28


def variety_of_customers(
    impressions: ibis.Table, products: ibis.Table, end: pd.Timestamp, by: str = "category", least: int = 10
) -> pd.DataFrame:
    """How varied what a customer was shown is, by week: week (0 ends at `end`), customers, entropy, low, high, reach.

    Entropy is Shannon's, in bits, of the values of `by` among the impressions of one customer in one week, the mean
    over customers with at least `least` impressions, with its 95 % interval. Few impressions look less varied than
    they are, so that (values seen - 1) / (2 n ln 2) is added for n impressions (G. Miller, "Note on the bias of
    information estimates", 1955): customers who came less often are not taken for narrower. `reach` is 2 to the mean
    entropy: as many values, all shown equally often, would be as varied.
    """
    kinds = products.select(Columns.PRODUCT, kind=products[by].fill_null("unknown"))
    shown = _weeks(impressions, Columns.SHOWN_AT, end).filter(lambda t: t[Columns.CUSTOMER].notnull())
    cells = shown.inner_join(kinds, Columns.PRODUCT).group_by("week", Columns.CUSTOMER, "kind").aggregate(
        n=ibis._.count().cast("float64")
    )  # fmt: skip
    each = cells.group_by("week", Columns.CUSTOMER).aggregate(
        total=cells.n.sum(), logs=(cells.n * cells.n.log2()).sum(), values=cells.count()
    )
    # -Σ n/N log2(n/N) = log2 N - Σ n log2 n / N
    bits = each.total.log2() - each.logs / each.total + (each["values"] - 1) / (2 * each.total * 0.6931471805599453)
    each = each.filter(each.total >= least).mutate(bits=bits)
    frame = _mean(each, "bits", "entropy").rename(columns={"count": "customers"})
    return frame.assign(reach=2 ** frame["entropy"])


def trend(frame: pd.DataFrame, value: str = "entropy") -> tuple[float, float, float]:
    """Change of `value` a week with the bounds of its 95 % interval, from its `week`, `low` and `high`.

    Least squares, weeks weighing by the precision of their interval; the error is wider where weeks scatter more than
    their intervals say. NaN with fewer than three weeks.

    >>> weeks = pd.DataFrame({"week": [-2, -1, 0], "entropy": [3.0, 2.0, 1.0], "low": 0.9, "high": 1.1})
    >>> [round(bound, 1) for bound in trend(weeks)]
    [-1.0, -1.1, -0.9]
    """
    known = frame.dropna(subset=[value, "low", "high"])
    if len(known) < 3:
        return (float("nan"),) * 3
    error = ((known["high"] - known["low"]) / (2 * REACH)).clip(lower=1e-9)
    weight, week = 1 / error**2, known["week"].astype(float)
    centre = (weight * week).sum() / weight.sum()
    spread = (weight * (week - centre) ** 2).sum()
    slope = (weight * (week - centre) * known[value]).sum() / spread
    level = (weight * known[value]).sum() / weight.sum()
    left = (weight * (known[value] - level - slope * (week - centre)) ** 2).sum() / (len(known) - 2)
    reach = REACH * (max(left, 1.0) / spread) ** 0.5
    return float(slope), float(slope - reach), float(slope + reach)


def exploration(
    impressions: ibis.Table, end: pd.Timestamp, explored: BooleanValue, revenue: str | None = None
) -> pd.DataFrame:
    """What exploring costs and earns, by week: week, kind, impressions, share, ctr, low, high (of CTR), and revenue.

    `explored` says of each impression whether it was shown to learn (`impressions.strategy == "explore"`); the kinds
    are `explored` and `exploited`. The interval of CTR takes customers, not impressions, as what is independent
    (delta method), and is NaN for one customer. With `revenue`, a column of attributed revenue, `per_thousand` is its
    sum per thousand impressions.
    """
    if revenue is not None and revenue not in impressions.columns:
        raise InputError(f"exploration: expected a column {revenue!r} of the impressions")
    table = impressions.mutate(kind=ibis.ifelse(explored.fill_null(False), "explored", "exploited"))
    table = _weeks(table, Columns.SHOWN_AT, end)
    money = table[revenue].cast("float64").fill_null(0.0).sum() if revenue else ibis.literal(0.0)
    clicks = table[Columns.CLICKED].fill_null(False).cast("float64").sum()
    # an impression of nobody known is a customer of its own
    who = ibis.coalesce(table[Columns.CUSTOMER], ibis.literal("?") + table["impression_id"])
    each = table.group_by("week", "kind", who=who).aggregate(n=table.count().cast("float64"), c=clicks, money=money)
    sums = each.group_by("week", "kind").aggregate(
        units=each.count(), impressions=each.n.sum(), clicks=each.c.sum(), money=each.money.sum(),
        nn=(each.n**2).sum(), nc=(each.n * each.c).sum(), cc=(each.c**2).sum(),
    )  # fmt: skip
    frame = sums.execute().sort_values(["week", "kind"], ignore_index=True)
    ctr = frame["clicks"] / frame["impressions"]
    squares = (frame["cc"] - 2 * ctr * frame["nc"] + ctr**2 * frame["nn"]).clip(lower=0)
    units = frame["units"].where(frame["units"] > 1)
    error = (squares * units / (units - 1)) ** 0.5 / frame["impressions"]
    found = frame[["week", "kind", "impressions"]].astype({"impressions": "int64"})
    found["share"] = frame["impressions"] / frame.groupby("week")["impressions"].transform("sum")
    found["ctr"], found["low"] = ctr, (ctr - REACH * error).clip(lower=0)
    found["high"] = (ctr + REACH * error).clip(upper=1)
    return found.assign(per_thousand=1000 * frame["money"] / frame["impressions"]) if revenue else found


def explored(impressions: ibis.Table, share: float) -> BooleanValue:
    """Whether each impression was shown to explore, as far as its propensity tells.

    A place is given with chance `share` to any of m allowed products: its propensity is share / m, but 1 - share more
    for the product that would have been there anyway. Where chance drew just that one, it counts as exploited.
    Unknown propensities count as exploited.
    """
    return (impressions[Columns.PROPENSITY] < 1 - share).fill_null(False)


def newcomers(lines: ibis.Table, impressions: ibis.Table, end: pd.Timestamp, days: int = FUNNEL_DAYS) -> pd.DataFrame:
    """How the customers whose first order fell in a week went on: week, newcomers, shown, clicked, returned, finished.

    Counts of the newcomers who, within `days` of that order and after it, were shown a recommendation; who clicked
    one; who ordered again. `finished` is whether all of a week's newcomers have had these days by `end`; of the others
    the counts still grow. `lines` must be the whole history, or old customers pass for new ones.
    """
    sold = lines.filter(lines[Columns.CUSTOMER].notnull(), lines.quantity > 0, lines.ordered_at < ibis.literal(end))
    first = sold.group_by(Columns.CUSTOMER).aggregate(joined=sold.ordered_at.min())
    first = first.mutate(week=week_of(first.joined, end))
    span = days * 86_400

    def soon(table: ibis.Table, moment: str, flag: str) -> ibis.Table:
        """The newcomers with a row of `table` in time."""
        dated = table.filter(table[Columns.CUSTOMER].notnull(), table[moment] < ibis.literal(end))
        both = dated.select(Columns.CUSTOMER, at=dated[moment]).inner_join(first, Columns.CUSTOMER)
        late = both["at"].epoch_seconds() - both.joined.epoch_seconds()
        within = both.filter(both["at"] > both.joined, late <= span)
        return within.select(Columns.CUSTOMER).distinct().mutate(**{flag: ibis.literal(1)})

    table = first
    for flag, found in {
        "shown": soon(impressions, Columns.SHOWN_AT, "shown"),
        "clicked": soon(impressions.filter(impressions[Columns.CLICKED]), Columns.SHOWN_AT, "clicked"),
        "returned": soon(sold, Columns.ORDERED_AT, "returned"),
    }.items():
        table = table.left_join(found, Columns.CUSTOMER).select(*table.columns, flag)
    counts = {flag: table[flag].fill_null(0).sum() for flag in ("shown", "clicked", "returned")}
    frame = table.group_by("week").aggregate(newcomers=table.count(), **counts).execute()
    frame = frame.sort_values("week", ignore_index=True)
    return frame.assign(finished=(-frame["week"]) * 7 >= days)


def _weeks(table: ibis.Table, column: str, end: pd.Timestamp) -> ibis.Table:
    numbered = table.mutate(week=week_of(table[column], end))
    return numbered.filter(numbered.week <= 0)


def _mean(table: ibis.Table, column: str, name: str) -> pd.DataFrame:
    """Count and mean of a column by week with its normal 95 % interval; NaN bounds for one row."""
    sums = table.group_by("week").aggregate(
        count=table.count(), **{name: table[column].mean()}, error=table[column].std(how="sample")
    )
    frame = sums.execute().sort_values("week", ignore_index=True)
    reach = REACH * frame.pop("error").astype(float) / frame["count"] ** 0.5
    return frame.assign(low=frame[name] - reach, high=frame[name] + reach)
