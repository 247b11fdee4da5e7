"""Baselines against counts by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reco.interactions import Interactions
from reco.models import MODELS, make_model
from tests.models.contract import RecommenderContract, as_interactions, toy_frame


class TestPopularity(RecommenderContract):
    model = "popularity"


class TestTrending(RecommenderContract):
    model = "trending"


class TestCategoryPopularity(RecommenderContract):
    model = "category_popularity"


class TestRandom(RecommenderContract):
    model = "random"


def interactions(rows: list[tuple[str, str, str]]) -> Interactions:
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "ts"])
    return Interactions.from_frame(frame.assign(ts=pd.to_datetime(frame["ts"])), timestamp="ts")


def test_popularity_counts_users_not_purchases():
    x = interactions([("a", "x", "2026-01-01")] * 3 + [("a", "y", "2026-01-01"), ("b", "y", "2026-01-01")])
    lists = make_model("popularity").fit(x).recommend(["new"])
    assert lists["item_id"].tolist() == ["y", "x"]
    assert lists["score"].tolist() == [2, 1]


def test_trend_is_a_poisson_z_value():
    # 28 days: x 4 times in the first fortnight, then 1; y once in the first, then 4
    rows = [("a", "x", f"2026-01-{day:02}") for day in (1, 3, 5, 7, 29)]
    rows += [("a", "y", f"2026-01-{day:02}") for day in (2, 22, 24, 26, 28)]
    lists = make_model("trending", recent_days=14).fit(interactions(rows)).recommend(["new"])
    assert lists["item_id"].tolist() == ["y", "x"]
    assert lists["score"].tolist() == pytest.approx([(4 - 1) / np.sqrt(2), (1 - 4) / np.sqrt(5)])


def test_trend_in_a_time_zone():
    frame = toy_frame()
    zoned = frame.assign(timestamp=frame["timestamp"].dt.tz_localize("Europe/Madrid").dt.tz_convert("UTC"))
    lists = [make_model("trending").fit(as_interactions(f)).recommend(["new"], 30) for f in (frame, zoned)]
    assert lists[0]["item_id"].tolist() == lists[1]["item_id"].tolist()


@pytest.mark.parametrize("times", [None, [pd.NaT, pd.Timestamp("2026-01-01")]])
def test_trend_needs_timestamps(times):
    frame = pd.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "y"], "timestamp": times})
    x = Interactions.from_frame(frame, timestamp=times and "timestamp")
    assert MODELS["trending"].lacks(x) == "needs the timestamp of every interaction"
    with pytest.raises(ValueError, match="trending: needs the timestamp"):
        make_model("trending").fit(x)


def test_trend_of_returns_alone():
    frame = pd.DataFrame({"user_id": ["a"], "item_id": ["x"], "timestamp": pd.Timestamp("2026-01-01"), "quantity": -1})
    with pytest.raises(ValueError, match="trending: no interaction has a weight above 0"):
        make_model("trending").fit(Interactions.from_frame(frame, timestamp="timestamp", weight="quantity"))


def in_categories(categories: dict[str, str | None], rows: list[tuple[str, str]]) -> Interactions:
    products = pd.DataFrame({"category": categories})
    return Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id"]), products=products)


FOOD = {"beer": "drinks", "tea": "drinks", "rice": "food", "salt": "food", "bag": None}
BOUGHT = [("a", "tea"), ("a", "tea"), ("a", "rice"), ("b", "beer"), ("b", "rice"), ("b", "salt"), ("c", "rice")]
BOUGHT += [("c", "bag"), ("d", "bag")]


def test_category_popularity_is_popularity_times_the_lift_of_the_category():
    lists = make_model("category_popularity", prior=2.0).fit(in_categories(FOOD, BOUGHT))
    # 6 pairs of customer and item with a category, 2 of drinks and 4 of food; a bought 2 drinks and 1 food
    drinks = (2 + 2 * 2 / 6) / (3 + 2) / (2 / 6)
    food = (1 + 2 * 4 / 6) / (3 + 2) / (4 / 6)
    scores = lists.recommend(["a"], exclude_seen=False).set_index("item_id")["score"].to_dict()
    expected = {"beer": drinks, "tea": drinks, "rice": 3 * food, "salt": food, "bag": 2}
    assert scores == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("user", ["new", "d"])  # d has only bought what has no category
def test_users_of_no_category_get_what_is_popular(user):
    x = in_categories(FOOD, BOUGHT)
    lists = make_model("category_popularity").fit(x).recommend([user], exclude_seen=False)
    popular = make_model("popularity").fit(x).recommend([user], exclude_seen=False)
    assert lists["item_id"].tolist() == popular["item_id"].tolist()
    np.testing.assert_allclose(lists["score"], popular["score"], rtol=1e-6)


def test_items_of_the_own_categories_come_first():
    rows = [(f"u{n}", "rice") for n in range(20)] + [("u0", "salt"), ("a", "tea"), ("a", "tea"), ("b", "beer")]
    lists = make_model("category_popularity", prior=0.1).fit(in_categories(FOOD | {"bag": "food"}, rows))
    assert lists.recommend(["a"])["item_id"].tolist() == ["beer", "rice", "salt"]


@pytest.mark.parametrize(
    "products", [None, pd.DataFrame({"title": ["Tea"]}, ["tea"]), pd.DataFrame({"category": [None]}, ["tea"])]
)
def test_category_popularity_needs_categories(products):
    x = replace(in_categories({"tea": "drinks"}, [("a", "tea")]), products=products)
    assert MODELS["category_popularity"].lacks(x) == "needs the category of products"
    with pytest.raises(ValueError, match="category_popularity: needs the category"):
        make_model("category_popularity").fit(x)


@pytest.mark.parametrize("prior", [0.0, -1.0, float("nan")])
def test_category_popularity_needs_a_prior(prior):
    with pytest.raises(ValueError, match="expected a number above 0"):
        make_model("category_popularity", prior=prior).fit(in_categories(FOOD, BOUGHT))


@pytest.fixture(scope="module")
def draws():
    """Scores of 200 users and 100 items."""
    ids = pd.MultiIndex.from_product([range(200), range(100)], names=["user_id", "item_id"]).to_frame(index=False)
    x = Interactions.from_frame(ids)
    lists = make_model("random").fit(x).recommend(x.users, 100, exclude_seen=False)
    return lists.pivot(index="user_id", columns="item_id", values="score")


def test_random_scores_are_uniform_and_unrelated(draws):
    assert stats.kstest(draws.to_numpy().ravel(), "uniform").pvalue > 0.01
    of_users, of_items = np.corrcoef(draws), np.corrcoef(draws.T)
    for related, n in ((of_users, 100), (of_items, 200)):
        pairs = related[np.triu_indices_from(related, 1)]
        # a correlation of unrelated numbers has variance 1 / (n - 1)
        assert pairs.var() == pytest.approx(1 / (n - 1), rel=0.1)
        assert abs(pairs).max() < 6 / np.sqrt(n)
    assert np.diag(draws).std() == pytest.approx(1 / np.sqrt(12), rel=0.3)  # of users and items with one id


def test_random_draws_hang_on_user_item_and_seed_alone(draws):
    few = Interactions.from_frame(pd.DataFrame({"user_id": [7, 150], "item_id": [3, 99]}))
    scores = make_model("random").fit(few).recommend([150, 7], exclude_seen=False)
    assert scores["score"].tolist() == [
        draws.loc[u, i] for u, i in zip(scores["user_id"], scores["item_id"], strict=True)
    ]
    other = make_model("random", seed=-1).fit(few).recommend([150, 7], exclude_seen=False)
    assert not set(other["score"]) & set(scores["score"])
