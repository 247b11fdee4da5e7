"""Implicit feedback as ratings, in the form that Surprise reads."""

from itertools import pairwise
from typing import Final, Literal

import numpy as np
from scipy import sparse
from surprise import Trainset

#: How weights become ratings.
Ratings = Literal["log", "weight"]
RATINGS: Final = ("log", "weight")


def as_ratings(matrix: sparse.csr_matrix, ratings: Ratings = "log") -> sparse.csr_matrix:
    """The weights of `matrix` as ratings (CSR, float64, the same cells).

    "log" turns amounts into ratings from 1 to 5: log2(1 + weight), clipped; 1 for one purchase, 2 for three, 3
    for seven, 5 for 31 and more. "weight" takes weights that are ratings already as they are.

    >>> as_ratings(sparse.csr_matrix([[1.0, 3.0, 7.0, 100.0]])).data.tolist()
    [1.0, 2.0, 3.0, 5.0]
    """
    data = matrix.data.astype("float64")
    if ratings == "log":
        data = np.clip(np.log2(1 + np.maximum(data, 0)), 1, 5)
    return sparse.csr_matrix((data, matrix.indices, matrix.indptr), matrix.shape)


def build_trainset(ratings: sparse.csr_matrix) -> Trainset:
    """`ratings` as Surprise's training data: ids are row and column numbers, the scale is the lowest to the highest.

    Built from the arrays at once; Surprise's own way reads and translates one rating after the other.

    >>> build_trainset(sparse.csr_matrix([[0.0, 4.0], [3.0, 5.0]])).ir
    {0: [(1, 3.0)], 1: [(0, 4.0), (1, 5.0)]}
    """
    n_users, n_items = ratings.shape
    return Trainset(
        ur=_pairs(ratings),
        ir=_pairs(ratings.tocsc()),
        n_users=n_users,
        n_items=n_items,
        n_ratings=ratings.nnz,
        rating_scale=(float(ratings.data.min()), float(ratings.data.max())),
        raw2inner_id_users={row: row for row in range(n_users)},
        raw2inner_id_items={column: column for column in range(n_items)},
    )


def _pairs(matrix: sparse.csr_matrix | sparse.csc_matrix) -> dict[int, list[tuple[int, float]]]:
    """For each row (or column, if CSC) its (index, rating) pairs."""
    pairs = list(zip(matrix.indices.tolist(), matrix.data.tolist(), strict=True))
    return {number: pairs[start:end] for number, (start, end) in enumerate(pairwise(matrix.indptr.tolist()))}
