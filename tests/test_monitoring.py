"""Drift and coverage by week, on logs small enough to count by hand."""

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.monitoring import mix_drift, movers, retraining_checks, stability_index, weekly_mix, weekly_performance
from reco.settings import Monitoring

END = pd.Timestamp("2018-01-01 05:00", tz="UTC")
WEEK, SECOND = pd.Timedelta(weeks=1), pd.Timedelta(seconds=1)
PRODUCTS = {"product_id": ["a", "b", "n"], "category": ["food", "home", None]}


def test_stability_index_by_hand():
    # shares 0.25 and 0.75 against 0.5 and 0.5, after half a count more in each
    found = stability_index(np.array([24.5, 74.5]), np.array([49.5, 49.5]))
    assert found == pytest.approx(0.25 * np.log(2) - 0.25 * np.log(2 / 3), rel=1e-12)


def test_empty_categories_stay_finite():
    assert 0 < stability_index(np.array([100, 0]), np.array([0, 100])) < np.inf


counts = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=20)


@given(counts)
@settings(deadline=None)
def test_stability_index_is_symmetric_and_never_negative(pairs):
    one, other = np.array(pairs).T
    assert stability_index(one, other) == pytest.approx(stability_index(other, one), abs=1e-12)
    assert stability_index(one, other) >= -1e-12
    assert stability_index(one, one) == 0


def lines(*rows: tuple[str, pd.Timestamp, float]) -> ibis.Table:
    frame = pd.DataFrame(rows, columns=["product_id", "ordered_at", "quantity"])
    return ibis.memtable(frame.astype({"ordered_at": "datetime64[us, UTC]"}))


def mix_of(*rows: tuple[str, pd.Timestamp, float]) -> pd.DataFrame:
    return weekly_mix(lines(*rows), ibis.memtable(pd.DataFrame(PRODUCTS)), END)


@pytest.mark.parametrize(
    ("moment", "week"),
    [
        (END - SECOND, 0),
        (END - SECOND / 2, 0),
        (END - WEEK, 0),
        (END - WEEK - SECOND / 2, -1),
        (END - 2 * WEEK, -1),
        (END - 2 * WEEK - SECOND, -2),
    ],
)
def test_number_of_the_week(moment, week):
    assert mix_of(("a", moment, 1)).index.min() == week


def test_what_happens_at_the_end_or_later_is_left_out():
    assert mix_of(("a", END, 1), ("a", END + WEEK, 1), ("b", END - SECOND, 1)).to_dict("list") == {"home": [1]}


def test_mix_by_week_and_category():
    rows = [("a", END - SECOND, 1), ("a", END - SECOND, 3), ("n", END - SECOND, 1), ("b", END - WEEK - SECOND, 1)]
    mix = mix_of(*rows, ("a", END - SECOND, -1), ("a", END - SECOND, 0), ("gone", END - SECOND, 1))
    assert mix.index.tolist() == [-1, 0]
    assert mix.to_dict("list") == {"food": [0, 2], "home": [1, 0], "unknown": [0, 1]}


def test_week_without_sales_has_zeros():
    mix = mix_of(("a", END - 3 * WEEK, 1), ("a", END - WEEK, 1))
    assert mix["food"].to_dict() == {-2: 1, -1: 0, 0: 1}


MIX = pd.DataFrame(
    {"food": [10, 20, 30, 5, 0, 8], "home": [10, 20, 10, 35, 0, 32]}, index=pd.RangeIndex(-5, 1, name="week")
)


def test_drift_against_the_weeks_before():
    drift = mix_drift(MIX, 2)
    assert drift.index.tolist() == MIX.index.tolist()
    assert drift[[-5, -4]].isna().all()
    assert drift[-3] == stability_index(np.array([30, 30]), np.array([30, 10]))
    assert drift[-2] == stability_index(np.array([50, 30]), np.array([5, 35]))
    assert drift[0] == stability_index(np.array([5, 35]), np.array([8, 32]))


def test_week_without_sales_has_no_drift():
    assert np.isnan(mix_drift(MIX, 2)[-1])


def test_weeks_after_a_closed_baseline_have_no_drift():
    closed = pd.DataFrame({"food": [0, 0, 5]}, index=pd.RangeIndex(-2, 1))
    assert mix_drift(closed, 2).isna().all()


def test_movers_by_hand():
    mix = pd.DataFrame({"food": [90, 30, 20, 10], "home": [0, 10, 20, 10], "toys": [0, 0, 0, 20]})
    table = movers(mix, baseline_weeks=2)  # before: 50, 30, 0 of 80; latest: 10, 10, 20 of 40
    assert table["category"].tolist() == ["toys", "food", "home"]
    assert table["before"].tolist() == [0, 0.625, 0.375]
    assert table["latest"].tolist() == [0.5, 0.25, 0.25]
    assert table["change"].tolist() == [0.5, -0.375, -0.125]
    assert movers(mix, 2, most=1)["category"].tolist() == ["toys"]


def seen(*rows: tuple[pd.Timestamp, str, bool]) -> ibis.Table:
    frame = pd.DataFrame(rows, columns=["shown_at", "product_id", "clicked"])
    return ibis.memtable(frame.astype({"shown_at": "datetime64[us, UTC]"}))


def test_performance_by_week():
    rows = [(END - SECOND, "a", True), (END - SECOND, "a", False), (END - SECOND, "b", False), (END, "a", True)]
    table = weekly_performance(seen(*rows, (END - WEEK - SECOND, "b", False)), END, catalogue_size=4)
    assert table["week"].tolist() == [-1, 0]
    assert table["impressions"].tolist() == [1, 3]
    assert table["ctr"].tolist() == [0, 1 / 3]
    assert table["coverage"].tolist() == [0.25, 0.5]
    # 1 of 3, Wilson: scipy.stats.binomtest(1, 3).proportion_ci(0.95, "wilson")
    assert table.loc[1, ["ctr_low", "ctr_high"]].tolist() == pytest.approx([0.0614919, 0.7923403], rel=1e-6)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_performance_of_nothing():
    assert weekly_performance(seen((END, "a", True)), END, 4).empty


LIMITS = Monitoring(drift_watch=0.1, drift_act=0.25, accuracy_loss=0.1, max_model_age_weeks=4)


@pytest.mark.parametrize(
    ("age", "drift", "loss", "words"),
    [
        (4, 0.25, 0.1, ["due", "due", "due"]),
        (3.9, 0.1, 0.05, ["fine", "watch", "watch"]),
        (0, 0.0999, 0.0499, ["fine", "fine", "fine"]),
        (0, -0.01, -0.2, ["fine", "fine", "fine"]),
        (0, None, float("nan"), ["fine", "not enough data", "not enough data"]),
    ],
)
def test_retraining(age, drift, loss, words):
    checks = retraining_checks(LIMITS, age, drift, loss)
    assert [check.verdict for check in checks] == words
    assert [check.limit for check in checks] == [4, 0.25, 0.1]
    assert all((check.found is None) == (check.verdict == "not enough data") for check in checks)
