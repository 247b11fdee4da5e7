"""What every slate obeys, as operations on long arrays of (slate, item) pairs."""

from typing import NamedTuple

import numpy as np
import pandas as pd


def without(proposals: pd.DataFrame, blocked: pd.DataFrame) -> pd.DataFrame:
    """Proposals (slate, item, …) less the pairs (slate, item) that are blocked.

    >>> without(pd.DataFrame({"slate": [0, 0], "item": [1, 2]}), pd.DataFrame({"slate": [0], "item": [1]}))["item"].tolist()
    [2]
    """
    if blocked.empty or proposals.empty:
        return proposals
    width = int(max(proposals["item"].max(), blocked["item"].max())) + 1
    keys = proposals["slate"].to_numpy("int64") * width + proposals["item"].to_numpy("int64")
    refused = blocked["slate"].to_numpy("int64") * width + blocked["item"].to_numpy("int64")
    # a hash look-up: far faster here than the sorting of numpy.isin
    return proposals[~pd.Index(keys).isin(refused)]


def take_turns(proposals: pd.DataFrame) -> pd.DataFrame:
    """Proposals (slate, strategy, item, score, …) in the order in which strategies take turns, each item once.

    The best item of the first strategy, the best of the second, …, then the second best of the first. Within a
    strategy the score decides, then the lower item.
    """
    ranked = proposals.sort_values(
        ["slate", "strategy", "score", "item"], ascending=[True, True, False, True], kind="stable", ignore_index=True
    )
    turn = ranked.groupby(["slate", "strategy"]).cumcount()
    ranked = ranked.assign(turn=turn).sort_values(["slate", "turn", "strategy"], kind="stable", ignore_index=True)
    return ranked.drop_duplicates(["slate", "item"], ignore_index=True)


def short_slates(ordered: pd.DataFrame, n_slates: int, categories: np.ndarray, rules: "Limits") -> np.ndarray:
    """Numbers of the slates that have too few products or too few categories to stand without a fallback.

    `categories` numbers each item's category; -1 is unknown and counts as none.
    """
    pool = np.bincount(ordered["slate"], minlength=n_slates)
    kinds = ordered.assign(category=categories[ordered["item"]]).drop_duplicates(["slate", "category"])
    kinds = kinds[kinds["category"] >= 0]
    varied = np.bincount(kinds["slate"], minlength=n_slates)
    return np.flatnonzero((pool < rules.fallback_below) | (varied < rules.min_categories))


def choose(ordered: pd.DataFrame, categories: np.ndarray, size: int, min_categories: int) -> pd.DataFrame:
    """The first `size` proposals of every slate, varied by category; adds `position` from 1.

    The best product of each of a slate's first `min_categories` categories has its place; the rest go in order.
    Among all choices with so many categories this one keeps the best-ordered products.
    """
    ordered = ordered.reset_index(drop=True)
    category = pd.Series(categories[ordered["item"]])
    first_of_category = ~pd.DataFrame({"slate": ordered["slate"], "category": category}).duplicated() & (category >= 0)
    nth_category = first_of_category.groupby(ordered["slate"]).cumsum()
    held = first_of_category & (nth_category <= min(min_categories, size))
    priority = np.lexsort((np.arange(len(ordered)), ~held, ordered["slate"]))
    place = ordered.iloc[priority].groupby("slate").cumcount()
    kept = np.sort(priority[place.to_numpy() < size])
    chosen = ordered.iloc[kept]
    return chosen.assign(position=chosen.groupby("slate").cumcount() + 1)


class Limits(NamedTuple):
    """Numbers of the rules.

    Attributes:
        min_categories: categories that a slate shows at least; 0 where the store has no categories.
        fallback_below: a slate with fewer products is filled with trending ones.
    """

    min_categories: int
    fallback_below: int
