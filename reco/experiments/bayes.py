"""The Bayesian reading beside the test: how likely each arm is the best, and what choosing it would cost if it is not.

Flat priors and estimates as good as normal: it takes the same values and variances as the tests, and is a way to read
them, not further evidence.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr
from scipy.stats import norm

from reco.errors import InputError
from reco.experiments.metrics import Metric, Rate
from reco.experiments.moments import Moments

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


def chance_to_win(effect: float, error: float) -> float:
    """Chance that the true effect is above zero, given its estimate and standard error.

    >>> round(chance_to_win(1.0, 1.0), 4)
    0.8413
    """
    return float(ndtr(effect / error)) if error > 0 else float((np.sign(effect) + 1) / 2)


def risk(effect: float, error: float) -> float:
    """What choosing the arm is expected to cost: the mean of the loss, where a gain counts as none."""
    if error <= 0:
        return max(0.0, -effect)
    z = effect / error
    return float(error * norm.pdf(z) - effect * norm.sf(z))


def beliefs(metric: Metric, moments: Mapping[str, Moments]) -> dict[str, tuple[float, float]]:
    """Value of each arm and its variance, for `read_out`, without any adjustment by the past.

    The variance of a rate takes half a hit and half a miss for seen already, so that an arm without hits has one.
    Raises `InputError` for a total that is the same for every unit of an arm.
    """
    found = {}
    for arm, m in moments.items():
        value, variance = metric.values(m, m)[0], metric.spread(m) / m.n
        if isinstance(metric, Rate):
            rate = (m.total(metric.parts[0]) + 0.5) / (m.n + 1)
            variance = rate * (1 - rate) / m.n
        if not variance > 0:
            raise InputError(f"{metric.name}: the same for every unit of {arm}, which tells no chance")
        found[arm] = (value, variance)
    return found


def read_out(arms: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Chance of each arm to be the best of all, and the expected loss of choosing it.

    `arms` holds the value of each arm and the variance of this value, as `means.estimate` has them. The loss is that
    against the best arm, in the metric's unit: E[max] − E[arm]. Columns: variant, value, best, loss; the chances add
    up to one. Both integrals are of products of normal distribution functions, by Gauss and Legendre.
    """
    names = list(arms)
    table = np.array([tuple(arms[name])[:2] for name in names], dtype=float)
    if len(names) < 2 or not np.isfinite(table).all() or not (table[:, 1] > 0).all():
        raise InputError(f"expected values and variances above 0 of two arms or more, found {dict(arms)}")
    value, error = table[:, 0], np.sqrt(table[:, 1])
    low, high = (value - 9 * error).max(), (value + 9 * error).max()
    # pieces between all arms' standard deviations, lest a narrow density fall between the nodes
    bends = (value + np.arange(-8, 9)[:, None] * error).ravel()
    edges = np.unique(np.clip(np.append(bends, [low, high]), low, high))
    middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    x = (middle[:, None] + half[:, None] * _NODES).ravel()
    weight = (half[:, None] * _WEIGHTS).ravel()
    z = (x[:, None] - value) / error
    below, density = ndtr(z), np.exp(-(z**2) / 2) / (error * np.sqrt(2 * np.pi))
    others = np.stack([np.delete(below, i, axis=1).prod(axis=1) for i in range(len(names))], axis=1)
    best = weight @ (density * others)
    # E[max] = high − ∫ P(max ≤ x) dx; what lies outside the range is below 1e-18
    largest = high - weight @ below.prod(axis=1)
    return pd.DataFrame({"variant": names, "value": value, "best": best, "loss": np.maximum(largest - value, 0.0)})
