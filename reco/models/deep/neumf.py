"""NeuMF: matrix factorization whose inner product is learned."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy import sparse

from reco.interactions import Interactions
from reco.models.base import Range, register
from reco.models.deep.base import Deep, score_pairs

if TYPE_CHECKING:
    from reco.models.deep.networks import Network


@register("neumf", "Neural matrix factorization")
@dataclass
class NeuMF(Deep):
    """How likely a user has an item, by a weighted product of embeddings and a perceptron over other embeddings.

    X. He, L. Liao, H. Zhang, L. Nie, X. Hu, T.-S. Chua, "Neural collaborative filtering", WWW 2017. Trained on what
    users have against items drawn from what they have not, by cross-entropy; both parts at once, without the
    paper's pre-training. The score is the logit.

    Options beside those of `Deep`:
        hidden: widths of the perceptron's layers.
        negatives: items drawn for each item that the user has.
    """

    hidden: tuple[int, ...] = (32, 16, 8)
    negatives: int = 4

    space: ClassVar[Mapping[str, Range | tuple]] = {
        "factors": (16, 32, 64),
        "epochs": Range(3, 12),
        "learning_rate": Range(0.001, 0.01, log=True),
        "weight_decay": Range(1e-6, 1e-4, log=True),
        "negatives": Range(2, 8),
    }

    def _network(self, x: Interactions, has: sparse.csr_matrix) -> Callable[[], "Network"]:
        from reco.models.deep import networks

        return lambda: networks.NeuMF(*has.shape, self.factors, self.hidden, self.negatives)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        of = self.weights
        product = (of["product_users.weight"][rows] * of["product.weight"]) @ of["product_items.weight"].T
        return product + score_pairs(of, of["users.weight"][rows], of["items.weight"])
