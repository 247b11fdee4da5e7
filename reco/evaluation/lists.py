"""Recommended lists beside what users took later, as arrays: ids are looked up once, for all metrics and lengths."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.interactions import Interactions

#: Columns of the test frame that tell what a purchase was worth.
AMOUNTS: Final = (Columns.REVENUE, "margin")

#: Attributes of products by which two listed products can differ.
ATTRIBUTES: Final = ("department", Columns.CATEGORY, "subcategory", "brand")

#: Cells of the blocks that purchases are looked up in: 2 million int32 are 8 MB.
CELLS: Final = 1 << 21

#: Users whose lists are compared place by place at once: their codes stay in the processor's cache.
BLOCK: Final = 4096

#: Number of an empty place.
EMPTY: Final = -1


@dataclass(frozen=True)
class Lists:
    """Lists of up to k items and the purchases that they are judged by; made by `Lists.of`.

    Items have numbers: below `len(train.items)` the columns of `train`, from there on items that training does not
    know. Rows of the arrays are lists; those of the judged users come first, in the order of `users`.

    Attributes:
        train: what the models had learned from.
        owners: how many users of training have each of its items, int64.
        users: the judged users, ascending: all that took something.
        pairs: one row a distinct user and item of the test, sorted: user (row number), item (number) and, where the
            test tells, revenue and margin (float64, at least 0).
        items: the item at each rank, int32 lists x k, `EMPTY` where there is none. One that stands higher up in the
            same list already is left out.
        width: how many numbers items have, the unknown ones included.
        repeated: whether an item was left out at that rank, bool lists x k.
        taken: the row of `pairs` that the item at each rank is, `EMPTY` for misses; int32 users x k.
        owned: whether the item at each rank is a hit that the user had in training already; bool users x k.
        alike: in how many of the product attributes the item at each rank equals the items above it, summed over
            them; int32 users x k, None without product attributes.
        attributes: how many attributes that are.
        categories: whether the item at each rank is the first of its category; bool users x k, None without categories.
    """

    train: Interactions
    owners: np.ndarray
    users: pd.Index
    pairs: pd.DataFrame
    items: np.ndarray
    width: int
    repeated: np.ndarray
    taken: np.ndarray
    owned: np.ndarray
    alike: np.ndarray | None
    attributes: int
    categories: np.ndarray | None

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

        places, count = _list_rows(recommendations[Columns.USER], users)
        items = np.full((count, k), EMPTY, "int32")
        items[places, ranks - 1] = listed
        if np.count_nonzero(items != EMPTY) < len(listed):
            at = pd.Series(places * k + ranks - 1)
            row = recommendations.iloc[int(at.duplicated().argmax())]
            raise ValueError(
                f"user {row[Columns.USER]!r} has several items at rank {row[Columns.RANK]}; "
                "expected one list a user with one item a rank"
            )
        repeated = _repeated(items)
        items[repeated] = EMPTY

        judged = items[: len(users)]
        taken = _taken(judged, pairs, width)
        owned = _owned(judged, taken != EMPTY, users, train)
        return cls(
            train,
            train.customers_per_item,
            users,
            pairs,
            items,
            width,
            repeated,
            taken,
            owned,
            *_alike(judged, train.products, width),
        )

    def first(self, k: int) -> "Lists":
        """The same with lists cut to their first `k` ranks."""
        cut = {
            name: None if array is None else array[:, :k]
            for name in ("items", "repeated", "taken", "owned", "alike", "categories")
            for array in [getattr(self, name)]
        }
        return replace(self, **cut)

    @property
    def k(self) -> int:
        """How many ranks there are."""
        return self.items.shape[1]

    @property
    def judged(self) -> np.ndarray:
        """The `items` of the judged users, int32 users x k."""
        return self.items[: len(self.users)]

    @cached_property
    def listed(self) -> np.ndarray:
        """Whether there is an item at each rank of the judged users' lists, bool users x k."""
        return self.judged != EMPTY

    @cached_property
    def hit(self) -> np.ndarray:
        """Whether the user took the item at each rank, bool users x k."""
        return self.taken != EMPTY

    @cached_property
    def relevant(self) -> np.ndarray:
        """How many items each user took, int64, at least 1."""
        return np.bincount(self.pairs["user"], minlength=len(self.users))

    @cached_property
    def hits(self) -> tuple[np.ndarray, np.ndarray]:
        """User and row of `pairs` of every hit."""
        rows, places = np.nonzero(self.hit)
        return rows, self.taken[rows, places]


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
    repeated, ordered = np.zeros(items.shape, bool), np.sort(items, axis=1)
    some = np.flatnonzero(((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != EMPTY)).any(axis=1))
    lists = items[some]
    for lag in range(1, items.shape[1]):
        repeated[some, lag:] |= (lists[:, lag:] == lists[:, :-lag]) & (lists[:, lag:] != EMPTY)
    return repeated


def _alike(
    items: np.ndarray, products: pd.DataFrame | None, width: int
) -> tuple[np.ndarray | None, int, np.ndarray | None]:
    """`alike`, `attributes` and `categories` of `Lists`."""
    names = [name for name in ATTRIBUTES if products is not None and name in products and products[name].notna().any()]
    alike, first = np.zeros(items.shape, "int32") if names else None, None
    for name in names:
        codes = np.full(width + 1, -1)
        codes[: len(products)] = pd.factorize(products[name])[0]
        equal = _equal_above(items, codes)
        alike += equal
        if name == Columns.CATEGORY:
            first = (equal == 0) & (codes >= 0)[items]
    return alike, len(names), first


def _equal_above(items: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """How many items higher up in the list have the same code: int32 lists x k.

    `codes` holds one for each number of items, -1 for a missing value, which is taken for one more value. Empty places
    equal nothing.
    """
    k, missing = items.shape[1], codes.max(initial=-1) + 1
    small = np.uint16 if missing + k < 1 << 16 else np.int32
    codes, own = np.where(codes < 0, missing, codes).astype(small), (missing + 1 + np.arange(k)).astype(small)
    equal = np.empty(items.shape, "int32")
    for start in range(0, len(items), BLOCK):
        block = items[start : start + BLOCK].T.copy()  # a rank a row, so that ranks are compared for all lists at once
        values = np.where(block == EMPTY, own[:, None], codes[block])
        above = np.zeros(block.shape, "uint8" if k <= 256 else "int32")
        for lag in range(1, k):
            above[lag:] += (values[lag:] == values[:-lag]).view("uint8")
        equal[start : start + BLOCK] = above.T
    return equal


def _owned(items: np.ndarray, hit: np.ndarray, users: pd.Index, train: Interactions) -> np.ndarray:
    """Whether a hit is an item that the user had in training: bool users x k."""
    owned, rows = np.zeros(hit.shape, bool), train.rows(users)
    known = hit & (items < len(train.items)) & (rows >= 0)[:, None]
    at = np.nonzero(known)
    if len(at[0]):
        owned[at] = np.asarray(train.matrix[rows[at[0]], items[at]]).ravel() != 0
    return owned


def _taken(items: np.ndarray, pairs: pd.DataFrame, width: int) -> np.ndarray:
    """Row of `pairs` that the item at each rank is, `EMPTY` for misses.

    The pairs of a block of users are marked in a table users x items, where the lists look them up. Its last column
    is never marked: it is the one before the first, where empty places look.
    """
    taken, users, width = np.full(items.shape, EMPTY, "int32"), len(items), width + 1
    step = max(1, min(CELLS // width, users))
    cells = pairs["user"].to_numpy() * width + pairs["item"].to_numpy()
    bounds = np.searchsorted(cells, np.arange(0, users + step, step) * width)
    table = np.full(step * width, EMPTY, "int32")
    first = np.arange(step, dtype="int32")[:, None] * np.int32(width)
    for number, start in enumerate(range(0, users, step)):
        low, high = bounds[number : number + 2]
        marked, block = cells[low:high] - start * width, items[start : start + step]
        table[marked] = np.arange(low, high)
        taken[start : start + step] = table[block + first[: len(block)]]
        table[marked] = EMPTY
    return taken
