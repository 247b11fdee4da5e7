"""Implicit feedback as ratings, against what Surprise reads itself."""

import pandas as pd
import pytest
import surprise

from reco.models.ratings import as_ratings, build_trainset
from tests.models.contract import as_interactions, toy_frame


@pytest.fixture(scope="module")
def x():
    return as_interactions(toy_frame())


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
