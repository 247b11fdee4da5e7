"""Outcomes of the same units in several cells, such as positions or days, with what ties the cells together.

A user sees every position and comes back on several days, so estimates of different cells are not independent. Each
cell gets its own numerator and denominator per unit; the cross-products of all of them give every covariance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import ibis
import numpy as np
import pandas as pd
from scipy import stats

from reco.errors import InputError
from reco.experiments.inputs import number, read
from reco.experiments.means import Effect, Estimate, compare_means
from reco.experiments.moments import Moments, Part

#: More cells than this are not read: their cross-products would cost more than the rows.
MOST: Final = 60


@dataclass(frozen=True)
class Slot:
    """One cell's total above and below, as `inputs.read` takes a metric."""

    name: str
    parts: tuple[Part, Part]


class Arm(NamedTuple):
    """One arm in every cell.

    Attributes:
        values: ratio by cell (K,).
        covariance: of these ratios (K, K), over units.
        units: units seen in each cell (K,).
        below: denominator by cell (K,).
        n: all units.
    """

    values: np.ndarray
    covariance: np.ndarray
    units: np.ndarray
    below: np.ndarray
    n: int

    def estimate(self, contrast: np.ndarray) -> Estimate:
        """A weighted sum of the cells."""
        return Estimate(float(contrast @ self.values), float(contrast @ self.covariance @ contrast), self.n)

    def at(self, cell: int) -> Estimate:
        """One cell by itself."""
        return Estimate(float(self.values[cell]), float(self.covariance[cell, cell]), int(self.units[cell]))


class Cells(NamedTuple):
    """Every arm in every cell that can be compared.

    Attributes:
        keys: the cells, in order.
        arms: by name.
        notes: cells that were left out, and why.
    """

    keys: list[object]
    arms: dict[str, Arm]
    notes: tuple[str, ...]


def read_cells(
    frame: "pd.DataFrame | ibis.Table",
    cell: str,
    above: str,
    below: str | None,
    *,
    variant: str,
    unit: str | None,
    reach: str | None = None,
) -> Cells:
    """Total of `above` per total of `below`, or per row, in each value of `cell`.

    With `reach`, a number that all rows of a unit share, the denominator of a cell is the units whose reach is at
    least the cell, whether they have rows in it or not. Cells that an arm has fewer than 2 units in are left out and
    named. Raises `InputError` for a missing or unordered cell, or more than `MOST` of them.
    """
    keys = _keys(frame, cell)
    wide, slots = _widen(frame, keys, cell, above, below, reach)
    moments = read(wide, slots, variant=variant, unit=unit).moments
    counts = None if reach is not None else _units(frame, keys, cell, variant, unit)
    found = {
        arm: _arm(m, m.sums[1::2] if counts is None else np.array([counts.get((arm, key), 0) for key in keys]))
        for arm, m in moments.items()
    }
    enough = np.all([(arm.units >= 2) & (arm.below > 0) for arm in found.values()], axis=0)
    short = {
        key: ", ".join(name for name, arm in found.items() if arm.units[k] < 2 or not arm.below[k] > 0)
        for k, key in enumerate(keys)
        if not enough[k]
    }
    notes = tuple(f"{cell} {key} is left out: fewer than 2 units in arm {arms}" for key, arms in short.items())
    kept = [key for key, good in zip(keys, enough, strict=True) if good]
    return Cells(kept, {name: _pick(arm, enough) for name, arm in found.items()}, notes)


def compare_cells(cells: Cells, name: str, control: str, confidence: float) -> pd.DataFrame:
    """Every arm against the control in each cell; columns `name`, variant, value, control_value and those of Effect."""
    base = cells.arms[control]
    rows = []
    for arm, found in cells.arms.items():
        if arm == control:
            continue
        for k, key in enumerate(cells.keys):
            one, other = found.at(k), base.at(k)
            row = {name: key, "variant": arm, "value": one.value, "control_value": other.value}
            rows.append(row | compare_means(one, other, confidence)._asdict())
    return pd.DataFrame(rows, columns=[name, "variant", "value", "control_value", *Effect._fields])


def same_everywhere(arm: Arm, control: Arm) -> tuple[float, int, float]:
    """Wald test that the effect is the same in every cell: chi-square, degrees of freedom, p-value.

    Contrasts of neighbouring cells with their covariance over units; directions in which nothing varies do not count.
    """
    effect, covariance = arm.values - control.values, arm.covariance + control.covariance
    steps = np.diff(np.eye(len(effect)), axis=0)
    spread = steps @ covariance @ steps.T
    rank = int(np.linalg.matrix_rank(spread, hermitian=True)) if len(steps) else 0
    if not rank:
        return 0.0, 0, 1.0
    change = steps @ effect
    statistic = float(change @ np.linalg.pinv(spread, hermitian=True) @ change)
    return statistic, rank, float(stats.chi2.sf(statistic, rank))


def ratios(sums: np.ndarray, products: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ratios of totals and their covariance from sums (…, 2K) and products (…, 2K, 2K), above and below by turns.

    By the delta method over units: covariance of Σ(xⱼ − rⱼdⱼ) / Dⱼ and Σ(xₖ − rₖdₖ) / Dₖ. Cells without a denominator
    come out as zero.
    """
    above, below = sums[..., ::2], sums[..., 1::2]
    known = below > 0
    value = np.divide(above, below, out=np.zeros_like(above), where=known)
    scale = np.divide(1.0, below, out=np.zeros_like(below), where=known)
    # the shares x − r·d of a cell sum to zero over units, so their products need no mean taken off
    p = products
    shares = (
        p[..., ::2, ::2]
        - value[..., :, None] * p[..., 1::2, ::2]
        - value[..., None, :] * p[..., ::2, 1::2]
        + value[..., :, None] * value[..., None, :] * p[..., 1::2, 1::2]
    )
    size = np.asarray(n, dtype=float)[..., None, None]
    return value, shares * scale[..., :, None] * scale[..., None, :] * size / (size - 1)


def _arm(moments: Moments, units: np.ndarray) -> Arm:
    value, covariance = ratios(moments.sums, moments.products, np.array(moments.n))
    # a cell's own units give its variance the n − 1 that the rows of the cell alone would
    own = np.divide(units, units - 1, out=np.ones(len(units)), where=units > 1)
    factor = np.sqrt(own * (moments.n - 1) / moments.n)
    size = moments.products.diagonal()[::2] / np.maximum(moments.sums[1::2], 1.0) ** 2
    covariance = covariance * np.outer(factor, factor)
    flat = covariance.diagonal() <= 1e-12 * size  # rounding, not variation
    covariance[flat, :] = covariance[:, flat] = 0.0
    return Arm(value, covariance, units, moments.sums[1::2], moments.n)


def _pick(arm: Arm, kept: np.ndarray) -> Arm:
    return Arm(arm.values[kept], arm.covariance[np.ix_(kept, kept)], arm.units[kept], arm.below[kept], arm.n)


def _keys(frame: "pd.DataFrame | ibis.Table", cell: str) -> list[object]:
    if cell not in frame.columns:
        raise InputError(f"no column {cell!r}; the frame has {', '.join(map(str, frame.columns))}")
    if isinstance(frame, ibis.Table):
        keys = frame.select(cell).distinct().to_pyarrow().column(0).to_pylist()
        missing = int(any(key is None or key != key for key in keys))
    else:
        missing, keys = frame[cell].isna().any(), frame[cell].dropna().unique().tolist()
    if missing:
        raise InputError(f"{cell}: rows without a value")
    if len(keys) > MOST:
        raise InputError(f"{cell}: expected at most {MOST} values, found {len(keys):,}; group them first")
    return sorted(keys)


def _widen(
    frame: "pd.DataFrame | ibis.Table",
    keys: Sequence[object],
    cell: str,
    above: str,
    below: str | None,
    reach: str | None,
) -> tuple["pd.DataFrame | ibis.Table", list[Slot]]:
    """Two columns for each cell, zero outside of it."""
    names = [(f"{above}, {cell} {key}", f"{below or 'rows'}, {cell} {key}") for key in keys]
    how = "sum" if reach is None else "any"
    slots = [Slot(up, (Part(up), Part(down, how))) for up, down in names]
    columns = {}
    if isinstance(frame, ibis.Table):
        one = ibis.literal(1.0) if below is None else number(frame, below)
        for key, (up, down) in zip(keys, names, strict=True):
            inside = frame[cell] == key
            columns[up] = ibis.ifelse(inside, number(frame, above), 0.0)
            columns[down] = ibis.ifelse(inside, one, 0.0) if reach is None else (frame[reach] >= key).cast("float64")
        return frame.mutate(**columns), slots
    top = frame[above].to_numpy(float)
    size = np.ones(len(frame)) if below is None else frame[below].to_numpy(float)
    for key, (up, down) in zip(keys, names, strict=True):
        inside = (frame[cell] == key).to_numpy()
        columns[up] = np.where(inside, top, 0.0)
        columns[down] = np.where(inside, size, 0.0) if reach is None else (frame[reach] >= key).to_numpy(float)
    return pd.concat([frame, pd.DataFrame(columns, index=frame.index)], axis=1), slots


def _units(
    frame: "pd.DataFrame | ibis.Table", keys: Sequence[object], cell: str, variant: str, unit: str | None
) -> Mapping[tuple[str, object], int]:
    """Units by arm and cell."""
    if isinstance(frame, ibis.Table):
        count = frame.count() if unit is None else frame[unit].nunique()
        rows = frame.group_by(arm=frame[variant].cast("string"), cell=frame[cell]).aggregate(n=count)
        return {(row["arm"], row["cell"]): row["n"] for row in rows.to_pyarrow().to_pylist()}
    groups = frame.groupby([frame[variant].astype("str"), cell], observed=True)
    return (groups.size() if unit is None else groups[unit].nunique()).to_dict()
