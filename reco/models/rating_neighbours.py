"""Nearest neighbours by rating: what the most similar users gave an item, as such or compared with what is usual."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, NamedTuple

import numpy as np
from scipy import sparse
from surprise import BaselineOnly

from reco.interactions import Interactions
from reco.models.base import BLOCK, Range, Recommender, check_choice, register
from reco.models.ratings import RATINGS, Ratings, as_ratings, build_trainset

#: Cells of a block of (users, items, raters): 4 MB of float32, which a processor's cache holds.
CELLS: Final = 2**20


class Usual(NamedTuple):
    """The rating to expect of a user for an item, were it not for neighbours: the sum of two parts.

    Attributes:
        users: (n_users,) float64.
        items: (n_items,) float64.
    """

    users: np.ndarray
    items: np.ndarray


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
    partial sort of their raters by similarity, in blocks. Similarities are computed in blocks of users, too, and
    kept with the ranks of neighbours in n_users² · 6 bytes (10,000 users: 600 MB), hence `max_users`.

    Options:
        neighbours: most neighbours that count for an item; Surprise's `k`.
        min_neighbours: fewest neighbours for a score; Surprise's `min_k`.
        similarity: Surprise's "cosine", "msd" (mean squared difference) or "pearson", over common items. Between
            neighbours equally near by "msd" rounding decides in Surprise, unless ratings are whole numbers; here
            it is always the first.
        min_common: users with fewer items in common are not similar; Surprise's `min_support`.
        ratings: "log" makes ratings of 1 to 5 out of amounts, "weight" takes the weights as ratings.
        max_users: raise `ValueError` beyond.
        threads: 0 for as many as there are cores.
    """

    measures: ClassVar[tuple[str, ...]] = ("cosine", "msd", "pearson")
    space: ClassVar = {
        "neighbours": Range(10, 200, log=True),
        "min_neighbours": Range(1, 20, log=True),
        "similarity": ("cosine", "msd", "pearson"),
        "min_common": Range(1, 20, log=True),
    }

    neighbours: int = 40
    min_neighbours: int = 1
    similarity: Literal["cosine", "msd", "pearson"] = "cosine"
    min_common: int = 1
    ratings: Ratings = "log"
    max_users: int = 10_000
    threads: int = 0

    def _train(self, x: Interactions) -> None:
        check_choice(self, "similarity", self.measures)
        check_choice(self, "ratings", RATINGS)
        if self.neighbours < 1:
            raise ValueError(f"{self.name}: neighbours is {self.neighbours}; expected 1 or more")
        if len(x.users) > self.max_users:
            raise ValueError(
                f"{self.name}: {len(x.users)} users, more than max_users = {self.max_users}; "
                "the similarity of all pairs would not fit into memory"
            )
        ratings = as_ratings(x.matrix, self.ratings)
        self.usual = self._usual(ratings)
        self._compare(ratings)
        raters = x.customers_per_item
        columns = unusual(ratings, self.usual).astype("float32").tocsc()
        self._few = np.flatnonzero((raters <= self.neighbours) & (raters > 0))
        self._few_ratings = columns[:, self._few].T.tocsr()
        many = np.flatnonzero(raters > self.neighbours)
        self._groups = list(_groups(columns, many[np.argsort(raters[many], kind="stable")]))

    def _usual(self, ratings: sparse.csr_matrix) -> Usual:
        """What ratings are compared with before they are averaged; here nothing."""
        return Usual(*map(np.zeros, ratings.shape))

    def _similar(self, ratings: sparse.csr_matrix) -> Iterator[np.ndarray]:
        """The similarities of blocks of users to all."""
        return similarities(ratings, MEASURES[self.similarity], self.min_common)

    def _compare(self, ratings: sparse.csr_matrix) -> None:
        # one row a neighbour, to gather raters as whole rows; the last, behind all and not similar, is to pad with
        n = ratings.shape[0]
        self._rank = np.full((n + 1, n), n, "int16" if n < 2**15 else "int32")
        self._similarity = np.zeros((n + 1, n), "float32")
        start = 0
        for similarity in self._similar(ratings):
            # of equally similar neighbours Surprise takes the first; ranks, unlike similarities, are never equal
            order = np.argsort(-similarity, axis=1, kind="stable")
            rank = np.empty(order.shape, self._rank.dtype)
            np.put_along_axis(rank, order, np.arange(n, dtype=rank.dtype)[None], axis=1)
            block = slice(start, start := start + len(order))
            self._rank[:n, block], self._similarity[:n, block] = rank.T, np.maximum(similarity, 0).T

    def _score(self, rows: np.ndarray) -> np.ndarray:
        rank, similarity = self._rank.take(rows, axis=1), self._similarity.take(rows, axis=1)
        scores = np.full((len(rows), len(self.interactions.items)), np.nan, "float32")
        scores[:, self._few] = self._from_all_raters(similarity[:-1]).T

        def put(group: RaterGroup) -> None:
            scores[:, group.items] = self._from_nearest_raters(rank, similarity, group).T

        with ThreadPoolExecutor(self.threads or None) as pool:
            list(pool.map(put, self._groups))
        scores += self.usual.users[rows, None].astype("float32")
        scores += self.usual.items.astype("float32")
        return scores

    def _from_all_raters(self, similarity: np.ndarray) -> np.ndarray:
        rated = self._few_ratings.copy()
        rated.data = np.ones_like(rated.data)  # a rating may be as usual, which is 0 here
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


@register("user_knn_means", "User-based neighbours (ratings less the user's mean)")
@dataclass
class UserKNNMeans(UserKNN):
    """The user's mean, and how far above theirs the nearest users who have the item rated it, by similarity.

    P. Resnick et al., "GroupLens: an open architecture for collaborative filtering of netnews", CSCW 1994, whose
    similarity, Pearson's correlation, is the default. The estimates are those of Surprise's KNNWithMeans; where it
    falls back to the user's mean, for want of neighbours, there is no score. Options are those of `user_knn`.
    """

    similarity: Literal["cosine", "msd", "pearson"] = "pearson"

    def _usual(self, ratings: sparse.csr_matrix) -> Usual:
        known = np.diff(ratings.indptr)
        return Usual(np.asarray(ratings.sum(axis=1)).ravel() / np.maximum(known, 1), np.zeros(ratings.shape[1]))


@register("user_knn_baseline", "User-based neighbours (ratings less the baseline)")
@dataclass
class UserKNNBaseline(UserKNN):
    """The baseline of user and item, and how far above theirs the nearest users rated the item, by similarity.

    Y. Koren, "Factor in the neighbors: scalable and accurate collaborative filtering", ACM TKDD 2010, formula 3. The
    estimates are those of Surprise's KNNBaseline, whose baselines (mean of all ratings, and what user and item add
    to it, by alternating least squares) are taken from Surprise; where it falls back to the baseline, for want of
    neighbours, there is no score. Options are those of `user_knn`, and:

    Options:
        similarity: also "pearson_baseline", the correlation of differences from the baseline.
        shrinkage: "pearson_baseline" is multiplied by (n - 1) / (n - 1 + shrinkage) for n common items.
    """

    measures: ClassVar[tuple[str, ...]] = ("cosine", "msd", "pearson", "pearson_baseline")
    space: ClassVar = UserKNN.space | {"similarity": measures, "shrinkage": Range(1.0, 500.0, log=True)}

    similarity: Literal["cosine", "msd", "pearson", "pearson_baseline"] = "pearson_baseline"
    shrinkage: float = 100.0

    def _usual(self, ratings: sparse.csr_matrix) -> Usual:
        model = BaselineOnly(verbose=False).fit(build_trainset(ratings))
        return Usual(model.trainset.global_mean + model.bu, model.bi)

    def _similar(self, ratings: sparse.csr_matrix) -> Iterator[np.ndarray]:
        if self.similarity != "pearson_baseline":
            return super()._similar(ratings)

        def shrunk(sums: Sums) -> np.ndarray:
            pairs = np.maximum(sums(0, 0) - 1, 0)
            return cosine(sums) * _ratio(pairs, pairs + self.shrinkage)

        return similarities(unusual(ratings, self.usual), shrunk, self.min_common)


def unusual(ratings: sparse.csr_matrix, usual: Usual) -> sparse.csr_matrix:
    """Ratings less what is usual, float64; zeros stay stored.

    >>> unusual(sparse.csr_matrix([[4.0, 2.0]]), Usual(np.array([3.0]), np.array([1.0, 0.0]))).toarray().tolist()
    [[0.0, -1.0]]
    """
    rows = np.repeat(np.arange(ratings.shape[0]), np.diff(ratings.indptr))
    data = ratings.data - (usual.users[rows] + usual.items[ratings.indices])
    return sparse.csr_matrix((data, ratings.indices, ratings.indptr), ratings.shape)


#: Sums over the items that two users have in common: of the one's rating to a power times the other's to a power,
#: for a block of users and all, (users of the block, n_users) float64.
Sums = Callable[[int, int], np.ndarray]


def cosine(sums: Sums) -> np.ndarray:
    """Products over the square root of the products of squares."""
    return _ratio(sums(1, 1), np.sqrt(sums(2, 0) * sums(0, 2)))


def msd(sums: Sums) -> np.ndarray:
    """One over one plus the mean squared difference, which is rounded, so that users equally near are so exactly."""
    squared = np.round(np.maximum(sums(2, 0) + sums(0, 2) - 2 * sums(1, 1), 0), 9)
    return 1 / (_ratio(squared, sums(0, 0)) + 1)


def pearson(sums: Sums) -> np.ndarray:
    """The correlation; 0 where one of the two rates all alike."""
    n, one, other = sums(0, 0), sums(1, 0), sums(0, 1)
    spread = (n * sums(2, 0) - one**2) * (n * sums(0, 2) - other**2)
    return _ratio(n * sums(1, 1) - one * other, np.sqrt(np.maximum(spread, 0)))


MEASURES: Final[dict[str, Callable[[Sums], np.ndarray]]] = {"cosine": cosine, "msd": msd, "pearson": pearson}


def similarities(
    ratings: sparse.csr_matrix, measure: Callable[[Sums], np.ndarray], min_common: int
) -> Iterator[np.ndarray]:
    """The similarities of blocks of users to all, (users of the block, n_users) float64; of users to themselves 1.

    They are 0 where two users have fewer than `min_common` items in common. Surprise computes the same for all users
    at once. Sums run in the order of items, as they do there, and are equal to the last bit, on which it may hang
    who is the nearer of two neighbours.
    """
    squares, known = ratings.copy(), ratings.copy()
    squares.data, known.data = ratings.data**2, np.ones(ratings.nnz)
    powers = (known, ratings, squares)
    by_item = [matrix.T.tocsr() for matrix in powers]

    for start in range(0, ratings.shape[0], BLOCK):
        block = [matrix[start : start + BLOCK] for matrix in powers]

        def sums(one: int, other: int, block: list[sparse.csr_matrix] = block) -> np.ndarray:
            return (block[one] @ by_item[other]).toarray()

        similarity = np.where(sums(0, 0) >= max(min_common, 1), measure(sums), 0)
        own = np.arange(len(similarity))
        similarity[own, start + own] = 1
        yield similarity


def _ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    return np.divide(over, under, out=np.zeros_like(over), where=under > 0)


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
