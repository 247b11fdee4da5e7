"""Bootstrap intervals: exact under a seed, honest in the long run."""

import numpy as np
import pytest
from scipy import stats

from reco.evaluation import Interval, bootstrap, paired_difference, verdict


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


def test_blocks_cover_every_user(monkeypatch):
    monkeypatch.setitem(bootstrap.__globals__, "BLOCK", 7)
    values = np.random.default_rng(0).random((20, 2))
    mean, low, high = bootstrap(values)
    assert mean == pytest.approx(values.mean(axis=0))
    error = values.std(axis=0) / np.sqrt(20)
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.15)


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
