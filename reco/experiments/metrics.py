"""What an experiment is judged by: rates, means and ratios of totals. In all of them more counts as better."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from reco.errors import InputError
from reco.experiments.means import Effect, compare_means, estimate
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

    def value(self, arm: Moments) -> float:
        """The rate of one arm."""
        return arm.total(self.parts[0]) / arm.n

    def compare(self, arm: Moments, control: Moments, confidence: float) -> Effect:
        """One arm against the control."""
        hits = self.parts[0]
        return compare_rates(arm.total(hits), arm.n, control.total(hits), control.n, confidence)

    def varies(self, arm: Moments) -> bool:
        """Whether units of this arm differ in the outcome."""
        return 0 < arm.total(self.parts[0]) < arm.n


class Totals:
    """What means and ratios of totals share: one estimate per arm, compared as means are."""

    parts: tuple[Part, ...]

    def value(self, arm: Moments) -> float:
        """The mean or ratio of one arm."""
        return estimate(arm, *self.parts).value

    def compare(self, arm: Moments, control: Moments, confidence: float) -> Effect:
        """One arm against the control."""
        return compare_means(estimate(arm, *self.parts), estimate(control, *self.parts), confidence)

    def varies(self, arm: Moments) -> bool:
        """Whether units of this arm differ in the outcome."""
        return estimate(arm, *self.parts).variance > 0


@dataclass(frozen=True)
class Mean(Totals):
    """Total of a column per unit, such as revenue per user."""

    column: str

    @property
    def name(self) -> str:
        """Name in the result table."""
        return self.column

    @property
    def parts(self) -> tuple[Part, ...]:
        """What must be summed."""
        return (Part(self.column),)


@dataclass(frozen=True)
class Ratio(Totals):
    """Total of one column per total of another, such as clicks per impression, with units of any size.

    Without a denominator it is the total per row: `Ratio("clicked")` of a log of impressions is the click-through
    rate, with all rows of a unit taken as one.
    """

    numerator: str
    denominator: str | None = None

    @property
    def name(self) -> str:
        """Name in the result table."""
        return f"{self.numerator} / {self.denominator or 'rows'}"

    @property
    def parts(self) -> tuple[Part, ...]:
        """What must be summed."""
        return (Part(self.numerator), Part(self.denominator))


Metric = Rate | Mean | Ratio


def as_metric(metric: "str | Metric", frame: pd.DataFrame) -> Metric:
    """The metric itself; a column name stands for its rate where it holds only 0 and 1, else for its mean."""
    if not isinstance(metric, str):
        return metric
    if metric not in frame:
        raise InputError(f"no column {metric!r} to judge by; the frame has {', '.join(map(str, frame.columns))}")
    return Rate(metric) if frame[metric].isin([0, 1]).all() else Mean(metric)


def all_parts(metrics: Sequence[Metric]) -> tuple[Part, ...]:
    """The parts of several metrics, each once."""
    return tuple(dict.fromkeys(part for metric in metrics for part in metric.parts))
