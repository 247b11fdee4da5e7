"""The decisive figures that the committed notebooks record, against the same figures computed anew."""

import nbformat
import pytest

from reco import Workbook, pipeline
from reco.notebooks import NOTEBOOKS
from reco.report import RECORD


def recorded(name: str) -> dict:
    """The figures that a committed notebook's last code cell recorded."""
    cells = [cell for cell in nbformat.read(NOTEBOOKS[name].path, 4).cells if cell.cell_type == "code"]
    return next(output.data[RECORD] for output in cells[-1].outputs if RECORD in output.get("data", {}))


@pytest.fixture(scope="module")
def store() -> Workbook:
    """The default store, whole."""
    return Workbook.load("workbook.yaml")


def test_unified_data_counts_the_store(store):
    figures = recorded("01_unify_data")
    x = pipeline.history(store, pipeline.periods(store).end)
    assert figures["interactions"] == len(x.log)
    assert figures["modelled_products"] == len(x.items)
    # lines as the publisher of the data counts them, with those that neither sold nor cost anything
    assert figures["order_lines"] + store.set_aside["rows"].sum() == 1_469_307
    assert figures["customers"] == 2_469
    assert figures["products_sold"] == store.table("order_lines").product_id.nunique().execute()


@pytest.mark.parametrize("model", ["popularity", "personal_frequency"])
def test_algorithms_reach_what_was_recorded(store, model):
    when = pipeline.periods(store)
    lists = pipeline.candidates(store, model, when.test)
    found = pipeline.judge(store, lists, "anything", when.test, when.end)
    figures = recorded("02_compare_algorithms")
    assert found.summary.loc["ndcg", "value"] == pytest.approx(figures[f"{model}_ndcg"], rel=1e-6)
    assert len(found.per_user) == figures["customers"]


def test_best_algorithm_is_no_worse_than_the_baselines():
    figures = recorded("02_compare_algorithms")
    assert figures["best_anything_ndcg"] >= max(figures["popularity_ndcg"], figures["personal_frequency_ndcg"])


def test_tuning_chose_weights_that_do_not_lose_on_the_test_weeks():
    figures = recorded("03_blend_hybrid")
    assert figures["tuned_anything_ndcg"] > figures["default_anything_ndcg"]
    assert figures["tuned_new_ndcg"] > figures["default_new_ndcg"]


def test_slates_are_full_and_obey_the_rules():
    figures = recorded("04_fill_contexts")
    assert figures["violations"] == 0
    assert figures["full_slates"] == figures["slates"]


def test_experiment_is_that_of_its_publishers():
    figures = recorded("05_analyze_experiments")
    # 42 and 38 clicks of 10,000, as the quickstart of the data's own library implies
    assert (figures["ctr"], figures["ctr_control"], figures["verdict"]) == (0.0042, 0.0038, "tie")


def test_pay_follows_from_its_parts(store):
    figures = recorded("06_report_kpis")
    revenue = figures["attributed_revenue"]
    assert figures["simulated"] is True
    assert figures["roi"] == pytest.approx(revenue / store.settings.kpis.implementation_cost, rel=1e-12)
    assert figures["revenue_per_thousand"] == pytest.approx(1000 * revenue / figures["impressions"], rel=1e-12)
    # both periods are of the log
    assert 0 < figures["last_period"] + figures["period_before"] < revenue
    assert 0 < figures["share"] < 1
    assert -1 < figures["lift"] < 1


def test_retraining_is_due_for_a_reason(store):
    figures, limits = recorded("07_monitor_and_tune"), store.settings.monitoring
    reasons = [
        figures["model_age_weeks"] >= limits.max_model_age_weeks,
        figures["drift"] >= limits.drift_act,
        figures["accuracy_lost"] >= limits.accuracy_loss,
    ]
    assert figures["retraining_due"] is any(reasons)
