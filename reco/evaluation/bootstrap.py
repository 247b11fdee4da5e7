"""Bootstrap intervals of means over users, and comparisons of two models on the same users."""

from typing import NamedTuple

import numpy as np

#: Resampled counts are drawn for so many users at once; 1,000 draws x 4,096 users are 33 MB.
BLOCK = 4096


class Interval(NamedTuple):
    """A mean with the bounds of its interval."""

    value: float
    low: float
    high: float


def bootstrap(values: np.ndarray, confidence: float = 0.95, draws: int = 1000, seed: int = 0) -> np.ndarray:
    """Percentile bootstrap over users: rows mean, low, high; a column for each column of `values` (users x metrics).

    Each draw weighs every user by an independent Poisson(1) count, which for means is the multinomial bootstrap in
    all but name (Chamandy et al., "Estimating uncertainty for massive data streams", 2012). NaN values are left out.

    >>> bootstrap(np.ones((50, 1))).ravel().tolist()
    [1.0, 1.0, 1.0]
    """
    rng = np.random.default_rng(seed)
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    total, count = np.zeros((draws, values.shape[1])), np.zeros((draws, values.shape[1]))
    for start in range(0, len(values), BLOCK):
        block = slice(start, start + BLOCK)
        weights = rng.poisson(1.0, (draws, len(filled[block]))).astype("float32")
        total += weights @ filled[block]
        count += weights @ known[block].astype("float32")
    means = total / np.maximum(count, 1)
    tail = (1 - confidence) / 2
    mean = filled.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.vstack([mean, np.quantile(means, [tail, 1 - tail], axis=0)])


def paired_difference(a: np.ndarray, b: np.ndarray, confidence: float = 0.95, seed: int = 0) -> Interval:
    """Mean of a - b over the same users with its bootstrap interval.

    >>> paired_difference(np.array([1.0, 1.0]), np.array([0.5, 0.5]))
    Interval(value=0.5, low=0.5, high=0.5)
    """
    return Interval(*bootstrap((a - b)[:, None], confidence, seed=seed)[:, 0].tolist())


def verdict(difference: Interval) -> str:
    """`better`, `worse`, or `tie` where the interval holds zero.

    >>> verdict(Interval(0.01, -0.01, 0.03))
    'tie'
    """
    if difference.low > 0:
        return "better"
    return "worse" if difference.high < 0 else "tie"
