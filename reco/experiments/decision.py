"""Ship, keep, continue or stop: what a test ends in, by a rule that was fixed before its data."""

from collections.abc import Mapping, Sequence
from math import ceil, copysign, inf, isfinite
from typing import NamedTuple

import pandas as pd
from scipy.stats import norm

from reco.errors import InputError
from reco.experiments.analysis import Analysis
from reco.experiments.checks import Check
from reco.experiments.metrics import Metric
from reco.experiments.moments import Moments
from reco.experiments.multiplicity import dunnett_level, shared
from reco.experiments.outcomes import Arm, Case, Decision, Progress, Reading
from reco.experiments.sequential import NEVER
from reco.settings import Rule


def decide(
    analysis: Analysis,
    watched: pd.DataFrame | None,
    rule: Rule,
    *,
    metric: Metric,
    control: str,
    progress: Progress,
    reading: Reading | None = None,
    names: Mapping[str, str] | None = None,
    checks: Sequence[Check] = (),
) -> Decision:
    """What a test ends in, by `rule`.

    Args:
        analysis: of everything up to now; its table holds `metric`, its guardrails what must not get worse.
        watched: what `watch` says of `metric` at the same moment, at the rule's confidence; None where the rule looks
            only once, at the end.
        rule: the section `experiments.decision` of the settings.
        metric: the first of the test's metrics, which alone decides.
        control: the arm that is kept unless another ships.
        progress: how far the test is.
        reading: how the metric is read; its name, and more is better, by default.
        names: how readers call the arms.
        checks: further ones besides those of the analysis.

    In this order. A failed check stops the test and no effect is told. Variants that break a guardrail are out, and
    those that are worse at the limits; without any left the control stays, at once where the end has not come. The
    rest must be better at the limits, improve by `rule.worth`, keep every guardrail, and have the minima of days and
    conversions: the best of them by its estimate ships. What is open before the end goes on; at the end, the control
    is kept, or a tie ships where the rule says so. Guardrails are judged at every look at their own level,
    uncorrected: an error there keeps what is in place.

    Raises `InputError` where the analysis knows neither metric nor control, or the looks are missing.
    """
    case = Case(analysis, rule, metric, str(control), progress, reading or Reading(metric.name), dict(names or {}))
    _check(case, watched)
    if failed := _failed(case, checks):
        return case.broken(failed)
    last = None if rule.looks == "fixed" else watched.groupby("variant", sort=False).last()
    end = _end(case, last)
    arms = _arms(case, last, end)
    harmed = [name for name, arm in arms.items() if arm.guard == "harmed"]
    worse = [name for name, arm in arms.items() if arm.verdict == "worse" and name not in harmed]
    out = [*harmed, *worse]
    left = {name: arm for name, arm in arms.items() if name not in out}
    if not left:
        return case.kept("guardrail broken" if harmed else "worse", arms, early=not end.over)
    ahead = {name: arm for name, arm in left.items() if arm.verdict == "better"}
    fit = {name: arm for name, arm in ahead.items() if arm.relative >= rule.worth and arm.guard == "safe"}
    if fit and not end.wait:
        return case.shipped("better", fit, arms, out)
    if end.hopeless:
        return case.kept("too few conversions", arms, early=True)
    if not end.over:
        return case.going_on(ahead, arms, out, end.days_left)
    if ahead:
        unsafe = any(arm.guard != "safe" for arm in ahead.values())
        return case.kept("guardrail not shown to hold" if unsafe else "better by too little", arms)
    even = {name: arm for name, arm in left.items() if arm.relative_low > -rule.tie_margin and arm.guard == "safe"}
    if rule.ties == "ship" and even:
        return case.shipped("tie, and shown to lose little", even, arms, out)
    return case.kept("tie", arms)


class End(NamedTuple):
    """Where a test stands: whether it is over, whether its minima are still missing, and what they take.

    Attributes:
        over: the planned end has come with all that is asked for.
        wait: days until the minima of days and conversions, 0 where they are there.
        days_left: days until all of it; infinite where nobody can tell.
        hopeless: the time is up, or will be, before the minima are there.
    """

    over: bool
    wait: float
    days_left: float
    hopeless: bool


def _end(case: Case, last: pd.DataFrame | None) -> End:
    rule, days = case.rule, case.progress.days
    planned = rule.max_days if rule.looks == "open" else max(case.progress.planned_days, rule.min_days)
    wait = max(0.0, rule.min_days - days)
    if case.progress.conversions:
        fewest = min(case.progress.conversions.values())
        short = rule.min_conversions - fewest
        if short > 0:
            wait = max(wait, ceil(short * days / fewest) if fewest > 0 else inf)
    units = 0.0  # a plan by units may take longer than its days
    if rule.looks == "sequential" and (open_ := last[last["verdict"] == "continue"]).shape[0]:
        units = max(1, ceil(days * (1 / open_["time"].min() - 1)))
    left = max(planned - days, wait, units)
    late = days >= rule.max_days
    return End(
        over=left <= 0 or (late and not wait),
        wait=wait,
        days_left=max(left, 0),
        hopeless=wait > 0 and days >= planned and days + wait > rule.max_days,
    )


def _arms(case: Case, last: pd.DataFrame | None, end: End) -> dict[str, Arm]:
    """What is known of each variant, more being better, at the level of the rule."""
    moments, metric = case.analysis.moments, case.metric
    base = moments[case.control]
    rivals = {name: m for name, m in moments.items() if name != case.control}
    level = None if last is not None else _level(metric, base, rivals, 1 - case.rule.confidence)
    arms = {}
    for name, m in rivals.items():
        limit = norm.isf(level / 2) if last is None else float(last.loc[name, "bound"])
        known = isfinite(limit) and limit < NEVER
        found = metric.compare(m, base, float(1 - 2 * norm.sf(limit)) if known else case.rule.confidence)
        if last is not None:
            verdict = str(last.loc[name, "verdict"])
        elif not end.over:
            verdict, known = "continue", False  # nobody looks before the end
        else:
            verdict = "better" if found.effect_low > 0 else "worse" if found.effect_high < 0 else "tie"
        arms[name] = _turned(found, verdict, known, case.reading.better == "lower", _guard(case.analysis, name))
    return arms


def _turned(found: NamedTuple, verdict: str, known: bool, lower: bool, guard: str) -> Arm:
    """An effect as an improvement; a relative one that is not known lies beyond all limits."""
    sign = -1 if lower else 1
    effect, low, high = found[:3]
    relative, relative_low, relative_high = (value if isfinite(value) else None for value in found[3:6])
    relative = copysign(inf, effect) if relative is None else relative
    relative_low = -inf if relative_low is None else relative_low
    relative_high = inf if relative_high is None else relative_high
    if lower:
        verdict = {"better": "worse", "worse": "better"}.get(verdict, verdict)
        low, high, relative_low, relative_high = high, low, relative_high, relative_low
    if not known:
        low, high, relative_low, relative_high = -sign * inf, sign * inf, -sign * inf, sign * inf
    numbers = (sign * value for value in (effect, low, high, relative, relative_low, relative_high))
    return Arm(verdict, *numbers, guard)


def _level(metric: Metric, base: Moments, rivals: Mapping[str, Moments], alpha: float) -> float:
    """Dunnett's level for each variant; a constant arm is taken as unrelated to the others."""
    variances = [metric.spread(m) / m.n for m in rivals.values()]
    control = metric.spread(base) / base.n
    ties = shared(control, variances) if control > 0 and min(variances) > 0 else [0.0] * len(variances)
    return dunnett_level(alpha, ties)


def _guard(analysis: Analysis, name: str) -> str:
    """`harmed` if any guardrail of a variant is, `safe` if all are."""
    if analysis.guardrails.empty:
        return "safe"
    found = set(analysis.guardrails.loc[analysis.guardrails["variant"] == name, "verdict"])
    return "harmed" if "harmed" in found else "safe" if found <= {"safe"} else "unclear"


def _failed(case: Case, checks: Sequence[Check]) -> list[str]:
    """The failed checks for which nothing that decides can be trusted."""
    further = [check.check for check in checks if not check.passed]
    table, guards = case.rows, case.analysis.guardrails
    doubtful = set(table["verdict"]) | (set() if guards.empty else set(guards["verdict"]))
    if "not trustworthy" not in doubtful:
        return further
    found = case.analysis.checks
    return [*found.loc[~found["passed"].astype(bool), "check"], *further]


def _check(case: Case, watched: pd.DataFrame | None) -> None:
    """Refuse what cannot be decided."""
    rivals = set(case.analysis.moments) - {case.control}
    if case.control not in case.analysis.moments:
        raise InputError(f"control: expected one of {', '.join(case.analysis.moments)}, found {case.control!r}")
    if set(case.rows["variant"]) != rivals:
        known = ", ".join(case.analysis.table["metric"].unique())
        raise InputError(f"metric: expected one of {known}, found {case.metric.name!r}")
    if not case.progress.days > 0:
        raise InputError(f"days: expected a number above 0, found {case.progress.days}")
    if case.rule.looks != "fixed" and (watched is None or set(watched["variant"]) != rivals):
        raise InputError(
            f"watched: expected the looks at {', '.join(sorted(rivals))}, as the rule is {case.rule.looks}"
        )
