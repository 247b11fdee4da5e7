"""Cosine neighbours against plain numpy and implicit's own lists."""

import numpy as np
import pandas as pd
import pytest
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender

from reco.interactions import Interactions
from reco.models import make_model
from tests.models.contract import RecommenderContract, as_interactions, toy_frame


class TestItemKNN(RecommenderContract):
    model = "item_knn"


class TestItemKNNOfFew(RecommenderContract):
    model = "item_knn"
    options = {"similarity": "tfidf", "neighbours": 3}  # noqa: RUF012


class TestItemKNNByBM25(RecommenderContract):
    model = "item_knn"
    options = {"similarity": "bm25", "weights": "binary"}  # noqa: RUF012


class TestItemKNNByAdjustedCosine(RecommenderContract):
    model = "item_knn"
    options = {"similarity": "adjusted_cosine"}  # noqa: RUF012


class TestUserCosine(RecommenderContract):
    model = "user_cosine"


@pytest.fixture(scope="module")
def x():
    return as_interactions(toy_frame())


def cosine(rows: np.ndarray) -> np.ndarray:
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit @ unit.T


@pytest.mark.filterwarnings("ignore:Method expects CSR")  # implicit's own conversion
@pytest.mark.parametrize(
    ("similarity", "theirs"),
    [("cosine", CosineRecommender), ("tfidf", TFIDFRecommender), ("bm25", BM25Recommender)],
)
def test_item_scores_are_those_of_implicit(x, similarity, theirs):
    model = theirs(K=6)
    model.fit(x.matrix, show_progress=False)
    ours = make_model("item_knn", similarity=similarity, neighbours=5, weights="count").fit(x)
    np.testing.assert_allclose(ours.nearest.toarray(), model.similarity.toarray(), rtol=1e-5)
    ids, scores = model.recommend(4, x.matrix[4], N=30, filter_already_liked_items=False)
    lists = ours.recommend([x.users[4]], k=30, exclude_seen=False)
    expected = dict(zip(x.items[ids], scores, strict=True))
    assert dict(zip(lists["item_id"], lists["score"], strict=True)) == pytest.approx(expected, rel=1e-5)


def test_item_scores_are_the_user_s_row_times_the_cosines(x):
    amounts = np.log2(1 + x.matrix.toarray())
    expected = amounts @ cosine(amounts.T)
    lists = make_model("item_knn", neighbours=30).fit(x).recommend(x.users, k=30, exclude_seen=False)
    assert len(lists) == (expected > 0).sum()
    np.testing.assert_allclose(
        lists["score"], expected[x.rows(lists["user_id"]), x.columns(lists["item_id"])], rtol=1e-5
    )


def test_adjusted_cosine_compares_differences_from_the_user_s_mean():
    ratings = {"a": {"x": 5, "y": 4, "z": 1}, "b": {"x": 1, "y": 2, "z": 3}, "c": {"x": 4, "y": 4}}
    rows = [(user, item, rating) for user, given in ratings.items() for item, rating in given.items()]
    x = Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "r"]), weight="r")
    similar = make_model("item_knn", similarity="adjusted_cosine", weights="count").fit(x).similar(["x"])
    # less their means (10/3, 2, 4): x = (5/3, -1, 0), y = (2/3, 0, 0), z = (-7/3, 1)
    x_to_y = (5 / 3) * (2 / 3) / (np.sqrt(25 / 9 + 1) * (2 / 3))
    x_to_z = (-35 / 9 - 1) / (np.sqrt(25 / 9 + 1) * np.sqrt(49 / 9 + 1))
    assert similar["similar_id"].tolist() == ["y", "z"]
    assert similar["score"].tolist() == pytest.approx([x_to_y, x_to_z])


def test_adjusted_cosine_of_equal_weights():
    x = Interactions.from_frame(pd.DataFrame({"user_id": ["a", "a"], "item_id": ["x", "y"]}))
    with pytest.raises(ValueError, match="weights that differ"):
        make_model("item_knn", similarity="adjusted_cosine").fit(x)


def test_user_scores_are_the_cosines_times_what_users_have(x):
    amounts = np.log2(1 + x.matrix.toarray())
    expected = cosine(amounts) @ amounts
    lists = make_model("user_cosine", neighbours=40).fit(x).recommend(x.users, k=30, exclude_seen=False)
    assert len(lists) == (expected > 0).sum()
    np.testing.assert_allclose(
        lists["score"], expected[x.rows(lists["user_id"]), x.columns(lists["item_id"])], rtol=1e-5
    )


def test_only_the_nearest_users_count():
    # b has most in common with a, c less
    frame = pd.DataFrame({"user_id": list("aaabbbcc"), "item_id": list("xyzxyvxw")})
    x = Interactions.from_frame(frame)
    assert make_model("user_cosine", neighbours=1).fit(x).recommend(["a"])["item_id"].tolist() == ["v"]
    assert make_model("user_cosine", neighbours=2).fit(x).recommend(["a"])["item_id"].tolist() == ["v", "w"]


@pytest.mark.parametrize("model", ["item_knn", "user_cosine"])
@pytest.mark.parametrize("option", ["similarity", "weights"])
def test_unknown_choice(x, model, option):
    with pytest.raises(ValueError, match=f"{model}: {option} is 'odd'; expected one of "):
        make_model(model, **{option: "odd"}).fit(x)
