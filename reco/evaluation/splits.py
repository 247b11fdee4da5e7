"""Splits of a log into what models may learn from and what they are judged by."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from reco.columns import Columns


class Fold(NamedTuple):
    """A log (user_id, item_id and whatever else it has) in two parts; rows keep their order and their index.

    Attributes:
        train: what models may learn from.
        test: what they are judged by.
        cold_users: number of users of the test of whom nothing is in the training.
        cold_items: number of items of the test that nobody has in the training.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    cold_users: int
    cold_items: int


def global_time(log: pd.DataFrame, cutoffs: Sequence[pd.Timestamp]) -> list[Fold]:
    """A fold for each period between two `cutoffs`, tested on it and trained on everything before it.

    With `reco.interactions.Cutoffs` these are the validation and the test fold. Events at a cutoff belong to what
    begins there; those at or after the last one are in no fold. Raises `ValueError` where there are fewer than two
    cutoffs, they do not ascend, or a timestamp is absent or missing.

    >>> log = pd.DataFrame({"user_id": list("abb"), "item_id": list("xxy"), "timestamp": pd.to_datetime(
    ...     ["2026-01-01", "2026-01-08", "2026-01-09"])})
    >>> (fold,) = global_time(log, pd.to_datetime(["2026-01-08", "2026-01-15"]))
    >>> len(fold.train), len(fold.test), fold.cold_users, fold.cold_items
    (1, 2, 1, 1)
    """
    _check(log, Columns.TIMESTAMP)
    spans = list(pairwise(cutoffs))
    if not spans or any(start >= end for start, end in spans):
        raise ValueError(f"expected two cutoffs or more in ascending order, got {[str(cutoff) for cutoff in cutoffs]}")
    times = log[Columns.TIMESTAMP]
    return [_fold(log, times < start, (times >= start) & (times < end)) for start, end in spans]


def rolling(log: pd.DataFrame, end: pd.Timestamp, folds: int = 4, weeks: int = 1) -> list[Fold]:
    """`folds` consecutive folds of so many `weeks` each, the last of which ends at `end` (exclusive).

    Each is trained on everything before it, those before among it. Weeks are of the clock of `end`'s time zone, so
    that they begin at one hour throughout the year. Raises as `global_time` does, and where `folds` or `weeks` is
    below 1.
    """
    if folds < 1 or weeks < 1:
        raise ValueError(f"folds is {folds}, weeks is {weeks}; expected 1 or more of each")
    return global_time(log, [end - pd.DateOffset(weeks=weeks * back) for back in range(folds, -1, -1)])


def leave_last_basket(log: pd.DataFrame) -> Fold:
    """The last basket of every user who has two or more is the test, everything else the training.

    A basket is as old as its first event; of baskets that began at one moment the later in the log is the last.
    Baskets are numbered within a user, so that two users may use the same number. Applied to the training of a
    fold, it gives a fold for tuning. Raises `ValueError` where basket_id or timestamp is absent or missing.
    """
    _check(log, Columns.BASKET, Columns.TIMESTAMP)
    owned = log.groupby([Columns.USER, Columns.BASKET], sort=False, observed=True)
    basket = owned.ngroup().to_numpy()  # in the order of the log
    began = owned[Columns.TIMESTAMP].transform("min")
    return _leave(log, _last(log, began, basket), basket)


def leave_last_item(log: pd.DataFrame) -> Fold:
    """The last event of every user who has two or more is the test, everything else the training.

    Of events at one moment the later in the log is the last. Raises `ValueError` where timestamp is absent or
    missing.
    """
    _check(log, Columns.TIMESTAMP)
    place = np.arange(len(log))
    return _leave(log, _last(log, log[Columns.TIMESTAMP], place), place)


def random_folds(log: pd.DataFrame, k: int, rng: np.random.Generator) -> list[Fold]:
    """`k` folds of equal size, give or take one event, each event in the test of just one of them.

    For ratings only: the training holds events later than the test, which no shop could have known. Raises
    `ValueError` where `k` is below 2 or there are fewer than `k` events.
    """
    _check(log)
    if not 2 <= k <= len(log):
        raise ValueError(f"k is {k} with {len(log)} events; expected 2 to {len(log)}")
    fold = rng.permutation(len(log)) % k
    return [_fold(log, fold != number, fold == number) for number in range(k)]


def _last(log: pd.DataFrame, time: pd.Series, unit: np.ndarray) -> np.ndarray:
    """The last row of each user by time, then by the number of its unit, as places in the log."""
    order = pd.DataFrame({"user": log[Columns.USER].array, "time": time.array, "unit": unit})
    order = order.sort_values(["time", "unit"], kind="stable")
    return order.index[~order.duplicated("user", keep="last")].to_numpy()


def _leave(log: pd.DataFrame, last: np.ndarray, unit: np.ndarray) -> Fold:
    """The units of the rows `last` as the test, but for users who have no other."""
    tested = np.isin(unit, unit[last])
    others = log.loc[~tested, Columns.USER].unique() if tested.any() else []
    tested &= log[Columns.USER].isin(others).to_numpy()
    return _fold(log, ~tested, tested)


def _fold(log: pd.DataFrame, train: np.ndarray, test: np.ndarray) -> Fold:
    train, test = log[np.asarray(train)], log[np.asarray(test)]
    cold = (int((~pd.Index(test[of].unique()).isin(train[of])).sum()) for of in (Columns.USER, Columns.ITEM))
    return Fold(train, test, *cold)


def _check(log: pd.DataFrame, *columns: str) -> None:
    """Raise `ValueError` where the log lacks a column that it needs, or a value in it."""
    for column in (Columns.USER, Columns.ITEM, *columns):
        if column not in log:
            raise ValueError(f"the log has no column {column!r}; found {', '.join(map(str, log.columns))}")
        if log[column].isna().any():
            raise ValueError(f"column {column!r} of the log holds a missing value")
