"""Looks before the end: published limits, error rates by simulation, and what a running test may say."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reco.errors import InputError
from reco.experiments import Mean, Rate, peeked, watch
from reco.experiments.moments import Moments, Part, by_day, cumulate
from reco.experiments.sequential import (
    NEVER,
    bounds,
    information,
    log_mixture,
    mixture_bound,
    mixture_rho,
    sequence_margin,
    spent,
)


def test_limits_as_published():
    # SeqBounds.jl README: one-sided .05, looks at quarters: 3.74955 2.53993 2.01604 1.72014
    found = bounds([0.25, 0.5, 0.75, 1.0], 0.05, sides=1)
    np.testing.assert_allclose(found, [3.74955, 2.53993, 2.01604, 1.72014], atol=5e-5)
    # R: ldbounds, two-sided .05, five looks: 4.8769 3.3570 2.6803 2.2898 2.0310 (gsDesign, sfLDOF, alpha .025)
    np.testing.assert_allclose(bounds([0.2, 0.4, 0.6, 0.8, 1]), [4.8769, 3.3570, 2.6803, 2.2898, 2.0310], atol=6e-5)


def test_a_single_look_is_the_fixed_test():
    assert bounds([1.0])[0] == pytest.approx(stats.norm.isf(0.025), abs=1e-9)
    assert bounds([1.0], 0.01, sides=1)[0] == pytest.approx(stats.norm.isf(0.01), abs=1e-9)


def test_limits_of_two_looks_spend_what_they_may():
    # an independent road: the bivariate normal distribution function
    first, last = bounds([0.5, 1.0], 0.05)
    assert 2 * stats.norm.sf(first) == pytest.approx(spent(0.5), rel=1e-9)
    joint = stats.multivariate_normal([0, 0], [[1, np.sqrt(0.5)], [np.sqrt(0.5), 1]])
    inside = joint.cdf([first, last], lower_limit=[-first, -last])
    assert 1 - inside == pytest.approx(0.05, abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.02, 1.0), min_size=1, max_size=9), st.sampled_from([0.01, 0.025, 0.05]), st.data())
def test_any_schedule_of_looks_keeps_the_level(steps, alpha, data):
    information = np.cumsum(steps)
    times = information / information[-1]
    limits = bounds(times, alpha)
    rng = np.random.default_rng(0)
    paths = rng.normal(size=(40_000, len(steps))) * np.sqrt(steps)
    z = paths.cumsum(axis=1) / np.sqrt(information)
    band = 4 * np.sqrt(alpha / 40_000)
    assert abs((np.abs(z) > limits).any(axis=1).mean() - alpha) < band


def test_calendar_time_may_run_apart_from_information():
    steps = np.array([0.7, 0.1, 0.1, 0.1])
    limits = bounds([0.25, 0.5, 0.75, 1.0], information=steps.cumsum())
    z = (np.random.default_rng(1).normal(size=(200_000, 4)) * np.sqrt(steps)).cumsum(axis=1) / np.sqrt(steps.cumsum())
    assert (np.abs(z) > limits).any(axis=1).mean() == pytest.approx(0.05, abs=0.002)


def test_a_look_that_learns_nothing_has_no_limit_and_costs_nothing():
    limits = bounds([0.25, 0.5, 0.75, 1.0], information=[1.0, 2.0, 2.0, 4.0])
    assert limits[2] == np.inf
    np.testing.assert_allclose(limits[[0, 1]], bounds([0.25, 0.5, 0.75, 1.0])[[0, 1]], atol=1e-6)


def test_fourteen_daily_looks_keep_the_level_where_fixed_ones_do_not():
    # reference: O'Brien-Fleming .053/.050, daily peeking .232/.219
    z = np.random.default_rng(2).normal(size=(100_000, 14)).cumsum(axis=1) / np.sqrt(np.arange(1, 15))
    limits = bounds(np.arange(1, 15) / 14)
    assert (np.abs(z) > limits).any(axis=1).mean() == pytest.approx(0.05, abs=0.0025)
    assert 0.21 < (np.abs(z) > 1.96).any(axis=1).mean() < 0.235


def test_mixture_as_the_r_reference():
    # confseq test/uniform_boundaries_unittest.cpp, from R: v = v_opt = 100, alpha .05
    rho = mixture_rho(100)
    assert rho == pytest.approx(12.60056, abs=5e-6)
    assert log_mixture(10, 100, rho) == pytest.approx(-0.6510052, abs=1e-6)
    assert mixture_bound(100, rho) == pytest.approx(30.35209, abs=5e-6)


@pytest.mark.parametrize(
    ("control", "variant", "tuned", "published"),
    [
        # growthbook packages/stats tests/frequentist/test_tests.py: n, sum, sum of squares; relative effect, interval
        ((3000, 1396.87, 52377.9767), (3461, 2422.7, 134698.29), 1000, (0.50336, -0.55844, 1.56516)),
        ((3000, 1396, 1396), (3461, 2422, 2422), 5000, (0.50386, 0.40098, 0.60675)),
    ],
)
def test_confidence_sequence_as_gbstats(control, variant, tuned, published):
    (n, total, squares), (m, other, others) = control, variant
    mean, value = total / n, other / m
    var, var_other = (squares - total**2 / n) / (n - 1) / n, (others - other**2 / m) / (m - 1) / m
    if squares == total:  # a rate: gbstats divides by n
        var, var_other = var * (n - 1) / n, var_other * (m - 1) / m
    relative = (value - mean) / mean
    margin = sequence_margin(var_other / mean**2 + var * value**2 / mean**4, n + m, tuned)
    assert (relative, relative - margin, relative + margin) == pytest.approx(published, abs=5.1e-6)


def test_confidence_sequence_holds_at_all_looks_together():
    # a coin for each of 1,000 units, looked at after every one from the 50th on
    sums = np.random.default_rng(3).choice([-1.0, 1.0], size=(4000, 1000)).cumsum(axis=1)
    sizes = np.arange(1, 1001)
    limit = np.array([mixture_bound(size, mixture_rho(300)) for size in sizes])
    assert (np.abs(sums) > limit)[:, 49:].any(axis=1).mean() <= 0.05


@pytest.fixture(scope="module")
def running():
    """4,200 users of three arms over 14 days, some of whom come back; B truly sells more."""
    rng = np.random.default_rng(6)
    user = rng.integers(0, 4200, 12_000)
    arm = np.array(list("ABC"))[user % 3]
    frame = pd.DataFrame({"user_id": user, "variant": arm, "day": rng.integers(1, 15, 12_000)})
    return frame.assign(
        clicked=(rng.random(12_000) < np.where(arm == "B", 0.17, 0.12)).astype(float),
        revenue=rng.lognormal(1, 1, 12_000),
    )


def looks_of(frame, *parts):
    days = by_day(frame, parts, variant="variant", unit="user_id", day="day")
    return {arm: cumulate(moments) for arm, moments in days.items()}


def test_a_test_with_a_winner(running):
    table = watch(looks_of(running, Part("clicked", "any")), Rate("clicked"), control="A", planned=14)
    better, level = table[table["variant"] == "B"], table[table["variant"] == "C"]
    assert len(better) == 14 and better["verdict"].iloc[0] == "continue" and better["verdict"].iloc[-1] == "better"
    # a verdict stays, and begins at the first look beyond the limit
    first = int(np.argmax((better["statistic"].abs() > better["bound"]).to_numpy()))
    assert better["verdict"].tolist() == ["continue"] * first + ["better"] * (14 - first)
    assert level["verdict"].tolist() == ["continue"] * 13 + ["tie"]
    # the fixed-horizon p-value is seen at the planned end only
    assert better["p_value"].isna().tolist() == [True] * 13 + [False]
    assert (table["effect_low"] <= table["effect_high"]).all()


def test_limits_share_the_level_over_the_variants(running):
    looks = looks_of(running, Part("revenue"))
    table = watch(looks, Mean("revenue"), control="A", planned=14)
    known = information([(looks["B"][day], looks["A"][day]) for day in range(1, 15)], Mean("revenue"))
    alone = bounds(np.arange(1, 15) / 14, 0.025, information=known)
    np.testing.assert_allclose(table.loc[table["variant"] == "B", "bound"], alone, rtol=1e-6)


@pytest.mark.parametrize("habit", [0.0, 2.0])
def test_looks_at_units_that_come_back_correlate_as_their_information(habit):
    # 300 users of two arms with ten days each; with a habit, users differ for good
    rng, part = np.random.default_rng(4), Part("x")
    taste = rng.gamma(1 / habit, habit, (1500, 600, 1)) if habit else np.ones((1500, 600, 1))
    sofar = (rng.poisson(1, (1500, 600, 10)) * taste).cumsum(axis=2)
    one, other = sofar[:, :300], sofar[:, 300:]
    z = (one.mean(1) - other.mean(1)) / np.sqrt((one.var(1, ddof=1) + other.var(1, ddof=1)) / 300)
    pairs = [
        tuple(Moments.from_summary(part, 10**6, half[..., day].mean(), half[..., day].var()) for half in (one, other))
        for day in range(10)
    ]
    known = information(pairs, Mean("x"))
    found = np.corrcoef(z.T)
    assert (np.diff(known) > 0).all()
    np.testing.assert_allclose(found[-1], np.sqrt(known / known[-1]), atol=0.06)
    limits = bounds(np.arange(1, 11) / 10, information=known)
    assert (np.abs(z) > limits).any(axis=1).mean() == pytest.approx(0.05, abs=0.02)


def test_swapping_arms_flips_signs_at_every_look(running):
    looks = looks_of(running[running["variant"] != "C"], Part("clicked", "any"))
    for method in ("obrien_fleming", "confidence_sequence"):
        one, other = (watch(looks, Rate("clicked"), control=c, planned=14, method=method) for c in "AB")
        np.testing.assert_allclose(one["statistic"], -other["statistic"], atol=1e-9)
        np.testing.assert_allclose(one["effect_low"], -other["effect_high"], atol=1e-9)
        assert [{"better": "worse"}.get(v, v) for v in one["verdict"]] == other["verdict"].tolist()


def test_planned_by_units_ends_where_the_units_are_reached(running):
    looks = looks_of(running, Part("clicked", "any"))
    table = watch(looks, Rate("clicked"), control="A", planned=3000, by="units")
    assert table["units"].iloc[-1] >= 3000 > table["units"].iloc[-2]
    assert table["time"].iloc[-1] == 1 and np.isfinite(table["p_value"].iloc[-1])
    unfinished = watch(looks, Rate("clicked"), control="A", planned=30_000, by="units")
    assert unfinished["p_value"].isna().all() and "tie" not in set(unfinished["verdict"])


def test_a_confidence_sequence_never_ends_and_is_wider(running):
    looks = looks_of(running, Part("clicked", "any"))
    sequence = watch(looks, Rate("clicked"), control="A", planned=14, method="confidence_sequence")
    planned = watch(looks, Rate("clicked"), control="A", planned=14)
    assert sequence["p_value"].isna().all() and "tie" not in set(sequence["verdict"])
    width = [t["effect_high"].iloc[13] - t["effect_low"].iloc[13] for t in (sequence, planned)]
    assert width[0] > width[1]


def test_what_daily_peeking_would_have_claimed():
    # cumulative means as published tables give them: an early lead that melts away
    part, days = Part("x"), range(1, 8)
    lead = [0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.0]
    looks = {
        "A": {d: Moments.from_summary(part, 200 * d, 1.0, 1.0) for d in days},
        "B": {d: Moments.from_summary(part, 200 * d, 1.0 + lead[d - 1], 1.0) for d in days},
    }
    table = watch(looks, Mean("x"), control="A", planned=7)
    assert table["statistic"].iloc[0] == pytest.approx(0.3 / np.sqrt(2 / 200), rel=1e-12)
    assert peeked(table).to_dict("records") == [
        {"variant": "B", "verdict": "tie", "decided": pytest.approx(np.nan, nan_ok=True), "claimed": 1}
    ]


def test_first_looks_without_any_outcome_go_on():
    part = Part("x", "any")
    empty = Moments((part,), 40, np.zeros(1), np.zeros((1, 1)))
    some = Moments((part,), 80, np.full(1, 12.0), np.full((1, 1), 12.0))
    table = watch({"A": {1: empty, 2: some}, "B": {1: empty, 2: some}}, Rate("x"), control="A", planned=2)
    assert table["verdict"].tolist() == ["continue", "tie"]
    assert table["bound"].tolist() == [np.inf, pytest.approx(1.959964, abs=1e-6)]
    never = watch({"A": {1: empty}, "B": {1: empty}}, Rate("x"), control="A", planned=2)
    assert never["verdict"].tolist() == ["continue"]


def test_far_limits_have_no_interval_yet():
    part = Part("x")
    looks = {arm: {d: Moments.from_summary(part, 100 * d, 1.0, 1.0) for d in range(1, 29)} for arm in "AB"}
    table = watch(looks, Mean("x"), control="A", planned=28)
    assert table["bound"].iloc[0] >= NEVER and table["effect_high"].iloc[0] == np.inf
    assert np.isfinite(table["effect_high"].iloc[-1])


@pytest.mark.parametrize(
    "wrong",
    [
        {"control": "Z"},
        {"planned": 0},
        {"method": "pocock"},
        {"confidence": 95},
    ],
)
def test_wrong_options_are_refused(running, wrong):
    with pytest.raises(InputError):
        watch(looks_of(running, Part("clicked", "any")), Rate("clicked"), **{"control": "A", "planned": 14, **wrong})


@pytest.mark.parametrize(("times", "alpha"), [([0.5, 0.4], 0.05), ([], 0.05), ([0.0, 1.0], 0.05), ([1.0], 0.0)])
def test_wrong_schedules_are_refused(times, alpha):
    with pytest.raises(InputError):
        bounds(times, alpha)
