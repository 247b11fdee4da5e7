"""What shoppers like, from the baskets of a shop, and what policies show them."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from reco.errors import InputError
from reco.pipeline import sold
from reco.workbook import Workbook

Array = np.ndarray


class Tastes(NamedTuple):
    """What the customers of some baskets buy.

    Attributes:
        customers: ids, in the order of rows.
        products: ids, in the order of columns.
        shares: customers x products: the share of a product in what the customer buys; rows add up to 1.
        activity: how often each customer buys, relative to the mean of all.
        popularity: the share of each product in what all buy.
        cents: price of each product.
    """

    customers: pd.Index
    products: pd.Index
    shares: csr_matrix
    activity: Array
    popularity: Array
    cents: Array


class Policy(NamedTuple):
    """What one arm of a test shows.

    Attributes:
        name: what the log calls the arm.
        lists: customers of the tastes x candidates, product numbers, the best first; None shows nothing.
    """

    name: str
    lists: Array | None


def tastes_of(baskets: pd.DataFrame, products: pd.DataFrame) -> Tastes:
    """Tastes from frequencies.

    `baskets` has customer_id, product_id and frequency (orders of the customer with the product), one row a pair;
    rows without a positive frequency are left out. `products` has product_id and price (in the shop's currency).
    Raises `InputError` for a product without a price, and where nothing was bought.
    """
    bought = baskets[baskets["frequency"] > 0]
    if bought.empty:
        raise InputError("baskets: expected at least one product with a positive frequency, found none")
    prices = products.drop_duplicates("product_id").set_index("product_id")["price"].astype("float64")
    customers = pd.Index(np.sort(bought["customer_id"].astype("str").unique()), dtype=object)
    names = pd.Index(np.sort(bought["product_id"].astype("str").unique()), dtype=object)
    prices.index = prices.index.astype("str")
    price = prices.reindex(names).to_numpy()
    if not (price >= 0).all():
        raise InputError(f"products: expected a price of {names[~(price >= 0)][0]!r}, found none")
    at = (
        customers.get_indexer(bought["customer_id"].astype("str")),
        names.get_indexer(bought["product_id"].astype("str")),
    )
    often = csr_matrix((bought["frequency"].to_numpy("float64"), at), shape=(len(customers), len(names)))
    often.sum_duplicates()
    of_customer = np.asarray(often.sum(axis=1)).ravel()
    of_product = np.asarray(often.sum(axis=0)).ravel()
    shares = often.copy()
    shares.data /= np.repeat(of_customer, np.diff(often.indptr))
    return Tastes(
        customers,
        names,
        shares,
        of_customer / of_customer.mean(),
        of_product / of_product.sum(),
        np.rint(price * 100).astype("int64"),
    )


def of_store(wb: Workbook) -> Tastes:
    """Tastes of the customers of a store, from all orders that models may learn from, at the mean prices paid."""
    lines = sold(wb)
    pairs = lines.group_by("customer_id", "product_id").aggregate(frequency=lines.order_id.nunique())
    paid = lines.group_by("product_id").aggregate(
        price=lines.revenue.cast("float64").sum() / lines.quantity.cast("float64").sum()
    )
    keep = wb.connection.to_pandas
    return tastes_of(keep(pairs.order_by("customer_id", "product_id")), keep(paid.order_by("product_id")))


def holdout(name: str = "holdout") -> Policy:
    """The arm that sees no recommendations."""
    return Policy(name, None)


def popular(tastes: Tastes, size: int = 20, name: str = "popular") -> Policy:
    """Everybody sees the same best sellers."""
    best = np.argsort(-tastes.popularity, kind="stable")[:size].astype("int32")
    return Policy(name, np.tile(best, (len(tastes.customers), 1)))


def personal(tastes: Tastes, size: int = 20, name: str = "personal") -> Policy:
    """What the customer buys most, filled up with best sellers."""
    rows, columns = np.repeat(np.arange(len(tastes.customers)), np.diff(tastes.shares.indptr)), tastes.shares.indices
    frame = pd.DataFrame({"user": rows, "item": columns, "score": tastes.shares.data})
    frame = frame.sort_values(["user", "score", "item"], ascending=[True, False, True], kind="stable")
    frame["rank"] = frame.groupby("user").cumcount()
    own = frame[frame["rank"] < size]
    return _filled(tastes, own["user"].to_numpy(), own["rank"].to_numpy(), own["item"].to_numpy(), size, name)


def listed(tastes: Tastes, recommendations: pd.DataFrame, size: int = 20, name: str = "model") -> Policy:
    """What a model recommends: user_id, rank (from 1), item_id; gaps are filled up with best sellers.

    Customers and products that the tastes do not know are left out.
    """
    user = tastes.customers.get_indexer(recommendations["user_id"].astype("str"))
    item = tastes.products.get_indexer(recommendations["item_id"].astype("str"))
    frame = pd.DataFrame({"user": user, "item": item, "rank": recommendations["rank"].to_numpy()})
    frame = frame[(user >= 0) & (item >= 0)].sort_values(["user", "rank"], kind="stable")
    frame = frame.drop_duplicates(["user", "item"])
    frame["rank"] = frame.groupby("user").cumcount()
    frame = frame[frame["rank"] < size]
    return _filled(tastes, frame["user"].to_numpy(), frame["rank"].to_numpy(), frame["item"].to_numpy(), size, name)


def _filled(tastes: Tastes, user: Array, rank: Array, item: Array, size: int, name: str) -> Policy:
    """Own candidates first, then best sellers that are not among them."""
    if size > len(tastes.products):
        raise InputError(f"size: expected at most the {len(tastes.products)} products, found {size}")
    n = len(tastes.customers)
    own = np.full((n, size), -1, dtype="int32")
    own[user, rank] = item
    best = np.argsort(-tastes.popularity, kind="stable")[: 2 * size].astype("int32")
    both = np.hstack([own, np.tile(best, (n, 1))])
    # keys of own candidates: a best seller among them is not shown twice
    keys = np.sort(
        np.repeat(np.arange(n), size)[own.ravel() >= 0] * len(tastes.products) + own.ravel()[own.ravel() >= 0]
    )
    twice = is_in(keys, np.arange(n)[:, None] * len(tastes.products) + both[:, size:])
    unfit = np.hstack([own < 0, twice])
    kept = np.argsort(unfit, axis=1, kind="stable")[:, :size]
    return Policy(name, np.take_along_axis(both, kept, axis=1))


def is_in(keys: Array, asked: Array) -> Array:
    """Whether each of `asked` is among the sorted `keys`."""
    if not len(keys):
        return np.zeros(asked.shape, dtype=bool)
    at = np.searchsorted(keys, asked)
    return keys[np.minimum(at, len(keys) - 1)] == asked


def liking(tastes: Tastes, policy: Policy) -> Array:
    """How much each customer likes each candidate: its share over that of the favourite; 0 where never bought."""
    shares, products = tastes.shares, len(tastes.products)
    rows = np.repeat(np.arange(len(tastes.customers)), np.diff(shares.indptr))
    keys = rows * products + shares.indices
    order = np.argsort(keys, kind="stable")
    keys, strength = keys[order], (shares.data / np.maximum.reduceat(shares.data, shares.indptr[:-1])[rows])[order]
    asked = np.arange(len(tastes.customers))[:, None] * products + policy.lists
    at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[at] == asked, strength[at], 0.0).astype("float32")
