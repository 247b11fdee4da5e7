"""Strategies: what each kind proposes for many slates at once.

A proposer gives slate, item (shelf number), score (float32, higher is better within a slate) and because (shelf
number of the product that speaks for the item, -1 where none does), at most some dozens of each slate, the best
first, ties by lower item.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

import pandas as pd

from reco.contexts.asked import Asked
from reco.contexts.snapshot import Snapshot
from reco.contexts.strategies.anchored import accessories, alternatives, cart, complements, goes_with, upgrade
from reco.contexts.strategies.catalogue import curated, new_in_category, trending_in_interests
from reco.contexts.strategies.pairs import nothing
from reco.contexts.strategies.personal import because_you_bought, for_customer, resume
from reco.contexts.strategies.picks import passed_over
from reco.models import MODELS
from reco.settings import Strategy

Proposer = Callable[[Snapshot, Asked, Strategy], pd.DataFrame]


def _model(shop: Snapshot, asked: Asked, strategy: Strategy) -> pd.DataFrame:
    return (for_customer if strategy.by == "customer" else goes_with)(shop, asked, strategy)


#: What proposes for each kind of strategy in the settings.
STRATEGIES: Final[dict[str, Proposer]] = {
    "model": _model,
    "complements": complements,
    "upgrade": upgrade,
    "accessories": accessories,
    "alternatives": alternatives,
    "cart": cart,
    "because_you_bought": because_you_bought,
    "new_in_category": new_in_category,
    "trending_in_interests": trending_in_interests,
    "resume": resume,
    "curated": curated,
}

#: The model of kinds that need one, where the settings name none.
MODEL: Final = {
    "complements": "association_rules",
    "accessories": "co_purchase",
    "because_you_bought": "item_knn",
    "trending_in_interests": "trending",
}

#: What else kinds need to know of products, by column of the shelf.
NEEDS: Final = {
    "upgrade": ("price",),
    "accessories": ("price",),
    "alternatives": ("stock",),
    "new_in_category": ("category",),
    "trending_in_interests": ("category",),
}


def propose(shop: Snapshot, asked: Asked, strategy: Strategy) -> pd.DataFrame:
    """What a strategy proposes; nothing where the store lacks what it needs."""
    strategy = _with_model(strategy)
    if asked.count == 0 or lacks(shop, strategy):
        return nothing()
    return STRATEGIES[strategy.kind](shop, asked, strategy)


def resolve(shop: Snapshot, strategy: Strategy) -> Strategy:
    """The strategy as it works here: with its model, or the one to take its place where the store lacks something."""
    while strategy.instead is not None and lacks(shop, strategy):
        strategy = strategy.instead
    return _with_model(strategy)


def lacks(shop: Snapshot, strategy: Strategy) -> str | None:
    """Why a strategy cannot work here, such as "needs views of products by known customers"; None where it can."""
    strategy = _with_model(strategy)
    return _lacks(shop, strategy.kind, strategy.model)


def remarks(shop: Snapshot, strategies: Sequence[Strategy]) -> list[str]:
    """What strategies lack or pass over, in sentences, each once."""
    found = []
    for strategy in strategies:
        lacking, used = lacks(shop, strategy), resolve(shop, strategy)
        if lacking:
            other = f"“{used.title}”" if used.title != strategy.title else f"the model {used.model}"
            helped = f"; {other} takes its place" if lacks(shop, used) is None else ""
            found.append(f"“{strategy.title}” {lacking}{helped}")
        if used.kind == "curated":
            found += passed_over(shop, used.file)
    return list(dict.fromkeys(found))


def _with_model(strategy: Strategy) -> Strategy:
    model = strategy.model or MODEL.get(strategy.kind)
    return strategy if model == strategy.model else strategy.model_copy(update={"model": model})


@lru_cache(maxsize=64)
def _lacks(shop: Snapshot, kind: str, model: str | None) -> str | None:
    if kind == "resume" and not len(shop.viewed.item):
        return "needs views of products by known customers"
    for column in NEEDS.get(kind, ()):
        if shop.shelf.frame[column].isna().all():
            return f"needs the {column} of products"
    if model is None:
        return None
    parts = [model] if model in MODELS else list(shop.wb.settings.hybrid.parts.values())
    return next((reason for one in parts if (reason := MODELS[one].lacks(shop.x))), None)
