"""Tastes from baskets, and lists from tastes."""

import numpy as np
import pandas as pd
import pytest

from reco.errors import InputError
from reco.shoppers import listed, of_store, personal, popular, tastes_of
from reco.shoppers.tastes import liking

BASKETS = pd.DataFrame(
    {
        "customer_id": ["b", "b", "a", "a", "a", "z"],
        "product_id": ["p", "q", "q", "r", "s", "s"],
        "frequency": [3, 1, 2, 1, 1, 0],
    }
)
PRODUCTS = pd.DataFrame({"product_id": list("pqrst"), "price": [1.1, 2, 3, 4.25, 5]})


@pytest.fixture(scope="module")
def few():
    return tastes_of(BASKETS, PRODUCTS)


def names(tastes, policy):
    return ["".join(tastes.products[row]) for row in policy.lists]


def test_shares_by_hand(few):
    assert list(few.customers) == ["a", "b"]  # who bought nothing is nobody
    assert list(few.products) == list("pqrs")
    assert few.shares.toarray().tolist() == [[0, 0.5, 0.25, 0.25], [0.75, 0.25, 0, 0]]
    assert few.activity.tolist() == [1, 1]
    assert few.popularity.tolist() == [3 / 8, 3 / 8, 1 / 8, 1 / 8]
    assert few.cents.tolist() == [110, 200, 300, 425]


def test_lists_by_hand(few):
    assert names(few, popular(few, 3)) == ["pqr", "pqr"]
    assert names(few, personal(few, 2)) == ["qr", "pq"]
    assert names(few, personal(few, 4)) == ["qrsp", "pqrs"]
    model = pd.DataFrame({"user_id": ["b", "b", "b", "x"], "rank": [2, 1, 3, 1], "item_id": ["p", "s", "nowhere", "p"]})
    assert names(few, listed(few, model, 3)) == ["pqr", "spq"]
    with pytest.raises(InputError, match="at most the 4 products, found 5"):
        personal(few, 5)


def test_liking_by_hand(few):
    assert liking(few, personal(few, 4)).tolist() == [[1, 0.5, 0.5, 0], [1, pytest.approx(1 / 3), 0, 0]]


def test_lists_hold_each_product_once(tastes):
    for policy in (popular(tastes), personal(tastes)):
        assert policy.lists.shape == (len(tastes.customers), 20)
        assert (np.diff(np.sort(policy.lists, axis=1), axis=1) > 0).all()


@pytest.mark.parametrize("price", [None, -1.0])
def test_products_need_prices(price):
    broken = PRODUCTS.assign(price=PRODUCTS["price"].where(PRODUCTS["product_id"] != "r", price))
    with pytest.raises(InputError, match="products: expected a price of 'r', found"):
        tastes_of(BASKETS, broken)


def test_baskets_need_something_bought():
    with pytest.raises(InputError, match="expected at least one product with a positive frequency"):
        tastes_of(BASKETS.assign(frequency=0), PRODUCTS)


def test_tastes_of_a_store(wb):
    found = of_store(wb)
    lines = wb.connection.to_pandas(wb.table("order_lines"))
    assert set(found.customers) <= set(lines["customer_id"])
    assert np.asarray(found.shares.sum(axis=1)).ravel() == pytest.approx(1)
    one = found.customers[0]
    row = pd.Series(found.shares[0].toarray().ravel(), found.products)
    mine = lines[(lines["customer_id"] == one) & (lines["quantity"] > 0) & lines["product_id"].isin(found.products)]
    often = mine.groupby("product_id")["order_id"].nunique()
    assert row[row > 0].to_dict() == pytest.approx((often / often.sum()).to_dict())
