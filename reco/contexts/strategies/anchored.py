"""Strategies that start from the product on the page or from what is in the cart."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd

from reco.contexts.asked import Asked
from reco.contexts.proposals import Lists
from reco.contexts.snapshot import Snapshot
from reco.contexts.strategies.pairs import (
    ALIKE,
    alike,
    beside,
    gathered,
    listed,
    near,
    proposed,
    resemblance,
    types,
)
from reco.settings import Strategy

#: Price bands from low to high.
BANDS: Final = {"budget": 0, "mid": 1, "premium": 2}
#: What popularity counts beside how alike two products are described.
POPULARITY: Final = 0.5
#: Pairs of products of one type that are held at once.
BLOCK: Final = 2_000_000

#: How well each second product can follow each first one, NaN where it cannot.
Score = Callable[[np.ndarray, np.ndarray], np.ndarray]


def goes_with(shop: Snapshot, asked: Asked, strategy: Strategy) -> pd.DataFrame:
    """What goes with the products at hand, by the lists of a model; their scores add up."""
    return gathered(beside(shop.item_lists(strategy.model), asked.anchors))


def complements(shop: Snapshot, asked: Asked, strategy: Strategy) -> pd.DataFrame:
    """What is bought with the products at hand across categories: nothing of the category of any of them.

    Where a category is unknown, nothing that could stand for one of them (see `pairs.alike`).
    """
    found = beside(shop.item_lists(strategy.model), asked.anchors)
    category = shop.shelf.codes("category")
    same = (category[found.anchor] >= 0) & (category[found.anchor] == category[found.item])
    found = found.where(~same & ~alike(shop, found.anchor, found.item))
    # what completes one product must not be a second one of another's kind
    width = int(category.max(initial=-1)) + 2
    held = asked.anchors["slate"].to_numpy() * width + category[asked.anchors["item"].to_numpy()] + 1
    other = category[found.item]
    return gathered(found.where((other < 0) | ~np.isin(found.slate * width + other + 1, held)))


def accessories(shop: Snapshot, asked: Asked, strategy: Strategy) -> pd.DataFrame:
    """What is often bought with a product at hand, costs less than it and is not of its kind."""
    found, price = beside(shop.item_lists(strategy.model), asked.anchors), shop.shelf.numbers("price")
    found = found.where(price[found.item] < price[found.anchor])
    return gathered(found.where(~alike(shop, found.anchor, found.item)))


def upgrade(shop: Snapshot, asked: Asked, strategy: Strategy) -> pd.DataFrame:
    """Products of the same type as one at hand, of a higher price band, at most `factor` times as dear.

    Beside a premium product, or one of unknown band, any dearer one of its type is a step up.
    """
    return gathered(beside(_upgrades(shop, strategy.factor), asked.shown), add=False)


def alternatives(shop: Snapshot, asked: Asked, strategy: Strategy) -> pd.DataFrame:
    """For products at hand that are sold out: products of their type in stock, near in price and description."""
    return gathered(beside(_alternatives(shop), asked.shown), add=False)


def cart(shop: Snapshot, asked: Asked, strategy: Strategy) -> pd.DataFrame:
    """What is in the cart, the dearest first; what has no price stands last."""
    slate, item = asked.shown["slate"].to_numpy(), asked.shown["item"].to_numpy()
    return proposed(slate, item, np.nan_to_num(shop.shelf.numbers("price")[item], nan=-1))


@lru_cache(maxsize=8)
def _upgrades(shop: Snapshot, factor: float) -> Lists:
    """For every product of the shelf, the best steps up from it."""
    price = shop.shelf.numbers("price")
    band = shop.shelf.frame["price_band"].map(BANDS).to_numpy("float64", na_value=np.nan)

    def score(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        higher = (band[other] > band[one]) | ~(band[one] < max(BANDS.values()))
        step = higher & (price[other] > price[one]) & (price[other] <= factor * price[one])
        return np.where(step, resemblance(shop, one, other) + POPULARITY * _popularity(shop)[other], np.nan)

    return _of_type(shop, np.flatnonzero(price > 0), score)


@lru_cache(maxsize=4)
def _alternatives(shop: Snapshot) -> Lists:
    """For every product of the shelf that is sold out, the best ones in its place."""
    price, sold_out = shop.shelf.numbers("price"), shop.shelf.numbers("stock") <= 0

    def score(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            # 1 at the same price, a half at twice or half of it, 0 where a price is unknown
            close = np.nan_to_num(np.minimum(price[one], price[other]) / np.maximum(price[one], price[other]))
        found = resemblance(shop, one, other) + close + POPULARITY * _popularity(shop)[other]
        return np.where(sold_out[other], np.nan, found)

    return _of_type(shop, np.flatnonzero(sold_out), score)


def _of_type(shop: Snapshot, owners: np.ndarray, score: Score) -> Lists:
    """Lists of each owner's best products of the same type, by `score` (NaN: never); other products have none.

    Products of unknown type have those described alike for one.
    """
    kind, count = types(shop), len(shop.shelf.ids)
    typed = owners[kind[owners] >= 0]
    order = np.argsort(kind, kind="stable")
    starts = np.searchsorted(kind[order], np.arange(kind.max(initial=-1) + 2))
    members = Lists(starts, order, np.zeros(count, "float32"))
    sizes = np.diff(starts)[kind[typed]]
    blocks = np.split(typed, np.flatnonzero(np.diff(np.cumsum(sizes) // BLOCK)) + 1)
    parts = [_best(block, *members.gather(kind[block])[:2], score) for block in blocks]
    untyped = owners[(kind[owners] < 0) & (owners < shop.shelf.established)]
    if len(untyped):
        place, item = _described_alike(shop, untyped)
        parts.append(_best(untyped, place, item, score))
    owner, item, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    return listed(owner, item, value, count)


def _best(owners: np.ndarray, place: np.ndarray, item: np.ndarray, score: Score) -> tuple[np.ndarray, ...]:
    """Owner, item and score of pairs that have one."""
    owner, item = owners[place], item.astype("int64")
    other = owner != item
    owner, item = owner[other], item[other]
    value = score(owner, item)
    known = ~np.isnan(value)
    return owner[known], item[known], value[known]


def _described_alike(shop: Snapshot, owners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place in `owners` and item of what is described alike."""
    found = near(shop)[owners].tocoo()
    return found.row[found.data >= ALIKE].astype("int64"), found.col[found.data >= ALIKE].astype("int64")


@lru_cache(maxsize=4)
def _popularity(shop: Snapshot) -> np.ndarray:
    """From 0 to 1, how many customers have each product of the shelf; 0 for those that no model knows."""
    buyers = np.log1p(shop.x.customers_per_item)
    return np.concatenate([buyers / max(buyers.max(initial=0), 1), np.zeros(len(shop.shelf.ids) - len(buyers))])
