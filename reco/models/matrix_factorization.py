"""Matrix factorization: users and items as short vectors whose product is the score."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from reco.interactions import Interactions
from reco.models.base import Recommender, check_choice, no_zeros, register

#: What ALS makes of the weights; a negative weight stays a dislike, as implicit reads it.
WEIGHTS: Final[dict[str, Callable[[np.ndarray], np.ndarray]]] = {
    "count": lambda data: data,
    "log": lambda data: np.sign(data) * np.log2(1 + np.abs(data)),
    "binary": np.sign,
}


@register("als", "Alternating least squares")
@dataclass
class ALS(Recommender):
    """Factors that explain who has what, trusting a cell the more the larger its weight; empty cells count as no.

    Y. Hu, Y. Koren, C. Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008; solved by
    conjugate gradients (G. Takács, I. Pilászy, D. Tikk, RecSys 2011) in implicit's implementation. The same seed
    gives the same factors whatever the number of threads. Items similar to one are those whose factors have the
    highest cosine.

    Options:
        factors: length of the vectors.
        regularization: weight of the penalty on long vectors.
        alpha: confidence of a weight of 1; a cell is trusted 1 + alpha · weight.
        weights: "count" as they are, "log" as log2(1 + weight), "binary" as 1 each.
        iterations: alternations between users and items.
        threads: 0 for as many as there are cores.
        seed: of the first factors.
    """

    factors: int = 64
    regularization: float = 3.0
    alpha: float = 0.3
    weights: Literal["count", "log", "binary"] = "log"
    iterations: int = 15
    threads: int = 0
    seed: int = 0

    def _train(self, x: Interactions) -> None:
        check_choice(self, "weights", WEIGHTS)
        confidence = x.matrix.copy()
        weights = WEIGHTS[self.weights](confidence.data)
        # what implicit is given it takes for the whole confidence, not for what is added to 1
        confidence.data = np.sign(weights) + np.float32(self.alpha) * weights
        # implicit runs its own threads; those of the linear algebra library would get in their way
        with threadpool_limits(1, "blas"):
            model = AlternatingLeastSquares(
                factors=self.factors,
                regularization=self.regularization,
                alpha=1.0,
                iterations=self.iterations,
                num_threads=self.threads,
                random_state=self.seed,
            )
            model.fit(confidence, show_progress=False)
        self.user_factors, self.item_factors = model.user_factors, model.item_factors

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return self.user_factors[rows] @ self.item_factors.T

    def _resemble(self, columns: np.ndarray) -> np.ndarray:
        return cosine(self.item_factors, columns)


def cosine(vectors: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Cosine of some vectors with all, float32; NaN where one of the two is zero.

    >>> cosine(np.array([[3.0, 4.0], [4.0, 3.0], [0.0, 0.0]]), np.array([0])).round(2)
    array([[1.  , 0.96,  nan]], dtype=float32)
    """
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = (vectors / np.where(length > 0, length, 1)).astype("float32")
    return no_zeros(unit[columns] @ unit.T)
