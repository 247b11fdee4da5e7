"""Two towers: a vector for the user, a vector for the item, close where the user takes the item."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy import sparse

from reco.interactions import Interactions
from reco.models.base import Range, register
from reco.models.deep.base import OfHistories, mean_rows
from reco.models.deep.features import item_features

if TYPE_CHECKING:
    from reco.models.deep.networks import Network


@register("two_tower", "Two-tower network")
@dataclass
class TwoTower(OfHistories):
    """The cosine of two vectors: one from the items that the user has, one from the item's id and features.

    X. Yi, J. Yang, L. Hong, D. Z. Cheng, L. Heldt, A. Kumthekar, Z. Zhao, L. Wei, E. Chi, "Sampling-bias-corrected
    neural modeling for large corpus item recommendations", RecSys 2019. Trained by a softmax over the items of the
    batch, corrected by the logarithm of how often each is drawn; the paper estimates that from a stream, here the
    data tell it. An item is the sum of the embeddings of its id, department, category, subcategory, brand and price
    band, a user the mean of the items; each passes its tower. Some items are trained without their id, so that
    those nobody has yet are placed by their features. Similar items are those with the closest vectors.

    Options beside those of `Deep`:
        hidden: width of the towers' hidden layer.
        history: items drawn while training to stand for all that a user has.
        temperature: what cosines are divided by; smaller tells items apart more sharply.
    """

    factors: int = 128
    weight_decay: float = 3e-5
    hidden: int = 128
    history: int = 20
    temperature: float = 0.15

    knows_new_items = True
    space: ClassVar[Mapping[str, Range | tuple]] = {
        "factors": (32, 64, 128),
        "epochs": Range(3, 12),
        "learning_rate": Range(0.001, 0.01, log=True),
        "weight_decay": Range(1e-6, 1e-4, log=True),
        "history": Range(10, 50),
        "temperature": Range(0.05, 0.3, log=True),
    }

    def _train(self, x: Interactions) -> None:
        super()._train(x)
        self.weights["items.weight"][np.append(x.customers_per_item == 0, True)] = 0  # no id that training knew
        self._values = self.weights["items.weight"][:-1].copy()
        for name, numbers in self.features.items():
            self._values += self.weights[f"features.{name}.weight"][numbers]
        self.vectors = _unit(self._tower("item_tower", self._values))
        described = np.any([numbers > 0 for numbers in self.features.values()] or [[False]], axis=0)
        self.vectors[(x.customers_per_item == 0) & ~described] = np.nan

    def _network(self, x: Interactions, has: sparse.csr_matrix) -> Callable[[], "Network"]:
        from reco.models.deep import networks

        self.features = item_features(x.products)
        shares = np.bincount(has.indices, minlength=has.shape[1]) / has.nnz
        return lambda: networks.TwoTower(
            shares, self.features, self.factors, self.hidden, self.history, self.temperature
        )

    def _score_histories(self, has: sparse.csr_matrix) -> np.ndarray:
        users = mean_rows(has, self._values) + self.weights["nobody"]
        return _unit(self._tower("user_tower", users)) @ self.vectors.T / np.float32(self.temperature)

    def _resemble(self, columns: np.ndarray) -> np.ndarray:
        return self.vectors[columns] @ self.vectors.T

    def _tower(self, name: str, values: np.ndarray) -> np.ndarray:
        (inward, shift), (outward, offset) = (
            (self.weights[f"{name}.{layer}.weight"], self.weights[f"{name}.{layer}.bias"])
            for layer in ("hidden", "out")
        )
        return values + np.maximum(values @ inward.T + shift, 0) @ outward.T + offset


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
