"""What each day adds to the moments of an experiment, so that every look costs nothing more."""

from collections.abc import Sequence

import ibis
import numpy as np
import pandas as pd

from reco.errors import InputError
from reco.experiments import moments
from reco.experiments.inputs import number, totals
from reco.experiments.moments import Moments, Part


def by_day(
    frame: "pd.DataFrame | ibis.Table", parts: Sequence[Part], *, variant: str, unit: str | None, day: str
) -> dict[str, dict[object, Moments]]:
    """`moments.by_day` of a frame or, where it lies, of a table: one result of arms × days leaves the engine.

    Take `moments.cumulate` of an arm's days for `sequential.watch`. Raises `InputError` for a missing column or day.
    """
    for column in (variant, unit, day, *(part.column for part in parts)):
        if column is not None and column not in frame.columns:
            raise InputError(f"no column {column!r}; the frame has {', '.join(map(str, frame.columns))}")
    missing = frame[day].isnull().sum()
    if missing := int(missing.execute() if isinstance(frame, ibis.Table) else missing):
        raise InputError(f"{day}: {missing:,} rows have none")
    if not isinstance(frame, ibis.Table):
        return moments.by_day(frame, parts, variant=variant, unit=unit, day=day)
    arm = frame[variant].cast("string")
    tops = _tops(frame, parts, arm, unit)
    if unit is None:
        one = ibis.literal(1.0)
        values = {f"p{i}": one if p.column is None else number(frame, p.column) for i, p in enumerate(parts)}
        sofar = _cut(frame.select(arm=arm, day=frame[day], **values), tops)
        before = sofar.mutate(**{f"b{i}": ibis.null("float64") for i in range(len(parts))})
    else:
        daily = frame.group_by(arm=arm, unit=frame[unit], day=frame[day]).aggregate(**totals(frame, parts))
        window = ibis.window(group_by=["arm", "unit"], order_by="day", preceding=None, following=0)
        grown = {f"p{i}": _grow(daily[f"p{i}"], part).over(window) for i, part in enumerate(parts)}
        lows = {name: daily[name].min().over(window) for name in daily.columns if name.startswith("low")}
        sofar = daily.mutate(**grown, **lows)
        _refuse_changes(sofar, parts)
        sofar = _cut(sofar, tops)
        order = ibis.window(group_by=["arm", "unit"], order_by="day")
        before = sofar.mutate(**{f"b{i}": sofar[f"p{i}"].lag().over(order) for i in range(len(parts))})
    return _collect(before, parts)


def _grow(value: "ibis.expr.types.NumericColumn", part: Part) -> "ibis.expr.types.NumericScalar":
    return value.sum() if part.how == "sum" else value.max()


def _tops(
    frame: "ibis.Table", parts: Sequence[Part], arm: "ibis.expr.types.StringColumn", unit: str | None
) -> dict[str, float]:
    """Where totals are cut: quantiles of the positive totals of whole units."""
    if not any(part.cap for part in parts):
        return {}
    if unit is None:
        whole = frame.select(**{f"p{i}": number(frame, p.column) for i, p in enumerate(parts) if p.cap})
    else:
        whole = frame.group_by(arm=arm, unit=frame[unit]).aggregate(**totals(frame, parts))
    caps = {f"p{i}": whole[f"p{i}"].quantile(p.cap, where=whole[f"p{i}"] > 0) for i, p in enumerate(parts) if p.cap}
    found = whole.aggregate(**caps).to_pyarrow().to_pylist()[0]
    return {name: top for name, top in found.items() if top is not None}


def _cut(units: "ibis.Table", tops: dict[str, float]) -> "ibis.Table":
    return units.mutate(**{name: ibis.least(units[name], top) for name, top in tops.items()}) if tops else units


def _refuse_changes(sofar: "ibis.Table", parts: Sequence[Part]) -> None:
    """Facts of a unit must be the same in all its rows."""
    once = {f"c{i}": (sofar[f"p{i}"] != sofar[f"low{i}"]).sum() for i, part in enumerate(parts) if part.how == "once"}
    for name, changed in (sofar.aggregate(**once).to_pyarrow().to_pylist()[0] if once else {}).items():
        if changed:
            column = parts[int(name[1:])].column
            raise InputError(f"{column}: expected one value for all rows of a unit, found several")


def _collect(before: "ibis.Table", parts: Sequence[Part]) -> dict[str, dict[object, Moments]]:
    size = len(parts)
    now, past = ([before[f"{letter}{i}"] for i in range(size)] for letter in "pb")
    past = [value.fill_null(0.0) for value in past]
    pairs = [(i, j) for i in range(size) for j in range(i + 1)]
    aggregates = {"n": before["b0"].isnull().sum()}
    aggregates |= {f"s{i}": (now[i] - past[i]).sum() for i in range(size)}
    aggregates |= {f"q{i}_{j}": (now[i] * now[j] - past[i] * past[j]).sum() for i, j in pairs}
    rows = before.group_by("arm", "day").aggregate(**aggregates).to_pyarrow().to_pylist()
    arms: dict[str, dict[object, Moments]] = {}
    for row in sorted(rows, key=lambda row: (row["arm"], row["day"])):
        products = np.zeros((size, size))
        for i, j in pairs:
            products[i, j] = products[j, i] = row[f"q{i}_{j}"]
        sums = np.array([row[f"s{i}"] for i in range(size)])
        arms.setdefault(row["arm"], {})[row["day"]] = Moments(tuple(parts), int(row["n"]), sums, products)
    return arms
