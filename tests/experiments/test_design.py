"""Plans against published numbers and identities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from reco.errors import InputError
from reco.experiments import Rate, Ratio, compare_plans, plan
from reco.experiments.design import Spread, achieved_power, detectable, rate_power, sample_size, unit_sd
from reco.experiments.means import Estimate, compare_means
from reco.experiments.moments import Moments, Part
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


def test_units_for_means_by_plan_as_bookings_calculator():
    # Booking.com's calculator through ep-stats tests: mean .2, sd 1.2, lift 10 %: 56,512; three arms 68,218
    assert plan(0.2, 0.1, variants=2, sd=1.2).units_per_arm == 56_512
    assert plan(0.2, 0.1, variants=3, sd=1.2).units_per_arm == 68_218
    # G*Power in spotify/confidence at its power of .85, 39,906 by t; by the normal quantile at .8 both arms 34,886
    assert 2 * Spread(10, 10).size(0.03) == pytest.approx(34_886, abs=4)


def test_weekly_power_as_growthbook():
    # GrowthBook docs/statistics/power.mdx: 2,195 users a week, 14.41 %, lift 20 %: power 41 % in week 1, 80 % first in
    # week 3, lift found in week 1 34.5 %; to more digits 41.3, 69.2, 85.4 and 34.55 %. The test is of the relative
    # effect, with the control's variance in both arms.
    spread = Spread(0.1441, sd(0.1441), relative=True)
    chances = [spread.power(2195 * week / 2, 0.2) for week in (1, 2, 3)]
    assert [round(chance, 3) for chance in chances] == [0.413, 0.692, 0.854]
    assert round(spread.mde(2195 / 2), 4) == 0.3455
    assert Spread(0.1441, sd(0.1441)).power(2195 / 2, 0.2) > chances[0]
    assert Spread(1.0, 1e3, relative=True).mde(10) == float("inf")


def test_non_inferiority_as_chow_shao_wang():
    # R code of powerandsamplesize.com, Chow, Shao and Wang 2008, p. 90: pA .85, pB .65, delta -.10, alpha .05, power .8
    spread = Spread(0.65, alpha=0.05, sides=1, margin=0.10 / 0.65)
    assert np.ceil(spread.size(0.85 / 0.65 - 1)) == 25
    # the same with the roles of size and power changed, by the formula printed there
    z = 0.3 / np.sqrt((0.85 * 0.15 + 0.65 * 0.35) / 25)
    assert spread.power(25, 0.85 / 0.65 - 1) == pytest.approx(norm.cdf(z - norm.ppf(0.95)), rel=1e-12)


def test_what_rare_conversions_buy():
    # at low rates only conversions count: for +10 % 1,570 per arm, 1,901 for two comparisons; for +5 % 6,279 and 7,604
    rare = [Spread(1e-6, 1e-3, alpha=alpha).size(lift) * 1e-6 for lift in (0.1, 0.05) for alpha in (0.05, 0.025)]
    assert [round(n) for n in rare] == [1570, 1901, 6279, 7604]


spreads = st.builds(
    Spread,
    baseline=st.floats(0.01, 0.5),
    sd=st.none() | st.floats(0.05, 5),
    ratio=st.floats(0.1, 4),
    alpha=st.floats(0.001, 0.1),
    sides=st.sampled_from([1, 2]),
    margin=st.sampled_from([0.0, 0.02, 0.2]),
    relative=st.booleans(),
)


@given(spreads, st.floats(0.02, 0.9), chances)
def test_lift_size_and_power_are_inverse_for_any_comparison(spread, lift, power):
    size = spread.size(lift, power)
    assert spread.power(size, lift) == pytest.approx(power, rel=1e-9)
    assert spread.mde(size, power) == pytest.approx(lift, rel=1e-6)
    assert spread.power(size, spread.mde(size, power)) == pytest.approx(power, abs=1e-9)


@given(st.floats(0.2, 50), st.floats(0.1, 5), st.integers(50, 5000), st.floats(0.2, 5), st.sampled_from([0.9, 0.95]))
def test_at_power_one_half_the_bound_of_the_interval_is_the_smallest_lift(mean, sd, n, ratio, confidence):
    # spotify/confidence pull request 68; large samples, so that Welch's quantile is the normal one
    units = n * 10**7
    mde = Spread(mean, sd, ratio, 1 - confidence).mde(units, 0.5)
    lifted, base = (
        Estimate(value, sd**2 / size, size) for value, size in ((mean * (1 + mde), units * ratio), (mean, units))
    )
    assert abs(compare_means(lifted, base, confidence).effect_low) < 1e-5 * mean * mde


def test_power_is_reached_in_simulation():
    # within two points, as the settings promise; 20,000 experiments each
    rng, n = np.random.default_rng(1), plan(0.05, 0.1, variants=2).units_per_arm
    hits, base = rng.binomial(n, 0.055, 20_000), rng.binomial(n, 0.05, 20_000)
    pooled = (hits + base) / (2 * n)
    z = (hits - base) / n / np.sqrt(pooled * (1 - pooled) * 2 / n)
    assert (z > 1.96).mean() == pytest.approx(0.8, abs=0.02)


def test_dunnett_needs_fewer_units_than_sidak_and_reaches_its_level():
    strict, mild = (plan(0.1, 0.1, variants=4, correction=c) for c in ("sidak", "dunnett"))
    assert mild.units_per_arm < strict.units_per_arm and mild.alpha > strict.alpha
    assert mild.correction == "Dunnett over 3 comparisons" and strict.correction == "Šidák over 3 comparisons"
    z = np.random.default_rng(2).normal(size=(200_000, 4))
    rivals = (z[:, 1:] - z[:, :1]) / np.sqrt(2)
    assert (np.abs(rivals).max(axis=1) > norm.isf(mild.alpha / 2)).mean() == pytest.approx(0.05, abs=0.002)


def test_unequal_shares_cost_units():
    even = plan(0.05, 0.1, variants=2, daily_units=2000)
    uneven = plan(0.05, 0.1, variants=2, daily_units=2000, shares=[9, 1])
    # the variance of the difference, 1/f₀ + 1/f₁, is 11.1 instead of 4, but for the variant's own variance
    assert 2.7 < uneven.total / even.total < 2.9
    assert uneven.units_per_arm == pytest.approx(uneven.total / 10, abs=1)
    # statsmodels issue 8049: the same plan with all counted in the other arm
    assert Spread(0.1, 1.0, ratio=4).size(0.5) == pytest.approx(Spread(0.1, 1.0, ratio=0.25).size(0.5) / 4)


def test_shares_of_several_arms_are_sized_by_the_smallest():
    found = plan(0.1, 0.2, variants=3, shares=[2, 1, 1], correction="none")
    assert found.total == pytest.approx(4 * found.units_per_arm, abs=3)
    assert plan(0.1, 0.2, variants=3, shares=[0.5, 0.25, 0.25], correction="none") == found


def test_every_variant_has_the_power_that_was_planned():
    found = plan(0.1, 0.2, variants=3, shares=[2, 2, 1])
    assert found.units_per_arm == pytest.approx(found.total / 5, abs=1)
    control = 2 * found.units_per_arm
    small, large = (Spread(0.1, ratio=ratio, alpha=found.alpha).power(control, 0.2) for ratio in (0.5, 1.0))
    assert small == pytest.approx(0.8, abs=1e-3) and large > 0.85


def test_one_side_needs_less_and_a_margin_is_one_sided():
    two, one = (plan(0.05, 0.1, variants=2, sides=sides) for sides in (2, 1))
    assert one.units_per_arm < two.units_per_arm
    safe = [plan(0.05, 0.0, variants=2, margin=0.1, sides=sides).units_per_arm for sides in (1, 2)]
    assert safe[0] == safe[1] == np.ceil(2 * 0.0475 * (norm.isf(0.05) + norm.ppf(0.8)) ** 2 / 0.005**2)


def test_a_mean_counts_conversions_only_if_told():
    silent = plan(3.0, 0.5, sd=4.0, variants=2, daily_units=1e6)
    assert (silent.conversion_units, silent.decided_by) == (0, "14 days") and np.isnan(silent.detectable)
    told = plan(3.0, 0.5, sd=4.0, variants=2, daily_units=1000, conversion_rate=0.02)
    assert (told.conversion_units, told.days, told.decided_by) == (25_000, 56, "500 conversions")


def test_a_ratio_is_planned_from_the_sums_of_ordinary_days():
    rng = np.random.default_rng(3)
    sizes = rng.integers(1, 9, 5000)
    clicks = rng.binomial(sizes, rng.beta(1, 4, 5000))
    parts = (Part("clicks"), Part("shown"))
    moments = Moments.of(np.column_stack([clicks, sizes]).astype(float), parts)
    metric = Ratio("clicks", "shown")
    sd = unit_sd(metric, moments)
    assert sd / np.sqrt(5000) == pytest.approx(np.sqrt(metric.variance(moments, moments) / 2), rel=1e-12)
    ctr = clicks.sum() / sizes.sum()
    # counting impressions as independent would promise the same with far fewer users
    naive = plan(ctr, 0.1, variants=2).units_per_arm / sizes.mean()
    assert plan(ctr, 0.1, variants=2, sd=sd).units_per_arm > 1.3 * naive
    assert unit_sd(Rate("hit"), Moments((Part("hit", "any"),), 10, np.array([2.0]), np.array([[2.0]]))) == 0.4


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


def test_what_the_least_conversions_miss_is_told():
    # at 500 conversions each, the lift that they can find is found with the power that was planned, no less and no more
    found = plan(0.05, 0.1, variants=3, shares=[2, 1, 1], daily_units=2000)
    assert plan(0.05, found.detectable, variants=3, shares=[2, 1, 1]).chance == pytest.approx(0.8, abs=1e-9)
    assert "500 conversions in each arm (10,000 units) find a lift of +17.3% or more with a chance of 80%" in str(found)
    assert f"a lift of +10.0% they miss with a chance of {1 - found.chance:.0%}" in found.limits
    assert plan(0.05, 0.5, variants=2).limits.endswith("enough for the +50.0% asked for.")
    assert plan(3.0, 0.5, sd=4.0).limits == "No conversions are counted."


def test_other_minima_may_be_asked_for():
    found = plan(0.05, 0.5, variants=2, daily_units=20_000, min_days=30)
    assert (found.days, found.decided_by) == (35, "30 days")
    found = plan(0.05, 0.5, variants=2, daily_units=1000, min_conversions=2000)
    assert (found.days, found.decided_by, found.conversion_units) == (84, "2000 conversions", 40_000)


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
        {"sd": 0.0},
        {"sd": 1.0, "baseline": -1.0},
        {"shares": [1, 2]},
        {"shares": [1, 0, 1]},
        {"sides": 3},
        {"margin": -0.1},
        {"margin": 0.1, "mde": -0.2},
        {"correction": "holm"},
        {"conversion_rate": 0.0},
        {"min_days": 0},
    ],
)
def test_impossible_plans_are_refused(wrong):
    with pytest.raises(InputError, match=next(reversed(wrong))):
        plan(**wrong)
