"""Comparison of means and of ratios of totals: Welch's test, Fieller's interval, the delta method."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from reco.experiments.moments import Moments, Part


class Effect(NamedTuple):
    """One arm against the control.

    Attributes:
        effect: variant minus control, with `effect_low` and `effect_high` its interval.
        relative: the same as a share of the control's value, with its own interval; infinite where the control
            cannot be told from zero.
        statistic: z or t of the test that there is no difference.
        p_value: two-sided.
    """

    effect: float
    effect_low: float
    effect_high: float
    relative: float
    relative_low: float
    relative_high: float
    statistic: float
    p_value: float


class Estimate(NamedTuple):
    """A mean or ratio of one arm, the variance of this estimate, and the units behind it."""

    value: float
    variance: float
    n: int


class Quotient(NamedTuple):
    """A total per unit, or per total of `below`."""

    above: Part
    below: Part | None = None

    def value(self, moments: Moments) -> float:
        """The quotient of one arm."""
        return moments.total(self.above) / self._size(moments)

    def weights(self, moments: Moments) -> dict[Part, float]:
        """Weights of the parts in (x − r·d) / d̄, the share of one unit in the quotient's deviation."""
        scale = moments.n / self._size(moments)
        return {self.above: scale} | ({} if self.below is None else {self.below: -self.value(moments) * scale})

    def _size(self, moments: Moments) -> float:
        return moments.n if self.below is None else moments.total(self.below)


def estimate(moments: Moments, numerator: Part, denominator: Part | None = None) -> Estimate:
    """Total of `numerator` per unit, or per `denominator`.

    A ratio r = N/D of two totals is random above and below; by the delta method its variance is that of the
    mean of (x − r·d) / d̄ over units, which for d = 1 is the usual variance of a mean.
    Deng, Knoblich and Lu, "Applying the Delta Method in Metric Analytics", KDD 2018.
    """
    quotient = Quotient(numerator, denominator)
    return Estimate(quotient.value(moments), moments.variance(quotient.weights(moments)) / moments.n, moments.n)


def adjusted(arm: Moments, control: Moments, metric: Quotient, before: Quotient) -> tuple[Estimate, Estimate]:
    """Estimates of both arms, moved to where they would be had both behaved alike before the test (CUPED).

    The value r becomes r − θ·(b − b̄), where b is the arm's quotient before the test, b̄ that of both arms together
    and θ = cov(r, b) / var(b), both of them over the units of both arms. For ratios, r and b enter by the delta
    method. Deng, Xu, Kohavi and Walker, "Improving the Sensitivity of Online Controlled Experiments by Utilizing
    Pre-Experiment Data", WSDM 2013.
    """
    both = arm + control
    past = before.weights(both)
    spread = both.variance(past)
    slope = both.covariance(metric.weights(both), past) / spread if spread else 0.0

    def move(moments: Moments) -> Estimate:
        value = metric.value(moments) - slope * (before.value(moments) - before.value(both))
        joint = metric.weights(moments)
        for part, weight in before.weights(moments).items():
            joint[part] = joint.get(part, 0.0) - slope * weight
        return Estimate(value, moments.variance(joint) / moments.n, moments.n)

    return move(arm), move(control)


def compare_means(variant: Estimate, control: Estimate, confidence: float = 0.95) -> Effect:
    """Welch's t test and interval for the difference, Fieller's interval for the relative difference.

    Both use the same quantile, so the relative interval leaves zero out exactly when the test is significant.

    >>> e = compare_means(Estimate(12.0, 0.5, 100), Estimate(10.0, 0.5, 100))
    >>> round(e.effect, 3), round(e.statistic, 3), round(e.p_value, 4)
    (2.0, 2.0, 0.0469)
    """
    difference, variance = variant.value - control.value, variant.variance + control.variance
    if variance == 0:
        t, quantile = (0.0 if difference == 0 else np.copysign(np.inf, difference)), 0.0
        p_value = 1.0 if difference == 0 else 0.0
    else:
        freedom = variance**2 / sum(arm.variance**2 / (arm.n - 1) for arm in (variant, control))
        t, quantile = difference / np.sqrt(variance), stats.t.ppf((1 + confidence) / 2, freedom)
        p_value = 2 * stats.t.sf(abs(t), freedom)
    margin = quantile * np.sqrt(variance)
    low, high = fieller(variant, control, quantile)
    return Effect(
        difference,
        difference - margin,
        difference + margin,
        difference / control.value if control.value else np.nan,
        low - 1,
        high - 1,
        float(t),
        float(p_value),
    )


def fieller(above: Estimate, below: Estimate, quantile: float) -> tuple[float, float]:
    """Limits of the ratio of two independent means: every θ with (a − θb)² ≤ q²·(var a + θ²·var b).

    Unbounded when `below` cannot be told from zero. Unlike the linear delta interval it keeps its coverage for
    heavy tails. Fieller, "Some problems in interval estimation", JRSS B 16 (1954).
    """
    a = below.value**2 - quantile**2 * below.variance
    if a <= 0:
        return -np.inf, np.inf
    b = above.value * below.value
    c = above.value**2 - quantile**2 * above.variance
    root = np.sqrt(max(b**2 - a * c, 0.0))
    return float((b - root) / a), float((b + root) / a)
