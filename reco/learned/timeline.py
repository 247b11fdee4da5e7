"""Events of groups in order of time: counts and dates of any span by two binary searches."""

from typing import NamedTuple

import numpy as np


class Own(NamedTuple):
    """The events of each customer with each product, and the pairs that are asked about as groups of them."""

    line: "Timeline"
    pair: np.ndarray


class Timeline:
    """Events, each of a group at a time, sorted so that any span of any group is found by binary search.

    Groups are int64 numbers, with gaps allowed; times are int64, of any unit, not negative. A question names a group
    and a moment for each of many rows; groups without events answer 0 or -1. Where one array of groups is asked about
    again and again it is looked up once, so that it must not be changed in between.

    >>> line = Timeline(np.array([7, 7, 9]), np.array([10, 30, 20]))
    >>> line.count(np.array([7, 7, 8]), np.array([0, 0, 0]), np.array([30, 31, 99])).tolist()
    [1, 2, 0]
    """

    def __init__(self, group: np.ndarray, time: np.ndarray) -> None:
        self.groups, codes = np.unique(group, return_inverse=True)
        self._span = int(time.max(initial=0)) + 2
        self.order = np.lexsort((time, codes))
        self.code, self.time = codes[self.order], time[self.order]
        self._keys = self.code * self._span + self.time
        self._starts = np.searchsorted(self.code, np.arange(len(self.groups) + 1))
        self._found: tuple[np.ndarray, np.ndarray] | None = None  # the groups asked for last, which are asked again

    def find(self, group: np.ndarray) -> np.ndarray:
        """The number of each group among the distinct ones in ascending order, -1 for one without events."""
        if not len(self.groups):
            return np.full(len(group), -1)
        if self._found is None or self._found[0] is not group:
            place = np.minimum(np.searchsorted(self.groups, group), len(self.groups) - 1)
            self._found = group, np.where(self.groups[place] == group, place, -1)
        return self._found[1]

    def count(self, group: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Events of each group from `start` to `end` (exclusive)."""
        code = self.find(group)
        return np.where(code >= 0, self._before(code, end) - self._before(code, start), 0)

    def last(self, group: np.ndarray, before: np.ndarray, back: int = 0) -> np.ndarray:
        """Time of the last event of each group before a moment, or of the one so many `back`; -1 where there is none.

        >>> Timeline(np.array([1, 1]), np.array([5, 8])).last(np.array([1, 1]), np.array([8, 9])).tolist()
        [5, 8]
        """
        code = self.find(group)
        place = self._before(code, before) - 1 - back
        there = (code >= 0) & (place >= self._starts[code])
        return np.where(there, self.time[np.where(there, place, 0)], -1) if len(self.time) else np.full(len(group), -1)

    def first(self, group: np.ndarray) -> np.ndarray:
        """Time of the first event of each group; -1 where there is none."""
        code = self.find(group)
        place = self._starts[np.maximum(code, 0)]
        return np.where(code >= 0, self.time[place], -1) if len(self.time) else np.full(len(group), -1)

    def total(self, group: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Sum of `weight` (one an event, in the order given at the start) over each group, 0 without events."""
        sums = np.bincount(self.code, weight[self.order], minlength=len(self.groups) + 1)  # the last one is 0
        return sums[self.find(group)]

    def sum(self, group: np.ndarray, start: np.ndarray, end: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Sum of `weight` (as in `total`) over the events of each group from `start` to `end` (exclusive)."""
        code, sums = self.find(group), np.append(0.0, np.cumsum(weight[self.order]))
        return np.where(code >= 0, sums[self._before(code, end)] - sums[self._before(code, start)], 0.0)

    def _before(self, code: np.ndarray, moment: np.ndarray) -> np.ndarray:
        """Place of the first event of each numbered group that is not before a moment, among all."""
        return np.searchsorted(self._keys, code * self._span + np.clip(moment, 0, self._span - 1))
