"""EASE against the naive formula, by items and by users."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from reco.interactions import Interactions
from reco.models import make_model
from reco.models.ease import ByItems, ByUsers, inverse
from tests.models.contract import RecommenderContract, as_interactions, toy_frame


class TestEASE(RecommenderContract):
    model = "ease"
    options = {"l2": 5.0}  # noqa: RUF012
    update_is_exact = False


class TestEASEByUsers(TestEASE):
    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _by_users(cls):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ByItems, "solve", ByUsers.solve)
            yield


@pytest.fixture(scope="module", params=["items", "users"])
def x(request):
    """40 users of 30 items, or 20 of them."""
    frame = toy_frame()
    return as_interactions(frame if request.param == "items" else frame.query("user_id < 'u20'"))


@pytest.fixture(scope="module")
def model(x):
    return make_model("ease", l2=5.0).fit(x)


def binary(x: Interactions) -> np.ndarray:
    return (x.matrix.toarray() > 0).astype("float64")


def naive(binary: np.ndarray, l2: float) -> np.ndarray:
    """Steck's equation 8, in float64."""
    inverse = np.linalg.inv(binary.T @ binary + l2 * np.eye(binary.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def test_the_smaller_side_is_inverted(x, model):
    assert isinstance(model.solution, ByItems if len(x.users) > len(x.items) else ByUsers)


def test_scores_are_those_of_the_formula(x, model):
    lists = model.recommend(x.users, k=30, exclude_seen=False)
    expected = (binary(x) @ naive(binary(x), 5.0))[x.rows(lists["user_id"]), x.columns(lists["item_id"])]
    assert len(lists) == x.matrix.shape[0] * x.matrix.shape[1]
    np.testing.assert_allclose(lists["score"], expected, rtol=1e-5, atol=1e-6)


def test_similar_items_are_those_with_weights_above_zero(x, model):
    weights = naive(binary(x), 5.0)
    similar = model.similar(x.items, k=30)
    assert len(similar) == (weights > 0).sum()
    expected = weights[x.columns(similar["item_id"]), x.columns(similar["similar_id"])]
    np.testing.assert_allclose(similar["score"], expected, rtol=1e-5, atol=1e-6)


def test_reasons_add_up_to_the_score(x, model):
    rows, columns = np.repeat(np.arange(len(x.users)), 3), np.tile([0, 7, 12], len(x.users))
    found = model._contributions(rows, columns).toarray()
    expected = binary(x)[rows] * naive(binary(x), 5.0)[:, columns].T
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_new_events_are_scored_by_the_weights_of_the_fit(x):
    before = naive(binary(x), 5.0)
    events = pd.DataFrame(
        {
            "user_id": ["u00", "u00", "a new one", "u19"],
            "item_id": ["i20", "i25", "i03", "i22"],
            "basket_id": "b1000",
            "timestamp": pd.Timestamp("2026-07-01"),
        }
    )
    model = make_model("ease", l2=5.0).fit(x).partial_fit(events.head(2)).partial_fit(events.tail(2))
    now = model.interactions
    assert now.matrix.shape[0] == len(x.users) + 1
    lists = model.recommend(now.users, k=30, exclude_seen=False)
    expected = (binary(now) @ before)[now.rows(lists["user_id"]), now.columns(lists["item_id"])]
    assert len(lists) == now.matrix.shape[0] * now.matrix.shape[1] - 1  # nothing speaks for the one item of a new user
    np.testing.assert_allclose(lists["score"], expected, rtol=1e-5, atol=2e-6)


@given(arrays(bool, st.tuples(st.integers(1, 8), st.integers(1, 8))), st.floats(1, 1000))
def test_both_sides_give_the_same_weights(has, l2):
    rows = sparse.csr_matrix(has.astype("float32"))
    items = np.arange(has.shape[1])
    expected = naive(has.astype("float64"), l2)
    for side in (ByItems.solve(rows, l2), ByUsers.solve(rows, l2)):
        np.testing.assert_allclose(side.weights_of(items), expected, atol=2e-6)
        pairs = np.divmod(np.arange(has.shape[1] ** 2), has.shape[1])
        np.testing.assert_allclose(side.weights_between(*pairs), expected.ravel(), atol=2e-6)
        np.testing.assert_allclose(side.scores(rows, np.arange(len(has))), has @ expected, atol=4e-6)


@pytest.mark.parametrize("n", [1, 512, 600])
def test_inverse_in_place(n):
    vectors = np.random.default_rng(0).normal(size=(n, 5)).astype("float32")
    matrix = vectors @ vectors.T
    expected = np.linalg.inv(matrix.astype("float64") + 3 * np.eye(n))
    found = inverse(matrix, 3.0)
    assert np.shares_memory(found, matrix)
    np.testing.assert_allclose(found, expected, atol=1e-5)


#: y and z have two users each, x one; z was bought twice by each of its users.
FRAME = pd.DataFrame({"user_id": list("aabbcbc"), "item_id": list("xyyzzzz")})


def test_only_the_items_most_users_have_take_part():
    x = Interactions.from_frame(FRAME)
    model = make_model("ease", max_items=2, l2=1.0).fit(x)
    lists = model.recommend(["a"], exclude_seen=False)
    assert set(lists["item_id"]) == {"z"}  # y speaks for z; nothing speaks for y
    assert model.similar(["x"]).empty
    assert model.explain(pd.DataFrame({"user_id": ["a", "a"], "item_id": ["x", "z"]})).to_dict("list") == {
        "user_id": ["a"],
        "item_id": ["z"],
        "because_id": ["y"],
        "share": [1.0],
    }
    assert model.covered == pytest.approx(6 / 7)
    assert make_model("ease", max_items=1).fit(x).kept.tolist() == [1]  # of y and z the lower id


def test_memory_limit():
    x = Interactions.from_frame(FRAME)
    with pytest.warns(UserWarning, match=r"ease: 2 of 3 products fit into .* = 2e-05; they cover 85.7% of the inter"):
        model = make_model("ease", max_memory_mb=20e-6).fit(x)  # 5 numbers; 2 x 2 fit
    assert model.kept.tolist() == [1, 2]
    assert model.covered == pytest.approx(6 / 7)
    assert model.solution.weights.nbytes == 16


def test_memory_limit_with_few_users():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        two = make_model("ease", max_memory_mb=20e-6).fit(Interactions.from_frame(FRAME.query("user_id < 'c'")))
        all_fit = make_model("ease", max_memory_mb=36e-6).fit(Interactions.from_frame(FRAME))
    assert (len(two.kept), two.covered) == (3, 1)
    assert two.solution.kernel.shape == (2, 2)
    assert (len(all_fit.kept), all_fit.covered) == (3, 1)


@pytest.mark.parametrize("option", [{"max_items": 0}, {"max_memory_mb": 1e-6}])
def test_limits_that_leave_nothing(option):
    with pytest.raises(ValueError, match="ease: no product may take part with max_items = "):
        make_model("ease", **option).fit(Interactions.from_frame(FRAME))


def test_items_nobody_has_take_no_part():
    frame = pd.DataFrame({"user_id": list("aabb"), "item_id": list("xyzz"), "weight": [1, 0, 1, 1]})
    assert make_model("ease").fit(Interactions.from_frame(frame, weight="weight")).kept.tolist() == [0, 2]


@pytest.mark.parametrize("users", ["ab", "abcd"])
def test_without_penalty_there_is_no_solution(users):
    x = Interactions.from_frame(pd.DataFrame({"user_id": list(users), "item_id": (["x", "y", "z"] * 2)[: len(users)]}))
    with pytest.raises(ValueError, match="l2 = 0 is too small"):
        make_model("ease", l2=0).fit(x)
    with pytest.raises(ValueError, match="l2 = -1 is too small"):
        make_model("ease", l2=-1).fit(x)


def test_penalty_that_float32_cannot_tell_from_none():
    with pytest.raises(ValueError, match="l2 = 1e-09 is too small"):
        inverse(np.ones((2, 2), "float32"), 1e-9)
