"""Nearest neighbours by rating: the mean of what the most similar users gave an item."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
from scipy import sparse
from surprise import KNNBasic

from reco.interactions import Interactions
from reco.models.base import BLOCK, Recommender, check_choice, register
from reco.models.ratings import RATINGS, Ratings, as_ratings, build_trainset

#: Cells of a block of (users, items, raters): 4 MB of float32, which a processor's cache holds.
CELLS: Final = 2**20


class RaterGroup(NamedTuple):
    """Items with about as many raters each, padded to the longest.

    Attributes:
        items: (n,) column numbers.
        raters: (n, width) row numbers of the users who rated each item; n_users where padded.
        ratings: (n, width) float32 ratings; 0 where padded.
    """

    items: np.ndarray
    raters: np.ndarray
    ratings: np.ndarray


@register("user_knn", "User-based neighbours (ratings)")
@dataclass
class UserKNN(Recommender):
    """The mean rating that the nearest users who have the item gave it, weighted by similarity.

    P. Resnick et al., "GroupLens: an open architecture for collaborative filtering of netnews", CSCW 1994. The
    similarities and the estimates are those of Surprise's KNNBasic: of the users who rated an item the `neighbours`
    most similar count, as far as their similarity is above 0. Where Surprise falls back to the mean of all ratings,
    for want of neighbours, there is no score.

    A mean says nothing of how many it was taken over: one neighbour who loves an item outranks thirty who like it.
    `min_neighbours` asks for more. For purchases rather than ratings `user_cosine` is made, which counts neighbours.

    Items with at most `neighbours` raters are one matrix product, for all their raters count; the others take a
    partial sort of their raters by similarity, in blocks. Fitting holds five matrices of n_users² · 8 bytes (10,000
    users: 4 GB), hence `max_users`.

    Options:
        neighbours: most neighbours that count for an item; Surprise's `k`.
        min_neighbours: fewest neighbours for a score; Surprise's `min_k`.
        similarity: Surprise's "cosine", "msd" (mean squared difference) or "pearson", over common items.
        min_common: users with fewer items in common are not similar; Surprise's `min_support`.
        ratings: "log" makes ratings of 1 to 5 out of amounts, "weight" takes the weights as ratings.
        max_users: raise `ValueError` beyond.
    """

    neighbours: int = 40
    min_neighbours: int = 1
    similarity: Literal["cosine", "msd", "pearson"] = "cosine"
    min_common: int = 1
    ratings: Ratings = "log"
    max_users: int = 10_000

    def _train(self, x: Interactions) -> None:
        check_choice(self, "similarity", ("cosine", "msd", "pearson"))
        check_choice(self, "ratings", RATINGS)
        if len(x.users) > self.max_users:
            raise ValueError(
                f"user_knn: {len(x.users)} users, more than max_users = {self.max_users}; "
                "the similarity of all pairs would not fit into memory"
            )
        ratings = as_ratings(x.matrix, self.ratings)
        options = {"name": self.similarity, "user_based": True, "min_support": self.min_common}
        similarity = KNNBasic(sim_options=options, verbose=False).fit(build_trainset(ratings)).sim

        # of equally similar neighbours Surprise takes the first; ranks, unlike similarities, are never equal
        order = np.argsort(-similarity, axis=1, kind="stable")
        rank = np.empty(order.shape, "int16" if len(order) < 2**15 else "int32")
        np.put_along_axis(rank, order, np.arange(len(order), dtype=rank.dtype)[None], axis=1)
        # one row a neighbour, to gather raters as whole rows; the last, behind all and not similar, is to pad with
        self._rank = np.pad(rank.T, ((0, 1), (0, 0)), constant_values=len(rank))
        self._similarity = np.pad(np.maximum(similarity, 0).astype("float32"), ((0, 1), (0, 0)))

        raters = x.customers_per_item
        columns = ratings.astype("float32").tocsc()
        self._few = np.flatnonzero((raters <= self.neighbours) & (raters > 0))
        self._few_ratings = columns[:, self._few].T.tocsr()
        many = np.flatnonzero(raters > self.neighbours)
        self._groups = list(_groups(columns, many[np.argsort(raters[many], kind="stable")]))

    def _score(self, rows: np.ndarray) -> np.ndarray:
        rank, similarity = self._rank.take(rows, axis=1), self._similarity.take(rows, axis=1)
        scores = np.full((len(rows), len(self.interactions.items)), np.nan, "float32")
        scores[:, self._few] = self._from_all_raters(similarity[:-1]).T
        for group in self._groups:
            scores[:, group.items] = self._from_nearest_raters(rank, similarity, group).T
        return scores

    def _from_all_raters(self, similarity: np.ndarray) -> np.ndarray:
        rated = self._few_ratings.astype(bool).astype("float32")
        counts = rated @ (similarity > 0).astype("float32") if self.min_neighbours > 1 else None
        return self._estimate(self._few_ratings @ similarity, rated @ similarity, counts)

    def _from_nearest_raters(self, rank: np.ndarray, similarity: np.ndarray, group: RaterGroup) -> np.ndarray:
        # (items, users, raters), contiguous: a partial sort along another axis takes four times as long
        by_user = np.ascontiguousarray(rank[group.raters].transpose(0, 2, 1))
        by_user.partition(self.neighbours - 1, axis=-1)
        last = by_user[:, None, :, self.neighbours - 1]
        nearest = similarity[group.raters]
        nearest *= rank[group.raters] <= last
        counts = (nearest > 0).sum(axis=1) if self.min_neighbours > 1 else None
        return self._estimate(np.einsum("iru,ir->iu", nearest, group.ratings), nearest.sum(axis=1), counts)

    def _estimate(self, totals: np.ndarray, weights: np.ndarray, counts: np.ndarray | None) -> np.ndarray:
        enough = weights > 0 if counts is None else counts >= self.min_neighbours
        return np.where(enough, totals / np.where(weights > 0, weights, 1), np.nan)


def _groups(ratings: sparse.csc_matrix, items: np.ndarray) -> Iterator[RaterGroup]:
    """`items`, ascending by number of raters, in groups that fill a block of `BLOCK` users."""
    lengths = np.diff(ratings.indptr)[items]
    start = 0
    while start < len(items):
        # the longest of a group is its last: as many items as fit at that width
        width = lengths[start:]
        fits = np.flatnonzero(np.arange(1, len(width) + 1) * width * BLOCK <= CELLS)
        end = start + (int(fits[-1]) + 1 if len(fits) else 1)
        shape = (end - start, int(lengths[end - 1]))
        chosen = ratings[:, items[start:end]]
        places = np.repeat(np.arange(shape[0]), lengths[start:end]), _within(chosen.indptr)
        raters, values = np.full(shape, ratings.shape[0]), np.zeros(shape, "float32")
        raters[places], values[places] = chosen.indices, chosen.data
        yield RaterGroup(items[start:end], raters, values)
        start = end


def _within(indptr: np.ndarray) -> np.ndarray:
    """Position of each stored cell within its column."""
    return np.arange(indptr[-1]) - np.repeat(indptr[:-1], np.diff(indptr))
