"""Corrections against published numbers and other implementations."""

import numpy as np
import pandas as pd
import pytest
import tea_tasting as tt
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from reco.errors import InputError
from reco.experiments import Mean, analyze
from reco.experiments.multiplicity import dunnett, dunnett_critical, dunnett_level, holm, shared, sidak


def test_holm_as_published():
    # ep-stats docs/stats/multiple.md: .01, .04, .03 become .03, .06, .06
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06], rtol=1e-12)


def test_holm_of_three_arms_and_two_metrics_as_published():
    # tea-tasting docs/multiple-testing.md, adjust_fwer(arbitrary_dependence=True, method="bonferroni"):
    # p .118 .0211 .0213 .00218 become .118 .0634 .0634 .00872
    first = tt.make_users_data(rng=42, orders_uplift=0.10, revenue_uplift=0.15, return_type="pandas")
    second = tt.make_users_data(rng=21, orders_uplift=0.15, revenue_uplift=0.20, return_type="pandas")
    users = pd.concat([first, second[second["variant"] == 1].assign(variant=2)], ignore_index=True)
    table = analyze(users, unit=None, control=0, metrics=[Mean("orders"), Mean("revenue")]).table
    table = table.sort_values(["variant", "metric"])
    assert [float(f"{p:.3g}") for p in table["p_value"]] == [0.118, 0.0211, 0.0213, 0.00218]
    assert [float(f"{p:.3g}") for p in table["p_adjusted"]] == [0.118, 0.0634, 0.0634, 0.00872]


@settings(max_examples=5, deadline=None)  # each call of multipletests collects the garbage of the whole process
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_as_statsmodels(p_values):
    np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1], rtol=1e-12)


def test_sidak_is_exact_for_independent_tests():
    assert 1 - (1 - sidak(0.05, 3)) ** 3 == pytest.approx(0.05, rel=1e-12)


def test_critical_values_as_published():
    # large-sample value for two variants and a control of equal size: 2.2121, where Bonferroni has 2.2414
    assert round(dunnett_critical(0.05, shared(1, [1, 1])), 4) == 2.2121
    assert round(stats.norm.isf(0.0125), 4) == 2.2414
    # R: mvtnorm::qmvnorm(.95, tail = "both.tails", corr = .5) for 3 and 4 variants, Dunnett's table at infinite freedom
    assert [round(dunnett_critical(0.05, shared(1, [1] * k)), 2) for k in (3, 4)] == [2.35, 2.44]
    # the same table, one-sided, 2 to 4 variants
    assert [round(dunnett_critical(0.05, shared(1, [1] * k), False), 2) for k in (2, 3, 4)] == [1.92, 2.06, 2.16]


def test_small_samples_as_published():
    # SciPy's tutorial hypothesis_dunnett, blood counts of Dunnett (1955): statistics .857 and 3.694, p .620 and .0058,
    # interval of drug B .839 to 4.417
    control = [7.40, 8.50, 7.20, 8.24, 9.84, 8.32]
    drugs = [9.76, 8.80, 7.68, 9.36], [12.80, 9.68, 12.16, 9.20, 10.55]
    n = np.array([len(drug) for drug in drugs])
    freedom = len(control) + n.sum() - 3
    pooled = sum(np.var(group) * len(group) for group in (control, *drugs)) / freedom
    errors = np.sqrt(pooled * (1 / n + 1 / len(control)))
    effects = np.array([np.mean(drug) - np.mean(control) for drug in drugs])
    ties = shared(1 / len(control), 1 / n)
    np.testing.assert_allclose(effects / errors, [0.857, 3.694], rtol=1e-3)
    np.testing.assert_allclose(dunnett(effects / errors, ties, freedom=freedom), [0.620, 0.0058], rtol=5e-3)
    margin = dunnett_critical(0.05, ties, freedom=freedom) * errors[1]
    np.testing.assert_allclose([effects[1] - margin, effects[1] + margin], [0.839, 4.417], rtol=1e-3)
    assert dunnett([2.0], [0.5], freedom=9)[0] == pytest.approx(2 * stats.t.sf(2.0, 9), rel=1e-4)


def test_p_values_as_scipy_in_large_samples():
    rng = np.random.default_rng(0)
    control, arms = rng.normal(0, 1, 4000), [rng.normal(0.05, 1, 3000), rng.normal(0.03, 1, 2000)]
    theirs = stats.dunnett(*arms, control=control, rng=np.random.default_rng(1))
    ties = shared(1 / 4000, [1 / 3000, 1 / 2000])
    np.testing.assert_allclose(dunnett(theirs.statistic, ties), theirs.pvalue, atol=3e-3)


def test_chance_of_any_false_alarm_by_simulation():
    rng = np.random.default_rng(5)
    control, arms = rng.normal(size=(200_000, 1)), rng.normal(size=(200_000, 3))
    variances = np.array([1.0, 2.0, 0.5])
    z = (np.sqrt(variances) * arms - np.sqrt(0.7) * control) / np.sqrt(variances + 0.7)
    critical = dunnett_critical(0.05, shared(0.7, variances))
    assert (np.abs(z).max(axis=1) > critical).mean() == pytest.approx(0.05, abs=0.002)


@given(st.lists(st.floats(0.05, 0.95), min_size=1, max_size=5), st.sampled_from([0.01, 0.05, 0.2]), st.booleans())
def test_critical_value_and_p_value_are_inverse(ties, alpha, two_sided):
    critical = dunnett_critical(alpha, ties, two_sided)
    np.testing.assert_allclose(dunnett([critical] * len(ties), ties, two_sided), alpha, rtol=1e-6)
    assert sidak(alpha, len(ties)) <= dunnett_level(alpha, ties, two_sided) * (1 + 1e-6) <= alpha * (1 + 2e-6)


def test_unrelated_comparisons_are_sidaks():
    assert dunnett_level(0.05, [0.0, 0.0, 0.0]) == pytest.approx(sidak(0.05, 3), rel=1e-9)


@pytest.fixture(scope="module")
def users():
    """6,000 users in three arms: B wins on both metrics, C on neither."""
    rng = np.random.default_rng(8)
    arm = np.repeat(list("ABC"), 2000)
    frame = pd.DataFrame({"user_id": range(6000), "variant": arm})
    return frame.assign(
        x=rng.normal(10, 1, 6000) + 0.15 * (arm == "B"),
        y=rng.normal(10, 1, 6000) + 0.10 * (arm == "B"),
        z=rng.normal(10, 1, 6000) - 0.6 * (arm == "C"),
    )


def test_dunnett_of_an_analysis_is_that_of_its_statistics(users):
    result = analyze(users, metrics=["x", "y"], correction="dunnett")
    spread = users.groupby("variant")["x"].var()
    expected = dunnett(result.table["statistic"][:2], shared(spread["A"], spread[["B", "C"]]))
    np.testing.assert_allclose(result.table["p_adjusted"][:2], np.minimum(1, 2 * expected), rtol=0.2)
    assert result.correction == "Dunnett over the variants, Bonferroni over the metrics (2 metrics, 2 variants)"


def test_metrics_in_order_count_only_where_those_before_did(users):
    adjusted = analyze(users, metrics=["z", "x"], correction="ordered").table
    raw = adjusted["p_value"].to_numpy().reshape(2, 2)
    np.testing.assert_allclose(adjusted["p_adjusted"], np.minimum(1, 2 * np.maximum.accumulate(raw)).ravel())
    assert adjusted["verdict"].tolist() == ["tie", "worse", "tie", "tie"]
    assert analyze(users, metrics=["x", "z"], correction="ordered").table["verdict"].tolist()[0] == "better"


def test_without_correction_the_words_warn(users):
    result = analyze(users, metrics=["x"], correction="none")
    assert result.table["p_adjusted"].equals(result.table["p_value"].rename("p_adjusted"))
    assert result.correction == "none for 2 comparisons (1 metric, 2 variants): expect false wins"
    assert analyze(users, metrics=["x"]).correction == "Holm over 2 comparisons (1 metric, 2 variants)"
    two = users[users["variant"] != "C"]
    assert analyze(two, metrics=["x"]).correction == "none needed for a single comparison"


def test_simultaneous_intervals_hold_the_single_ones_and_match_dunnett(users):
    result = analyze(users, metrics=["x"], correction="dunnett")
    wide, single = result.simultaneous, result.table
    assert (wide["effect_low"] < single["effect_low"]).all() and (wide["effect_high"] > single["effect_high"]).all()
    level = dunnett_level(0.05, shared(*_spread(users)))
    again = analyze(users, metrics=["x"], confidence=1 - level).table
    np.testing.assert_allclose(wide["effect_low"], again["effect_low"], rtol=1e-9)


def _spread(users):
    spread = users.groupby("variant")["x"].var()
    return spread["A"], spread[["B", "C"]]


def test_simultaneous_intervals_all_hold_in_19_of_20_experiments():
    rng, hits = np.random.default_rng(9), 0
    for _ in range(400):
        frame = pd.DataFrame({"variant": np.repeat(list("ABC"), 200), "x": rng.exponential(1, 600)})
        intervals = analyze(frame, unit=None, metrics=["x"]).simultaneous
        hits += bool(((intervals["effect_low"] <= 0) & (intervals["effect_high"] >= 0)).all())
    assert 0.925 <= hits / 400 <= 0.98


def test_guardrails_are_held_to_a_margin(users):
    result = analyze(users, metrics=["x"], guardrails={"z": 0.02, Mean("y"): 0.001})
    rails = result.guardrails.set_index(["metric", "variant"])
    assert rails["verdict"].to_dict() == {
        ("z", "B"): "safe", ("z", "C"): "harmed", ("y", "B"): "safe", ("y", "C"): "unclear",
    }  # fmt: skip
    assert result.table["metric"].unique().tolist() == ["x"]
    # one-sided at 5 %: the bound of a 90 % interval
    ninety = analyze(users, metrics=["z"], confidence=0.9).table
    np.testing.assert_allclose(rails.loc["z", "relative_low"], ninety["relative_low"], rtol=1e-12)


def test_a_guardrail_whose_check_fails_is_not_safe(users):
    result = analyze(users.assign(z=-users["z"]), metrics=["x"], guardrails={"z": 0.02})
    assert set(result.guardrails["verdict"]) == {"not trustworthy"}
    assert "not trustworthy" not in set(result.table["verdict"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"correction": "fdr"}, "correction: expected holm, dunnett, ordered, none, found 'fdr'"),
        ({"guardrails": {"z": -0.02}}, "guardrails: expected relative losses between 0 and 1, found -0.02"),
        ({"metrics": ["x", "x"]}, "x, x are not all different"),
    ],
)
def test_wrong_options_are_refused(users, options, message):
    with pytest.raises(InputError, match=message):
        analyze(users, **{"metrics": ["x"], **options})
