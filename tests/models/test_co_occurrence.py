"""Co-purchase and co-view against counts by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from reco.interactions import Interactions
from reco.models import MODELS, make_model
from tests.models.contract import RecommenderContract, as_interactions, toy_frame


class TestCoPurchase(RecommenderContract):
    model = "co_purchase"


class TestCoPurchaseOfFew(RecommenderContract):
    model = "co_purchase"
    options = {"neighbours": 3, "similarity": "cosine", "shrinkage": 0.0}  # noqa: RUF012


class TestCoView(RecommenderContract):
    model = "co_view"


# tea is in 3 of 4 baskets, milk and soap in 2, salt in 1; ann buys milk on one day and soap on another
LINES = [
    ("ann", 1, "tea", 1),
    ("ann", 1, "milk", 2),
    ("ann", 1, "milk", 1),
    ("ann", 2, "tea", 1),
    ("ann", 2, "soap", 1),
    ("bob", 3, "tea", 1),
    ("bob", 3, "milk", 1),
    ("cat", 4, "soap", 1),
    ("cat", 4, "salt", 1),
    ("cat", 4, "tea", -1),
]


@pytest.fixture
def x() -> Interactions:
    frame = pd.DataFrame(LINES, columns=["user_id", "basket_id", "item_id", "weight"])
    return Interactions.from_frame(frame, weight="weight", basket="basket_id")


@pytest.mark.parametrize(
    ("similarity", "milk", "soap"),
    [("cosine", 2 / np.sqrt(6), 1 / np.sqrt(6)), ("jaccard", 2 / 3, 1 / 4), ("lift", 2 / 6, 1 / 6)],
)
@pytest.mark.parametrize("shrinkage", [0, 3])
def test_similar_items_share_baskets(x, similarity, milk, soap, shrinkage):
    model = make_model("co_purchase", similarity=similarity, shrinkage=shrinkage).fit(x)
    similar = model.similar(["tea"])
    assert similar["similar_id"].tolist() == ["milk", "soap"]
    shrunk = [milk * 2 / (2 + shrinkage), soap * 1 / (1 + shrinkage)]
    assert similar["score"].tolist() == pytest.approx(shrunk, rel=1e-6)


def test_items_of_one_customer_on_different_days_are_not_together(x):
    model = make_model("co_purchase").fit(x)
    assert "soap" not in set(model.similar(["milk"])["similar_id"])
    assert "soap" in set(make_model("item_knn").fit(x).similar(["milk"])["similar_id"])


def test_score_is_the_sum_over_what_the_customer_has(x):
    model = make_model("co_purchase", similarity="cosine", shrinkage=0, weights="count").fit(x)
    lists = model.recommend(["bob"], exclude_seen=False)
    tea_milk = 2 / np.sqrt(6)
    assert lists["item_id"].tolist() == ["milk", "tea", "soap"]
    assert lists["score"].tolist() == pytest.approx([1 + tea_milk, 1 + tea_milk, 1 / np.sqrt(6)])
    told = model.explain(lists[lists["item_id"] == "soap"])
    assert told[["because_id", "share"]].to_numpy().tolist() == [["tea", 1.0]]


def test_views_of_one_visit(x):
    views = pd.DataFrame({"session_id": [1, 1, 1, 2, 2, 3], "item_id": ["tea", "tea", "soap", "soap", "milk", "tea"]})
    frame = pd.DataFrame(LINES, columns=["user_id", "basket_id", "item_id", "weight"])
    seen = Interactions.from_frame(frame, weight="weight", views=views)
    similar = make_model("co_view", similarity="jaccard", shrinkage=0).fit(seen).similar(["tea", "milk"])
    # soap and tea are both in visits 2 and 2, together in 1; milk is in one of the two visits of soap
    assert similar["similar_id"].tolist() == ["soap", "soap"]
    assert similar["score"].tolist() == pytest.approx([1 / 3, 1 / 2])


def test_what_is_lacking(x):
    without = Interactions.from_frame(pd.DataFrame({"user_id": ["a"], "item_id": ["x"]}))
    assert MODELS["co_purchase"].lacks(without) == "needs the basket of every interaction"
    with pytest.raises(ValueError, match="co_purchase: needs the basket of every interaction"):
        make_model("co_purchase").fit(without)
    assert MODELS["co_view"].lacks(x) == "needs views: which items were looked at in one visit"
    with pytest.raises(ValueError, match="co_view: needs views"):
        make_model("co_view").fit(replace(x, sessions=None))


def test_visits_that_saw_nothing_known(x):
    seen = as_interactions(toy_frame())
    assert MODELS["co_view"].lacks(seen) is None
    assert MODELS["co_view"].lacks(replace(seen, sessions=seen.sessions[:0])).startswith("needs views")


@pytest.mark.parametrize("similarity", ["cosine", "jaccard", "lift"])
@pytest.mark.parametrize("neighbours", [2, 100])
def test_new_baskets_leave_what_a_full_fit_makes(similarity, neighbours):
    frame = toy_frame()
    late = frame["timestamp"] >= frame["timestamp"].quantile(0.95)
    options = {"similarity": similarity, "neighbours": neighbours}
    model = make_model("co_purchase", **options).fit(as_interactions(frame[~late]))
    # one basket after another, then the rest at once
    events = frame[late].rename(columns={"quantity": "weight"})
    first = events["basket_id"] == events["basket_id"].iloc[0]
    model.partial_fit(events[first]).partial_fit(events[~first])
    again = make_model("co_purchase", **options).fit(model.interactions)
    np.testing.assert_array_equal(model.nearest.toarray(), again.nearest.toarray())
    users = model.interactions.users
    assert_frame_equal(model.recommend(users), again.recommend(users))


def test_many_new_baskets_are_a_full_fit(x, monkeypatch):
    monkeypatch.setattr("reco.models.co_occurrence.BLOCK", 1)
    events = pd.DataFrame({"user_id": ["bob", "bob"], "basket_id": [9, 9], "item_id": ["salt", "milk"]})
    model = make_model("co_purchase").fit(x).partial_fit(events)
    again = make_model("co_purchase").fit(model.interactions)
    np.testing.assert_array_equal(model.nearest.toarray(), again.nearest.toarray())


@pytest.mark.parametrize("model", ["co_purchase", "co_view"])
def test_options_out_of_range(model):
    seen = as_interactions(toy_frame())
    with pytest.raises(ValueError, match=f"{model}: similarity is 'odd'; expected one of cosine, jaccard, lift"):
        make_model(model, similarity="odd").fit(seen)
    with pytest.raises(ValueError, match=f"{model}: shrinkage is -1; expected 0 or more"):
        make_model(model, shrinkage=-1).fit(seen)
