"""What may be recommended to whom: candidates of several algorithms, and what each says of them."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.interactions import Interactions
from reco.models.base import BLOCK, Recommender
from reco.ranking import best_cells, place, top_k

#: How many of its best items each algorithm names.
NAMED: Final = 60


class Pairs(NamedTuple):
    """Candidates of users, sorted by user and item.

    Attributes:
        users: user id of those who are asked for, each known.
        row: place in `users` of each pair, ascending, int64.
        column: number of the item among the interactions' items, ascending within a user, int64.
        had: whether the user has the item already, bool.
        scores: pairs x algorithms, float32; NaN where an algorithm has nothing to say.
    """

    users: pd.Index
    row: np.ndarray
    column: np.ndarray
    had: np.ndarray
    scores: pd.DataFrame

    def ranks(self) -> pd.DataFrame:
        """Rank (float32, from 1) of each pair among its user's by each algorithm; NaN where it says nothing."""
        by_user = self.scores.groupby(self.row)
        return by_user.rank(method="min", ascending=False).astype("float32")


def gather(x: Interactions, models: Mapping[str, Recommender], users: pd.Index, named: int = NAMED) -> Pairs:
    """All that each user has, the `named` best other items by each of the fitted `models`, and all their scores.

    Users without history are left out.
    """
    rows = x.rows(users)
    users, rows = users[rows >= 0], rows[rows >= 0]
    found: list[tuple[np.ndarray, ...]] = [(np.empty(0, "int64"), np.empty(0, "int64"), np.empty(0, bool))]
    scores = [np.empty((0, len(models)), "float32")]
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        every = [model._score_anyone(block) for model in models.values()]
        has = x.matrix[block].tocoo()
        own = np.sort(has.row.astype("int64") * len(x.items) + has.col)
        keys = [own]
        for score in every:
            others = score.copy()
            others[has.row, has.col] = np.nan
            of, column = top_k(others, named)
            keys.append(of * len(x.items) + column)
        key = np.unique(np.concatenate(keys))
        of, column = np.divmod(key, len(x.items))
        found.append((of + start, column, np.isin(key, own, assume_unique=True)))
        scores.append(np.column_stack([score[of, column] for score in every]).astype("float32"))
    row, column, had = (np.concatenate(part) for part in zip(*found, strict=True))
    values = np.concatenate(scores)
    values[~np.isfinite(values)] = np.nan
    return Pairs(users, row, column, had, pd.DataFrame(values, columns=list(models)))


def labels(x: Interactions, pairs: Pairs, taken: pd.DataFrame) -> np.ndarray:
    """Whether each pair is among what was `taken` (user_id, item_id) afterwards, bool."""
    user, column = pairs.users.get_indexer(taken[Columns.USER]), x.columns(taken[Columns.ITEM])
    known = (user >= 0) & (column >= 0)
    return np.isin(pairs.row * len(x.items) + pairs.column, user[known] * len(x.items) + column[known])


def lists(x: Interactions, pairs: Pairs, score: np.ndarray, k: int) -> pd.DataFrame:
    """The `k` pairs of each user with the highest `score`: user_id, rank, item_id, score (float32).

    NaN is never chosen; ties rank by item id, ascending.
    """
    best = best_cells(pairs.row, pairs.column, score, k)
    return pd.DataFrame(
        {
            Columns.USER: pairs.users.take(pairs.row[best]),
            Columns.RANK: place(pairs.row[best]) + 1,
            Columns.ITEM: x.items.take(pairs.column[best]),
            Columns.SCORE: score[best].astype("float32"),
        }
    )
