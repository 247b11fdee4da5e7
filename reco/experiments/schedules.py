"""O'Brien-Fleming limits of many tests at once, each with looks of its own."""

from typing import Final

import numpy as np
from scipy.special import ndtr
from scipy.stats import norm

from reco.experiments.sequential import NEVER

#: Tests worked on together: as many as keep the densities between two looks in the processor's cache.
_BATCH: Final = 4
#: Points that a density between two looks is known at; more of them where the step to the next look is small.
_RULES: Final = {points: np.polynomial.legendre.leggauss(points) for points in (32, 48, 64, 96, 128, 192, 256)}


def many_bounds(times: np.ndarray, known: np.ndarray, counts: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """`sequential.bounds`, two-sided, of many tests: a row a test, a column a look, infinity where there is none.

    Args:
        times: share of each test that is over at each look, rising.
        known: what each look knows, in any unit, never falling.
        counts: looks of each test; what the rows hold after them does not matter.
        alpha: level of each test.

    >>> looks = np.array([[0.2, 0.4, 0.6, 0.8, 1.0]])
    >>> many_bounds(looks, looks, np.array([5]), np.array([0.05])).round(2).tolist()
    [[4.88, 3.36, 2.68, 2.29, 2.03]]
    """
    spend, known = _spent(times, alpha), known / known[np.arange(len(known)), counts - 1][:, None]
    useful = _useful(spend, known, counts)
    left = np.argsort(~useful, axis=1, kind="stable")  # the looks that have a limit first
    spend, known = np.take_along_axis(spend, left, 1), np.take_along_axis(known, left, 1)
    found, size = np.full(times.shape, np.inf), useful.sum(axis=1)
    order = np.argsort(size, kind="stable")  # tests of similar length together
    for start in range(0, len(order), _BATCH):
        rows = order[start : start + _BATCH]
        longest = int(size[rows].max())
        found[rows, :longest] = _batch(spend[rows, :longest], known[rows, :longest], size[rows])
    limits = np.full(times.shape, np.inf)
    np.put_along_axis(limits, left, found, 1)
    return limits


def _spent(times: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """`sequential.spent` of a row a test."""
    early = 4 * norm.sf(norm.isf(alpha / 4)[:, None] / np.sqrt(np.clip(times, 1e-12, 1)))
    return np.where(times >= 1, alpha[:, None], early)


def _useful(spend: np.ndarray, known: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Looks that know more than the one before and may spend something."""
    useful = np.zeros(spend.shape, dtype=bool)
    spent, before = np.zeros(len(spend)), np.zeros(len(spend))
    for look in range(spend.shape[1]):
        now = (look < counts) & (known[:, look] - before > 1e-9) & (spend[:, look] - spent > 1e-16)
        useful[:, look] = now
        spent, before = np.where(now, spend[:, look], spent), np.where(now, known[:, look], before)
    return useful


def _batch(spend: np.ndarray, known: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Limits of tests whose looks all have one; the recursion is that of `sequential.bounds`."""
    there = np.arange(spend.shape[1]) < size[:, None]
    steps = np.where(there, np.diff(known, axis=1, prepend=0.0), 1.0)
    scales, roots = np.sqrt(steps), np.sqrt(np.where(there, known, 1.0))
    limits, used, limit = np.full(spend.shape, np.inf), np.zeros(len(spend)), np.full(len(spend), NEVER)
    nodes, mass = np.zeros((len(spend), 1)), np.ones((len(spend), 1))
    for look in range(spend.shape[1]):
        now, scale, root = there[:, look], scales[:, look, None], roots[:, look]
        may = np.where(now, spend[:, look] - used, 0.01)
        limit, crossed = _solve(nodes / scale, mass, root / scale[:, 0], may, limit)
        limits[now, look], used = limit[now], used + crossed
        if look + 1 == spend.shape[1]:
            break
        width = limit * root
        # a sum over points this far apart is off by some 1e-5 of a curve as wide as the next step
        wanted = (np.pi * width / (1.4 * scales[:, look + 1]))[there[:, look + 1]].max()
        grid, weights = _RULES[next((points for points in _RULES if points >= wanted), max(_RULES))]
        points = width[:, None] * grid
        near = (points[:, :, None] - nodes[:, None, :]) / scale[:, :, None]
        density = np.exp(near * near * -0.5) @ mass[:, :, None]
        nodes = points
        mass = density[:, :, 0] * width[:, None] * weights / (scale * np.sqrt(2 * np.pi))
    return limits


def _solve(
    nodes: np.ndarray, mass: np.ndarray, root: np.ndarray, may: np.ndarray, guess: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The limit that paths cross with chance `may`, and that chance, by Newton's method on its logarithm.

    The logarithm is concave in the limit, so every step but the first comes from above and none overshoots.
    """

    def chance(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        beyond = nodes - (z * root)[:, None]
        density = np.exp(beyond * beyond * -0.5) / np.sqrt(2 * np.pi)
        return 2 * (ndtr(beyond) * mass).sum(axis=1), 2 * root * (density * mass).sum(axis=1)

    never, _ = chance(np.full(len(may), NEVER))
    out = never >= may
    z = np.where(out, NEVER, np.minimum(guess, NEVER))
    for _ in range(60):
        crossed, slope = chance(z)
        # where nothing may be spent there is no logarithm, and no step
        ratio = np.divide(crossed, may, out=np.ones_like(crossed), where=~out)
        step = np.divide(crossed * np.log(ratio), slope, out=np.zeros_like(slope), where=~out)
        z = np.clip(z + step, 0.0, NEVER)
        if np.abs(step).max() < 1e-10:
            break
    return z, np.where(out, never, chance(z)[0])
