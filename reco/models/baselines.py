"""Baselines: what any other model has to beat."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy import sparse

from reco.columns import Columns
from reco.interactions import Interactions
from reco.models.base import Range, Recommender, register
from reco.models.baskets import missing, moments, replace_rows


@register("popularity", "Popularity")
@dataclass
class Popularity(Recommender):
    """The items that most users have, for everyone."""

    knows_new_users = True
    updates = True

    def _train(self, x: Interactions) -> None:
        self._popularity = x.customers_per_item.astype("float32")

    def _update(self, x: Interactions, rows: np.ndarray, first: int) -> None:
        self._train(x)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return np.tile(self._popularity, (len(rows), 1))

    def _score_newcomer(self) -> np.ndarray:
        return self._popularity


@register("trending", "Trending")
@dataclass
class Trending(Recommender):
    """Items that sell more of late than their longer record lets expect, for everyone.

    Score: (recent - expected) / sqrt(expected + 1), where recent counts the interactions of the last
    `recent_days` and expected is the item's rate before them over as many days; the Poisson z-value.
    """

    recent_days: int = 14

    knows_new_users = True
    updates = True
    space: ClassVar = {"recent_days": Range(3, 56, log=True)}

    @classmethod
    def lacks(cls, interactions: Interactions) -> str | None:
        return missing(interactions, Columns.TIMESTAMP)

    def _train(self, x: Interactions) -> None:
        days = moments(x.log) / 86_400e9
        items, n = x.log["item"].to_numpy(), len(x.items)
        bought = x.log[Columns.WEIGHT].to_numpy() > 0  # a return is no demand
        if not bought.any():
            raise ValueError(f"{self.name}: no interaction has a weight above 0")
        days, items = days[bought], items[bought]
        start = days.max() - self.recent_days
        recent = days > start
        now = np.bincount(items[recent], minlength=n)
        before = np.bincount(items[~recent], minlength=n)
        expected = before * self.recent_days / max(start - days.min(), 1.0)
        self._trend = ((now - expected) / np.sqrt(expected + 1)).astype("float32")

    def _update(self, x: Interactions, rows: np.ndarray, first: int) -> None:
        self._train(x)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return np.tile(self._trend, (len(rows), 1))

    def _score_newcomer(self) -> np.ndarray:
        return self._trend


@register("category_popularity", "Popular in the customer's categories")
@dataclass
class CategoryPopularity(Recommender):
    """Popular items of the categories that the user buys more in than others do.

    Score: users who have the item, times the user's share of purchases in the item's category over the share of the
    category among the items that all users have. The user's share counts `prior` purchases of the average user
    beside the user's own, so that no category is ruled out; a user without history gets the popular items. Items
    without a category are scored by their popularity alone.

    Options:
        prior: purchases of the average user that each user's own are mixed with, above 0.
    """

    prior: float = 1.0

    knows_new_users = True
    updates = True
    space: ClassVar = {"prior": Range(0.1, 100.0, log=True)}

    @classmethod
    def lacks(cls, interactions: Interactions) -> str | None:
        products = interactions.products
        known = products is not None and Columns.CATEGORY in products and products[Columns.CATEGORY].notna().any()
        return None if known else "needs the category of products"

    def _train(self, x: Interactions) -> None:
        if not self.prior > 0:
            raise ValueError(f"{self.name}: prior is {self.prior!r}; expected a number above 0")
        numbers, _ = pd.factorize(x.products[Columns.CATEGORY])
        self._category = numbers  # of each item, -1 where unknown
        self._count(x, self._purchases(x, np.arange(len(x.users))))

    def _update(self, x: Interactions, rows: np.ndarray, first: int) -> None:
        self._count(x, replace_rows(self._bought, rows, self._purchases(x, rows)))

    def _purchases(self, x: Interactions, rows: np.ndarray) -> sparse.csr_matrix:
        """How much users, by row number, bought in each category."""
        amounts = x.matrix[rows]
        amounts.data = np.maximum(amounts.data, 0)
        known = np.flatnonzero(self._category >= 0)
        shape = (len(x.items), self._category.max() + 1)
        belongs = sparse.csr_matrix((np.ones(len(known), "float32"), (known, self._category[known])), shape)
        return amounts @ belongs

    def _count(self, x: Interactions, bought: sparse.csr_matrix) -> None:
        self._bought = bought
        self._popularity = x.customers_per_item.astype("float32")
        known = self._category >= 0
        size = np.bincount(self._category[known], self._popularity[known], self._category.max() + 1)
        self._usual = (size / max(size.sum(), 1)).astype("float32")  # share of each category among all

    def _score(self, rows: np.ndarray) -> np.ndarray:
        own = self._bought[rows].toarray() + self.prior * self._usual
        shares = own / np.maximum(own.sum(axis=1, keepdims=True), np.finfo("float32").tiny)
        lift = np.divide(shares, self._usual, out=np.ones_like(shares), where=self._usual > 0)
        # the last column is that of items without a category, number -1
        lift = np.column_stack([lift, np.ones(len(rows), "float32")])
        return lift[:, self._category] * self._popularity

    def _score_newcomer(self) -> np.ndarray:
        return self._popularity


@register("random", "Random")
@dataclass
class Random(Recommender):
    """Items in an order that means nothing: what luck alone achieves.

    The score of a user and an item is drawn, uniformly from 0 to 1, by hashing `seed` and both ids, so it is the
    same in any block, in any order and after any update. Users without history share one draw.
    """

    seed: int = 0

    knows_new_users = True
    updates = True

    def _train(self, x: Interactions) -> None:
        self._users, self._items = (
            pd.util.hash_pandas_object(ids, index=False).to_numpy() for ids in (x.users, x.items)
        )

    def _update(self, x: Interactions, rows: np.ndarray, first: int) -> None:
        self._train(x)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return self._draw(self._users[rows])

    def _score_newcomer(self) -> np.ndarray:
        return self._draw(np.zeros(1, "uint64"))[0]

    def _draw(self, users: np.ndarray) -> np.ndarray:
        """Numbers (len(users), n_items) for hashes of users."""
        z = _mix(users + np.uint64(self.seed % 2**64))[:, None] ^ self._items
        return (_mix(z) >> np.uint64(40)).astype("float32") / np.float32(1 << 24)


def _mix(z: np.ndarray) -> np.ndarray:
    """Numbers of which every bit depends on every bit of `z`, uint64.

    The finalizer of G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
