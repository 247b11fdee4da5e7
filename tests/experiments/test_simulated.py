"""A simulated test shows real visits under the arm that hashing gives, and its truth is what all would do."""

import numpy as np
import pandas as pd
import pytest

from reco import pipeline
from reco.errors import InputError
from reco.experiments import Mean, Ratio, analyze, assign, simulated
from reco.experiments.simulated import CONTROL, GUARDRAIL, METRICS, beside, draw, potential, run, truth

K = 5


@pytest.fixture(scope="module")
def everyone(wb) -> pd.DataFrame:
    return potential(wb, seed=1, k=K)


@pytest.fixture(scope="module")
def known(everyone) -> pd.DataFrame:
    return truth(everyone)


def test_every_visitor_sees_every_arm(wb, everyone):
    when = pipeline.periods(wb)
    assert everyone["shown_at"].between(when.test, when.end, inclusive="left").all()
    assert (everyone.groupby(["slate_id", "variant"]).size() == K).all()
    assert (everyone.groupby("slate_id")["variant"].nunique() == 3).all()
    lists = pipeline.candidates(wb, "ease", when.test).query("rank <= @K").set_index(["user_id", "rank"])["item_id"]
    shown = everyone[everyone["variant"] == "A"].set_index(["customer_id", "position"])["item_id"]
    assert (lists.loc[shown.index].to_numpy() == shown.to_numpy()).all()


def test_luck_is_the_same_under_each_arm(everyone):
    place = ["slate_id", "position"]
    pairs = everyone[everyone["variant"] == "A"].merge(everyone[everyone["variant"] == "C"], on=[*place, "item_id"])
    assert len(pairs) > 50
    assert (pairs["clicked_x"] == pairs["clicked_y"]).all() and (pairs["ordered_x"] == pairs["ordered_y"]).all()


def test_what_is_spent_is_the_basket_and_stray_orders(wb, everyone):
    sold = pipeline.sold(wb).filter(lambda lines: lines.ordered_at >= pipeline.periods(wb).test)
    lines = wb.connection.to_pandas(sold.select("order_id", "product_id", "revenue"))
    lines["slate_id"] = "test-" + lines["order_id"].astype("str")
    basket = lines.astype({"revenue": float}).groupby("slate_id")["revenue"].sum()
    prices = wb.connection.to_pandas(wb.table("products").select("product_id", "price")).set_index("product_id")
    bought = lines.astype({"revenue": float}).groupby(["slate_id", "product_id"])["revenue"].sum()
    for arm, log in everyone.groupby("variant"):
        place = pd.MultiIndex.from_frame(log[["slate_id", "item_id"]])
        stray = log["ordered"] & ~place.isin(bought.index)
        extra = log["item_id"].map(prices["price"].astype(float)).where(stray, 0.0)
        spent, expected = log.groupby("slate_id")["spent"].sum(), extra.groupby(log["slate_id"]).sum()
        np.testing.assert_allclose(spent, basket.loc[spent.index] + expected.loc[spent.index])
        taken = pd.Series(bought.reindex(place).to_numpy(), log.index).where(log["clicked"]).fillna(0.0)
        np.testing.assert_allclose(log["revenue"], taken + extra)
        assert log["clicked"].sum() > 0, arm


def test_sessions_stand_on_their_first_row(everyone):
    assert (everyone["session"] == (everyone["position"] == 1)).all()
    rows = everyone.groupby(["variant", "slate_id"])
    assert (rows["converted"].sum() == rows["ordered"].max()).all()
    assert (everyone.loc[everyone["position"] > 1, ["converted", "spent"]] == 0).all(axis=None)
    assert everyone.loc[everyone["ordered"], "clicked"].all()


def test_truth_counted_row_by_row(everyone, known):
    clicks, rows, sold, sessions = (dict.fromkeys("ABC", 0.0) for _ in range(4))
    for row in everyone.to_dict("records"):
        clicks[row["variant"]] += row["clicked"]
        rows[row["variant"]] += 1
        sold[row["variant"]] += row["revenue"]
        sessions[row["variant"]] += row["position"] == 1
    found = known.set_index(["metric", "variant"])
    for arm in "ABC":
        ctr, rps = clicks[arm] / rows[arm], sold[arm] / sessions[arm]
        assert found.loc[("clicked / rows", arm), "value"] == pytest.approx(ctr)
        assert found.loc[("revenue / session", arm), "value"] == pytest.approx(rps)
        assert found.loc[("clicked / rows", arm), "effect"] == pytest.approx(ctr - clicks["A"] / rows["A"])


def test_each_customer_has_the_arm_that_hashing_gives(everyone):
    log = draw(everyone, 4)
    assert (log.groupby("customer_id")["variant"].nunique() == 1).all()
    customers = pd.Series(everyone["customer_id"].unique())
    arms = dict(zip(customers, assign(customers, "simulated-4", dict.fromkeys("ABC", 1.0)), strict=True))
    assert (log["customer_id"].map(arms) == log["variant"]).all()
    assert set(log["slate_id"]) == set(everyone["slate_id"])
    shares = log.drop_duplicates("customer_id")["variant"].value_counts(normalize=True)
    assert (abs(shares - 1 / 3) < 4 * np.sqrt(2 / 9 / len(customers))).all()
    assert not draw(everyone, 5)["variant"].equals(log["variant"])


def test_intervals_hold_the_truth_as_often_as_they_say(everyone, known):
    held = []
    for seed in range(25):
        result = analyze(draw(everyone, seed), unit="customer_id", control=CONTROL, metrics=METRICS[:2])
        held.append(beside(result, known)["covered"])
    assert 0.86 <= np.mean(held) <= 1


def test_estimates_beside_the_truth(wb, known):
    log, found = run(wb, seed=1, k=K)
    pd.testing.assert_frame_equal(found, known)
    adjusted = Ratio("revenue", "session", before="before")
    result = analyze(log, unit="customer_id", control=CONTROL, metrics=[*METRICS, adjusted, GUARDRAIL])
    table = beside(result, known).set_index(["metric", "variant"])
    assert len(table) == 10
    plain, cuped = (table.loc[(name, "B")] for name in ("revenue / session", adjusted.name))
    assert plain["true_effect"] == cuped["true_effect"] != 0 and plain["effect"] != cuped["effect"]
    inside = table["true_effect"].between(table["effect_low"], table["effect_high"])
    assert (table["covered"] == inside).all()
    with pytest.raises(InputError, match="no truth is known of before; expected clicked / rows"):
        beside(analyze(log, unit="customer_id", control=CONTROL, metrics=[Mean("before")]), known)


def test_a_test_is_found_again_and_another_seed_is_another(wb, everyone, monkeypatch):
    monkeypatch.setattr(simulated, "_play", None)
    pd.testing.assert_frame_equal(potential(wb, seed=1, k=K), everyone)
    with pytest.raises(TypeError):
        potential(wb, seed=2, k=K)


def test_the_settings_rule_decides_it(wb, everyone):
    log = draw(everyone, seed=1)
    found = simulated.judge_test(wb, log)
    assert found.analysis.table["metric"].unique().tolist() == [metric.name for metric in METRICS]
    assert found.analysis.guardrails["margin"].unique().tolist() == [0.05]
    # 300 households order far too little for 500 conversions in each arm
    assert found.decision.action in {"continue", "stop"} and set(found.course["variant"]) == {"B", "C"}


def test_thirds_of_customers_by_what_they_spent_before(everyone):
    log = draw(everyone, seed=1)
    found = simulated.by_spending(log).groupby("customer_id")
    thirds = found.agg(third=("spent_before", "first"), n=("spent_before", "nunique"), before=("before", "first"))
    assert (thirds["n"] == 1).all()
    assert thirds["third"].value_counts().max() - thirds["third"].value_counts().min() <= 1
    highest = thirds.groupby("third")["before"].max()
    assert highest["little"] <= highest["medium"] <= highest["much"]
    assert highest["little"] <= thirds.loc[thirds["third"] == "medium", "before"].min()
