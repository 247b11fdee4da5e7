"""How far rules move products, and what that does to a strategy's list."""

import numpy as np
import pandas as pd
import pytest

from reco.contexts.turns import lifted, take_turns
from reco.rules.composition import BrandCap, CategoryCap, CategoryShare, MinCategories, NewProducts, PriceMix
from reco.rules.ordering import FreshForward, Margin
from reco.rules.special import Reset
from tests.rules.conftest import shelf_of

NAN = np.nan


def proposals(rows: list[tuple[int, int, int, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["slate", "strategy", "item", "score"])


def test_margin_moves_by_rank_and_unknown_cost_stays():
    lifts = Margin(strength=0.3).lifts(shelf_of(margin=[0.5, 0.1, NAN, 0.9, NAN, NAN]))
    assert lifts.tolist() == pytest.approx([0.2, 0.1, 0, 0.3, 0, 0])


def test_a_new_product_moves_less_every_day():
    lifts = FreshForward(days=20, strength=0.4).lifts(shelf_of(age_days=[0, 10, 20, 30, NAN, 5]))
    assert lifts.tolist() == pytest.approx([0.4, 0.2, 0, 0, 0, 0.3])


def test_a_lift_is_a_share_of_the_list():
    frame = proposals([(0, 0, item, 10 - item) for item in range(4)])
    # a lift of half a list of four: from the last place past two others
    assert take_turns(frame, np.array([0, 0, 0, 0.6]))["item"].tolist() == [0, 3, 1, 2]
    assert take_turns(frame, np.zeros(4))["item"].tolist() == [0, 1, 2, 3]


def test_lifts_of_several_rules_add_up():
    shelf = shelf_of(margin=[1, *[NAN] * 5], age_days=[0, *[NAN] * 5])
    assert lifted([Margin(strength=0.1), FreshForward(strength=0.2)], shelf)[0] == pytest.approx(0.3)
    assert not lifted([], shelf).any()


def test_strategies_take_turns_and_an_item_comes_once():
    frame = proposals([(0, 0, 1, 3), (0, 0, 2, 2), (0, 1, 1, 9), (0, 1, 3, 8), (1, 1, 5, 1)])
    ordered = take_turns(frame)
    assert ordered[["slate", "item", "strategy"]].to_numpy().tolist() == [[0, 1, 0], [0, 2, 0], [0, 3, 1], [1, 5, 1]]


def test_equal_scores_go_by_number():
    assert take_turns(proposals([(0, 0, 2, 1), (0, 0, 1, 1)]))["item"].tolist() == [1, 2]


def test_nothing_proposed():
    assert take_turns(proposals([]).astype({"slate": int, "strategy": int, "item": int}), np.zeros(3)).empty


@pytest.mark.parametrize(("size", "most"), [(1, 1), (3, 1), (4, 2), (6, 3), (7, 3)])
def test_a_share_of_the_slate_rounded_down_but_one_at_least(size, most):
    assert CategoryShare(most=0.5).at_most(size) == most
    assert CategoryShare(most=0.1).at_most(10) == 1  # 0.1 * 10 is one, not a hair less


def test_what_rules_of_composition_ask_for():
    shelf = shelf_of(
        category=["tea", "jam", None, "tea", None, None],
        brand=["x", "x", "y", None, None, None],
        price_band=["mid", "budget", None, "mid", "premium", None],
        age_days=[27, 28, 0, NAN, 100, 1],
    )
    assert MinCategories(least=3).at_least(2) == 2
    assert MinCategories().groups(shelf).tolist() == [0, 1, -1, 0, -1, -1]
    assert CategoryCap(most=2).at_most(9) == 2
    assert BrandCap(most=1).groups(shelf).tolist() == [0, 0, 1, -1, -1, -1]
    assert PriceMix().groups(shelf).tolist() == [0, 1, -1, 0, 2, -1]
    assert PriceMix(least=3).at_least(2) == 2
    assert NewProducts(days=28).groups(shelf).tolist() == [0, -1, 0, -1, -1, 0]
    assert [NewProducts(from_size=4).at_least(size) for size in (3, 4)] == [0, 1]


@pytest.mark.parametrize(("weeks", "since"), [(9, 0), (10, 6), (19, 6), (20, 16), (25, 16)])
def test_preferences_are_reset_every_so_often(weeks, since):
    first = pd.Timestamp("2026-01-01", tz="UTC")
    found = Reset(every_weeks=10, keep_weeks=4).since(first, first + pd.Timedelta(weeks=weeks))
    assert found == first + pd.Timedelta(weeks=since)
