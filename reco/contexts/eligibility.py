"""Which proposals may be shown, by the filters of the rules, and what becomes of slates that have none left."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from reco.rules import Filter, Pool


class Eligible(NamedTuple):
    """Which proposals may be shown.

    Attributes:
        may: bool, one a proposal.
        refused: whether a filter (row) refuses a proposal (column), bool.
        gave_way: whether a filter (column) gave way in a slate (row), bool.
    """

    may: np.ndarray
    refused: np.ndarray
    gave_way: np.ndarray

    @property
    def removed(self) -> np.ndarray:
        """Proposals that each filter refused, whether or not another did, int64."""
        return self.refused.sum(axis=1)


def sift(pool: Pool, filters: Sequence[Filter]) -> Eligible:
    """The proposals that no filter refuses.

    Where none is left for a slate, the last of the filters that give way hands back what only it refused, then the
    one before as well, until there is something to show.
    """
    count = len(pool.customer)
    refused = np.stack([one.refuses(pool) for one in filters]) if filters else np.zeros((0, len(pool.slate)), bool)
    gave_way = np.zeros((count, len(filters)), bool)
    may = ~refused.any(axis=0)
    for number in reversed(range(len(filters))):
        empty = np.bincount(pool.slate[may], minlength=count) == 0
        if not filters[number].gives_way or not empty.any():
            continue
        gave_way[empty, number] = True
        again = ~(refused & ~gave_way[pool.slate].T).any(axis=0)
        may = np.where(empty[pool.slate], again, may)
    still = np.bincount(pool.slate[may], minlength=count) == 0
    gave_way[still] = False
    return Eligible(may, refused, gave_way)
