"""Why a product is in a slate, in shopper's words, and under which title."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from reco import blends
from reco.columns import Columns
from reco.contexts.drafts import titles
from reco.contexts.newcomers import PERSONAL, POPULAR, TRENDING
from reco.contexts.proposals import own_weights
from reco.contexts.snapshot import Snapshot
from reco.settings import Strategy

#: Words by kind of strategy. `{product}` is the product that speaks for the item, `{category}` the item's own.
WORDS: Final = {
    "model": "Goes with {product}",
    "complements": "Completes {product}",
    "upgrade": "A step up from {product}",
    "accessories": "Often bought with {product}",
    "alternatives": "Instead of {product}",
    "because_you_bought": "Because you bought {product}",
    "new_in_category": "New in {category}",
    "trending_in_interests": "Popular in {category}",
    "resume": "You looked at this",
    "curated": "Picked by our staff",
    "cart": "In your cart",
    "pinned": "Picked by our shop",
    "trending": "Popular right now",
    "popularity": "Popular with our customers",
    "popular": "Popular with our customers",
    "popular_in_category": "Popular in {category}",
    "bought_before": "You bought this before",
    "new": "New in {category}",
    "picked": "Picked for you",
}

#: What is said where the words would name a product of the item's own title, such as the same of another grower.
ALIKE: Final = {"Because you bought {product}": "You bought one much like this"}

#: What is said where the words would name something that is not known.
GENERAL: Final = "Picked for you"


#: Letters up to which a word in capitals may be an abbreviation.
SHORT: Final = 3


class Told(NamedTuple):
    """Words for each shown product.

    Attributes:
        strategy: the title that it stands under.
        reason: why it is there.
    """

    strategy: np.ndarray
    reason: np.ndarray


def told(
    shop: Snapshot,
    context: str,
    strategies: Sequence[Strategy],
    shown: pd.DataFrame,
    customer: np.ndarray,
    explained: bool = True,
) -> Told:
    """Titles and reasons of what a context shows (slate, item, because, strategy, part), customers by id.

    Models say why they picked something for a customer where it is to be `explained`.
    """
    number, item = (shown[column].to_numpy("int64") for column in ("strategy", "item"))
    part = shown["part"].to_numpy()
    reasons = np.array(_reasons(strategies), dtype=object)[number]
    reasons = np.select([part == TRENDING, part == POPULAR], [WORDS["trending"], WORDS["popularity"]], reasons)
    because = shown["because"].to_numpy("int64")
    if explained:
        reasons, because = _of_customers(shop, context, strategies, shown, customer, reasons)
    titled = shop.shelf.texts("title")
    product = np.where(because >= 0, titled[because], None)
    namesake = (because >= 0) & (product == titled[item])
    for words, others in ALIKE.items():
        reasons[namesake & (reasons == words)] = others
    known = {
        "product": product,
        "category": shop.shelf.texts("category")[item],
    }
    templates = np.array(titles(strategies), dtype=object)[number]
    return Told(
        _worded(templates, known, np.array([_bare(title) for title in titles(strategies)], dtype=object)[number]),
        _worded(reasons, known, np.full(len(number), GENERAL, object)),
    )


def _of_customers(
    shop: Snapshot,
    context: str,
    strategies: Sequence[Strategy],
    shown: pd.DataFrame,
    customer: np.ndarray,
    reasons: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Templates of reasons and the products they name, with what models say of their lists for known customers."""
    number, item, because = (shown[column].to_numpy("int64") for column in ("strategy", "item", "because"))
    because = because.copy()  # pandas' own columns are not to be written to
    own = (shown["part"].to_numpy() == PERSONAL) & (because < 0) & (item < shop.shelf.established)
    for place, strategy in enumerate(strategies):
        mine = np.flatnonzero(own & (number == place))
        if strategy.kind != "model" or strategy.by != "customer" or strategy.model in WORDS or not len(mine):
            continue
        who = shop.customers.get_indexer(pd.Index(customer[mine], dtype=object))
        spoken = _spoken(shop, str(strategy.model), own_weights(shop.wb, strategy.model, context))
        keys = np.where(who >= 0, shop.rows[who], -1) * shop.shelf.established + item[mine]
        entry = np.minimum(np.searchsorted(spoken.keys, keys), max(len(spoken.keys) - 1, 0))
        told = np.flatnonzero(spoken.keys[entry] == keys) if len(spoken.keys) else entry[:0]
        because[mine[told]], reasons[mine[told]] = spoken.because[entry[told]], spoken.words[entry[told]]
        reasons[np.setdiff1d(mine, mine[told])] = GENERAL
    return reasons, because


class Spoken(NamedTuple):
    """What a model says of its lists.

    Attributes:
        keys: customer's row times the number of items, plus the item, ascending.
        because: number of the product that speaks for it, -1 where none does.
        words: template of the reason.
    """

    keys: np.ndarray
    because: np.ndarray
    words: np.ndarray


@lru_cache(maxsize=8)
def _spoken(shop: Snapshot, model: str, context: str | None) -> Spoken:
    found = blends.reasons(shop.wb, model, shop.until, context)
    keys = shop.x.rows(found[Columns.USER]) * shop.shelf.established + shop.x.columns(found[Columns.ITEM])
    order = np.argsort(keys, kind="stable")
    words = found["kind"].map(WORDS).fillna(GENERAL).to_numpy(object)
    return Spoken(keys[order], shop.numbers(found[Columns.BECAUSE])[order], words[order])


def _reasons(strategies: Sequence[Strategy]) -> list[str]:
    """Templates of reasons by number of strategy."""
    kinds = [one.model if one.model in WORDS and one.by == "customer" else one.kind for one in strategies]
    return [WORDS[kind] for kind in (*kinds, "pinned", "trending", "popularity")]


def _bare(title: str) -> str:
    """A title without what it would name: `New in {category}` is `New`."""
    for mark, lead in (("{category}", " in "), ("{product}", " ")):
        title = title.replace(f"{lead}{mark}", "").replace(mark, "").strip()
    return title or "For you"


def _said(name: str, value: str) -> str:
    """A name within a sentence: categories that the shop writes in capitals are not shouted at shoppers.

    >>> _said("category", "SOFT DRINKS"), _said("category", "Tea"), _said("product", "TEA & CO")
    ('soft drinks', 'Tea', 'TEA & CO')
    """
    return value.lower() if name == "category" and value.isupper() and len(value) > SHORT else value


def _worded(templates: np.ndarray, known: dict[str, np.ndarray], otherwise: np.ndarray) -> np.ndarray:
    """`templates` with `{product}` and `{category}` filled in, or what is said `otherwise` where that is unknown."""
    words = templates.copy()
    for name, values in known.items():
        mark = f"{{{name}}}"
        for template in pd.unique(templates):
            if mark in template:
                here = np.flatnonzero(templates == template)
                codes, names = pd.factorize(values[here])
                said = [template.replace(mark, _said(name, str(one))) for one in names]
                filled = np.array([*said, None], dtype=object)[codes]
                words[here] = np.where(codes >= 0, filled, otherwise[here])
    return words
