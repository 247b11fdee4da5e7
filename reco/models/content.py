"""Content: items whose descriptions use the same words."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from reco.columns import Columns
from reco.interactions import Interactions
from reco.models.base import Recommender, no_zeros, register


@register("tfidf", "Content (TF-IDF)")
@dataclass
class TFIDF(Recommender):
    """Items described in the words of what the user has: cosine of TF-IDF vectors.

    G. Salton, C. Buckley, "Term-weighting approaches in automatic text retrieval", Information Processing &
    Management 1988; M. Pazzani, D. Billsus, "Content-based recommendation systems", The Adaptive Web 2007. A user is
    the sum of the vectors of the user's items, each by log2(1 + weight), scaled to length 1. The similarity of all
    pairs of items is never held, only a block at a time.

    Needs `Interactions.products`; raises `ValueError` where these are missing or hold no words.

    Options:
        columns: columns of the products to read, where present.
        min_items: words in fewer items are left out.
        ngrams: longest run of words that counts as a term.
    """

    columns: tuple[str, ...] = (
        Columns.TITLE,
        "description",
        Columns.CATEGORY,
        "subcategory",
        "brand",
        "size",
    )
    min_items: int = 1
    ngrams: int = 1

    def _train(self, x: Interactions) -> None:
        if x.products is None:
            raise ValueError("tfidf: needs the products' texts; pass products to Interactions.from_frame")
        texts = self._texts(x.products)
        self.vectorizer = TfidfVectorizer(
            dtype=np.float32, min_df=self.min_items, ngram_range=(1, self.ngrams), sublinear_tf=True
        )
        try:
            self.vectors = self.vectorizer.fit_transform(texts)
        except ValueError as error:
            read = ", ".join(self.columns)
            raise ValueError(f"tfidf: no words in the products' columns {read} ({error})") from error
        amounts = x.matrix.copy()
        amounts.data = np.log2(1 + np.maximum(amounts.data, 0))
        self._profiles = normalize(amounts @ self.vectors, copy=False)

    def _texts(self, products: pd.DataFrame) -> list[str]:
        """One text an item, "" where nothing is known."""
        found = [products[column].astype("string").fillna("") for column in self.columns if column in products]
        return pd.Series("", index=products.index).str.cat(found, sep=" ").tolist()

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return self._cosine(self._profiles[rows].toarray())

    def _resemble(self, columns: np.ndarray) -> np.ndarray:
        return self._cosine(self.vectors[columns].toarray())

    def _cosine(self, block: np.ndarray) -> np.ndarray:
        """Products (len(block), n_items) of dense unit vectors with all items'."""
        return no_zeros(np.ascontiguousarray((self.vectors @ block.T).T))
