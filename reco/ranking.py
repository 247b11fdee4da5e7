"""Ranks in long arrays: the best columns of every row, and places within groups."""

import numpy as np


def top_k(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and column numbers of the `k` highest scores of every row, best first, ties by lower column.

    A partial sort finds the k-th score of each row; only what reaches it is sorted. NaN and negative infinity
    are never chosen.

    >>> top_k(np.array([[1.0, 3.0, 3.0, np.nan]]), 2)
    (array([0, 0]), array([1, 2]))
    """
    k = min(k, scores.shape[1])
    if k <= 0 or not len(scores):
        return np.empty(0, "int64"), np.empty(0, "int64")
    # negated, because sorting puts NaN last
    negated = -scores
    least = np.partition(negated, k - 1, axis=1)[:, k - 1]
    least = np.where(least < np.inf, least, np.finfo(scores.dtype).max)
    rows, columns = np.nonzero(negated <= least[:, None])
    values = negated[rows, columns]
    # of the scores equal to the k-th, only as many as fit, lowest columns first
    is_tie = values == least[rows]
    free = k - np.bincount(rows[~is_tie], minlength=len(scores))
    ties = np.flatnonzero(is_tie)
    late = ties[place(rows[ties]) >= free[rows[ties]]]
    rows, columns, values = (np.delete(array, late) for array in (rows, columns, values))
    order = np.lexsort((values, rows))  # stable: the columns stay ascending among equals
    return rows[order], columns[order]


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
