"""The bridge adds up to the cent and moves what moved; build or buy decides as the requirement says."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.errors import InputError
from reco.kpis import bridge, build_or_buy, last_periods
from reco.kpis.bridge import FACTORS, OTHER
from reco.settings import BuildOrBuy


def period(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["context", "impressions", "clicks", "orders", "revenue"])


counts = st.tuples(
    st.sampled_from(["cart", "home", "mail"]),
    st.integers(0, 10**6),
    st.integers(0, 10**4),
    st.integers(0, 10**3),
    st.integers(0, 10**8).map(lambda cents: cents / 100),
)


@settings(max_examples=40)
@given(st.lists(counts, min_size=1, max_size=4), st.lists(counts, min_size=1, max_size=4))
def test_adds_up_to_the_cent(before, after):
    table = bridge(period(*before), period(*after))
    cents = (table["change"] * 100).round().astype("int64")
    assert cents.iloc[0] == round(100 * sum(row[4] for row in before))
    assert cents.iloc[-1] == round(100 * sum(row[4] for row in after))
    assert cents.iloc[1:-1].sum() == cents.iloc[-1] - cents.iloc[0]
    # each bar begins where the last ended
    steps = table.iloc[1:-1]
    until = cents.iloc[0] / 100 + steps["change"].cumsum()
    assert np.allclose(np.where(steps["change"] >= 0, steps["high"], steps["low"]), until, atol=0.006)


@pytest.mark.parametrize("factor", FACTORS)
def test_only_what_moved_moves(factor):
    before, after = period(("cart", 1000, 100, 20, 400.0)), period(("cart", 1000, 100, 20, 400.0))
    after.loc[0, list(after)[1 + list(FACTORS).index(factor) :]] *= 1.5
    table = bridge(before, after.astype(before.dtypes)).set_index("step")["change"]
    assert table[factor] == 200
    assert table.drop([factor, "before", "after"]).eq(0).all()


def test_log_means_by_hand():
    before, after = period(("cart", 1000, 100, 20, 400.0)), period(("cart", 2000, 150, 30, 900.0))
    mean = 500 / np.log(900 / 400)
    table = bridge(before, after).set_index("step")["change"]
    assert table["traffic"] == pytest.approx(mean * np.log(2), abs=0.01)
    assert table["click-through"] == pytest.approx(mean * np.log(0.75), abs=0.01)
    assert table["conversion"] == pytest.approx(0, abs=0.01)
    assert table["order value"] == pytest.approx(mean * np.log(1.5), abs=0.01)


def test_what_came_and_went_is_told_apart():
    before, after = period(("cart", 10, 5, 2, 40.0), ("gone", 10, 5, 2, 30.0)), period(("cart", 10, 5, 2, 40.0))
    table = bridge(before, after).set_index("step")["change"]
    assert table[OTHER] == -30
    assert table[list(FACTORS)].eq(0).all()


def test_last_periods():
    cube = pd.DataFrame({"day": [f"2026-03-{day:02}" for day in range(1, 10)] + [""], "clicks": range(10)})
    before, after = last_periods(cube, days=4)
    assert (before["clicks"].tolist(), after["clicks"].tolist()) == ([1, 2, 3, 4], [5, 6, 7, 8])
    with pytest.raises(InputError, match="two periods of 5 days, found 9 days"):
        last_periods(cube, days=5)


@pytest.mark.parametrize(
    ("products", "needs", "verdict"),
    [
        (49_999, {}, "buy"),
        (1_000_000, {"team": 8, "own_logic": True, "soon": False}, "build"),
        (75_000, {"team": 3, "soon": True}, "either"),
        (200_000, {"team": 0, "soon": False}, "either"),
        (1_000, {"team": 5, "own_logic": True, "soon": False}, "build"),
    ],
)
def test_build_or_buy_as_the_requirement_says(products, needs, verdict):
    assert build_or_buy(products, BuildOrBuy(**needs)).verdict == verdict


def test_break_even():
    found = build_or_buy(5_000, BuildOrBuy(), monthly_gain=100.0)
    cases = found.break_even.set_index("case")
    first = cases.loc["cheap to build, dear to buy"]
    # 100,000 and 20 % of it a year against 10,000 a month
    assert first["months"] == pytest.approx(100_000 / (10_000 - 20_000 / 12))
    assert first["build"] + first["upkeep"] * first["months"] == pytest.approx(first["monthly"] * first["months"])
    assert cases.loc["dear to build, cheap to buy", "months"] == np.inf
    assert found.costs.loc[12].tolist() == [12, 6_000, 120_000, 120_000, 600_000]
    assert "cheaper after 12 months at the earliest" in found.sentence
    assert "no more than the cheapest service" in found.sentence
    dear = BuildOrBuy(saas_monthly=(100, 200))
    assert "never becomes cheaper" in build_or_buy(5_000, dear).sentence


@pytest.mark.parametrize("wrong", [{"saas_monthly": (2, 1)}, {"buy_below": 2, "build_above": 1}])
def test_ranges_that_fall_are_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        BuildOrBuy(**wrong)
