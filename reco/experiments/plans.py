"""The tests of the settings, ready to run: how large and long each must be, who is in it, and what it ends in."""

from collections.abc import Mapping
from itertools import combinations
from typing import Final, NamedTuple

import ibis
import pandas as pd

from reco.errors import InputError, MissingTableError
from reco.experiments import assignment
from reco.experiments.analysis import Analysis
from reco.experiments.checks import as_frame
from reco.experiments.decision import decide as decide_by
from reco.experiments.design import Plan, Spread, plan, unit_sd
from reco.experiments.inputs import read
from reco.experiments.metrics import Mean, Metric, Rate, Ratio
from reco.experiments.moments import Moments
from reco.experiments.outcomes import Decision, Progress, Reading
from reco.experiments.sequential import METHODS, watch
from reco.impressions import Log, read_log
from reco.kpis import attribute
from reco.settings import Experiments, Goal, PlannedTest, Rule, Settings
from reco.workbook import Workbook

COLUMNS: Final = (
    "test", "title", "arms", "metric", "basis", "baseline", "sd", "lift", "units_per_arm", "total", "daily_units",
    "days", "decided_by", "possible", "first_days_find", "detectable", "chance", "alpha", "correction", "limits",
)  # fmt: skip


class Seen(NamedTuple):
    """What a store's log tells of the customers of one context, in as many days as any test must have.

    Attributes:
        units: one row a customer: impressions, clicks, slates, sessions (days with an impression), ordered (whether
            a recommended product was bought after a click), revenue (of all their orders in those days).
        sums: over those customers, of all that the metrics of the settings need and the log holds.
        days: length.
        simulated: whether shoppers were simulated.
    """

    units: ibis.Table
    sums: Moments
    days: float
    simulated: bool

    def knows(self, metric: Metric) -> bool:
        """Whether the log holds a metric, and enough of it for a baseline."""
        m = self.sums
        held = set(metric.parts) <= set(m.parts)
        return held and m.n > 1 and metric.varies(m) and metric.values(m, m)[0] > 0


def as_metric(goal: Goal) -> Metric:
    """The metric that a goal of the settings stands for; money may be below zero, as with returns."""
    signed = goal.counts == "money"
    if goal.any is not None:
        return Rate(goal.any)
    return Mean(goal.total, signed=signed) if goal.per is None else Ratio(goal.total, goal.per, signed=signed)


def metrics(settings: Settings, test: str) -> list[Metric]:
    """The metrics of a test in their order, for `analyze`; the first decides."""
    section, planned = _find(settings, test)
    return [as_metric(section.metrics[name]) for name in planned.metrics]


def guardrails(settings: Settings, test: str) -> dict[Metric, float]:
    """The guardrails of a test with their margins, for `analyze`."""
    section, planned = _find(settings, test)
    return {as_metric(section.metrics[name]): margin for name, margin in planned.guardrails.items()}


def rule(settings: Settings, test: str) -> Rule:
    """The rule of decision, with the test's own minima where it has some."""
    section, planned = _find(settings, test)
    own = {key: getattr(planned, key) for key in ("min_days", "min_conversions") if getattr(planned, key) is not None}
    return section.decision.model_copy(update=own)


def reading(settings: Settings, test: str) -> Reading:
    """How the metric that decides a test is read."""
    section, planned = _find(settings, test)
    goal = section.metrics[planned.metrics[0]]
    lift, power, correction = planned.lift, planned.power, planned.correction
    return Reading(goal.title, goal.better, goal.counts, settings.store.currency, lift, power, correction)


def look(
    settings: Settings, test: str, cumulated: Mapping[str, Mapping[object, Moments]], planned: int
) -> pd.DataFrame | None:
    """What `watch` says of the metric that decides, as the rule looks; None where it looks once, at the end.

    `cumulated` holds by arm and day the moments of everything up to then, `planned` is the number of days.
    """
    _, found = _find(settings, test)
    held = rule(settings, test)
    if held.looks == "fixed":
        return None
    return watch(
        cumulated,
        metrics(settings, test)[0],
        control=found.control,
        planned=planned,
        method=METHODS[held.looks],
        confidence=held.confidence,
    )


def progress(
    settings: Settings, test: str, moments: Mapping[str, Moments], days: float, planned_days: float
) -> Progress:
    """How far a test is; conversions are those of the rule's metric, where the moments hold it."""
    name = rule(settings, test).conversions
    part = None if name is None else as_metric(_section(settings).metrics[name]).parts[0]
    counted = part is not None and all(part in m.parts for m in moments.values())
    return Progress(days, planned_days, {arm: m.total(part) for arm, m in moments.items()} if counted else None)


def decide(
    settings: Settings, test: str, analysis: Analysis, watched: pd.DataFrame | None, progress: Progress
) -> Decision:
    """What a test of the settings ends in: `decision.decide` with its metric, control, names and rule."""
    _, planned = _find(settings, test)
    return decide_by(
        analysis,
        watched,
        rule(settings, test),
        metric=metrics(settings, test)[0],
        control=planned.control,
        progress=progress,
        reading=reading(settings, test),
        names={key: arm.name for key, arm in planned.arms.items()},
    )


def assign(settings: Settings, test: str, units: pd.Series, day: int | None = None) -> pd.Series:
    """The arm of each unit in a test of the settings, missing where it is not in the test.

    `day`, 0 on the first, looks up how many may enter so far; None is after the ramp-up. Raising it moves no unit.
    """
    section, planned = _find(settings, test)
    return assignment.assign(
        units,
        planned.salt or test,
        planned.shares,
        layer=planned.layer,
        slot=planned.slot,
        ramp=ramp_at(planned.ramp_up, day),
        holdout=section.holdout,
    )


def ramp_at(ramp_up: Mapping[int, float], day: int | None) -> float:
    """Share of units that may enter on a day.

    >>> [ramp_at({0: 0.1, 2: 1.0}, day) for day in (0, 1, 2, 9, None)]
    [0.1, 0.1, 1.0, 1.0, 1.0]
    """
    if day is not None and day < 0:
        raise InputError(f"day: expected 0 or later, found {day}")
    begun = [start for start in ramp_up if day is None or start <= day]
    return float(ramp_up[max(begun)]) if begun else 1.0


def independence(settings: Settings, units: pd.Series) -> pd.DataFrame:
    """A check for every two tests of the settings that the arms of one have nothing to do with those of the other."""
    arms = {test: assign(settings, test, units) for test in _section(settings).tests}
    found = [
        assignment.independent(arms[one], arms[other])._replace(check=f"independent: {one}, {other}")
        for one, other in combinations(arms, 2)
    ]
    return as_frame(found)


def behaviour(wb: Workbook, context: str | None, days: int = 14) -> Seen | None:
    """What the store's log tells of the customers of a context, all where it is None; None without such a log.

    The last `days` whose clicks have had the time that orders are credited for.
    """
    try:
        log = read_log(wb)
    except MissingTableError:
        return None
    credit = wb.settings.kpis.attribution_days
    seen = log.impressions.filter(log.impressions.customer_id.notnull())
    if context is not None:
        seen = seen.filter(seen.context == context)
    span = seen.aggregate(first=seen.shown_at.min(), last=seen.shown_at.max()).execute()
    first, last = span["first"][0], span["last"][0]
    if pd.isna(first):
        return None
    end = max(last - pd.Timedelta(days=credit), first + (last - first) / 2)
    start = max(end - pd.Timedelta(days=days), first)
    length = max((end - start) / pd.Timedelta(days=1), 1.0)
    units = _per_unit(log, seen, start, end, credit)
    held = [as_metric(goal) for goal in _section(wb.settings).metrics.values()]
    held = [metric for metric in held if {part.column for part in metric.parts if part.column} <= set(units.columns)]
    one = units.mutate(variant=ibis.literal("all"))
    found = read(one, held or [Rate("ordered")], variant="variant", unit=None).moments
    return Seen(units, found["all"], length, log.simulated) if found else None


def ready(source: Workbook | Settings, every: bool = False) -> pd.DataFrame:
    """The tests of the settings, one row a test: how large and long, and what decides it.

    With a workbook, baseline, spread and traffic are those of the store's log where it holds the metric (`basis`
    says `measured` or `measured, simulated`), else, and with settings alone, those assumed in the settings
    (`assumed`). `every` gives a row for each metric of a test in its order, else the first.

    Columns: see `COLUMNS`; `lift` is the smallest relative change worth finding, `detectable` what the least number
    of conversions finds, `chance` that they find `lift`, `first_days_find` what the least number of days finds,
    `possible` whether the test ends within the days allowed.
    """
    settings = source if isinstance(source, Settings) else source.settings
    section, rows, known = _section(settings), [], {}
    for test, planned in section.tests.items():
        seen = None
        if isinstance(source, Workbook):
            key = (planned.context, rule(settings, test).min_days)
            seen = known.setdefault(key, None) if key in known else known.setdefault(key, behaviour(source, *key))
        for name in planned.metrics if every else planned.metrics[:1]:
            rows.append(_row(settings, test, name, seen))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(settings: Settings, test: str, name: str, seen: Seen | None) -> dict[str, object]:
    """The plan of one metric of a test."""
    section, planned = _find(settings, test)
    goal, held = section.metrics[name], rule(settings, test)
    first = name == planned.metrics[0]
    baseline, sd, basis = _basis(goal, seen)
    if first and planned.baseline is not None:
        baseline, sd, basis = planned.baseline, planned.sd or sd, "assumed"
    elif first and planned.sd is not None:
        sd = planned.sd
    if baseline is None or (goal.any is None and sd is None):
        key = f"experiments.metrics.{name}"
        raise InputError(f"{settings.file.name}: {key}: expected a baseline and an sd, since no log tells them")
    share = (planned.slot[1] - planned.slot[0]) * (1 - section.holdout)
    daily = planned.daily_units or share * _traffic(section, seen)
    shares = [planned.shares[planned.control], *(s for arm, s in planned.shares.items() if arm != planned.control)]
    found: Plan = plan(
        baseline,
        planned.lift,
        planned.power,
        len(shares),
        daily,
        1 - held.confidence,
        sd=sd,
        shares=shares,
        correction=planned.correction,
        conversion_rate=_conversions(section, seen),
        min_days=held.min_days,
        min_conversions=held.min_conversions,
    )
    spread = Spread(baseline, sd, min(shares[1:]) / shares[0], found.alpha)
    return found._asdict() | {
        "test": test,
        "title": planned.title,
        "arms": "; ".join(f"{key}: {arm.name}" for key, arm in planned.arms.items()),
        "metric": goal.title,
        "basis": basis,
        "baseline": baseline,
        "sd": sd,
        "lift": planned.lift,
        "daily_units": daily,
        "possible": found.days <= held.max_days,
        "first_days_find": spread.mde(daily * held.min_days * shares[0], planned.power),
        "limits": found.limits,
    }


def _basis(goal: Goal, seen: Seen | None) -> tuple[float | None, float | None, str]:
    """Baseline, sd and where they come from."""
    metric = as_metric(goal)
    if seen is None or not seen.knows(metric):
        return goal.baseline, goal.sd, "assumed"
    sd = None if isinstance(metric, Rate) else unit_sd(metric, seen.sums)
    return metric.values(seen.sums, seen.sums)[0], sd, "measured, simulated" if seen.simulated else "measured"


def _traffic(section: Experiments, seen: Seen | None) -> float:
    """Units that come by each day."""
    return section.daily_units if seen is None else seen.sums.n / seen.days


def _conversions(section: Experiments, seen: Seen | None) -> float | None:
    """Conversions per unit: measured where the log holds them."""
    name = section.decision.conversions
    return None if name is None else _basis(section.metrics[name], seen)[0]


def _per_unit(log: Log, seen: ibis.Table, start: pd.Timestamp, end: pd.Timestamp, credit: int) -> ibis.Table:
    """One row a customer who saw something after `start` and up to `end`."""
    credited = attribute(seen.filter(seen.shown_at > start, seen.shown_at <= end), log.order_lines, credit)
    units = credited.group_by("customer_id").aggregate(
        impressions=credited.count(),
        clicks=credited.clicked.cast("int64").sum(),
        slates=credited.slate_id.nunique(),
        sessions=credited.shown_at.date().nunique(),
        ordered=credited.ordered.any(),
    )
    lines = log.order_lines
    lines = lines.filter(lines.customer_id.notnull(), lines.ordered_at > start, lines.ordered_at <= end)
    paid = lines.group_by("customer_id").aggregate(revenue=lines.revenue.cast("float64").sum())
    joined = units.left_join(paid, "customer_id")
    return joined.select(*units.columns, revenue=joined.revenue.fill_null(0.0))


def _section(settings: Settings) -> Experiments:
    if settings.experiments is None:
        raise InputError(f"{settings.file.name} has no section `experiments` to find tests in")
    return settings.experiments


def _find(settings: Settings, test: str) -> tuple[Experiments, PlannedTest]:
    section = _section(settings)
    if test not in section.tests:
        raise InputError(f"no test {test!r}; expected one of {', '.join(section.tests) or 'none'}")
    return section, section.tests[test]
