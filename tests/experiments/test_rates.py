"""Rates against published numbers and identities."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from reco.experiments.rates import compare_rates, rates


def test_newcombe_interval_as_published():
    # statsmodels stats/tests/test_proportion.py, from R: 7 of 34 against 1 of 34, Newcombe .019 to .340
    effect = compare_rates(7, 34, 1, 34)
    assert (round(effect.effect_low, 3), round(effect.effect_high, 3)) == (0.019, 0.340)


def test_newcombe_interval_from_wilsons():
    # Newcombe 1998, table II method 10, first row: 56/70 against 48/80, interval 0.0524 to 0.3339
    effect = compare_rates(56, 70, 48, 80)
    assert (round(effect.effect_low, 4), round(effect.effect_high, 4)) == (0.0524, 0.3339)


def test_pooled_z_is_the_chi_square_test():
    effect = compare_rates(56, 70, 48, 80)
    chi2 = stats.chi2_contingency([[56, 14], [48, 32]], correction=False)
    assert effect.statistic**2 == pytest.approx(chi2.statistic, rel=1e-12)
    assert effect.p_value == pytest.approx(chi2.pvalue, rel=1e-10)


def test_relative_interval_as_scipy():
    effect = compare_rates(56, 70, 48, 80, confidence=0.9)
    theirs = stats.contingency.relative_risk(56, 70, 48, 80)
    interval = theirs.confidence_interval(0.9)
    found = (effect.relative + 1, effect.relative_low + 1, effect.relative_high + 1)
    assert found == pytest.approx((theirs.relative_risk, interval.low, interval.high), rel=1e-12)


counts = st.integers(2, 5000).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n)))


@given(counts, counts)
def test_swapping_arms_flips_signs(a, b):
    one, other = compare_rates(*a, *b), compare_rates(*b, *a)
    assert one.effect == -other.effect and one.p_value == pytest.approx(other.p_value, rel=1e-9)
    assert (one.effect_low, one.effect_high) == pytest.approx((-other.effect_high, -other.effect_low), rel=1e-9)
    assert (one.relative_low + 1) * (other.relative_high + 1) == pytest.approx(1, rel=1e-9)


@given(counts, counts, st.sampled_from([0.8, 0.95, 0.99]))
def test_p_value_at_the_limit_of_the_log_ratio_is_alpha(a, b, confidence):
    effect = compare_rates(*a, *b, confidence)
    error = np.sqrt(1 / a[0] - 1 / a[1] + 1 / b[0] - 1 / b[1])
    if error:
        for limit in (effect.relative_low, effect.relative_high):
            z = np.log((effect.relative + 1) / (limit + 1)) / error
            assert 2 * stats.norm.sf(abs(z)) == pytest.approx(1 - confidence, rel=1e-6)


@pytest.mark.parametrize(("hits", "hits_0"), [(0, 0), (0, 9), (9, 0), (50, 50)])
def test_empty_and_full_arms_give_intervals_that_hold_the_estimate(hits, hits_0):
    effect = compare_rates(hits, 50, hits_0, 50)
    assert effect.effect_low <= effect.effect <= effect.effect_high
    assert effect.relative_low <= effect.relative_high
    assert np.isfinite(effect.p_value) and np.isfinite(effect.statistic)


def test_rates_by_group():
    frame = pd.DataFrame({"arm": ["A"] * 10 + ["B"] * 10, "hit": [True] * 2 + [False] * 18})
    table = rates(frame, "arm", "hit")
    assert table[["arm", "n", "hits", "rate"]].to_numpy().tolist() == [["A", 10, 2, 0.2], ["B", 10, 0, 0.0]]
    # R: prop.test(2, 10, correct = FALSE)$conf.int
    assert table.loc[0, ["rate_low", "rate_high"]].tolist() == pytest.approx([0.05668215, 0.5098375], rel=1e-6)
