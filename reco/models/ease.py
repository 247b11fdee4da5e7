"""EASE: a linear model of which items go together, in closed form."""

import math
import warnings
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from scipy import sparse
from scipy.linalg import lapack

from reco.interactions import Interactions
from reco.models.base import BLOCK, Range, Recommender, no_zeros, register

#: Float32 rounds a user's fit at 1 about here: what is smaller is no evidence.
ROUNDING: Final = 1e-6


@register("ease", "EASE")
@dataclass
class EASE(Recommender):
    """The item weights that best predict each item of a user from the user's other items, by ridge regression.

    H. Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, arXiv 1905.03375. Binary input: a user
    has an item or not. Closed form: with P the inverse of XᵀX + l2·I, item i adds -P[i, j] / P[j, j] to item j.

    One dense float32 matrix is inverted, with a row for every item or, where users are fewer, for every user: by the
    matrix inversion lemma P = (I - Xᵀ·(X·Xᵀ + l2·I)⁻¹·X) / l2, which gives the same weights. It takes n² · 4 bytes
    (n = 10,000: 400 MB) and n³ operations. Above `max_memory_mb` only the items that most users have take part, as
    many as fit; a warning says how much of the demand they cover. The others have no score, nor does memory grow
    with items that nobody has. Items similar to one are those it adds most to, above 0.

    New events change what their users are scored by; the item weights wait for the next fit.

    Options:
        l2: weight of the penalty on large item weights; higher for sparser data.
        max_items: most items that take part, the most bought first, ties by item id; None for no such limit.
        max_memory_mb: most megabytes (10⁶ bytes) of the matrix that is inverted.

    Attributes:
        kept: column numbers of the items that take part, ascending.
        covered: share of the interactions that are with these items, from 0 to 1.
    """

    explains: ClassVar[bool] = True
    updates: ClassVar[bool] = True
    space: ClassVar = {"l2": Range(10.0, 5000.0, log=True)}

    l2: float = 300.0
    max_items: int | None = None
    max_memory_mb: float = 400.0

    def _train(self, x: Interactions) -> None:
        if self.l2 <= 0:
            raise ValueError(f"ease: l2 = {self.l2} is too small for a unique solution; expected a number above 0")
        popularity = x.customers_per_item
        wanted = int(np.count_nonzero(popularity))
        if self.max_items is not None:
            wanted = min(wanted, self.max_items)
        side = math.isqrt(int(self.max_memory_mb * 1e6 / 4))
        taken = wanted if min(wanted, len(x.users)) <= side else side
        if taken < 1:
            raise ValueError(
                f"ease: no product may take part with max_items = {self.max_items}, "
                f"max_memory_mb = {self.max_memory_mb}; expected higher limits"
            )
        self.kept = np.sort(np.argsort(-popularity, kind="stable")[:taken])
        self._place = np.full(len(x.items), -1)
        self._place[self.kept] = np.arange(taken)
        self.covered = float((self._place[x.log["item"]] >= 0).mean())
        if taken < wanted:
            warnings.warn(
                f"ease: {taken:,} of {wanted:,} products fit into max_memory_mb = {self.max_memory_mb:g}; "
                f"they cover {self.covered:.1%} of the interactions",
                stacklevel=2,
            )
        solve = ByUsers.solve if len(x.users) < taken else ByItems.solve
        self.solution = solve(self._binary(x.matrix), self.l2)
        self._fitted_row = np.arange(len(x.users))

    def _binary(self, matrix: sparse.csr_matrix) -> sparse.csr_matrix:
        """Rows of the user-item matrix as 1 for every kept item that a user has."""
        return matrix[:, self.kept].astype(bool).astype("float32")

    def _update(self, x: Interactions, rows: np.ndarray, first: int) -> None:
        fitted_row = np.full(len(x.users), -1)
        fitted_row[: len(self._fitted_row)] = self._fitted_row
        fitted_row[rows] = -1  # what was learned is of another history
        self._fitted_row = fitted_row

    def _score(self, rows: np.ndarray) -> np.ndarray:
        own = self._binary(self.interactions.matrix[rows])
        return self._spread(self.solution.scores(own, self._fitted_row[rows]))

    def _resemble(self, columns: np.ndarray) -> np.ndarray:
        place = self._place[columns]
        weights = self.solution.weights_of(place)
        weights[(weights <= 0) | (place < 0)[:, None]] = np.nan
        return self._spread(weights)

    def _contributions(self, rows: np.ndarray, columns: np.ndarray) -> sparse.csr_matrix:
        own = self._binary(self.interactions.matrix[rows])
        targets = np.repeat(self._place[columns], np.diff(own.indptr))
        weights = np.where(targets >= 0, self.solution.weights_between(own.indices, targets), 0)
        return sparse.csr_matrix((weights, self.kept[own.indices], own.indptr), (len(rows), len(self._place)))

    def _spread(self, scores: np.ndarray) -> np.ndarray:
        """Scores of the kept items as scores of all, NaN for 0."""
        if len(self.kept) == len(self._place):
            return no_zeros(scores)
        full = np.full((len(scores), len(self._place)), np.nan, "float32")
        full[:, self.kept] = no_zeros(scores)
        return full


@dataclass
class ByItems:
    """The item weights themselves.

    Attributes:
        weights: (n_items, n_items), float32, diagonal 0: what the item of the row adds to that of the column.
    """

    weights: np.ndarray

    @classmethod
    def solve(cls, binary: sparse.csr_matrix, l2: float) -> "ByItems":
        """Weights for who has what (users, n_items), 1 or 0."""
        weights = inverse(gram(binary.T.tocsr()), l2)
        weights /= -weights.diagonal()
        np.fill_diagonal(weights, 0)
        return cls(weights)

    def scores(self, own: sparse.csr_matrix, fitted: np.ndarray) -> np.ndarray:
        """Scores (len(own), n_items) of users by what they have; a new array."""
        return own @ self.weights

    def weights_of(self, items: np.ndarray) -> np.ndarray:
        """Weights (len(items), n_items) that some items add to all; a new array."""
        return self.weights[items]

    def weights_between(self, items: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """What each item adds to the target at the same place."""
        return self.weights[items, targets]


@dataclass
class ByUsers:
    """What the item weights follow from, where users are fewer than items.

    With K = (X·Xᵀ + l2·I)⁻¹ item i adds xᵢᵀ·K·xⱼ / (1 - xⱼᵀ·K·xⱼ) to item j, x the columns of X.

    Attributes:
        kernel: K, (n_users, n_users), float32.
        item_users: Xᵀ, (n_items, n_users), CSR float32.
        self_fit: xⱼᵀ·K·xⱼ of each item, below 1, float32: what of it would be predicted from itself.
        l2: the penalty.
    """

    kernel: np.ndarray
    item_users: sparse.csr_matrix
    self_fit: np.ndarray
    l2: float

    @classmethod
    def solve(cls, binary: sparse.csr_matrix, l2: float) -> "ByUsers":
        """What follows from who has what (n_users, n_items), 1 or 0."""
        kernel = inverse(gram(binary), l2)
        item_users = binary.T.tocsr()
        parts = []
        for start in range(0, item_users.shape[0], BLOCK):
            block = item_users[start : start + BLOCK]
            parts.append(np.asarray(block.multiply(block @ kernel).sum(axis=1)).ravel())
        return cls(kernel, item_users, np.concatenate(parts).astype("float32"), l2)

    def scores(self, own: sparse.csr_matrix, fitted: np.ndarray) -> np.ndarray:
        """Scores (len(own), n_items) of users by what they have; a new array.

        `fitted` is each user's row in the kernel, -1 for those who have come or changed since.
        """
        # own·Xᵀ·K, which is I - l2·K for the users of the fit
        reach = self.kernel[fitted] * np.float32(-self.l2)
        reach[np.arange(len(fitted)), fitted] += 1
        changed = fitted < 0
        if changed.any():
            reach[changed] = (own[changed] @ self.item_users) @ self.kernel
        scores = self._over_items(reach)
        # what an item would add to itself
        rows = np.repeat(np.arange(len(fitted)), np.diff(own.indptr))
        others = scores[rows, own.indices] - self.self_fit[own.indices]
        scores[rows, own.indices] = np.where(np.abs(others) < ROUNDING, 0, others)
        scores /= 1 - self.self_fit
        return scores

    def weights_of(self, items: np.ndarray) -> np.ndarray:
        """Weights (len(items), n_items) that some items add to all; a new array."""
        weights = self._over_items(self.item_users[items] @ self.kernel)
        weights /= 1 - self.self_fit
        weights[np.arange(len(items)), items] = 0
        return weights

    def weights_between(self, items: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """What each item adds to the target at the same place."""
        known, place = np.unique(targets, return_inverse=True)
        weights = self.item_users @ (self.item_users[known] @ self.kernel).T / (1 - self.self_fit[known])
        weights[known, np.arange(len(known))] = 0
        return weights[items, place]

    def _over_items(self, users: np.ndarray) -> np.ndarray:
        """Users as weights (any, n_users) times what they have: (any, n_items), float32."""
        sums = np.empty((len(users), self.item_users.shape[0]), "float32")
        across = np.ascontiguousarray(users.T)
        for start in range(0, sums.shape[1], BLOCK):
            sums[:, start : start + BLOCK] = (self.item_users[start : start + BLOCK] @ across).T
        return sums


def gram(vectors: sparse.csr_matrix) -> np.ndarray:
    """Products (n, n) of all rows with all, float32."""
    products = np.empty((vectors.shape[0],) * 2, "float32")
    columns = vectors.T.tocsr()
    for start in range(0, len(products), BLOCK):
        products[start : start + BLOCK] = (vectors[start : start + BLOCK] @ columns).toarray()
    return products


def inverse(matrix: np.ndarray, l2: float) -> np.ndarray:
    """The inverse of matrix + l2·I, in place: a symmetric, positive semidefinite float32 matrix in C order.

    Raises `ValueError` where `l2` is too small for float32 to tell the sum from a singular matrix.

    >>> inverse(np.array([[2, 1], [1, 2]], "float32"), 1.0).round(3).tolist()
    [[0.375, -0.125], [-0.125, 0.375]]
    """
    matrix[np.diag_indices(len(matrix))] += np.float32(l2)
    # the transpose, which is the same matrix, is in the order that LAPACK works in; it fills one triangle
    factor, failed = lapack.spotrf(matrix.T, lower=False, overwrite_a=True)
    if failed:
        raise ValueError(f"ease: l2 = {l2} is too small for a unique solution; expected a larger one")
    half = lapack.spotri(factor, lower=False, overwrite_c=True)[0].T
    for start in range(0, len(half), BLOCK):
        end = start + BLOCK
        half[start:end, end:] = half[end:, start:end].T
        block = np.tril(half[start:end, start:end])
        half[start:end, start:end] = block + np.tril(block, -1).T
    return half
