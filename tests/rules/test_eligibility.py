"""What each filter takes out, product by product."""

import numpy as np
import pandas as pd
import pytest

from reco.journal import DAY
from reco.rules.eligibility import Banned, Consent, InSeason, InStock, NotBoughtWithin, NotEnded
from tests.rules.conftest import NOON, pool_of, shelf_of

MONTH = {1: pd.Timestamp("2025-01-15", tz="UTC"), 7: pd.Timestamp("2025-07-15", tz="UTC")}


def microseconds(moment: pd.Timestamp) -> int:
    return moment.value // 1000


def test_nothing_personal_without_consent(refused):
    assert refused(Consent(), pool_of(shelf_of(), agreed=False, personal=True)) == ["abcdef", "abcdef"]
    assert refused(Consent(), pool_of(shelf_of(), agreed=True, personal=True)) == ["", "abcdef"]
    assert refused(Consent(), pool_of(shelf_of(), agreed=False, personal=False)) == ["", ""]


def test_banned_by_product_category_and_brand(refused):
    shelf = shelf_of(category=["tea", "tea", None, "jam", "jam", "jam"], brand=["x", "y", None, "y", "z", "z"])
    assert refused(Banned(products=("f", "nobody")), pool_of(shelf))[0] == "f"
    assert refused(Banned(categories=("tea",)), pool_of(shelf))[0] == "ab"
    assert refused(Banned(brands=("y",), products=("f",)), pool_of(shelf))[0] == "bdf"
    assert refused(Banned(), pool_of(shelf))[0] == ""


def test_sold_out_goes_and_unknown_stock_stays(refused):
    shelf = shelf_of(stock=[0, 1, np.nan, -2, 0.5, 10])
    assert refused(InStock(), pool_of(shelf)) == ["ad", "ad"]


def test_on_sale_from_the_first_moment_and_until_the_last(refused):
    noon = pd.Timestamp(NOON, unit="us", tz="UTC")
    moments = [None, noon - pd.Timedelta("1s"), noon, noon + pd.Timedelta("1s")]
    starts = shelf_of(starts_at=[*moments, None, None])
    assert refused(NotEnded(), pool_of(starts))[0] == "d"
    ends = shelf_of(ends_at=[*moments, None, None])
    assert refused(NotEnded(), pool_of(ends))[0] == "bc"


def test_bought_within_days_by_this_customer_alone(refused):
    pool = pool_of(shelf_of(), bought=[(0, 0, 1), (0, 1, 30), (0, 2, 31), (1, 3, 1)])
    assert refused(NotBoughtWithin(days=30), pool) == ["ab", ""]
    assert refused(NotBoughtWithin(days=0), pool) == ["", ""]


@pytest.mark.parametrize(("days", "usual", "shown"), [(6, 7, False), (7, 7, True), (8, 7, True), (20, np.nan, False)])
def test_what_is_due_again_may_be_shown(refused, days, usual, shown):
    shelf = shelf_of(repurchase_days=[usual, *[np.nan] * 5])
    found = refused(NotBoughtWithin(days=30, except_due=True), pool_of(shelf, bought=[(0, 0, days)]))
    assert found == ["" if shown else "a", ""]


def test_the_last_purchase_tells_whether_it_is_due(refused):
    shelf = shelf_of(repurchase_days=[7, *[np.nan] * 5])
    found = refused(NotBoughtWithin(days=30, except_due=True), pool_of(shelf, bought=[(0, 0, 20), (0, 0, 3)]))
    assert found == ["a", ""]


@pytest.mark.parametrize(
    ("hemisphere", "month", "expected"),
    [("north", 7, "a"), ("north", 1, "bc"), ("south", 7, "bc"), ("south", 1, "a")],
)
def test_winter_in_summer_and_summer_in_winter(refused, hemisphere, month, expected):
    shelf = shelf_of(category=["ski", "swim", None, None, "tea", "tea"])
    rule = InSeason(hemisphere=hemisphere, winter=("ski",), summer=("swim", "c"))
    assert refused(rule, pool_of(shelf, at=microseconds(MONTH[month])))[0] == expected


def test_what_hardly_sells_in_the_month_is_out_of_season(refused):
    shelf = shelf_of(season_index=[0.1, 0.2, 0.21, 1, np.nan, 0])
    assert refused(InSeason(least_index=0.2), pool_of(shelf))[0] == "af"


def test_days_are_counted_from_when_the_slate_is_asked_for(refused):
    pool = pool_of(shelf_of(), bought=[(0, 0, 1)], at=NOON + 30 * DAY)
    assert refused(NotBoughtWithin(days=30), pool) == ["", ""]


def test_the_cart_itself_is_shown_in_any_case(refused):
    pool = pool_of(shelf_of(), bought=[(0, 0, 1)], own=True)
    assert refused(NotBoughtWithin(days=30), pool) == ["", ""]
