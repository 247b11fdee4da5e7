"""From ordered proposals to slates: one place after the other, for all slates at once, within the rules."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from reco.ranking import place

#: Slates that are filled at once.
BLOCK = 2048


class Demand(NamedTuple):
    """What one rule demands of a slate's products, by groups of them.

    Attributes:
        groups: group of each proposal, int64; -1 is none.
        at_most: how many of one group a slate may hold: a number, or one by group.
        at_least: how many groups a slate holds at least.
    """

    groups: np.ndarray
    at_most: int | np.ndarray
    at_least: int


class Chosen(NamedTuple):
    """What was chosen of the proposals.

    Attributes:
        entries: place of each chosen proposal among all, slate by slate in order of position.
        position: from 1, int64.
        propensity: chance that this proposal got this place, given the places before, float64.
        unmet: whether a slate (row) lacks what a demand (column) asks for, bool.
        moved: by demand, how many places went to another proposal because of it, int64.
    """

    entries: np.ndarray
    position: np.ndarray
    propensity: np.ndarray
    unmet: np.ndarray
    moved: np.ndarray


def choose(
    slate: np.ndarray,
    count: int,
    size: int,
    demands: Sequence[Demand],
    pins: np.ndarray | None = None,
    explore: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Chosen:
    """Up to `size` proposals of each of `count` slates.

    Proposals are sorted by slate (`slate`, int64) and, within it, from the best to the worst. Each place goes to the
    first proposal that all demands allow: no group over its cap, and enough places left for the groups that are still
    missing, also among those that share a cap of their own, such as a section. Where none satisfies all, the last
    demand gives way, then the one before. `pins` gives a proposal its position (0: none); it comes before all demands.
    With chance `explore` a place goes to any of the allowed proposals instead, all alike.

    A greedy choice: it keeps the order of the proposals wherever the demands leave a choice, but may miss a choice
    that satisfies all demands where several of them interlock.
    """
    parts = []
    bounds = np.searchsorted(slate, np.arange(0, count + BLOCK, BLOCK))
    for number, (start, end) in enumerate(pairwise(bounds)):
        first = number * BLOCK
        if first >= count:
            break
        some = slice(start, end)
        block = _Block(
            slate[some] - first,
            min(BLOCK, count - first),
            size,
            [demand._replace(groups=demand.groups[some]) for demand in demands],
            np.zeros(end - start, "int64") if pins is None else pins[some],
        )
        chosen = block.fill(explore, rng)
        parts.append(chosen._replace(entries=chosen.entries + start))
    if not parts:
        nothing = np.empty(0, "int64")
        return Chosen(
            nothing,
            nothing,
            np.empty(0),
            np.empty((0, len(demands)), bool),
            np.zeros(len(demands), "int64"),
        )
    entries, position, propensity, unmet, moved = zip(*parts, strict=True)
    return Chosen(
        np.concatenate(entries),
        np.concatenate(position),
        np.concatenate(propensity),
        np.concatenate(unmet),
        np.sum(moved, axis=0),
    )


class _Block:
    """Some slates as a dense table: a row a slate, a column a place in its order of proposals."""

    def __init__(self, slate: np.ndarray, count: int, size: int, demands: Sequence[Demand], pins: np.ndarray) -> None:
        self.count, self.size, self.demands = count, size, demands
        self.lengths = np.bincount(slate, minlength=count)
        self.starts = np.cumsum(self.lengths) - self.lengths
        self.cells = (slate, place(slate))
        self.shape = (count, max(int(self.lengths.max(initial=0)), 1))
        self.free = self._table(np.ones(len(slate), bool), False)
        self.pins = self._table(pins, 0)
        self.groups = [self._table(demand.groups, -1) for demand in demands]
        self.held = [np.zeros(self.shape, "int16") for _ in demands]  # products of the cell's group in the slate
        self.caps = [self._cap(demand, groups) for demand, groups in zip(demands, self.groups, strict=True)]
        self.bounds = [
            number
            for number, demand in enumerate(demands)
            if isinstance(demand.at_most, np.ndarray) and (demand.at_most < size).any()
        ]
        # what the proposals of a slate or its places cannot give is not waited for
        self.room = np.minimum(size, self.lengths)
        self.missing = [
            np.minimum(np.minimum(demand.at_least, kinds(slate, demand.groups, count)), self.room) for demand in demands
        ]

    def _table(self, values: np.ndarray, empty: object) -> np.ndarray:
        table = np.full(self.shape, empty, values.dtype)
        table[self.cells] = values
        return table

    def _cap(self, demand: Demand, groups: np.ndarray) -> np.ndarray | int:
        return demand.at_most[groups] if isinstance(demand.at_most, np.ndarray) else demand.at_most

    def fill(self, explore: float, rng: np.random.Generator | None) -> Chosen:
        rows, room = np.arange(self.count), self.room
        entries, propensities = np.full((self.count, self.size), -1), np.ones((self.count, self.size))
        moved = np.zeros(len(self.demands), "int64")
        for step in range(int(room.max(initial=0))):
            allowed = self._allowed(room - step, moved)
            best = np.argmax(allowed, axis=1)
            pick, pinned = best, self.pins == step + 1
            if explore and rng is not None:
                options = allowed.sum(axis=1)
                nth = (rng.random(self.count) * options).astype("int64")
                drawn = np.argmax(np.cumsum(allowed, axis=1) > nth[:, None], axis=1)
                pick = np.where(rng.random(self.count) < explore, drawn, best)
                propensities[:, step] = explore / np.maximum(options, 1) + (1 - explore) * (pick == best)
            has_pin = pinned.any(axis=1)
            if has_pin.any():
                pick = np.where(has_pin, np.argmax(pinned, axis=1), pick)
                propensities[has_pin, step] = 1.0
            live = rows[step < room]
            live = live[self.free[live, pick[live]]]
            self._take(live, pick[live])
            entries[live, step] = pick[live]
        taken = entries >= 0
        at = self.starts[:, None] + entries
        position = np.cumsum(taken, axis=1)
        return Chosen(at[taken], position[taken], propensities[taken], self._unmet(taken.sum(axis=1)), moved)

    def _allowed(self, left: np.ndarray, moved: np.ndarray) -> np.ndarray:
        """Which proposals may have the next place, with `left` places to go; counts what each demand moved."""
        allowed = self.free & (self.pins == 0)
        # a slate of nothing but products pinned elsewhere shows them where it can
        allowed = np.where(allowed.any(axis=1)[:, None], allowed, self.free)
        waiting, gain = np.zeros(self.count, "int64"), np.zeros(self.shape, "int8")
        first = np.argmax(allowed, axis=1)
        for number, demand in enumerate(self.demands):
            fits = (self.groups[number] < 0) | (self.held[number] < self.caps[number])
            if demand.at_least:
                lacks = self.missing[number]
                waiting = waiting + lacks
                helps = (self.groups[number] >= 0) & (self.held[number] == 0) & (lacks > 0)[:, None]
                gain = gain + helps
                fits &= gain >= (waiting - left + 1)[:, None]
                if self.bounds and lacks.any():
                    fits &= helps | ~self._needed(helps & allowed, lacks)
            narrowed = allowed & fits
            some = narrowed.any(axis=1)
            allowed = np.where(some[:, None], narrowed, allowed)
            now = np.argmax(allowed, axis=1)
            moved[number] += int(((now != first) & (left > 0)).sum())
            first = now
        return allowed

    def _needed(self, helps: np.ndarray, lacks: np.ndarray) -> np.ndarray:
        """Which cells' groups, where each has a cap of its own, have no place to spare for others than `helps`, bool.

        All groups with cells that help have as many places left together as the slate `lacks`, or fewer.
        """
        needed = np.zeros(self.shape, bool)
        for number in self.bounds:
            groups, of = self.groups[number], np.nonzero(helps)
            places = np.zeros((self.count, len(self.demands[number].at_most)), "int64")
            places[of[0], groups[of]] = np.maximum(self.caps[number] - self.held[number], 0)[of]
            tight = places.sum(axis=1) <= lacks
            needed |= tight[:, None] & np.take_along_axis(places > 0, groups, axis=1)  # padding is never allowed
        return needed

    def _take(self, rows: np.ndarray, columns: np.ndarray) -> None:
        self.free[rows, columns] = False
        for number in range(len(self.demands)):
            groups = self.groups[number]
            group = groups[rows, columns]
            new = (group >= 0) & (self.held[number][rows, columns] == 0)
            self.missing[number][rows] -= new & (self.missing[number][rows] > 0)
            self.held[number][rows] += (groups[rows] == group[:, None]) & (group >= 0)[:, None]

    def _unmet(self, shown: np.ndarray) -> np.ndarray:
        """Whether each finished slate lacks what each demand asks for, (slates, demands)."""
        unmet = np.zeros((self.count, len(self.demands)), bool)
        for number, demand in enumerate(self.demands):
            taken = ~self.free & (self.groups[number] >= 0)  # where a row has no proposal, there is no group either
            rows, columns = np.nonzero(taken)
            found = kinds(rows, self.groups[number][rows, columns], self.count)
            over = taken & (self.held[number] > self.caps[number])
            unmet[:, number] = over.any(axis=1) | (found < np.minimum(demand.at_least, shown))
        return unmet


def kinds(slate: np.ndarray, groups: np.ndarray, count: int) -> np.ndarray:
    """How many different groups each slate has, int64; none (-1) does not count."""
    known = groups >= 0
    pairs = np.unique(slate[known] * (int(groups.max(initial=0)) + 1) + groups[known])
    return np.bincount(pairs // (int(groups.max(initial=0)) + 1), minlength=count)
