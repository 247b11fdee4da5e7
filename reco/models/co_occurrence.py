"""What is bought in the same basket, and what is looked at in the same visit."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

import numpy as np
import pandas as pd
from scipy import sparse

from reco.columns import Columns
from reco.interactions import Interactions
from reco.models.base import BLOCK, Range, check_choice, register
from reco.models.nearest import Similar, nearest, refreshed, replace_rows
from reco.models.neighbours import ItemNeighbours

#: Similarity of two items that are together in `both` groups, the one in `one` and the other in `other`.
SIMILARITIES: Final[dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]]] = {
    "cosine": lambda both, one, other: both / np.sqrt(one * other),
    "jaccard": lambda both, one, other: both / (one + other - both),
    "lift": lambda both, one, other: both / (one * other),
}
Similarity = Literal["cosine", "jaccard", "lift"]


@dataclass
class CoOccurrence(ItemNeighbours):
    """Items that are together more often than others, in groups of which a subclass says what they are."""

    space: ClassVar = ItemNeighbours.space | {
        "similarity": tuple(SIMILARITIES),
        "shrinkage": Range(0.5, 50.0, log=True),
    }

    similarity: Similarity = "jaccard"
    shrinkage: float = 5.0

    def _lists(self, x: Interactions) -> sparse.csr_matrix:
        check_choice(self, "similarity", SIMILARITIES)
        if self.shrinkage < 0:
            raise ValueError(f"{self.name}: shrinkage is {self.shrinkage}; expected 0 or more")
        groups, n = self._groups(x), len(x.items)
        some = np.flatnonzero(np.bincount(groups.indices, minlength=n))
        lists = nearest(self._similar(groups), some, n, self.neighbours, itself=True)
        return replace_rows(sparse.csr_matrix((n, n), dtype="float32"), some, lists)

    @abstractmethod
    def _groups(self, x: Interactions) -> sparse.csr_matrix:
        """Groups x items, CSR int32, 1 where an item is in a group."""

    def _similar(self, groups: sparse.csr_matrix) -> Similar:
        members = groups.T.tocsr()
        sizes = np.diff(members.indptr).astype("float64")

        def similar(numbers: np.ndarray) -> sparse.csr_matrix:
            found = members[numbers] @ groups
            both, one = found.data.astype("float64"), np.repeat(sizes[numbers], np.diff(found.indptr))
            data = SIMILARITIES[self.similarity](both, one, sizes[found.indices])
            data *= both / (both + self.shrinkage)
            return sparse.csr_matrix((data.astype("float32"), found.indices, found.indptr), found.shape)

        return similar


@register("co_purchase", "Bought in the same basket")
@dataclass
class CoPurchase(CoOccurrence):
    """What is bought in the same baskets as the items that the user has.

    B. Sarwar et al., "Analysis of recommendation algorithms for e-commerce", EC 2000; the measures, M. Levandowsky,
    D. Winter, "Distance between sets", Nature 1971 (Jaccard), and S. Brin et al., "Beyond market baskets: generalizing
    association rules to correlations", SIGMOD 1997 (lift). Score: the sum over the user's items of amount
    times similarity. Other than in `item_knn` two items that the same customers buy on different days are not
    together, so that `similar` gives what completes a basket rather than what suits the same taste. How many of an
    item were in a basket does not count; lines that add up to returns are left out. An item is near to itself:
    what the user bought often ranks high unless seen items are excluded.

    New events are new baskets: after them everything is what a full fit gives.

    Options:
        similarity: with b baskets that hold both items, m and n that hold the one and the other: "cosine"
            b / sqrt(m · n), "jaccard" b / (m + n - b), or "lift" b / (m · n), which is lift but for the number of
            all baskets, the same for every pair, and favours rare items most.
        shrinkage: similarities are multiplied by b / (b + shrinkage), for one basket may be chance.
        neighbours: items kept beside each item.
        weights: of the user's items, "count" as they are, "log" as log2(1 + weight), "binary" as 1 each.
        threads: 0 for as many as there are cores.
    """

    @classmethod
    def lacks(cls, interactions: Interactions) -> str | None:
        """Baskets."""
        return None if Columns.BASKET in interactions.log else "needs the basket of every interaction"

    def _groups(self, x: Interactions) -> sparse.csr_matrix:
        self._baskets = _baskets(x.log, len(x.items))
        return self._baskets

    def _refreshed(self, x: Interactions, first: int) -> sparse.csr_matrix:
        new = _baskets(x.log.iloc[first:], len(x.items))
        self._baskets = sparse.vstack([self._baskets, new], format="csr")
        touched = np.unique(new.indices)
        if len(touched) > BLOCK:  # no faster than anew
            return self._lists(x)
        return refreshed(
            self.nearest, self._similar(self._baskets), touched, len(x.items), self.neighbours, itself=True
        )


@register("co_view", "Viewed in the same visit")
@dataclass
class CoView(CoOccurrence):
    """What is looked at in the same visits as the items that the user has bought.

    G. Linden, B. Smith, J. York, "Amazon.com recommendations: item-to-item collaborative filtering", IEEE Internet
    Computing 2003; J. Davidson et al., "The YouTube video recommendation system", RecSys 2010 (co-visitation). As
    `co_purchase` with visits in place of baskets: visitors compare, so that what is viewed together can often take
    the other's place. Options are those of `co_purchase`.

    New events count in the user's row; visits come with the next fit only.
    """

    @classmethod
    def lacks(cls, interactions: Interactions) -> str | None:
        """Views."""
        seen = interactions.sessions
        return None if seen is not None and seen.nnz else "needs views: which items were looked at in one visit"

    def _groups(self, x: Interactions) -> sparse.csr_matrix:
        return x.sessions.astype("int32")

    def _refreshed(self, x: Interactions, first: int) -> sparse.csr_matrix:
        return self.nearest


def _baskets(log: pd.DataFrame, n: int) -> sparse.csr_matrix:
    """Baskets x items, CSR int32, 1 where an item was bought."""
    bought = log[log[Columns.WEIGHT] > 0]
    rows, columns = pd.factorize(bought[Columns.BASKET])[0], bought["item"].to_numpy()
    shape = (int(rows.max(initial=-1)) + 1, n)
    baskets = sparse.csr_matrix((np.ones(len(bought), "int32"), (rows, columns)), shape)
    baskets.data[:] = 1
    return baskets
