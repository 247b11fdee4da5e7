"""The pages of notebook 07 say in words what their figures mean, where they come from and what nobody can tell."""

import ibis
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from reco.evaluation import Interval
from reco.impressions import Log
from reco.monitoring import Advice, Decay, Delivery, alert_table, control_limits
from reco.monitoring.champion import Trial
from reco.monitoring.measured import Challenge
from reco.monitoring.seasonal import Gain
from reco.report import monitoring as pages
from reco.report import tuning
from reco.settings import Monitoring

END = pd.Timestamp("2026-03-02 05:00", tz="UTC")  # midnight in New York
LIMITS = Monitoring()


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def page() -> pages.Page:
    moments = pd.to_datetime(["2026-01-01", "2026-02-26"], utc=True)
    shown = ibis.memtable(pd.DataFrame({"shown_at": moments, "clicked": [True, False]}))
    return pages.Page(Log(shown, shown, True), END, "America/New_York", LIMITS, 1234, 56789, 40)


def drifted(**more: object) -> pd.DataFrame:
    row = {"name": "purchase mix", "measure": "psi", "effect": 0.3, "raw": 0.35, "noise": 0.05, "watch": 0.1}
    row |= {"act": 0.25, "verdict": "act", "mover": "<b>MILK</b>", "change": 0.2, "cause": "a season", "action": "wait"}
    return pd.DataFrame([row | more])


def weekly() -> pd.DataFrame:
    rows = [("coverage", 0.5, 0.25), ("gini", 0.8, 0.9), ("ndcg", 0.1, 0.2), ("days_since:order_lines:till_2", 0.5, 3)]
    tidy = [(week, name, value) for name, *values in rows for week, value in zip((-1, 0), values, strict=True)]
    return pd.DataFrame(tidy, columns=["week", "measure", "value"])


def test_weeks_are_named_by_their_last_day_also_when_clocks_change(page):
    assert [page.day(week) for week in (0, -1)] == ["1 Mar", "22 Feb"]
    assert page._replace(end=pd.Timestamp("2026-03-09 04:00", tz="UTC")).day(-1) == "1 Mar"


def test_weekly_figures_have_their_units_formulas_and_counts(page, capsys):
    pages.weekly(page, weekly(), most=3)
    shown = capsys.readouterr().out
    lines = {line.split("  ")[0]: line.split()[-3:] for line in shown.splitlines()}
    assert lines["Coverage (simulated)"] == ["–", "50.0%", "25.0%"]
    assert lines["NDCG of the hybrid in force"] == ["–", "0.100", "0.200"]
    assert lines["Days since latest order lines (till 2)"] == ["–", "0.5", "3.0"]
    for words in ("1,234 impressions", "56,789 order lines", "56 days", "40 products", "where rules gave way"):
        assert words in shown
    gave = pd.concat([weekly(), pd.DataFrame({"week": [0], "measure": ["give_ways"], "value": [0.1]})])
    pages.weekly(page, gave)
    assert "does not tell" not in capsys.readouterr().out


def test_alerts_name_cause_and_action_or_say_that_there_is_none(page, capsys):
    pages.alerts(page, alert_table(drifted()))
    shown = capsys.readouterr().out
    assert "a season" in shown and "wait" in shown and "0.5 times a quarter" in shown
    pages.alerts(page, alert_table())
    assert "Nothing asks for attention" in capsys.readouterr().out
    pages.told([])
    assert "Nobody was told" in capsys.readouterr().out
    pages.told([Delivery("webhook", False, "answered with status 500")])
    assert "status 500" in capsys.readouterr().out


def test_causes_have_columns_only_where_something_drifted(page, capsys):
    pages.drift(page, drifted(verdict="fine", cause="", action=""))
    assert "Likely cause" not in capsys.readouterr().out
    pages.drift(page, drifted())
    assert "a season" in capsys.readouterr().out


def test_what_to_do_holds_alerts_and_a_promotion_only():
    assert pages.to_do(alert_table(drifted()), challenge("promote"))[0] == "purchase mix (0.3, limit 0.25): wait."
    assert [len(pages.to_do(alert_table(), challenge(word))) for word in ("promote", "tie", "keep")] == [1, 0, 0]


def test_charts_of_days_mark_those_outside(page, capsys):
    days = pd.date_range("2026-01-05", periods=56, freq="D")
    daily = pd.DataFrame({"day": days, "impressions": 5_000, "clicks": 400})
    daily.loc[53, "clicks"] = 800
    rates = {"CTR": control_limits(daily)}
    pages.control(page, rates, "CTR")
    pages.control(page, rates, "Conversion")
    pages.judged(page, rates)
    shown = capsys.readouterr().out
    assert "1 of the latest 7 days lie outside" in shown
    assert "Conversion: the log has too few days" in shown
    assert [line.split()[-1] for line in shown.splitlines() if line.startswith("CTR  ")].count("above") == 1
    pages.judged(page, {})
    assert capsys.readouterr().out == ""


def test_names_of_products_are_escaped(page, capsys):
    from reco.report import display

    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(display, "display", seen.append)
        pages.drift(page, drifted())
    assert "<b>MILK" not in seen[0]._repr_html_() and "&lt;b&gt;MILK" in seen[0]._repr_html_()


def test_cards_hold_intervals_and_what_is_simulated(page, capsys):
    aged = pd.DataFrame(
        [(0, 3, 0.1, 0.08, 0.12, 500), (0, 0, 0.2, 0.18, 0.22, 500), (-1, 0, 0.3, 0.2, 0.4, 400)],
        columns=["week", "age_weeks", "value", "low", "high", "customers"],
    )
    weeks = pd.DataFrame({"ctr": [0.02], "ctr_low": [0.01], "ctr_high": [0.03], "impressions": [900], "coverage": 0.5})
    pages.cards(page, aged, Interval(0.2, 0.15, 0.3), 500, drifted(), weeks, 10)
    shown = capsys.readouterr().out
    assert "0.200 (0.180 to 0.220)" in shown  # the youngest model in the latest week
    assert shown.count("Act") == 2 and shown.count("(simulated)") == 2
    pages.cards(page, aged, Interval(*[np.nan] * 3), 0, drifted(), weeks.head(0), 10)
    assert "Not enough data" in capsys.readouterr().out


def test_course_and_bubble_say_where_they_go(page, capsys):
    pages.course(page, weekly())
    weeks = pd.DataFrame({"week": [-2, -1, 0], "customers": 90, "entropy": [3.0, 2.5, 2.0], "reach": 4.0})
    pages.bubble(page, weeks.assign(low=weeks["entropy"] - 0.1, high=weeks["entropy"] + 0.1))
    pages.bubble(page, weeks.head(1).assign(low=2.9, high=3.1))
    shown = capsys.readouterr().out
    assert "coverage from 50.0% to 25.0%" in shown
    assert "Trend: -0.5000 bits a week" in shown and "too few weeks for a trend" in shown


def test_a_log_too_small_to_tell_says_so(page, capsys):
    pages.bubble(page, pd.DataFrame(columns=["week", "customers", "entropy", "low", "high", "reach"]))
    pages.course(page, weekly().query("measure == 'ndcg'"))
    shown = capsys.readouterr().out
    assert "Variety is not known" in shown and "nothing of what was shown" in shown


def test_exploration_and_newcomers(page, capsys):
    table = pd.DataFrame({"week": [0], "kind": ["explored"], "impressions": [10], "share": [0.1]})
    pages.exploration(page, table.assign(ctr=0.02, low=0.01, high=0.03, per_thousand=12.5), 0.1, "USD")
    rows = {"week": [-12, -2, -1, 0], "newcomers": [9, 12, 2, 3], "shown": [8, 11, 1, 2], "clicked": [7, 6, 0, 1]}
    rows |= {"returned": [5, 4, 1, 1], "finished": [True, False, False, False]}
    pages.newcomers(page, pd.DataFrame(rows), 28)
    shown = capsys.readouterr().out
    assert "2.00% (1.00% to 3.00%)" in shown and "$12.50" in shown
    assert (
        "Shown (simulated)" in shown and "not yet" in shown and "yes\n" not in shown
    )  # week -12 is beyond the latest twelve
    seen, few, _, whole = (text.split() for text in shown.split("28 days over")[1].splitlines()[2:6])
    assert (seen[3:7], few[3:5]) == (["12", "11", "6", "4"], ["under", "10"])
    assert whole == ["all", "17", "14", "7", "6"]


def test_the_sum_does_not_tell_the_number_of_a_single_small_week(page, capsys):
    rows = {"week": [-1, 0], "newcomers": [12, 2], "shown": 1, "clicked": 0, "returned": 1, "finished": False}
    pages.newcomers(page, pd.DataFrame(rows), 28)
    told = capsys.readouterr().out
    assert "under 10" in told
    assert "14" not in told.split("28 days over")[1].split("Note")[0]


# retraining, seasons and tuning


def challenge(word: str) -> Challenge:
    trial = Trial(0.2, 0.21, Interval(0.01, -0.01, 0.03), 0.2, 300, word, "The interval says so.")
    evidence = {"judged_on": "2026-02", "tuned_on": "2026-01"}
    return Challenge({"a": 0.5, "b": 0.5}, {"a": 0.7, "b": 0.3}, 17, trial, evidence)


def test_promotion_comes_with_the_lines_that_put_it_in_force(capsys):
    tuning.weights(challenge("promote"), 10)
    tuning.promotion(challenge("promote"))
    shown = capsys.readouterr().out
    assert "+0.0100 (−0.0100 to +0.0300)" in shown and "17 weights" in shown
    assert "  weights: {a: 0.7, b: 0.3}" in shown
    tuning.promotion(challenge("tie"))
    assert "weights: {" not in (shown := capsys.readouterr().out) and "stay" in shown
    moment = {"moment": ["2026-03-02T08:00:00+01:00"], "what": ["set"], "champion": ["hybrid"], "reason": ["By hand."]}
    tuning.decisions(pd.DataFrame(moment | dict.fromkeys(("difference", "low", "high", "users"), np.nan)))
    assert "2026-03-02 07:00" in capsys.readouterr().out
    tuning.decisions(pd.DataFrame())
    assert "No decision" in capsys.readouterr().out


def test_advice_with_its_cost(page, capsys):
    tuning.advised(Advice("wait", None, 0.01, None, "Young."), LIMITS, "USD")
    assert "not told" in capsys.readouterr().out
    paid = LIMITS.model_copy(update={"training_cost": 200.0})
    tuning.advised(Advice("retrain", 3.2, 0.01, 9.0, "Old."), paid, "USD")
    assert "$200" in (shown := capsys.readouterr().out) and "3.2 weeks" in shown
    aged = pd.DataFrame({"trained": [END] * 2, "week": [-1, 0], "age_weeks": [0, 1], "value": [0.1, 0.2]})
    aged = aged.assign(low=0.05, high=0.3, customers=70)
    tuning.by_age(page, aged, Decay(0.01, np.nan, np.nan, 2, 1), 10)
    tuning.ages(page, aged, 10)
    shown = capsys.readouterr().out
    assert "no interval, too few weeks" in shown and "1 weeks old 0.200" in shown


def test_season_or_why_there_is_none(capsys):
    tuning.season(None, 1.0, 10)
    assert "holds 1.0 years" in capsys.readouterr().out
    tuning.season(Gain(0.2, 0.1, 0.12, Interval(0.02, 0.01, 0.03), 400, "better"), 3.0, 10)
    assert "+0.0200 (+0.0100 to +0.0300)" in (shown := capsys.readouterr().out) and "400 customers" in shown
