"""ALS and BPR against implicit's own lists, PureSVD against numpy's decomposition, users folded in."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
from pandas.testing import assert_frame_equal
from scipy import sparse
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

from reco.interactions import Interactions
from reco.models import make_model
from reco.models.matrix_factorization import strongest_directions
from tests.models.contract import RecommenderContract, as_interactions, toy_frame


class TestALS(RecommenderContract):
    model = "als"
    options = {"factors": 8}  # noqa: RUF012
    update_is_exact = False


class TestBPR(RecommenderContract):
    model = "bpr"
    options = {"factors": 8}  # noqa: RUF012


class TestPureSVD(RecommenderContract):
    model = "pure_svd"
    options = {"factors": 8}  # noqa: RUF012
    update_is_exact = False


@pytest.fixture(scope="module")
def x():
    return as_interactions(toy_frame())


#: What u00 and two new customers did later.
EVENTS = pd.DataFrame(
    {
        "user_id": ["u00", "u00", "a new one", "a new one", "another"],
        "item_id": ["i20", "i05", "i03", "i22", "i01"],
        "weight": [3, 1, 2, 1, 1],
        "basket_id": ["b1", "b1", "b2", "b2", "b3"],
        "timestamp": pd.Timestamp("2026-07-01"),
    }
)


def test_als_lists_are_those_of_implicit(x):
    with threadpool_limits(1, "blas"):
        theirs = AlternatingLeastSquares(factors=8, regularization=3.0, random_state=0)
        confidence = x.matrix.copy()
        confidence.data = 1 + 2 * confidence.data
        theirs.fit(confidence, show_progress=False)
    ids, scores = theirs.recommend(np.arange(len(x.users)), x.matrix, N=10)
    ours = make_model("als", factors=8, weights="count", alpha=2.0).fit(x).recommend(x.users, k=10)
    assert x.columns(ours["item_id"]).tolist() == ids.ravel().tolist()
    np.testing.assert_allclose(ours["score"], scores.ravel(), rtol=1e-4)


def test_als_does_not_depend_on_threads(x):
    one, two = (make_model("als", factors=8, threads=threads).fit(x) for threads in (1, 2))
    assert_frame_equal(one.recommend(x.users), two.recommend(x.users))


def test_als_binary_weights_ignore_amounts(x):
    frame = toy_frame()
    ones = as_interactions(frame.drop_duplicates(["user_id", "item_id"]).assign(quantity=1))
    lists = make_model("als", factors=8, weights="binary").fit(x).recommend(x.users)
    assert_frame_equal(lists, make_model("als", factors=8, weights="count").fit(ones).recommend(x.users))


def test_als_solves_the_normal_equations_of_who_did_something_new(x):
    before = make_model("als", factors=8, alpha=0.5, regularization=2.0).fit(x)
    model = make_model("als", factors=8, alpha=0.5, regularization=2.0).fit(x)
    model.partial_fit(EVENTS.head(3)).partial_fit(EVENTS.tail(2))
    np.testing.assert_array_equal(model.item_factors, before.item_factors)
    np.testing.assert_array_equal(model.user_factors[1:40], before.user_factors[1:])
    items = model.item_factors.astype("float64")
    now = model.interactions
    for user in ("u00", "a new one", "another"):
        row = now.rows([user])[0]
        weights = now.matrix[row].toarray().ravel()
        trust = 1 + np.where(weights > 0, 0.5 * np.log2(1 + weights), 0)  # 1 of an empty cell
        left = (items * trust[:, None]).T @ items + 2.0 * np.eye(8)
        expected = np.linalg.solve(left, items.T @ (trust * (weights > 0)))
        np.testing.assert_allclose(model.user_factors[row], expected, rtol=1e-4, atol=1e-6)


def test_als_takes_a_weight_below_0_for_a_dislike():
    frame = pd.DataFrame({"user_id": list("aabbcc"), "item_id": list("xyxyxy"), "weight": [1, 1, 1, 1, 1, -1]})
    x = Interactions.from_frame(frame, weight="weight")
    scores = make_model("als", factors=2, regularization=0.01).fit(x)._score(np.arange(3))
    assert (scores[:2] > 0.9).all()
    assert scores[2, 1] < 0.1


def test_bpr_lists_are_those_of_implicit(x):
    with threadpool_limits(1, "blas"):
        theirs = BayesianPersonalizedRanking(
            factors=8, learning_rate=0.05, regularization=0.02, iterations=20, num_threads=1, random_state=3
        )
        theirs.fit(x.matrix, show_progress=False)
    ids, scores = theirs.recommend(np.arange(len(x.users)), x.matrix, N=10)
    options = {"factors": 8, "learning_rate": 0.05, "regularization": 0.02, "iterations": 20, "seed": 3}
    model = make_model("bpr", **options).fit(x)
    ours = model.recommend(x.users, k=10)
    assert x.columns(ours["item_id"]).tolist() == ids.ravel().tolist()
    np.testing.assert_allclose(ours["score"], scores.ravel(), rtol=1e-4)
    similar = model.similar(x.items, k=1)
    taste = normalize(theirs.item_factors[:, :-1])  # the bias, which comes last, is no taste
    cosines = taste @ taste.T - 2 * np.eye(30)
    np.testing.assert_allclose(similar["score"], cosines.max(axis=1), rtol=1e-5)


def test_bpr_ranks_what_one_has_first_and_by_taste():
    # two tastes, each of twenty users and ten items; every user lacks one item of the own taste
    user, item = np.divmod(np.arange(400), 10)
    frame = pd.DataFrame({"user_id": user, "item_id": item + 10 * (user // 20)})[item != user % 10]
    x = Interactions.from_frame(frame)
    model = make_model("bpr", factors=8, learning_rate=0.1, iterations=200).fit(x)
    lists = model.recommend(x.users, k=1)
    assert lists["item_id"].tolist() == (np.arange(40) % 10 + 10 * (np.arange(40) // 20)).tolist()
    similar = model.similar(x.items, k=9)
    assert (similar["item_id"] // 10 == similar["similar_id"] // 10).all()


def test_bpr_takes_weights_below_0_for_nothing(x):
    less = x.matrix.copy()
    less.data[::7] *= -1
    rest = less.maximum(0).tocsr()
    rest.eliminate_zeros()
    expected = make_model("bpr", factors=8).fit(replace(x, matrix=rest))
    found = make_model("bpr", factors=8).fit(replace(x, matrix=less))
    np.testing.assert_array_equal(found.item_factors, expected.item_factors)
    with pytest.raises(ValueError, match="bpr: needs weights above 0"):
        make_model("bpr").fit(replace(x, matrix=-x.matrix))


@pytest.mark.parametrize("factors", [4, 29, 30, 64])
def test_pure_svd_scores_are_those_of_the_truncated_decomposition(x, factors):
    model = make_model("pure_svd", factors=factors, weights="count").fit(x)
    left, values, right = np.linalg.svd(x.matrix.toarray().astype("float64"), full_matrices=False)
    expected = (left[:, :factors] * values[:factors]) @ right[:factors]
    assert model.item_factors.shape == (30, min(factors, 30))
    np.testing.assert_allclose(model._score(np.arange(40)), expected, rtol=1e-5, atol=1e-5)


def test_pure_svd_reasons_add_up_to_the_score(x):
    model = make_model("pure_svd", factors=6).fit(x)
    rows, columns = np.arange(40), np.arange(40) % 30
    found = model._contributions(rows, columns)
    own = np.log2(1 + x.matrix.toarray())
    expected = own * (model.item_factors @ model.item_factors.T)[columns]
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.toarray().sum(axis=1), model._score(rows)[rows, columns], rtol=1e-4, atol=1e-5)


def test_pure_svd_folds_users_in_like_those_of_the_fit(x):
    model = make_model("pure_svd", factors=6).fit(x).partial_fit(EVENTS)
    expected = np.log2(1 + model.interactions.matrix.toarray()) @ model.item_factors
    np.testing.assert_allclose(model.user_factors, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(60, 40), (40, 60)])
@pytest.mark.parametrize("factors", [3, 8, 50])
def test_directions_of_data_that_have_three(shape, factors):
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(shape[0], 3)) * [5, 3, 1] @ rng.normal(size=(3, shape[1]))
    found = strongest_directions(sparse.csr_matrix(matrix), factors)
    assert found.shape == (shape[1], 3)
    expected = np.linalg.svd(matrix)[2][:3].T
    np.testing.assert_allclose(np.abs((found * expected).sum(axis=0)), 1, rtol=1e-6)
    assert (found.max(axis=0) == np.abs(found).max(axis=0)).all()


@pytest.mark.parametrize("model", ["als", "pure_svd"])
def test_unknown_choice(x, model):
    with pytest.raises(ValueError, match=f"{model}: weights is 'odd'; expected one of "):
        make_model(model, weights="odd").fit(x)
