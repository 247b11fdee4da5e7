"""Wide and deep: crosses of features that are remembered, beside embeddings that generalize."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
from scipy import sparse

from reco.interactions import Interactions
from reco.models.base import Range, register
from reco.models.deep.base import OfHistories, mean_rows, score_pairs
from reco.models.deep.features import PRICE_BAND, item_features

if TYPE_CHECKING:
    from reco.models.deep.networks import Network

#: Features whose values among the user's items are crossed with the item's own.
CROSSED: Final = ("department", "category", "brand", PRICE_BAND)


@register("wide_deep", "Wide & deep")
@dataclass
class WideDeep(OfHistories):
    """A linear model of crossed features beside a perceptron over embeddings, trained together.

    H.-T. Cheng, L. Koc, J. Harmsen, T. Shaked, T. Chandra and 11 others, "Wide & deep learning for recommender
    systems", DLRS 2016. Wide: the item's popularity, and for department, category, brand and price band the shares
    of each value among the user's items crossed with the item's value, as the paper crosses apps installed with the
    app shown. Deep: the mean embedding of the user's items with the embeddings of the item and its features. Trained
    by cross-entropy against items drawn from those the user has not; both parts by Adam, where the paper takes
    FTRL and AdaGrad. The score is the logit.

    Options beside those of `Deep`:
        hidden: widths of the perceptron's layers.
        history: items drawn while training to stand for all that a user has.
        negatives: items drawn for each item that the user has.
    """

    hidden: tuple[int, ...] = (32, 16, 8)
    history: int = 50
    negatives: int = 4

    space: ClassVar[Mapping[str, Range | tuple]] = {
        "factors": (16, 32, 64),
        "epochs": Range(3, 12),
        "learning_rate": Range(0.001, 0.01, log=True),
        "weight_decay": Range(1e-6, 1e-4, log=True),
        "history": Range(10, 50),
        "negatives": Range(2, 8),
    }

    def _network(self, x: Interactions, has: sparse.csr_matrix) -> Callable[[], "Network"]:
        from reco.models.deep import networks

        self.features = item_features(x.products)
        self._crossed = tuple(name for name in CROSSED if name in self.features)
        shares = np.bincount(has.indices, minlength=has.shape[1]) / has.nnz
        return lambda: networks.WideDeep(
            shares, self.features, self._crossed, self.factors, self.hidden, self.history, self.negatives
        )

    def _score_histories(self, has: sparse.csr_matrix) -> np.ndarray:
        of = self.weights
        items = of["items.weight"][:-1]
        values = [items, *(of[f"features.{name}.weight"][numbers] for name, numbers in self.features.items())]
        scores = score_pairs(of, mean_rows(has, items), np.hstack(values))
        scores += of["popularity"]
        for name in self._crossed:
            numbers, weights = self.features[name], of[f"crosses.{name}"]
            one_hot = sparse.csr_matrix((np.ones(len(numbers), "float32"), numbers, np.arange(len(numbers) + 1)))
            one_hot.resize(len(numbers), len(weights))
            shares = mean_rows(has, one_hot).toarray()
            scores += (shares @ weights)[:, numbers]
        return scores
