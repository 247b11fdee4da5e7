"""EASE against the naive formula."""

import numpy as np
import pandas as pd
import pytest

from reco.interactions import Interactions
from reco.models import make_model
from tests.models.contract import RecommenderContract, as_interactions, toy_frame


class TestEASE(RecommenderContract):
    model = "ease"
    options = {"l2": 5.0}  # noqa: RUF012


@pytest.fixture(scope="module")
def x():
    return as_interactions(toy_frame())


def naive(binary: np.ndarray, l2: float) -> np.ndarray:
    """Steck's equation 8, in float64."""
    inverse = np.linalg.inv(binary.T @ binary + l2 * np.eye(binary.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def test_scores_are_those_of_the_formula(x):
    binary = (x.matrix.toarray() > 0).astype("float64")
    lists = make_model("ease", l2=5.0).fit(x).recommend(x.users, k=30, exclude_seen=False)
    expected = (binary @ naive(binary, 5.0))[x.rows(lists["user_id"]), x.columns(lists["item_id"])]
    assert len(lists) == binary.size
    np.testing.assert_allclose(lists["score"], expected, atol=1e-5)


def test_similar_items_are_those_with_weights_above_zero(x):
    weights = naive((x.matrix.toarray() > 0).astype("float64"), 5.0)
    similar = make_model("ease", l2=5.0).fit(x).similar(x.items, k=30)
    assert len(similar) == (weights > 0).sum()
    expected = weights[x.columns(similar["item_id"]), x.columns(similar["similar_id"])]
    np.testing.assert_allclose(similar["score"], expected, atol=1e-5)


def test_only_the_items_most_users_have_take_part():
    # y and z have two users each, x one: of two items y and z stay, of one y, the lower id
    frame = pd.DataFrame({"user_id": list("aabbc"), "item_id": list("xyyzz")})
    x = Interactions.from_frame(frame)
    lists = make_model("ease", max_items=2, l2=1.0).fit(x).recommend(["a"], exclude_seen=False)
    assert set(lists["item_id"]) == {"z"}  # y speaks for z; nothing speaks for y
    assert make_model("ease", max_items=2).fit(x).similar(["x"]).empty
    assert make_model("ease", max_items=1).fit(x).kept.tolist() == [1]


def test_without_penalty_there_is_no_solution():
    x = Interactions.from_frame(pd.DataFrame({"user_id": ["a", "a"], "item_id": ["x", "y"]}))
    with pytest.raises(ValueError, match="l2 = 0 is too small"):
        make_model("ease", l2=0).fit(x)
