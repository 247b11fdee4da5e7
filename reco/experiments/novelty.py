"""Does an effect last? Effects by time since each unit first saw the test, and whether they rise or fall."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from reco.errors import InputError
from reco.experiments.analysis import analyze
from reco.experiments.cells import compare_cells, read_cells
from reco.experiments.means import compare_means
from reco.experiments.metrics import Ratio
from reco.experiments.multiplicity import holm

#: Fewer periods than this show no trend.
LEAST: Final = 3
AGE: Final = "age"


class Novelty(NamedTuple):
    """How an effect changes with time since first exposure.

    Attributes:
        checks: as of `analyze`, of the whole log.
        table: one row an age (periods since first exposure, 0 the first) and variant: age, then the columns of
            `analyze` but the verdict; p_adjusted by Holm over all rows.
        trend: one row a variant: slope per period with its interval, statistic, p_value, p_adjusted (Holm over the
            variants), early and late (fitted effect in the first and last period), reading (`wears off`, `learning`,
            `gets worse`, `no sign` or `not trustworthy`); empty for fewer than 3 periods.
        notes: what was left out and why.
    """

    checks: pd.DataFrame
    table: pd.DataFrame
    trend: pd.DataFrame
    notes: tuple[str, ...]


def novelty(
    frame: pd.DataFrame,
    metric: Ratio,
    *,
    time: str,
    period: float = 1.0,
    unit: str = "user_id",
    variant: str = "variant",
    control: str | int = "A",
    confidence: float = 0.95,
    shares: Mapping[str, float] | None = None,
) -> Novelty:
    """The effect in each period since a unit's first row, and a trend over these periods.

    A straight line through the effects, weighted by traffic (harmonic mean of both arms' denominators), with the
    variance of its slope from the covariance of all periods over units (a cluster-robust weighted least squares): the
    same users are behind all of them. Who comes back late may differ from who came once, alike in both arms unless the
    variant itself brings users back.

    Args:
        frame: a row an exposure, a pandas frame.
        metric: ratio of totals, such as `Ratio("clicked")`.
        time: column with the time of each row, timestamps or whole days.
        period: days in one period.
        unit, variant, control, confidence, shares: as in `analyze`.

    Raises `InputError` where `analyze` does, and for times that are missing or no times.
    """
    control = str(control)
    if period <= 0:
        raise InputError(f"period: expected days above zero, found {period}")
    judge = {"unit": unit, "variant": variant, "control": control, "confidence": confidence, "shares": shares}
    whole = analyze(frame, metrics=[metric], **judge)
    aged = frame.assign(**{AGE: ages(frame, time, unit, period)})
    cells = read_cells(aged, AGE, metric.numerator, metric.denominator, variant=variant, unit=unit)
    table = compare_cells(cells, AGE, control, confidence)
    table = table.assign(metric=metric.name, p_adjusted=holm(table["p_value"]))
    trusted = bool((whole.table["verdict"] != "not trustworthy").all())
    base, at = cells.arms[control], np.array(cells.keys, dtype=float)
    rows = []
    for arm, found in cells.arms.items():
        if arm == control or len(at) < LEAST:
            continue
        level, slope = contrasts(at, found.below, base.below)
        effect = compare_means(found.estimate(slope), base.estimate(slope), confidence)
        fitted = (level + slope * when for when in (at[0], at[-1]))
        early, late = (float(weights @ (found.values - base.values)) for weights in fitted)
        bounds = {"slope": effect.effect, "slope_low": effect.effect_low, "slope_high": effect.effect_high}
        tests = {"statistic": effect.statistic, "p_value": effect.p_value}
        rows.append({"variant": arm, **bounds, **tests, "early": early, "late": late})
    names = ["variant", "slope", "slope_low", "slope_high", "statistic", "p_value", "early", "late"]
    trend = pd.DataFrame(rows, columns=names)
    trend["p_adjusted"] = holm(trend["p_value"])
    trend["reading"] = [_reading(row, 1 - confidence, trusted) for row in trend.to_dict("records")]
    few = () if len(at) >= LEAST else (f"{len(at)} periods show no trend: at least {LEAST} are needed",)
    columns = [AGE, *(name for name in whole.table.columns if name != "verdict")]
    return Novelty(whole.checks, table[columns], trend, (*cells.notes, *few))


def ages(frame: pd.DataFrame, time: str, unit: str, period: float = 1.0) -> np.ndarray:
    """Whole periods between each row and its unit's first.

    >>> ages(pd.DataFrame({"u": [1, 1, 2], "day": [3, 5, 9]}), "day", "u").tolist()
    [0, 2, 0]
    """
    if time not in frame.columns:
        raise InputError(f"no column {time!r}; the frame has {', '.join(map(str, frame.columns))}")
    when = frame[time]
    if not (pd.api.types.is_datetime64_any_dtype(when) or pd.api.types.is_numeric_dtype(when)):
        raise InputError(f"{time}: expected timestamps or whole days, found {when.dtype}")
    if missing := int(when.isna().sum()):
        raise InputError(f"{time}: {missing:,} of {len(frame):,} rows have none")
    since = when - when.groupby(frame[unit], observed=True).transform("min")
    days = since / pd.Timedelta(days=1) if pd.api.types.is_datetime64_any_dtype(when) else since.astype(float)
    return np.floor(days.to_numpy() / period).astype(int)


def contrasts(at: np.ndarray, one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights of the effects at times `at` that give the level at zero and the slope of a line weighted by traffic.

    Denominators of both arms may have leading axes, an experiment each.
    """
    weight = 1 / (1 / one + 1 / other)
    weight = weight / weight.sum(axis=-1, keepdims=True)
    middle = (weight * at).sum(axis=-1, keepdims=True)
    slope = weight * (at - middle)
    slope = slope / (slope * (at - middle)).sum(axis=-1, keepdims=True)
    return weight - middle * slope, slope


def novelty_sentence(row: Mapping[str, object], control: str = "A", period: str = "day") -> str:
    """What a row of `Novelty.trend` says."""
    who = f"The effect of {row['variant']} against {control}"
    return {
        "wears off": f"{who} wears off with every {period} since first exposure: part of it is novelty.",
        "learning": f"{who} grows with every {period} since first exposure: users learn to use it.",
        "gets worse": f"{who} gets worse with every {period} since first exposure.",
        "no sign": f"{who} shows no sign of novelty or of learning.",
        "not trustworthy": f"The checks failed, so nothing can be said of how {who[0].lower()}{who[1:]} changes.",
    }[str(row["reading"])]


def _reading(row: Mapping[str, float], alpha: float, trusted: bool) -> str:
    if not trusted:
        return "not trustworthy"
    if row["p_adjusted"] > alpha:
        return "no sign"
    if row["slope"] > 0:
        return "learning"
    return "wears off" if row["early"] > 0 else "gets worse"
