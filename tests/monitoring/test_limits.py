"""Control limits: silent where nothing changed, loud where something did."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from reco.errors import InputError
from reco.monitoring import limits
from reco.monitoring.limits import control_limits, design, false_alarm_rate, learn


def log(days: int = 63, rate: float = 0.08, impressions: int = 2_000, change: float = 1.0, seed: int = 1):
    """Days of clicks whose rate is a third higher at one end of the week; the last week's is `change` times as high."""
    day = pd.date_range("2026-01-05", periods=days, freq="D")
    expected = (
        rate * (1 + np.sin(2 * np.pi * day.day_of_week / 7) / 3) * np.where(np.arange(days) < days - 7, 1, change)
    )
    clicks = np.random.default_rng(seed).binomial(impressions, expected)
    return pd.DataFrame({"day": day, "impressions": impressions, "clicks": clicks})


@pytest.mark.parametrize(
    "world", [{}, {"scatter": 0.1, "baseline": 28}, {"trials": 20, "rate": 0.03}], ids=["usual", "rough", "rare"]
)
def test_a_false_alarm_comes_at_most_once_a_quarter(world):
    alarms = false_alarm_rate(100, **world)
    assert alarms.mean() < 0.7  # set to half an alarm a quarter
    assert (alarms > 1).mean() < 0.12


def test_more_alarms_are_had_where_more_are_allowed():
    few, many = (false_alarm_rate(40, false_alarms=allowed).mean() for allowed in (0.5, 9))
    assert many > 4 * few + 1


@pytest.mark.parametrize(("change", "word"), [(0.7, "below"), (1.4, "above")])
def test_a_change_is_found_on_most_days(change, word):
    found = control_limits(log(change=change))
    assert (found["verdict"].tail(7) == word).sum() >= 5
    assert not found["learned"].tail(7).any()


def test_a_quiet_week_is_inside_and_weekdays_are_expected_to_differ():
    found = control_limits(log())
    assert (found["verdict"] == "inside").tail(7).all()
    by_day = found.groupby(found["day"].dt.day_of_week)["expected"].first()
    assert by_day[2] / by_day[5] == pytest.approx(
        (1 + np.sin(4 * np.pi / 7) / 3) / (1 + np.sin(10 * np.pi / 7) / 3), 0.1
    )


def test_without_weights_it_is_the_binomial_regression_of_statsmodels(monkeypatch):
    monkeypatch.setattr(limits, "HUBER", 1e9)
    monkeypatch.setattr(limits, "WEEKDAYS", 1e9)
    monkeypatch.setattr(limits, "BOUNDED", 1e9)  # so that no scatter is found
    frame = log(impressions=500)
    X = design(pd.DatetimeIndex(frame["day"]), frame["day"][0], 63)
    s, n = frame["clicks"].to_numpy(float), frame["impressions"].to_numpy(float)
    fit = learn(X, s[None], n[None])
    oracle = sm.GLM(np.column_stack([s, n - s]), X, family=sm.families.Binomial()).fit()
    assert fit.coefficients[0] == pytest.approx(oracle.params, rel=1e-6)
    assert np.sqrt(np.diag(fit.covariance[0])) == pytest.approx(oracle.bse, rel=1e-5)


def test_odd_days_of_the_past_hardly_move_the_limits():
    frame = log()
    odd = frame.copy()
    odd.loc[[10, 24], "clicks"] = 0
    plain, robust = control_limits(frame), control_limits(odd)
    assert robust["expected"].to_numpy() == pytest.approx(plain["expected"].to_numpy(), rel=0.15)
    assert robust.loc[[10, 24], "verdict"].tolist() == ["below", "below"]


def test_a_season_that_comes_every_year_is_no_alarm():
    day = pd.date_range("2024-01-01", periods=800, freq="D")
    rate = 0.08 * (1 + 0.4 * np.sin(2 * np.pi * day.day_of_year / 365.25))
    clicks = np.random.default_rng(3).binomial(2_000, rate)
    frame = pd.DataFrame({"day": day, "impressions": 2_000, "clicks": clicks})
    known, unknown = control_limits(frame, latest=28).tail(28), control_limits(frame.tail(330), latest=28).tail(28)
    assert (known["verdict"] == "inside").all()
    # in less than a year the season is taken for scatter
    assert (known["high"] - known["low"]).mean() < (unknown["high"] - unknown["low"]).mean() / 2


def test_a_day_without_impressions_has_no_rate_and_no_alarm():
    frame = log()
    frame.loc[[3, 60], ["impressions", "clicks"]] = 0
    found = control_limits(frame)
    assert found.loc[[3, 60], "verdict"].tolist() == ["no data", "no data"]
    assert found.loc[[3, 60], "rate"].isna().all()


def test_too_short_a_past_and_two_rows_of_a_day_are_refused():
    with pytest.raises(InputError, match="at least 28 days before, found 13"):
        control_limits(log(days=20))
    with pytest.raises(InputError, match="one row a day, found 2026-01-05"):
        control_limits(pd.concat([log(), log().head(1)]))


def test_days_may_be_text_in_any_order_and_a_gap_is_no_matter():
    frame = log().drop(index=[5, 6, 20])
    text = frame.assign(day=frame["day"].dt.strftime("%Y-%m-%d")).sample(frac=1, random_state=0)
    unknown = pd.DataFrame({"day": [""], "impressions": [9], "clicks": [9]})
    pd.testing.assert_frame_equal(control_limits(pd.concat([text, unknown])), control_limits(frame))
