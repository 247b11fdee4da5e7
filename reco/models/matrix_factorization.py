"""Matrix factorization: users and items as short vectors whose product is the score."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
from scipy import sparse
from scipy.sparse.linalg import svds
from threadpoolctl import threadpool_limits

from reco.interactions import Interactions
from reco.models.base import Range, Recommender, check_choice, no_zeros, register

#: What is made of the weights of the matrix; a negative one stays negative.
WEIGHTS: Final[dict[str, Callable[[np.ndarray], np.ndarray]]] = {
    "count": lambda data: data,
    "log": lambda data: np.sign(data) * np.log2(1 + np.abs(data)),
    "binary": np.sign,
}
Weights = Literal["count", "log", "binary"]


@dataclass
class Factorization(Recommender):
    """A model that learns factors. Items similar to one are those whose factors have the highest cosine.

    Attributes:
        user_factors: (n_users, n_factors), float32.
        item_factors: (n_items, n_factors), float32.
    """

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return self.user_factors[rows] @ self.item_factors.T

    def _resemble(self, columns: np.ndarray) -> np.ndarray:
        return cosine(self.item_factors, columns)


@dataclass
class FoldedIn(Factorization):
    """A factorization in which a user's factors follow from the user's row and the factors of the items.

    New events change the factors of their users; those of the items wait for the next fit.
    """

    updates: ClassVar[bool] = True

    @abstractmethod
    def _fold_in(self, rows: sparse.csr_matrix) -> np.ndarray:
        """Factors (len(rows), n_factors), float32, of users by what they have."""

    def _update(self, x: Interactions, rows: np.ndarray, first: int) -> None:
        grown = np.zeros((len(x.users), self.user_factors.shape[1]), "float32")
        grown[: len(self.user_factors)] = self.user_factors
        grown[rows] = self._fold_in(x.matrix[rows])
        self.user_factors = grown


@register("als", "Alternating least squares")
@dataclass
class ALS(FoldedIn):
    """Factors that explain who has what, trusting a cell the more the larger its weight; empty cells count as no.

    Y. Hu, Y. Koren, C. Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008; solved by
    conjugate gradients (G. Takács, I. Pilászy, D. Tikk, RecSys 2011) in implicit's implementation. The same seed
    gives the same factors whatever the number of threads.

    The factors of users with new events solve their normal equations exactly (equation 4 of the paper).

    Options:
        factors: length of the vectors.
        regularization: weight of the penalty on long vectors.
        alpha: confidence of a weight of 1; a cell is trusted 1 + alpha · weight.
        weights: "count" as they are, "log" as log2(1 + weight), "binary" as 1 each; one below 0 is a dislike.
        iterations: alternations between users and items.
        threads: 0 for as many as there are cores.
        seed: of the first factors.
    """

    space: ClassVar = {
        "factors": Range(16, 128, log=True),
        "regularization": Range(0.1, 100.0, log=True),
        "alpha": Range(0.05, 20.0, log=True),
        "weights": tuple(WEIGHTS),
    }

    factors: int = 64
    regularization: float = 3.0
    alpha: float = 0.3
    weights: Weights = "log"
    iterations: int = 15
    threads: int = 0
    seed: int = 0

    def _train(self, x: Interactions) -> None:
        check_choice(self, "weights", WEIGHTS)
        # implicit runs its own threads; those of the linear algebra library would get in their way
        with threadpool_limits(1, "blas"):
            model = self._solver()
            model.fit(self._confidence(x.matrix), show_progress=False)
        self.user_factors, self.item_factors = model.user_factors, model.item_factors

    def _fold_in(self, rows: sparse.csr_matrix) -> np.ndarray:
        with threadpool_limits(1, "blas"):
            model = self._solver()
            model.item_factors = self.item_factors
            return model.recalculate_user(np.arange(rows.shape[0]), self._confidence(rows))

    def _solver(self) -> AlternatingLeastSquares:
        return AlternatingLeastSquares(
            factors=self.factors,
            regularization=self.regularization,
            alpha=1.0,
            iterations=self.iterations,
            num_threads=self.threads,
            random_state=self.seed,
        )

    def _confidence(self, rows: sparse.csr_matrix) -> sparse.csr_matrix:
        """How far each cell is trusted, below 0 for a dislike: for implicit the whole, not what is added to 1."""
        weights = WEIGHTS[self.weights](rows.data)
        trust = (np.sign(weights) + np.float32(self.alpha) * weights).astype("float32")
        return sparse.csr_matrix((trust, rows.indices, rows.indptr), rows.shape)


@register("bpr", "Bayesian personalized ranking")
@dataclass
class BPR(Factorization):
    """Factors and item biases that put what a user has above what the user has not, learned pair by pair.

    S. Rendle, C. Freudenthaler, Z. Gantner, L. Schmidt-Thieme, "BPR: Bayesian personalized ranking from implicit
    feedback", UAI 2009; stochastic gradient descent in implicit's implementation. A user has an item or not: amounts
    make no difference, and weights below 0 count as not. It runs in one thread, since several would overwrite each
    other's steps in an order of chance. The last factor of every user is 1, that of an item its bias.

    Options:
        factors: length of the vectors without the bias.
        learning_rate: step of the descent.
        regularization: weight of the penalty on long vectors and large biases.
        iterations: pairs drawn, as a multiple of what all users have.
        seed: of the first factors and of the pairs.
    """

    space: ClassVar = {
        "factors": Range(16, 128, log=True),
        "learning_rate": Range(0.001, 0.05, log=True),
        "regularization": Range(0.001, 0.1, log=True),
        "iterations": Range(10, 60),
    }

    factors: int = 32
    learning_rate: float = 0.01
    regularization: float = 0.01
    iterations: int = 30
    seed: int = 0

    @classmethod
    def lacks(cls, interactions: Interactions) -> str | None:
        """Something that a user has."""
        return None if (interactions.matrix.data > 0).any() else "needs weights above 0"

    def _train(self, x: Interactions) -> None:
        model = BayesianPersonalizedRanking(
            factors=self.factors,
            learning_rate=self.learning_rate,
            regularization=self.regularization,
            iterations=self.iterations,
            num_threads=1,
            random_state=self.seed,
        )
        with threadpool_limits(1, "blas"):
            model.fit((x.matrix > 0).astype("float32"), show_progress=False)
        self.user_factors, self.item_factors = model.user_factors, model.item_factors

    def _resemble(self, columns: np.ndarray) -> np.ndarray:
        return cosine(self.item_factors[:, :-1], columns)


@register("pure_svd", "PureSVD")
@dataclass
class PureSVD(FoldedIn):
    """The user-item matrix, empty cells as 0, seen through its strongest directions: scores X·V·Vᵀ.

    P. Cremonesi, Y. Koren, R. Turrin, "Performance of recommender algorithms on top-N recommendation tasks", RecSys
    2010. V are the right singular vectors of the largest singular values, by scipy's ARPACK, each with its largest
    entry above 0; directions in which the data do not reach are left out. User factors are X·V: a user folded in has
    the factors that a user of the fit would have.

    Options:
        factors: number of directions.
        weights: "count" as they are, "log" as log2(1 + weight), "binary" as 1 each, the sign kept.
        seed: of the first vector of the iteration, of which the result is independent but for rounding.
    """

    explains: ClassVar[bool] = True
    space: ClassVar = {"factors": Range(8, 256, log=True), "weights": tuple(WEIGHTS)}

    factors: int = 64
    weights: Weights = "log"
    seed: int = 0

    def _train(self, x: Interactions) -> None:
        check_choice(self, "weights", WEIGHTS)
        with threadpool_limits(1, "blas"):  # as the order of a sum can change its last digit
            self.item_factors = strongest_directions(self._amounts(x.matrix), self.factors, self.seed)
        self.user_factors = self._fold_in(x.matrix)

    def _fold_in(self, rows: sparse.csr_matrix) -> np.ndarray:
        return self._amounts(rows) @ self.item_factors

    def _amounts(self, rows: sparse.csr_matrix) -> sparse.csr_matrix:
        return sparse.csr_matrix((WEIGHTS[self.weights](rows.data), rows.indices, rows.indptr), rows.shape)

    def _contributions(self, rows: np.ndarray, columns: np.ndarray) -> sparse.csr_matrix:
        own = self._amounts(self.interactions.matrix[rows])
        targets = np.repeat(columns, np.diff(own.indptr))
        own.data *= np.einsum("pf,pf->p", self.item_factors[own.indices], self.item_factors[targets])
        return own


def strongest_directions(matrix: sparse.csr_matrix, factors: int, seed: int = 0) -> np.ndarray:
    """The right singular vectors of the `factors` largest singular values above 0: (n_columns, at most `factors`).

    float32, the strongest first, the entry that is furthest from 0 above it.

    >>> strongest_directions(sparse.csr_matrix([[3.0, 3.0]]), 1).round(3)
    array([[0.707],
           [0.707]], dtype=float32)
    """
    if factors < min(matrix.shape):
        _, values, vectors = svds(matrix.astype("float64"), k=factors, rng=np.random.default_rng(seed))
        vectors = vectors.T
    else:  # all there are, from the smaller of the two products of the matrix with itself
        exact = matrix.astype("float64")
        if exact.shape[1] <= exact.shape[0]:
            values, vectors = np.linalg.eigh((exact.T @ exact).toarray())
        else:
            values, vectors = np.linalg.eigh((exact @ exact.T).toarray())
            vectors = exact.T @ vectors
        values = np.sqrt(np.maximum(values, 0))
    order = np.argsort(-values, kind="stable")
    vectors = vectors[:, order[values[order] > 1e-6 * values.max()]]
    vectors = vectors / np.linalg.norm(vectors, axis=0)
    furthest = np.abs(vectors).argmax(axis=0)
    return (vectors * np.sign(vectors[furthest, np.arange(len(furthest))])).astype("float32")


def cosine(vectors: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Cosine of some vectors with all, float32; NaN where one of the two is zero.

    >>> cosine(np.array([[3.0, 4.0], [4.0, 3.0], [0.0, 0.0]]), np.array([0])).round(2)
    array([[1.  , 0.96,  nan]], dtype=float32)
    """
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = (vectors / np.where(length > 0, length, 1)).astype("float32")
    return no_zeros(unit[columns] @ unit.T)
