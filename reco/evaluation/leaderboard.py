"""Evaluations side by side: ranked, compared on the same users, and split by how active users are."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from reco.evaluation import Evaluation, bootstrap, paired_difference, verdict
from reco.interactions import Interactions


def ranking(evaluations: Mapping[str, Evaluation], titles: Mapping[str, str], metric: str = "ndcg") -> pd.DataFrame:
    """One row a model, best first by `metric`: model, title, every metric's mean, and the interval of `metric`."""
    rows = [
        {
            "model": name,
            "title": titles.get(name, name),
            **evaluation.summary["value"],
            f"{metric}_low": evaluation.summary.loc[metric, "low"],
            f"{metric}_high": evaluation.summary.loc[metric, "high"],
        }
        for name, evaluation in evaluations.items()
    ]
    return pd.DataFrame(rows).sort_values([metric, "model"], ascending=[False, True], ignore_index=True)


def differences(
    evaluations: Mapping[str, Evaluation],
    against: str,
    titles: Mapping[str, str],
    metric: str = "ndcg",
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Every other model against one, on the same users: model, title, difference, low, high, verdict.

    The difference is the other's mean `metric` less that of `against`, with a paired bootstrap interval; the verdict
    is `better`, `worse` or `tie` from the other's point of view.
    """
    rows = []
    for name, evaluation in evaluations.items():
        if name != against:
            pair = evaluation.per_user[metric].align(evaluations[against].per_user[metric], join="inner")
            difference = paired_difference(*(values.to_numpy() for values in pair), confidence, seed)
            rows.append((name, titles.get(name, name), *difference, verdict(difference)))
    frame = pd.DataFrame(rows, columns=["model", "title", "difference", "low", "high", "verdict"])
    return frame.sort_values(["difference", "model"], ascending=[False, True], ignore_index=True)


def by_activity(
    evaluations: Mapping[str, Evaluation],
    train: Interactions,
    titles: Mapping[str, str],
    metric: str = "ndcg",
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Mean `metric` by thirds of the users' activity in training: model, title, activity, users, value, low, high.

    Users without any history stand by themselves as `new`.
    """
    rows = []
    for name, evaluation in evaluations.items():
        numbers = train.rows(evaluation.per_user.index)
        orders = np.where(numbers >= 0, np.asarray(train.matrix.sum(axis=1)).ravel()[numbers], 0.0)
        known = pd.Series(orders[orders > 0])
        group = np.full(len(orders), "new", dtype=object)
        third = (3 * (known.rank(method="first") - 1) // max(len(known), 1)).astype(int)
        group[orders > 0] = np.array(["light", "medium", "heavy"], dtype=object)[third]
        for activity in ("new", "light", "medium", "heavy"):
            chosen = evaluation.per_user.loc[group == activity, metric].to_numpy()
            if len(chosen):
                interval = bootstrap(chosen[:, None], confidence, seed=seed)[:, 0]
                rows.append((name, titles.get(name, name), activity, len(chosen), *interval))
    return pd.DataFrame(rows, columns=["model", "title", "activity", "users", "value", "low", "high"])
