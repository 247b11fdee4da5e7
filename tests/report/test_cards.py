"""The key figures of notebooks 01 to 06 from results made by hand."""

from types import SimpleNamespace

import pandas as pd
import pytest

from reco.evaluation import Evaluation
from reco.experiments.judgement import Judged
from reco.kpis import Pay, rates
from reco.quality import Sufficiency
from reco.report import cards
from reco.report.kpi import Status
from reco.report.kpis import Page


def judged(ndcg, customers):
    summary = pd.DataFrame({"value": [ndcg], "low": [ndcg - 0.01], "high": [ndcg + 0.01]}, index=["ndcg"])
    return Evaluation(per_user=pd.DataFrame(index=range(customers)), summary=summary)


def behind(**differences):
    return pd.DataFrame(
        [(model, -gap, -gap - 0.01, -gap + 0.02) for model, gap in differences.items()],
        columns=["model", "difference", "low", "high"],
    )


def test_the_store_is_counted_in_full(wb):
    found = [
        Sufficiency("User-based collaborative", "interactions", 1000, 9000, "enough"),
        Sufficiency("Item-based collaborative", "co-purchase pairs of the median item", 500, 800, "enough"),
        Sufficiency("Deep learning", "interactions", 10000, 9000, "too little"),
    ]
    kpis = {kpi.name: kpi for kpi in cards.unify_data(wb, found)}
    assert all(kpi.full for kpi in kpis.values())
    assert kpis["Order lines"].value == wb.table("order_lines").count().execute()
    assert (kpis["Interactions"].target, kpis["Interactions"].status) == (10000, Status.ACT)
    assert (kpis["Pairs of the median product"].value, kpis["Pairs of the median product"].target) == (800, 500)
    assert kpis["Rows refused"].target == wb.settings.cleaning.max_refused


def test_a_lead_is_the_rivals_difference_turned_round():
    best = {"anything": "tifu", "new": "ease", "repeat": "tifu"}
    boards = {task: {model: judged(0.4, 200)} for task, model in best.items()}
    rivals = {task: behind(popularity=0.2, random=0.4) for task in best} | {"new": behind(random=0.3)}
    kpis = {kpi.name: kpi for kpi in cards.compare_algorithms(boards, best, rivals, 5, 0.9)}
    assert len(kpis) == 4  # no best sellers among the rivals on new products
    lead = kpis["Lead over best sellers, anything bought next"]
    assert (lead.value, lead.low, lead.high) == pytest.approx((0.2, 0.18, 0.21))
    assert (lead.level, lead.n, lead.status) == (0.9, 200, Status.ON_TARGET)
    shown = kpis["NDCG@5, products bought before"]
    assert (shown.value, shown.low, shown.high, shown.n) == pytest.approx((0.4, 0.39, 0.41, 200))


def test_a_gain_is_that_of_the_tuned_weights():
    boards = {task: {"tuned": judged(0.3, 100), "default": judged(0.2, 100)} for task in ("anything", "new")}
    gains = {task: behind(collaborative=0.1, tuned=-0.05) for task in boards}
    kpis = cards.blend_hybrid(boards, gains, 10, 0.95)
    assert [kpi.name for kpi in kpis][2:] == [
        "Gain by tuning, anything bought next",
        "Gain by tuning, products new to the customer",
    ]
    assert (kpis[2].value, kpis[2].low, kpis[2].high) == pytest.approx((0.05, 0.04, 0.07))
    assert kpis[2].text == "+0.0500 (+0.0400 to +0.0700)"


def test_slates_are_counted_over_all_contexts():
    covered = pd.DataFrame({"slates": [60, 40], "full": [60, 36], "fallback": [0, 5]})
    audit = pd.DataFrame({"violations": [0, 2], "declared": [3, 4]})
    full, breaches, gave, fallback = cards.fill_contexts(covered, audit)
    assert (full.value, full.status, fallback.value) == (0.96, Status.WATCH, 0.05)
    assert (breaches.value, breaches.status, gave.value) == (2, Status.ACT, 7)
    assert cards.fill_contexts(covered.assign(slates=0), audit)[0].status == Status.NOT_ENOUGH


def test_a_test_is_shown_by_its_last_look():
    table = pd.DataFrame(
        {"variant": ["b"], "effect": [0.01], "effect_low": [0.0], "effect_high": [0.02], "units": [50]}
        | {"relative": [0.1], "relative_low": [0.05], "relative_high": [0.2]}
    )
    course = pd.DataFrame(
        {"variant": ["b", "b"], "units": [20, 50], "time": [0.1, 0.25], "effect": [0.03, 0.01]}
        | {"effect_low": [-0.1, -0.02], "effect_high": [0.1, 0.04]}
    )
    judged = Judged(SimpleNamespace(table=table), course, None)
    gained, lift, so_far = cards.analyze_experiments(judged, {"b": "new"}, 0.9, 50)
    assert (gained.value, gained.low, gained.high, gained.level) == pytest.approx((10, -20, 40, 0.9))
    assert gained.status == Status.WATCH
    assert (lift.value, lift.low, lift.high, lift.n) == (0.1, 0.05, 0.2, 50)
    assert (so_far.value, so_far.n, so_far.of) == (50, 200, "planned")
    once = cards.analyze_experiments(judged._replace(course=course.head(0)), {}, 0.9, 50)
    assert (once[0].low, once[0].high) == (0.0, 20.0)
    assert once[2].n is None


def test_what_a_holdout_says_comes_first_and_is_unknown_without_one():
    rated = rates(
        pd.DataFrame({"context": ["Total"], "impressions": [1000], "clicks": [100], "orders": [10], "revenue": [50.0]})
    )
    log = SimpleNamespace(simulated=True)
    page = Page(log, None, {}, "USD", 0.9)
    pay = Pay(50.0, 500.0, 0.1, 50.0, 100.0, 0.5)
    found = SimpleNamespace(lift=0.05, lift_low=-0.01, lift_high=0.2, customers=80)
    lift, revenue, ctr, conversion, roi = cards.report_kpis(rated, pay, found, page, 0.1)
    assert (lift.value, lift.low, lift.high, lift.target, lift.n) == (0.05, -0.01, 0.2, 0.1, 80)
    assert lift.status == Status.WATCH
    assert (ctr.value, ctr.n, conversion.value, conversion.n) == (0.1, 1000, 0.1, 100)
    assert ctr.low < 0.1 < ctr.high
    assert (revenue.value, roi.value, roi.status) == (50.0, 0.5, Status.ACT)
    assert all(kpi.simulated for kpi in (lift, revenue, ctr, conversion, roi))
    assert cards.report_kpis(rated, pay, None, page, 0.1)[0].status == Status.NOT_ENOUGH
