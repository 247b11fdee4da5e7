"""Matrix factorization of ratings: Surprise learns users and items as short vectors, blocked products score them."""

from dataclasses import dataclass

import numpy as np
import surprise

from reco.interactions import Interactions
from reco.models.base import Recommender, check_choice, register
from reco.models.matrix_factorization import cosine
from reco.models.ratings import RATINGS, Ratings, as_ratings, build_trainset


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
