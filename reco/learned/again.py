"""The chance that a product bought before is in the very next basket, by how many baskets ago that was."""

from typing import Final, NamedTuple

import numpy as np

from reco.learned.history import History
from reco.ranking import place

#: First number of each span of baskets since a purchase (1: the next one), and of purchases so far.
SINCE: Final = np.array([1, 2, 3, 4, 6, 9, 14, 21, 41])
TIMES: Final = np.array([1, 2, 3, 5, 10])

#: Baskets of waiting that a wider group's chance counts for in a narrower one's, and purchases in a customer's.
BASKETS: Final = 30
PURCHASES: Final = 20


class Waits(NamedTuple):
    """Every purchase of a product by a customer, and the baskets that followed until the next of it, or until now.

    Attributes:
        user, item: row and column numbers, int64.
        times: span of `TIMES` of the purchase's number, int64.
        waited: baskets up to the next purchase of the product and with it, or up to the last basket, int64.
        ended: whether it was bought again, bool.
    """

    user: np.ndarray
    item: np.ndarray
    times: np.ndarray
    waited: np.ndarray
    ended: np.ndarray

    def baskets(self, span: int) -> np.ndarray:
        """How many of the baskets waited are in a span of `SINCE`."""
        end = SINCE[span + 1] - SINCE[span] if span + 1 < len(SINCE) else np.iinfo("int64").max
        return np.clip(self.waited - SINCE[span] + 1, 0, end)


def waits(past: History, n_items: int) -> Waits:
    """The purchases of `past` as waits, each basket once."""
    width = past.number.max(initial=0) + 1
    pair, number = np.divmod(np.unique((past.user * n_items + past.item) * width + past.number), width)
    user, item = np.divmod(pair, n_items)
    ended = np.append(pair[1:] == pair[:-1], False)[: len(pair)]
    following = np.where(ended, np.append(number[1:], 0)[: len(number)], past.baskets[user] - 1)
    return Waits(user, item, _span(TIMES, place(pair) + 1), following - number, ended)


def chances(of: Waits, group: np.ndarray, wider: np.ndarray | None = None) -> np.ndarray:
    """Chance of a purchase in one basket: groups x spans of `TIMES` x spans of `SINCE`, float64.

    `group` numbers the group of each wait from 0. `wider`, of the same shape, counts for `BASKETS` baskets each: the
    discrete hazard of survival analysis, shrunken. Without it, a span nobody waited in has chance 0.
    """
    rows = group * len(TIMES) + of.times
    shape = ((len(wider) if wider is not None else group.max(initial=0) + 1) * len(TIMES), len(SINCE))
    waited = np.column_stack([np.bincount(rows, of.baskets(span), shape[0]) for span in range(len(SINCE))])
    cell = (rows * len(SINCE) + _span(SINCE, of.waited))[of.ended]
    bought = np.bincount(cell, minlength=waited.size).reshape(shape)
    prior, weight = (0, 0) if wider is None else (wider.reshape(shape), BASKETS)
    return ((bought + weight * prior) / np.maximum(waited + weight, 1)).reshape(-1, len(TIMES), len(SINCE))


def again(
    past: History, kind: np.ndarray, user: np.ndarray, item: np.ndarray, times: np.ndarray, since: np.ndarray
) -> dict[str, np.ndarray]:
    """The chance that pairs of `user` and `item` are in the next basket; NaN for what was never bought.

    By what happened with products of its kind (`kind`: a number from 0 for each item), with the product itself, and
    that times how often the customer buys again beside what such chances say. `times` is how often it was bought,
    `since` how many baskets came after (NaN where never).
    """
    of = waits(past, len(kind))
    everything = chances(of, np.zeros_like(of.item))
    of_kinds = chances(of, kind[of.item], np.repeat(everything, kind.max(initial=0) + 1, axis=0))
    of_items = chances(of, of.item, of_kinds[kind])
    expected = sum(of.baskets(span) * of_items[of.item, of.times, span] for span in range(len(SINCE)))
    count = len(past.baskets)
    bought = np.bincount(of.user, of.ended, count) + PURCHASES
    keen = bought / (np.bincount(of.user, expected, count) + PURCHASES)
    had = times > 0
    cell = _span(TIMES, np.maximum(times, 1)), _span(SINCE, np.where(had, since, 0) + 1)
    chance = np.where(had, of_items[item, *cell], np.nan)
    return {
        "again_kind": np.where(had, of_kinds[kind[item], *cell], np.nan),
        "again_product": chance,
        "again_customer": chance * keen[user],
    }


def _span(starts: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """The last span that starts at or before each number."""
    return np.searchsorted(starts, numbers, side="right") - 1
