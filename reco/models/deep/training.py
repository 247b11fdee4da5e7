"""Training in PyTorch: users drawn at random with some of their items, and the loop that learns from them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

if TYPE_CHECKING:
    from reco.models.deep.networks import Network

#: One, so that sums are added up in the same order on every machine; the layers are too small to be worth sharing out.
THREADS: Final = 1

#: Users drawn for a step, and items of each to predict.
USERS: Final = 256
TARGETS: Final = 8

#: Fewer users are drawn where an epoch would have fewer steps.
STEPS: Final = 100
FEWEST_USERS: Final = 8

#: Share of the users drawn that are shown without history, so that newcomers are nothing new.
NEWCOMERS: Final = 0.02


class Draw(NamedTuple):
    """Users of one step; all int64.

    Attributes:
        users: row numbers (users,).
        targets: items to predict of each (users, targets).
        history: other items of each (users, length), the number of items in places that are empty.
    """

    users: Tensor
    targets: Tensor
    history: Tensor


class Sampler:
    """Draws users and items from a matrix of who has what (CSR of ones, indices sorted), with replacement."""

    def __init__(self, has: sparse.csr_matrix, generator: torch.Generator) -> None:
        self.n_items = has.shape[1]
        self.generator = generator
        self.starts = torch.from_numpy(has.indptr.astype("int64"))
        self.items = torch.from_numpy(has.indices.astype("int64"))
        self.owners = torch.repeat_interleave(torch.arange(has.shape[0]), self.starts.diff())
        self._pairs = self.owners * self.n_items + self.items
        self.users_per_step = int(np.clip(len(self.items) // (TARGETS * STEPS), FEWEST_USERS, USERS))

    def draw(self, length: int = 0) -> Draw:
        """Users as often as they have items, targets among these, and a history of `length` without the targets."""
        users = self.owners[torch.randint(len(self.owners), (self.users_per_step,), generator=self.generator)]
        first, count = self.starts[users][:, None], self.starts.diff()[users][:, None]
        places = self.uniform(len(users), TARGETS + length) * count
        targets, history = self.items[first + places.long()].split([TARGETS, length], dim=1)
        empty = (history[:, :, None] == targets[:, None, :]).any(2) | (self.uniform(len(users), 1) < NEWCOMERS)
        return Draw(users, targets, history.masked_fill(empty, self.n_items))

    def others(self, users: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Items drawn uniformly (users, count), and whether the user lacks each, as an item of no interest must be."""
        items = torch.randint(self.n_items, (len(users), count), generator=self.generator)
        pairs = users[:, None] * self.n_items + items
        places = torch.searchsorted(self._pairs, pairs).clamp(max=len(self._pairs) - 1)
        return items, self._pairs[places] != pairs

    def uniform(self, *shape: int) -> Tensor:
        """Numbers from 0 (inclusive) to 1 (exclusive)."""
        return torch.rand(*shape, generator=self.generator)


def train(
    make: Callable[[], "Network"],
    has: sparse.csr_matrix,
    epochs: int,
    learning_rate: float,
    weight_decay: float,
    seed: int,
) -> dict[str, np.ndarray]:
    """The weights, by name, with which a network's loss on draws from `has` is low, by Adam.

    The state of PyTorch's own random numbers and its threads are left as they were.
    """
    with torch.random.fork_rng(devices=[]), _threads(THREADS):
        torch.manual_seed(seed)  # layers take their first weights from the global generator
        network = make()
        sampler = Sampler(has, torch.Generator().manual_seed(seed))
        steps = max(1, round(epochs * has.nnz / (sampler.users_per_step * TARGETS)))
        optimizer = torch.optim.Adam(network.parameters(), learning_rate, weight_decay=weight_decay, fused=True)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, total_iters=steps)
        for _ in range(steps):
            optimizer.zero_grad()
            network.loss(sampler).backward()
            optimizer.step()
            schedule.step()
    return {name: values.detach().numpy() for name, values in network.state_dict().items()}


@contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
