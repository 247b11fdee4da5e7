"""User-based neighbours against Surprise's KNNBasic, pair by pair."""

import numpy as np
import pandas as pd
import pytest
from surprise import KNNBasic

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


@pytest.fixture(scope="module")
def x():
    return as_interactions(toy_frame())


def surprise_estimates(x: Interactions, k: int, min_k: int, similarity: str, min_support: int) -> np.ndarray:
    """What KNNBasic.predict says of every pair; NaN where it has too few neighbours."""
    options = {"name": similarity, "user_based": True, "min_support": min_support}
    algorithm = KNNBasic(k=k, min_k=min_k, sim_options=options, verbose=False)
    algorithm.fit(build_trainset(as_ratings(x.matrix)))
    n_users, n_items = x.matrix.shape
    predictions = [[algorithm.predict(user, item) for item in range(n_items)] for user in range(n_users)]
    return np.array([[np.nan if p.details["was_impossible"] else p.est for p in row] for row in predictions])


@pytest.mark.parametrize("similarity", ["cosine", "msd", "pearson"])
@pytest.mark.parametrize(("k", "min_k", "min_common"), [(3, 1, 1), (7, 3, 2), (40, 1, 1), (40, 5, 3)])
def test_estimates_are_those_of_surprise(x, similarity, k, min_k, min_common):
    # items have 1 to 27 raters: for k = 3 and 7 both ways of computing take part
    options = {"neighbours": k, "min_neighbours": min_k, "similarity": similarity, "min_common": min_common}
    scores = make_model("user_knn", **options).fit(x)._score(np.arange(len(x.users)))
    np.testing.assert_allclose(scores, surprise_estimates(x, k, min_k, similarity, min_common), rtol=1e-5)


def test_items_in_several_groups(x, monkeypatch):
    whole = make_model("user_knn", neighbours=2).fit(x)._score(np.arange(len(x.users)))
    # a single item already exceeds such a block
    monkeypatch.setattr("reco.models.rating_neighbours.CELLS", 1)
    model = make_model("user_knn", neighbours=2).fit(x)
    assert {len(group.items) for group in model._groups} == {1}
    np.testing.assert_allclose(model._score(np.arange(len(x.users))), whole, rtol=1e-6)


def test_of_equally_similar_neighbours_the_first_counts():
    # b, c and d share one item with a, so all have cosine 1; their ratings of y differ
    rows = [(user, "x", 3) for user in "abcd"] + [("b", "y", 1), ("c", "y", 3), ("d", "y", 5)]
    x = Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "r"]), weight="r")
    lists = make_model("user_knn", neighbours=2, ratings="weight").fit(x).recommend(["a"])
    assert lists["score"].tolist() == [2.0]


def test_one_neighbour_is_not_enough_for_two():
    rows = [("a", "x"), ("b", "x"), ("c", "x"), ("b", "y"), ("c", "y"), ("b", "z")]
    x = Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id"]))
    assert make_model("user_knn").fit(x).recommend(["a"])["item_id"].tolist() == ["y", "z"]
    assert make_model("user_knn", min_neighbours=2).fit(x).recommend(["a"])["item_id"].tolist() == ["y"]


def test_more_users_than_memory_is_meant_for(x):
    with pytest.raises(ValueError, match="40 users, more than max_users = 39"):
        make_model("user_knn", max_users=39).fit(x)


def test_unknown_choice(x):
    with pytest.raises(ValueError, match="user_knn: similarity is 'odd'; expected one of cosine, msd, pearson"):
        make_model("user_knn", similarity="odd").fit(x)
