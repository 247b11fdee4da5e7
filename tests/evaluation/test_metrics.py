"""Every metric under its name, from frames to the number."""

import numpy as np
import pandas as pd
import pytest

from reco.evaluation.lists import Lists
from reco.evaluation.metrics import measure_lists, measure_users
from reco.evaluation.places import Places
from reco.interactions import Interactions

# x has four users, y two, z and w one each: x makes half of the eight purchases
PAIRS = [("a", "x"), ("b", "x"), ("c", "x"), ("d", "x"), ("a", "y"), ("b", "y"), ("a", "z"), ("d", "w")]
PRODUCTS = pd.DataFrame(
    {"category": ["tea", "tea", "soap", None], "brand": ["p", "q", "q", "q"], "price": [4.0, 1.0, 4.0, np.nan]},
    index=["x", "y", "z", "w"],
)
#: a has x, y, z and is shown z, x, an unknown item and z again; b is shown y; c nothing
LISTS = pd.DataFrame({"user_id": list("aaaab"), "rank": [1, 2, 3, 4, 1], "item_id": ["z", "x", "new", "z", "y"]})
TEST = pd.DataFrame({"user_id": list("aabbc"), "item_id": list("zqywx"), "revenue": [3.0, 1.0, 2.0, 6.0, 5.0]})

NAN = float("nan")


def lists(k: int = 4, products: pd.DataFrame | None = PRODUCTS, test: pd.DataFrame = TEST) -> Lists:
    train = Interactions.from_frame(pd.DataFrame(PAIRS, columns=["user_id", "item_id"]), products=products)
    return Lists.of(LISTS, test, train, k)


def places(*options: object, **more: object) -> Places:
    return Places.of(lists(*options, **more))


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("precision", [1 / 4, 1 / 4, 0]),
        ("recall", [1 / 2, 1 / 2, 0]),
        ("ndcg", [1 / 1.6309297535714573, 1 / 1.6309297535714573, 0]),
        ("map", [1 / 2, 1 / 2, 0]),
        ("mrr", [1, 1, 0]),
        ("hit_rate", [1, 1, 0]),
        ("personalized_hit_ratio", [1, 1, NAN]),
        ("revenue_recall", [3 / 4, 2 / 8, 0]),
        ("head_recall", [NAN, NAN, 0]),
        ("tail_recall", [1 / 2, 1 / 2, NAN]),
        # z 2 bits, x 0, new 3 (half a user of 4); y 1
        ("novelty", [5 / 3, 1, NAN]),
        # all four items of training fit into a list of the 4 most popular; only the unknown one is unexpected
        ("unexpectedness", [1 / 3, 0, NAN]),
        ("serendipity", [0, 0, 0]),
        # z-x: 2 of 2 differ; z-new and x-new: unknown attributes, both differ; a list of one has no pairs
        ("diversity", [1, NAN, NAN]),
        ("categories", [2, 1, NAN]),
        # of three prices: 1 has 1/6, both 4s have (1/2 + 5/6) / 2
        ("price_percentile", [2 / 3, 1 / 6, NAN]),
        ("full_slates", [0, 0, 0]),
        ("duplicates", [1 / 4, 0, NAN]),
        ("unknown_items", [1 / 3, 0, NAN]),
    ],
)
def test_by_hand(metric, expected):
    assert measure_users(places())[metric].tolist() == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_shorter_lists_expect_less():
    metrics = measure_users(places(1))
    assert metrics["unexpectedness"].tolist()[:2] == [1, 1]  # x alone is expected
    assert metrics["serendipity"].tolist() == [0, 0, 0]  # a had z, and b had y
    assert metrics["full_slates"].tolist() == [1, 1, 0]


def test_a_hit_on_what_the_user_had_not_is_serendipity():
    test = pd.DataFrame({"user_id": ["e"], "item_id": ["z"]})
    train = Interactions.from_frame(pd.DataFrame(PAIRS, columns=["user_id", "item_id"]))
    shown = pd.DataFrame({"user_id": ["e", "e"], "rank": [1, 2], "item_id": ["z", "w"]})
    assert measure_users(Places.of(Lists.of(shown, test, train, 2)))["serendipity"].tolist() == [0.5]


def test_all_lists_together():
    together = measure_lists(lists().items, len(PRODUCTS))
    assert together["coverage"] == 3 / 4
    assert together["gini"] == pytest.approx(1 / 4)  # counts 0, 1, 1, 1
    assert together["entropy"] == pytest.approx(np.log2(3))
    assert together["personalization"] == pytest.approx(1)
    assert measure_lists(lists(1).items, len(PRODUCTS))["coverage"] == 2 / 4


def test_metrics_without_what_they_need_are_absent():
    bare = measure_users(places(products=None, test=TEST.drop(columns="revenue")))
    whole = measure_users(places())
    assert set(whole) - set(bare) == {"revenue_recall", "diversity", "categories", "price_percentile"}
    pd.testing.assert_frame_equal(whole[bare.columns], bare)
    empty = PRODUCTS.assign(price=None, category=None, brand=None)
    assert list(measure_users(places(products=empty, test=TEST.drop(columns="revenue")))) == list(bare)


def test_brands_alone_make_no_categories():
    assert set(measure_users(places())) - set(measure_users(places(products=PRODUCTS[["brand"]]))) == {
        "categories",
        "price_percentile",
    }


def test_margin_weighs_alone():
    test = TEST.rename(columns={"revenue": "margin"})
    metrics = measure_users(places(test=test))
    assert "revenue_recall" not in metrics
    assert metrics["margin_recall"].tolist() == [3 / 4, 2 / 8, 0]


def test_amounts_that_are_all_alike_give_plain_recall():
    metrics = measure_users(places(test=TEST.assign(revenue=2.5)))
    assert metrics["revenue_recall"].tolist() == metrics["recall"].tolist()


def test_nothing_worth_anything_has_no_share():
    assert measure_users(places(test=TEST.assign(revenue=0.0)))["revenue_recall"].isna().all()
