"""Baselines against counts by hand."""

import numpy as np
import pandas as pd
import pytest

from reco.interactions import Interactions
from reco.models import make_model
from tests.models.contract import RecommenderContract


class TestPopularity(RecommenderContract):
    model = "popularity"


class TestTrending(RecommenderContract):
    model = "trending"


class TestPersonalFrequency(RecommenderContract):
    model = "personal_frequency"


def interactions(rows: list[tuple[str, str, str]]) -> Interactions:
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "ts"])
    return Interactions.from_frame(frame.assign(ts=pd.to_datetime(frame["ts"])), timestamp="ts")


def test_popularity_counts_users_not_purchases():
    x = interactions([("a", "x", "2026-01-01")] * 3 + [("a", "y", "2026-01-01"), ("b", "y", "2026-01-01")])
    lists = make_model("popularity").fit(x).recommend(["new"])
    assert lists["item_id"].tolist() == ["y", "x"]
    assert lists["score"].tolist() == [2, 1]


def test_trend_is_a_poisson_z_value():
    # 28 days: x 4 times in the first fortnight, then 1; y once in the first, then 4
    rows = [("a", "x", f"2026-01-{day:02}") for day in (1, 3, 5, 7, 29)]
    rows += [("a", "y", f"2026-01-{day:02}") for day in (2, 22, 24, 26, 28)]
    lists = make_model("trending", recent_days=14).fit(interactions(rows)).recommend(["new"])
    assert lists["item_id"].tolist() == ["y", "x"]
    assert lists["score"].tolist() == pytest.approx([(4 - 1) / np.sqrt(2), (1 - 4) / np.sqrt(5)])


def test_trend_needs_timestamps():
    x = Interactions.from_frame(pd.DataFrame({"user_id": ["a"], "item_id": ["x"]}))
    with pytest.raises(ValueError, match="timestamp"):
        make_model("trending").fit(x)


def test_personal_frequency_is_the_user_s_own_history():
    x = interactions([("a", "x", "2026-01-01")] * 2 + [("a", "y", "2026-01-01"), ("b", "z", "2026-01-01")])
    lists = make_model("personal_frequency").fit(x).recommend(["a"], exclude_seen=False)
    assert lists["item_id"].tolist() == ["x", "y"]
    assert make_model("personal_frequency").fit(x).recommend(["a"]).empty
