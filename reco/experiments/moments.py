"""Moments of an experiment: the few sums per arm that every estimate and test needs.

Counts, sums and sums of products add, so days, shards and strata merge without the rows they came from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from operator import add
from typing import Final, Literal, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.typing import DataFrameGroupBy

from reco.errors import InputError

#: A variance below this share of the mean square is rounding, not variation.
ROUNDING: Final = 1e-12


class Part(NamedTuple):
    """One number per unit: how the rows of a unit become it.

    Attributes:
        column: the column that is rolled up; None stands for the constant 1.
        how: `any` (1 if any row has it), `sum`, or `once` (a fact of the unit that every row of it repeats, such as
            what it bought before the test).
        cap: None, or the quantile of the positive totals of all units, all arms together, at which larger totals
            are cut. A threshold of each arm's own would cut the better arm more.
    """

    column: str | None
    how: Literal["any", "sum", "once"] = "sum"
    cap: float | None = None


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over the units of one arm.

    Attributes:
        parts: what each position of `sums` and `products` is about.
        n: number of units.
        sums: sum of each part.
        products: sums of squares (diagonal) and of cross-products.
    """

    parts: tuple[Part, ...]
    n: int
    sums: np.ndarray
    products: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, parts: Sequence[Part]) -> "Moments":
        """Moments of a matrix with a row a unit and a column a part."""
        return cls(tuple(parts), len(values), values.sum(axis=0), values.T @ values)

    @classmethod
    def from_summary(cls, part: Part, n: int, mean: float, variance: float) -> "Moments":
        """Moments of one part from its mean and sample variance, as published tables give them."""
        return cls((part,), n, np.array([n * mean]), np.array([[variance * (n - 1) + n * mean**2]]))

    def __add__(self, other: "Moments") -> "Moments":
        """Moments of the units of both."""
        if self.parts != other.parts:
            raise ValueError(f"moments of {other.parts} do not add to those of {self.parts}")
        return Moments(self.parts, self.n + other.n, self.sums + other.sums, self.products + other.products)

    def __sub__(self, other: "Moments") -> "Moments":
        """Moments of the units of this one that are not in `other`."""
        if self.parts != other.parts:
            raise ValueError(f"moments of {other.parts} are no part of those of {self.parts}")
        return Moments(self.parts, self.n - other.n, self.sums - other.sums, self.products - other.products)

    def total(self, part: Part) -> float:
        """Sum of one part over all units."""
        return float(self.sums[self.parts.index(part)])

    def variance(self, weights: Mapping[Part, float]) -> float:
        """Sample variance, n − 1 below, of the weighted sum of parts."""
        w = self._vector(weights)
        variance = self.covariance(weights, weights)
        scale = w**2 @ self.products.diagonal() / self.n
        return variance if variance > ROUNDING * scale else 0.0

    def covariance(self, one: Mapping[Part, float], other: Mapping[Part, float]) -> float:
        """Sample covariance, n − 1 below, of two weighted sums of parts."""
        a, b = self._vector(one), self._vector(other)
        return float((a @ self.products @ b - (a @ self.sums) * (b @ self.sums) / self.n) / (self.n - 1))

    def _vector(self, weights: Mapping[Part, float]) -> np.ndarray:
        return np.array([weights.get(part, 0.0) for part in self.parts])


def roll_up(frame: pd.DataFrame, parts: Sequence[Part], *, variant: str, unit: str | None) -> pd.DataFrame:
    """One row a unit and arm, indexed by both, one column a part; without `unit` each row is its own.

    Raises `InputError` for a part that is to be the same in all rows of a unit and is not.
    """
    if unit is None:
        index = pd.MultiIndex.from_arrays([frame[variant], frame.index], names=[variant, "row"])
        columns = [np.ones(len(frame)) if p.column is None else frame[p.column].to_numpy() for p in parts]
    else:
        units = frame.groupby([variant, unit], observed=True, sort=False)
        index = units.size().index
        columns = [_per_unit(units, part) for part in parts]
    values = np.column_stack([np.asarray(column, dtype=float) for column in columns])
    return pd.DataFrame(_cut(values, parts), index=index)


def collect(units: pd.DataFrame, parts: Sequence[Part]) -> dict[str, Moments]:
    """Moments by arm of what `roll_up` returned."""
    arms = units.groupby(level=0, observed=True, sort=True)
    return {str(arm): Moments.of(block.to_numpy(), parts) for arm, block in arms}


def by_day(
    frame: pd.DataFrame, parts: Sequence[Part], *, variant: str, unit: str | None, day: str
) -> dict[str, dict[object, Moments]]:
    """What each day adds to the moments of each arm, days in order.

    A unit that comes back on a later day changes its own square, (x + y)² = x² + (2xy + y²), so a day adds the
    difference between the squares of its units so far and those of the day before. Added up over the first days
    they are the moments that a look after these days would find; over all days, those of all rows. A part with a
    cap is cut where all days together put it.
    """
    if unit is None:
        totals = roll_up(frame, parts, variant=variant, unit=None)
        days = frame[day].to_numpy()
        blocks = totals.groupby([totals.index.get_level_values(0), days], observed=True, sort=True)
        news = {key: Moments.of(block.to_numpy(), parts) for key, block in blocks}
    else:
        news = _day_increments(frame, parts, variant, unit, day)
    arms: dict[str, dict[object, Moments]] = {}
    for (arm, at), moments in news.items():
        arms.setdefault(str(arm), {})[at] = moments
    return arms


def cumulate(days: Mapping[object, Moments]) -> dict[object, Moments]:
    """Moments at the end of each day, from what each day added."""
    return dict(zip(days, accumulate(days.values(), add), strict=True))


def merge(moments: Sequence[Moments]) -> Moments:
    """Moments of all units of disjoint strata."""
    return reduce(add, moments)


def _day_increments(
    frame: pd.DataFrame, parts: Sequence[Part], variant: str, unit: str, day: str
) -> dict[tuple[object, object], Moments]:
    """Moments of the units of a day with all they have done so far, less those of the same units before it."""
    daily = frame.groupby([variant, unit, day], observed=True, sort=True)
    rows = np.column_stack([np.asarray(_per_unit(daily, part), dtype=float) for part in parts])
    index = daily.size().index
    units = pd.DataFrame(rows).groupby([index.get_level_values(0), index.get_level_values(1)], sort=False)
    sofar = np.column_stack(
        [(units[i].cumsum() if part.how == "sum" else units[i].cummax()).to_numpy() for i, part in enumerate(parts)]
    )
    back = units.cumcount().to_numpy() > 0
    last = ~np.append(back[1:], False)
    sofar = _cut(sofar, parts, last)
    before = np.roll(sofar, 1, axis=0)
    groups = pd.Series(range(len(sofar))).groupby([index.get_level_values(0), index.get_level_values(2)], sort=True)
    return {
        key: Moments.of(sofar[at], parts) - Moments.of(before[at][back[at]], parts)
        for key, at in ((key, places.to_numpy()) for key, places in groups)
    }


def _per_unit(units: DataFrameGroupBy, part: Part) -> pd.Series:
    if part.column is None:
        return units.size()
    values = units[part.column]
    if part.how == "sum":
        return values.sum()
    largest = values.max()
    if part.how == "once" and (wrong := int((largest != values.min()).sum())):
        raise InputError(f"{part.column}: expected one value for all rows of a unit, found several in {wrong:,} units")
    return largest


def _cut(values: np.ndarray, parts: Sequence[Part], final: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Totals above a part's cap set to it; `final` picks the rows that the quantile is taken of."""
    for i, part in enumerate(parts):
        if part.cap is not None:
            totals = values[final, i]
            positive = totals[totals > 0]
            if len(positive):
                values[:, i] = np.minimum(values[:, i], np.quantile(positive, part.cap))
    return values
