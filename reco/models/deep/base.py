"""What deep models share: what they need, how they are trained, saved and asked."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from reco.interactions import Interactions
from reco.models.base import Recommender

if TYPE_CHECKING:
    from reco.models.deep.networks import Network

#: Pairs of users and items scored at once: with 32 hidden values each they take 1 MB, which processor caches hold.
USERS_AT_ONCE: Final = 4
ITEMS_AT_ONCE: Final = 2048


@dataclass
class Deep(Recommender):
    """A network that PyTorch trains by gradient descent; PyTorch is needed for `fit`, and for nothing else.

    Its weights are kept as arrays and scored by numpy. They are saved as safetensors beside the model's other files.

    Options:
        factors: length of an embedding.
        epochs: how often training comes to an item of a user, on average.
        learning_rate: first step size of Adam; it falls to nearly 0 in equal steps.
        weight_decay: weight of the squared weights in what is minimized; higher for less data.
        seed: of the first weights and of what is drawn while training.
    """

    factors: int = 32
    epochs: int = 6
    learning_rate: float = 0.003
    weight_decay: float = 1e-5
    seed: int = 0

    #: rows of the log below which such a model would rather learn them by heart
    min_interactions: ClassVar[int] = 10_000
    own_files = ("weights",)

    @classmethod
    def lacks(cls, interactions: Interactions) -> str | None:
        found = len(interactions.log)
        if found < cls.min_interactions:
            return f"needs {cls.min_interactions:,} interactions; found {found:,}"
        if not (find_spec("torch") and find_spec("safetensors")):
            return "needs PyTorch; install it with: make deep"
        return None

    def _train(self, x: Interactions) -> None:
        from reco.models.deep.training import train  # imports PyTorch, which only those who fit need

        has = binary(x.matrix)
        if not has.nnz:
            raise ValueError(f"{self.name}: no weight is above 0; nothing to learn from")
        self.weights = train(self._network(x, has), has, self.epochs, self.learning_rate, self.weight_decay, self.seed)
        if not all(np.isfinite(values).all() for values in self.weights.values()):
            raise ValueError(f"{self.name}: training diverged; expected a learning_rate below {self.learning_rate}")

    @abstractmethod
    def _network(self, x: Interactions, has: sparse.csr_matrix) -> Callable[[], "Network"]:
        """What makes the network for these users and items; `has` tells by ones who has what."""

    def _save_extra(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        save_file(self.weights, folder / "weights.safetensors")

    def _load_extra(self, folder: Path) -> None:
        from safetensors.numpy import load_file

        self.weights = load_file(folder / "weights.safetensors")


class OfHistories(Deep):
    """A deep model that knows a user by the user's items alone, so that new events need no new weights.

    Users without history are those that training showed it an empty one for.
    """

    knows_new_users = True
    updates = True

    @abstractmethod
    def _score_histories(self, has: sparse.csr_matrix) -> np.ndarray:
        """Scores (users, n_items), float32, for what each user has (CSR of ones, n_items columns)."""

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return self._score_histories(binary(self.interactions.matrix[rows]))

    def _score_newcomer(self) -> np.ndarray:
        return self._score_histories(sparse.csr_matrix((1, len(self.interactions.items)), dtype="float32"))[0]

    def _update(self, x: Interactions, rows: np.ndarray, first: int) -> None:
        """Nothing to do: a user is scored by what `x` says the user has."""


def binary(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """1 where a weight is above 0: who has what; what was given back counts for nothing."""
    has = matrix.copy()
    has.data = (has.data > 0).astype("float32")
    has.eliminate_zeros()
    return has


def mean_rows(has: sparse.csr_matrix, table: np.ndarray) -> np.ndarray:
    """The mean of the `table`'s rows (n_items, width) that each user has; 0 for who has nothing."""
    return (has @ table) / np.maximum(np.diff(has.indptr), 1).astype("float32")[:, None]


def score_pairs(weights: Mapping[str, np.ndarray], users: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Scores (users, items) of all pairs by the perceptron `pairs` of a network, in blocks that keep memory small.

    `users` and `items` are what it reads, one row each. Its first layer is made of two halves, which are computed
    once a user and once an item. One thread: the products are too small to be worth sharing out.
    """
    left = users @ weights["pairs.left.weight"].T + weights["pairs.left.bias"]
    right = items @ weights["pairs.right.weight"].T
    depth = sum(name.startswith("pairs.layers.") and name.endswith(".bias") for name in weights)
    layers = [tuple(weights[f"pairs.layers.{layer}.{part}"] for part in ("weight", "bias")) for layer in range(depth)]
    scores = np.empty((len(left), len(right)), "float32")
    with threadpool_limits(1, "blas"):
        for user in range(0, len(left), USERS_AT_ONCE):
            for item in range(0, len(right), ITEMS_AT_ONCE):
                values = left[user : user + USERS_AT_ONCE, None] + right[None, item : item + ITEMS_AT_ONCE]
                shape = values.shape[:2]
                values = values.reshape(-1, values.shape[2])
                for weight, bias in layers:
                    values = np.maximum(values, 0, out=values) @ weight.T
                    values += bias
                scores[user : user + USERS_AT_ONCE, item : item + ITEMS_AT_ONCE] = values.reshape(shape)
    return scores
