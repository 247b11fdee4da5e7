"""The chance of buying again, against counting baskets one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco.learned import again
from reco.learned.history import History

SHOPS = st.lists(  # baskets of two or three products, by customer
    st.lists(st.sets(st.integers(0, 2), min_size=1), min_size=1, max_size=12), min_size=1, max_size=3
)


def past(shoppers) -> History:
    rows = [(u, i, n) for u, baskets in enumerate(shoppers) for n, basket in enumerate(baskets) for i in sorted(basket)]
    user, item, number = np.array(rows, "int64").T
    return History(user, item, number + 1, number, np.array([len(baskets) for baskets in shoppers]), 0)


def counted(shoppers, of) -> tuple[np.ndarray, np.ndarray]:
    """Baskets and purchases of the items `of`, by purchases so far and baskets since, one basket at a time."""
    waited, bought = np.zeros((2, len(again.TIMES), len(again.SINCE)))
    for baskets in shoppers:
        for item in of:
            times = since = 0
            for basket in baskets:
                if times:
                    since += 1
                    cell = (times >= again.TIMES).sum() - 1, (since >= again.SINCE).sum() - 1
                    waited[cell] += 1
                    bought[cell] += item in basket
                if item in basket:
                    times, since = times + 1, 0
    return waited, bought


@given(SHOPS)
def test_chances_are_those_counted_basket_by_basket(shoppers):
    of = again.waits(past(shoppers), 3)
    waited, bought = counted(shoppers, [0, 1, 2])
    everything = again.chances(of, np.zeros_like(of.item))
    assert everything[0] == pytest.approx(bought / np.maximum(waited, 1))
    narrow = again.chances(of, of.item, np.repeat(everything, 3, axis=0))
    waited, bought = counted(shoppers, [1])
    assert narrow[1] == pytest.approx((bought + again.BASKETS * everything[0]) / (waited + again.BASKETS))


def test_what_comes_every_other_basket_is_due_after_the_one_without():
    shoppers = [[{0, 1}, {1}] * 15, [{2}] * 30]
    user, item = np.array([0, 0, 1, 0]), np.array([0, 0, 2, 2])
    told = again.again(
        past(shoppers), np.array([0, 1, 1]), user, item, np.array([15, 15, 30, 0]), np.array([0, 1, 0, np.nan])
    )
    at_once, after_one, always, never = told["again_product"]
    assert at_once < 0.65 < 0.8 < after_one  # shrunken towards what products do on average
    assert always > 0.85
    assert np.isnan(never)
    assert np.isnan(told["again_kind"][3])
    # the second customer buys again as often as such products let expect, or more
    assert told["again_customer"][2] >= always
