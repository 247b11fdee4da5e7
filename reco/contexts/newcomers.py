"""Customers and products of whom little is known: how popular products are mixed in, and what new ones borrow."""

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit

from reco.contexts.asked import Asked
from reco.contexts.proposals import Lists
from reco.contexts.snapshot import Snapshot
from reco.ranking import place
from reco.rules import Shelf
from reco.settings import ColdStart

#: Where a mixed proposal comes from, in its column `part`; its reason says so.
PERSONAL: Final = 0
TRENDING: Final = 1
POPULAR: Final = 2

#: Days that reach back to the beginning.
EVER: Final = 36_500

#: A share below this counts as none.
NEGLIGIBLE: Final = 0.01


def popular_share(seen: np.ndarray, settings: ColdStart) -> np.ndarray:
    """The share of places that hold popular products, by how many interactions of the customer were seen; float64.

    A Hill curve, s / (1 + (seen / half_at)^p): s at none, s / 2 at `half_at`, and p such that it is below one percent
    from `full_at` on.

    >>> popular_share(np.array([0, 10, 60]), ColdStart(popular_share=0.5, half_at=10, full_at=60)).round(3).tolist()
    [0.5, 0.25, 0.01]
    """
    whole, ratio = settings.popular_share, settings.full_at / settings.half_at
    steepness = max(np.log(max(whole, NEGLIGIBLE) / NEGLIGIBLE) / np.log(ratio), 1)
    with np.errstate(divide="ignore"):
        return whole * expit(-steepness * np.log(np.asarray(seen, "float64") / settings.half_at))


def interactions_seen(shop: Snapshot, asked: Asked) -> np.ndarray:
    """What was seen of the customer of each slate before it is asked for: purchases and views, int64.

    Of a visitor without any it is the products at hand: the session's own views, or what onboarding answers stand for.
    """
    seen = np.zeros(asked.count, "int64")
    for journal in (shop.bought, shop.viewed):
        seen += np.bincount(journal.within(asked.customer, asked.at, EVER)[0], minlength=asked.count)
    at_hand = np.bincount(asked.anchors["slate"], minlength=asked.count)
    return np.where(seen > 0, seen, at_hand)


def mix(
    proposals: pd.DataFrame, trending: np.ndarray, popular: np.ndarray, share: np.ndarray, trending_share: float
) -> pd.DataFrame:
    """Personal `proposals` (slate, item, score, because) with popular products mixed in, by slate and new score.

    Of the first p of a slate, s·p to the nearest whole are mixed in, for every p and as long as both last; s is the
    slate's `share` (one for each slate asked for, so that slates without a proposal are served, too). Of these, a
    share of `trending_share` are `trending` products, the others `popular` ones, each in its order. Below
    `NEGLIGIBLE` nothing is mixed in. A slate without anything personal gets popular products in its personal places,
    too. A product of several kinds is there once, as what it comes first as. Scores fall from 1 to 0 in the mixed
    order, ties within `proposals` by the lower item; `part` tells where each comes from, and no product speaks for
    what is mixed in.
    """
    share = np.asarray(share, "float64")
    columns = ["slate", "item", "score", "because"]
    frame = proposals[columns].assign(part=PERSONAL)
    frame = frame.iloc[np.lexsort((frame["item"], -frame["score"], frame["slate"]))]
    empty = np.bincount(frame["slate"], minlength=len(share)) == 0
    mixed = np.flatnonzero((share >= NEGLIGIBLE) | empty)
    stock = pd.DataFrame(
        {
            "slate": np.repeat(mixed, len(trending) + len(popular)),
            "item": np.tile(np.concatenate([trending, popular]), len(mixed)),
            "score": np.float32(0),
            "because": -1,
            "part": np.tile(np.repeat([TRENDING, POPULAR], [len(trending), len(popular)]), len(mixed)),
        }
    )
    of_trending = np.where(empty, share, 1) * trending_share
    stock = _in_turns(stock, stock["part"].to_numpy() == POPULAR, 1 - of_trending)
    both = pd.concat([frame, stock[~stock.duplicated(["slate", "item"])]], ignore_index=True)
    for _ in range(2):  # what is taken out leaves gaps
        both = _in_turns(both, both["part"].to_numpy() != PERSONAL, share)
        both = both[~both.duplicated(["slate", "item"])]
    slate = both["slate"].to_numpy("int64")
    length = np.bincount(slate, minlength=len(share))[slate]
    dtypes = {"slate": "int64", "item": "int64", "because": "int64", "part": "int8"}
    return both.assign(score=(1 - place(slate) / length).astype("float32")).astype(dtypes).reset_index(drop=True)


def _in_turns(both: pd.DataFrame, second: np.ndarray, share: np.ndarray) -> pd.DataFrame:
    """Two kinds of products, each in their order, as one order by slate with a share of the `second` kind (bool)."""
    slate = both["slate"].to_numpy("int64")
    order = np.lexsort((np.arange(len(both)), second, slate))
    nth = np.empty(len(both))
    nth[order] = place(slate[order] * 2 + second[order]) + 0.5
    s = share[slate]
    # the place at which ⌈s·p − ½⌉, the second ones among the first p, passes to the next
    with np.errstate(divide="ignore"):
        at = np.where(second, np.floor(nth / s + 1e-9) + 1, np.ceil(nth / (1 - s) - 1e-9))
    return both.iloc[np.lexsort((nth, second, at, slate))].reset_index(drop=True)


def borrowed(lists: Lists, stand: np.ndarray) -> Lists:
    """Item-to-item lists of the established products, and behind them those that new products borrow.

    `stand` is the number of the established product that stands for each new one, -1 for none, who has an empty list.
    """
    taken = np.flatnonzero(stand >= 0)
    of, items, scores = lists.gather(stand[taken])
    lengths = np.bincount(taken[of], minlength=len(stand))
    starts = np.concatenate([lists.starts, lists.starts[-1] + np.cumsum(lengths)])
    return Lists(starts, np.concatenate([lists.items, items]), np.concatenate([lists.scores, scores]))


class Queue(NamedTuple):
    """New products behind those that stand for them.

    Attributes:
        stand: number of the established product, ascending, int64.
        item: number of the new one on the shelf, int64.
    """

    stand: np.ndarray
    item: np.ndarray


def line_up(shelf: Shelf, stand: np.ndarray, most: int = 2) -> Queue:
    """Up to `most` new products behind each established one that stands for them.

    `stand` is the number of the established product that stands for each new one, in the order of the shelf behind
    the established ones; -1 is none. Of several, those that came in last go first, then those with a lower number.
    """
    new = np.flatnonzero(stand >= 0)
    age = shelf.numbers("age_days")[shelf.established + new]
    new = new[np.lexsort((new, age, stand[new]))]
    new = new[place(stand[new]) < most]
    return Queue(stand[new], shelf.established + new)


@lru_cache(maxsize=4)
def queue(shop: Snapshot) -> Queue:
    """The new products of a snapshot, lined up once for all slates."""
    return line_up(shop.shelf, shop.stand)


def with_newcomers(proposals: pd.DataFrame, behind: Queue) -> pd.DataFrame:
    """`proposals` and, just behind each product that stands for new ones, these.

    A new product has the same product speak for it; one that is proposed already stays where it is.
    """
    begin, end = (np.searchsorted(behind.stand, proposals["item"], side=side) for side in ("left", "right"))
    of = np.repeat(np.arange(len(proposals)), end - begin)
    added = proposals.iloc[of]
    nth = place(of)
    score = added["score"].to_numpy("float32")
    below = np.nextafter(score, np.float32(-np.inf))
    added = added.assign(item=behind.item[np.repeat(begin, end - begin) + nth], score=below)
    whole = pd.concat([proposals, added], ignore_index=True)
    return whole[~whole.duplicated(["slate", "item"])].reset_index(drop=True)
