"""How good recommendations are: metrics per user, means with intervals, comparisons on the same users."""

from collections.abc import Iterable
from operator import index
from typing import NamedTuple

import pandas as pd

from reco.evaluation import metrics
from reco.evaluation.bootstrap import Interval, bootstrap, paired_difference, verdict
from reco.evaluation.glossary import GLOSSARY
from reco.evaluation.lists import Lists
from reco.evaluation.places import Places
from reco.interactions import Interactions

__all__ = [
    "GLOSSARY",
    "Evaluation",
    "Interval",
    "bootstrap",
    "evaluate",
    "evaluate_at",
    "paired_difference",
    "verdict",
]


class Evaluation(NamedTuple):
    """Result of `evaluate`.

    Attributes:
        per_user: one row a test user (index user_id, ascending), one column a metric, NaN where a user has none.
        summary: one row a metric (index): value, low, high; metrics of all lists together (coverage, gini, entropy,
            personalization) have no interval.
    """

    per_user: pd.DataFrame
    summary: pd.DataFrame


def evaluate(
    recommendations: pd.DataFrame,
    test: pd.DataFrame,
    train: Interactions,
    k: int = 10,
    confidence: float = 0.95,
    seed: int = 0,
) -> Evaluation:
    """Judge recommendations (user_id, rank, item_id) by what the users took later (test: user_id, item_id).

    Every user of `test` counts; one without recommendations scores zero. Items of `test` that no model could know
    count as misses. What was taken twice counts once; an item listed twice counts at its better rank. Where `test` has
    the columns revenue or margin, recall is weighed by them, too. `confidence` is the level of the bootstrap
    intervals over users. `GLOSSARY` says what each metric means, its docstring how it is defined.

    Raises `ValueError` where a column is absent, an id is missing, ids are numbers in one frame and text in another,
    a rank is not a whole number from 1, a user has two items at one rank, an amount is infinite, or `k` is below 1.
    """
    return evaluate_at(recommendations, test, train, (k,), confidence, seed)[k]


def evaluate_at(
    recommendations: pd.DataFrame,
    test: pd.DataFrame,
    train: Interactions,
    ks: Iterable[int] = (5, 10, 20),
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[int, Evaluation]:
    """`evaluate` at several list lengths, by length in the order given; ids are looked up once for all of them."""
    ks = [index(k) for k in ks]
    if not ks or min(ks) < 1:
        raise ValueError(f"list lengths are {ks}; expected at least one, each 1 or more")
    lists = Lists.of(recommendations, test, train, max(ks))
    places, catalogue = Places.of(lists), len(train.items)
    columns = ["value", "low", "high"]

    def summarize(k: int) -> Evaluation:
        per_user = metrics.measure_users(places.first(k)).set_axis(lists.users)
        means = bootstrap(per_user.to_numpy(), confidence, seed=seed)
        summary = pd.DataFrame(means.T, index=per_user.columns, columns=columns)
        together = metrics.measure_lists(lists.items[:, :k], catalogue).to_frame(columns[0]).reindex(columns=columns)
        return Evaluation(per_user, pd.concat([summary, together]))

    return {k: summarize(k) for k in ks}
