"""Means and ratios against published numbers, other implementations and identities."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from reco.experiments.means import Estimate, compare_means, estimate, fieller
from reco.experiments.moments import Moments, Part

ORDERS, SESSIONS = Part("orders"), Part("sessions")


def moments(n, sessions, orders, sessions2, orders2, cross):
    return Moments(
        (SESSIONS, ORDERS), n, np.array([sessions, orders]), np.array([[sessions2, cross], [cross, orders2]])
    )


# Sums over users of tea_tasting.make_users_data(rng=42), tea-tasting 1.14.0, variants 0 and 1.
CONTROL = moments(2023, 4038.0, 1073.0, 10098.0, 2073.0, 2648.0)
VARIANT = moments(1977, 3920.0, 1133.0, 9698.0, 2121.0, 2730.0)


def test_orders_per_user_as_tea_tasting():
    # tea-tasting docs/user-guide.md: orders per user 0.530 -> 0.573, p 0.118; full digits from version 1.14.0
    effect = compare_means(estimate(VARIANT, ORDERS), estimate(CONTROL, ORDERS))
    assert effect.effect == pytest.approx(0.04269014577177832, rel=1e-12)
    assert effect.p_value == pytest.approx(0.11773177998716207, rel=1e-12)
    assert (effect.effect_low, effect.effect_high) == pytest.approx((-0.0108002, 0.0961805), rel=1e-5)


def test_orders_per_session_as_tea_tasting():
    # tea-tasting docs/user-guide.md: p 0.0762; delta method over users, Welch's degrees of freedom
    effect = compare_means(estimate(VARIANT, ORDERS, SESSIONS), estimate(CONTROL, ORDERS, SESSIONS))
    assert effect.p_value == pytest.approx(0.0762375997816836, rel=1e-12)


def test_revenue_as_gbstats():
    # growthbook packages/stats tests/frequentist/test_tests.py: expected .70732 relative, .29 absolute with p .02016
    x = Part("x")
    control = Moments((x,), 3407, np.array([1396.87]), np.array([[52377.9767]]))
    variant = Moments((x,), 3461, np.array([2422.7]), np.array([[134698.29]]))
    effect = compare_means(estimate(variant, x), estimate(control, x))
    assert round(effect.relative, 5) == 0.70732
    assert (round(effect.effect, 2), round(effect.p_value, 5)) == (0.29, 0.02016)
    # the linear interval of the same source, (-.03526, 1.44989), holds zero although p is .02; Fieller's does not
    assert effect.relative_low > 0


def test_welch_as_scipy():
    rng = np.random.default_rng(1)
    a, b = rng.normal(3, 2, 40), rng.normal(2, 1, 70)
    ours = compare_means(*(Estimate(s.mean(), s.var(ddof=1) / len(s), len(s)) for s in (a, b)), confidence=0.9)
    theirs = stats.ttest_ind(a, b, equal_var=False)
    interval = theirs.confidence_interval(0.9)
    assert (ours.statistic, ours.p_value) == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-10)
    assert (ours.effect_low, ours.effect_high) == pytest.approx((interval.low, interval.high), rel=1e-10)


def test_delta_method_as_cluster_robust_regression():
    # an independent route to the same standard error: sessions in a regression, errors clustered by user
    rng = np.random.default_rng(2)
    users = pd.DataFrame({"user": range(3000), "taste": rng.beta(0.5, 1.5, 3000), "size": rng.poisson(1, 3000) + 1})
    rows = users.loc[users.index.repeat(users["size"])].assign(one=1.0)
    rows["click"] = (rng.random(len(rows)) < rows["taste"]).astype(float)
    rows["arm"] = rows["user"] % 2
    fit = smf.ols("click ~ arm", rows).fit(cov_type="cluster", cov_kwds={"groups": rows["user"]})
    per_user = rows.groupby(["arm", "user"])[["click", "one"]].sum()
    parts = (Part("click"), Part("one"))
    arms = [estimate(Moments.of(per_user.loc[arm].to_numpy(), parts), *parts) for arm in (1, 0)]
    assert arms[0].value - arms[1].value == pytest.approx(fit.params["arm"], rel=1e-9)
    assert np.sqrt(arms[0].variance + arms[1].variance) == pytest.approx(fit.bse["arm"], rel=1e-3)


estimates = st.builds(
    Estimate, st.floats(0.5, 100), st.floats(1e-4, 1.0), st.integers(5, 10_000)
)  # fmt: skip


@given(estimates, estimates, st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_p_value_at_the_limit_of_the_interval_is_alpha(a, b, confidence):
    effect = compare_means(a, b, confidence)
    for limit in (effect.effect_low, effect.effect_high):
        moved = compare_means(a._replace(value=a.value - limit), b, confidence)
        assert moved.p_value == pytest.approx(1 - confidence, rel=1e-6)


@given(estimates, estimates, st.sampled_from([1.0, 1.96, 2.58]))
def test_fiellers_limits_solve_its_equation(a, b, quantile):
    for limit in fieller(a, b, quantile):
        if np.isfinite(limit):
            distance = abs(a.value - limit * b.value) / np.sqrt(a.variance + limit**2 * b.variance)
            assert distance == pytest.approx(quantile, rel=1e-6)


@given(estimates, estimates)
def test_relative_interval_leaves_out_zero_exactly_when_the_test_is_significant(a, b):
    effect = compare_means(a, b)
    if np.isfinite(effect.relative_low) and abs(effect.p_value - 0.05) > 1e-9:
        assert (effect.p_value < 0.05) == (effect.relative_low > 0 or effect.relative_high < 0)


@given(estimates, estimates)
def test_swapping_arms_flips_signs(a, b):
    one, other = compare_means(a, b), compare_means(b, a)
    assert one.effect == -other.effect and one.statistic == -other.statistic and one.p_value == other.p_value
    assert (one.effect_low, one.effect_high) == pytest.approx((-other.effect_high, -other.effect_low), rel=1e-9)
    assert (one.relative + 1) * (other.relative + 1) == pytest.approx(1, rel=1e-9)


def test_relative_interval_is_unbounded_where_the_control_may_be_zero():
    effect = compare_means(Estimate(1.0, 0.1, 50), Estimate(0.1, 0.1, 50))
    assert (effect.relative_low, effect.relative_high) == (-np.inf, np.inf)


def test_constant_outcomes_give_no_nan():
    same = compare_means(Estimate(1.0, 0.0, 9), Estimate(1.0, 0.0, 9))
    assert (same.statistic, same.p_value, same.effect_low, same.relative_high) == (0, 1, 0, 0)
    assert compare_means(Estimate(2.0, 0.0, 9), Estimate(1.0, 0.0, 9)).p_value == 0
