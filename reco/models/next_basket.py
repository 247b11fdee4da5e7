"""What will be in the next basket: models of what customers buy again, how often and when."""

from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

import numpy as np
from scipy import sparse

from reco.columns import Columns
from reco.interactions import Interactions
from reco.models.base import Range, Recommender, no_zeros, register
from reco.models.baskets import (
    find_nearest,
    log_of,
    missing,
    moments,
    order_baskets,
    owned,
    replace_rows,
    sum_baskets,
    without_returned,
)

DAY: Final = 86_400_000_000_000  # nanoseconds


@register("personal_frequency", "Personal frequency")
@dataclass
class PersonalFrequency(Recommender):
    """What the user bought most often before: the baseline that next-basket models often fail to beat.

    M. Li, S. Jullien, M. Ariannezhad, M. de Rijke, "A next basket recommendation reality check", ACM TOIS 2023.

    Options:
        half_life_days: days before the user's last purchase after which a purchase counts half; None counts all
            alike.
    """

    half_life_days: float | None = None

    repeats_only = True
    updates = True
    space: ClassVar = {"half_life_days": (None, 14.0, 30.0, 60.0, 120.0, 240.0)}

    def _train(self, x: Interactions) -> None:
        if self.half_life_days is None:
            return  # nothing to learn: the matrix is the model
        _check_between(self, "half_life_days", 1e-9, np.inf)
        if reason := missing(x, Columns.TIMESTAMP):
            raise ValueError(f"{self.name}: {reason}, unless half_life_days is None")
        self._recent = self._decayed(x, np.arange(len(x.users)))

    def _update(self, x: Interactions, rows: np.ndarray, first: int) -> None:
        if self.half_life_days is not None:
            self._recent = replace_rows(self._recent, rows, self._decayed(x, rows))

    def _decayed(self, x: Interactions, rows: np.ndarray) -> sparse.csr_matrix:
        """Weights (len(rows), n_items) by their age, for users by row number, ascending."""
        log = log_of(x, rows, x.log[Columns.WEIGHT].to_numpy() != 0)
        user, when = np.searchsorted(rows, log["user"]), moments(log)
        last = np.full(len(rows), np.iinfo("int64").min)
        np.maximum.at(last, user, when)
        weights = log[Columns.WEIGHT] * 0.5 ** ((last[user] - when) / (self.half_life_days * DAY))
        decayed = sparse.csr_matrix((weights, (user, log["item"])), (len(rows), len(x.items)), dtype="float64")
        return without_returned(decayed, x, rows)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        counted = self.interactions.matrix if self.half_life_days is None else self._recent
        scores = counted[rows].toarray()
        scores[scores <= 0] = np.nan
        return scores


@dataclass
class _OfBaskets(Recommender):
    """A model that learns from the order of each user's baskets."""

    updates = True

    @classmethod
    def lacks(cls, interactions: Interactions) -> str | None:
        return missing(interactions, Columns.TIMESTAMP, Columns.BASKET)


@register("tifu_knn", "TIFU-KNN")
@dataclass
class TIFUKNN(_OfBaskets):
    """How often and how lately the user and the users like them had each item in a basket.

    H. Hu, X. He, J. Gao, Z.-L. Zhang, "Modeling personalized item frequency information for next-basket
    recommendation", SIGIR 2020, arXiv 2006.00556. A user's baskets, in order of time, fall into `groups` of equal
    size (earlier groups have one less where they do not divide; with fewer baskets each is a group). A user's vector
    is the mean over the groups, the one g groups before the last times `group_decay`^g, of the mean over the group's
    baskets, the one b baskets before the group's last times `within_decay`^b; a basket holds 1 for each of its
    items. The score is alpha · own vector + (1 - alpha) · mean vector of the neighbours: the other users at the least
    Euclidean distance, ties by user number. They are found when asked for, so they are never out of date.

    The defaults are the best of those tried on the baskets before the last of the Complete Journey; the authors'
    own for the Ta-Feng store are 7, 0.9, 0.7, 300 and 0.7.

    Options:
        groups: how many groups a user's baskets fall into.
        within_decay: what a basket counts beside the next one of its group, above 0, at most 1.
        group_decay: what a group counts beside the next one, above 0, at most 1.
        neighbours: users who count as like the user.
        alpha: share of the user's own vector in the score, from 0 to 1.
    """

    groups: int = 7
    within_decay: float = 1.0
    group_decay: float = 0.7
    neighbours: int = 100
    alpha: float = 0.3

    space: ClassVar = {
        "groups": Range(2, 20),
        "within_decay": Range(0.7, 1.0),
        "group_decay": Range(0.4, 1.0),
        "neighbours": Range(30, 900, log=True),
        "alpha": Range(0.1, 0.9),
    }

    def _train(self, x: Interactions) -> None:
        for option in ("groups", "neighbours"):
            _check_between(self, option, 1, np.inf)
        for option in ("within_decay", "group_decay"):
            _check_between(self, option, 1e-9, 1)
        _check_between(self, "alpha", 0, 1)
        self._keep(self._represent(x, np.arange(len(x.users))))

    def _update(self, x: Interactions, rows: np.ndarray, first: int) -> None:
        self._keep(replace_rows(self._vectors, rows, self._represent(x, rows)))

    def _keep(self, vectors: sparse.csr_matrix) -> None:
        self._vectors = vectors
        self._squares = np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel()  # of their lengths

    def _represent(self, x: Interactions, rows: np.ndarray) -> sparse.csr_matrix:
        """Vectors (len(rows), n_items) of users by row number, ascending."""
        baskets = order_baskets(x, rows)
        groups = np.minimum(self.groups, baskets.of)
        size, larger = np.divmod(baskets.of, groups)  # the last `larger` groups have size + 1
        smaller = (groups - larger) * size  # baskets in groups of the smaller size
        late = baskets.place - smaller
        size = np.where(late < 0, size, size + 1)
        group = np.where(late < 0, baskets.place // size, groups - larger + late // size)
        before_last = size - 1 - np.where(late < 0, baskets.place, late) % size
        weights = self.within_decay**before_last * self.group_decay ** (groups - 1.0 - group) / (size * groups)
        return without_returned(sum_baskets(baskets, weights, len(rows)), x, rows)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        squares = self._squares

        def nearness(block: np.ndarray) -> np.ndarray:
            # of |v - w|² = |v|² - 2 v·w + |w|² the first term is the same for all neighbours
            near = 2 * (self._vectors @ self._vectors[block].T).toarray() - squares[:, None]
            near[squares == 0] = -np.inf  # nothing is known of them
            near[:, squares[block] == 0] = -np.inf
            near[block, np.arange(len(block))] = -np.inf
            return near

        others = find_nearest(rows, nearness, self.neighbours, len(squares))
        found = np.diff(others.indptr)
        others.data = np.repeat(1 / np.maximum(found, 1), found).astype("float32")
        mixed = self.alpha * self._vectors[rows] + (1 - self.alpha) * (others @ self._vectors)
        return no_zeros(mixed.astype("float32").toarray())


@register("up_cf", "UP-CF")
@dataclass
class UPCF(_OfBaskets):
    """What users with the same items, the user above all, had in the latest of their baskets.

    G. Faggioli, M. Polato, F. Aiolli, "Recency aware collaborative filtering for next basket recommendation", UMAP
    2020. The popularity of an item with a user is the share of the user's `recency` latest baskets that hold it. The
    score is the sum over users v of their popularity times w(u, v)^locality, where the asymmetric cosine w of the
    sets of items they ever had is |u ∩ v| / (|u|^asymmetry · |v|^(1 - asymmetry)) and w(u, u) = 1. Other than in
    the paper only the nearest `neighbours`, oneself among them, count; with a locality as usual the rest add nothing
    that shows.

    The defaults are the best of those tried on the baskets before the last of the Complete Journey.

    Options:
        recency: latest baskets that count, at least 1.
        locality: exponent of the similarity; the higher, the more the most similar users count.
        asymmetry: from 0 (share of their items that the user has) to 1 (share of the user's items that they have).
        neighbours: users who count.
    """

    recency: int = 25
    locality: float = 5.0
    asymmetry: float = 0.1
    neighbours: int = 300

    space: ClassVar = {
        "recency": Range(1, 100, log=True),
        "locality": Range(1.0, 50.0, log=True),
        "asymmetry": Range(0.0, 1.0),
    }

    def _train(self, x: Interactions) -> None:
        for option in ("recency", "neighbours"):
            _check_between(self, option, 1, np.inf)
        _check_between(self, "locality", 1e-9, np.inf)
        _check_between(self, "asymmetry", 0, 1)
        everyone = np.arange(len(x.users))
        self._had = owned(x, everyone)
        self._popularity = self._popular(x, everyone)

    def _update(self, x: Interactions, rows: np.ndarray, first: int) -> None:
        self._had = replace_rows(self._had, rows, owned(x, rows))
        self._popularity = replace_rows(self._popularity, rows, self._popular(x, rows))

    def _popular(self, x: Interactions, rows: np.ndarray) -> sparse.csr_matrix:
        """Share of the latest baskets with each item, (len(rows), n_items), for users by row number, ascending."""
        baskets = order_baskets(x, rows)
        counted = np.minimum(self.recency, baskets.of)
        weights = np.where(baskets.place >= baskets.of - counted, 1 / counted, 0)
        return without_returned(sum_baskets(baskets, weights, len(rows)), x, rows)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        sizes = np.maximum(np.diff(self._had.indptr), 1).astype("float32")

        def nearness(block: np.ndarray) -> np.ndarray:
            common = (self._had @ self._had[block].T).toarray()
            common /= sizes[:, None] ** (1 - self.asymmetry)
            common /= sizes[block] ** self.asymmetry
            near = common**self.locality
            near[near == 0] = -np.inf
            return near

        others = find_nearest(rows, nearness, self.neighbours, len(sizes))
        return no_zeros((others @ self._popularity).astype("float32").toarray())


class _Rhythm(NamedTuple):
    """When users bought items: users x items matrices with the same stored cells.

    Attributes:
        days: on how many days.
        span: days from the first to the last of them.
        last: the last of them, in days since 1970.
    """

    days: sparse.csr_matrix
    span: sparse.csr_matrix
    last: sparse.csr_matrix


@register("due_again", "Due again")
@dataclass
class DueAgain(Recommender):
    """What the user buys again and again and has not bought for about as long as it usually lasts.

    After the Poisson-gamma models of R. Bhagat, S. Muralidharan, A. Lobzhanidze, S. Vishwanath, "Buy it again:
    modeling repeat purchase recommendations", KDD 2018. With n the days on which the user bought the item, `usual`
    the mean days between purchases of the item over all users, q the share of its buyers who bought it on two days
    or more, and elapsed the days from the user's last purchase to the last day of all:

        rate  = (n - 1 + q) / (days from first to last purchase + elapsed + usual)
        lasts = (days from first to last purchase + shrinkage · usual) / (n - 1 + shrinkage)
        score = rate · min(1, (elapsed + ahead_days) / lasts)

    The rate, in purchases a day, falls once the item is overdue; the second factor keeps back what is not due yet.
    Items that nobody bought on two days have no usual time and no score.

    Options:
        ahead_days: an item due within so many days counts as due.
        shrinkage: intervals of the usual length that the user's own are averaged with, above 0.
    """

    ahead_days: float = 14.0
    shrinkage: float = 1.0

    repeats_only = True
    updates = True
    space: ClassVar = {"ahead_days": Range(0.0, 56.0), "shrinkage": Range(0.1, 10.0, log=True)}

    @classmethod
    def lacks(cls, interactions: Interactions) -> str | None:
        return missing(interactions, Columns.TIMESTAMP)

    def _train(self, x: Interactions) -> None:
        _check_between(self, "ahead_days", 0, np.inf)
        _check_between(self, "shrinkage", 1e-9, np.inf)
        self._rhythm = self._observe(x, np.arange(len(x.users)))
        self._compare()

    def _update(self, x: Interactions, rows: np.ndarray, first: int) -> None:
        pairs = zip(self._rhythm, self._observe(x, rows), strict=True)
        self._rhythm = _Rhythm(*(replace_rows(before, rows, now) for before, now in pairs))
        self._compare()

    def _observe(self, x: Interactions, rows: np.ndarray) -> _Rhythm:
        """The rhythm of users by row number, ascending: (len(rows), n_items) each."""
        log, n_items = log_of(x, rows, x.log[Columns.WEIGHT].to_numpy() > 0), len(x.items)
        day = moments(log) // DAY
        first, length = (day.min(), np.ptp(day) + 1) if len(day) else (0, 1)
        cell = np.searchsorted(rows, log["user"]) * np.int64(n_items) + log["item"].to_numpy()
        visits = np.sort(cell * length + (day - first))  # several on one day are one
        cell, day = np.divmod(visits[np.diff(visits, prepend=-1) > 0], length)
        start = np.flatnonzero(np.diff(cell, prepend=-1))
        end = np.append(start, len(cell))[1:]
        user, item = np.divmod(cell[start], n_items)
        had = owned(x, rows).tocoo()
        still = np.isin(cell[start], had.row * np.int64(n_items) + had.col, assume_unique=True)  # not all given back
        user, item, start, end = user[still], item[still], start[still], end[still]
        indptr = np.searchsorted(user, np.arange(len(rows) + 1))
        facts = (end - start, day[end - 1] - day[start], day[end - 1] + first)
        shape = (len(rows), n_items)
        return _Rhythm(*(sparse.csr_matrix((fact.astype("float32"), item, indptr), shape) for fact in facts))

    def _compare(self) -> None:
        """Learn of every item how long it usually lasts and who buys it again."""
        days, span, last = self._rhythm
        n = days.shape[1]
        intervals = np.bincount(days.indices, days.data - 1, n)
        self._usual = np.divide(
            np.bincount(days.indices, span.data, n), intervals, out=np.full(n, np.nan), where=intervals > 0
        )
        buyers = np.bincount(days.indices, minlength=n)
        self._again = np.bincount(days.indices, days.data > 1, n) / np.maximum(buyers, 1)
        self._today = float(last.data.max(initial=0))

    def _score(self, rows: np.ndarray) -> np.ndarray:
        days, span, last = (facts[rows] for facts in self._rhythm)
        usual = self._usual[days.indices]
        elapsed = self._today - last.data
        rate = (days.data - 1 + self._again[days.indices]) / (span.data + elapsed + usual)
        lasts = (span.data + self.shrinkage * usual) / (days.data - 1 + self.shrinkage)
        due = np.minimum(1, (elapsed + self.ahead_days) / lasts)
        scores = np.full(days.shape, np.nan, "float32")
        scores[np.repeat(np.arange(len(rows)), np.diff(days.indptr)), days.indices] = rate * due
        return scores


def _check_between(model: Recommender, option: str, low: float, high: float) -> None:
    """Raise `ValueError` unless the model's `option` is a number from `low` to `high`."""
    value = getattr(model, option)
    if not low <= value <= high:
        raise ValueError(f"{model.name}: {option} is {value!r}; expected a number from {low:g} to {high:g}")
