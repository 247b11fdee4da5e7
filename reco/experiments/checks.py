"""Checks that come before any result: a failed one replaces the verdict."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from reco.errors import InputError
from reco.experiments.means import Effect

#: A sample ratio this unlikely is an alarm. At 0.001 even fourteen daily looks raise fewer than 1 % false ones.
ALARM: Final = 0.001
#: Share of units that may be seen in several arms (shared devices, cleared cookies) before results are in doubt.
CROSSED: Final = 0.001


class Check(NamedTuple):
    """One named check.

    Attributes:
        check: what was checked.
        passed: whether results may be trusted as far as this goes.
        statistic: of its test, NaN for a check that is no test.
        p_value: of its test, NaN likewise.
        detail: what was found, in words.
    """

    check: str
    passed: bool
    statistic: float
    p_value: float
    detail: str


def sample_ratio(counts: Mapping[str, int], shares: Mapping[str, float] | None = None) -> Check:
    """Chi-square test of all arms' units against the planned `shares`, equal ones by default.

    Fabijan et al., "Diagnosing Sample Ratio Mismatch in Online Controlled Experiments", KDD 2019.

    >>> round(sample_ratio({"A": 5000, "B": 5100, "C": 5300}).p_value, 7)
    0.0106153
    """
    arms = list(counts)
    planned = dict.fromkeys(arms, 1.0) if shares is None else shares
    if set(planned) != set(arms) or not all(np.isfinite(share) and share > 0 for share in planned.values()):
        raise InputError(f"expected a positive share for each of the arms {', '.join(arms)}, found {dict(planned)}")
    found = np.array([counts[arm] for arm in arms], dtype=float)
    share = np.array([planned[arm] for arm in arms], dtype=float)
    expected = found.sum() * share / share.sum()
    statistic, p_value = stats.chisquare(found, expected)
    detail = ", ".join(
        f"{arm} {count:,.0f} (planned {plan:,.0f})" for arm, count, plan in zip(arms, found, expected, strict=True)
    )
    return Check("sample ratio", bool(p_value >= ALARM), float(statistic), float(p_value), detail)


def one_arm_each(crossed: int, units: int) -> Check:
    """Whether units were seen in one arm only; `crossed` counts every further arm of a unit.

    >>> one_arm_each(1, 200).detail
    '1 of 200 units were seen in more than one arm'
    """
    detail = f"{crossed:,} of {units:,} units were seen in more than one arm"
    return Check("one arm per unit", crossed <= CROSSED * units, np.nan, np.nan, detail)


def alike_before(metric: str, past: Mapping[str, Effect], metrics: int = 1) -> Check:
    """Whether the arms did the same before the test; `past` holds each arm's difference from the control.

    An alarm at 0.001 over all arms and metrics (Bonferroni).
    """
    arm = min(past, key=lambda name: past[name].p_value)
    effect, times = past[arm], len(past) * metrics
    p_value = min(1.0, times * effect.p_value)
    detail = f"{arm} differed most, by {effect.effect:+.4g} before the test"
    return Check(f"alike before: {metric}", p_value >= ALARM, effect.statistic, p_value, detail)


def none_below_zero(column: str, rows: int) -> Check:
    """Whether no outcome is below zero; a metric that may be says so with `signed`."""
    return Check(f"not negative: {column}", rows == 0, np.nan, np.nan, f"{rows:,} rows below zero")


def after_exposure(rows: int) -> Check:
    """Whether no outcome came before its exposure."""
    return Check("outcome after exposure", rows == 0, np.nan, np.nan, f"{rows:,} outcomes before their exposure")


def not_in_future(rows: int, now: object) -> Check:
    """Whether nothing is dated after `now`."""
    return Check("no dates in the future", rows == 0, np.nan, np.nan, f"{rows:,} rows after {now}")


def outcome_varies(metric: str, constant_in: Sequence[str], arms: int) -> Check:
    """Whether units differ in an outcome; `constant_in` names the arms where all are the same.

    An arm without a single conversion is named but passes; an outcome that differs in no arm fails.
    """
    detail = f"the same for every unit of {', '.join(constant_in)}" if constant_in else "differs between units"
    return Check(f"outcome varies: {metric}", len(constant_in) < arms, np.nan, np.nan, detail)


def same_mix(frame: pd.DataFrame, variant: str, column: str) -> Check:
    """Chi-square test that what no variant can change, such as day or position, is spread alike over the arms."""
    table = pd.crosstab(frame[column], frame[variant])
    result = stats.chi2_contingency(table)
    detail = f"{len(table)} values of {column} over {len(table.columns)} arms"
    return Check(f"same mix: {column}", bool(result.pvalue >= ALARM), result.statistic, result.pvalue, detail)


def enough(what: str, found: float, wanted: float) -> Check:
    """Whether a minimum is reached.

    >>> enough("days", 7, 14).detail
    '7 of 14 days'
    """
    return Check(f"enough {what}", found >= wanted, np.nan, np.nan, f"{found:,.0f} of {wanted:,.0f} {what}")


def as_frame(checks: Sequence[Check]) -> pd.DataFrame:
    """Checks as a table, one row each."""
    return pd.DataFrame(list(checks), columns=list(Check._fields))
