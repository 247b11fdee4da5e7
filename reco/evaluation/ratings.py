"""How well ratings are estimated: RMSE and MAE by random k-fold cross-validation, for models of ratings only.

Whoever asks what customers buy next evaluates lists by time; see `reco.evaluation.evaluate`.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from surprise import AlgoBase, CoClustering, Dataset, SlopeOne, Trainset
from surprise.model_selection import KFold
from surprise.prediction_algorithms.knns import SymmetricAlgo

from reco.models.ratings import NormalPredictor, as_dataset

#: Most memory that an algorithm may take for a number on each pair of users or items.
MOST_BYTES: Final = 4e9


class RatingEvaluation(NamedTuple):
    """Result of `cross_validate`.

    Attributes:
        per_fold: one row an algorithm and fold (from 1): algorithm, fold, ratings (how many were estimated),
            unknown_users, unknown_items (how many of them have a user or an item without a rating in the other
            folds; the algorithm's fallback estimates them), rmse, mae.
        summary: one row an algorithm (index, in the order given): rmse and mae, the means over the folds.
    """

    per_fold: pd.DataFrame
    summary: pd.DataFrame


class Fold(NamedTuple):
    """Training data of Surprise and the (user_id, item_id, rating) to estimate."""

    train: Trainset
    test: list[tuple]


def rmse(errors: np.ndarray) -> float:
    """Root mean squared error, sqrt(sum of (estimate - rating)² / n), of n errors; NaN of none.

    >>> rmse(np.array([3.0, -4.0, 0.0, 0.0]))
    2.5
    """
    return float(np.sqrt(np.mean(np.square(errors)))) if len(errors) else np.nan


def mae(errors: np.ndarray) -> float:
    """Mean absolute error, sum of |estimate - rating| / n, of n errors; NaN of none.

    >>> mae(np.array([3.0, -4.0, 0.0, 0.0]))
    1.75
    """
    return float(np.mean(np.abs(errors))) if len(errors) else np.nan


def cross_validate(
    ratings: pd.DataFrame,
    algorithms: Mapping[str, AlgoBase],
    folds: int = 5,
    seed: int = 0,
    scale: tuple[float, float] | None = None,
    jobs: int = 1,
) -> RatingEvaluation:
    """Estimate every rating from the other folds, by each of Surprise's `algorithms` (see `make_algorithm`).

    `ratings` (user_id, item_id, rating) and `scale` are as `reco.models.ratings.as_dataset` takes them. The folds are
    those of Surprise's `KFold(folds, random_state=seed)`, which shuffles the rows: another order of rows gives other
    folds. All algorithms see the same. `jobs` processes share the work; the figures do not depend on their number.

    Raises `ValueError` for more folds than ratings, for fractional ratings where Surprise would cut them to whole
    ones without a word (Slope One, co-clustering), and where a matrix of all pairs of users or items would pass
    `MOST_BYTES` (neighbours, Slope One).

    >>> from reco.models.ratings import make_algorithm
    >>> likes = pd.DataFrame({"user_id": list("aabbcc"), "item_id": list("xyxyxy"), "rating": [5, 1, 5, 1, 5, 1]})
    >>> result = cross_validate(likes, {"by chance": make_algorithm("random")}, folds=3)
    >>> result.summary.loc["by chance"].round(2).to_dict()
    {'rmse': 3.26, 'mae': 2.87}
    """
    data = as_dataset(ratings, scale)
    if not 2 <= folds <= len(ratings):
        raise ValueError(f"folds is {folds}; expected 2 to {len(ratings)}, the number of ratings")
    for name, algorithm in algorithms.items():
        _check_fits(name, algorithm, data)
    parts = [Fold(*fold) for fold in KFold(folds, random_state=seed).split(data)]
    unknown = [_unknown(fold) for fold in parts]
    tasks = [(name, batch) for name, algorithm in algorithms.items() for batch in _batches(algorithm, folds)]
    results = Parallel(n_jobs=jobs)(
        delayed(_errors)(algorithms[name], [parts[number] for number in batch]) for name, batch in tasks
    )
    rows = [
        (name, number + 1, len(errors), *unknown[number], rmse(errors), mae(errors))
        for (name, batch), several in zip(tasks, results, strict=True)
        for number, errors in zip(batch, several, strict=True)
    ]
    columns = ["algorithm", "fold", "ratings", "unknown_users", "unknown_items", "rmse", "mae"]
    per_fold = pd.DataFrame(rows, columns=columns)
    return RatingEvaluation(per_fold, per_fold.groupby("algorithm", sort=False)[["rmse", "mae"]].mean())


def _batches(algorithm: AlgoBase, folds: int) -> list[range]:
    """Which folds go to the same process: each its own, but all where one stream of random numbers runs through."""
    if isinstance(algorithm, NormalPredictor):
        return [range(folds)]
    return [range(number, number + 1) for number in range(folds)]


def _errors(algorithm: AlgoBase, folds: Iterable[Fold]) -> list[np.ndarray]:
    """Estimate less rating, for the test ratings of each fold."""
    return [np.array([p.est - p.r_ui for p in algorithm.fit(train).test(test)], "float64") for train, test in folds]


def _unknown(fold: Fold) -> tuple[int, int]:
    """How many test ratings have a user, and how many an item, that the training data lack."""
    users, items = fold.train._raw2inner_id_users, fold.train._raw2inner_id_items
    return sum(user not in users for user, _, _ in fold.test), sum(item not in items for _, item, _ in fold.test)


def _check_fits(name: str, algorithm: AlgoBase, data: Dataset) -> None:
    users, items, values, _ = zip(*data.raw_ratings, strict=True)
    if isinstance(algorithm, SlopeOne | CoClustering):
        fractions = [value for value in values if value != int(value)]
        if fractions:
            raise ValueError(f"{name}: would cut ratings to whole numbers; found {fractions[0]:g}")
    if isinstance(algorithm, SlopeOne):
        of, n, bytes_a_pair = "items", len(set(items)), 16
    elif isinstance(algorithm, SymmetricAlgo):
        by_user = algorithm.sim_options["user_based"]
        of, n, bytes_a_pair = ("users", len(set(users)), 40) if by_user else ("items", len(set(items)), 40)
    else:
        return
    if n**2 * bytes_a_pair > MOST_BYTES:
        raise ValueError(
            f"{name}: {n} {of} take {n**2 * bytes_a_pair / 1e9:.0f} GB for all pairs; at most {MOST_BYTES / 1e9:g} GB"
        )
