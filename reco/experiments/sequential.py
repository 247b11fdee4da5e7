"""Looking at a test before its end without paying for it in false wins.

A planned test has a limit for every look (group-sequential, O'Brien-Fleming); one without an end has a confidence
sequence, wider but true at all times together.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import ndtr
from scipy.stats import norm

from reco.errors import InputError
from reco.experiments.metrics import Metric
from reco.experiments.moments import Moments

Method = Literal["obrien_fleming", "confidence_sequence"]
#: The method of a rule that looks early, by its `looks`.
METHODS: Final[dict[str, Method]] = {"sequential": "obrien_fleming", "open": "confidence_sequence"}

#: A limit above this is never reached: a chance of less than 1e-14.
NEVER: Final = 7.8
#: A later look knows at least this share more than the one before, so that the last one always has a limit.
LEAST: Final = 1e-4
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(256)


def spent(time: float, alpha: float = 0.05, sides: int = 2) -> float:
    """Share of `alpha` that may be used up by `time`, the share of the test that is over: little early, all at 1.

    On each side 2·(1 − Φ(z₁₋ₐ/₂ / √t)) with a the side's level. Lan and DeMets, "Discrete sequential boundaries for
    clinical trials", Biometrika 70 (1983).

    >>> spent(1.0)
    0.05
    """
    if time >= 1:
        return alpha
    side = alpha / sides
    return float(sides * 2 * norm.sf(norm.isf(side / 2) / np.sqrt(time))) if time > 0 else 0.0


def bounds(
    times: Sequence[float], alpha: float = 0.05, *, sides: int = 2, information: Sequence[float] | None = None
) -> np.ndarray:
    """The z that each look must pass, so that with no effect the chance that any does is `alpha`.

    Args:
        times: share of the test that is over at each look, rising; the last need not be 1.
        alpha: level of the whole test.
        sides: 2, or 1 for larger values only.
        information: what the looks know, such as one over the variance of the effect, in any unit; by default as
            `times`. Looks that add none have no limit (infinity), and what they might have spent is spent later.

    The limits come one by one from the density of the score on the paths that have not stopped, integrated by
    Gauss and Legendre. Armitage, McPherson and Rowe, JRSS A 132 (1969).

    >>> bounds([0.2, 0.4, 0.6, 0.8, 1.0]).round(2).tolist()
    [4.88, 3.36, 2.68, 2.29, 2.03]
    """
    known = np.asarray(times if information is None else information, dtype=float)
    _check_looks(times, known, alpha, sides)
    known = known / known[-1]
    limits, used, before = np.full(len(known), np.inf), 0.0, 0.0
    nodes, mass = np.zeros(1), np.ones(1)
    for look, (time, now) in enumerate(zip(times, known, strict=True)):
        step = now - before
        may = spent(time, alpha, sides) - used
        if step <= 1e-9 or may <= 1e-16:
            continue
        root, scale = np.sqrt(now), np.sqrt(step)

        def crossing(z: float, c: np.ndarray = nodes, m: np.ndarray = mass, r: float = root, s: float = scale) -> float:
            upper = m @ ndtr((c - z * r) / s)
            return float(upper + (m @ ndtr((-z * r - c) / s) if sides == 2 else 0.0))

        limit = (
            NEVER if crossing(NEVER) >= may else brentq(lambda z, f=crossing, m=may: f(z) - m, -1.0, NEVER, xtol=1e-10)
        )
        used += crossing(limit)
        limits[look] = limit
        low = -limit * root if sides == 2 else -NEVER * root
        high = limit * root
        middle, half = (low + high) / 2, (high - low) / 2
        points = middle + half * _NODES
        density = np.exp(-(((points[:, None] - nodes) / scale) ** 2) / 2) @ mass / (scale * np.sqrt(2 * np.pi))
        nodes, mass, before = points, half * _WEIGHTS * density, now
    return limits


def mixture_rho(size: float, alpha: float = 0.05) -> float:
    """The mixture's parameter that makes the sequence narrowest when `size` has been seen.

    >>> round(mixture_rho(100), 5)
    12.60056
    """
    far = 2 * np.log(1 / alpha)
    return float(size / (far + np.log1p(far)))


def log_mixture(score: float, size: float, rho: float) -> float:
    """Logarithm of the normal mixture martingale of a sum of `size` standardized units."""
    return float(0.5 * np.log(rho / (size + rho)) + score**2 / (2 * (size + rho)))


def mixture_bound(size: float, rho: float, alpha: float = 0.05) -> float:
    """Limit of |sum| of `size` standardized units that holds at all sizes together with chance 1 − alpha.

    Robbins, "Statistical methods related to the law of the iterated logarithm", Ann. Math. Stat. 41 (1970); Howard,
    Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Ann. Stat. 49
    (2021).
    """
    return float(np.sqrt((size + rho) * (np.log1p(size / rho) + 2 * np.log(1 / alpha))))


def sequence_margin(variance: float, size: float, tuned: float = 5000, alpha: float = 0.05) -> float:
    """Half the width of the asymptotic confidence sequence of an effect.

    Args:
        variance: of the estimated effect.
        size: units behind it, both arms together.
        tuned: the size at which it is narrowest, fixed before the test.

    Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence
    sequences", Ann. Stat. 52 (2024).
    """
    return float(np.sqrt(variance / size) * mixture_bound(size, mixture_rho(tuned, alpha), alpha))


def watch(
    looks: Mapping[str, Mapping[object, Moments]],
    metric: Metric,
    *,
    control: str,
    planned: float,
    by: Literal["looks", "units", "days"] = "looks",
    method: Method = "obrien_fleming",
    confidence: float = 0.95,
    tuned: float = 5000,
) -> pd.DataFrame:
    """What each look at a running test may say.

    Args:
        looks: by arm and look, the moments of everything up to then (see `moments.cumulate`).
        metric: the one that the test is about.
        control: the arm that the others are compared with; several comparisons share `1 - confidence` equally.
        planned: number of looks, of units in all arms, or of days at which the test was planned to end.
        by: what `planned` counts; for `days` the looks are numbers of days since the start. The limits are correlated
            by what each look really knows, whatever the count.
        method: `obrien_fleming`, or `confidence_sequence` for a test without a planned end.
        confidence: one minus the chance of any false win at any look.
        tuned: units of both arms at which the confidence sequence is narrowest.

    Returns one row a variant and look: variant, look, units, time, effect, effect_low, effect_high, statistic, bound,
    p_value, verdict. The interval is the one that holds at all looks together. The fixed-horizon p-value is given at
    the planned end and nowhere else, NaN before; a confidence sequence has no such end. The verdict is `better`
    or `worse` from the first look that says so, `continue` before, `tie` where the planned end has come without.
    Looks that are later than the planned end are left out.
    """
    control = str(control)
    if method not in get_args(Method) or by not in ("looks", "units", "days"):
        raise InputError(
            f"method: expected {', '.join(get_args(Method))} by looks, units or days, found {method} by {by}"
        )
    if control not in looks or len(looks) < 2:
        raise InputError(f"no arm {control!r} and others to compare; the arms are {', '.join(looks) or 'none'}")
    if not planned > 0 or not 0.5 < confidence < 1:
        raise InputError(
            f"expected a planned end above 0 and a confidence from 0.5 to 1, found {planned}, {confidence}"
        )
    common = [look for look in looks[control] if all(look in arm for arm in looks.values())]
    units = [sum(arm[look].n for arm in looks.values()) for look in common]
    over = {"looks": range(1, len(common) + 1), "units": units, "days": common}[by]
    times = np.minimum(1.0, np.array(over, dtype=float) / planned)
    last = len(common)
    if method == "obrien_fleming" and (times >= 1).any():
        last = int(np.argmax(times >= 1)) + 1
    alpha = (1 - confidence) / (len(looks) - 1)
    judge = _planned if method == "obrien_fleming" else _open
    tables = []
    for arm in looks:
        if arm != control:
            pairs = [(looks[arm][look], looks[control][look]) for look in common[:last]]
            table = judge(pairs, metric, times[:last], alpha, tuned)
            tables.append(table.assign(variant=arm, look=common[:last], units=units[:last], time=times[:last]))
    columns = ["variant", "look", "units", "time", "effect", "effect_low", "effect_high", "statistic", "bound"]
    return pd.concat(tables, ignore_index=True)[[*columns, "p_value", "verdict"]]


def peeked(table: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """By variant, the look at which `watch` decided, and the one at which a daily fixed p-value would have claimed so.

    Columns: variant, verdict, decided, claimed; the last two missing where none did.
    """
    peak = table["statistic"].abs() > norm.ppf((1 + confidence) / 2)
    clear = table["verdict"].isin(["better", "worse"])
    groups = table.groupby("variant", sort=False)
    return pd.DataFrame(
        {
            "verdict": groups["verdict"].last(),
            "decided": table[clear].groupby("variant")["look"].first(),
            "claimed": table[peak].groupby("variant")["look"].first(),
        },
        index=groups["verdict"].last().index,
    ).reset_index()


def _planned(
    pairs: Sequence[tuple[Moments, Moments]], metric: Metric, times: np.ndarray, alpha: float, _: float
) -> pd.DataFrame:
    """Group-sequential limits at every look."""
    variances = np.array([_variance(metric, *pair) for pair in pairs])
    knows = information(pairs, metric)
    limits = bounds(times, alpha, information=knows) if knows[-1] > 0 else np.full(len(pairs), np.inf)
    rows = []
    for (arm, base), variance, limit in zip(pairs, variances, limits, strict=True):
        row = {"effect": np.nan, "effect_low": -np.inf, "effect_high": np.inf, "statistic": 0.0, "p_value": np.nan}
        if variance > 0:
            found = metric.compare(arm, base, float(1 - 2 * norm.sf(min(limit, NEVER))))
            row |= {"effect": found.effect, "statistic": found.statistic, "p_value": found.p_value}
            if limit < NEVER:
                row |= {"effect_low": found.effect_low, "effect_high": found.effect_high}
        rows.append(row | {"bound": limit})
    table = pd.DataFrame(rows)
    table.loc[times < 1, "p_value"] = np.nan
    sign = np.where(table["statistic"].abs() > table["bound"], np.sign(table["statistic"]), 0)
    return table.assign(verdict=_stick(sign, times >= 1))


def _open(
    pairs: Sequence[tuple[Moments, Moments]], metric: Metric, times: np.ndarray, alpha: float, tuned: float
) -> pd.DataFrame:
    """The confidence sequence at every look."""
    rows = []
    for arm, base in pairs:
        variance = _variance(metric, arm, base)
        row = {"effect": np.nan, "effect_low": -np.inf, "effect_high": np.inf, "statistic": 0.0, "bound": np.inf}
        if variance > 0:
            value, other = metric.values(arm, base)
            margin = sequence_margin(variance, arm.n + base.n, tuned, alpha)
            row = {
                "effect": value - other,
                "effect_low": value - other - margin,
                "effect_high": value - other + margin,
                "statistic": (value - other) / np.sqrt(variance),
                "bound": margin / np.sqrt(variance),
            }
        rows.append(row)
    table = pd.DataFrame(rows).assign(p_value=np.nan)
    sign = np.where(table["effect_low"] > 0, 1, np.where(table["effect_high"] < 0, -1, 0))
    return table.assign(verdict=_stick(sign, np.zeros(len(pairs), dtype=bool)))


def information(pairs: Sequence[tuple[Moments, Moments]], metric: Metric) -> np.ndarray:
    """What each look knows about the relative effect: the square of the mean of both arms over the variance.

    Relative, since totals per unit go on growing where units come back: two looks correlate by the root of the ratio
    of this, with new units only, with old ones that add independent days, and with units that differ for good. A
    metric that may be below zero is counted by its units instead.
    """
    amounts: list[float] = []
    for arm, base in pairs:
        variance = _variance(metric, arm, base)
        if getattr(metric, "signed", False):
            known = 1 / (1 / arm.n + 1 / base.n) if variance > 0 else 0.0
        else:
            known = (sum(metric.values(arm, base)) / 2) ** 2 / variance if variance > 0 else 0.0
        amounts.append(max(known, amounts[-1] * (1 + LEAST) if amounts else 0.0))
    return np.array(amounts)


def _variance(metric: Metric, arm: Moments, control: Moments) -> float:
    """Variance of the effect, zero where there is too little to tell."""
    return metric.variance(arm, control) if min(arm.n, control.n) >= 2 else 0.0


def _stick(sign: np.ndarray, over: np.ndarray) -> list[str]:
    """Verdicts by look: the first clear one stays."""
    decided = np.flatnonzero(sign)
    verdicts = np.where(over, "tie", "continue").astype(object)
    if len(decided):
        verdicts[decided[0] :] = "better" if sign[decided[0]] > 0 else "worse"
    return verdicts.tolist()


def _check_looks(times: Sequence[float], known: np.ndarray, alpha: float, sides: int) -> None:
    rising = np.diff(np.asarray(times, dtype=float))
    if (
        not len(times)
        or not times[0] > 0
        or (rising < 0).any()
        or len(known) != len(times)
        or (np.diff(known) < 0).any()
    ):
        raise InputError("looks: expected rising shares of the test above 0, and as many rising amounts of information")
    if not 0 < alpha < 0.5 or sides not in (1, 2):
        raise InputError(f"expected a level between 0 and 0.5 on 1 or 2 sides, found {alpha} on {sides}")
