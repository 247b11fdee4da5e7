"""SVD against Surprise's own recipe, ALS against implicit's own lists."""

import numpy as np
import pandas as pd
import pytest
import surprise
from implicit.cpu.als import AlternatingLeastSquares
from pandas.testing import assert_frame_equal
from threadpoolctl import threadpool_limits

from reco.models import make_model
from reco.models.matrix_factorization import Factors
from reco.models.ratings import as_ratings, build_trainset
from tests.models.contract import RecommenderContract, as_interactions, toy_frame


class TestSVD(RecommenderContract):
    model = "svd"


class TestALS(RecommenderContract):
    model = "als"
    options = {"factors": 8}  # noqa: RUF012


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


def test_trainset_is_the_one_surprise_builds(x):
    ratings = as_ratings(x.matrix).tocoo()
    frame = pd.DataFrame({"user": ratings.row, "item": ratings.col, "rating": ratings.data})
    scale = surprise.Reader(rating_scale=(ratings.data.min(), ratings.data.max()))
    theirs = surprise.Dataset.load_from_df(frame, scale).build_full_trainset()
    ours = build_trainset(as_ratings(x.matrix))
    assert (ours.n_users, ours.n_items, ours.n_ratings) == (theirs.n_users, theirs.n_items, theirs.n_ratings)
    assert ours.rating_scale == theirs.rating_scale
    assert ours.global_mean == pytest.approx(theirs.global_mean)
    cells = {(theirs.to_raw_uid(u), theirs.to_raw_iid(i), r) for u, i, r in theirs.all_ratings()}
    assert set(ours.all_ratings()) == cells


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


@pytest.mark.parametrize(("model", "option"), [("svd", "ratings"), ("als", "weights")])
def test_unknown_choice(x, model, option):
    with pytest.raises(ValueError, match=f"{model}: {option} is 'odd'; expected one of "):
        make_model(model, **{option: "odd"}).fit(x)
