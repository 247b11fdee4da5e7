"""Nearest neighbours by co-purchase: items that the same users have, users who have the same items."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from implicit.nearest_neighbours import ItemItemRecommender, bm25_weight, tfidf_weight
from scipy import sparse
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

from reco.interactions import Interactions
from reco.models.base import Recommender, check_choice, no_zeros, register

#: How rows are weighted so that their products are similarities; BM25 with its usual K1 and B.
SIMILARITIES: Final[dict[str, Callable[[sparse.csr_matrix], sparse.spmatrix]]] = {
    "cosine": normalize,
    "tfidf": lambda rows: normalize(tfidf_weight(rows).tocsr()),
    "bm25": lambda rows: bm25_weight(rows, K1=1.2, B=0.75),
}
Similarity = Literal["cosine", "tfidf", "bm25"]

#: What the weights of the matrix are compared as; no amount is below 0.
AMOUNTS: Final[dict[str, Callable[[np.ndarray], np.ndarray]]] = {
    "count": lambda data: np.maximum(data, 0),
    "log": lambda data: np.log2(1 + np.maximum(data, 0)),
    "binary": lambda data: (data > 0).astype("float32"),
}
Amounts = Literal["count", "log", "binary"]


@register("item_knn", "Item-based neighbours (cosine)")
@dataclass
class ItemKNN(Recommender):
    """The items nearest to what the user has: the user's row times the item-item similarity.

    G. Linden, B. Smith, J. York, "Amazon.com recommendations: item-to-item collaborative filtering", IEEE Internet
    Computing 2003; B. Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001. The
    similarity is implicit's; of each item only the nearest are kept, so memory is items · neighbours · 8 bytes.
    An item is near to itself: what the user bought often ranks high unless seen items are excluded.

    Options:
        similarity: "cosine" of the weights; "tfidf" and "bm25" count users who buy everything for less;
            "adjusted_cosine" of the differences from each user's mean, for ratings.
        neighbours: items kept beside each item.
        weights: "count" as they are, "log" as log2(1 + weight), "binary" as 1 each.
        threads: 0 for as many as there are cores.
    """

    similarity: Similarity | Literal["adjusted_cosine"] = "cosine"
    neighbours: int = 100
    weights: Amounts = "log"
    threads: int = 0

    def _train(self, x: Interactions) -> None:
        check_choice(self, "similarity", (*SIMILARITIES, "adjusted_cosine"))
        check_choice(self, "weights", AMOUNTS)
        self._amounts = _amounts(x.matrix, self.weights)
        if self.similarity == "adjusted_cosine":
            compared, weigh = _centred(self._amounts), normalize
            if compared.nnz == 0:
                raise ValueError("item_knn: adjusted_cosine needs weights that differ within a user")
        else:
            compared, weigh = self._amounts, SIMILARITIES[self.similarity]
        self.nearest = _nearest(weigh(compared.T.tocsr()), self.neighbours, self.threads)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return no_zeros((self._amounts[rows] @ self.nearest).toarray())

    def _resemble(self, columns: np.ndarray) -> np.ndarray:
        return no_zeros(self.nearest[columns].toarray())


@register("user_cosine", "User-based neighbours (cosine)")
@dataclass
class UserCosine(Recommender):
    """What the users most similar over all their items have, by the sum of similarity times amount.

    F. Aiolli, "Efficient top-N recommendation for very large scale binary rated datasets", RecSys 2013. Other than
    in `user_knn` the neighbours of a user are the same for every item, and how many of them have an item counts:
    made for purchases rather than ratings. The similarity is implicit's; users · neighbours · 8 bytes of memory.
    A user is near to oneself: what the user bought often ranks high unless seen items are excluded.

    Options:
        similarity: "cosine" of the weights; "tfidf" and "bm25" count items that everyone buys for less.
        neighbours: users kept beside each user.
        weights: "count" as they are, "log" as log2(1 + weight), "binary" as 1 each.
        threads: 0 for as many as there are cores.
    """

    similarity: Similarity = "cosine"
    neighbours: int = 50
    weights: Amounts = "log"
    threads: int = 0

    def _train(self, x: Interactions) -> None:
        check_choice(self, "similarity", SIMILARITIES)
        check_choice(self, "weights", AMOUNTS)
        self._amounts = _amounts(x.matrix, self.weights)
        weighted = SIMILARITIES[self.similarity](self._amounts)
        self.nearest = _nearest(weighted, self.neighbours, self.threads)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return no_zeros((self.nearest[rows] @ self._amounts).toarray())


def _amounts(matrix: sparse.csr_matrix, weights: Amounts) -> sparse.csr_matrix:
    amounts = matrix.copy()
    amounts.data = AMOUNTS[weights](amounts.data)
    amounts.eliminate_zeros()
    return amounts


def _nearest(weighted: sparse.spmatrix, neighbours: int, threads: int) -> sparse.csr_matrix:
    """The products (n, n) of each row with itself and the `neighbours` nearest others, float32."""
    model = ItemItemRecommender(K=neighbours + 1, num_threads=threads)
    # implicit runs its own threads; those of the linear algebra library would get in their way
    with threadpool_limits(1, "blas"):
        model.fit(weighted.T.tocsr().astype("float64"), show_progress=False)
    return model.similarity.astype("float32")


def _centred(amounts: sparse.csr_matrix) -> sparse.csr_matrix:
    """Known cells less the mean of their row."""
    known = np.diff(amounts.indptr)
    means = np.asarray(amounts.sum(axis=1)).ravel() / np.maximum(known, 1)
    data = amounts.data - np.repeat(means, known).astype("float32")
    centred = sparse.csr_matrix((data, amounts.indices, amounts.indptr), amounts.shape)
    centred.eliminate_zeros()
    return centred
