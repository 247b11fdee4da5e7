"""The tests of the settings: their size from assumptions or from a log, their arms, their way to a decision."""

from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
import pytest
import yaml

from reco.errors import InputError, MissingTableError
from reco.experiments import Rate, Ratio, analyze, by_day, cumulate, plan, plans
from reco.experiments.checks import sample_ratio
from reco.experiments.outcomes import Progress
from reco.impressions import Log
from reco.settings import load

UNITS = pd.Series(np.arange(20_000))


@pytest.fixture(scope="module")
def settings(sample_settings, tmp_path_factory):
    """The default settings, from a file of their own."""
    return written(sample_settings, tmp_path_factory.mktemp("plans"))


def written(values: dict, folder):
    (folder / "workbook.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    return load(folder / "workbook.yaml")


def changed(settings, test="algorithm", **values):
    """The settings with some of a test's changed."""
    section = settings.experiments
    tests = section.tests | {test: section.tests[test].model_copy(update=values)}
    return settings.model_copy(update={"experiments": section.model_copy(update={"tests": tests})})


def test_each_test_is_a_row_with_what_decides_its_length(settings):
    table = plans.ready(settings).set_index("test")
    assert list(table.index) == ["algorithm", "display_format", "placement", "volume"]
    assert set(table["basis"]) == {"assumed"} and set(table["correction"]) == {"Dunnett over 2 comparisons"}
    row = table.loc["algorithm"]
    # 95 % of 2,000 customers a day; 500 orders of 5 % in each of three arms: 30,000 customers
    assert (row["daily_units"], row["days"], row["decided_by"], row["possible"]) == (1900, 21, "500 conversions", True)
    same = plan(0.1, 0.1, sd=0.15, variants=3, correction="dunnett", daily_units=1900, conversion_rate=0.05)
    assert (row["units_per_arm"], row["detectable"]) == pytest.approx((same.units_per_arm, same.detectable), rel=1e-12)
    assert row["limits"] == same.limits
    # a slot of a layer gets its part of the customers
    assert table.loc["display_format", "daily_units"] == pytest.approx(0.34 * 1900)


def test_every_metric_of_a_test_has_its_own_size(settings):
    table = plans.ready(settings, every=True).set_index(["test", "metric"])
    assert list(table.loc["algorithm"].index) == ["click-through rate", "conversion rate", "revenue per session"]
    rate = plan(0.05, 0.1, variants=3, correction="dunnett")
    assert table.loc[("algorithm", "conversion rate"), "units_per_arm"] == rate.units_per_arm
    assert table.loc[("display_format", "scroll depth"), "sd"] == 0.3


def test_unequal_shares_and_minima_of_its_own(settings):
    arms = settings.experiments.tests["algorithm"].arms
    shares = {"A": 0.5, "B": 0.3, "C": 0.2}
    uneven = {key: arm.model_copy(update={"share": shares[key]}) for key, arm in arms.items()}
    row = plans.ready(changed(settings, arms=uneven, control="B", min_days=30, min_conversions=50)).iloc[0]
    same = plan(0.1, 0.1, sd=0.15, variants=3, correction="dunnett", daily_units=1900, shares=[0.3, 0.5, 0.2])
    assert (row["total"], row["days"], row["decided_by"]) == (same.total, 35, "30 days")
    assert plans.rule(changed(settings, min_days=30), "algorithm").min_days == 30


def test_what_the_first_days_find_is_found_with_the_planned_power(settings):
    row = plans.ready(settings).iloc[0]
    again = plan(0.1, row["first_days_find"], sd=0.15, variants=3, correction="dunnett")
    assert again.total == pytest.approx(14 * 1900, abs=3)


@pytest.mark.parametrize("lift, sd, possible", [(0.1, 0.15, True), (0.01, 0.6, False)])
def test_a_test_longer_than_allowed_is_said_to_be_impossible(settings, lift, sd, possible):
    assert plans.ready(changed(settings, lift=lift, baseline=0.1, sd=sd)).iloc[0]["possible"] == possible


def test_a_metric_without_a_baseline_is_refused_by_its_key(settings):
    section = settings.experiments
    goals = section.metrics | {"ctr": section.metrics["ctr"].model_copy(update={"baseline": None, "sd": None})}
    bare = settings.model_copy(update={"experiments": section.model_copy(update={"metrics": goals})})
    with pytest.raises(InputError, match=r"workbook.yaml: experiments.metrics.ctr: expected a baseline and an sd"):
        plans.ready(bare)
    bare = changed(bare, "display_format", baseline=0.2, sd=0.3)
    assert plans.ready(changed(bare, baseline=0.3, sd=0.3))["baseline"].tolist()[:2] == [0.3, 0.2]


@pytest.fixture
def log(monkeypatch):
    """Twenty days of one context, in which customer i of 400 sees i % 4 + 1 modules of 5 products on each of 2 days."""
    rng = np.random.default_rng(0)
    start = pd.Timestamp("2026-03-01", tz="UTC")
    rows = [
        {"impression_id": f"{c}-{d}-{s}-{p}", "slate_id": f"{c}-{d}-{s}", "customer_id": str(c), "product_id": str(p),
         "context": "product_page", "shown_at": start + pd.Timedelta(days=(c % 10) + 10 * d, minutes=s)}
        for c in range(400) for d in range(2) for s in range(c % 4 + 1) for p in range(5)
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    chance = rng.beta(1, 9, 400)
    frame["clicked"] = rng.random(len(frame)) < chance[frame["customer_id"].astype(int)]
    frame["clicked_at"] = frame["shown_at"].where(frame["clicked"]).astype("datetime64[us, UTC]")
    frame["shown_at"] = frame["shown_at"].astype("datetime64[us, UTC]")
    bought = frame[frame["clicked"]].iloc[::4]
    lines = bought[["customer_id", "product_id"]].assign(ordered_at=bought["shown_at"], quantity=1.0, revenue=10.0)
    found = Log(ibis.memtable(frame), ibis.memtable(lines), simulated=True)
    monkeypatch.setattr(plans, "read_log", lambda wb: found)
    return frame, lines


def test_what_a_log_tells_is_measured(settings, log):
    frame, lines = log
    seen = plans.behaviour(SimpleNamespace(settings=settings), "product_page")
    units = seen.units.execute().set_index("customer_id")
    # the last moment is day 19; orders are credited for 7 days, so the 12 days before count, and no more
    end = max(frame["shown_at"].max() - pd.Timedelta(days=7), frame["shown_at"].min())
    held = frame[(frame["shown_at"] > frame["shown_at"].min()) & (frame["shown_at"] <= end)]
    assert seen.simulated and seen.days == pytest.approx((end - frame["shown_at"].min()) / pd.Timedelta(days=1))
    assert units["impressions"].sum() == len(held) and units["clicks"].sum() == held["clicked"].sum()
    assert units["slates"].sum() == held["slate_id"].nunique()
    sessions = held.assign(day=held["shown_at"].dt.date).drop_duplicates(["customer_id", "day"])
    assert units["sessions"].sum() == len(sessions)
    paid = lines[(lines["ordered_at"] > frame["shown_at"].min()) & (lines["ordered_at"] <= end)]
    assert units["revenue"].sum() == paid["revenue"].sum()
    assert set(units[units["ordered"]].index) == set(paid["customer_id"])


def test_plans_take_what_is_measured_and_assume_the_rest(settings, log, monkeypatch):
    monkeypatch.setattr(plans, "Workbook", SimpleNamespace)
    wb = SimpleNamespace(settings=settings)
    table = plans.ready(wb, every=True).set_index(["test", "metric"])
    seen = plans.behaviour(wb, "product_page")
    units = seen.units.execute()
    row = table.loc[("algorithm", "click-through rate")]
    ctr = units["clicks"].sum() / units["impressions"].sum()
    deviation = (units["clicks"] - ctr * units["impressions"]) / units["impressions"].mean()
    assert row["basis"] == "measured, simulated" and row["baseline"] == pytest.approx(ctr)
    assert row["sd"] == pytest.approx(deviation.std())
    assert table.loc[("algorithm", "conversion rate"), "baseline"] == pytest.approx(units["ordered"].mean())
    assert table.loc[("placement", "viewability"), "basis"] == "assumed"
    assert row["daily_units"] == pytest.approx(0.95 * len(units) / seen.days)
    assert plans.behaviour(wb, "nowhere") is None


def test_without_a_log_all_is_assumed(settings, monkeypatch):
    def nothing(wb):
        raise MissingTableError("no impressions")

    monkeypatch.setattr(plans, "read_log", nothing)
    monkeypatch.setattr(plans, "Workbook", SimpleNamespace)
    assert plans.ready(SimpleNamespace(settings=settings)).equals(plans.ready(settings))


def test_units_are_assigned_by_the_name_of_the_test(settings):
    arms = {test: plans.assign(settings, test, UNITS) for test in settings.experiments.tests}
    assert all(sample_ratio(arm.value_counts().to_dict()).passed for arm in arms.values())
    inside = pd.DataFrame({test: arm.notna() for test, arm in arms.items()})
    assert inside["algorithm"].mean() == pytest.approx(0.95, abs=0.005)
    # tests of one layer never meet and together take all of it but the holdout, which is out of all tests
    assert (inside[["display_format", "placement", "volume"]].sum(axis=1) == inside["algorithm"]).all()
    assert inside["placement"].mean() == pytest.approx(0.33 * 0.95, abs=0.01)


def test_the_ramp_up_adds_units_day_by_day(settings):
    days = [plans.assign(settings, "algorithm", UNITS, day) for day in (0, 1, 2, 30)]
    assert [round(arm.notna().mean(), 2) for arm in days] == pytest.approx([0.095, 0.475, 0.95, 0.95], abs=0.01)
    assert days[1][days[0].notna()].equals(days[0].dropna()) and days[3].equals(
        plans.assign(settings, "algorithm", UNITS)
    )
    with pytest.raises(InputError, match="day: expected 0 or later, found -1"):
        plans.assign(settings, "algorithm", UNITS, -1)


def test_a_salt_deals_anew_and_a_shared_one_is_noticed(settings):
    salted = changed(settings, salt="again")
    one, other = (plans.assign(s, "algorithm", UNITS) for s in (settings, salted))
    assert (one == other).mean() < 0.4
    found = plans.independence(settings, UNITS)
    assert found["passed"].all() and len(found) == 6
    shared = changed(changed(settings, layer=None, slot=(0.0, 1.0), test="volume", salt="x"), salt="x")
    found = plans.independence(shared, UNITS).set_index("check")["passed"]
    assert not found["independent: algorithm, volume"] and found.sum() == 5


def test_a_test_is_analyzed_and_decided_by_its_settings(settings):
    assert plans.metrics(settings, "algorithm")[:2] == [Ratio("clicks", "impressions"), Rate("ordered")]
    assert plans.guardrails(settings, "display_format") == {Rate("ordered"): 0.05}
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"variant": plans.assign(settings, "algorithm", UNITS)}).dropna().reset_index(names="user_id")
    frame["impressions"] = rng.integers(1, 9, len(frame))
    frame["clicks"] = rng.binomial(frame["impressions"], np.where(frame["variant"] == "C", 0.14, 0.1))
    frame["ordered"] = rng.random(len(frame)) < np.where(frame["clicks"] > 0, 0.2, 0.02)
    frame["revenue"], frame["sessions"] = frame["ordered"] * 30.0, 1
    result = analyze(
        frame,
        control="A",
        metrics=plans.metrics(settings, "algorithm"),
        guardrails=plans.guardrails(settings, "algorithm"),
        correction="ordered",
    )
    fixed = settings.experiments.decision.model_copy(update={"looks": "fixed"})
    once = settings.model_copy(update={"experiments": settings.experiments.model_copy(update={"decision": fixed})})
    far = plans.progress(settings, "algorithm", result.moments, 21, 21)
    assert far == Progress(21, 21, frame.groupby("variant")["ordered"].sum().to_dict())
    assert plans.look(once, "algorithm", {}, 21) is None
    found = plans.decide(once, "algorithm", result, None, far)
    assert (found.action, found.variant) == ("ship", "C"), found.sentence
    assert found.sentence.startswith("Ship Hybrid: it beats Collaborative filtering on click-through rate by +")
    assert found.worth.unit == "clicks" and found.next_test.mde == 0.1
    assert plans.reading(settings, "algorithm").currency == "USD"
    # the same by its looks, at the end of three weeks
    frame["day"] = pd.Timestamp("2026-03-01", tz="UTC") + pd.to_timedelta(np.arange(len(frame)) % 21, "D")
    parts = plans.metrics(settings, "algorithm")[0].parts
    days = by_day(frame, parts, variant="variant", unit="user_id", day="day")
    sofar = {arm: cumulate(found) for arm, found in days.items()}
    looks = plans.look(settings, "algorithm", sofar, 21)
    assert looks["look"].nunique() == 21 and looks.groupby("variant")["verdict"].last().to_dict()["C"] == "better"
    assert plans.decide(settings, "algorithm", result, looks, far).variant == "C"
    assert (
        plans.progress(settings, "algorithm", {arm: m[max(m)] for arm, m in sofar.items()}, 21, 21).conversions is None
    )
    free = fixed.model_copy(update={"looks": "open"})
    free = settings.model_copy(update={"experiments": settings.experiments.model_copy(update={"decision": free})})
    assert plans.look(free, "algorithm", sofar, 21)["p_value"].isna().all()


def test_a_test_that_is_not_there_is_refused(settings):
    with pytest.raises(InputError, match="no test 'x'; expected one of algorithm, display_format, placement, volume"):
        plans.assign(settings, "x", UNITS)
    with pytest.raises(InputError, match="has no section `experiments`"):
        plans.ready(settings.model_copy(update={"experiments": None}))
