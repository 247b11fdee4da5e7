"""The Open Bandit log, real and whole."""

import pandas as pd
import pytest

from reco import Workbook
from reco.experiments import analyze_by
from reco.experiments.logs import analyze_clicks, arms, judge_clicks, minima, page_views, read_campaigns, sensitivity
from reco.experiments.views import describe_effects, draw_effects, draw_sample_size, show_effects


@pytest.fixture(scope="module")
def campaigns():
    return read_campaigns(Workbook.load())


@pytest.fixture(scope="module")
def log(campaigns):
    return campaigns[campaigns["context"] == "all"]


def test_clicks_as_published(campaigns):
    # Open Bandit Pipeline, examples/quickstart/obd.ipynb: the policies' values of campaign all are .0038 and .0042;
    # men and women counted in the files of the wheel obp 0.4.1
    table = arms(campaigns)
    assert table["n"].eq(10_000).all()
    assert table["hits"].tolist() == [42, 38, 69, 46, 46, 46]


def test_the_policies_tie_and_the_test_goes_on(log):
    rule = Workbook.load().settings.experiments.decision
    judged = judge_clicks(log, control="random", rule=rule, names={"bts": "Thompson sampling"}, lift=0.1)
    assert judged.analysis.table["verdict"].tolist() == ["tie"]
    # 38 clicks in 7 days: the 462 that are missing take 85.1 days more
    assert judged.decision.action == "continue"
    sentence = judged.decision.sentence
    assert sentence.startswith("Continue for another 86 days: Thompson sampling against random stands at +10.5%")
    course = judged.course
    assert course["day"].tolist() == list(range(1, 8)) and (course["verdict"] == "continue").all()
    # no p-value before the planned end, and wider limits than one look would have
    assert course["p_value"].isna().all()
    assert (course["effect_low"] < course["once_low"]).all() and (course["once_high"] < course["effect_high"]).all()
    assert minima(log)[1].detail == "38 of 500 clicks in each arm"


def test_one_look_is_no_course(log):
    rule = Workbook.load().settings.experiments.decision.model_copy(update={"looks": "fixed", "min_days": 7})
    judged = judge_clicks(log, control="random", rule=rule, names={})
    assert judged.course.empty and judged.decision.action in {"continue", "stop"}


def test_one_campaign_of_three_is_no_finding(campaigns):
    table = analyze_by(campaigns, "context", unit=None, control="random", metrics=["clicked"]).table
    men = table.set_index("context").loc["men"]
    assert men["effect_low"] > 0 and men["p_value"] < 0.05 < men["p_adjusted"] and men["verdict"] == "tie"


def test_page_views_hold_each_position_once(campaigns):
    views = campaigns.groupby(page_views(campaigns))["position"].agg(["size", "nunique"])
    assert views["size"].value_counts().to_dict() == {1: 59_024, 2: 485, 3: 2}
    assert (views["size"] == views["nunique"]).all()


def test_dependence_hardly_widens_the_interval(log):
    table = sensitivity(log, control="random").set_index("unit")
    width = table["effect_high"] - table["effect_low"]
    assert table["units"].to_dict() == {"impression": 20_000, "page view": 19_896, "hour": 336}
    assert table["verdict"].eq("tie").all()
    assert (width / width["impression"]).between(0.9, 1.1).all()


def test_customers_are_the_unit_where_they_are_known():
    log = pd.DataFrame({"variant": list("AABB") * 5, "customer_id": [str(i // 2) for i in range(20)]})
    result = analyze_clicks(log.assign(clicked=[True, False, False, True, False] * 4), control="A")
    assert result.table["metric"].tolist() == ["clicked / rows"]
    assert result.moments["A"].n == 5


def test_effects_are_shown(campaigns, capsys):
    table = analyze_by(campaigns, "context", unit=None, control="random", metrics=["clicked"]).table
    show_effects(table, ["context"], "Campaigns")
    assert "all      bts      0.42%    0.38%  +0.04 (−0.14 to +0.22)  +11% (−29% to +71%)" in capsys.readouterr().out
    assert len(draw_effects(table, "context").axes[0].texts) == 3
    assert describe_effects(table.iloc[:1], "context") == (
        "Differences from the control in percentage points: all +0.04, from −0.14 to +0.22, tie"
    )


def test_sample_sizes_are_drawn():
    assert draw_sample_size(0.0038, [0.1, 0.2, 0.4], variants=2).axes[0].get_xscale() == "log"
