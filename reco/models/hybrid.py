"""The weighted hybrid: lists of several algorithms made comparable, then added."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from reco.columns import Columns


def comparable(lists: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each user and item that any list holds, one column of scores in [0, 1] for each list.

    A list's scores are min-max scaled within each user, from just above 0 for its last item to 1 for its first, so
    that being listed always counts for something; an item that a list lacks scores 0 there. Sorted by user_id,
    item_id.

    >>> a = pd.DataFrame({"user_id": ["u", "u"], "item_id": ["x", "y"], "score": [9.0, 3.0]})
    >>> comparable({"a": a})["a"].tolist()
    [1.0, 0.5]
    """
    columns = []
    for name, frame in lists.items():
        scores = frame[Columns.SCORE].astype("float64")
        by_user = scores.groupby(frame[Columns.USER])
        low, high, count = (by_user.transform(how) for how in ("min", "max", "count"))
        floor = 1 / count
        spread = (high - low).where(high > low, 1.0)
        scaled = (floor + (1 - floor) * (scores - low) / spread).where(high > low, 1.0)
        keys = pd.MultiIndex.from_frame(frame[[Columns.USER, Columns.ITEM]])
        columns.append(pd.Series(scaled.to_numpy(), index=keys, name=name))
    return pd.concat(columns, axis=1).fillna(0.0).sort_index().reset_index()


def weighted(scores: pd.DataFrame, weights: Mapping[str, float]) -> np.ndarray:
    """Weighted sum of each row of `comparable` scores, float32; NaN where no list that has a weight holds the item."""
    total = sum(weight * scores[name].to_numpy() for name, weight in weights.items())
    return np.where(total > 0, total, np.nan).astype("float32")


def add(scores: pd.DataFrame, weights: Mapping[str, float], k: int) -> pd.DataFrame:
    """The `k` best items of each user by their `weighted` scores: user_id, rank, item_id, score.

    Ties rank by item id, ascending.
    """
    users, codes = np.unique(scores[Columns.USER].to_numpy(), return_inverse=True)
    total = weighted(scores, weights)
    order = np.lexsort((np.arange(len(total)), -total, codes))
    codes = codes[order]
    rank = np.arange(len(codes)) - np.searchsorted(codes, codes) + 1
    kept = (rank <= k) & ~np.isnan(total[order])
    return pd.DataFrame(
        {
            Columns.USER: users[codes[kept]],
            Columns.RANK: rank[kept],
            Columns.ITEM: scores[Columns.ITEM].to_numpy()[order][kept],
            Columns.SCORE: total[order][kept],
        }
    )


def blend(lists: Mapping[str, pd.DataFrame], weights: Mapping[str, float], k: int) -> pd.DataFrame:
    """Lists of several algorithms (user_id, item_id, score) as one weighted list: user_id, rank, item_id, score."""
    return add(comparable({name: lists[name] for name in weights}), weights, k)


def simplex(parts: list[str], step: float) -> pd.DataFrame:
    """All weights of `parts` that add up to 1 in steps of `step`, one row each.

    >>> len(simplex(["a", "b", "c"], 0.5))
    6
    """
    n = round(1 / step)
    grid = np.stack(np.meshgrid(*[np.arange(n + 1)] * len(parts), indexing="ij"), axis=-1).reshape(-1, len(parts))
    return pd.DataFrame(grid[grid.sum(axis=1) == n] / n, columns=parts)
