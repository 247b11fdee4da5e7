"""Store to matrix: who interacted with what, how often and when; and splits by time."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from scipy import sparse

from reco.columns import Columns


@dataclass(frozen=True)
class Interactions:
    """Implicit feedback as a matrix, with the log it was counted from.

    Attributes:
        matrix: users x items, CSR float32, summed weights; no stored zeros, indices sorted.
        users: user id of each row, ascending.
        items: item id of each column, ascending, so that a lower column is a lower id.
        log: one row an interaction: user and item (int32 row and column numbers), weight (float32) and, where
            known, timestamp (datetime64), basket_id and off (float32: the share of the full price taken off).
        products: attributes of the items (title, category, …) in the order of `items`, or None.
        sessions: what was viewed in one visit: visits x items, CSR float32 of ones, or None.
    """

    matrix: sparse.csr_matrix
    users: pd.Index
    items: pd.Index
    log: pd.DataFrame
    products: pd.DataFrame | None = None
    sessions: sparse.csr_matrix | None = None

    @classmethod
    def from_frame(
        cls,
        df: pd.DataFrame,
        user: str = Columns.USER,
        item: str = Columns.ITEM,
        timestamp: str | None = None,
        weight: str | None = None,
        basket: str | None = None,
        products: pd.DataFrame | None = None,
        views: pd.DataFrame | None = None,
        off: str | None = None,
    ) -> "Interactions":
        """Interactions from one row each; without `weight` every row counts 1.

        `products` is indexed by item id; items it lacks get missing attributes. `views` (session_id, item_id) tells
        what was viewed in one visit; views of other items are left out. `off` names the column of the share of the
        full price that was taken off, from 0 to 1, NaN where it is not known. Raises `ValueError` where a column is
        absent, an id is missing, ids of items are of different types or a weight is not a finite number.

        >>> x = Interactions.from_frame(pd.DataFrame({"user_id": ["b", "a", "b"], "item_id": ["x", "x", "x"]}))
        >>> x.matrix.toarray().tolist(), list(x.users)
        ([[1.0], [2.0]], ['a', 'b'])
        """
        for column in filter(None, (user, item, timestamp, weight, basket, off)):
            if column not in df:
                raise ValueError(f"no column {column!r}; found {', '.join(map(str, df.columns))}")
        for column in filter(None, (user, item, basket)):
            if df[column].isna().any():
                raise ValueError(f"column {column!r} holds a missing id in row {int(df[column].isna().argmax())}")
        weights = np.ones(len(df)) if weight is None else df[weight].to_numpy("float64", na_value=np.nan)
        if not np.isfinite(weights).all():
            bad = int((~np.isfinite(weights)).argmax())
            raise ValueError(f"column {weight!r} holds {weights[bad]} in row {bad}; expected finite numbers")

        rows, users = _number(df[user])
        columns, items = _number(df[item])
        log = pd.DataFrame({"user": rows.astype("int32"), "item": columns.astype("int32")})
        log[Columns.WEIGHT] = weights.astype("float32")
        if timestamp is not None:
            log[Columns.TIMESTAMP] = df[timestamp].array
        if basket is not None:
            log[Columns.BASKET] = pd.factorize(df[basket])[0].astype("int32")
        if off is not None:
            log[Columns.OFF] = df[off].to_numpy("float32", na_value=np.nan)
        matrix = sparse.coo_matrix(
            (log[Columns.WEIGHT], (rows, columns)), shape=(len(users), len(items)), dtype="float32"
        ).tocsr()
        matrix.eliminate_zeros()
        matrix.sort_indices()
        if products is not None:
            _same_type(products.index, items, "item ids of the products")
            products = products.reindex(items)
        return cls(matrix, users, items, log, products, None if views is None else _sessions(views, items))

    def rows(self, user_ids: object) -> np.ndarray:
        """Row number of each user id, -1 for unknown ones; raises `ValueError` for ids of another type."""
        return self.users.get_indexer(_same_type(pd.Index(user_ids), self.users, "user ids"))

    def columns(self, item_ids: object) -> np.ndarray:
        """Column number of each item id, -1 for unknown ones; raises `ValueError` for ids of another type."""
        return self.items.get_indexer(_same_type(pd.Index(item_ids), self.items, "item ids"))

    def extended(self, events: pd.DataFrame) -> "Extension":
        """These interactions with later `events`: user_id, item_id and the columns that the log has.

        Numbers of users and items stay; users that are new stand behind the others, in ascending order, and events
        on unknown items are left out. Without weight every event counts 1. Raises `ValueError` where a column is
        absent, an id is missing or of another type, or a weight is not a finite number.
        """
        known = [column for column in (Columns.TIMESTAMP, Columns.BASKET) if column in self.log]
        for column in (Columns.USER, Columns.ITEM, *known):
            if column not in events:
                raise ValueError(f"events have no column {column!r}; found {', '.join(map(str, events.columns))}")
            if events[column].isna().any():
                raise ValueError(f"column {column!r} of the events holds a missing value")
        columns = self.columns(events[Columns.ITEM])
        events, columns = events[columns >= 0], columns[columns >= 0]
        weights = events.get(Columns.WEIGHT, pd.Series(1.0, index=events.index)).to_numpy("float32", na_value=np.nan)
        if not np.isfinite(weights).all():
            raise ValueError(f"column {Columns.WEIGHT!r} of the events holds a weight that is not a finite number")
        ids = events[Columns.USER]
        newcomers = pd.Index(np.sort(ids[self.rows(ids) < 0].unique()), dtype=self.users.dtype)
        users = self.users.append(newcomers) if len(newcomers) else self.users
        rows = users.get_indexer(ids)
        more = pd.DataFrame({"user": rows.astype("int32"), "item": columns.astype("int32"), Columns.WEIGHT: weights})
        if Columns.TIMESTAMP in known:
            more[Columns.TIMESTAMP] = events[Columns.TIMESTAMP].array
        if Columns.BASKET in known:
            numbers = pd.factorize(events[Columns.BASKET])[0]
            more[Columns.BASKET] = (numbers + self.log[Columns.BASKET].max() + 1).astype("int32")
        shape = (len(users), len(self.items))
        matrix = self.matrix.copy()
        matrix.resize(shape)
        matrix = (matrix + sparse.csr_matrix((weights, (rows, columns)), shape, dtype="float32")).tocsr()
        matrix.eliminate_zeros()
        matrix.sort_indices()
        log = pd.concat([self.log, more], ignore_index=True) if len(more) else self.log
        grown = replace(self, matrix=matrix, users=users, log=log)
        return Extension(grown, np.unique(rows), len(self.log))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the log, the ids, the products and the visits."""
        digest = hashlib.sha256(f"{self.matrix.shape}".encode())
        frames = [self.log, self.users.to_frame(), self.items.to_frame(), self.products]
        for frame in frames:
            if frame is not None:
                digest.update(f"{list(frame.columns)}".encode())
                digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
        if self.sessions is not None:
            digest.update(self.sessions.indptr.tobytes() + self.sessions.indices.tobytes())
        return digest.hexdigest()

    @property
    def customers_per_item(self) -> np.ndarray:
        """Number of users that have each item, int64, in the order of `items`."""
        return np.bincount(self.matrix.indices, minlength=len(self.items))


class Extension(NamedTuple):
    """What became of interactions when events were added.

    Attributes:
        interactions: old and new.
        rows: numbers of the users who did something new, ascending.
        first: where in the log the new events begin.
    """

    interactions: Interactions
    rows: np.ndarray
    first: int


def _sessions(views: pd.DataFrame, items: pd.Index) -> sparse.csr_matrix:
    """Visits x items, 1 where an item was viewed; visits without any known item have no row."""
    for column in (Columns.SESSION, Columns.ITEM):
        if column not in views:
            raise ValueError(f"views have no column {column!r}; found {', '.join(map(str, views.columns))}")
        if views[column].isna().any():
            raise ValueError(f"column {column!r} of the views holds a missing id")
    columns = items.get_indexer(_same_type(pd.Index(views[Columns.ITEM]), items, "item ids of the views"))
    rows = pd.factorize(views[Columns.SESSION][columns >= 0])[0]
    seen = sparse.csr_matrix(
        (np.ones(len(rows), "float32"), (rows, columns[columns >= 0])),
        shape=(int(rows.max(initial=-1)) + 1, len(items)),
    )
    seen.sum_duplicates()
    seen.data[:] = 1
    return seen


def _same_type(ids: pd.Index, like: pd.Index, what: str) -> pd.Index:
    """`ids`, after a check that they are numbers where `like` are numbers, and text where they are text."""
    if len(ids) and len(like) and is_numeric_dtype(ids.dtype) != is_numeric_dtype(like.dtype):
        raise ValueError(f"{what} are {ids.dtype}, those known are {like.dtype}; expected one type")
    return ids


def _number(ids: pd.Series) -> tuple[np.ndarray, pd.Index]:
    """The number of each id among the distinct ones in ascending order, and those."""
    if isinstance(ids.dtype, pd.CategoricalDtype):  # sorts by its own order, which need not be that of the ids
        ids = ids.astype(ids.cat.categories.dtype)
    numbers, known = pd.factorize(ids, sort=True)
    return numbers, pd.Index(known)


class Cutoffs(NamedTuple):
    """Ends of the three periods of an evaluation by time (timestamps, exclusive).

    Attributes:
        validation: training for tuning ends and the validation weeks begin here.
        test: training for the test ends and the test weeks begin here.
        end: the test weeks end here.
    """

    validation: pd.Timestamp
    test: pd.Timestamp
    end: pd.Timestamp


def cutoffs(last: pd.Timestamp, validation_weeks: int, test_weeks: int) -> Cutoffs:
    """Cutoffs so that the test weeks end with the day of the last interaction, the validation weeks right before.

    Days are those of the time zone that `last` is in.

    >>> cutoffs(pd.Timestamp("2017-12-31 22:00"), 4, 4).test
    Timestamp('2017-12-04 00:00:00')
    """
    end = last.tz_localize(None).normalize() + pd.Timedelta(days=1)
    test = end - pd.Timedelta(weeks=test_weeks)
    days = (test - pd.Timedelta(weeks=validation_weeks), test, end)
    if last.tz is None:
        return Cutoffs(*days)
    # where clocks change at midnight, a day begins with its first moment
    return Cutoffs(*(day.tz_localize(last.tz, ambiguous=True, nonexistent="shift_forward") for day in days))
