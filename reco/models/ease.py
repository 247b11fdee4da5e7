"""EASE: a linear model of which items go together, in closed form."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from reco.interactions import Interactions
from reco.models.base import Recommender, no_zeros, register


@register("ease", "EASE")
@dataclass
class EASE(Recommender):
    """The item weights that best predict each item of a user from the user's other items, by ridge regression.

    H. Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, arXiv 1905.03375. Binary input: a user
    has an item or not. Closed form: with P the inverse of XᵀX + l2·I, item i adds -P[i, j] / P[j, j] to item j.

    It holds one dense float32 matrix of n² · 4 bytes (n = 5,000: 100 MB; while fitting, twice that) and takes n³
    operations, so only the `max_items` items that most users have take part; the others have no score. Items
    similar to one are those it adds most to, above 0.

    Options:
        l2: weight of the penalty on large item weights; higher for sparser data.
        max_items: items that take part, the most bought first, ties by item id.
    """

    l2: float = 300.0
    max_items: int = 5000

    def _train(self, x: Interactions) -> None:
        popularity = x.customers_per_item
        self.kept = np.sort(np.argsort(-popularity, kind="stable")[: self.max_items])
        self._binary = x.matrix[:, self.kept].astype(bool).astype("float32")
        self.weights = item_weights((self._binary.T @ self._binary).toarray(order="F"), self.l2)
        self._place = np.full(len(x.items), -1)
        self._place[self.kept] = np.arange(len(self.kept))

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return self._spread(no_zeros(self._binary[rows] @ self.weights))

    def _resemble(self, columns: np.ndarray) -> np.ndarray:
        place = self._place[columns]
        weights = self.weights[place]
        weights[(weights <= 0) | (place < 0)[:, None]] = np.nan
        return self._spread(weights)

    def _spread(self, scores: np.ndarray) -> np.ndarray:
        """Scores of the kept items as scores of all."""
        full = np.full((len(scores), len(self._place)), np.nan, "float32")
        full[:, self.kept] = scores
        return full


def item_weights(gram: np.ndarray, l2: float) -> np.ndarray:
    """The weights (n, n), float32, diagonal 0, for a co-occurrence matrix, which is overwritten.

    `gram` is float32 in Fortran order, so that LAPACK works in place. Raises `ValueError` where it is not
    positive definite, that is where `l2` is not above 0.
    """
    n = len(gram)
    gram[np.diag_indices(n)] += np.float32(l2)
    factor, failed = lapack.spotrf(gram, lower=False, overwrite_a=True)
    if failed:
        raise ValueError(f"ease: l2 = {l2} is too small for a unique solution; expected a number above 0")
    inverse, _ = lapack.spotri(factor, lower=False, overwrite_c=True)
    # LAPACK fills the upper triangle only
    upper = np.triu(inverse, 1)
    diagonal = inverse.diagonal().copy()
    weights = upper + upper.T
    weights /= -diagonal
    return weights
