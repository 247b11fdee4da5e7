"""How large and how long a test must be, and what a given size can find.

One formula serves rates, means and ratios: with standard deviations s₀ and s₁ of control and variant, r units of the
variant for each one of the control, and a difference δ beyond the one that is tested against,

    n control = ((z_alpha · √(s_null² + s_null² / r) + z_power · √(s₀² + s₁² / r)) / δ)²

where s_null is the standard deviation if there is no difference: that of the pooled rate, as in R's power.prop.test,
or by default whatever makes both roots alike. z_alpha is that of half the level for a two-sided test.
"""

from collections.abc import Sequence
from math import ceil, inf, nan, sqrt
from typing import Final, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import norm

from reco.errors import InputError
from reco.experiments.means import Quotient, estimate
from reco.experiments.metrics import Metric, Rate
from reco.experiments.moments import Moments
from reco.experiments.multiplicity import dunnett_level, shared, sidak

#: The minima asked of any test: two weeks, and so many conversions in each arm.
MIN_DAYS: Final = 14
MIN_CONVERSIONS: Final = 500

Arms = Literal["sidak", "dunnett", "none"]


class Plan(NamedTuple):
    """Size and length of a test.

    Attributes:
        mde: relative lift that the test is made to find.
        units_per_arm: sample size by the power formula, of the smallest variant if shares differ.
        total: units over all arms.
        conversion_units: units per arm until the control has 500 conversions; 0 where none are counted.
        days: the longest of 14 days, the sample size and 500 conversions per arm, in whole weeks.
        decided_by: which of the three it was.
        detectable: relative lift that 500 conversions per arm can find at the same power; NaN where none are counted.
        alpha: level of each comparison with the control.
        correction: how the level was corrected for several arms, in words.
        chance: that a test which ends at 500 conversions per arm finds the lift `mde`; NaN where none are counted.
        power: chance to find `mde` that was planned for.
        conversions: what is asked of each arm, 500 unless told otherwise.

    Printed, it is a few sentences.
    """

    mde: float
    units_per_arm: int
    total: int
    conversion_units: int
    days: int
    decided_by: str
    detectable: float
    alpha: float
    correction: str = ""
    chance: float = nan
    power: float = 0.8
    conversions: int = MIN_CONVERSIONS

    @property
    def limits(self) -> str:
        """What the least number of conversions in each arm can and cannot detect, in words."""
        if not self.conversion_units:
            return "No conversions are counted."
        least = f"{self.conversions:,} conversions in each arm ({self.conversion_units:,} units)"
        if self.detectable == inf:
            return f"{least} find no lift at all with a chance of {self.power:.0%}."
        found = f"{least} find a lift of {self.detectable:+.1%} or more with a chance of {self.power:.0%}"
        if self.detectable <= self.mde:
            return f"{found}: enough for the {self.mde:+.1%} asked for."
        return f"{found}; a lift of {self.mde:+.1%} they miss with a chance of {1 - self.chance:.0%}."

    def __str__(self) -> str:
        return (
            f"{self.days} days, set by {self.decided_by}: {self.units_per_arm:,} units in each arm, {self.total:,} in "
            f"all, find a lift of {self.mde:+.1%} with a chance of {self.power:.0%} (level {self.alpha:.2%} for each "
            f"comparison; correction: {self.correction}). {self.limits}"
        )


class Spread(NamedTuple):
    """What a comparison of two arms depends on besides its size.

    Attributes:
        baseline: value of the control.
        sd: standard deviation between units, None for a rate, whose own follows from its value.
        ratio: units of the variant for each unit of the control.
        alpha: level of the comparison.
        sides: 2, or 1 for larger values only.
        margin: relative loss that is still borne; above 0 the test is whether the variant loses less (non-inferiority),
            on one side.
        relative: whether the test is of the relative effect by the linear delta method, as some platforms have it: its
            error grows with the lift, so that it needs more units than a test of the difference. Only with `sd`.
    """

    baseline: float
    sd: float | None = None
    ratio: float = 1.0
    alpha: float = 0.05
    sides: int = 2
    margin: float = 0.0
    relative: bool = False

    def error(self, lift: float) -> float:
        """Standard error of the difference with a single unit in the control."""
        if self.sd is None:
            return sqrt(_variance(self.baseline) + _variance(self.baseline * (1 + lift)) / self.ratio)
        return self.sd * sqrt(((1 + lift) ** 2 if self.relative else 1.0) + 1 / self.ratio)

    def size(self, lift: float, power: float = 0.8) -> float:
        """Units in the control to find a relative lift.

        >>> round(Spread(0.4).size(0.05))
        9489
        """
        distance = abs(self.baseline * (lift + self.margin))
        return (self._reach(power) * self.error(lift) / distance) ** 2

    def power(self, size: float, lift: float) -> float:
        """Chance that `size` units in the control find a relative lift: the inverse of `size`.

        That of the right side alone, as R's power.prop.test has it: with no effect it is half the level.
        """
        distance = self.baseline * (lift + self.margin)
        distance = abs(distance) if self.sides == 2 and not self.margin else distance
        return float(norm.cdf(sqrt(size) * distance / self.error(lift) - self._limit()))

    def mde(self, size: float, power: float = 0.8) -> float:
        """Smallest relative lift that `size` units in the control find: the inverse of `power`.

        Infinite where no rate up to 1 would do. With a margin it may lie below zero: a loss small enough to be shown
        to be within the margin.
        """
        reach = self._reach(power) / sqrt(size)

        def short(lift: float) -> float:
            return self.baseline * (lift + self.margin) - reach * self.error(lift)

        if self.sd is None:
            highest = 1 / self.baseline - 1
        elif not self.relative:
            return reach * self.error(0.0) / self.baseline - self.margin
        else:  # the error grows as reach · sd · lift in the end: if faster than the effect, no lift will do
            highest = 1.0
            while short(highest) < 0 and self.baseline > reach * self.sd and highest < 1e12:
                highest *= 2
        return inf if short(highest) < 0 else float(brentq(short, -self.margin, highest, xtol=1e-15, rtol=1e-14))

    def _limit(self) -> float:
        return float(norm.isf(self.alpha / (1 if self.margin else self.sides)))

    def _reach(self, power: float) -> float:
        return self._limit() + float(norm.ppf(power))


def plan(
    baseline: float = 0.05,
    mde: float = 0.10,
    power: float = 0.8,
    variants: int = 3,
    daily_units: float = 2000,
    alpha: float = 0.05,
    *,
    sd: float | None = None,
    shares: Sequence[float] | None = None,
    sides: Literal[1, 2] = 2,
    margin: float = 0.0,
    correction: Arms = "sidak",
    conversion_rate: float | None = None,
    min_days: int = MIN_DAYS,
    min_conversions: int = MIN_CONVERSIONS,
) -> Plan:
    """Plan a test of a rate, a mean or a ratio.

    Args:
        baseline: value of the control: a rate, or with `sd` a mean or ratio.
        mde: smallest relative lift worth finding; with `margin`, the lift that is believed in, often 0.
        power: chance to find it if it is there.
        variants: number of arms, the control among them.
        daily_units: units that enter the whole test each day.
        alpha: chance of any false win over all comparisons with the control.
        sd: standard deviation between units; None plans a rate. For a ratio, that of (x − r·d) / d̄, see `unit_sd`.
        shares: planned share of units by arm, the control first; equal by default.
        sides: 2, or 1 if only a gain would change anything.
        margin: relative loss that is still borne; above 0 plans a test of non-inferiority at one side.
        correction: of the level for several arms: `sidak`, `dunnett` (milder: it knows that they share the control)
            or `none`.
        conversion_rate: conversions per unit, where they are not what is tested; the 500 conversions go by it. None
            counts none for means and ratios.
        min_days, min_conversions: what is asked of any test, 14 and 500.

    >>> plan(baseline=0.4, mde=0.05, variants=2).units_per_arm
    9490
    >>> print(plan(baseline=0.05, mde=0.1, variants=2, daily_units=2000).limits)
    500 conversions in each arm (10,000 units) find a lift of +18.0% or more with a chance of 80%; a lift of +10.0% \
they miss with a chance of 65%.
    """
    shares = np.ones(int(variants)) if shares is None else np.asarray(shares, dtype=float)
    _check(baseline, mde, power, variants, daily_units, alpha, sd)
    _check_form(shares, variants, sides, margin, mde, correction, conversion_rate)
    least_of = min(min_days, min_conversions)
    _raise_first([(least_of < 1, f"min_days, min_conversions: expected 1 or more, found {least_of}")])
    ratios = shares[1:] / shares[0]
    level, words = _level(alpha, ratios, 1 if margin else sides, correction)
    # the smallest variant needs the most; all others then find more
    spread = Spread(baseline, sd, float(ratios.min()), level, sides, margin)
    control = spread.size(mde, power)
    rate = conversion_rate if conversion_rate is not None else (baseline if sd is None else None)
    least = float((shares / shares[0]).min())  # the smallest arm, in units of the control
    conversion_units = 0 if rate is None else ceil(min_conversions / rate)
    whole = float(shares.sum() / shares[0])
    days = {
        f"{min_days} days": min_days,
        "sample size": ceil(_up(control, shares) / daily_units),
        f"{min_conversions} conversions": ceil(conversion_units / least * whole / daily_units),
    }
    longest = max(days, key=days.__getitem__)
    return Plan(
        mde=mde,
        units_per_arm=ceil(control * spread.ratio),
        total=_up(control, shares),
        conversion_units=conversion_units,
        days=7 * ceil(days[longest] / 7),
        decided_by=longest,
        detectable=spread.mde(conversion_units / least, power) if conversion_units else nan,
        alpha=level,
        correction=words,
        chance=spread.power(conversion_units / least, mde) if conversion_units else nan,
        power=power,
        conversions=min_conversions,
    )


def compare_plans(mdes: Sequence[float], **options: float) -> pd.DataFrame:
    """One row a plan, for several smallest lifts."""
    return pd.DataFrame([plan(mde=mde, **options) for mde in mdes])


def unit_sd(metric: Metric, arm: Moments) -> float:
    """Standard deviation between units that `plan` takes, from the sums of an earlier test or of ordinary days.

    For a ratio it is that of the delta method, so that its square over n is the variance of the ratio.
    """
    if isinstance(metric, Rate):
        return sqrt(metric.spread(arm))
    quotient: Quotient = metric.quotient
    return sqrt(estimate(arm, *quotient).variance * arm.n)


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
    return Spread(control, alpha=alpha).power(n, variant / control - 1)


def detectable(n: float, baseline: float, power: float = 0.8, alpha: float = 0.05) -> float:
    """Relative lift of a rate that `n` units per arm can find; infinite where no rate up to 1 would do."""
    return Spread(baseline, alpha=alpha).mde(n, power)


def _variance(rate: float) -> float:
    return max(rate * (1 - rate), 0.0)


def _up(control: float, shares: np.ndarray) -> int:
    """All arms' units, each rounded up; shares are relative to the first."""
    return int(np.ceil(control * shares / shares[0] - 1e-9).sum())


def _level(alpha: float, ratios: np.ndarray, sides: int, correction: Arms) -> tuple[float, str]:
    """Level of each comparison, and how it was reached."""
    rivals = len(ratios)
    if rivals == 1:
        return alpha, "none needed for a single comparison"
    if correction == "none":
        return alpha, f"none for {rivals} comparisons"
    if correction == "sidak":
        return sidak(alpha, rivals), f"Šidák over {rivals} comparisons"
    return dunnett_level(alpha, shared(1.0, 1 / ratios), sides == 2), f"Dunnett over {rivals} comparisons"


def _check(
    baseline: float, mde: float, power: float, variants: int, daily_units: float, alpha: float, sd: float | None
) -> None:
    rate = sd is None
    wrong = [
        (rate and not 0 < baseline < 1, f"baseline: expected a rate between 0 and 1, found {baseline}"),
        (not rate and not 0 < baseline < inf, f"baseline: expected a mean above 0, found {baseline}"),
        (not rate and not 0 < sd < inf, f"sd: expected a number above 0, found {sd}"),
        (rate and baseline * (1 + mde) >= 1, f"mde: a lift of {mde:.0%} over {baseline:.0%} is no rate below 1"),
        (not 0.5 <= power < 1, f"power: expected a chance from 0.5 up to 1, found {power}"),
        (variants != int(variants) or variants < 2, f"variants: expected 2 or more, found {variants}"),
        (not daily_units > 0, f"daily_units: expected a number above 0, found {daily_units}"),
        (not 0 < alpha < 0.5, f"alpha: expected a level between 0 and 0.5, found {alpha}"),
    ]
    _raise_first(wrong)


def _check_form(
    shares: np.ndarray,
    variants: int,
    sides: int,
    margin: float,
    mde: float,
    correction: str,
    conversion_rate: float | None,
) -> None:
    known = ", ".join(get_args(Arms))
    fit = len(shares) == variants and bool((np.isfinite(shares) & (shares > 0)).all())
    rate = conversion_rate
    wrong = [
        (not fit, f"shares: expected {variants} numbers above 0, found {shares.tolist()}"),
        (sides not in (1, 2), f"sides: expected 1 or 2, found {sides}"),
        (not 0 <= margin < 1, f"margin: expected a relative loss from 0 up to 1, found {margin}"),
        (not -1 < mde < inf, f"mde: expected a relative lift, found {mde}"),
        (not margin and mde <= 0, f"mde: expected a relative lift above 0, found {mde}"),
        (mde + margin <= 0, f"mde: a loss of {-mde:.0%} is no less than the margin of {margin:.0%}"),
        (correction not in get_args(Arms), f"correction: expected {known}, found {correction!r}"),
        (rate is not None and not rate > 0, f"conversion_rate: expected a number above 0, found {rate}"),
    ]
    _raise_first(wrong)


def _raise_first(wrong: Sequence[tuple[bool, str]]) -> None:
    for is_wrong, message in wrong:
        if is_wrong:
            raise InputError(message)
