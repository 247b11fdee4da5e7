"""The simulator's own book: what recommendations are credited with and what they really added."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from reco.shoppers.tastes import Array
from reco.shoppers.visits import DAY

#: Days after a click in which an order of the product is credited to it.
WINDOW = 7
#: Bits that hold microseconds of two years and more.
BITS = 46


class Book(NamedTuple):
    """Ground truth of a world. Money is in the shop's currency, exact to the cent.

    Attributes:
        policies: one row a policy: variant, customers (who visited and were assigned to it), value (revenue net of
            returns per visitor, if all had been given it), lift (of that over the holdout's), added_revenue and
            added_orders (of those assigned, over what they would have bought under the holdout's policy), attributed
            (revenue by the last click within 7 days, net of returns), attributed_anyway (of it, what would have been
            bought without any click), impressions and clicks (of those assigned), ctr (if all had been given it).
        customers: one row a shopper who visited: customer_id, variant, visits, and for each policy `revenue_NAME`,
            the revenue if given it.
        bots: device ids of the programs.
        impressions: rows written, those of bots with them.
        attributed: revenue that is attributed in all.
    """

    policies: pd.DataFrame
    customers: pd.DataFrame
    bots: pd.Index
    impressions: int
    attributed: float


class Touches(NamedTuple):
    """Clicks: shopper, item, at (microseconds)."""

    shopper: Array
    item: Array
    at: Array


def credited(clicks: Touches, orders: Touches) -> Array:
    """Whether each order line has a click of its shopper on its product in the 7 days before, both ends included.

    >>> a = np.array
    >>> credited(Touches(a([1]), a([5]), a([0])), Touches(a([1, 1, 2]), a([5, 5, 5]), a([7 * DAY, 7 * DAY + 1, 9])))
    array([ True, False, False])
    """
    if not len(clicks.at):
        return np.zeros(len(orders.at), dtype=bool)
    width = 1 + max(clicks.item.max(), orders.item.max(initial=0))
    keys, number = np.unique(clicks.shopper * width + clicks.item, return_inverse=True)
    touched = np.sort((number << BITS) + clicks.at)
    asked = orders.shopper * width + orders.item
    at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    known = keys[at] == asked
    last = touched[np.maximum(np.searchsorted(touched, (at << BITS) + orders.at, side="right") - 1, 0)]
    since = orders.at - (last - (at << BITS))  # of another key: beyond any window or below zero
    return known & (since >= 0) & (since <= WINDOW * DAY)


class Tally:
    """Sums over blocks, a row a policy; money in cents."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.sums = {name: np.zeros(len(names), dtype="int64") for name in TALLIED}
        self.parts: list[pd.DataFrame] = []

    def add(self, name: str, policy: int, value: float) -> None:
        """Add to the sum `name` of a policy."""
        self.sums[name][policy] += int(value)

    def book(self, against: int, bots: pd.Index, impressions: int) -> Book:
        """The book, with lifts over the policy number `against`."""
        customers = pd.concat(self.parts, ignore_index=True)
        customers = customers[customers["visits"] > 0].reset_index(drop=True)
        revenue = customers[[f"revenue_{name}" for name in self.names]].to_numpy()
        orders = customers[[f"orders_{name}" for name in self.names]].to_numpy()
        arm = pd.Categorical(customers["variant"], self.names).codes
        value = revenue.sum(axis=0)
        own = [arm == policy for policy in range(len(self.names))]
        sums = self.sums
        policies = pd.DataFrame(
            {
                "variant": self.names,
                "customers": [int(mine.sum()) for mine in own],
                "value": value / 100 / max(1, len(customers)),
                "lift": value / value[against] - 1 if value[against] else np.nan,
                "added_revenue": [(revenue[o, p] - revenue[o, against]).sum() / 100 for p, o in enumerate(own)],
                "added_orders": [int((orders[o, p] - orders[o, against]).sum()) for p, o in enumerate(own)],
                "attributed": sums["attributed"] / 100,
                "attributed_anyway": sums["anyway"] / 100,
                "impressions": sums["impressions"],
                "clicks": sums["clicks"],
                "ctr": sums["all_clicks"] / np.where(sums["all_cells"], sums["all_cells"], np.nan),
            }
        )
        money = {f"revenue_{name}": customers[f"revenue_{name}"] / 100 for name in self.names}
        return Book(policies, customers.assign(**money), bots, impressions, int(sums["attributed"].sum()) / 100)


#: What a tally sums: of those assigned, then of everybody.
TALLIED = ("attributed", "anyway", "impressions", "clicks", "all_clicks", "all_cells")
