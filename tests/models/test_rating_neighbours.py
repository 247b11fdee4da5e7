"""User-based neighbours against Surprise's KNNBasic, KNNWithMeans and KNNBaseline, pair by pair."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from surprise import KNNBaseline, KNNBasic, KNNWithMeans, PredictionImpossible

from reco.interactions import Interactions
from reco.models import make_model
from reco.models.ratings import as_ratings, build_trainset
from tests.models.contract import RecommenderContract, as_interactions, toy_frame


class TestUserKNN(RecommenderContract):
    model = "user_knn"
    options = {"neighbours": 5}  # noqa: RUF012


class TestUserKNNOfAll(RecommenderContract):
    model = "user_knn"
    options = {"min_neighbours": 2}  # noqa: RUF012


class TestUserKNNMeans(RecommenderContract):
    model = "user_knn_means"


class TestUserKNNBaseline(RecommenderContract):
    model = "user_knn_baseline"
    options = {"neighbours": 5}  # noqa: RUF012


THEIRS = {"user_knn": KNNBasic, "user_knn_means": KNNWithMeans, "user_knn_baseline": KNNBaseline}


@pytest.fixture(scope="module")
def x() -> Interactions:
    return as_interactions(toy_frame())


@pytest.fixture(scope="module")
def trainset(x) -> Callable:
    made = {ratings: build_trainset(as_ratings(x.matrix, ratings)) for ratings in ("log", "weight")}
    return made.__getitem__


def surprise_estimates(algorithm: KNNBasic, x: Interactions, min_k: int) -> np.ndarray:
    """What Surprise's fitted algorithm estimates for every pair; NaN where it has too few neighbours."""

    def estimate(user: int, item: int) -> float:
        try:
            estimate, details = algorithm.estimate(user, item)
        except PredictionImpossible:
            return np.nan
        return estimate if details["actual_k"] >= min_k else np.nan

    n_users, n_items = x.matrix.shape
    return np.array([[estimate(user, item) for item in range(n_items)] for user in range(n_users)])


@pytest.mark.parametrize(
    ("model", "similarity", "ratings"),
    [
        ("user_knn", "cosine", "log"),
        ("user_knn", "pearson", "log"),
        ("user_knn", "msd", "weight"),
        ("user_knn_means", "cosine", "log"),
        ("user_knn_means", "pearson", "log"),
        ("user_knn_means", "msd", "weight"),
        ("user_knn_baseline", "pearson_baseline", "log"),
        ("user_knn_baseline", "pearson_baseline", "weight"),
        ("user_knn_baseline", "pearson", "log"),
    ],
)
@pytest.mark.parametrize(("k", "min_k", "min_common"), [(3, 1, 1), (7, 3, 2), (40, 1, 1), (40, 5, 3)])
def test_estimates_are_those_of_surprise(x, trainset, model, similarity, ratings, k, min_k, min_common):
    # items have 1 to 27 raters: for k = 3 and 7 both ways of computing take part
    options = {"neighbours": k, "min_neighbours": min_k, "similarity": similarity, "min_common": min_common}
    scores = make_model(model, ratings=ratings, **options).fit(x)._score(np.arange(len(x.users)))
    sim_options = {"name": similarity, "user_based": True, "min_support": min_common}
    theirs = THEIRS[model](k=k, min_k=min_k, sim_options=sim_options, verbose=False).fit(trainset(ratings))
    expected = surprise_estimates(theirs, x, min_k)
    assert 100 < np.isfinite(expected).sum() < expected.size
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-6)


def test_shrinkage_of_the_baseline_is_that_of_surprise(x, trainset):
    scores = make_model("user_knn_baseline", neighbours=4, shrinkage=2.0).fit(x)._score(np.arange(len(x.users)))
    sim_options = {"name": "pearson_baseline", "user_based": True, "shrinkage": 2}
    theirs = KNNBaseline(k=4, sim_options=sim_options, verbose=False).fit(trainset("log"))
    np.testing.assert_allclose(scores, surprise_estimates(theirs, x, 1), rtol=1e-5)


def test_mean_squared_difference_of_fractions(x, trainset):
    # without a limit on neighbours ties do not matter
    scores = make_model("user_knn", similarity="msd").fit(x)._score(np.arange(len(x.users)))
    theirs = KNNBasic(k=40, sim_options={"name": "msd", "user_based": True}, verbose=False).fit(trainset("log"))
    np.testing.assert_allclose(scores, surprise_estimates(theirs, x, 1), rtol=1e-5)


@pytest.mark.parametrize("model", list(THEIRS))
def test_items_in_several_groups_and_users_in_several_blocks(x, monkeypatch, model):
    whole = make_model(model, neighbours=2).fit(x)._score(np.arange(len(x.users)))
    # a single item already exceeds such a block
    monkeypatch.setattr("reco.models.rating_neighbours.CELLS", 1)
    monkeypatch.setattr("reco.models.rating_neighbours.BLOCK", 7)
    fitted = make_model(model, neighbours=2).fit(x)
    assert {len(group.items) for group in fitted._groups} == {1}
    np.testing.assert_allclose(fitted._score(np.arange(len(x.users))), whole, rtol=1e-6)


def test_number_of_threads_does_not_matter(x):
    one, three = (make_model("user_knn", neighbours=2, threads=threads).fit(x) for threads in (1, 3))
    rows = np.arange(len(x.users))
    np.testing.assert_array_equal(one._score(rows), three._score(rows))


def test_of_equally_similar_neighbours_the_first_counts():
    # b, c and d share one item with a, so all have cosine 1; their ratings of y differ
    rows = [(user, "x", 3) for user in "abcd"] + [("b", "y", 1), ("c", "y", 3), ("d", "y", 5)]
    x = Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "r"]), weight="r")
    lists = make_model("user_knn", neighbours=2, ratings="weight").fit(x).recommend(["a"])
    assert lists["score"].tolist() == [2.0]


def test_neighbours_say_how_far_from_their_mean_they_rate():
    # b agrees with a on x and y, c does not; b rates z 1 above b's mean of 3, so a is expected to rate it 1 above 4
    ratings = {"a": {"x": 5, "y": 3}, "b": {"x": 4, "y": 1, "z": 4}, "c": {"x": 1, "y": 3, "z": 5}}
    rows = [(user, item, rating) for user, given in ratings.items() for item, rating in given.items()]
    x = Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "r"]), weight="r")
    lists = make_model("user_knn_means", ratings="weight").fit(x).recommend(["a"])
    assert lists["item_id"].tolist() == ["z"]
    assert lists["score"].tolist() == pytest.approx([5.0])


def test_one_neighbour_is_not_enough_for_two():
    rows = [("a", "x"), ("b", "x"), ("c", "x"), ("b", "y"), ("c", "y"), ("b", "z")]
    x = Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id"]))
    assert make_model("user_knn").fit(x).recommend(["a"])["item_id"].tolist() == ["y", "z"]
    assert make_model("user_knn", min_neighbours=2).fit(x).recommend(["a"])["item_id"].tolist() == ["y"]


@pytest.mark.parametrize("model", ["user_knn_means", "user_knn_baseline"])
def test_ratings_that_are_all_equal_correlate_with_nothing(model):
    frame = toy_frame().drop_duplicates(["user_id", "item_id"]).assign(quantity=3)
    x = as_interactions(frame)
    assert make_model(model).fit(x).recommend(x.users).empty


@pytest.mark.parametrize("model", list(THEIRS))
def test_more_users_than_memory_is_meant_for(x, model):
    with pytest.raises(ValueError, match=f"{model}: 40 users, more than max_users = 39"):
        make_model(model, max_users=39).fit(x)


@pytest.mark.parametrize("model", list(THEIRS))
@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("similarity", "odd", "similarity is 'odd'; expected one of cosine, msd, pearson"),
        ("ratings", "odd", "ratings is 'odd'; expected one of log, weight"),
        ("neighbours", 0, "neighbours is 0; expected 1 or more"),
    ],
)
def test_options_out_of_range(x, model, option, value, message):
    with pytest.raises(ValueError, match=f"{model}: {message}"):
        make_model(model, **{option: value}).fit(x)
