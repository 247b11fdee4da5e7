"""Bootstrap intervals of means over users, and comparisons of two models on the same users."""

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from scipy import sparse, stats

#: Users beyond this number are drawn in so many groups; 1,000 draws of 4,096 counts are 4 MB.
GROUPS: Final = 4096


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

    Calls with as many users and the same seed share their draws, so that models on the same users are compared within
    the same resampled worlds. More than `GROUPS` users are put into that many groups at random, and groups are drawn:
    their sums are as independent as the users are, and the interval's width is off by about 1 %.

    >>> bootstrap(np.ones((50, 1))).ravel().tolist()
    [1.0, 1.0, 1.0]
    """
    known = ~np.isnan(values)
    sums, counts = np.where(known, values, 0.0), known.astype(float)
    some, value = known.any(axis=0), sums.sum(axis=0)
    if len(values) > GROUPS:
        groups = np.random.default_rng([seed, GROUPS]).permutation(len(values)) % GROUPS
        pool = sparse.csr_matrix((np.ones(len(values)), (groups, np.arange(len(values)))))
        sums, counts = pool @ sums, pool @ counts
    weights = _weights(len(sums), draws, seed).astype(float)
    total, count = weights @ sums, weights @ counts
    means = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    result, tail = np.full((3, values.shape[1]), np.nan), (1 - confidence) / 2
    result[0, some] = value[some] / known.sum(axis=0)[some]
    quantile = np.nanquantile if np.isnan(means[:, some]).any() else np.quantile
    result[1:, some] = quantile(means[:, some], [tail, 1 - tail], axis=0)
    return result


@lru_cache(maxsize=8)
def _weights(users: int, draws: int, seed: int) -> np.ndarray:
    """How often each user counts in each draw: uint8, draws x users."""
    weights = np.random.default_rng(seed).poisson(1.0, (draws, users)).astype("uint8")
    weights.flags.writeable = False
    return weights


def paired_difference(a: np.ndarray, b: np.ndarray, confidence: float = 0.95, seed: int = 0) -> Interval:
    """Mean of a - b over the same users with its bootstrap interval.

    >>> paired_difference(np.array([1.0, 1.0]), np.array([0.5, 0.5]))
    Interval(value=0.5, low=0.5, high=0.5)
    """
    return Interval(*bootstrap((a - b)[:, None], confidence, seed=seed)[:, 0].tolist())


def paired_p_values(differences: np.ndarray) -> np.ndarray:
    """Two-sided p-value of the paired t-test for each column of `differences` (users x comparisons, NaN left out).

    The t-test keeps its level on retrieval metrics of many users and, unlike a bootstrap of 1,000 draws, resolves
    p-values small enough to be corrected for many comparisons (J. Urbano, H. Lima, A. Hanjalic, "Statistical
    significance testing in information retrieval", SIGIR 2019). 1 where no user differs, NaN with fewer than two users.

    >>> paired_p_values(np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])).round(4).tolist()
    [0.0742, 1.0]
    """
    known = ~np.isnan(differences)
    n = known.sum(axis=0)
    filled = np.where(known, differences, 0.0)
    mean = filled.sum(axis=0) / np.maximum(n, 1)
    squares = (np.where(known, filled - mean, 0.0) ** 2).sum(axis=0)
    error = np.sqrt(squares / np.maximum(n - 1, 1) / np.maximum(n, 1))
    exact = error <= 1e-12 * np.abs(mean)  # all users differ by the same amount
    t = np.divide(mean, error, out=np.zeros(len(n)), where=~exact)
    p_values = np.where(exact, np.where(mean == 0, 1.0, 0.0), 2 * stats.t.sf(np.abs(t), np.maximum(n - 1, 1)))
    return np.where(n > 1, p_values, np.nan)


def verdict(difference: Interval) -> str:
    """`better`, `worse`, or `tie` where the interval holds zero.

    >>> verdict(Interval(0.01, -0.01, 0.03))
    'tie'
    """
    if difference.low > 0:
        return "better"
    return "worse" if difference.high < 0 else "tie"
