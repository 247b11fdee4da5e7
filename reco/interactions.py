"""Store to matrix: who interacted with what, how often and when; and splits by time."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
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
            known, timestamp (datetime64) and basket_id.
        products: attributes of the items (title, category, …) in the order of `items`, or None.
    """

    matrix: sparse.csr_matrix
    users: pd.Index
    items: pd.Index
    log: pd.DataFrame
    products: pd.DataFrame | None = None

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
    ) -> "Interactions":
        """Interactions from one row each; without `weight` every row counts 1.

        `products` is indexed by item id; items it lacks get missing attributes. Raises `ValueError` where a
        column is absent, an id is missing or a weight is not a finite number.

        >>> x = Interactions.from_frame(pd.DataFrame({"user_id": ["b", "a", "b"], "item_id": ["x", "x", "x"]}))
        >>> x.matrix.toarray().tolist(), list(x.users)
        ([[1.0], [2.0]], ['a', 'b'])
        """
        for column in filter(None, (user, item, timestamp, weight, basket)):
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
        matrix = sparse.coo_matrix(
            (log[Columns.WEIGHT], (rows, columns)), shape=(len(users), len(items)), dtype="float32"
        ).tocsr()
        matrix.eliminate_zeros()
        matrix.sort_indices()
        if products is not None:
            products = products.reindex(items)
        return cls(matrix, users, items, log, products)

    def rows(self, user_ids: object) -> np.ndarray:
        """Row number of each user id, -1 for unknown ones."""
        return self.users.get_indexer(pd.Index(user_ids))

    def columns(self, item_ids: object) -> np.ndarray:
        """Column number of each item id, -1 for unknown ones."""
        return self.items.get_indexer(pd.Index(item_ids))

    @property
    def customers_per_item(self) -> np.ndarray:
        """Number of users that have each item, int64, in the order of `items`."""
        return np.bincount(self.matrix.indices, minlength=len(self.items))


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
