"""Seasons are learned from two years or not at all, and gain something only where there is one."""

import numpy as np
import pandas as pd
import pytest

from reco.errors import InputError
from reco.monitoring.seasonal import Weeks, accuracy, adjusted, back_test, component, seasonal_indices, supplied

CATEGORIES = pd.Series({f"{kind}{n}": kind for kind in ("ice", "tea", "nut") for n in range(10)})


def sales(peak: int = 7, years: int = 2, growth: float = 1.0, total: int = 3_000) -> pd.DataFrame:
    rows = [
        (kind, 2020 + year, month, total * growth**year * weight)
        for year in range(years)
        for month in range(1, 13)
        for kind, weight in zip(
            ("ice", "tea", "nut"), (0.4, 0.4, 0.2) if month == peak else (0.1, 0.7, 0.2), strict=True
        )
    ]
    return pd.DataFrame(rows, columns=["category", "year", "month", "count"])


def weeks(month: int, season: float, seed: int, users: int = 300) -> Weeks:
    """Lists of 12 products by chance; in July users take ice with `season` times the chance of others."""
    rng = np.random.default_rng(seed)
    item = CATEGORIES.index.to_numpy()[rng.random((users, 30)).argsort(axis=1)[:, :12]]
    user = np.repeat([f"u{n:03}" for n in range(users)], 12)
    lists = pd.DataFrame({"user_id": user, "item_id": item.ravel(), "score": np.tile(np.arange(12.0, 0, -1), users)})
    chance = np.where(lists["item_id"].str.startswith("ice"), 0.1 * season, 0.1)
    taken = lists.loc[rng.random(len(lists)) < chance, ["user_id", "item_id"]]
    return Weeks(lists, taken, month, seasonal_indices(sales()))


def test_indices_by_hand():
    found = seasonal_indices(sales(), prior=0)
    share = (0.1 * 11 + 0.4) / 12
    assert found.loc["ice", 7] == pytest.approx(0.4 / share)
    assert found.loc["ice", 1] == pytest.approx(0.1 / share)
    assert found.loc["nut"].to_numpy() == pytest.approx(1)
    assert found.columns.tolist() == list(range(1, 13))


def test_growth_of_the_whole_shop_is_no_season_and_small_categories_are_drawn_to_one():
    plain, grown = seasonal_indices(sales(), prior=0), seasonal_indices(sales(growth=3), prior=0)
    assert grown.to_numpy() == pytest.approx(plain.to_numpy())
    small = seasonal_indices(sales(total=30))
    assert small.loc["ice", 7] == pytest.approx((24 + 50) / (7.5 + 50))  # 24 of 60 sold, 7.5 expected


def test_one_year_shows_no_season():
    assert (seasonal_indices(sales(years=1)) == 1).all(axis=None)
    more = pd.concat([sales(years=1), sales().query("year == 2021 and month < 3")])
    assert (seasonal_indices(more).loc[:, 3:] == 1).all(axis=None)
    assert (seasonal_indices(more).loc["ice", :2] != 1).all()
    assert seasonal_indices(sales().head(0)).empty


def test_component_and_supplied_indices():
    indices = supplied({"ice": [1.0] * 6 + [4.0] + [1.0] * 5})
    assert indices.loc["ice"].mean() == pytest.approx(1)
    assert component(CATEGORIES, indices, 7)["ice3"] == pytest.approx(np.log2(48 / 15))
    assert component(CATEGORIES, indices, 7)["tea3"] == 0
    with pytest.raises(InputError, match="from 1 to 12, found 13"):
        component(CATEGORIES, indices, 13)


def test_a_season_moves_what_is_in_season_up():
    lists = pd.DataFrame({"user_id": "u", "item_id": ["tea1", "ice1", "nut1"], "score": [3.0, 2.0, 1.0]})
    season = pd.Series({"ice1": 1.0, "tea1": -1.0})
    assert adjusted(lists, season, 0.0)["item_id"].tolist() == ["tea1", "ice1", "nut1"]
    assert adjusted(lists, season, 0.3)["item_id"].tolist() == ["ice1", "tea1", "nut1"]
    assert adjusted(lists, season, 9.0, k=2)["item_id"].tolist() == ["ice1", "nut1"]


def test_a_real_season_gains_and_an_imagined_one_does_not():
    real = back_test(weeks(7, 4, 1), weeks(7, 4, 2), CATEGORIES)
    assert real.verdict == "better" and real.strength > 0 and real.difference.low > 0
    assert real.after - real.before == pytest.approx(real.difference.value)
    none = back_test(weeks(7, 1, 3), weeks(7, 1, 4), CATEGORIES)
    assert none.verdict in ("tie", "worse")


def test_without_a_known_season_there_is_nothing_to_gain():
    flat = seasonal_indices(sales(years=1))
    found = back_test(weeks(7, 4, 1)._replace(indices=flat), weeks(7, 4, 2)._replace(indices=flat), CATEGORIES)
    assert found.verdict == "no season known" and found.strength == 0 and found.difference.value == 0


def test_users_without_lists_count_as_zero():
    one = weeks(7, 4, 1)
    more = one._replace(taken=pd.concat([one.taken, pd.DataFrame({"user_id": ["new"], "item_id": ["ice1"]})]))
    assert accuracy(more, CATEGORIES, 0.0)["new"] == 0
    assert len(accuracy(more, CATEGORIES, 0.0)) == one.taken["user_id"].nunique() + 1
    assert (accuracy(one._replace(lists=one.lists.head(0)), CATEGORIES, 0.0) == 0).all()
