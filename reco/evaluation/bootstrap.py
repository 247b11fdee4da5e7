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
    all but name (Chamandy et al., "Estimating uncertainty for massive data streams", 2012). NaN values are left out,
    and so are draws in which no user counts; a column without any value gives NaN.

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
    means = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    some, tail = known.any(axis=0), (1 - confidence) / 2
    result = np.full((3, values.shape[1]), np.nan)
    result[0, some] = filled.sum(axis=0)[some] / known.sum(axis=0)[some]
    result[1:, some] = np.nanquantile(means[:, some], [tail, 1 - tail], axis=0)
    return result


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
