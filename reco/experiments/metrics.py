"""What an experiment is judged by: rates, means and ratios of totals. In all of them more counts as better."""

from collections.abc import Sequence
from dataclasses import dataclass

from reco.errors import InputError
from reco.experiments.means import Effect, Estimate, Quotient, adjusted, compare_means, estimate
from reco.experiments.moments import Moments, Part
from reco.experiments.rates import compare_rates


@dataclass(frozen=True)
class Rate:
    """Share of units with the outcome in any of their rows; the column holds true/false or 0/1."""

    column: str

    @property
    def name(self) -> str:
        """Name in the result table."""
        return self.column

    @property
    def parts(self) -> tuple[Part, ...]:
        """What must be summed."""
        return (Part(self.column, "any"),)

    def values(self, arm: Moments, control: Moments) -> tuple[float, float]:
        """The rates of both arms."""
        hits = self.parts[0]
        return arm.total(hits) / arm.n, control.total(hits) / control.n

    def compare(self, arm: Moments, control: Moments, confidence: float) -> Effect:
        """One arm against the control."""
        hits = self.parts[0]
        return compare_rates(arm.total(hits), arm.n, control.total(hits), control.n, confidence)

    def spread(self, arm: Moments) -> float:
        """Variance of the outcome between units."""
        rate = arm.total(self.parts[0]) / arm.n
        return rate * (1 - rate)

    def variance(self, arm: Moments, control: Moments) -> float:
        """Variance of the difference."""
        return self.spread(arm) / arm.n + self.spread(control) / control.n

    def compare_past(self, arm: Moments, control: Moments) -> None:
        """Rates have no past to be adjusted by; take the mean of a 0/1 column with `before`."""

    def varies(self, arm: Moments) -> bool:
        """Whether units of this arm differ in the outcome."""
        return 0 < arm.total(self.parts[0]) < arm.n


class Totals:
    """What means and ratios of totals share: one estimate per arm, compared as means are."""

    quotient: Quotient
    past: Quotient | None

    @property
    def parts(self) -> tuple[Part, ...]:
        """What must be summed."""
        return tuple(part for quotient in (self.quotient, self.past or ()) for part in quotient if part is not None)

    def values(self, arm: Moments, control: Moments) -> tuple[float, float]:
        """The mean or ratio of both arms, adjusted where there is a past to adjust by."""
        one, other = self.estimates(arm, control)
        return one.value, other.value

    def estimates(self, arm: Moments, control: Moments) -> tuple[Estimate, Estimate]:
        """Values and their variances."""
        if self.past is None:
            return estimate(arm, *self.quotient), estimate(control, *self.quotient)
        return adjusted(arm, control, self.quotient, self.past)

    def compare(self, arm: Moments, control: Moments, confidence: float) -> Effect:
        """One arm against the control."""
        return compare_means(*self.estimates(arm, control), confidence)

    def spread(self, arm: Moments) -> float:
        """Variance of one unit's share in the value: n times that of the estimate, before any adjustment."""
        return estimate(arm, *self.quotient).variance * arm.n

    def variance(self, arm: Moments, control: Moments) -> float:
        """Variance of the difference, after adjustment."""
        return sum(one.variance for one in self.estimates(arm, control))

    def compare_past(self, arm: Moments, control: Moments) -> Effect | None:
        """What the arms did before the test, compared as if it were the outcome."""
        return self.past and compare_means(estimate(arm, *self.past), estimate(control, *self.past))

    def varies(self, arm: Moments) -> bool:
        """Whether units of this arm differ in the outcome."""
        return estimate(arm, *self.quotient).variance > 0


@dataclass(frozen=True)
class Mean(Totals):
    """Total of a column per unit, such as revenue per user.

    Attributes:
        column: what is added up.
        before: column with the same of the time before the test, repeated in each row of a unit; the estimate is
            adjusted by it (CUPED).
        cap: quantile of the positive totals of all arms together at which larger ones are cut, such as 0.99; the
            metric is then the mean of the cut totals.
        signed: whether values below zero are meant, as with refunds.
    """

    column: str
    before: str | None = None
    cap: float | None = None
    signed: bool = False

    def __post_init__(self) -> None:
        if self.cap is not None and not 0.5 <= self.cap < 1:
            raise InputError(f"cap of {self.column}: expected a quantile from 0.5 up to 1, found {self.cap}")

    @property
    def name(self) -> str:
        """Name in the result table."""
        cut = "" if self.cap is None else f", cut at {self.cap:.4g}"
        return f"{self.column}{cut}{_adjusted(self.before)}"

    @property
    def quotient(self) -> Quotient:
        """Total per unit."""
        return Quotient(Part(self.column, cap=self.cap))

    @property
    def past(self) -> Quotient | None:
        """The same before the test."""
        return None if self.before is None else Quotient(Part(self.before, "once", self.cap))


@dataclass(frozen=True)
class Ratio(Totals):
    """Total of one column per total of another, such as clicks per impression, with units of any size.

    Without a denominator it is the total per row: `Ratio("clicked")` of a log of impressions is the click-through
    rate, with all rows of a unit taken as one. `before` and `before_denominator` are columns with the same of the
    time before the test, repeated in each row of a unit; the estimate is adjusted by their ratio, or by the mean of
    `before` per unit (CUPED). `signed` says that values below zero are meant.
    """

    numerator: str
    denominator: str | None = None
    before: str | None = None
    before_denominator: str | None = None
    signed: bool = False

    @property
    def name(self) -> str:
        """Name in the result table."""
        past = f"{self.before} / {self.before_denominator}" if self.before_denominator else self.before
        return f"{self.numerator} / {self.denominator or 'rows'}{_adjusted(past)}"

    @property
    def quotient(self) -> Quotient:
        """Total per total."""
        return Quotient(Part(self.numerator), Part(self.denominator))

    @property
    def past(self) -> Quotient | None:
        """The same before the test."""
        if self.before is None:
            return None
        below = None if self.before_denominator is None else Part(self.before_denominator, "once")
        return Quotient(Part(self.before, "once"), below)


def _adjusted(before: str | None) -> str:
    return "" if before is None else f", adjusted by {before}"


Metric = Rate | Mean | Ratio


def all_parts(metrics: Sequence[Metric]) -> tuple[Part, ...]:
    """The parts of several metrics, each once."""
    return tuple(dict.fromkeys(part for metric in metrics for part in metric.parts))
