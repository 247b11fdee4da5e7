"""Matrix factorization: users and items as short vectors whose product is the score."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import surprise
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from reco.interactions import Interactions
from reco.models.base import Recommender, check_choice, no_zeros, register
from reco.models.ratings import RATINGS, Ratings, as_ratings, build_trainset

#: What ALS makes of the weights; a negative weight stays a dislike, as implicit reads it.
WEIGHTS: Final[dict[str, Callable[[np.ndarray], np.ndarray]]] = {
    "count": lambda data: data,
    "log": lambda data: np.sign(data) * np.log2(1 + np.abs(data)),
    "binary": np.sign,
}


@dataclass(frozen=True)
class Factors:
    """What a fitted Surprise SVD has learned: mean + user bias + item bias + user factors · item factors.

    Attributes:
        mean: mean of all ratings.
        user_bias: (n_users,), float64.
        item_bias: (n_items,), float64.
        users: (n_users, n_factors), float64.
        items: (n_items, n_factors), float64.
        scale: lowest and highest rating.
    """

    mean: float
    user_bias: np.ndarray
    item_bias: np.ndarray
    users: np.ndarray
    items: np.ndarray
    scale: tuple[float, float]

    @classmethod
    def of(cls, algorithm: surprise.SVD) -> "Factors":
        """The factors of a fitted Surprise SVD, in the order of its inner ids."""
        data = algorithm.trainset
        mean = float(data.global_mean) if algorithm.biased else 0.0
        return cls(mean, algorithm.bu, algorithm.bi, algorithm.pu, algorithm.qi, data.rating_scale)

    def estimates(self, rows: np.ndarray, clip: bool = True) -> np.ndarray:
        """Estimated ratings (len(rows), n_items), float64, as Surprise's `predict` gives them one by one.

        Like `predict`, `clip` brings them into the scale. In float64, since a float32 product would exchange
        items whose estimates differ by less than its rounding.
        """
        estimates = self.users[rows] @ self.items.T
        estimates += (self.mean + self.user_bias[rows])[:, None]
        estimates += self.item_bias
        return np.clip(estimates, *self.scale, out=estimates) if clip else estimates


@register("svd", "Matrix factorization (SVD)")
@dataclass
class SVD(Recommender):
    """Ratings as the product of user and item factors, learned by stochastic gradient descent.

    Y. Koren, R. Bell, C. Volinsky, "Matrix factorization techniques for recommender systems", IEEE Computer 2009;
    the implementation is Surprise's. It learns from known cells only, so on purchases, which are all positive, it
    tells how much of an item a user buys rather than whether; `als` is made for that.

    The lists are those of Surprise's recipe (estimate every unseen pair with `test`, sort), with ties by item id.
    That recipe clips estimates to the rating scale, so several best items may tie at its end. Items similar to one
    are those whose factors have the highest cosine.

    Options:
        factors: length of the vectors.
        epochs: passes over the ratings.
        learning_rate: step of the descent.
        regularization: weight of the penalty on long vectors and large biases.
        ratings: "log" makes ratings of 1 to 5 out of amounts, "weight" takes the weights as ratings.
        clip: clip estimates to the rating scale as Surprise does; False keeps the order beyond its ends.
        seed: of the first factors.
    """

    factors: int = 50
    epochs: int = 20
    learning_rate: float = 0.005
    regularization: float = 0.02
    ratings: Ratings = "log"
    clip: bool = True
    seed: int = 0

    def _train(self, x: Interactions) -> None:
        check_choice(self, "ratings", RATINGS)
        algorithm = surprise.SVD(
            n_factors=self.factors,
            n_epochs=self.epochs,
            lr_all=self.learning_rate,
            reg_all=self.regularization,
            random_state=self.seed,
        )
        self.learned = Factors.of(algorithm.fit(build_trainset(as_ratings(x.matrix, self.ratings))))

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return self.learned.estimates(rows, self.clip)

    def _resemble(self, columns: np.ndarray) -> np.ndarray:
        return cosine(self.learned.items, columns)


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
