"""How good recommendations are: metrics per user, means with intervals, comparisons on the same users."""

from typing import NamedTuple

import pandas as pd

from reco.columns import Columns
from reco.evaluation import metrics
from reco.evaluation.bootstrap import Interval, bootstrap, paired_difference, verdict
from reco.interactions import Interactions

__all__ = ["Evaluation", "Interval", "bootstrap", "evaluate", "paired_difference", "verdict"]


class Evaluation(NamedTuple):
    """Result of `evaluate`.

    Attributes:
        per_user: one row a test user (index user_id), one column a metric.
        summary: one row a metric (index): value, low, high; coverage has no interval.
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
    count as misses. `confidence` is the level of the bootstrap intervals over users.
    """
    test = test[[Columns.USER, Columns.ITEM]].drop_duplicates()
    relevant = test.groupby(Columns.USER, sort=True).size()
    users, counts = relevant.index, relevant.to_numpy()
    hit = metrics.hits(recommendations, test, users, k)
    per_user = pd.DataFrame(
        {
            "precision": metrics.precision(hit, counts),
            "recall": metrics.recall(hit, counts),
            "ndcg": metrics.ndcg(hit, counts),
            "hit_rate": metrics.hit_rate(hit, counts),
            "novelty": metrics.novelty(recommendations, train, users, k),
        },
        index=users,
    )
    summary = pd.DataFrame(
        bootstrap(per_user.to_numpy(), confidence, seed=seed).T,
        index=per_user.columns,
        columns=["value", "low", "high"],
    )
    summary.loc["coverage"] = [metrics.coverage(recommendations, train, k), float("nan"), float("nan")]
    return Evaluation(per_user, summary)
