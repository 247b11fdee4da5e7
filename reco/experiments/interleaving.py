"""Two rankings in one list: which of them do people click, with a fraction of the users that an A/B test needs."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from reco.errors import InputError


class Drafted(NamedTuple):
    """Interleaved lists: items and the team (0 or 1) that chose each, both of shape requests × slots, −1 where none."""

    items: np.ndarray
    teams: np.ndarray


class Preference(NamedTuple):
    """Which ranking users prefer.

    Attributes:
        wins, losses, ties: users who clicked more items of the second ranking, of the first, as many of both.
        share: wins among wins and losses, with its exact interval `share_low` and `share_high` (Clopper and Pearson);
            one half where nobody preferred either.
        p_value: of the exact two-sided sign test over users.
    """

    wins: int
    losses: int
    ties: int
    share: float
    share_low: float
    share_high: float
    p_value: float


def team_draft(first: np.ndarray, second: np.ndarray, slots: int, rng: np.random.Generator) -> Drafted:
    """Interleave two rankings for many requests at once.

    The teams pick in turn the best item of their ranking that is not yet there; a coin says before each pair of slots
    who begins. Radlinski, Kurup and Joachims, "How does clickthrough data reflect retrieval quality?", CIKM 2008.

    Args:
        first, second: items by rank, requests × ranks, −1 where a ranking is shorter; both numbers of products.
        slots: length of the lists.
        rng: for the coins.
    """
    lists = [np.asarray(ranking) for ranking in (first, second)]
    if any(ranking.ndim != 2 for ranking in lists) or len(lists[0]) != len(lists[1]) or slots < 1:
        shapes = " and ".join(str(ranking.shape) for ranking in lists)
        raise InputError(f"expected two rankings of requests × ranks and 1 slot or more, found {shapes}, {slots}")
    requests = len(lists[0])
    free = [ranking >= 0 for ranking in lists]
    items, teams = np.full((requests, slots), -1), np.full((requests, slots), -1)
    leader = np.zeros(requests, dtype=int)
    for slot in range(slots):
        leader = rng.integers(0, 2, requests) if slot % 2 == 0 else 1 - leader
        some = [open_.any(axis=1) for open_ in free]
        # a team with nothing left gives its turn to the other
        team = np.where(np.where(leader == 0, *some), leader, 1 - leader)
        picks = [
            np.take_along_axis(ranking, open_.argmax(axis=1)[:, None], axis=1)[:, 0]
            for ranking, open_ in zip(lists, free, strict=True)
        ]
        left = some[0] | some[1]
        items[:, slot] = np.where(left, np.where(team == 0, *picks), -1)
        teams[:, slot] = np.where(left, team, -1)
        for ranking, open_ in zip(lists, free, strict=True):
            open_ &= ranking != items[:, [slot]]
    return Drafted(items, teams)


def preference(
    clicks: pd.DataFrame, *, unit: str = "user_id", team: str = "team", confidence: float = 0.95
) -> Preference:
    """Which ranking users prefer, from a row a click with the team (0 or 1) whose item it was.

    Each user counts once, for the ranking with more of their clicks: clicks of one user hang together.

    >>> preference(pd.DataFrame({"user_id": [1, 1, 2, 3], "team": [1, 1, 0, 1]})).wins
    2
    """
    if not clicks[team].isin([0, 1]).all():
        raise InputError(f"{team}: expected 0 or 1 in every row of clicks")
    lead = (2 * clicks[team] - 1).groupby(clicks[unit]).sum()
    wins, losses = int((lead > 0).sum()), int((lead < 0).sum())
    if wins + losses == 0:
        return Preference(0, 0, len(lead), 0.5, 0.0, 1.0, 1.0)
    low, high = proportion_confint(wins, wins + losses, alpha=1 - confidence, method="beta")
    p_value = stats.binomtest(wins, wins + losses).pvalue
    ties = len(lead) - wins - losses
    return Preference(wins, losses, ties, wins / (wins + losses), float(low), float(high), float(p_value))
