"""Correction for asking several questions of one experiment."""

from collections.abc import Sequence
from math import expm1, inf, log1p
from typing import Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr
from scipy.stats import chi2, norm, t

Correction = Literal["holm", "dunnett", "ordered", "none"]

# Gauss-Hermite nodes and weights for expectations under a standard normal variable.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(160)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
# Gauss-Legendre parts of the unit interval, for expectations by quantiles.
_PARTS, _SHARES = np.polynomial.legendre.leggauss(64)
_PARTS, _SHARES = (_PARTS + 1) / 2, _SHARES / 2


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Holm's adjusted p-values: the chance of any false win in the family stays at the level that they are held to.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979).

    >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    # as statsmodels' multipletests, which collects Python's garbage at each call: most of an analysis' time
    values = np.asarray(p_values, dtype=float)
    order = np.argsort(values, kind="stable")
    steps = np.minimum(1.0, np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)))
    adjusted = np.empty_like(values)
    adjusted[order] = steps
    return adjusted


def sidak(alpha: float, comparisons: int) -> float:
    """Level for each of several comparisons that keeps the family's at `alpha`.

    >>> round(sidak(0.05, 2), 6)
    0.025321
    """
    return -expm1(log1p(-alpha) / comparisons)


def shared(variance_control: float, variances: Sequence[float]) -> np.ndarray:
    """How strongly the shared control ties each comparison to the others.

    The statistics of arms i and j correlate by λᵢ·λⱼ with λᵢ² = v₀ / (v₀ + vᵢ), v the variances of the arms' means.
    """
    arms = np.asarray(variances, dtype=float)
    return np.sqrt(variance_control / (variance_control + arms))


def dunnett(
    statistics: Sequence[float], ties: Sequence[float], two_sided: bool = True, freedom: float = inf
) -> np.ndarray:
    """Dunnett's adjusted p-values of the statistics of several arms against one control.

    Args:
        statistics: z of each arm, or with `freedom` t with the variance pooled over all arms.
        ties: λ of each arm, see `shared`.
        two_sided: else larger is better.
        freedom: degrees of freedom of that variance; infinite for large samples.

    Dunnett, "A multiple comparison procedure for comparing several treatments with a control", JASA 50 (1955).
    """
    values = np.abs(statistics) if two_sided else np.asarray(statistics, dtype=float)
    lambdas = np.asarray(ties, dtype=float)
    return np.array([_any_beyond(value, lambdas, two_sided, freedom) for value in values])


def dunnett_critical(alpha: float, ties: Sequence[float], two_sided: bool = True, freedom: float = inf) -> float:
    """The statistic that none of the arms passes, with chance 1 − alpha, if none differs from the control.

    >>> round(dunnett_critical(0.05, shared(1.0, [1.0, 1.0])), 4)
    2.2121
    """
    lambdas = np.asarray(ties, dtype=float)
    single = norm if freedom == inf else t(freedom)
    lowest = float(single.isf(alpha / (2 if two_sided else 1)))
    highest = float(single.isf(alpha / (2 if two_sided else 1) / len(lambdas)))
    if len(lambdas) == 1:
        return lowest

    def over(value: float) -> float:
        return _any_beyond(value, lambdas, two_sided, freedom) - alpha

    return float(brentq(over, lowest - 1e-6, highest + 1e-6, xtol=1e-12))


def dunnett_level(alpha: float, ties: Sequence[float], two_sided: bool = True) -> float:
    """Level for each comparison by itself that keeps the family's at `alpha`: milder than Šidák's."""
    return float((2 if two_sided else 1) * norm.sf(dunnett_critical(alpha, ties, two_sided)))


def _any_beyond(z: float, ties: np.ndarray, two_sided: bool, freedom: float = inf) -> float:
    """Chance that any of the statistics passes z: given the control's mean, and the variance, they are independent."""
    if freedom != inf:
        spread = np.sqrt(chi2.ppf(_PARTS, freedom) / freedom)
        return float(_SHARES @ [_any_beyond(z * s, ties, two_sided) for s in spread])
    if len(ties) == 1 or not np.isfinite(z):
        return float((2 if two_sided else 1) * norm.sf(z))
    own = np.sqrt(1 - ties**2)
    shift = np.outer(_NODES, ties)
    inside = ndtr((z - shift) / own) - (ndtr((-z - shift) / own) if two_sided else 0.0)
    return float(1 - _WEIGHTS @ inside.prod(axis=1))
