"""Thompson sampling over products with yes-or-no rewards: its chances, and its replay on a log of random choices."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from reco.errors import InputError

Random = np.random.Generator | np.random.RandomState


def chances(
    alpha: np.ndarray, beta: np.ndarray, slots: int, rng: Random, *, draws: int = 100_000, block: int = 10_000
) -> np.ndarray:
    """Chance of each arm to be put into each slot, arms × slots, by drawing from the arms' Beta posteriors.

    Each draw sorts the arms by a random rate; the best goes into the first slot. Every column adds up to 1.
    W. R. Thompson, Biometrika 25 (1933).

    >>> chances(np.array([9000, 1]), np.array([1, 9000]), 1, np.random.default_rng(0), draws=10).ravel().tolist()
    [1.0, 0.0]
    """
    alpha, beta = np.asarray(alpha, dtype=float), np.asarray(beta, dtype=float)
    if alpha.shape != beta.shape or not ((alpha > 0) & (beta > 0)).all():
        raise InputError("alpha, beta: expected as many numbers above 0 in both")
    if not 1 <= slots <= len(alpha):
        raise InputError(f"slots: expected 1 to {len(alpha)}, found {slots}")
    counts = np.zeros((len(alpha), slots))
    for start in range(0, draws, block):
        rates = rng.beta(alpha, beta, size=(min(block, draws - start), len(alpha)))
        rows = np.arange(len(rates))
        for slot in range(slots):
            best = rates.argmax(axis=1)
            counts[:, slot] += np.bincount(best, minlength=len(alpha))
            rates[rows, best] = -1
    return counts / draws


class Replay(NamedTuple):
    """What a policy that learns would have met in a log of uniformly random choices.

    Attributes:
        seeds: one row a seed: seed, matched (rows that it would have chosen too), clicks, rate.
        course: one row a part of the matched rows in their order, over all seeds: part, matched, clicks, rate.
        rate: mean over seeds; `low` and `high` hold 95 % of the seeds. They tell how much luck there is in the policy's
            own draws; that the clicks themselves are few comes on top.
    """

    seeds: pd.DataFrame
    course: pd.DataFrame
    rate: float
    low: float
    high: float


def replay(
    action: np.ndarray,
    position: np.ndarray,
    reward: np.ndarray,
    *,
    arms: int,
    batch: int = 100,
    seeds: int = 20,
    parts: int = 5,
    rng: np.random.Generator,
) -> Replay:
    """Let Thompson sampling learn from those rows of a uniformly random log that it would have chosen itself.

    Rows come in their order of time. Each position learns by itself from a flat prior, and only after each batch of
    `batch` logged rows. All seeds are replayed at once. L. Li, W. Chu, J. Langford, X. Wang, "Unbiased offline
    evaluation of contextual-bandit-based news article recommendation algorithms", WSDM 2011; O. Chapelle, L. Li,
    NIPS 2011. One row in `arms` is matched, so a log must be long to tell anything.
    """
    action, reward = np.asarray(action), np.asarray(reward, dtype=float)
    slot, names = pd.factorize(np.asarray(position), sort=True)
    if not len(action) or not len(action) == len(slot) == len(reward):
        raise InputError(f"expected as many actions, positions and rewards, found {len(action)}, {len(slot)}, "
                         f"{len(reward)}")  # fmt: skip
    if action.min() < 0 or action.max() >= arms:
        raise InputError(f"action: expected numbers from 0 to {arms - 1}, found {action.min()} to {action.max()}")
    if not np.isin(reward, [0, 1]).all():
        raise InputError("reward: expected 0 or 1")
    wins, losses = (np.ones((seeds, len(names), arms)) for _ in range(2))
    matched = np.zeros((seeds, len(action)), dtype=bool)
    which = np.arange(seeds)[:, None]
    for start in range(0, len(action), batch):
        rows = slice(start, start + batch)
        at, arm, won = slot[rows], action[rows], reward[rows]
        chosen = rng.beta(wins[:, at], losses[:, at]).argmax(axis=2)
        matched[:, rows] = same = chosen == arm
        np.add.at(wins, (which, at, arm), same * won)
        np.add.at(losses, (which, at, arm), same * (1 - won))
    count, clicks = matched.sum(axis=1), matched @ reward
    order = matched.cumsum(axis=1) - 1
    part = np.minimum(order * parts // np.maximum(count, 1)[:, None], parts - 1)[matched]
    earned = np.broadcast_to(reward, matched.shape)[matched]
    course = pd.DataFrame({"part": part + 1, "reward": earned}).groupby("part")["reward"].agg(["size", "sum", "mean"])
    rate = clicks / np.maximum(count, 1)
    low, high = np.quantile(rate, [0.025, 0.975])
    return Replay(
        pd.DataFrame({"seed": np.arange(seeds), "matched": count, "clicks": clicks.astype(int), "rate": rate}),
        course.reset_index().set_axis(["part", "matched", "clicks", "rate"], axis=1).astype({"clicks": int}),
        float(rate.mean()),
        float(low),
        float(high),
    )
