"""Why a product is in a slate, in shopper's words, and under which title."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from reco.contexts.drafts import titles
from reco.contexts.newcomers import POPULAR, TRENDING
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
}

#: What is said where the words would name something that is not known.
GENERAL: Final = "Picked for you"


class Told(NamedTuple):
    """Words for each shown product.

    Attributes:
        strategy: the title that it stands under.
        reason: why it is there.
    """

    strategy: np.ndarray
    reason: np.ndarray


def told(shop: Snapshot, strategies: Sequence[Strategy], shown: pd.DataFrame, customer: np.ndarray) -> Told:
    """Titles and reasons of shown proposals (slate, item, because, strategy, part), customers by id."""
    number, item, because = (shown[column].to_numpy("int64") for column in ("strategy", "item", "because"))
    known = {
        "product": np.where(because >= 0, shop.shelf.texts("title")[because], None),
        "category": shop.shelf.texts("category")[item],
    }
    part = shown["part"].to_numpy()
    reasons = np.array(_reasons(strategies), dtype=object)[number]
    reasons = np.select([part == TRENDING, part == POPULAR], [WORDS["trending"], WORDS["popularity"]], reasons)
    templates = np.array(titles(strategies), dtype=object)[number]
    return Told(
        _worded(templates, known, np.array([_bare(title) for title in titles(strategies)], dtype=object)[number]),
        _worded(reasons, known, np.full(len(number), GENERAL, object)),
    )


def _reasons(strategies: Sequence[Strategy]) -> list[str]:
    """Templates of reasons by number of strategy."""
    kinds = [one.model if one.model in WORDS and one.by == "customer" else one.kind for one in strategies]
    return [WORDS[kind] for kind in (*kinds, "pinned", "trending", "popularity")]


def _bare(title: str) -> str:
    """A title without what it would name: `New in {category}` is `New`."""
    for mark, lead in (("{category}", " in "), ("{product}", " ")):
        title = title.replace(f"{lead}{mark}", "").replace(mark, "").strip()
    return title or "For you"


def _worded(templates: np.ndarray, known: dict[str, np.ndarray], otherwise: np.ndarray) -> np.ndarray:
    """`templates` with `{product}` and `{category}` filled in, or what is said `otherwise` where that is unknown."""
    words = templates.copy()
    for name, values in known.items():
        mark = f"{{{name}}}"
        for template in pd.unique(templates):
            if mark in template:
                here = np.flatnonzero(templates == template)
                codes, names = pd.factorize(values[here])
                filled = np.array([template.replace(mark, str(one)) for one in names] + [None], dtype=object)[codes]
                words[here] = np.where(codes >= 0, filled, otherwise[here])
    return words
