"""How large and how long a test must be, and what a given size can find.

One formula serves rates and means: with standard deviations s₀ and s₁ and a difference δ,

    n per arm = ((z₁₋α/₂ · √2 · s_null + z_power · √(s₀² + s₁²)) / δ)²

where s_null is the standard deviation if there is no difference: the root mean square of the two (unpooled, the
default), or that of the pooled rate, as in R's power.prop.test.
"""

from collections.abc import Sequence
from math import ceil, sqrt
from typing import Final, NamedTuple

import pandas as pd
from scipy.stats import norm

from reco.errors import InputError
from reco.experiments.multiplicity import sidak

#: The minima asked of any test: two weeks, and so many conversions in each arm.
MIN_DAYS: Final = 14
MIN_CONVERSIONS: Final = 500


class Plan(NamedTuple):
    """Size and length of a test of a rate.

    Attributes:
        mde: relative lift that the test is made to find.
        units_per_arm: sample size by the power formula.
        total: the same over all arms.
        conversion_units: units per arm until the control has 500 conversions.
        days: the longest of 14 days, the sample size and 500 conversions per arm, in whole weeks.
        decided_by: which of the three it was.
        detectable: relative lift that 500 conversions per arm can find at the same power.
        alpha: level of each comparison with the control, after Šidák.
    """

    mde: float
    units_per_arm: int
    total: int
    conversion_units: int
    days: int
    decided_by: str
    detectable: float
    alpha: float


def plan(
    baseline: float = 0.05,
    mde: float = 0.10,
    power: float = 0.8,
    variants: int = 3,
    daily_units: float = 2000,
    alpha: float = 0.05,
) -> Plan:
    """Plan a two-sided test of a rate with equal shares.

    Args:
        baseline: rate of the control.
        mde: smallest relative lift worth finding.
        power: chance to find it if it is there.
        variants: number of arms, the control among them.
        daily_units: units that enter the whole test each day.
        alpha: chance of any false win over all comparisons with the control.

    >>> plan(baseline=0.4, mde=0.05, variants=2).units_per_arm
    9490
    """
    _check(baseline, mde, power, variants, daily_units, alpha)
    level = sidak(alpha, variants - 1)
    raised = baseline * (1 + mde)
    units = ceil(sample_size(raised - baseline, _sd(baseline), _sd(raised), power, level))
    conversion_units = ceil(MIN_CONVERSIONS / baseline)
    days = {
        "14 days": MIN_DAYS,
        "sample size": ceil(units * variants / daily_units),
        "500 conversions": ceil(conversion_units * variants / daily_units),
    }
    longest = max(days, key=days.__getitem__)
    return Plan(
        mde=mde,
        units_per_arm=units,
        total=units * variants,
        conversion_units=conversion_units,
        days=7 * ceil(days[longest] / 7),
        decided_by=longest,
        detectable=detectable(conversion_units, baseline, power, level),
        alpha=level,
    )


def compare_plans(mdes: Sequence[float], **options: float) -> pd.DataFrame:
    """One row a plan, for several smallest lifts."""
    return pd.DataFrame([plan(mde=mde, **options) for mde in mdes])


def sample_size(
    difference: float,
    sd_control: float,
    sd_variant: float,
    power: float = 0.8,
    alpha: float = 0.05,
    sd_null: float | None = None,
) -> float:
    """Units per arm for a two-sided test to find `difference`; see the module's formula.

    >>> round(sample_size(0.02, 1.2, 1.2))
    56512
    """
    spread = sqrt(sd_control**2 + sd_variant**2)
    null = spread if sd_null is None else sqrt(2) * sd_null
    return float(((norm.isf(alpha / 2) * null + norm.ppf(power) * spread) / difference) ** 2)


def achieved_power(
    n: float,
    difference: float,
    sd_control: float,
    sd_variant: float,
    alpha: float = 0.05,
    sd_null: float | None = None,
) -> float:
    """Chance that `n` units per arm find `difference`: the inverse of `sample_size`."""
    spread = sqrt(sd_control**2 + sd_variant**2)
    null = spread if sd_null is None else sqrt(2) * sd_null
    return float(norm.cdf((abs(difference) * sqrt(n) - norm.isf(alpha / 2) * null) / spread))


def rate_power(n: float, control: float, variant: float, alpha: float = 0.05) -> float:
    """Chance that `n` units per arm find the difference between two rates."""
    return achieved_power(n, variant - control, _sd(control), _sd(variant), alpha)


def detectable(n: float, baseline: float, power: float = 0.8, alpha: float = 0.05) -> float:
    """Relative lift of a rate that `n` units per arm can find: the inverse of `plan`'s sample size.

    With c = z₁₋α/₂ + z_power the absolute lift d solves n·d² = c²·(p·(1−p) + (p+d)·(1−p−d)), a quadratic.
    Infinite where no rate up to 1 would do.
    """
    c2 = float(norm.isf(alpha / 2) + norm.ppf(power)) ** 2
    a, b, c = n + c2, -c2 * (1 - 2 * baseline), -2 * c2 * baseline * (1 - baseline)
    lift = (-b + sqrt(b**2 - 4 * a * c)) / (2 * a)
    return lift / baseline if baseline + lift <= 1 else float("inf")


def _sd(rate: float) -> float:
    return sqrt(rate * (1 - rate))


def _check(baseline: float, mde: float, power: float, variants: int, daily_units: float, alpha: float) -> None:
    wrong = [
        (not 0 < baseline < 1, f"baseline: expected a rate between 0 and 1, found {baseline}"),
        (mde <= 0, f"mde: expected a relative lift above 0, found {mde}"),
        (baseline * (1 + mde) >= 1, f"mde: a lift of {mde:.0%} over {baseline:.0%} is no rate below 1"),
        (not 0.5 <= power < 1, f"power: expected a chance from 0.5 up to 1, found {power}"),
        (variants != int(variants) or variants < 2, f"variants: expected 2 or more, found {variants}"),
        (daily_units <= 0, f"daily_units: expected a number above 0, found {daily_units}"),
        (not 0 < alpha < 0.5, f"alpha: expected a level between 0 and 0.5, found {alpha}"),
    ]
    for is_wrong, message in wrong:
        if is_wrong:
            raise InputError(message)
