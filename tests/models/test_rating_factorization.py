"""Surprise's factorizations against Surprise's own recipe."""

import numpy as np
import pytest
import surprise

from reco.models import make_model
from reco.models.rating_factorization import Factors
from reco.models.ratings import as_ratings, build_trainset
from tests.models.contract import RecommenderContract, as_interactions, toy_frame


class TestSVD(RecommenderContract):
    model = "svd"


@pytest.fixture(scope="module")
def x():
    return as_interactions(toy_frame())


@pytest.fixture(scope="module")
def algorithm(x):
    # so fast a learner that many estimates leave the scale
    return surprise.SVD(n_factors=5, lr_all=0.05, random_state=0).fit(build_trainset(as_ratings(x.matrix)))


def recipe(algorithm: surprise.SVD, k: int) -> list[tuple[int, int]]:
    """Surprise's recipe (estimate every unseen pair, sort), ties by item: (user, item) numbers."""
    predictions = algorithm.test(algorithm.trainset.build_anti_testset())
    predictions.sort(key=lambda p: (p.uid, -p.est, p.iid))
    pairs = [(p.uid, p.iid) for p in predictions]
    return [pair for user in range(algorithm.trainset.n_users) for pair in [p for p in pairs if p[0] == user][:k]]


@pytest.mark.parametrize("k", [5, 30])
def test_svd_lists_are_those_of_surprise(x, algorithm, k):
    lists = make_model("svd", factors=5, learning_rate=0.05).fit(x).recommend(x.users, k=k)
    found = zip(x.rows(lists["user_id"]).tolist(), x.columns(lists["item_id"]).tolist(), strict=True)
    assert list(found) == recipe(algorithm, k)


@pytest.mark.parametrize("clip", [True, False])
def test_estimates_are_those_of_predict(algorithm, clip):
    rows = np.array([3, 0])
    expected = [[algorithm.predict(row, item, clip=clip).est for item in range(30)] for row in rows]
    np.testing.assert_allclose(Factors.of(algorithm).estimates(rows, clip), expected, rtol=1e-12)


def test_estimates_without_biases(x):
    data = build_trainset(as_ratings(x.matrix))
    algorithm = surprise.SVD(n_factors=5, biased=False, random_state=0).fit(data)
    assert Factors.of(algorithm).estimates(np.array([2]))[0, 7] == pytest.approx(algorithm.predict(2, 7).est)


def test_clipping_ties_what_leaves_the_scale(x):
    options = {"factors": 5, "learning_rate": 0.05}
    clipped = make_model("svd", **options).fit(x).recommend(x.users, exclude_seen=False)
    free = make_model("svd", **options, clip=False).fit(x).recommend(x.users, exclude_seen=False)
    highest = as_ratings(x.matrix).data.max()
    assert clipped["score"].max() == np.float32(highest)
    assert free["score"].max() > highest


def test_ratings_as_they_are():
    x = as_interactions(toy_frame().drop_duplicates(["user_id", "item_id"]))
    model = make_model("svd", ratings="weight").fit(x)
    assert model.learned.scale == (1, 5)
    assert model.learned.mean == pytest.approx(x.matrix.data.mean())


def test_unknown_choice(x):
    with pytest.raises(ValueError, match="svd: ratings is 'odd'; expected one of "):
        make_model("svd", ratings="odd").fit(x)
