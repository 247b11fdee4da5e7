"""Cross-validation of ratings: the figures that Surprise publishes for MovieLens 100K, and bad input."""

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import surprise
from pandas.testing import assert_frame_equal
from surprise.model_selection import KFold
from surprise.model_selection import cross_validate as surprise_cross_validate

from reco.evaluation import ratings as module
from reco.evaluation.ratings import cross_validate, mae, rmse
from reco.models.ratings import ALGORITHMS, as_dataset, make_algorithm

#: RMSE and MAE in the README of Surprise (github.com/NicolasHug/Surprise): MovieLens 100K, five folds by
#: KFold(random_state=0), every algorithm with its defaults and random_state=0.
PUBLISHED = {
    "svd": (0.934, 0.737),
    "svdpp": (0.919, 0.721),
    "nmf": (0.963, 0.758),
    "slope_one": (0.946, 0.743),
    "knn": (0.980, 0.774),
    "knn_means": (0.951, 0.749),
    "knn_baseline": (0.931, 0.733),
    "co_clustering": (0.963, 0.753),
    "baseline": (0.944, 0.748),
    "random": (1.518, 1.219),
}


def movielens() -> pd.DataFrame:
    """MovieLens 100K as it lies in the recbole package, whose code is not loaded.

    The rows stand in the order of GroupLens's u.data, on which the folds depend: shuffled, they give other figures.
    """
    folder = Path(find_spec("recbole").submodule_search_locations[0])
    frame = pd.read_csv(folder / "dataset_example/ml-100k/ml-100k.inter", sep="\t")
    return frame.rename(columns=lambda column: column.split(":")[0])


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    algorithms = {name: make_algorithm(name) for name in PUBLISHED}
    return cross_validate(movielens(), algorithms, scale=(1, 5), jobs=min(os.cpu_count(), 4)).summary


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    cells = pd.DataFrame({"user_id": rng.integers(0, 20, 400), "item_id": rng.integers(0, 25, 400)}).drop_duplicates()
    return cells.assign(rating=rng.integers(1, 6, len(cells)))


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_figures(published, name):
    assert tuple(published.loc[name].round(3)) == PUBLISHED[name]


def test_every_algorithm_has_a_published_row():
    assert list(PUBLISHED) == list(ALGORITHMS)


def test_errors_of_nothing():
    assert np.isnan(rmse(np.array([])))
    assert np.isnan(mae(np.array([])))


def test_folds_and_errors_are_those_of_surprise(frame):
    found = cross_validate(frame, {"knn": make_algorithm("knn"), "svd": make_algorithm("svd")}, folds=4, seed=3)
    expected = surprise_cross_validate(
        surprise.SVD(random_state=0), as_dataset(frame), cv=KFold(4, random_state=3), measures=["rmse", "mae"]
    )
    svd = found.per_fold.query("algorithm == 'svd'")
    np.testing.assert_allclose(svd["rmse"], expected["test_rmse"], rtol=1e-12)
    np.testing.assert_allclose(svd["mae"], expected["test_mae"], rtol=1e-12)
    assert found.summary.index.tolist() == ["knn", "svd"]
    assert found.summary.loc["svd", "rmse"] == pytest.approx(expected["test_rmse"].mean(), rel=1e-12)
    assert found.per_fold["fold"].tolist() == [1, 2, 3, 4] * 2
    assert svd["ratings"].sum() == len(frame)


def test_figures_do_not_depend_on_processes(frame):
    one, two = (
        cross_validate(frame, {name: make_algorithm(name) for name in ("nmf", "random")}, jobs=jobs).per_fold
        for jobs in (1, 2)
    )
    assert_frame_equal(one, two)


def test_unknown_users_and_items_are_counted():
    frame = pd.DataFrame({"user_id": list("aabc"), "item_id": list("xyxz"), "rating": [4, 2, 4, 3]})
    found = cross_validate(frame, {"baseline": make_algorithm("baseline")}, folds=4).per_fold
    # alone in their fold, b and c are unknown users there, y and z unknown items
    assert found[["unknown_users", "unknown_items"]].sum().tolist() == [2, 2]


@pytest.mark.parametrize("name", ALGORITHMS)
def test_equal_ratings_are_estimated_without_error(frame, name):
    found = cross_validate(frame.assign(rating=3), {name: make_algorithm(name)}, folds=2)
    assert found.summary.loc[name].tolist() == [0, 0]


@pytest.mark.parametrize("folds", [1, 5])
def test_number_of_folds(folds):
    frame = pd.DataFrame({"user_id": list("aabc"), "item_id": list("xyxz"), "rating": [4, 2, 4, 3]})
    with pytest.raises(ValueError, match=f"folds is {folds}; expected 2 to 4, the number of ratings"):
        cross_validate(frame, {"baseline": make_algorithm("baseline")}, folds=folds)


@pytest.mark.parametrize("name", ["slope_one", "co_clustering"])
def test_fractions_that_surprise_would_cut(frame, name):
    halves = frame.assign(rating=frame["rating"] - 0.5)
    with pytest.raises(ValueError, match=rf"{name}: would cut ratings to whole numbers; found \d\.5"):
        cross_validate(halves, {name: make_algorithm(name)})


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("slope_one", {}, "slope_one: 25 items take"),
        ("knn", {}, "knn: 20 users take"),
        ("knn_means", {"sim_options": {"user_based": False}}, "knn_means: 25 items take"),
    ],
)
def test_matrices_of_pairs_that_are_too_large(frame, name, options, message, monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    with pytest.raises(ValueError, match=message):
        cross_validate(frame, {name: make_algorithm(name, **options)})
    cross_validate(frame, {"svd": make_algorithm("svd")}, folds=2)
