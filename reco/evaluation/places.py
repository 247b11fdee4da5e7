"""What is known of the item at every place of the lists: looked up once, cut to each length that is measured."""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.evaluation.beyond_accuracy import popularity_ranks, price_percentiles, self_information
from reco.evaluation.lists import AMOUNTS, EMPTY, Lists

#: Attributes of products by which two listed products can differ.
ATTRIBUTES: Final = ("department", Columns.CATEGORY, "subcategory", "brand")

#: Cells of the blocks that purchases are looked up in: 2 million int32 are 8 MB.
CELLS: Final = 1 << 21

#: Users whose lists are compared place by place at once: their codes stay in the processor's cache.
BLOCK: Final = 2048


@dataclass(frozen=True)
class Places:
    """The places of the judged users' lists, arrays users x k in the order of `Lists.users`; made by `Places.of`.

    Attributes:
        listed: whether the place holds an item.
        repeated: whether it held one that stands higher up in the list.
        unknown: whether training does not know the item.
        taken: the row of `Lists.pairs` that the item is, `EMPTY` for misses; int32.
        owned: whether it is a hit that the user had in training already.
        popularity: the item's rank by number of owners, from 0; beyond all ranks for unknown items; int32.
        bits: self-information of the item, 0 where there is none; float64.
        priced, price: whether the item has a price, and its percentile, 0 where there is none; None without prices.
        alike: in how many of the product attributes the item equals those above it, summed over them; int32, None
            without product attributes.
        attributes: how many attributes that are.
        categories: whether the item is the first of its category; None without categories.
        relevant: how many items each user took, int64, at least 1.
        worth: what each of the pairs weighs, a column for each recall that weighs them, by its name; float64.
        totals: the sums of `worth` by user.
    """

    listed: np.ndarray
    repeated: np.ndarray
    unknown: np.ndarray
    taken: np.ndarray
    owned: np.ndarray
    popularity: np.ndarray
    bits: np.ndarray
    priced: np.ndarray | None
    price: np.ndarray | None
    alike: np.ndarray | None
    attributes: int
    categories: np.ndarray | None
    relevant: np.ndarray
    worth: pd.DataFrame
    totals: pd.DataFrame

    @classmethod
    def of(cls, lists: Lists) -> "Places":
        """Look up everything that `lists`, its training and its products tell."""
        train, items, users = lists.train, lists.judged, len(lists.users)
        owners = train.customers_per_item
        bits = self_information(np.append(owners, 0), len(train.users))
        prices = price_percentiles(train.products)
        priced = price = None
        if prices is not None:
            priced, price = _of_items(lists, ~np.isnan(prices)), _of_items(lists, np.nan_to_num(prices))
        taken = _taken(lists)
        alike, attributes, categories = _alike(lists)
        bought, worth = lists.pairs["user"].to_numpy(), _worth(lists)
        return cls(
            listed=items != EMPTY,
            repeated=lists.repeated[:users],
            unknown=items >= len(train.items),
            taken=taken,
            owned=_owned(lists, taken != EMPTY),
            popularity=_of_items(lists, popularity_ranks(owners), unknown=np.iinfo("int32").max),
            bits=_of_items(lists, bits[:-1], unknown=bits[-1]),
            priced=priced,
            price=price,
            alike=alike,
            attributes=attributes,
            categories=categories,
            relevant=np.bincount(bought, minlength=users),
            worth=worth,
            totals=worth.apply(lambda column: pd.Series(np.bincount(bought, column, minlength=users))),
        )

    def first(self, k: int) -> "Places":
        """The first `k` places of every list."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        cut = {
            name: array[:, :k] for name, array in values.items() if isinstance(array, np.ndarray) and array.ndim == 2
        }
        return replace(self, **cut)

    @cached_property
    def hit(self) -> np.ndarray:
        """Whether the user took the item, bool users x k."""
        return self.taken != EMPTY

    @cached_property
    def hits(self) -> tuple[np.ndarray, np.ndarray]:
        """User and row of `Lists.pairs` of every hit."""
        rows, places = np.nonzero(self.hit)
        return rows, self.taken[rows, places]


def head(purchases: np.ndarray) -> np.ndarray:
    """Whether an item is in the head: the fewest items that make half of all purchases; the others are the tail.

    >>> head(np.array([1, 5, 1, 3])).tolist()
    [False, True, False, False]
    """
    order = np.argsort(-purchases, kind="stable")
    before = np.cumsum(purchases[order]) - purchases[order]
    chosen = np.zeros(len(purchases), bool)
    chosen[order[before < purchases.sum() / 2]] = True
    return chosen


def _worth(lists: Lists) -> pd.DataFrame:
    """Revenue and margin where the test tells, and whether the item is of the head or of the tail."""
    popular = head(np.bincount(lists.train.log["item"], minlength=len(lists.train.items)))
    in_head = np.append(popular, np.zeros(lists.width - len(popular), bool))[lists.pairs["item"]].astype(float)
    worth = {f"{name}_recall": lists.pairs[name] for name in AMOUNTS if name in lists.pairs}
    return pd.DataFrame({**worth, "head_recall": in_head, "tail_recall": 1 - in_head})


def _of_items(lists: Lists, values: np.ndarray, unknown: float = 0) -> np.ndarray:
    """The value of the item at each place: `unknown` for those that training does not know, 0 where there is none."""
    padded = np.full(lists.width + 1, unknown, values.dtype)
    padded[: len(values)], padded[EMPTY] = values, 0
    return padded[lists.judged]


def _alike(lists: Lists) -> tuple[np.ndarray | None, int, np.ndarray | None]:
    """`alike`, `attributes` and `categories` of `Places`."""
    items, products = lists.judged, lists.train.products
    names = [name for name in ATTRIBUTES if products is not None and name in products and products[name].notna().any()]
    alike, first = np.zeros(items.shape, "int32", order="F") if names else None, None
    for name in names:
        codes = np.full(lists.width + 1, -1)
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
    equal = np.empty(items.shape, "int32", order="F")
    for start in range(0, len(items), BLOCK):
        block = items[start : start + BLOCK].T  # a rank a row: ranks are compared for many lists at once
        values = np.where(block == EMPTY, own[:, None], codes[block])
        above = np.zeros(block.shape, "uint8" if k <= 256 else "int32")
        for lag in range(1, k):
            above[lag:] += (values[lag:] == values[:-lag]).view("uint8")
        equal[start : start + BLOCK] = above.T
    return equal


def _owned(lists: Lists, hit: np.ndarray) -> np.ndarray:
    """Whether a hit is an item that the user had in training: bool users x k."""
    train, items = lists.train, lists.judged
    owned, rows = np.zeros(hit.shape, bool, order="F"), train.rows(lists.users)
    known = hit & (items < len(train.items)) & (rows >= 0)[:, None]
    at = np.nonzero(known)
    if len(at[0]):
        owned[at] = np.asarray(train.matrix[rows[at[0]], items[at]]).ravel() != 0
    return owned


def _taken(lists: Lists) -> np.ndarray:
    """Row of `pairs` that the item at each place is, `EMPTY` for misses.

    The pairs of a block of users are marked in a table users x items, where the lists look them up. Its last column
    is never marked: it is the one before the first, where empty places look.
    """
    items, pairs, users, width = lists.judged, lists.pairs, len(lists.users), lists.width + 1
    taken = np.full(items.shape, EMPTY, "int32", order="F")
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
