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
    found = np.full(len(first), -1, "int64")
    across = left[:, shared].tocsr()
    for start in range(0, len(first), BLOCK):
        some = slice(start, start + BLOCK)
        alike = (across @ described[some].T.toarray()).T
        same = (theirs[first[some], None] == ours) & (ours > 0)
        kin = (category[len(known) :][first[some], None] == category[: len(known)]) & (category[: len(known)] >= 0)
        enough = alike >= np.where(kin, LEAST_ALIKE, LEAST_APART)
        likeness = np.where(enough, alike.round(5) + SAME_PRICE * same + kin, 0)
        best = likeness.argmax(axis=1)
        found[some] = np.where(likeness[np.arange(len(best)), best] > 0, best, -1)
    return found[which]


def _distinct(vectors: sparse.csr_matrix, *codes: np.ndarray) -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray]:
    """The rows of `vectors` that differ, or whose codes do, where each first stands, and which of them every row is."""
    width, rng = vectors.shape[1], np.random.default_rng(0)
    # two random projections tell apart what is not equal, to the last digits of a float64
    marks = vectors.astype("float64") @ rng.normal(size=(width, 2))
    keys = pd.DataFrame(dict(enumerate((*marks.round(9).T, *codes))))
    which = keys.groupby(list(keys), sort=False).ngroup().to_numpy()
    first = np.flatnonzero(~pd.Series(which).duplicated())
    return vectors[first].tocsr(), first, which
