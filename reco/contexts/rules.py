"""What every slate obeys, as operations on long arrays of (slate, item) pairs."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from reco.ranking import place


class Limits(NamedTuple):
    """Numbers of the rules.

    Attributes:
        min_categories: categories that a slate shows at least; 0 where the store has no categories.
        fallback_below: a slate with fewer products is filled with trending ones.
    """

    min_categories: int
    fallback_below: int


def without(proposals: pd.DataFrame, blocked: pd.DataFrame) -> pd.DataFrame:
    """Proposals (slate, item, …) less the pairs (slate, item) that are blocked.

    >>> proposals = pd.DataFrame({"slate": [0, 0], "item": [1, 2]})
    >>> without(proposals, pd.DataFrame({"slate": [0], "item": [1]}))["item"].tolist()
    [2]
    """
    if blocked.empty or proposals.empty:
        return proposals
    width = int(max(proposals["item"].max(), blocked["item"].max())) + 1
    # a hash look-up: far faster here than the sorting of numpy.isin
    return proposals[~pd.Index(_pair(proposals, "item", width)).isin(_pair(blocked, "item", width))]


def take_turns(proposals: pd.DataFrame) -> pd.DataFrame:
    """Proposals (slate, strategy, item, score, …) in the order in which strategies take turns, each item once.

    The best item of the first strategy, the best of the second, …, then the second best of the first. Within a
    strategy the score decides, then the lower item.
    """
    slate, strategy, item = (proposals[name].to_numpy("int64") for name in ("slate", "strategy", "item"))
    strategies = int(strategy.max(initial=0)) + 1
    queue = slate * strategies + strategy
    order = np.lexsort((item, -proposals["score"].to_numpy(), queue))
    turn = place(queue[order])
    turns = int(turn.max(initial=0)) + 1
    order = order[np.argsort((slate[order] * turns + turn) * strategies + strategy[order], kind="stable")]
    ordered = proposals.iloc[order]
    repeated = pd.Index(_pair(ordered, "item", int(item.max(initial=0)) + 1)).duplicated()
    return ordered[~repeated].reset_index(drop=True)


def short_slates(ordered: pd.DataFrame, n_slates: int, categories: np.ndarray, rules: Limits) -> np.ndarray:
    """Numbers of the slates that have too few products or too few categories to stand without a fallback.

    `categories` numbers each item's category; -1 is unknown and counts as none.
    """
    pool = np.bincount(ordered["slate"], minlength=n_slates)
    varied = np.bincount(ordered["slate"], weights=_opens_category(ordered, categories), minlength=n_slates)
    return np.flatnonzero((pool < rules.fallback_below) | (varied < rules.min_categories))


def choose(ordered: pd.DataFrame, categories: np.ndarray, size: int, min_categories: int) -> pd.DataFrame:
    """The first `size` proposals of every slate, varied by category; adds `position` from 1.

    `ordered` is sorted by slate. The best product of each of a slate's first `min_categories` categories has its
    place; the rest go in order. Among all choices with so many categories this one keeps the best-ordered products.
    """
    slate = ordered["slate"].to_numpy("int64")
    opens = _opens_category(ordered, categories)
    opened = np.cumsum(opens)
    before_slate = (opened - opens)[np.arange(len(slate)) - place(slate)]
    held = opens & (opened - before_slate <= min(min_categories, size))
    priority = np.argsort(slate * 2 + ~held, kind="stable")
    kept = np.sort(priority[place(slate[priority]) < size])
    return ordered.iloc[kept].assign(position=place(slate[kept]) + 1)


def _opens_category(ordered: pd.DataFrame, categories: np.ndarray) -> np.ndarray:
    """Whether a proposal is the first of its slate from a known category."""
    kinds = ordered.assign(category=categories[ordered["item"]])
    first = ~pd.Index(_pair(kinds, "category", int(categories.max(initial=0)) + 2)).duplicated()
    return first & (kinds["category"].to_numpy() >= 0)


def _pair(frame: pd.DataFrame, column: str, width: int) -> np.ndarray:
    """(slate, column) as one number; column is at least -1 and below `width` - 1 where -1 occurs."""
    return frame["slate"].to_numpy("int64") * width + frame[column].to_numpy("int64")
