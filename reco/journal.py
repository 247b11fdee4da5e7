"""What customers did, one after the other, found again by customer and time without a loop."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

#: Microseconds of a second and of a day.
SECOND = 1_000_000
DAY = 86_400 * SECOND


@dataclass(frozen=True, eq=False)
class Journal:
    """Acts of customers on products, sorted by customer and time.

    Attributes:
        customer: number of the customer, int64, ascending.
        item: number of the product, int64.
        at: moment in microseconds since 1970, UTC, int64, ascending within a customer.
    """

    customer: np.ndarray
    item: np.ndarray
    at: np.ndarray

    @classmethod
    def of(cls, customer: np.ndarray, item: np.ndarray, at: np.ndarray) -> "Journal":
        """A journal of acts in any order; those of an unknown customer or product (-1) are left out."""
        known = np.flatnonzero((customer >= 0) & (item >= 0))
        order = known[np.lexsort((item[known], at[known], customer[known]))]
        return cls(*(values[order].astype("int64") for values in (customer, item, at)))

    @cached_property
    def _keys(self) -> tuple[np.ndarray, int, int]:
        """Customer and second as one ascending number, with the first second and the width of a customer."""
        seconds = self.at // SECOND
        first = int(seconds.min(initial=0)) if len(seconds) == 0 else int(seconds.min())
        width = int(seconds.max(initial=first)) - first + 3
        return self.customer * width + (seconds - first + 1), first, width

    def within(self, customers: np.ndarray, at: np.ndarray, days: float) -> tuple[np.ndarray, np.ndarray]:
        """Acts of `customers` before each moment `at` (microseconds), and not more than `days` before.

        Returns (place in `customers`, entry of the journal), by place and, within it, by time; -1 has none.

        >>> journal = Journal.of(np.array([0, 0]), np.array([7, 8]), np.array([0, 3 * DAY]))
        >>> place, entry = journal.within(np.array([0]), np.array([4 * DAY]), days=2)
        >>> journal.item[entry].tolist()
        [8]
        """
        keys, first, width = self._keys
        customers, at = np.asarray(customers, "int64"), np.asarray(at, "int64")
        since = at - int(min(days * DAY, 2**62))
        bounds = [np.clip(moment // SECOND - first + 1, 0, width - 1) for moment in (since, at)]
        begin = np.searchsorted(keys, customers * width + bounds[0], side="left")
        end = np.searchsorted(keys, customers * width + bounds[1], side="right")
        counts = np.where(customers >= 0, end - begin, 0)
        place = np.repeat(np.arange(len(customers)), counts)
        entry = np.arange(counts.sum()) + np.repeat(begin - (np.cumsum(counts) - counts), counts)
        exact = (self.at[entry] < at[place]) & (self.at[entry] >= since[place])  # seconds are coarser than moments
        return place[exact], entry[exact]
