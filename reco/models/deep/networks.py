"""The networks, in PyTorch: their weights and what training minimizes.

How they score all items is written in numpy beside the models, so that PyTorch is needed for training only.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from reco.models.deep.training import TARGETS, Sampler

#: Standard deviation of the first embeddings.
SPREAD: Final = 0.05

#: Share of the targets that the two-tower model sees as new items.
UNKNOWN: Final = 0.1


class Network(nn.Module, ABC):
    """A network with a loss on draws from a sampler."""

    @abstractmethod
    def loss(self, sampler: Sampler) -> Tensor:
        """The loss, a scalar, of one step."""


class Pairs(nn.Module):
    """A perceptron over pairs, the first layer of which is one matrix for users and one for items."""

    def __init__(self, left: int, right: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.left = nn.Linear(left, hidden[0])
        self.right = nn.Linear(right, hidden[0], bias=False)
        self.layers = nn.ModuleList(nn.Linear(*sizes) for sizes in pairwise([*hidden, 1]))

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Scores (users, items) of users (users, left) with items of each (users, items, right)."""
        values = self.left(users)[:, None] + self.right(items)
        for layer in self.layers:
            values = layer(values.relu())
        return values.squeeze(-1)


class NeuMF(Network):
    """The product of embeddings beside a perceptron over other embeddings, added up to one logit."""

    def __init__(self, n_users: int, n_items: int, factors: int, hidden: Sequence[int], negatives: int) -> None:
        super().__init__()
        self.negatives = negatives
        self.product_users, self.users = embedding(n_users, factors), embedding(n_users, factors)
        self.product_items, self.items = embedding(n_items, factors), embedding(n_items, factors)
        self.product = nn.Linear(factors, 1, bias=False)
        self.pairs = Pairs(factors, factors, hidden)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Logits (users, items) of users (users,) with items of each (users, items)."""
        product = self.product_users(users)[:, None] * self.product_items(items)
        return self.product(product).squeeze(-1) + self.pairs(self.users(users), self.items(items))

    def loss(self, sampler: Sampler) -> Tensor:
        """Binary cross-entropy of items the user has against items drawn from all others."""
        draw = sampler.draw()
        others, lacked = sampler.others(draw.users, TARGETS * self.negatives)
        return cross_entropy(self(draw.users, torch.cat([draw.targets, others], 1)), lacked)


class TwoTower(Network):
    """A user's vector from the items the user has, an item's from its id and features; their cosine is the score."""

    def __init__(
        self,
        shares: np.ndarray,
        features: Mapping[str, np.ndarray],
        factors: int,
        hidden: int,
        history: int,
        temperature: float,
    ) -> None:
        super().__init__()
        self.history, self.temperature = history, temperature
        self.n_items = len(shares)
        self.items = embedding(self.n_items + 1, factors, padding_idx=self.n_items)
        self.features = nn.ModuleDict({name: embedding(int(of.max()) + 1, factors) for name, of in features.items()})
        self.nobody = nn.Parameter(torch.full((factors,), SPREAD))
        self.user_tower, self.item_tower = Tower(factors, hidden), Tower(factors, hidden)
        self.numbers = {name: torch.from_numpy(np.append(of, 0)) for name, of in features.items()}
        self.log_shares = torch.from_numpy(np.log(np.maximum(shares, 1e-12)).astype("float32"))

    def loss(self, sampler: Sampler) -> Tensor:
        """Softmax cross-entropy of each target against the targets of the other users, corrected for their shares."""
        draw = sampler.draw(self.history)
        items = draw.targets.reshape(-1)
        known = items.masked_fill(sampler.uniform(len(items)) < UNKNOWN, self.n_items)
        scores = self.user(draw.history) @ self.item(items, known).T / self.temperature - self.log_shares[items]
        users = torch.arange(len(draw.users))
        own = users[:, None] == users.repeat_interleave(TARGETS)
        others = scores.masked_fill(own, -torch.inf).logsumexp(1)
        # -log(exp(own) / (exp(own) + exp(others)))
        return functional.softplus(others[:, None] - scores[own].reshape(-1, TARGETS)).mean()

    def user(self, history: Tensor) -> Tensor:
        """Vectors (users, factors) of length 1 for histories (users, length)."""
        has = (history < self.n_items).float()[:, :, None]
        mean = (self._values(history, history) * has).sum(1) / has.sum(1).clamp(min=1)
        return functional.normalize(self.user_tower(mean + self.nobody), dim=-1)

    def item(self, items: Tensor, ids: Tensor) -> Tensor:
        """Vectors (items, factors) of length 1 for items; `ids` are the same or, where unknown, the number of items."""
        return functional.normalize(self.item_tower(self._values(items, ids)), dim=-1)

    def _values(self, items: Tensor, ids: Tensor) -> Tensor:
        return self.items(ids) + sum(table(self.numbers[name][items]) for name, table in self.features.items())


class Tower(nn.Module):
    """One hidden layer, the result of which is added to what goes in."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, values: Tensor) -> Tensor:
        """Values (rows, width) from values (rows, width)."""
        return values + self.out(self.hidden(values).relu())


class WideDeep(Network):
    """Crosses of the user's and the item's features beside a perceptron over embeddings, added up to one logit."""

    def __init__(
        self,
        shares: np.ndarray,
        features: Mapping[str, np.ndarray],
        crossed: Sequence[str],
        factors: int,
        hidden: Sequence[int],
        history: int,
        negatives: int,
    ) -> None:
        super().__init__()
        self.history, self.negatives = history, negatives
        self.n_items = len(shares)
        sizes = {name: int(of.max()) + 1 for name, of in features.items()}
        self.items = embedding(self.n_items + 1, factors, padding_idx=self.n_items)
        self.features = nn.ModuleDict({name: embedding(size, factors) for name, size in sizes.items()})
        self.pairs = Pairs(factors, factors * (1 + len(features)), hidden)
        self.crosses = nn.ParameterDict({name: torch.zeros(sizes[name], sizes[name]) for name in crossed})
        # popularity is there from the start: the logit of each item's share against that of a draw
        self.popularity = nn.Parameter(
            torch.from_numpy(np.log(np.maximum(shares * self.n_items / negatives, 1e-3)).astype("float32"))
        )
        self.numbers = {name: torch.from_numpy(np.append(of, 0)) for name, of in features.items()}

    def forward(self, history: Tensor, items: Tensor) -> Tensor:
        """Logits (users, items) for histories (users, length) with items of each (users, items)."""
        has = (history < self.n_items).float()
        has = has / has.sum(1, keepdim=True).clamp(min=1)
        wide = self.popularity[items]
        for name, weights in self.crosses.items():
            of = self.numbers[name]
            shares = has.new_zeros(len(history), len(weights)).scatter_add_(1, of[history], has)
            wide = wide + (shares @ weights).gather(1, of[items])
        user = (self.items(history) * has[:, :, None]).sum(1)
        item = [self.items(items), *(table(self.numbers[name][items]) for name, table in self.features.items())]
        return wide + self.pairs(user, torch.cat(item, -1))

    def loss(self, sampler: Sampler) -> Tensor:
        """Binary cross-entropy of items the user has against items drawn from all others."""
        draw = sampler.draw(self.history)
        others, lacked = sampler.others(draw.users, TARGETS * self.negatives)
        return cross_entropy(self(draw.history, torch.cat([draw.targets, others], 1)), lacked)


def embedding(rows: int, width: int, padding_idx: int | None = None) -> nn.Embedding:
    """An embedding that starts small; the row `padding_idx` is 0 and stays it."""
    table = nn.Embedding(rows, width, padding_idx=padding_idx)
    with torch.no_grad():
        table.weight *= SPREAD
    return table


def cross_entropy(logits: Tensor, lacked: Tensor) -> Tensor:
    """Binary cross-entropy, by target: the first `TARGETS` columns are, the others are not where `lacked`."""
    yes, no = logits[:, :TARGETS], logits[:, TARGETS:]
    return (functional.softplus(-yes).sum() + (functional.softplus(no) * lacked).sum()) / yes.numel()
