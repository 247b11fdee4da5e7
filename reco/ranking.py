"""Ranks in long arrays: the best columns of every row, and places within groups."""

import numpy as np


def top_k(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and column numbers of the `k` highest scores of every row, best first, ties by lower column.

    Only what reaches a bound that at least `k` scores of the row reach is sorted. NaN and negative infinity are never
    chosen.

    >>> top_k(np.array([[1.0, 3.0, 3.0, np.nan]]), 2)
    (array([0, 0]), array([1, 2]))
    """
    k = min(k, scores.shape[1])
    if k <= 0 or not len(scores):
        return np.empty(0, "int64"), np.empty(0, "int64")
    least = np.maximum(_bound(scores, k), np.finfo(scores.dtype).min)
    rows, columns = np.nonzero(scores >= least[:, None])
    order = np.lexsort((-scores[rows, columns], rows))  # stable: the columns stay ascending among equals
    order = order[place(rows[order]) < k]
    return rows[order], columns[order]


def _bound(scores: np.ndarray, k: int) -> np.ndarray:
    """A bound for each row that at least `k` of its scores reach, and few more; negative infinity where fewer do.

    It is the k-th best of the maxima of groups of columns: one pass over the scores, and a partial sort of few numbers,
    where a partial sort of all takes many times as long.
    """
    width = max(1, int(np.sqrt(scores.shape[1] / k)))
    groups = scores.shape[1] // width
    # a group is every so many columns, so that the maximum is taken over whole rows of neighbouring numbers
    grouped = scores[:, : groups * width].reshape(len(scores), width, groups)
    best = np.fmax.reduce(grouped, axis=1)
    best[np.isnan(best)] = -np.inf
    return np.partition(best, groups - k, axis=1)[:, groups - k]


def place(groups: np.ndarray) -> np.ndarray:
    """Position of each element within its run of equal, ascending group numbers, from 0.

    >>> place(np.array([3, 3, 5])).tolist()
    [0, 1, 0]
    """
    if not len(groups):
        return np.empty(0, "int64")
    starts = np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]]))
    return np.arange(len(groups)) - np.repeat(starts, np.diff(np.append(starts, len(groups))))


def best_cells(rows: np.ndarray, columns: np.ndarray, scores: np.ndarray, k: int) -> np.ndarray:
    """Places of the `k` highest scores of every row among cells, row by row, best first, ties by lower column.

    Cells are given by row number, column number and score; NaN and negative infinity are never chosen.

    >>> best_cells(np.array([0, 0, 1]), np.array([4, 2, 0]), np.array([1.0, 1.0, np.nan]), 1).tolist()
    [1]
    """
    known = np.flatnonzero(scores > -np.inf)
    order = known[np.lexsort((columns[known], -scores[known], rows[known]))]
    return order[place(rows[order]) < k]
