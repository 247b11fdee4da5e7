"""Matrix factorization of ratings: Surprise learns users and items as short vectors, blocked products score them."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from surprise import AlgoBase

from reco.interactions import Interactions
from reco.models.base import Range, Recommender, check_choice, register
from reco.models.matrix_factorization import cosine
from reco.models.ratings import RATINGS, Ratings, as_ratings, build_trainset, make_algorithm, user_vectors


@dataclass(frozen=True)
class Factors:
    """What a factorization has learned: mean + user bias + item bias + user factors · item factors.

    Attributes:
        mean: mean of all ratings; 0 where there are no biases.
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
    def of(cls, algorithm: AlgoBase) -> Self:
        """The factors of Surprise's fitted SVD, SVD++ or NMF, in the order of its inner ids."""
        data = algorithm.trainset
        mean = float(data.global_mean) if getattr(algorithm, "biased", True) else 0.0  # SVD++ always has biases
        return cls(mean, algorithm.bu, algorithm.bi, user_vectors(algorithm), algorithm.qi, data.rating_scale)

    def spread(self, rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> Self:
        """The same for users and items of which only those at `rows` and `columns` were learned; 0 for the others."""
        n_users, n_items = shape
        return type(self)(
            self.mean,
            _spread(self.user_bias, rows, n_users),
            _spread(self.item_bias, columns, n_items),
            _spread(self.users, rows, n_users),
            _spread(self.items, columns, n_items),
            self.scale,
        )

    def estimates(self, rows: np.ndarray, clip: bool = True) -> np.ndarray:
        """Estimated ratings (len(rows), n_items), float64, as Surprise's `predict` gives them one by one.

        Like `predict`, `clip` brings them into the scale. In float64, since a float32 product would exchange
        items whose estimates differ by less than its rounding.
        """
        estimates = self.users[rows] @ self.items.T
        estimates += (self.mean + self.user_bias[rows])[:, None]
        estimates += self.item_bias
        return np.clip(estimates, *self.scale, out=estimates) if clip else estimates


@dataclass
class RatingFactorization(Recommender):
    """Ratings as the product of user and item factors, learned by Surprise from the known cells only.

    On purchases, which are all positive, that tells how much of an item a user buys rather than whether; `als` is
    made for that. The lists are those of Surprise's recipe (estimate every unseen pair with `test`, sort), with ties
    by item id. That recipe clips estimates to the rating scale, so several best items may tie at its end. Items
    similar to one are those whose factors have the highest cosine.

    Options:
        factors: length of the vectors.
        epochs: passes over the ratings.
        regularization: weight of the penalty on long vectors and large biases.
        ratings: "log" makes ratings of 1 to 5 out of amounts, "weight" takes the weights as ratings.
        clip: clip estimates to the rating scale as Surprise does; False keeps the order beyond its ends.
        seed: of the first factors.
    """

    factors: int = 50
    epochs: int = 20
    regularization: float = 0.02
    ratings: Ratings = "log"
    clip: bool = True
    seed: int = 0

    @abstractmethod
    def _algorithm(self) -> AlgoBase:
        """Surprise's algorithm with the model's options, unfitted."""

    def _train(self, x: Interactions) -> None:
        check_choice(self, "ratings", RATINGS)
        ratings = as_ratings(x.matrix, self.ratings)
        # users and items without ratings would get random factors, and NMF would divide by zero
        rows, columns = np.flatnonzero(np.diff(ratings.indptr)), np.flatnonzero(x.customers_per_item)
        algorithm = self._algorithm().fit(build_trainset(ratings[rows][:, columns]))
        self.learned = Factors.of(algorithm).spread(rows, columns, ratings.shape)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return self.learned.estimates(rows, self.clip)

    def _resemble(self, columns: np.ndarray) -> np.ndarray:
        return cosine(self.learned.items, columns)


@register("svd", "Matrix factorization (SVD)")
@dataclass
class SVD(RatingFactorization):
    """Biases and factors by stochastic gradient descent: the factorization that won fame in the Netflix prize.

    Y. Koren, R. Bell, C. Volinsky, "Matrix factorization techniques for recommender systems", IEEE Computer 2009;
    the implementation is Surprise's. For options see `RatingFactorization`.

    Options:
        learning_rate: step of the descent.
    """

    learning_rate: float = 0.005

    space: ClassVar[Mapping[str, Range | tuple]] = {
        "factors": Range(10, 200, log=True),
        "epochs": Range(5, 50),
        "learning_rate": Range(0.001, 0.02, log=True),
        "regularization": Range(0.005, 0.5, log=True),
        "clip": (True, False),
    }

    def _algorithm(self) -> AlgoBase:
        return make_algorithm(
            "svd",
            self.seed,
            n_factors=self.factors,
            n_epochs=self.epochs,
            lr_all=self.learning_rate,
            reg_all=self.regularization,
        )


@register("svdpp", "Matrix factorization with implicit feedback (SVD++)")
@dataclass
class SVDpp(RatingFactorization):
    """SVD whose user vectors also hold what the user rated, whatever the rating: p_u + |I_u|^-1/2 · sum of y_j.

    Y. Koren, "Factorization meets the neighborhood: a multifaceted collaborative filtering model", KDD 2008; the
    implementation is Surprise's. I_u are the items of the user and y_j a second set of item factors.

    Each step of the descent moves the factors of all items of the user, so an epoch grows with the square of how many
    items users have. The defaults are therefore small, to learn from 700,000 cells in about ten seconds; Surprise's
    own are 20 factors and 20 epochs, which MovieLens with its 100,000 cells allows. For options see
    `RatingFactorization`.

    Options:
        learning_rate: step of the descent.
    """

    factors: int = 5
    epochs: int = 3
    learning_rate: float = 0.007

    space: ClassVar[Mapping[str, Range | tuple]] = {
        "factors": Range(2, 20, log=True),
        "epochs": Range(2, 8),
        "learning_rate": Range(0.002, 0.05, log=True),
        "regularization": Range(0.005, 0.5, log=True),
        "clip": (True, False),
    }

    def _algorithm(self) -> AlgoBase:
        return make_algorithm(
            "svdpp",
            self.seed,
            n_factors=self.factors,
            n_epochs=self.epochs,
            lr_all=self.learning_rate,
            reg_all=self.regularization,
        )


@register("nmf", "Non-negative matrix factorization (NMF)")
@dataclass
class NMF(RatingFactorization):
    """Factors that are never negative, so that a user is a sum of tastes: no biases, multiplicative steps.

    X. Luo, M. Zhou, Y. Xia, Q. Zhu, "An efficient non-negative matrix-factorization-based approach to collaborative
    filtering for recommender systems", IEEE Transactions on Industrial Informatics 2014, after D. Lee, H. S. Seung,
    "Algorithms for non-negative matrix factorization", NIPS 2000; the implementation is Surprise's. Raises
    `ValueError` for negative ratings. For options see `RatingFactorization`.
    """

    factors: int = 15
    epochs: int = 50
    regularization: float = 0.06

    space: ClassVar[Mapping[str, Range | tuple]] = {
        "factors": Range(5, 50, log=True),
        "epochs": Range(10, 100, log=True),
        "regularization": Range(0.005, 0.5, log=True),
        "clip": (True, False),
    }

    def _train(self, x: Interactions) -> None:
        if self.ratings == "weight" and x.matrix.data.min() < 0:
            raise ValueError(f"nmf: ratings must not be negative; found {x.matrix.data.min():g}")
        super()._train(x)

    def _algorithm(self) -> AlgoBase:
        return make_algorithm(
            "nmf",
            self.seed,
            n_factors=self.factors,
            n_epochs=self.epochs,
            reg_pu=self.regularization,
            reg_qi=self.regularization,
        )


def _spread(values: np.ndarray, places: np.ndarray, n: int) -> np.ndarray:
    """An array of length `n` with `values` at `places` and 0 elsewhere."""
    spread = np.zeros((n, *values.shape[1:]))
    spread[places] = values
    return spread
