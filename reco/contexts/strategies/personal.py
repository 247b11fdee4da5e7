"""Strategies that start from the customer: a model's list, the latest order, and what was viewed."""

from typing import Final

import numpy as np
import pandas as pd

from reco.contexts.asked import Asked
from reco.contexts.snapshot import Snapshot
from reco.contexts.strategies.pairs import beside, gathered, nothing, proposed
from reco.contexts.strategies.taste import EVER, session
from reco.models import MODELS
from reco.settings import Strategy

#: What repeat purchases leave of a list may be the lesser part: models' lists are longer than others.
LIST: Final = 100


def for_customer(shop: Snapshot, asked: Asked, strategy: Strategy) -> pd.DataFrame:
    """What a model recommends to the customer.

    Visitors whom models do not know get what goes with their own session: the products at hand and what they did.
    """
    row = rows(shop, asked)
    known = np.flatnonzero(row >= 0)
    slate, item, score = shop.customer_lists(strategy.model, asked.context).gather(row[known])
    own = proposed(known[slate], item, score, most=LIST)
    seen = session(shop, asked, row < 0)
    if seen.empty:
        return own
    found = gathered(beside(shop.item_lists(item_model(shop, strategy.model)), seen))
    return pd.concat([own, found], ignore_index=True)


def because_you_bought(shop: Snapshot, asked: Asked, strategy: Strategy) -> pd.DataFrame:
    """What goes with the products of the customer's latest order, each by the one that speaks most for it."""
    slate, entry = shop.bought.within(asked.customer, asked.at, EVER)
    at = shop.bought.at[entry]
    latest = np.zeros(asked.count, "int64")
    np.maximum.at(latest, slate, at)
    of_latest = at == latest[slate]
    order = pd.DataFrame({"slate": slate[of_latest], "item": shop.bought.item[entry[of_latest]]})
    found = beside(shop.item_lists(strategy.model), order)
    width = len(shop.shelf.ids)
    had = np.isin(found.slate * width + found.item, order["slate"].to_numpy() * width + order["item"].to_numpy())
    return gathered(found.where(~had), add=False)


def resume(shop: Snapshot, asked: Asked, strategy: Strategy) -> pd.DataFrame:
    """What the customer viewed in the last `days` and has not bought since, the latest first."""
    viewed, bought = (
        _last(*journal.within(asked.customer, asked.at, strategy.days), journal, len(shop.shelf.ids))
        for journal in (shop.viewed, shop.bought)
    )
    since = bought.reindex(viewed.index).to_numpy("float64", na_value=-np.inf)
    open_ = viewed[viewed.to_numpy() > since]
    if open_.empty:
        return nothing()
    slate, item = np.divmod(open_.index.to_numpy(), len(shop.shelf.ids))
    order = np.lexsort((item, -open_.to_numpy(), slate))
    turn = np.empty(len(order), "int64")
    turn[order] = pd.Series(slate[order]).groupby(slate[order]).cumcount().to_numpy()
    return proposed(slate, item, 1 / (1 + turn))


def rows(shop: Snapshot, asked: Asked) -> np.ndarray:
    """Row of each slate's customer among those that models know, -1 where they do not."""
    if not len(shop.rows):
        return np.full(asked.count, -1, "int64")
    return np.where(asked.customer >= 0, shop.rows[asked.customer], -1)


def item_model(shop: Snapshot, model: str) -> str:
    """The model whose item lists stand for `model`: a blend has none of its own, its collaborative part does."""
    return model if model in MODELS else shop.wb.settings.hybrid.parts.get("collaborative", "item_knn")


def _last(slate: np.ndarray, entry: np.ndarray, journal: object, width: int) -> pd.Series:
    """The last moment of each pair of slate and product, by slate * width + product."""
    pairs = slate * width + journal.item[entry]
    return pd.Series(journal.at[entry], index=pairs).groupby(level=0).max()
