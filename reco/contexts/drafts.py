"""What a context's strategies propose for its slates, in order, before the rules."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from reco.contexts.asked import Asked
from reco.contexts.newcomers import NEGLIGIBLE, PERSONAL, mix, popular_share, queue, with_newcomers
from reco.contexts.snapshot import Snapshot
from reco.contexts.strategies import propose, resolve
from reco.contexts.turns import lifted, take_turns
from reco.ranking import place
from reco.rules import Order
from reco.settings import Context, Rules, Strategy

#: Proposals of one slate that its places are chosen from.
MOST = 120

#: Kinds of strategies that know the customer; others know the page, the basket or the shop alone.
KNOWING = {"because_you_bought", "new_in_category", "trending_in_interests", "resume"}

#: Models that recommend the same to everyone.
SAME_FOR_ALL = {"trending", "popularity", "random"}

#: Columns of proposals: numbers of the slate, the product, the product that speaks for it (-1: none), the strategy
#: (pinned products and fallbacks stand behind the context's own), the position of a pinned product (0: none), and what
#: was mixed in for customers of whom little is known (see `newcomers`).
COLUMNS = ("slate", "item", "score", "because", "strategy", "pin", "part")


def strategies_of(shop: Snapshot, context: Context) -> list[Strategy]:
    """The context's strategies as they work here: with their model, and those in place of what the store lacks."""
    found = [resolve(shop, strategy) for strategy in context.strategies]
    by_customer = {"by": "customer"} if context.anchor == "customer" else {}
    return [one.model_copy(update=by_customer) if one.kind == "model" else one for one in found]


def titles(strategies: Sequence[Strategy]) -> list[str]:
    """Titles by number of strategy, those of pinned products and fallbacks at the end."""
    return [*(one.title for one in strategies), "Picked by our shop", "Trending now", "Popular"]


def personal(strategies: Sequence[Strategy]) -> np.ndarray:
    """Whether each strategy, by number, knows the customer."""
    own = [
        one.kind in KNOWING or (one.kind == "model" and one.by == "customer" and one.model not in SAME_FOR_ALL)
        for one in strategies
    ]
    return np.array([*own, False, False, False])


def draft(
    shop: Snapshot, name: str, context: Context, strategies: Sequence[Strategy], asked: Asked, rules: Rules
) -> pd.DataFrame:
    """What the strategies and the pins propose (`COLUMNS`), by slate and in the order in which strategies take turns.

    What the slate stands beside is not proposed, but by a strategy that shows the cart itself.
    """
    parts = [_pinned(shop, name, asked, rules, len(strategies))]
    beside = asked.shown["slate"].to_numpy() * len(shop.shelf.ids) + asked.shown["item"].to_numpy()
    for number, strategy in enumerate(strategies):
        found = propose(shop, asked, strategy)
        if found.empty and strategy.kind != "model":  # a model's place may still go to what is popular
            continue
        found = _known(shop, asked, strategy, found)
        if strategy.kind != "cart" and len(beside):
            pairs = found["slate"].to_numpy() * len(shop.shelf.ids) + found["item"].to_numpy()
            found = found[~pd.Index(pairs).isin(beside)]
        parts.append(found.assign(strategy=number, pin=0))
    proposals = pd.concat(parts, ignore_index=True)
    ordered = take_turns(proposals, lifted(rules.declared(Order), shop.shelf))
    pins = ordered.groupby(["slate", "item"], sort=False)["pin"].transform("max") if len(parts[0]) else ordered["pin"]
    return ordered.assign(pin=pins)[place(ordered["slate"].to_numpy()) < MOST]


def _known(shop: Snapshot, asked: Asked, strategy: Strategy, found: pd.DataFrame) -> pd.DataFrame:
    """Proposals of a strategy with what takes part while little is known: new products, and popular ones."""
    if strategy.kind != "model":
        return found.assign(part=PERSONAL)
    found = with_newcomers(found, queue(shop))
    if strategy.by != "customer" or strategy.model in SAME_FOR_ALL:
        return found.assign(part=PERSONAL)
    looked_at = np.bincount(asked.anchors["slate"], minlength=asked.count)
    seen = np.where(asked.customer >= 0, shop.seen[asked.customer], looked_at) if len(shop.seen) else looked_at
    settings = shop.wb.settings.cold_start
    share = popular_share(seen, settings)
    if (share < NEGLIGIBLE).all() and found["slate"].nunique() == asked.count:
        return found.assign(part=PERSONAL)
    return mix(found, shop.standby[: shop.trending], shop.popular, share, settings.trending_share)


def standby(shop: Snapshot, slates: np.ndarray, first: int) -> pd.DataFrame:
    """Trending products (strategy `first`), then popular ones (the next), for each of `slates`."""
    count = len(shop.standby)
    kinds = np.where(np.arange(count) < shop.trending, first, first + 1)
    return pd.DataFrame(
        {
            "slate": np.repeat(slates, count),
            "item": np.tile(shop.standby, len(slates)),
            "score": np.tile(np.linspace(1, 0, count, endpoint=False, dtype="float32"), len(slates)),
            "because": -1,
            "strategy": np.tile(kinds, len(slates)),
            "pin": 0,
            "part": PERSONAL,
        }
    )


def _pinned(shop: Snapshot, name: str, asked: Asked, rules: Rules, number: int) -> pd.DataFrame:
    """The pinned products of the context, for every slate."""
    places = rules.pinned.places.get(name, {}) if rules.pinned else {}
    items, positions = shop.numbers(list(places)), np.fromiter(places.values(), "int64", len(places))
    items, positions = items[items >= 0], positions[items >= 0]
    return pd.DataFrame(
        {
            "slate": np.repeat(np.arange(asked.count), len(items)),
            "item": np.tile(items, asked.count),
            "score": np.float32(0),
            "because": -1,
            "strategy": number,
            "pin": np.tile(positions, asked.count),
            "part": PERSONAL,
        }
    )
