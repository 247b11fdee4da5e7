"""What notebook 07 measures on the sample: ages, mixes, daily rates, a challenger, seasons; and what a run keeps."""

import json
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
import pytest

from reco import Workbook, pipeline
from reco.evaluation import Interval, evaluate
from reco.impressions import Log
from reco.kpis.attribution import PARTS
from reco.monitoring import alert_table, measured, recorded
from reco.monitoring.champion import Trial, revert
from reco.monitoring.retraining import Check
from reco.runs import child, publish
from reco.settings import Settings


@pytest.fixture(scope="module")
def when(wb: Workbook) -> pipeline.Cutoffs:
    return pipeline.periods(wb)


@pytest.fixture(scope="module")
def twice(wb: Workbook) -> Workbook:
    """The sample, trained as often as other tests have it trained already."""
    return changed(wb, trainings_apart=4)


def changed(wb: Workbook, **monitoring: object) -> Workbook:
    """`wb` with other settings of monitoring, on the same store."""
    settings = wb.settings.model_copy(
        update={"monitoring": wb.settings.monitoring.model_copy(update=monitoring)}
    )  # fmt: skip
    settings._file = wb.settings.file
    return Workbook(settings)


@pytest.fixture(scope="module")
def aged(twice: Workbook) -> pd.DataFrame:
    return measured.ageing(twice, k=10)


def test_ages_of_hybrids_by_week(twice, when, aged):
    assert aged["week"].tolist() == [*range(-7, 1), *range(-3, 1)]
    assert aged["age_weeks"].tolist() == [*range(8), *range(4)]
    assert (aged["trained"] == [when.validation] * 8 + [when.test] * 4).all()
    assert ((aged["low"] <= aged["value"]) & (aged["value"] <= aged["high"])).all()
    taken = pipeline.purchases(twice, when.test, when.test + pd.Timedelta(weeks=1))
    found = evaluate(pipeline.candidates(twice, "hybrid", when.test), taken, pipeline.history(twice, when.test))
    assert aged.loc[8, "value"] == pytest.approx(found.summary.loc["ndcg", "value"], rel=1e-12)
    assert aged.loc[8, "customers"] == taken["user_id"].nunique()


def test_trainings_lie_so_many_weeks_apart_and_never_within_the_test_weeks(wb, when):
    weeks = [(moment - when.validation) / pd.Timedelta(weeks=1) for moment in measured.trainings(wb)]
    assert weeks == [0, 2, 4]
    assert [len(measured.trainings(changed(wb, trainings_apart=n))) for n in (1, 3, 4, 9)] == [5, 3, 2, 2]


def test_the_hybrid_in_force_is_retrained_once(twice, aged):
    found = measured.in_force(twice, aged)
    assert found["week"].tolist() == list(range(-7, 1))
    assert found["value"].tolist() == [*aged["value"].head(4), *aged["value"].tail(4)]
    assert set(found["measure"]) == {"ndcg"}


def test_loss_of_age_is_relative_to_the_fresh_model(wb, when):
    taken = pipeline.purchases(wb, when.test, when.end)
    old, fresh = (
        evaluate(pipeline.candidates(wb, "hybrid", until), taken, pipeline.history(wb, until))
        for until in (when.validation, when.test)
    )
    loss = measured.loss_of_age(wb, k=10)
    means = (evaluation.summary.loc["ndcg", "value"] for evaluation in (old, fresh))
    assert loss.value == pytest.approx(1 - next(means) / next(means), rel=1e-9)
    assert loss.low < loss.value < loss.high
    assert measured.training_seconds(wb) > 0


def test_ndcg_of_users_without_a_list_and_of_lists_without_a_user():
    lists = pd.DataFrame({"user_id": ["u", "u", "v"], "item_id": ["x", "y", "x"], "rank": [1, 2, 1]})
    taken = pd.DataFrame({"user_id": ["u", "w", "u"], "item_id": ["y", "x", "y"]})
    assert measured.ndcg_by_user(lists, taken, 2).to_dict() == {"u": pytest.approx(1 / np.log2(3)), "w": 0}
    assert measured.ndcg_by_user(lists, taken, 1).to_dict() == {"u": 0, "w": 0}
    assert measured.ndcg_by_user(lists, taken.head(0), 2).empty


def test_mixes_of_the_latest_weeks(wb, when):
    mixes = measured.mixes(wb, 10)
    assert [*mixes] == [*measured.watched(wb)] == ["purchases", "prices", "traffic", "scores"]
    assert all(mix.index[-1] == 0 for mix in mixes.values())
    lines = wb.table("order_lines")
    week = lines.filter(lines.ordered_at >= when.end - pd.Timedelta(weeks=1), lines.ordered_at < when.end)
    week = week.filter(week.quantity > 0)
    assert mixes["traffic"].iloc[-1].sum() == week.order_id.nunique().execute()
    assert mixes["traffic"].columns.tolist()[-1] == "20:00 to 24:00"
    assert mixes["prices"].iloc[-1].sum() == week.filter(week.revenue > 0).count().execute()
    # whoever orders in a week is proposed ten products, once
    customers = pipeline.sold(wb).filter(lambda t: t.ordered_at >= when.end - pd.Timedelta(weeks=1))
    known = pipeline.candidates(wb, "hybrid", when.test)["user_id"].unique()
    customers = set(customers.customer_id.execute()) & set(known)
    assert mixes["scores"].iloc[-1].sum() == 10 * len(customers)


def test_limits_of_drift_are_those_of_the_settings(wb):
    found = measured.watched(changed(wb, drift_watch=0.3, drift_act=0.7))
    assert {(one.watch, one.act) for one in found.values()} == {(0.3, 0.7)}


def test_orders_by_channel_where_they_name_one(wb, when):
    moment = pd.to_datetime([when.end - pd.Timedelta(days=1)] * 3 + [when.end - pd.Timedelta(days=8)])
    rows = {"order_id": ["a", "a", "b", "c"], "channel": ["web", "web", None, "app"], "week": [0, 0, 0, -1]}
    sold = ibis.memtable(pd.DataFrame(rows | {"ordered_at": moment}), schema={
        "order_id": "string", "channel": "string", "week": "int64", "ordered_at": "timestamp('UTC')"})  # fmt: skip
    found = measured._traffic(wb, sold)
    assert found.to_dict("list") == {"app": [1, 0], "unknown": [0, 1], "web": [0, 1]}


def test_earnings_of_impressions_are_in_money():
    shown = ibis.memtable(pd.DataFrame({"impression_id": ["a", "b"], "clicked": [True, False]}))
    claims = ibis.memtable(pd.DataFrame({"impression_id": ["a", "a"], "net": [PARTS, 5 * PARTS // 2]}))
    found = measured.earned(Log(shown, shown, False), claims).execute().set_index("impression_id")
    assert found["net"].to_dict() == {"a": 3.5, "b": 0}


def test_challenger_is_judged_on_weeks_that_its_search_never_saw(wb, when):
    found = measured.challenge(changed(wb, tuning_trials=2), 10)
    hybrid = wb.settings.hybrid
    assert found.champion == hybrid.weights and sum(found.challenger.values()) == pytest.approx(1)
    assert found.tried <= 15 + 2
    judged = pipeline.judge(wb, pipeline.candidates(wb, "hybrid", when.test), "anything", when.test, when.end, k=10)
    assert found.trial.champion == pytest.approx(judged.summary.loc["ndcg", "value"], rel=1e-9)
    assert found.evidence["tuned_on"].endswith(found.evidence["judged_on"][:10])


def test_season_is_none_where_no_month_came_twice(wb):
    assert measured.seasonal_gain(wb, 10) is None
    assert 0.9 < measured.years_of_history(wb) < 1.1


def test_supplied_season_moves_the_lists_and_their_key(wb, when, monkeypatch):
    monkeypatch.setattr(pipeline, "TASKS", {"anything": pipeline.purchases})
    category = pipeline.history(wb, when.test).products["category"].value_counts().index[0]
    month = when.test.tz_convert(wb.settings.store.time_zone).month
    index = {category: [12.0 if n == month else 0.1 for n in range(1, 13)]}
    seasonal = changed(wb, seasonal=index, seasonal_strength=1.0)
    assert pipeline.depends(seasonal, "hybrid", when.test) != pipeline.depends(wb, "hybrid", when.test)
    assert pipeline.depends(seasonal, "ease", when.test) == pipeline.depends(wb, "ease", when.test)
    before = pipeline.candidates(wb, "hybrid", when.test)
    after = pipeline._blended(seasonal, when.test)
    kinds = pipeline.history(wb, when.test).products["category"]
    shares = [(one[one["rank"] <= 10]["item_id"].map(kinds) == category).mean() for one in (before, after)]
    assert shares[1] > 2 * shares[0] > 0
    gain = measured.seasonal_gain(changed(wb, seasonal=index), 10)
    assert gain.verdict in {"better", "worse", "tie"}


# what a run keeps

WON = Trial(0.2, 0.22, Interval(0.02, 0.01, 0.03), 0.001, 300, "promote", "Above zero.")
TIE = WON._replace(difference=Interval(0.0, -0.01, 0.01), verdict="tie")
OLD, NEW = {"a": 0.5, "b": 0.5}, {"a": 0.7, "b": 0.3}
EVIDENCE = {"metric": "NDCG@10", "data": "1", "tuned_on": "2026-01", "judged_on": "2026-02", "tried": 15}


def found(trial: Trial = WON, old: dict = OLD, new: dict = NEW, data: str = "1") -> measured.Challenge:
    return measured.Challenge(old, new, 15, trial, EVIDENCE | {"data": data})


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The folder of a run under way."""
    folder = tmp_path / "store" / ".run.part"
    folder.mkdir(parents=True)
    monkeypatch.setenv(recorded.RUN, str(folder))
    return folder


def test_outside_of_runs_nothing_is_written(wb, monkeypatch):
    monkeypatch.delenv(recorded.RUN, raising=False)
    assert recorded.tell(wb, alert_table()) == []
    assert recorded.decisions(wb, found()).empty
    assert not (wb.settings.root / "reports").exists()


def test_a_run_writes_its_alerts_with_and_without_any(wb, run):
    assert recorded.tell(wb, alert_table()) == []
    assert json.loads((run / "alerts.json").read_text())["alerts"] == []
    table = alert_table(checks=[Check("Age", 5.0, 4, "due"), Check("Loss", 0.06, 0.1, "watch")])
    assert recorded.tell(wb, table) == []  # nobody is named
    assert [one["level"] for one in json.loads((run / "alerts.json").read_text())["alerts"]] == ["act", "watch"]
    assert recorded.counted(wb, table) == 1


def test_a_decision_is_recorded_once_for_the_same_data(wb, run):
    first = recorded.decisions(wb, found())
    assert first["what"].tolist() == ["set", "promote"]
    assert recorded.decisions(wb, found()).equals(first)
    assert recorded.decisions(wb, found(TIE, data="2"))["what"].tolist() == ["set", "promote", "tie"]
    record = json.loads((run.parent / "champions.json").read_text())
    assert record["champion"]["options"] == NEW
    assert record["decisions"][1]["evidence"]["in_force"] == OLD


def test_weights_set_by_hand_are_on_record_and_a_promotion_can_be_taken_back(wb, run):
    recorded.decisions(wb, found())
    adopted = recorded.decisions(wb, found(TIE, old=NEW, new=OLD, data="2"))
    assert adopted["what"].tolist() == ["set", "promote", "tie"]
    by_hand = {"a": 1.0, "b": 0.0}
    assert recorded.decisions(wb, found(TIE, old=by_hand, data="3"))["what"].tolist()[-2:] == ["set", "tie"]
    path = run.parent / "champions.json"
    assert revert(path, "fewer clicks", "2026-03-01")["champion"]["options"] == NEW
    assert revert(path, "still fewer", "2026-03-02")["champion"]["options"] == OLD


def test_settings_refuse_budgets_that_make_no_sense():
    for bad in ({"tuning_trials": -1}, {"trainings_apart": 0}):
        with pytest.raises(ValueError, match="greater than"):
            Settings.model_fields["monitoring"].annotation(**bad)


def test_a_run_tells_notebooks_its_folder_and_takes_alerts_over(tmp_path):
    assert recorded.RUN == child.RUN and recorded.ALERTS == publish.ALERTS
    old, new = tmp_path / "old", tmp_path / "new"
    new.mkdir(), old.mkdir()
    (old / "alerts.json").write_text("{}")
    for figures, kept in (({"drift": 0.1}, False), ({"alerts": 0}, True)):
        entry = SimpleNamespace(page="a.html", copy_name="a.ipynb", figures=figures)
        publish.carry(entry, old, new)
        assert (new / "alerts.json").exists() is kept
