"""Pairs of a product at hand and one that goes with it, and how they become proposals."""

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from reco.contexts.proposals import Lists
from reco.contexts.snapshot import Snapshot
from reco.models import MODELS
from reco.ranking import best_cells

#: Proposals of one strategy for one slate.
MOST: Final = 60
#: Neighbours by content that are looked at.
NEAR: Final = 200
#: Cosine from which two products of unknown category count as of one type.
ALIKE: Final = 0.5


class Pairs(NamedTuple):
    """What goes with the products at hand, one entry a pair.

    Attributes:
        slate: number of the slate, int64.
        anchor: number of the product at hand, int64.
        item: number of what goes with it, int64.
        score: float32.
    """

    slate: np.ndarray
    anchor: np.ndarray
    item: np.ndarray
    score: np.ndarray

    def where(self, kept: np.ndarray) -> "Pairs":
        """The pairs that are `kept` (bool)."""
        return Pairs(*(column[kept] for column in self))


def beside(lists: Lists, anchors: pd.DataFrame) -> Pairs:
    """What `lists` hold for each of the anchors (slate, item); those without a list have none."""
    slate, anchor = anchors["slate"].to_numpy("int64"), anchors["item"].to_numpy("int64")
    listed = anchor < len(lists.starts) - 1
    slate, anchor = slate[listed], anchor[listed]
    place, item, score = lists.gather(anchor)
    return Pairs(slate[place], anchor[place], item.astype("int64"), score)


def proposed(
    slate: np.ndarray, item: np.ndarray, score: np.ndarray, because: np.ndarray | int = -1, most: int = MOST
) -> pd.DataFrame:
    """The `most` best of every slate as proposals (slate, item, score, because), ties by lower item."""
    score = np.asarray(score, "float32")
    chosen = best_cells(slate, item, score, most)
    because = np.broadcast_to(because, len(score))
    return pd.DataFrame(
        {
            "slate": slate[chosen].astype("int64"),
            "item": item[chosen].astype("int64"),
            "score": score[chosen],
            "because": because[chosen].astype("int64"),
        }
    )


def gathered(pairs: Pairs, add: bool = True) -> pd.DataFrame:
    """Proposals from pairs: scores of several anchors add up, or the best counts; because is the strongest anchor.

    Of equally strong anchors it is the lower one.
    """
    width = int(pairs.item.max(initial=0)) + 1
    keys = pairs.slate * width + pairs.item
    order = np.lexsort((pairs.anchor, -pairs.score, keys))
    keys = keys[order]
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.empty(0, "int64")
    slate, item, because = (column[order][first] for column in (pairs.slate, pairs.item, pairs.anchor))
    strongest = pairs.score[order]
    score = np.add.reduceat(strongest.astype("float64"), first) if add and len(first) else strongest[first]
    return proposed(slate, item, score, because)


def nothing() -> pd.DataFrame:
    """No proposals."""
    none = np.empty(0, "int64")
    return proposed(none, none, np.empty(0, "float32"))


def alike(shop: Snapshot, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Whether each two products can stand for one another, bool.

    They are of the same subcategory; of the same category where a subcategory is unknown; and where a category is
    unknown too, described alike.
    """
    kind, category = (shop.shelf.codes(column) for column in ("subcategory", "category"))
    both = (category[one] >= 0) & (category[other] >= 0)
    finer = (kind[one] >= 0) & (kind[other] >= 0)
    same = np.where(both, category[one] == category[other], finer) & (~finer | (kind[one] == kind[other]))
    unknown = np.flatnonzero(~both & ~finer)
    if len(unknown):
        same[unknown] = resemblance(shop, one[unknown], other[unknown]) >= ALIKE
    return same


def resemblance(shop: Snapshot, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Cosine of how two products are described, float32; 0 where the one is not among the other's nearest."""
    table = near(shop)
    found = np.zeros(len(one), "float32")
    known = np.flatnonzero((one < table.shape[0]) & (other < table.shape[0]))
    if table.nnz and len(known):
        found[known] = np.asarray(table[one[known], other[known]]).ravel()
    return found


@lru_cache(maxsize=4)
def near(shop: Snapshot) -> sparse.csr_matrix:
    """The nearest products by content; an empty matrix where nothing describes them."""
    n_items = shop.shelf.established
    if MODELS["tfidf"].lacks(shop.x):
        return sparse.csr_matrix((n_items, n_items), dtype="float32")
    lists = shop.item_lists("tfidf", NEAR)
    table = sparse.csr_matrix((lists.scores, lists.items, lists.starts), shape=(n_items, n_items))
    table.sort_indices()
    return table


def types(shop: Snapshot) -> np.ndarray:
    """Number of each product's type on the shelf, int64: its subcategory, else its category; -1 where unknown."""
    kind, category = (shop.shelf.codes(column) for column in ("subcategory", "category"))
    width = int(category.max(initial=-1)) + 2
    numbers = (kind + 1) * width + category + 1
    return np.where(numbers == 0, -1, pd.factorize(numbers)[0])


def listed(owners: np.ndarray, items: np.ndarray, scores: np.ndarray, count: int, most: int = MOST) -> Lists:
    """Lists of the `most` best items of each of `count` owners."""
    order = best_cells(owners, items, scores, most)
    starts = np.concatenate([[0], np.cumsum(np.bincount(owners[order], minlength=count))])
    return Lists(starts, items[order].astype("int32"), scores[order].astype("float32"))
