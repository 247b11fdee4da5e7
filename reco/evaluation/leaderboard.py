"""Evaluations side by side: ranked, compared on the same users, and split by users and by products."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from reco.evaluation import Evaluation, Interval, bootstrap, verdict
from reco.evaluation.bootstrap import paired_p_values
from reco.experiments.multiplicity import holm
from reco.interactions import Interactions

#: Metrics that a ranking shows unless told otherwise.
SHOWN: Final = ("precision", "recall", "ndcg", "hit_rate", "novelty", "coverage")

#: Users by how much they bought in training; those without history stand by themselves.
ACTIVITIES: Final = ("new", "light", "medium", "heavy")

#: Products by how much they are bought, with the metric that looks at them alone.
PRODUCTS: Final = {"head": "head_recall", "tail": "tail_recall"}


def ranking(
    evaluations: Mapping[str, Evaluation],
    titles: Mapping[str, str],
    metric: str = "ndcg",
    shown: Sequence[str] = SHOWN,
    intervals: bool = False,
) -> pd.DataFrame:
    """One row a model, best first by `metric`, ties by name: model, title, means of the metrics `shown`, intervals.

    Metrics that the evaluations lack are left out. The bounds of `metric`, and of all that are shown with `intervals`,
    are the columns with `_low` and `_high` behind its name; they are NaN for metrics of all lists together.
    """
    names = [
        name for name in dict.fromkeys([*shown, metric]) if any(name in e.summary.index for e in evaluations.values())
    ]
    bounded = names if intervals else [metric]
    rows = []
    for model, evaluation in evaluations.items():
        summary = evaluation.summary.reindex(names)
        bounds = {f"{name}_{bound}": summary.loc[name, bound] for name in bounded for bound in ("low", "high")}
        rows.append({"model": model, "title": titles.get(model, model), **summary["value"], **bounds})
    return pd.DataFrame(rows).sort_values([metric, "model"], ascending=[False, True], ignore_index=True)


def differences(
    evaluations: Mapping[str, Evaluation],
    against: str,
    titles: Mapping[str, str],
    metric: str = "ndcg",
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Every other model against one, on the users that both were judged on, best first.

    Columns: model, title, difference (the other's mean `metric` less that of `against`), low, high (its paired
    bootstrap interval), p_value (paired t-test), p_adjusted (Holm over all models compared here) and verdict from the
    other's point of view: `better`, `worse`, or `tie` where the interval holds zero or p_adjusted passes
    1 - confidence.
    """
    base = evaluations[against].per_user[metric]
    others = [name for name in evaluations if name != against]
    gaps = _side_by_side({name: evaluations[name].per_user[metric] for name in others}, base)
    p_values = paired_p_values(gaps)
    frame = pd.DataFrame(bootstrap(gaps, confidence, seed=seed).T, columns=["difference", "low", "high"])
    frame["p_value"] = p_values
    frame["p_adjusted"] = np.nan
    tested = ~np.isnan(p_values)
    if tested.any():
        frame.loc[tested, "p_adjusted"] = holm(p_values[tested])
    found = [
        verdict(Interval(*bounds)) for bounds in zip(frame["difference"], frame["low"], frame["high"], strict=True)
    ]
    frame["verdict"] = np.where(frame["p_adjusted"] <= 1 - confidence, found, "tie")
    frame.insert(0, "model", others)
    frame.insert(1, "title", [titles.get(name, name) for name in others])
    return frame.sort_values(["difference", "model"], ascending=[False, True], ignore_index=True)


def activity(train: Interactions, user_ids: pd.Index) -> pd.Series:
    """How active each user was in training, index user_id: `light`, `medium`, `heavy` or `new`, categories in order.

    Thirds of those users who have a history, by the sum of their weights, ties in the order given.
    """
    numbers = train.rows(user_ids)
    sums = np.append(np.asarray(train.matrix.sum(axis=1)).ravel(), 0)  # unknown users, number -1, find the last
    known = pd.Series(sums[numbers]).loc[lambda weights: weights > 0]
    codes = np.zeros(len(numbers), int)
    codes[known.index] = 1 + 3 * (known.rank(method="first").to_numpy(int) - 1) // max(len(known), 1)
    return pd.Series(pd.Categorical.from_codes(codes, ACTIVITIES, ordered=True), user_ids, name="activity")


def by_activity(
    evaluations: Mapping[str, Evaluation],
    train: Interactions,
    titles: Mapping[str, str],
    metric: str = "ndcg",
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Mean `metric` by `activity` of the users in training: model, title, activity, users, value, low, high."""
    rows = []
    for name, evaluation in evaluations.items():
        values = evaluation.per_user[metric]
        for group, chosen in values.groupby(activity(train, values.index).array, observed=True):
            interval = bootstrap(chosen.to_numpy()[:, None], confidence, seed=seed)[:, 0]
            rows.append((name, titles.get(name, name), group, len(chosen), *interval))
    return pd.DataFrame(rows, columns=["model", "title", "activity", "users", "value", "low", "high"])


def by_products(
    evaluations: Mapping[str, Evaluation], titles: Mapping[str, str], confidence: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Recall by head and tail of the products: model, title, products, users, value, low, high.

    The head are the most bought products that make half of the purchases in training. Users are those who took
    something of the head, or of the tail; recall is over these purchases only.
    """
    rows = []
    for name, evaluation in evaluations.items():
        values = evaluation.per_user[[*PRODUCTS.values()]].to_numpy()
        intervals = zip(
            PRODUCTS, bootstrap(values, confidence, seed=seed).T, (~np.isnan(values)).sum(axis=0), strict=True
        )
        rows += [(name, titles.get(name, name), products, users, *interval) for products, interval, users in intervals]
    return pd.DataFrame(rows, columns=["model", "title", "products", "users", "value", "low", "high"])


def swap(
    old: Evaluation,
    new: Evaluation,
    segments: pd.Series,
    metric: str = "ndcg",
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Who gains and who loses where `new` takes the place of `old`: one row a segment, `all` users first.

    `segments` holds a segment by user_id, `activity` for one; users without any appear in `all` only. Columns:
    segment, users (judged in both), better, equal, worse (shares of them by their own `metric`), change (mean new
    less old), low, high (its paired bootstrap interval).
    """
    pair = pd.concat([new.per_user[metric], old.per_user[metric]], axis=1, join="inner", keys=["new", "old"]).dropna()
    change = pair["new"] - pair["old"]
    parts = {"all": change, **dict(tuple(change.groupby(segments.reindex(change.index), observed=True)))}
    rows = []
    for segment, part in parts.items():
        shares = [float((np.sign(part) == sign).mean()) if len(part) else np.nan for sign in (1, 0, -1)]
        interval = bootstrap(part.to_numpy()[:, None], confidence, seed=seed)[:, 0]
        rows.append((segment, len(part), *shares, *interval))
    columns = ["segment", "users", "better", "equal", "worse", "change", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def _side_by_side(others: Mapping[str, pd.Series], base: pd.Series) -> np.ndarray:
    """Each of `others` less `base`, users of `base` x others, NaN for users that one of both lacks."""
    gaps = [(values.reindex(base.index) - base).to_numpy() for values in others.values()]
    return np.column_stack(gaps) if gaps else np.empty((len(base), 0))
