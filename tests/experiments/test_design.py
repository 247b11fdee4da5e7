"""Plans against published numbers and identities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from reco.errors import InputError
from reco.experiments import compare_plans, plan
from reco.experiments.design import achieved_power, detectable, rate_power, sample_size
from reco.experiments.multiplicity import sidak


def sd(rate):
    return np.sqrt(rate * (1 - rate))


@pytest.mark.parametrize(
    ("baseline", "mde", "variants", "units"),
    # Booking.com's power calculator, through ep-stats tests; several arms by Šidák
    [(0.4, 0.05, 2, 9490), (0.1, 0.1, 2, 14_749), (0.4, 0.05, 3, 11_455), (0.1, 0.1, 4, 19_596)],
)
def test_units_per_arm_as_bookings_calculator(baseline, mde, variants, units):
    found = plan(baseline=baseline, mde=mde, variants=variants)
    assert (found.units_per_arm, found.total) == (units, units * variants)


def test_units_for_means_as_bookings_calculator():
    # the same calculator: mean .2, standard deviation 1.2, lift 10 %: 56,512; three arms 68,218
    assert round(sample_size(0.02, 1.2, 1.2)) == 56_512
    assert round(sample_size(0.02, 1.2, 1.2, alpha=sidak(0.05, 2))) == 68_218


def test_units_for_means_as_gpower():
    # G*Power in spotify/confidence test_samplesizecalculator.py: sd 10, difference .3, power .85, both arms 39,906 (t)
    assert 2 * sample_size(0.3, 10, 10, power=0.85) == pytest.approx(39_906, rel=1e-4)


def test_pooled_sample_size_as_r():
    # R: power.prop.test(p1 = .03, p2 = .02, power = .8) gives n = 3825.15, quoted in statsmodels PR 8676
    assert round(sample_size(0.01, sd(0.03), sd(0.02), sd_null=sd(0.025)), 2) == 3825.15


def test_pooled_power_as_r_and_stata():
    # R: power.prop.test(n = 76.70692, p1 = .5, p2 = .75) gives .9, in statsmodels test_power_2indep
    assert achieved_power(76.70692, -0.25, sd(0.5), sd(0.75), sd_null=sd(0.625)) == pytest.approx(0.9, abs=1e-7)
    # Stata: power twoproportions .015 .001, n(1100) gives .7415600, same file
    assert achieved_power(550, -0.014, sd(0.001), sd(0.015), sd_null=sd(0.008)) == pytest.approx(0.7415600, abs=5e-6)


def test_what_500_conversions_detect():
    # about 17.7 % from 2·(1.959964 + 0.841621)²/500 alone; the exact variances of 5 % and 2 % make it 18.0 and 18.3 %
    assert [round(plan(baseline=rate, variants=2).detectable, 3) for rate in (0.05, 0.02)] == [0.18, 0.183]


rates = st.floats(0.001, 0.4)
lifts = st.floats(0.02, 1.0)
chances = st.floats(0.5, 0.99)


@given(rates, lifts, chances)
def test_size_power_and_lift_are_inverse(baseline, mde, power):
    variant = baseline * (1 + mde)
    n = sample_size(variant - baseline, sd(baseline), sd(variant), power)
    assert rate_power(n, baseline, variant) == pytest.approx(power, rel=1e-9)
    assert detectable(n, baseline, power) == pytest.approx(mde, rel=1e-6)


def test_at_power_one_half_the_smallest_lift_is_the_margin_of_the_interval():
    margin = norm.ppf(0.975) * np.sqrt((1.1**2 + 1.3**2) / 400)
    assert sample_size(margin, 1.1, 1.3, power=0.5) == pytest.approx(400, rel=1e-12)


@pytest.mark.parametrize(
    ("options", "days", "decided_by"),
    [
        ({"baseline": 0.05, "mde": 0.1, "daily_units": 2000}, 63, "sample size"),
        ({"baseline": 0.05, "mde": 0.5, "daily_units": 2000}, 21, "500 conversions"),
        ({"baseline": 0.05, "mde": 0.5, "daily_units": 20_000}, 14, "14 days"),
    ],
)
def test_the_longest_minimum_decides_in_whole_weeks(options, days, decided_by):
    found = plan(**options)
    assert (found.days, found.decided_by) == (days, decided_by)


def test_no_lift_is_detectable_where_it_would_pass_one():
    assert detectable(3, 0.9) == float("inf")


def test_plans_compared():
    table = compare_plans([0.1, 0.2], baseline=0.1, variants=2)
    assert table["units_per_arm"].tolist() == [14_749, plan(0.1, 0.2, variants=2).units_per_arm]


@pytest.mark.parametrize(
    "wrong",
    [
        {"baseline": 0.0},
        {"mde": 0.0},
        {"baseline": 0.6, "mde": 0.9},
        {"power": 1.0},
        {"variants": 1},
        {"daily_units": 0},
        {"alpha": 0.0},
    ],
)
def test_impossible_plans_are_refused(wrong):
    with pytest.raises(InputError, match=next(reversed(wrong))):
        plan(**wrong)
