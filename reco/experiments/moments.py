"""Moments of an experiment: the few sums per arm that every estimate and test needs.

Counts, sums and sums of products add, so days, shards and strata merge without the rows they came from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Final, Literal, NamedTuple

import numpy as np
import pandas as pd

#: A variance below this share of the mean square is rounding, not variation.
ROUNDING: Final = 1e-12


class Part(NamedTuple):
    """One number per unit: how the rows of a unit become it.

    Attributes:
        column: the column that is rolled up; None stands for the constant 1.
        how: `any` (1 if any row has it) or `sum`.
    """

    column: str | None
    how: Literal["any", "sum"] = "sum"


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

    def __add__(self, other: "Moments") -> "Moments":
        """Moments of the units of both."""
        if self.parts != other.parts:
            raise ValueError(f"moments of {other.parts} do not add to those of {self.parts}")
        return Moments(self.parts, self.n + other.n, self.sums + other.sums, self.products + other.products)

    def total(self, part: Part) -> float:
        """Sum of one part over all units."""
        return float(self.sums[self.parts.index(part)])

    def variance(self, weights: Mapping[Part, float]) -> float:
        """Sample variance, n − 1 below, of the weighted sum of parts."""
        w = np.array([weights.get(part, 0.0) for part in self.parts])
        total, square = w @ self.sums, w @ self.products @ w
        variance = (square - total**2 / self.n) / (self.n - 1)
        scale = w**2 @ self.products.diagonal() / self.n
        return float(variance) if variance > ROUNDING * scale else 0.0


def roll_up(frame: pd.DataFrame, parts: Sequence[Part], *, variant: str, unit: str | None) -> pd.DataFrame:
    """One row a unit and arm, indexed by both, one column a part; without `unit` each row is its own."""
    if unit is None:
        index = pd.MultiIndex.from_arrays([frame[variant], frame.index], names=[variant, "row"])
        columns = [np.ones(len(frame)) if p.column is None else frame[p.column].to_numpy() for p in parts]
    else:
        units = frame.groupby([variant, unit], observed=True, sort=False)
        index = units.size().index
        columns = [
            units.size() if p.column is None else units[p.column].max() if p.how == "any" else units[p.column].sum()
            for p in parts
        ]
    values = np.column_stack([np.asarray(column, dtype=float) for column in columns])
    return pd.DataFrame(values, index=index)


def collect(units: pd.DataFrame, parts: Sequence[Part]) -> dict[str, Moments]:
    """Moments by arm of what `roll_up` returned."""
    arms = units.groupby(level=0, observed=True, sort=True)
    return {str(arm): Moments.of(block.to_numpy(), parts) for arm, block in arms}


def merge(moments: Sequence[Moments]) -> Moments:
    """Moments of all units of disjoint strata."""
    return reduce(add, moments)
