"""Frames and matrices of ratings as Surprise's data, and Surprise's algorithms by name, against Surprise itself."""

import numpy as np
import pandas as pd
import pytest
import surprise

from reco.models.ratings import ALGORITHMS, as_dataset, as_ratings, build_trainset, make_algorithm, user_vectors
from tests.models.contract import as_interactions, toy_frame


@pytest.fixture(scope="module")
def x():
    return as_interactions(toy_frame())


@pytest.fixture
def frame():
    return pd.DataFrame({"user_id": list("aabbc"), "item_id": list("xyxzz"), "rating": [5, 3, 4, 1, 2]})


@pytest.fixture(scope="module")
def trainset(x):
    return build_trainset(as_ratings(x.matrix))


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


def test_dataset_keeps_order_ids_and_scale(frame):
    data = as_dataset(frame.assign(item_id=[9, 7, 9, 8, 8])[::-1], scale=(0, 6))
    assert data.raw_ratings[0] == ("c", 8, 2.0, None)
    assert data.reader.rating_scale == (0, 6)
    assert as_dataset(frame).reader.rating_scale == (1, 5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="rating"), "no column 'rating'; found user_id, item_id"),
        (lambda f: f.head(0), "no ratings"),
        (lambda f: f.assign(item_id=["x", None, "x", "z", "z"]), "row 1 holds a missing id"),
        (lambda f: f.assign(rating=[5, 3, np.nan, 1, 2]), "row 2 holds a rating that is not a finite number"),
        (lambda f: f.assign(rating=np.nan), "row 0 holds a rating that is not a finite number"),
        (lambda f: f.assign(rating=[5, 3, 4, np.inf, 2]), "row 3 holds a rating that is not a finite number"),
        (lambda f: f.assign(rating=[5, 3, 4, 1, 7]), "row 4 holds a rating outside the scale from 1 to 5"),
        (lambda f: f.assign(item_id=list("xxxzz")), "row 1 holds a second rating of an item by the same user"),
    ],
)
def test_frames_that_are_no_ratings(frame, change, message):
    with pytest.raises(ValueError, match=message):
        as_dataset(change(frame), scale=(1, 5))


def test_svdpp_estimates_are_those_of_surprise(trainset):
    ours = make_algorithm("svdpp", n_factors=4, n_epochs=5).fit(trainset)
    theirs = surprise.SVDpp(n_factors=4, n_epochs=5, random_state=0).fit(trainset)
    for user, item in [(3, 2), (0, 29), ("nobody", 4), (5, "nothing"), ("nobody", "nothing")]:
        assert ours.predict(user, item).est == pytest.approx(theirs.predict(user, item).est, rel=1e-12)


def test_vectors_of_users_without_ratings(x):
    ratings = as_ratings(x.matrix)
    ratings.data[ratings.indptr[3] : ratings.indptr[4]] = 0
    ratings.eliminate_zeros()
    algorithm = surprise.SVDpp(n_factors=4, n_epochs=1, random_state=0).fit(build_trainset(ratings))
    vectors = user_vectors(algorithm)
    np.testing.assert_array_equal(vectors[3], algorithm.pu[3])
    added = algorithm.yj[ratings[2].indices].sum(axis=0) / np.sqrt(ratings[2].nnz)
    np.testing.assert_allclose(vectors[2], algorithm.pu[2] + added, rtol=1e-12)


def test_random_draws_are_those_of_surprise(trainset, monkeypatch):
    ours = make_algorithm("random", seed=7).fit(trainset)
    theirs = surprise.NormalPredictor().fit(trainset)
    monkeypatch.setattr("numpy.random.normal", np.random.RandomState(7).normal)
    assert [ours.predict(0, item).est for item in range(9)] == [theirs.predict(0, item).est for item in range(9)]


@pytest.mark.parametrize("name", ALGORITHMS)
def test_algorithms_are_silent_and_repeat_themselves(trainset, name, capsys):
    pairs = [(user, item, None) for user in range(5) for item in range(5)]
    one, two = ([p.est for p in make_algorithm(name, seed=3).fit(trainset).test(pairs)] for _ in range(2))
    assert one == two
    assert not capsys.readouterr().out


def test_another_seed_is_another_algorithm(trainset):
    for name in ("svd", "svdpp", "nmf", "random"):
        one, two = (make_algorithm(name, seed=seed).fit(trainset).predict(0, 0).est for seed in (0, 1))
        assert one != two


def test_unknown_algorithm():
    with pytest.raises(ValueError, match="no algorithm 'svd2'; expected one of svd, svdpp, nmf"):
        make_algorithm("svd2")


@pytest.mark.parametrize(("name", "option"), [("svd", "factors"), ("knn", "kwargs"), ("random", "sigma")])
def test_unknown_option(name, option):
    with pytest.raises(ValueError, match=f"algorithm '{name}' has no option '{option}'; expected"):
        make_algorithm(name, **{option: 3})
