"""Surprise's factorizations against Surprise's own recipe."""

from dataclasses import replace

import numpy as np
import pytest
import surprise

from reco.models import make_model
from reco.models.rating_factorization import Factors
from reco.models.ratings import as_ratings, build_trainset
from tests.models.contract import RecommenderContract, as_interactions, toy_frame

#: So fast a learner, or so long a one, that many estimates leave the scale: the model's options, Surprise's algorithm.
EAGER = {
    "svd": (
        {"factors": 5, "learning_rate": 0.05},
        surprise.SVD(n_factors=5, lr_all=0.05, random_state=0),
    ),
    "svdpp": (
        {"factors": 5, "epochs": 20, "learning_rate": 0.05},
        surprise.SVDpp(n_factors=5, n_epochs=20, lr_all=0.05, random_state=0),
    ),
    "nmf": (
        {"factors": 8, "epochs": 200, "regularization": 0.01},
        surprise.NMF(n_factors=8, n_epochs=200, reg_pu=0.01, reg_qi=0.01, random_state=0),
    ),
}


class TestSVD(RecommenderContract):
    model = "svd"


class TestSVDpp(RecommenderContract):
    model = "svdpp"


class TestNMF(RecommenderContract):
    model = "nmf"


@pytest.fixture(scope="module")
def x():
    return as_interactions(toy_frame())


@pytest.fixture(scope="module", params=EAGER)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def algorithm(x, name):
    return EAGER[name][1].fit(build_trainset(as_ratings(x.matrix)))


@pytest.fixture(scope="module")
def model(x, name):
    return make_model(name, **EAGER[name][0]).fit(x)


def recipe(algorithm: surprise.AlgoBase, k: int) -> list[tuple[int, int]]:
    """Surprise's recipe (estimate every unseen pair, sort), ties by item: (user, item) numbers."""
    predictions = algorithm.test(algorithm.trainset.build_anti_testset())
    predictions.sort(key=lambda p: (p.uid, -p.est, p.iid))
    pairs = [(p.uid, p.iid) for p in predictions]
    return [pair for user in range(algorithm.trainset.n_users) for pair in [p for p in pairs if p[0] == user][:k]]


@pytest.mark.parametrize("k", [5, 30])
def test_lists_are_those_of_surprise(x, algorithm, model, k):
    lists = model.recommend(x.users, k=k)
    found = zip(x.rows(lists["user_id"]).tolist(), x.columns(lists["item_id"]).tolist(), strict=True)
    assert list(found) == recipe(algorithm, k)


@pytest.mark.parametrize("clip", [True, False])
def test_estimates_are_those_of_predict(algorithm, model, clip):
    rows = np.array([3, 0])
    expected = [[algorithm.predict(row, item, clip=clip).est for item in range(30)] for row in rows]
    np.testing.assert_allclose(Factors.of(algorithm).estimates(rows, clip), expected, rtol=1e-12)
    np.testing.assert_allclose(model.learned.estimates(rows, clip), expected, rtol=1e-12)


def test_clipping_ties_what_leaves_the_scale(x, name, model):
    clipped = model.recommend(x.users, exclude_seen=False)
    free = make_model(name, **EAGER[name][0], clip=False).fit(x).recommend(x.users, exclude_seen=False)
    highest = as_ratings(x.matrix).data.max()
    assert clipped["score"].max() == np.float32(highest)
    assert free["score"].max() > highest


def test_items_without_ratings_change_nothing(x, name, model):
    wider = replace(x, matrix=x.matrix.copy(), items=x.items.insert(0, "a"), products=None)
    wider.matrix.resize(x.matrix.shape[0], x.matrix.shape[1] + 1)
    wider.matrix.indices += 1
    wide = make_model(name, **EAGER[name][0]).fit(wider)
    rows = np.arange(3)
    np.testing.assert_array_equal(wide.learned.estimates(rows)[:, 1:], model.learned.estimates(rows))
    assert not wide.learned.items[0].any()


def test_estimates_without_biases(x):
    data = build_trainset(as_ratings(x.matrix))
    algorithm = surprise.SVD(n_factors=5, biased=False, random_state=0).fit(data)
    assert Factors.of(algorithm).estimates(np.array([2]))[0, 7] == pytest.approx(algorithm.predict(2, 7).est)


def test_nonnegative_factors(x):
    learned = make_model("nmf").fit(x).learned
    assert learned.users.min() >= 0
    assert learned.items.min() >= 0
    assert learned.mean == 0


def test_ratings_as_they_are():
    x = as_interactions(toy_frame().drop_duplicates(["user_id", "item_id"]))
    model = make_model("svd", ratings="weight").fit(x)
    assert model.learned.scale == (1, 5)
    assert model.learned.mean == pytest.approx(x.matrix.data.mean())


def test_negative_ratings_have_no_nonnegative_factors():
    frame = toy_frame()
    frame.loc[0, "quantity"] = -100
    x = as_interactions(frame)
    with pytest.raises(ValueError, match=r"nmf: ratings must not be negative; found -\d+"):
        make_model("nmf", ratings="weight").fit(x)
    make_model("nmf").fit(x)  # as amounts they are the lowest rating


def test_unknown_choice(x, name):
    with pytest.raises(ValueError, match=f"{name}: ratings is 'odd'; expected one of "):
        make_model(name, ratings="odd").fit(x)


def test_what_tuning_may_try_are_options(name):
    model = make_model(name)
    for option in model.space:
        assert hasattr(model, option)
