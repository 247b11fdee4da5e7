"""Cosine neighbours against plain numpy and implicit's own lists."""

import numpy as np
import pandas as pd
import pytest
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
from pandas.testing import assert_frame_equal

from reco.interactions import Interactions
from reco.models import MODELS, make_model
from tests.models.contract import RecommenderContract, as_interactions, toy_frame


class TestItemKNN(RecommenderContract):
    model = "item_knn"


class TestItemKNNOfFew(RecommenderContract):
    model = "item_knn"
    options = {"neighbours": 3, "weights": "binary"}  # noqa: RUF012


class TestItemAdjustedCosine(RecommenderContract):
    model = "item_adjusted_cosine"
    update_is_exact = False  # see test_updates_of_weighted_similarities_reach_the_touched_items


class TestItemTFIDF(RecommenderContract):
    model = "item_tfidf"
    options = {"neighbours": 3}  # noqa: RUF012
    update_is_exact = False


class TestItemBM25(RecommenderContract):
    model = "item_bm25"
    options = {"weights": "binary"}  # noqa: RUF012
    update_is_exact = False


class TestUserCosine(RecommenderContract):
    model = "user_cosine"


class TestUserCosineOfFew(RecommenderContract):
    model = "user_cosine"
    options = {"similarity": "tfidf", "neighbours": 4}  # noqa: RUF012


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
    similar = make_model("item_adjusted_cosine", weights="count").fit(x).similar(["x"])
    # less their means (10/3, 2, 4): x = (5/3, -1, 0), y = (2/3, 0, 0), z = (-7/3, 1), which is less than nothing to x
    x_to_y = (5 / 3) * (2 / 3) / (np.sqrt(25 / 9 + 1) * (2 / 3))
    assert similar["similar_id"].tolist() == ["y"]
    assert similar["score"].tolist() == pytest.approx([x_to_y])


@pytest.mark.parametrize("amount", [1.0, 2.0, 0.1])
def test_adjusted_cosine_of_equal_weights(amount):
    # in float32 the mean of three equal numbers may differ from them by rounding
    x = Interactions.from_frame(
        pd.DataFrame({"user_id": list("aaabb"), "item_id": list("xyzxy"), "amount": amount}), weight="amount"
    )
    reason = "needs weights that differ within a user"
    assert MODELS["item_adjusted_cosine"].lacks(x) == reason
    with pytest.raises(ValueError, match=f"item_adjusted_cosine: {reason}"):
        make_model("item_adjusted_cosine").fit(x)
    with pytest.raises(ValueError, match=f"item_knn: adjusted_cosine {reason}"):
        make_model("item_knn", similarity="adjusted_cosine").fit(x)


def test_adjusted_cosine_of_amounts_that_weights_make_equal(x):
    assert MODELS["item_adjusted_cosine"].lacks(x) is None
    with pytest.raises(ValueError, match="adjusted_cosine needs weights that differ"):
        make_model("item_adjusted_cosine", weights="binary").fit(x)


@pytest.mark.parametrize("similarity", ["adjusted_cosine", "tfidf", "bm25"])
def test_variants_are_item_knn_with_another_similarity(x, similarity):
    variant = make_model(f"item_{similarity}").fit(x).recommend(x.users)
    assert_frame_equal(variant, make_model("item_knn", similarity=similarity).fit(x).recommend(x.users))


def later(x: Interactions) -> pd.DataFrame:
    """A basket of a known user and two of a new one, something returned among them."""
    rows = [("u03", "i00", 1), ("u03", "i25", 2), ("new", "i04", 1), ("new", "i11", 3), ("u03", "i02", -9)]
    events = pd.DataFrame(rows, columns=["user_id", "item_id", "weight"])
    return events.assign(timestamp=x.log["timestamp"].max(), basket_id=events["user_id"])


@pytest.mark.parametrize("neighbours", [3, 100])
@pytest.mark.parametrize("weights", ["log", "binary"])
def test_updates_of_the_cosine_leave_what_a_full_fit_makes(x, neighbours, weights):
    model = make_model("item_knn", neighbours=neighbours, weights=weights).fit(x).partial_fit(later(x))
    again = make_model("item_knn", neighbours=neighbours, weights=weights).fit(model.interactions)
    np.testing.assert_array_equal(model.nearest.toarray(), again.nearest.toarray())
    assert_frame_equal(model.recommend(["u03", "new", "u05"]), again.recommend(["u03", "new", "u05"]))


@pytest.mark.parametrize("similarity", ["adjusted_cosine", "tfidf", "bm25"])
def test_updates_of_weighted_similarities_reach_the_touched_items(x, similarity):
    model = make_model(f"item_{similarity}").fit(x)
    before = model.nearest.toarray()
    model.partial_fit(later(x))
    touched = x.columns(["i00", "i25", "i04", "i11", "i02"])
    now, again = model.nearest.toarray(), make_model(f"item_{similarity}").fit(model.interactions).nearest.toarray()
    np.testing.assert_array_equal(now[touched], again[touched])
    np.testing.assert_array_equal(now[:, touched], again[:, touched])
    assert ((now == before) | (now == again)).all()
    # the user's own history counts at once
    amounts = np.log2(1 + np.maximum(model.interactions.matrix[[x.users.get_loc("u03")]].toarray()[0], 0))
    lists = model.recommend(["u03"], k=30, exclude_seen=False)
    np.testing.assert_allclose(lists["score"], (amounts @ now)[x.columns(lists["item_id"])], rtol=1e-5)


@pytest.mark.parametrize("neighbours", [2, 100])
def test_updates_of_users_leave_what_a_full_fit_makes(x, neighbours):
    model = make_model("user_cosine", neighbours=neighbours).fit(x).partial_fit(later(x))
    again = make_model("user_cosine", neighbours=neighbours).fit(model.interactions)
    np.testing.assert_array_equal(model.nearest.toarray(), again.nearest.toarray())


@pytest.mark.parametrize("similarity", ["tfidf", "bm25"])
def test_updates_of_users_reach_those_who_did_something(x, similarity):
    model = make_model("user_cosine", similarity=similarity, neighbours=4).fit(x).partial_fit(later(x))
    again = make_model("user_cosine", similarity=similarity, neighbours=4).fit(model.interactions)
    rows = model.interactions.rows(["u03", "new"])
    np.testing.assert_array_equal(model.nearest[rows].toarray(), again.nearest[rows].toarray())


@pytest.mark.parametrize("model", ["item_bm25", "user_cosine"])
def test_many_events_are_a_full_fit(x, model, monkeypatch):
    monkeypatch.setattr("reco.models.neighbours.BLOCK", 1)
    options = {"similarity": "bm25", "neighbours": 4}
    updated = make_model(model, **options).fit(x).partial_fit(later(x))
    again = make_model(model, **options).fit(updated.interactions)
    np.testing.assert_array_equal(updated.nearest.toarray(), again.nearest.toarray())


def test_what_is_bought_is_a_reason_in_proportion():
    # x {a, b}, y {a, c}, z {a, b, d}, w {d}
    frame = pd.DataFrame({"user_id": list("aaabbcdd"), "item_id": list("xyzxzyzw")})
    x = Interactions.from_frame(frame)
    model = make_model("item_knn", weights="binary").fit(x)
    asked = pd.DataFrame({"user_id": ["c", "b", "b", "nobody"], "item_id": ["x", "y", "w", "x"]})
    told = model.explain(asked, most=2)
    assert told.drop(columns="share").to_numpy().tolist() == [
        ["c", "x", "y"],
        ["b", "y", "x"],
        ["b", "y", "z"],
        ["b", "w", "z"],
    ]
    x_to_y, z_to_y = 1 / 2, 1 / np.sqrt(2 * 3)
    assert told["share"].tolist() == pytest.approx([1, x_to_y / (x_to_y + z_to_y), z_to_y / (x_to_y + z_to_y), 1])


def test_reasons_add_up_to_the_score(x):
    model = make_model("item_tfidf").fit(x)
    lists = model.recommend(x.users, exclude_seen=False)
    given = model._contributions(x.rows(lists["user_id"]), x.columns(lists["item_id"]))
    np.testing.assert_allclose(np.asarray(given.sum(axis=1)).ravel(), lists["score"], rtol=1e-5)


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
def test_no_neighbours(x, model):
    with pytest.raises(ValueError, match=f"{model}: neighbours is 0; expected 1 or more"):
        make_model(model, neighbours=0).fit(x)


@pytest.mark.parametrize("model", ["item_knn", "user_cosine"])
@pytest.mark.parametrize("option", ["similarity", "weights"])
def test_unknown_choice(x, model, option):
    with pytest.raises(ValueError, match=f"{model}: {option} is 'odd'; expected one of "):
        make_model(model, **{option: "odd"}).fit(x)


@pytest.mark.parametrize("model", ["item_knn", "user_cosine"])
def test_what_was_returned_stays_in_the_interactions(model):
    frame = pd.DataFrame({"user_id": list("aabb"), "item_id": list("xyxz"), "weight": [1, -1, 1, 2]})
    x = Interactions.from_frame(frame, weight="weight")
    make_model(model).fit(x)
    assert x.matrix.toarray().tolist() == [[1, -1, 0], [1, 0, 2]]
