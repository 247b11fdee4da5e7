"""The weighted hybrid: lists of several algorithms made comparable, then added."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import pandas as pd

from reco.columns import Columns

#: Constant of reciprocal-rank fusion, as its authors set it.
DAMPING: Final = 60

Scores = pd.Series
Groups = pd.api.typing.SeriesGroupBy


def _minmax(scores: Scores, by_user: Groups) -> Scores:
    low, high, floor = by_user.transform("min"), by_user.transform("max"), 1 / by_user.transform("count")
    spread = (high - low).where(high > low, 1.0)
    return (floor + (1 - floor) * (scores - low) / spread).where(high > low, 1.0)


def _rank(scores: Scores, by_user: Groups) -> Scores:
    return by_user.rank(method="max") / by_user.transform("count")


def _zscore(scores: Scores, by_user: Groups) -> Scores:
    low, high = by_user.transform("min"), by_user.transform("max")
    deviation = by_user.transform(lambda own: own.std(ddof=0)) if len(scores) else scores
    differ = high > low  # the deviation of equal numbers need not be zero to the last digit
    return ((scores - low) / deviation.where(differ, 1.0) + 1 / by_user.transform("count")).where(differ, 1.0)


def _reciprocal(scores: Scores, by_user: Groups) -> Scores:
    return 1 / (DAMPING + by_user.rank(method="min", ascending=False))


#: How the scores of a list become comparable with those of another, within each user. Whatever is listed is above 0.
SCALINGS: Final[dict[str, Callable[[Scores, Groups], Scores]]] = {
    "minmax": _minmax,
    "rank": _rank,
    "zscore": _zscore,
    "reciprocal": _reciprocal,
}


def comparable(lists: Mapping[str, pd.DataFrame], scaling: str = "minmax") -> pd.DataFrame:
    """One row for each user and item that any list holds, one column of comparable scores for each list.

    Scores are scaled within each user and list of n items:

    - `minmax`: from 1/n for the lowest score to 1 for the highest;
    - `rank`: the share of the list's items that score no more, from 1/n to 1, whatever the distances;
    - `zscore`: in standard deviations, counted from the lowest score, plus 1/n, so that a score far above the others
      stays so;
    - `reciprocal`: 1 / (60 + rank), reciprocal-rank fusion (G. V. Cormack, C. L. A. Clarke, S. Büttcher, "Reciprocal
      rank fusion outperforms Condorcet and individual rank learning methods", SIGIR 2009).

    Equal scores stay equal, and where all are equal, each is 1 (but for `reciprocal`). Being listed always counts for
    something; an item that a list lacks scores 0 there. Sorted by user_id, item_id. Raises `ValueError` for another
    scaling.

    >>> a = pd.DataFrame({"user_id": ["u", "u"], "item_id": ["x", "y"], "score": [9.0, 3.0]})
    >>> comparable({"a": a})["a"].tolist()
    [1.0, 0.5]
    """
    if scaling not in SCALINGS:
        raise ValueError(f"scaling is {scaling!r}; expected one of {', '.join(SCALINGS)}")
    columns = []
    for name, frame in lists.items():
        scores = frame[Columns.SCORE].astype("float64")
        scaled = SCALINGS[scaling](scores, scores.groupby(frame[Columns.USER], observed=True))
        keys = pd.MultiIndex.from_frame(frame[[Columns.USER, Columns.ITEM]])
        columns.append(pd.Series(scaled.to_numpy(), index=keys, name=name))
    return pd.concat(columns, axis=1).fillna(0.0).sort_index().reset_index()


def weighted(scores: pd.DataFrame, weights: Mapping[str, float]) -> np.ndarray:
    """Weighted sum of each row of `comparable` scores, float32; NaN where no list that has a weight holds the item."""
    total = sum(weight * scores[name].to_numpy() for name, weight in weights.items())
    return np.where(total > 0, total, np.nan).astype("float32")


def strongest(scores: pd.DataFrame, weights: Mapping[str, float]) -> np.ndarray:
    """The part that adds most to each row of `comparable` scores, the first of equal ones; None where none does."""
    parts = list(weights)
    added = scores[parts].to_numpy() * np.array([weights[part] for part in parts])
    names = np.array([*parts, None], dtype=object)
    return names[np.where(added.max(axis=1) > 0, added.argmax(axis=1), -1)]


def add(scores: pd.DataFrame, weights: Mapping[str, float], k: int) -> pd.DataFrame:
    """The `k` best items of each user by their `weighted` scores: user_id, rank, item_id, score.

    Ties rank by item id, ascending.
    """
    return best(scores, weighted(scores, weights), k)


def best(scores: pd.DataFrame, total: np.ndarray, k: int) -> pd.DataFrame:
    """The `k` highest of `total` for each user of `scores` (sorted by user_id, item_id): user_id, rank, item_id, score.

    NaN is never chosen; ties rank by item id, ascending.
    """
    users, codes = np.unique(scores[Columns.USER].to_numpy(), return_inverse=True)
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


def blend(
    lists: Mapping[str, pd.DataFrame], weights: Mapping[str, float], k: int, scaling: str = "minmax"
) -> pd.DataFrame:
    """Lists of several algorithms (user_id, item_id, score) as one weighted list: user_id, rank, item_id, score."""
    return add(comparable({name: lists[name] for name in weights}, scaling), weights, k)


def simplex(parts: list[str], step: float) -> pd.DataFrame:
    """All weights of `parts` that add up to 1 in steps of `step`, one row each.

    >>> len(simplex(["a", "b", "c"], 0.5))
    6
    """
    n = round(1 / step)
    grid = np.stack(np.meshgrid(*[np.arange(n + 1)] * len(parts), indexing="ij"), axis=-1).reshape(-1, len(parts))
    return pd.DataFrame(grid[grid.sum(axis=1) == n] / n, columns=parts)
