"""Nearest neighbours by co-purchase: items that the same users have, users who have the same items."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

import numpy as np
from implicit.nearest_neighbours import bm25_weight, tfidf_weight
from scipy import sparse

from reco.interactions import Interactions
from reco.models.base import BLOCK, Range, Recommender, check_choice, no_zeros, register
from reco.models.nearest import multiplied, nearest_columns, products, refreshed, replace_rows

#: What the weights of the matrix are compared as; no amount is below 0.
AMOUNTS: Final[dict[str, Callable[[np.ndarray], np.ndarray]]] = {
    "count": lambda data: np.maximum(data, 0),
    "log": lambda data: np.log2(1 + np.maximum(data, 0)),
    "binary": lambda data: (data > 0).astype("float32"),
}
Amounts = Literal["count", "log", "binary"]


def as_amounts(matrix: sparse.csr_matrix, weights: Amounts) -> sparse.csr_matrix:
    """The weights of `matrix` as amounts (CSR float32, no zeros).

    >>> as_amounts(sparse.csr_matrix([[3.0, -1.0]], dtype="float32"), "log").toarray().tolist()
    [[2.0, 0.0]]
    """
    amounts = matrix.copy()
    amounts.data = AMOUNTS[weights](amounts.data)
    amounts.eliminate_zeros()
    return amounts


def unit_columns(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """The columns of `matrix` with length 1, float64, so that their products are cosines; empty ones stay empty.

    >>> unit_columns(sparse.csr_matrix([[3.0, 0.0], [4.0, 2.0]])).toarray().tolist()
    [[0.6, 0.0], [0.8, 1.0]]
    """
    data = matrix.data.astype("float64")
    lengths = np.sqrt(np.bincount(matrix.indices, data**2, minlength=matrix.shape[1]))[matrix.indices]
    units = np.divide(data, lengths, out=np.zeros_like(data), where=lengths > 0)
    return sparse.csr_matrix((units, matrix.indices, matrix.indptr), matrix.shape)


def centred(amounts: sparse.csr_matrix) -> sparse.csr_matrix:
    """Known cells less the mean of their row, float64; no stored zeros.

    >>> centred(sparse.csr_matrix([[1.0, 3.0, 0.0], [0.0, 5.0, 0.0]])).toarray().tolist()
    [[-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    known = np.diff(amounts.indptr)
    rows = np.repeat(np.arange(len(known)), known)
    data = amounts.data.astype("float64")  # in which equal float32 add up without rounding, to a mean that is theirs
    means = np.bincount(rows, data, minlength=len(known)) / np.maximum(known, 1)
    data -= means[rows]
    differences = sparse.csr_matrix((data, amounts.indices.copy(), amounts.indptr.copy()), amounts.shape)
    differences.eliminate_zeros()
    return differences


#: How amounts are weighted so that products of columns are similarities; BM25 with its usual K1 and B.
SIMILARITIES: Final[dict[str, Callable[[sparse.csr_matrix], sparse.csr_matrix]]] = {
    "cosine": unit_columns,
    "tfidf": lambda amounts: unit_columns(tfidf_weight(amounts.T).T.tocsr()),
    "bm25": lambda amounts: bm25_weight(amounts.T, K1=1.2, B=0.75).T.tocsr(),
    "adjusted_cosine": lambda amounts: unit_columns(centred(amounts)),
}
UserSimilarity = Literal["cosine", "tfidf", "bm25"]
ItemSimilarity = Literal["cosine", "tfidf", "bm25", "adjusted_cosine"]


@dataclass
class ItemNeighbours(Recommender):
    """What is nearest to what the user has: the user's amounts times the lists of nearest items.

    A subclass makes the lists, items x items, in `_lists` and keeps them right in `_refreshed`.
    """

    explains = True
    updates = True
    space: ClassVar = {"neighbours": Range(5, 500, log=True), "weights": tuple(AMOUNTS)}

    neighbours: int = 100
    weights: Amounts = "log"
    threads: int = 0

    def _train(self, x: Interactions) -> None:
        check_neighbours(self)
        check_choice(self, "weights", AMOUNTS)
        self._amounts = as_amounts(x.matrix, self.weights)
        self.nearest = self._lists(x)

    @abstractmethod
    def _lists(self, x: Interactions) -> sparse.csr_matrix:
        """The nearest items of every item with their similarities, (n_items, n_items) float32."""

    @abstractmethod
    def _refreshed(self, x: Interactions, first: int) -> sparse.csr_matrix:
        """`nearest` after the events from place `first` of the log of `x` on."""

    def _update(self, x: Interactions, rows: np.ndarray, first: int) -> None:
        self._amounts = replace_rows(self._amounts, rows, as_amounts(x.matrix[rows], self.weights))
        self.nearest = self._refreshed(x, first)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return no_zeros(multiplied(self._amounts[rows], self.nearest, self.threads))

    def _resemble(self, columns: np.ndarray) -> np.ndarray:
        return no_zeros(self.nearest[columns].toarray())

    def _contributions(self, rows: np.ndarray, columns: np.ndarray) -> sparse.csr_matrix:
        return self._amounts[rows].multiply(self.nearest[:, columns].T).tocsr()


@register("item_knn", "Item-based neighbours (cosine)")
@dataclass
class ItemKNN(ItemNeighbours):
    """The items nearest to what the user has: the user's row times the item-item similarity.

    G. Linden, B. Smith, J. York, "Amazon.com recommendations: item-to-item collaborative filtering", IEEE Internet
    Computing 2003; B. Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001. The
    similarity is implicit's; of each item only the nearest are kept, so memory is items · neighbours · 8 bytes.
    An item is near to itself: what the user bought often ranks high unless seen items are excluded.

    New events count at once in the user's row and in the similarities of the items they are of. With "cosine" that
    is what a full fit gives. With the other similarities events also change, a little, how items without events
    compare (through the user's mean, or what an item is worth in total): that waits for the next fit.

    Options:
        similarity: "cosine" of the weights; "tfidf" and "bm25" count users who buy everything for less;
            "adjusted_cosine" of the differences from each user's mean.
        neighbours: items kept beside each item.
        weights: "count" as they are, "log" as log2(1 + weight), "binary" as 1 each.
        threads: 0 for as many as there are cores.
    """

    similarity: ItemSimilarity = "cosine"

    def _lists(self, x: Interactions) -> sparse.csr_matrix:
        check_choice(self, "similarity", SIMILARITIES)
        weighted = self._weighted()
        if self.similarity == "adjusted_cosine" and not weighted.nnz:
            raise ValueError(f"{self.name}: adjusted_cosine needs weights that differ within a user")
        return nearest_columns(weighted, self.neighbours, self.threads)

    def _refreshed(self, x: Interactions, first: int) -> sparse.csr_matrix:
        touched = np.unique(x.log["item"].to_numpy()[first:])
        if len(touched) > BLOCK:  # no faster than anew
            return nearest_columns(self._weighted(), self.neighbours, self.threads)
        similar = products(self._weighted())
        return refreshed(self.nearest, similar, touched, len(x.items), self.neighbours, itself=True)

    def _weighted(self) -> sparse.csr_matrix:
        return SIMILARITIES[self.similarity](self._amounts)


@register("item_adjusted_cosine", "Item-based neighbours (adjusted cosine)")
@dataclass
class ItemAdjustedCosine(ItemKNN):
    """Items of which the same users have more, or less, than they have of others.

    B. Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001: the cosine of the
    differences from each user's mean. Made for ratings, whose users differ in how high they rate; of purchases it
    compares how often, on the scale of `weights`, not whether. The lengths are over all users who have an item
    rather than those who have both, so that two items with one user in common are not nearest to each other.
    Similarities of 0 and below are none. Options and updates are those of `item_knn`.
    """

    space: ClassVar = {"neighbours": Range(5, 500, log=True), "weights": ("count", "log")}

    similarity: ItemSimilarity = "adjusted_cosine"

    @classmethod
    def lacks(cls, x: Interactions) -> str | None:
        """Weights that differ within a user."""
        return None if centred(as_amounts(x.matrix, "count")).nnz else "needs weights that differ within a user"


@register("item_tfidf", "Item-based neighbours (TF-IDF)")
@dataclass
class ItemTFIDF(ItemKNN):
    """The items nearest to what the user has, where users who buy everything count for less.

    G. Salton, C. Buckley, "Term-weighting approaches in automatic text retrieval", Information Processing and
    Management 1988: an item is a text, its users are the words; sqrt(amount) · log(n_items / (1 + items of the
    user)), then the cosine. The weighting is implicit's. Options and updates are those of `item_knn`.
    """

    similarity: ItemSimilarity = "tfidf"


@register("item_bm25", "Item-based neighbours (BM25)")
@dataclass
class ItemBM25(ItemKNN):
    """The items nearest to what the user has, where further purchases of an item add ever less.

    S. Robertson, H. Zaragoza, "The probabilistic relevance framework: BM25 and beyond", Foundations and Trends in
    Information Retrieval 2009, with K1 = 1.2 and B = 0.75; users who buy everything count for less. The product is
    not divided by lengths, so popular items are near to more. The weighting is implicit's. Options and updates are
    those of `item_knn`.
    """

    similarity: ItemSimilarity = "bm25"


@register("user_cosine", "User-based neighbours (cosine)")
@dataclass
class UserCosine(Recommender):
    """What the users most similar over all their items have, by the sum of similarity times amount.

    F. Aiolli, "Efficient top-N recommendation for very large scale binary rated datasets", RecSys 2013. Other than
    in `user_knn` the neighbours of a user are the same for every item, and how many of them have an item counts:
    made for purchases rather than ratings. The similarity is implicit's; users · neighbours · 8 bytes of memory.
    A user is near to oneself: what the user bought often ranks high unless seen items are excluded.

    After new events the users they are of have the neighbours that a full fit gives. So has everyone with "cosine";
    with "tfidf" and "bm25" what the events did to pairs of other users waits for the next fit.

    Options:
        similarity: "cosine" of the weights; "tfidf" and "bm25" count items that everyone buys for less.
        neighbours: users kept beside each user.
        weights: "count" as they are, "log" as log2(1 + weight), "binary" as 1 each.
        threads: 0 for as many as there are cores.
    """

    updates = True
    space: ClassVar = {
        "similarity": ("cosine", "tfidf", "bm25"),
        "neighbours": Range(5, 500, log=True),
        "weights": tuple(AMOUNTS),
    }

    similarity: UserSimilarity = "cosine"
    neighbours: int = 50
    weights: Amounts = "log"
    threads: int = 0

    def _train(self, x: Interactions) -> None:
        check_choice(self, "similarity", ("cosine", "tfidf", "bm25"))
        check_neighbours(self)
        check_choice(self, "weights", AMOUNTS)
        self._amounts = as_amounts(x.matrix, self.weights)
        self.nearest = nearest_columns(self._weighted(), self.neighbours, self.threads)

    def _update(self, x: Interactions, rows: np.ndarray, first: int) -> None:
        self._amounts = replace_rows(self._amounts, rows, as_amounts(x.matrix[rows], self.weights))
        if len(rows) > BLOCK:  # no faster than anew
            self.nearest = nearest_columns(self._weighted(), self.neighbours, self.threads)
        else:
            similar = products(self._weighted())
            self.nearest = refreshed(self.nearest, similar, rows, len(x.users), self.neighbours, itself=True)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return no_zeros(multiplied(self.nearest[rows], self._amounts, self.threads))

    def _weighted(self) -> sparse.csr_matrix:
        return SIMILARITIES[self.similarity](self._amounts.T.tocsr())


def check_neighbours(model: ItemNeighbours | UserCosine) -> None:
    """Raise `ValueError` unless the model keeps at least one neighbour."""
    if model.neighbours < 1:
        raise ValueError(f"{model.name}: neighbours is {model.neighbours}; expected 1 or more")
