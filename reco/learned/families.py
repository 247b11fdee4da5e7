"""Which kind of knowledge speaks most for a candidate: the features of a ranker, grouped by what they are about."""

import re
from typing import Final

import numpy as np
import pandas as pd

from reco.learned.features import ATTRIBUTES

#: What a candidate may be there for: the customer bought it before, has something that goes with it, likes its kind,
#: or many buy it. Features of no family, such as prices and the customer's own, speak for no product in words.
FAMILIES: Final = ("history", "neighbours", "content", "popularity")

#: Families of the scores and ranks of algorithms; all others go by what customers bought together.
ALGORITHMS: Final = {
    "tfidf": "content",
    **dict.fromkeys(("popularity", "trending", "category_popularity"), "popularity"),
    **dict.fromkeys(("tifu_knn", "up_cf", "due_again", "personal_frequency"), "history"),
}

#: What is told of the opinion of an algorithm.
OF_ALGORITHMS: Final = ("score", "rank", "score_of_best")

_OF_ALGORITHM: Final = re.compile(r"(?:score_of_best|score|rank)_(.+)")
_OF_KIND: Final = re.compile(rf"(?:{'|'.join(ATTRIBUTES)})_")


def family(feature: str) -> str | None:
    """The family of a feature, None where it has none.

    >>> [family(one) for one in ("rank_ease", "times", "brand_share", "product_trend", "price")]
    ['neighbours', 'history', 'content', 'popularity', None]
    """
    if match := _OF_ALGORITHM.fullmatch(feature):
        return ALGORITHMS.get(match[1], "neighbours")
    if feature == "with_last_basket":
        return "neighbours"
    if _OF_KIND.match(feature):
        return "content"
    if feature.startswith("product_off"):
        return None
    if feature.startswith("product_"):
        return "popularity" if feature != "product_due" else "history"
    return None if feature.startswith(("price", "customer_", "own_off")) else "history"


def strongest(contributions: pd.DataFrame, had: np.ndarray) -> np.ndarray:
    """The family that adds most to each row's score, object; None where none adds anything.

    `contributions` has a column a feature (`Ranker.contributions`), `had` tells whether the customer has the product
    (bool). What algorithms for repeated purchases say of a product that the customer never had comes of customers
    alike, so it counts as `neighbours`; the rest of what a history lacks speaks for nothing.
    """
    totals = np.zeros((len(contributions), len(FAMILIES)))
    for name in contributions:
        of = family(name)
        if of is None:
            continue
        values, column = contributions[name].to_numpy(), FAMILIES.index(of)
        if of == "history":
            totals[had, column] += values[had]
            if _OF_ALGORITHM.fullmatch(name):
                totals[~had, FAMILIES.index("neighbours")] += values[~had]
        else:
            totals[:, column] += values
    names = np.array([*FAMILIES, None], dtype=object)
    return names[np.where(totals.max(axis=1, initial=0) > 0, totals.argmax(axis=1), -1)]


def strongest_algorithm(contributions: pd.DataFrame, algorithms: list[str]) -> np.ndarray:
    """Which of `algorithms` adds most to each row's score by its own score and rank, by place in the list, int64."""
    added = [
        contributions.reindex(columns=[f"{of}_{one}" for of in OF_ALGORITHMS], fill_value=0.0).sum(axis=1).to_numpy()
        for one in algorithms
    ]
    return np.argmax(added, axis=0)
