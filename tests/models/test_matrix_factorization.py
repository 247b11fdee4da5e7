"""ALS against implicit's own lists."""

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from pandas.testing import assert_frame_equal
from threadpoolctl import threadpool_limits

from reco.models import make_model
from tests.models.contract import RecommenderContract, as_interactions, toy_frame


class TestALS(RecommenderContract):
    model = "als"
    options = {"factors": 8}  # noqa: RUF012


@pytest.fixture(scope="module")
def x():
    return as_interactions(toy_frame())


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


def test_unknown_choice(x):
    with pytest.raises(ValueError, match="als: weights is 'odd'; expected one of "):
        make_model("als", weights="odd").fit(x)
