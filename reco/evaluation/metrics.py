"""Ranking metrics, computed for all users at once from a users x k matrix of hits."""

from typing import Final

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.interactions import Interactions

#: Metrics with one value a user, in the order of reports.
PER_USER: Final = ("precision", "recall", "ndcg", "hit_rate", "novelty")


def hits(recommendations: pd.DataFrame, test: pd.DataFrame, users: pd.Index, k: int) -> np.ndarray:
    """Whether the item at each rank is one the user took: bool, len(users) x k.

    >>> recs = pd.DataFrame({"user_id": ["a", "a"], "rank": [1, 2], "item_id": ["x", "y"]})
    >>> hits(recs, pd.DataFrame({"user_id": ["a"], "item_id": ["y"]}), pd.Index(["a"]), 3).tolist()
    [[False, True, False]]
    """
    listed = recommendations[recommendations[Columns.RANK] <= k]
    taken = pd.MultiIndex.from_frame(test[[Columns.USER, Columns.ITEM]])
    found = pd.MultiIndex.from_frame(listed[[Columns.USER, Columns.ITEM]]).isin(taken)
    rows = users.get_indexer(listed[Columns.USER])
    matrix = np.zeros((len(users), k), bool)
    matrix[rows[rows >= 0], listed[Columns.RANK].to_numpy()[rows >= 0] - 1] = found[rows >= 0]
    return matrix


def precision(hit: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """Share of the k places that hold a relevant item; places left empty count as misses.

    >>> precision(np.array([[True, False]]), np.array([3])).tolist()
    [0.5]
    """
    return hit.mean(axis=1)


def recall(hit: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """Share of the user's relevant items that are among the k: hits / number of relevant items.

    >>> recall(np.array([[True, False]]), np.array([4])).tolist()
    [0.25]
    """
    return hit.sum(axis=1) / relevant


def ndcg(hit: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """Normalized discounted cumulative gain with binary relevance (Järvelin and Kekäläinen, ACM TOIS 2002).

    The sum of 1 / log2(rank + 1) over hits, divided by that of the best list possible: min(relevant, k) hits first.

    >>> ndcg(np.array([[False, True]]), np.array([1])).round(4).tolist()
    [0.6309]
    """
    discount = 1 / np.log2(np.arange(2, hit.shape[1] + 2))
    best = np.concatenate([[0.0], np.cumsum(discount)])
    return hit @ discount / best[np.minimum(relevant, hit.shape[1])]


def hit_rate(hit: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """1 where at least one of the k is relevant.

    >>> hit_rate(np.array([[False, True]]), np.array([1])).tolist()
    [1.0]
    """
    return hit.any(axis=1).astype(float)


def novelty(recommendations: pd.DataFrame, train: Interactions, users: pd.Index, k: int) -> np.ndarray:
    """Mean self-information of the listed items in bits: -log2(share of training users who have the item).

    S. Vargas, P. Castells, "Rank and relevance in novelty and diversity metrics", RecSys 2011. Users without a list
    get NaN; an item nobody has counts as if half a user had it.
    """
    listed = recommendations[recommendations[Columns.RANK] <= k]
    columns = train.columns(listed[Columns.ITEM])
    owners = np.where(columns >= 0, train.customers_per_item[columns], 0.5)
    bits = -np.log2(np.maximum(owners, 0.5) / len(train.users))
    rows = users.get_indexer(listed[Columns.USER])
    known = rows >= 0
    total = np.bincount(rows[known], bits[known], minlength=len(users))
    count = np.bincount(rows[known], minlength=len(users))
    return np.divide(total, count, out=np.full(len(users), np.nan), where=count > 0)


def coverage(recommendations: pd.DataFrame, train: Interactions, k: int) -> float:
    """Share of the training items that appear in at least one list."""
    listed = recommendations.loc[recommendations[Columns.RANK] <= k, Columns.ITEM]
    return listed[listed.isin(train.items)].nunique() / len(train.items)
