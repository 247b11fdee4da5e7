"""From a workbook to what its monitoring reports on: ages of models, what is watched, tuning, seasons."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import ibis
import numpy as np
import pandas as pd

from reco import pipeline
from reco.columns import Columns
from reco.errors import InputError
from reco.evaluation.accuracy import ndcg
from reco.evaluation.bootstrap import Interval, bootstrap, paired_difference
from reco.impressions import Log
from reco.kpis import Summary
from reco.kpis.attribution import PARTS
from reco.models.hybrid import blend
from reco.monitoring import champion, seasonal
from reco.monitoring.drift import WATCHED, Watched, binned
from reco.monitoring.limits import control_limits
from reco.monitoring.mixes import week_of, weekly_mix
from reco.tuning import try_weights
from reco.workbook import Workbook

#: Step of the weights that are tried before Optuna looks closer.
STEP: Final = 0.25

#: Days that a log must have for control limits: four weeks to learn from, one to judge.
LEAST_DAYS: Final = 35

#: Hours of a day that are one kind of visit where orders name no channel.
HOURS: Final = 4


# ages of models


def ndcg_by_user(lists: pd.DataFrame, taken: pd.DataFrame, k: int) -> pd.Series:
    """NDCG@k of each user who took anything, by user_id; without a list it is 0.

    `lists` has user_id, item_id and rank, `taken` user_id and item_id.
    """
    relevant = taken[[Columns.USER, Columns.ITEM]].drop_duplicates()
    counts = relevant.groupby(Columns.USER, observed=True).size()
    top = lists.loc[lists[Columns.RANK] <= k, [Columns.USER, Columns.ITEM, Columns.RANK]]
    found = top.merge(relevant, on=[Columns.USER, Columns.ITEM])
    hit = np.zeros((len(counts), k), bool)
    hit[counts.index.get_indexer(found[Columns.USER]), found[Columns.RANK].to_numpy() - 1] = True
    return pd.Series(ndcg(hit, counts.to_numpy()), counts.index, name="ndcg")


def trainings(wb: Workbook) -> list[pd.Timestamp]:
    """The moments before which hybrids are trained to measure their ageing, the oldest first.

    Every `monitoring.trainings_apart` weeks from the start of the validation weeks to that of the test weeks, these
    two among them, for other notebooks have trained for them.
    """
    when, split = pipeline.periods(wb), wb.settings.split
    local = when.validation.tz_convert(wb.settings.store.time_zone)
    apart = wb.settings.monitoring.trainings_apart
    offsets = {split.validation_weeks, *range(0, split.validation_weeks, apart)}
    return [(local + pd.DateOffset(weeks=weeks)).tz_convert("UTC") for weeks in sorted(offsets)]


def ageing(wb: Workbook, k: int) -> pd.DataFrame:
    """Accuracy of hybrids of several ages by week: trained, week, age_weeks, value (NDCG@k), low, high, customers.

    Each of the `trainings` is judged by every week of the validation and test weeks that it had not seen. Week 0 is
    the latest; a model is 0 weeks old in the week after its training. Weights are the settings', so that nothing was
    tuned on these weeks here. Weeks without purchases are left out.
    """
    when, zone, rows = pipeline.periods(wb), wb.settings.store.time_zone, []
    first, end = (moment.tz_convert(zone) for moment in (when.validation, when.end))
    count = wb.settings.split.validation_weeks + wb.settings.split.test_weeks
    starts = [(first + pd.DateOffset(weeks=number)).tz_convert("UTC") for number in range(count)]
    ends = [*starts[1:], end.tz_convert("UTC")]
    taken = [pipeline.purchases(wb, *span) for span in zip(starts, ends, strict=True)]
    for until in trainings(wb):
        lists, begun = pipeline.candidates(wb, "hybrid", until), starts.index(until)
        for number in range(begun, count):
            if len(taken[number]):
                values = ndcg_by_user(lists, taken[number], k)
                interval = bootstrap(values.to_numpy()[:, None])[:, 0]
                rows.append((until, number - count + 1, number - begun, *interval, len(values)))
    return pd.DataFrame(rows, columns=["trained", "week", "age_weeks", "value", "low", "high", "customers"])


def in_force(wb: Workbook, aged: pd.DataFrame) -> pd.DataFrame:
    """Accuracy by week of the hybrid in force, as `weekly_table` gives its measures: week, measure (`ndcg`), value.

    `aged` is from `ageing`. In force is the one trained before the validation weeks, then the one before the test
    weeks, as in a shop that retrains when these begin.
    """
    when = pipeline.periods(wb)
    first = aged["week"].max() - wb.settings.split.test_weeks + 1
    wanted = np.where(aged["week"] < first, when.validation.value, when.test.value)
    found = aged[aged["trained"].map(lambda moment: moment.value) == wanted]
    return found[["week", "value"]].assign(measure="ndcg")[["week", "measure", "value"]]


def loss_of_age(wb: Workbook, k: int) -> Interval:
    """Share of its NDCG that a hybrid loses by not having been retrained before the test weeks.

    1 - old / fresh over the test weeks, with the paired bootstrap interval of the difference in units of fresh.
    """
    when = pipeline.periods(wb)
    taken = pipeline.purchases(wb, when.test, when.end)
    old, fresh = (
        ndcg_by_user(pipeline.candidates(wb, "hybrid", until), taken, k).to_numpy()
        for until in (when.validation, when.test)
    )
    return Interval(*(bound / (fresh.mean() or float("nan")) for bound in paired_difference(fresh, old)))


def training_seconds(wb: Workbook) -> float:
    """Seconds that training the parts of the hybrid took on the machine that did it last."""
    until = pipeline.periods(wb).test
    return sum(pipeline.trial(wb, model, until)[1]["fit_seconds"] for model in wb.settings.hybrid.parts.values())


# what is watched for drift


def watched(wb: Workbook) -> dict[str, Watched]:
    """What is watched, with the limits of the settings."""
    limits = {"watch": wb.settings.monitoring.drift_watch, "act": wb.settings.monitoring.drift_act}
    return {key: one._replace(**limits) for key, one in WATCHED.items()}


def mixes(wb: Workbook, k: int) -> dict[str, pd.DataFrame]:
    """Weeks x kinds of what is watched: purchases by category, prices paid, traffic and scores.

    Prices are those paid for a piece, in ten equally filled ranges of the weeks before. Traffic is orders by channel
    or, where they name none, by the hours of the day at which they come. Scores are those of the first `k` products
    that the hybrid in force proposes the customers who order in a week: trained before the validation weeks, and
    again before the test weeks.
    """
    when, weeks = pipeline.periods(wb), wb.settings.monitoring.baseline_weeks
    lines = wb.table("order_lines")
    sold = lines.mutate(week=week_of(lines.ordered_at, when.end)).filter(
        lambda t: (t.quantity > 0) & (t.week <= 0) & (t.week >= -weeks)
    )
    price = (sold.revenue.cast("float64") / sold.quantity).name("price")
    prices = wb.connection.to_pandas(sold.select("week", price).filter(lambda t: t.price > 0))
    return {
        "purchases": weekly_mix(lines, wb.table("products"), when.end),
        "prices": binned(prices["price"].to_numpy(), prices["week"].to_numpy(), weeks),
        "traffic": _traffic(wb, sold),
        "scores": _scores(wb, k, weeks),
    }


def _traffic(wb: Workbook, sold: ibis.Table) -> pd.DataFrame:
    orders = sold.distinct(on="order_id", keep="first")
    if orders.channel.notnull().any().execute():
        kind = orders.channel.fill_null("unknown")
        counts = wb.connection.to_pandas(orders.group_by("week", kind=kind).aggregate(n=orders.count()))
    else:
        frame = wb.connection.to_pandas(orders.select("week", "ordered_at"))
        block = frame["ordered_at"].dt.tz_convert(wb.settings.store.time_zone).dt.hour // HOURS
        names = block.map({n: f"{HOURS * n:02d}:00 to {HOURS * n + HOURS:02d}:00" for n in range(24 // HOURS)})
        counts = frame.groupby(["week", names.rename("kind")]).size().rename("n").reset_index()
    wide = counts.pivot(index="week", columns="kind", values="n").fillna(0).sort_index(axis=1)
    first = int(wide.index.min()) if len(wide) else 0
    return wide.reindex(pd.RangeIndex(first, 1, name="week"), fill_value=0.0)


def _scores(wb: Workbook, k: int, weeks: int) -> pd.DataFrame:
    when = pipeline.periods(wb)
    parts, age = [], pd.Timedelta(weeks=1)
    for start, end in ((when.validation, when.test), (when.test, when.end)):
        lists = pipeline.candidates(wb, "hybrid", start)
        lists = lists.loc[lists[Columns.RANK] <= k, [Columns.USER, Columns.SCORE]]
        orders = pipeline.sold(wb).filter(lambda t, a=start, b=end: (t.ordered_at >= a) & (t.ordered_at < b))
        seen = orders.select(user_id="customer_id", week=week_of(orders.ordered_at, when.end)).distinct()
        seen = wb.connection.to_pandas(seen)
        least = int((start - when.end) // age) + 1
        parts.append(lists.merge(seen[seen["week"] >= least], on=Columns.USER))
    shown = pd.concat(parts, ignore_index=True)
    return binned(shown[Columns.SCORE].to_numpy(), shown["week"].to_numpy(), weeks)


# clicks and conversion by day


def rates(wb: Workbook, summary: Summary, false_alarms: float) -> dict[str, pd.DataFrame]:
    """The control limits of CTR and conversion by name; a rate of which too few days are known is left out.

    Conversion leaves out the days whose clicks may still earn credit. `false_alarms` is how many a quarter both
    may bring.
    """
    if "day" not in summary.cube:
        return {}
    daily = summary.by("day")
    daily = daily[daily["day"] != ""]
    over = pipeline.periods(wb).end - pd.Timedelta(days=summary.rule.days)
    finished = daily[daily["day"] < over.tz_convert(summary.zone).strftime("%Y-%m-%d")]
    asked = {"CTR": (daily, "clicks", "impressions"), "Conversion": (finished, "orders", "clicks")}
    return {
        name: control_limits(days, successes=successes, trials=trials, false_alarms=false_alarms)
        for name, (days, successes, trials) in asked.items()
        if len(days) >= LEAST_DAYS
    }


def earned(log: Log, claims: ibis.Table) -> ibis.Table:
    """The impressions of a log with what each was credited with, `net`; `claims` are those of a `Summary`."""
    net = claims.group_by("impression_id").aggregate(net=claims.net.cast("float64").sum() / PARTS)
    return log.impressions.left_join(net, "impression_id").drop("impression_id_right").fill_null({"net": 0.0})


# tuning


class Challenge(NamedTuple):
    """The weights in force beside those that a search found.

    Attributes:
        champion: weights in force, by part.
        challenger: the best weights on the validation weeks.
        tried: how many were tried there.
        trial: the two on the test weeks, which the search never saw.
        evidence: what both were judged on, for the record.
    """

    champion: dict[str, float]
    challenger: dict[str, float]
    tried: int
    trial: champion.Trial
    evidence: dict[str, object]


def challenge(wb: Workbook, k: int, seed: int = 0) -> Challenge:
    """Search better weights of the hybrid on the validation weeks, judge the best beside those in force on the test.

    `monitoring.tuning_trials` is the budget of Optuna, after a coarse grid. Both are judged by NDCG@k on the same
    customers.
    """
    when, hybrid = pipeline.periods(wb), wb.settings.hybrid
    taken = pipeline.purchases(wb, when.validation, when.test)
    trials = wb.settings.monitoring.tuning_trials
    tried = try_weights(pipeline.parts(wb, when.validation), taken, STEP, k, hybrid.scaling, trials, seed)
    weights = {
        "champion": {part: float(hybrid.weights.get(part, 0.0)) for part in hybrid.parts},
        "challenger": {part: float(tried.iloc[0][part]) for part in hybrid.parts},
    }
    lists, bought = pipeline.parts(wb, when.test), pipeline.purchases(wb, when.test, when.end)
    judged = {
        name: ndcg_by_user(blend(lists, one, pipeline.CANDIDATES, hybrid.scaling), bought, k)
        for name, one in weights.items()
    }
    zone = wb.settings.store.time_zone
    days = [moment.tz_convert(zone).strftime("%Y-%m-%d") for moment in (when.validation, when.test, when.end)]
    evidence = {
        "metric": f"NDCG@{k}",
        "tuned_on": f"{days[0]} to {days[1]}",
        "judged_on": f"{days[1]} to {days[2]}",
        "store": wb.settings.store.name,
        "data": wb.fingerprint,
        "tried": len(tried),
    }
    return Challenge(**weights, tried=len(tried), trial=champion.compare(**judged, seed=seed), evidence=evidence)


# seasons


def years_of_history(wb: Workbook) -> float:
    """Years from the first order to the last."""
    lines = wb.table("order_lines")
    span = lines.aggregate(first=lines.ordered_at.min(), last=lines.ordered_at.max()).execute().iloc[0]
    return float((span["last"] - span["first"]) / pd.Timedelta(days=365.25))


def seasonal_gain(wb: Workbook, k: int) -> seasonal.Gain | None:
    """What the season as part of the hybrid's score gains on the test weeks; None where no season is known.

    A season is known where the settings supply indices, or two years of history teach those of the months judged.
    """
    when, zone, hybrid = pipeline.periods(wb), wb.settings.store.time_zone, wb.settings.hybrid
    spans = ((when.validation, when.test), (when.test, when.end))
    months = [(start + (end - start) / 2).tz_convert(zone).month for start, end in spans]
    indices = [pipeline.seasonal_indices(wb, start) for start, _ in spans]
    if not all((index[month] != 1).any() for index, month in zip(indices, months, strict=True)):
        return None
    weeks = [
        seasonal.Weeks(
            blend(pipeline.parts(wb, start), hybrid.weights, pipeline.CANDIDATES, hybrid.scaling),
            pipeline.purchases(wb, start, end), month, index,
        )
        for (start, end), month, index in zip(spans, months, indices, strict=True)
    ]  # fmt: skip
    return seasonal.back_test(*weeks, pipeline.history(wb, when.test).products["category"], k)


def listing(weights: Mapping[str, float]) -> str:
    """Weights as the lines of workbook.yaml that put them in force.

    >>> print(listing({"a": 0.5, "b": 0.5}))
    hybrid:
      weights: {a: 0.5, b: 0.5}
    """
    if not weights:
        raise InputError("weights: expected at least one part")
    inside = ", ".join(f"{part}: {weight:g}" for part, weight in weights.items())
    return f"hybrid:\n  weights: {{{inside}}}"
