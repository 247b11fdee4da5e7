"""Content: items that are described alike."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import pandas as pd
from scipy import sparse

from reco.columns import Columns
from reco.interactions import Interactions
from reco.models.base import Range, Recommender, no_zeros, register

#: Columns of products that are read word by word, and those whose whole value is a term.
TEXTS: Final = (Columns.TITLE, "description", Columns.CATEGORY, "subcategory")
ATTRIBUTES: Final = (Columns.CATEGORY, "subcategory", "brand", "size")

#: Rows of vectors that are multiplied at once.
STEP: Final = 16_384


@dataclass
class ContentRecommender(Recommender):
    """Cosine between vectors of items, and between an item and the sum of the vectors of what a user has.

    A user's vector is made when it is asked for, so that new events need no update. The similarity of all pairs of
    items is never held, only a block at a time. A subclass writes `embed`.
    """

    knows_new_items: ClassVar[bool] = True
    updates: ClassVar[bool] = True
    explains: ClassVar[bool] = True

    @abstractmethod
    def embed(self, products: pd.DataFrame) -> sparse.csr_matrix | np.ndarray:
        """One row an item (or as `_vectors_of` finds it), float32, of length 1, or zeros where nothing is known."""

    @classmethod
    def lacks(cls, interactions: Interactions) -> str | None:
        """The products' texts, where these are not known."""
        products = interactions.products
        if products is not None:
            known = products[products.columns.intersection(pd.Index(TEXTS + ATTRIBUTES))]
            if known.columns.empty or known.notna().any(axis=None):  # others than these may be read by option
                return None
        return "needs the products' texts; pass products to Interactions.from_frame"

    def _train(self, x: Interactions) -> None:
        self.vectors = self.embed(x.products)

    def _update(self, x: Interactions, rows: np.ndarray, first: int) -> None:
        """Nothing: what items are described by stays."""

    def _amounts(self, rows: np.ndarray) -> sparse.csr_matrix:
        """How much each item of the users' histories counts: the shares of a vector of length 1."""
        amounts = self.interactions.matrix[rows]
        amounts.data = np.log2(1 + np.maximum(amounts.data, 0))
        profiles = self._profiles(amounts)
        squares = profiles.multiply(profiles) if sparse.issparse(profiles) else profiles**2
        lengths = np.sqrt(np.asarray(squares.sum(axis=1)))
        amounts.data /= np.repeat(np.maximum(lengths.ravel(), 1e-12), np.diff(amounts.indptr)).astype("float32")
        return amounts

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return self._cosine(self._profiles(self._amounts(rows)))

    def _resemble(self, columns: np.ndarray) -> np.ndarray:
        return self._cosine(self._vectors_of(columns))

    def _vectors_of(self, columns: np.ndarray) -> sparse.csr_matrix | np.ndarray:
        """The vectors of items, by column number."""
        return self.vectors[columns]

    def _profiles(self, amounts: sparse.csr_matrix) -> sparse.csr_matrix | np.ndarray:
        """Sums of the vectors of items, (len(amounts), terms), by how much each counts, (len(amounts), n_items)."""
        return amounts @ self.vectors

    def _cosine(self, block: sparse.csr_matrix | np.ndarray) -> np.ndarray:
        """Products (len(block), n_items) of unit vectors with all items'."""
        dense = block.toarray() if sparse.issparse(block) else block
        return no_zeros(np.ascontiguousarray((self.vectors @ dense.T).T))

    def _contributions(self, rows: np.ndarray, columns: np.ndarray) -> sparse.csr_matrix:
        has = self._amounts(rows)
        beside = np.repeat(columns, np.diff(has.indptr))
        for start in range(0, has.nnz, STEP):
            part = slice(start, start + STEP)
            left, right = self._vectors_of(has.indices[part]), self._vectors_of(beside[part])
            product = left.multiply(right) if sparse.issparse(left) else left * right
            has.data[part] *= np.asarray(product.sum(axis=1)).ravel()
        return has


@register("tfidf", "Content (TF-IDF)")
@dataclass
class TFIDF(ContentRecommender):
    """Items described in the words of what the user has: cosine of TF-IDF vectors.

    G. Salton, C. Buckley, "Term-weighting approaches in automatic text retrieval", Information Processing &
    Management 1988; M. Pazzani, D. Billsus, "Content-based recommendation systems", The Adaptive Web 2007. Terms are
    the words of the texts, whole values of the attributes ("brand: Acme" is one term, not a word like any other) and
    the price band within the category. A user is the sum of the vectors of the user's items, each by log2(1 +
    weight), scaled to length 1.

    Needs `Interactions.products`; raises `ValueError` where these are missing or hold no words.

    Options:
        columns: columns of the products to read word by word, where present.
        attributes: columns whose whole value is a term, where present.
        price_bands: number of equally full bands of price within each category; 0 leaves the price out.
        min_items: terms of fewer items are left out.
        ngrams: longest run of words that counts as a term.
    """

    space: ClassVar[Mapping[str, Range | tuple]] = {
        "price_bands": (0, 3, 5, 10),
        "min_items": Range(1, 20, log=True),
        "ngrams": (1, 2),
    }

    columns: tuple[str, ...] = TEXTS
    attributes: tuple[str, ...] = ATTRIBUTES
    price_bands: int = 5
    min_items: int = 1
    ngrams: int = 2

    def embed(self, products: pd.DataFrame) -> sparse.csr_matrix:
        parts = [self._words(products)]
        parts += [_values(products[name], name) for name in self.attributes if name in products]
        if self.price_bands:
            parts.append(_values(price_bands(products, self.price_bands), "price band"))
        terms = pd.Index(np.concatenate([terms for _, terms in parts]), dtype="str")
        counts = sparse.hstack([counts for counts, _ in parts], format="csr")
        kept = np.bincount(counts.indices, minlength=len(terms)) >= self.min_items
        if not kept.any():
            read = ", ".join(dict.fromkeys(self.columns + self.attributes))
            raise ValueError(f"tfidf: no words in {self.min_items} or more items in the products' columns {read}")
        self.terms = terms[kept]
        from sklearn.feature_extraction.text import TfidfTransformer

        return TfidfTransformer(sublinear_tf=True).fit_transform(counts[:, kept])

    def _words(self, products: pd.DataFrame) -> tuple[sparse.csr_matrix, np.ndarray]:
        """How often each word is in the texts of each item, and the words."""
        from sklearn.feature_extraction.text import CountVectorizer  # here, since settings are read far more often

        vectorizer = CountVectorizer(dtype=np.float32, ngram_range=(1, self.ngrams))
        texts = joined_texts(products, self.columns)
        try:
            counts = vectorizer.fit_transform(texts)
        except ValueError:  # the one for "empty vocabulary": attributes may still say something
            return sparse.csr_matrix((len(texts), 0), dtype="float32"), np.empty(0, "object")
        return counts, vectorizer.get_feature_names_out()


def joined_texts(products: pd.DataFrame, columns: tuple[str, ...]) -> list[str]:
    """One text an item, "" where nothing is known."""
    found = [products[column].astype("string").fillna("") for column in columns if column in products]
    return pd.Series("", index=products.index, dtype="string").str.cat(found, sep=" ").str.strip().tolist()


def price_bands(products: pd.DataFrame, bands: int) -> pd.Series:
    """The place of each price among those of its category, from 1, the cheapest, to `bands`; NA without a price.

    Equal prices are in the same band, and the one price of a category is in the middle.

    >>> price_bands(pd.DataFrame({"category": "tea", "price": [3.0, 1.0, 9.0, None, 5.0]}), bands=2).tolist()
    [1, 1, 2, <NA>, 2]
    """
    if Columns.PRICE not in products:
        return pd.Series(pd.NA, index=products.index, dtype="Int64")
    price = pd.to_numeric(products[Columns.PRICE], errors="coerce").astype("float64")
    price = price.where(np.isfinite(price))
    by = [products[name].astype("string") for name in (Columns.CATEGORY, Columns.CURRENCY) if name in products]
    groups = price.groupby(by or np.zeros(len(price)), dropna=False)
    middle = (groups.rank() - 0.5) / groups.transform("count")
    return np.floor(middle * bands).astype("Int64") + 1


def _values(values: pd.Series, name: str) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Items x distinct values, 1 where an item has it, and the name of each; capitals do not matter."""
    numbers, known = pd.factorize(values.astype("string").str.strip().str.casefold(), sort=True)
    has = np.flatnonzero(numbers >= 0)
    counts = sparse.csr_matrix((np.ones(len(has), "float32"), (has, numbers[has])), (len(values), len(known)))
    return counts, np.array([f"{name}: {value}" for value in known], "object")
