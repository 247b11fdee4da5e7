"""Recommended lists beside what users took later, as arrays: ids are looked up once, for all metrics and lengths."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.interactions import Interactions

#: Columns of the test frame that tell what a purchase was worth.
AMOUNTS: Final = (Columns.REVENUE, "margin")

#: Number of an empty place.
EMPTY: Final = -1


@dataclass(frozen=True)
class Lists:
    """Lists of up to k items and the purchases that they are judged by; made by `Lists.of`.

    Items have numbers: below `len(train.items)` the columns of `train`, from there on items that training does not
    know. Rows of the arrays are lists; those of the judged users come first, in the order of `users`.

    Attributes:
        train: what the models had learned from.
        users: the judged users, ascending: all that took something.
        pairs: one row a distinct user and item of the test, sorted: user (row number), item (number) and, where the
            test tells, revenue and margin (float64, at least 0).
        items: the item at each rank, int32 lists x k, `EMPTY` where there is none. One that stands higher up in the
            same list already is left out.
        width: how many numbers items have, the unknown ones included.
        repeated: whether an item was left out at that rank, bool lists x k.
    """

    train: Interactions
    users: pd.Index
    pairs: pd.DataFrame
    items: np.ndarray
    width: int
    repeated: np.ndarray

    @classmethod
    def of(cls, recommendations: pd.DataFrame, test: pd.DataFrame, train: Interactions, k: int) -> "Lists":
        """The first `k` ranks of `recommendations` (user_id, rank, item_id) and all of `test` (user_id, item_id, …).

        Raises `ValueError` where a column is absent, an id is missing, ids are numbers here and text there, a rank
        is not a whole number from 1, a user has two items at one rank, or an amount is infinite.
        """
        columns = (Columns.USER, Columns.ITEM)
        _require(recommendations, (*columns, Columns.RANK), "the recommendations")
        _require(test, columns, "the test")
        for column, known in zip(columns, (train.users, train.items), strict=True):
            ids = {"the recommendations": recommendations[column], "the test": test[column], "training": known}
            _check_kinds(column, {name: values for name, values in ids.items() if len(values)})

        ranks = _ranks(recommendations[Columns.RANK])
        if ranks.max(initial=1) > k:
            recommendations, ranks = recommendations[ranks <= k], ranks[ranks <= k]

        users, rows = _sorted(test[Columns.USER])
        listed, taken = _item_numbers(recommendations[Columns.ITEM], test[Columns.ITEM], train.items)
        width = int(max(len(train.items), listed.max(initial=0) + 1, taken.max(initial=0) + 1))
        pairs = _pairs(rows, taken, width, test)

        lists, count = _list_rows(recommendations[Columns.USER], users)
        # a rank a row in memory: metrics reduce over ranks for all lists at once, and shorter lists are its first part
        items, cells = np.full((k, count), EMPTY, "int32"), (ranks - 1) * count + lists
        items.ravel()[cells] = listed
        if np.count_nonzero(items != EMPTY) < len(listed):
            row = recommendations.iloc[int(pd.Series(cells).duplicated().argmax())]
            raise ValueError(
                f"user {row[Columns.USER]!r} has several items at rank {row[Columns.RANK]}; "
                "expected one list a user with one item a rank"
            )
        items = items.T
        repeated = _repeated(items)
        items[repeated] = EMPTY
        return cls(train, users, pairs, items, width, repeated)

    @property
    def judged(self) -> np.ndarray:
        """The `items` of the judged users, int32 users x k."""
        return self.items[: len(self.users)]


def _require(frame: pd.DataFrame, columns: Sequence[str], name: str) -> None:
    for column in columns:
        if column not in frame:
            raise ValueError(f"{name} have no column {column!r}; found {', '.join(map(str, frame.columns))}")
        if frame[column].isna().any():
            row = int(frame[column].isna().to_numpy().argmax())
            raise ValueError(f"column {column!r} of {name} holds a missing value in row {row}")


def _check_kinds(column: str, ids: dict[str, pd.Series | pd.Index]) -> None:
    """Raise `ValueError` where ids are numbers in one place and text in another."""
    kinds = {name: _kind(values) for name, values in ids.items()}
    if len(set(kinds.values())) > 1:
        found = ", ".join(f"{kinds[name]} ({values.dtype}) in {name}" for name, values in ids.items())
        raise ValueError(f"column {column!r} holds {found}; make them one type, or nothing will match")


def _kind(ids: pd.Series | pd.Index) -> str:
    dtype = ids.dtype.categories.dtype if isinstance(ids.dtype, pd.CategoricalDtype) else ids.dtype
    if pd.api.types.is_numeric_dtype(dtype):
        return "numbers"
    if pd.api.types.is_string_dtype(dtype) and not pd.api.types.is_object_dtype(dtype):
        return "text"
    kind = pd.api.types.infer_dtype(ids)
    return {"string": "text", "integer": "numbers", "floating": "numbers", "mixed-integer": "a mixture"}.get(kind, kind)


def _ranks(ranks: pd.Series) -> np.ndarray:
    if not len(ranks):
        return np.empty(0, "int64")
    values = ranks.to_numpy()
    kind = values.dtype.kind
    whole = kind in "iu" or (kind == "f" and np.isfinite(values).all() and (np.floor(values) == values).all())
    if not whole or (values < 1).any():
        raise ValueError(f"column {Columns.RANK!r} of the recommendations must hold whole numbers from 1 on")
    return values.astype("int64")


def _sorted(ids: pd.Series) -> tuple[pd.Index, np.ndarray]:
    """The distinct ids in ascending order, and the number of each."""
    if isinstance(ids.dtype, pd.CategoricalDtype):  # sorts by its own order, which need not be that of the ids
        ids = ids.astype(ids.cat.categories.dtype)
    numbers, distinct = pd.factorize(ids, sort=True)
    return pd.Index(distinct, name=Columns.USER), numbers


def _item_numbers(listed: pd.Series, taken: pd.Series, items: pd.Index) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of both: the place in `items`, or one behind them all, the same for the same unknown item."""
    codes, distinct = zip(*(pd.factorize(ids) for ids in (listed, taken)), strict=True)
    either = pd.Index(np.concatenate([np.asarray(ids, object) for ids in distinct]))
    if not len(either):
        return tuple(np.empty(0, "int64") for _ in codes)
    numbers = items.get_indexer(either)
    unknown = numbers < 0
    numbers[unknown] = len(items) + pd.factorize(either[unknown])[0]
    return numbers[: len(distinct[0])][codes[0]], numbers[len(distinct[0]) :][codes[1]]


def _pairs(rows: np.ndarray, items: np.ndarray, width: int, test: pd.DataFrame) -> pd.DataFrame:
    """Distinct user and item in order, with amounts added up; a loss weighs nothing, nor does an unknown amount."""
    keys, place = np.unique(rows.astype("int64") * width + items, return_inverse=True)
    pairs = pd.DataFrame({"user": keys // width, "item": keys % width})
    for name in AMOUNTS:
        if name in test:
            amounts = pd.to_numeric(test[name]).to_numpy("float64", na_value=np.nan)
            if np.isinf(amounts).any():
                raise ValueError(f"column {name!r} of the test holds an infinite amount")
            pairs[name] = np.maximum(np.bincount(place, np.nan_to_num(amounts), minlength=len(keys)), 0)
    return pairs


def _list_rows(ids: pd.Series, users: pd.Index) -> tuple[np.ndarray, int]:
    """Row of the list that each recommendation belongs to, and how many lists there are; those of `users` first."""
    if not len(ids):
        return np.empty(0, "int64"), len(users)
    values = ids.array
    starts = np.flatnonzero(np.append(True, np.asarray(values[1:] != values[:-1], bool)))
    codes, distinct = pd.factorize(ids.iloc[starts])  # lists mostly stand together: one look-up each
    rows = users.get_indexer(pd.Index(distinct)) if len(users) else np.full(len(distinct), -1)
    others = rows < 0
    rows[others] = len(users) + np.arange(others.sum())
    return np.repeat(rows[codes], np.diff(np.append(starts, len(ids)))), len(users) + int(others.sum())


def _repeated(items: np.ndarray) -> np.ndarray:
    """Whether the item at each rank stands higher up in the same list."""
    repeated, ordered = np.zeros(items.shape, bool, order="F"), np.sort(items, axis=1)
    some = np.flatnonzero(((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != EMPTY)).any(axis=1))
    lists = items[some]
    for lag in range(1, items.shape[1]):
        repeated[some, lag:] |= (lists[:, lag:] == lists[:, :-lag]) & (lists[:, lag:] != EMPTY)
    return repeated
