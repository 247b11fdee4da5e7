"""A challenger wins by evidence only, and loses its place again when asked to."""

import json

import numpy as np
import pandas as pd
import pytest

from reco.errors import InputError
from reco.monitoring.champion import compare, crown, decide, history, read, revert

RNG = np.random.default_rng(0)
OLD = pd.Series(RNG.uniform(0, 0.4, 500), index=[f"c{n}" for n in range(500)])
BETTER, SAME = OLD + RNG.normal(0.02, 0.05, 500), OLD + RNG.normal(0, 0.05, 500)
DAY = "2026-03-0{}T00:00:00+00:00"


def test_promoted_only_where_the_interval_excludes_zero():
    won, tie, lost = compare(OLD, BETTER), compare(OLD, SAME), compare(BETTER, OLD)
    assert (won.verdict, tie.verdict, lost.verdict) == ("promote", "tie", "keep")
    assert won.difference.low > 0 and tie.difference.low < 0 < tie.difference.high and lost.difference.high < 0
    assert won.p_value < 0.001 < tie.p_value
    assert "500 customers, is above zero" in won.reason and "holds zero" in tie.reason


def test_customers_are_paired_by_name_and_not_by_place():
    assert compare(OLD, BETTER.sample(frac=1, random_state=0)) == compare(OLD, BETTER)
    half = BETTER.where(np.arange(500) % 2 == 0)
    assert compare(OLD, half).users == 250
    assert compare(OLD, BETTER.head(99)).verdict == "tie"
    assert compare(OLD, BETTER.rename("x{}".format)).reason == "No customer was judged with both."
    with pytest.raises(InputError, match="challenger: expected one value"):
        compare(OLD, pd.concat([BETTER, BETTER]))


def test_equals_are_promoted_by_chance_at_the_level_of_the_interval():
    rng, promoted = np.random.default_rng(1), 0
    for _ in range(100):
        pair = rng.normal(0, 1, (2, 120))
        promoted += compare(pd.Series(pair[0]), pd.Series(pair[1])).verdict == "promote"
    assert promoted <= 9  # 2.5 % of 100 are 2 or 3


def test_the_record_holds_the_evidence_and_every_step_back(tmp_path):
    path = tmp_path / "runs" / "champion.json"
    assert read(path)["champion"] is None
    crown(path, "als", {"factors": 32}, DAY.format(1))
    record = decide(path, "ease", {}, compare(OLD, SAME), {"weeks": 4}, DAY.format(2))
    assert record["champion"] == {"name": "als", "options": {"factors": 32}}
    decide(path, "bpr", {"lr": 0.1}, compare(OLD, BETTER), {"weeks": np.int64(4), "metric": "ndcg@10"}, DAY.format(3))
    decide(path, "ease", {}, compare(OLD, BETTER), {}, DAY.format(4))
    assert [revert(path, "slow", DAY.format(5))["champion"]["name"] for _ in range(2)] == ["bpr", "als"]
    with pytest.raises(InputError, match="no champion before"):
        revert(path, "again", DAY.format(6))
    record = json.loads(path.read_text())
    assert [one["what"] for one in record["decisions"]] == ["set", "tie", "promote", "promote", "revert", "revert"]
    evidence = record["decisions"][2]["evidence"]
    assert evidence["weeks"] == 4 and evidence["metric"] == "ndcg@10" and evidence["difference"]["low"] > 0
    assert record["champion"] == {"name": "als", "options": {"factors": 32}}
    table = history(path)
    assert table["champion"].tolist() == ["als", "als", "bpr", "ease", "bpr", "als"]
    assert table["low"].notna().tolist() == [False, True, True, True, False, False]


def test_after_a_step_back_another_may_be_promoted(tmp_path):
    path = tmp_path / "champion.json"
    crown(path, "a", {}, DAY.format(1))
    decide(path, "b", {}, compare(OLD, BETTER), {}, DAY.format(2))
    revert(path, "why", DAY.format(3))
    decide(path, "c", {}, compare(OLD, BETTER), {}, DAY.format(4))
    assert revert(path, "why", DAY.format(5))["champion"]["name"] == "a"


@pytest.mark.parametrize("text", ["no json", "[]", '{"version": 2, "champion": null, "decisions": []}'])
def test_a_file_that_is_no_record_is_refused_and_left_alone(tmp_path, text):
    path = tmp_path / "champion.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"champion\.json: expected"):
        crown(path, "als", {}, DAY.format(1))
    assert path.read_text() == text


def test_evidence_without_a_number_is_null(tmp_path):
    nobody = compare(OLD, BETTER.rename("x{}".format))
    record = decide(tmp_path / "champion.json", "b", {}, nobody, {"share": np.float32(0.5)}, DAY.format(1))
    assert "NaN" not in (tmp_path / "champion.json").read_text()
    assert record["decisions"][0]["evidence"]["difference"] == {"value": None, "low": None, "high": None}
    assert record["decisions"][0]["evidence"]["share"] == 0.5
    with pytest.raises(InputError, match="found set"):
        decide(tmp_path / "champion.json", "b", {}, nobody, {"weeks": {1, 2}}, DAY.format(2))
