"""Bootstrap intervals: exact under a seed, honest in the long run."""

import numpy as np
import pytest
from scipy import stats

from reco.evaluation import Interval, bootstrap, paired_difference, verdict
from reco.evaluation.bootstrap import paired_p_values


def test_exact_with_a_seed():
    values = np.arange(20.0)[:, None]
    first, again, other = (bootstrap(values, seed=seed) for seed in (1, 1, 2))
    assert first.tolist() == again.tolist()
    assert first[0].tolist() == other[0].tolist() == [9.5]
    assert (first[1:] != other[1:]).all()


def test_the_draws_are_those_of_the_formula():
    values = np.array([[0.0], [1.0], [5.0]])
    weights = np.random.default_rng(3).poisson(1.0, (1000, 3))
    weights = weights[weights.sum(axis=1) > 0]
    means = weights @ values[:, 0] / weights.sum(axis=1)
    expected = [2.0, *np.quantile(means, [0.05, 0.95])]
    assert bootstrap(values, confidence=0.9, seed=3)[:, 0] == pytest.approx(expected, rel=1e-12)


def test_many_users_are_drawn_in_groups(monkeypatch):
    values = np.random.default_rng(0).random((3000, 2)) ** 3
    values[::3, 1] = np.nan
    mean, low, high = bootstrap(values, draws=4000)
    monkeypatch.setitem(bootstrap.__globals__, "GROUPS", 700)
    pooled_mean, pooled_low, pooled_high = bootstrap(values, draws=4000)
    assert pooled_mean.tolist() == mean.tolist() == pytest.approx(np.nanmean(values, axis=0))
    assert pooled_high - pooled_low == pytest.approx(high - low, rel=0.1)


def test_groups_are_random_and_not_by_order(monkeypatch):
    # users come by id, which may be by age: groups taken in turn would all hold as many of the old as of the new
    values = np.repeat([0.0, 1.0], 1000)[:, None]
    monkeypatch.setitem(bootstrap.__globals__, "GROUPS", 500)
    _, low, high = bootstrap(values)[:, 0]
    error = values.std() / np.sqrt(2000)
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_columns_share_their_draws():
    values = np.random.default_rng(0).random(50)
    both = bootstrap(np.column_stack([values, 2 * values]))
    assert both[:, 1] == pytest.approx(2 * both[:, 0])


def test_width_is_that_of_the_normal_interval():
    values = np.random.default_rng(0).normal(size=(4000, 1))
    mean, low, high = bootstrap(values)[:, 0]
    low_normal, high_normal = stats.norm.interval(0.95, values.mean(), stats.sem(values[:, 0]))
    assert (low, high) == pytest.approx((low_normal, high_normal), abs=0.1 * (high - low))
    assert low < mean < high


def test_95_percent_intervals_hold_the_truth_in_95_of_100_worlds():
    rng = np.random.default_rng(20170101)
    held = 0
    for world in range(400):
        _, low, high = bootstrap(rng.beta(0.5, 2, (100, 1)), seed=world)[:, 0]  # true mean 0.2, skewed
        held += low <= 0.2 <= high
    assert 0.91 <= held / 400 <= 0.98  # 0.95 give or take three standard errors and the small sample


def test_missing_values_are_left_out():
    values = np.array([[1.0], [3.0], [np.nan]])
    mean, low, high = bootstrap(values)[:, 0]
    assert (mean, low, high) == (2.0, 1.0, 3.0)


def test_column_without_any_value_has_no_mean():
    result = bootstrap(np.array([[np.nan, 1.0], [np.nan, 1.0]]))
    assert np.isnan(result[:, 0]).all()
    assert result[:, 1].tolist() == [1, 1, 1]


def test_nobody_has_no_mean():
    assert np.isnan(bootstrap(np.empty((0, 2)))).all()


@pytest.mark.parametrize("users", [1, 2])
def test_few_users_are_never_drawn_as_nobody(users):
    assert bootstrap(np.ones((users, 1))).ravel().tolist() == [1, 1, 1]


def test_swapping_a_paired_difference_flips_its_signs():
    rng = np.random.default_rng(0)
    a, b = rng.random(200), rng.random(200)
    one, other = paired_difference(a, b), paired_difference(b, a)
    assert one == pytest.approx((-other.value, -other.high, -other.low), rel=1e-9)


def test_pairing_sees_a_difference_that_separate_intervals_hide():
    rng = np.random.default_rng(0)
    b = rng.random(300)
    a = b + 0.01 + rng.normal(0, 0.01, 300)
    assert verdict(paired_difference(a, b)) == "better"
    assert bootstrap(a[:, None])[1, 0] < bootstrap(b[:, None])[2, 0]


@pytest.mark.parametrize(
    ("interval", "word"),
    [
        (Interval(1, 0.1, 2), "better"),
        (Interval(-1, -2, -0.1), "worse"),
        (Interval(0.1, -0.1, 0.3), "tie"),
        (Interval(0.1, 0.0, 0.3), "tie"),
        (Interval(-0.1, -0.3, 0.0), "tie"),
    ],
)
def test_verdict(interval, word):
    assert verdict(interval) == word


def test_p_values_as_scipy():
    rng = np.random.default_rng(0)
    gaps = rng.normal([0, 0.1, 0.5], 1, (40, 3))
    expected = stats.ttest_1samp(gaps, 0).pvalue
    assert paired_p_values(gaps) == pytest.approx(expected, rel=1e-10)
    gaps[:7, 1] = np.nan
    assert paired_p_values(gaps)[1] == pytest.approx(stats.ttest_1samp(gaps[7:, 1], 0).pvalue, rel=1e-10)


def test_p_values_of_differences_that_do_not_vary():
    gaps = np.array([[0.0, 0.1, np.nan, 0.1], [0.0, 0.1, 0.3, np.nan], [0.0, 0.1, np.nan, np.nan]])
    p_values = paired_p_values(gaps)
    assert p_values[:2].tolist() == [1, 0]
    assert np.isnan(p_values[2:]).all()
    assert paired_p_values(np.empty((0, 0))).shape == (0,)


def test_p_values_are_even_where_nothing_differs():
    # hits are zeros and ones, and few users differ: the share below 5 % is 5 % give or take three standard errors
    rng = np.random.default_rng(1)
    gaps = (rng.random((300, 2000)) < 0.1).astype(float) - (rng.random((300, 2000)) < 0.1)
    assert np.mean(paired_p_values(gaps) < 0.05) == pytest.approx(0.05, abs=0.015)
