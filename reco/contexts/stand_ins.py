"""Which established product stands for one that no model knows yet."""

from typing import Final

import numpy as np
import pandas as pd
from scipy import sparse

from reco.models.content import TFIDF, price_bands

#: Columns read word by word, and those whose whole value counts.
TEXTS: Final = ("title", "category", "subcategory")
ATTRIBUTES: Final = ("department", "category", "subcategory", "brand", "size")

#: What one price band within the category adds to a cosine of descriptions: it decides between those alike.
SAME_PRICE: Final = 0.02

#: Cosines below these are chance, such as a size: within one category, across categories or where none is known.
LEAST_ALIKE: Final = 0.1
LEAST_APART: Final = 0.4

#: Different unknown products that are compared at once.
BLOCK: Final = 512


def stand_ins(known: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """For each of `others`, the place in `known` of the product described most like it, int64; -1 where none is.

    Both have the columns of the unified products (title, department, category, subcategory, brand, size, price), as
    far as the shop knows them. Likeness is the cosine of TF-IDF vectors of words and attributes (see
    `models.content.TFIDF`), and where it is equal, the price band within the category; then the lower place wins.
    A product of the same category goes before all others, which have to be much alike to stand in.

    >>> tea = pd.DataFrame({"title": ["green tea", "black tea", "soap"]})
    >>> stand_ins(tea, pd.DataFrame({"title": ["fine black tea", "hand soap", "gravel"]})).tolist()
    [1, 2, -1]
    """
    nobody = np.full(len(others), -1, "int64")
    if not len(known) or not len(others):
        return nobody
    both = pd.concat([known, others], ignore_index=True)
    model = TFIDF(columns=TEXTS, attributes=ATTRIBUTES, price_bands=0, ngrams=1)
    try:
        vectors = model.embed(both)
    except ValueError:  # nothing is described by a word
        return nobody
    left, right = vectors[: len(known)], vectors[len(known) :]
    shared = np.flatnonzero(np.bincount(left.indices, minlength=left.shape[1]))  # other terms are like none
    bands = price_bands(both, TFIDF.price_bands).fillna(0).to_numpy("int64")
    ours, theirs = bands[: len(known)], bands[len(known) :]
    category = pd.factorize(both["category"])[0] if "category" in both else np.full(len(both), -1)
    # most of a long catalogue is described just like another product: each description is compared once
    described, first, which = _distinct(right[:, shared], theirs, category[len(known) :])
    across, band, kind = left[:, shared].tocsr(), theirs[first], category[len(known) :][first]
    order, wanted = (np.argsort(one, kind="stable") for one in (category[: len(known)], kind))
    found = np.full(len(first), -1, "int64")
    for code in np.unique(kind[kind >= 0]):  # its own category goes first
        here = _with_code(category[: len(known)], order, code)
        if len(here):
            asked = _with_code(kind, wanted, code)
            best = _nearest(across[here], ours[here], described[asked], band[asked], LEAST_ALIKE)
            found[asked] = np.append(here, -1)[best]
    apart = np.flatnonzero(found < 0)
    found[apart] = _nearest(across, ours, described[apart], band[apart], LEAST_APART)
    return found[which]


def _with_code(codes: np.ndarray, order: np.ndarray, code: int) -> np.ndarray:
    """Where `codes`, sorted by `order`, have a code, ascending."""
    return order[slice(*np.searchsorted(codes, [code, code + 1], sorter=order))]


def _nearest(
    ours: sparse.csr_matrix, our_band: np.ndarray, theirs: sparse.csr_matrix, their_band: np.ndarray, least: float
) -> np.ndarray:
    """The row of `ours` most like each row of `theirs`, those of its price band and then the first of equals; or -1."""
    found = np.full(theirs.shape[0], -1, "int64")
    for start in range(0, len(found), BLOCK):
        some = slice(start, start + BLOCK)
        alike = (ours @ theirs[some].T.toarray()).T.round(5)
        same = (their_band[some, None] == our_band) & (our_band > 0)
        likeness = np.where(alike >= least, alike + np.float32(SAME_PRICE) * same, np.float32(0))
        best = likeness.argmax(axis=1)
        found[some] = np.where(likeness[np.arange(len(best)), best] > 0, best, -1)
    return found


def _distinct(vectors: sparse.csr_matrix, *codes: np.ndarray) -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray]:
    """The rows of `vectors` that differ, or whose codes do, where each first stands, and which of them every row is."""
    width, rng = vectors.shape[1], np.random.default_rng(0)
    # two random projections tell apart what is not equal, to the last digits of a float64
    marks = vectors.astype("float64") @ rng.normal(size=(width, 2))
    keys = pd.DataFrame(dict(enumerate((*marks.round(9).T, *codes))))
    which = keys.groupby(list(keys), sort=False).ngroup().to_numpy()
    first = np.flatnonzero(~pd.Series(which).duplicated())
    return vectors[first].tocsr(), first, which
