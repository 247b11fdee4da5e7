"""What an analysis needs of a log of exposures: sums by arm, and what the log must not hold.

A pandas frame is rolled up here, an Ibis table where it lies: two small results leave the engine.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

import ibis
import numpy as np
import pandas as pd

from reco.errors import InputError
from reco.experiments.metrics import Mean, Metric, Rate, all_parts
from reco.experiments.moments import Moments, Part, collect, roll_up


@dataclass(frozen=True)
class Inputs:
    """What one reading of a log gave.

    Attributes:
        metrics: those asked for, column names replaced by the metrics they stand for.
        moments: sums by arm.
        units: distinct units, or None where each row is its own.
        crossed: how often a unit was seen in one more arm than its first.
        negative: rows below zero by column.
        early: rows whose outcome comes before their exposure.
        future: rows of exposures or outcomes after `now`.
    """

    metrics: list[Metric]
    moments: dict[str, Moments]
    units: int | None
    crossed: int
    negative: Mapping[str, int]
    early: int = 0
    future: int = 0


def read(
    frame: "pd.DataFrame | ibis.Table",
    metrics: Sequence[str | Metric],
    *,
    variant: str,
    unit: str | None,
    exposed_at: str | None = None,
    outcome_at: str | None = None,
    now: pd.Timestamp | None = None,
) -> Inputs:
    """Roll a log up to units and these to sums by arm.

    Raises `InputError` for a missing column, rows without arm or unit, arms whose names differ only in case or
    spaces, an empty arm, and outcomes that are not finite numbers.
    """
    table = isinstance(frame, ibis.Table)
    columns = frame.columns
    named = [metric if isinstance(metric, str) else None for metric in metrics]
    wanted = [part.column for m in metrics if not isinstance(m, str) for part in m.parts if part.column is not None]
    outcomes = list(dict.fromkeys([*filter(None, named), *wanted]))
    for column in (variant, unit, exposed_at, outcome_at):
        if column is not None and column not in columns:
            raise InputError(f"no column {column!r}; the frame has {', '.join(map(str, columns))}")
    for column in outcomes:
        if column not in columns:
            raise InputError(f"no column {column!r} to judge by; the frame has {', '.join(map(str, columns))}")
    times = (exposed_at, outcome_at, now)
    found = (_look_table if table else _look_frame)(frame, outcomes, variant, unit, times)
    _refuse(found, variant, unit, outcomes)
    metrics = [_as_metric(metric, found) for metric in metrics]
    for metric in metrics:
        if isinstance(metric, Rate) and not found[f"binary {metric.column}"]:
            raise InputError(f"{metric.column}: a rate needs true/false or 0/1")
    parts = all_parts(metrics)
    gather = _gather_table if table else _gather_frame
    moments, units = gather(frame, outcomes, parts, variant, unit)
    _refuse_twins(variant, found.get("arms", moments))
    return Inputs(
        metrics,
        moments,
        units,
        0 if units is None else sum(m.n for m in moments.values()) - units,
        {column: int(found[f"negative {column}"]) for column in outcomes},
        int(found.get("early", 0)),
        int(found.get("future", 0)),
    )


def _as_metric(metric: str | Metric, found: Mapping[str, object]) -> Metric:
    """The metric itself; a column name stands for its rate where it holds only 0 and 1, else for its mean."""
    if not isinstance(metric, str):
        return metric
    return Rate(metric) if found[f"binary {metric}"] else Mean(metric)


def _refuse(found: Mapping[str, object], variant: str, unit: str | None, outcomes: Sequence[str]) -> None:
    """Refuse what no estimate can be made of."""
    rows = int(found["rows"])
    for column in (variant, unit):
        if column is not None and (missing := int(found[f"missing {column}"])):
            raise InputError(f"{column}: {missing:,} of {rows:,} rows have none")
    for column in outcomes:
        if wrong := int(found[f"wrong {column}"]):
            raise InputError(f"{column}: {wrong:,} of {rows:,} rows are missing or not finite")


def _refuse_twins(variant: str, arms: Iterable[object]) -> None:
    """Refuse arms whose names differ only in case, spaces or type."""
    names: dict[str, object] = {}
    for arm in arms:
        key = str(arm).strip().casefold()
        if key in names:
            raise InputError(f"{variant}: {names[key]!r} and {arm!r} are too alike to be two arms")
        names[key] = arm


def _look_frame(
    frame: pd.DataFrame, outcomes: Sequence[str], variant: str, unit: str | None, times: tuple
) -> dict[str, object]:
    arms = frame[variant]
    if isinstance(arms.dtype, pd.CategoricalDtype) and (empty := set(arms.cat.categories) - set(arms.unique())):
        raise InputError(f"{variant}: no rows in arm {', '.join(sorted(map(str, empty)))}")
    found: dict[str, object] = {"rows": len(frame), "arms": sorted(arms.dropna().unique(), key=str)}
    for column in (variant, unit):
        if column is not None:
            found[f"missing {column}"] = frame[column].isna().sum()
    for column in outcomes:
        values = _numbers(frame, column)
        found[f"wrong {column}"] = (~np.isfinite(values)).sum()
        found[f"negative {column}"] = (values < 0).sum()
        found[f"binary {column}"] = bool(np.isin(values, [0, 1]).all())
    exposed, outcome, now = times
    stamps = {column: _stamps(frame[column], column) for column in (exposed, outcome) if column is not None}
    if len(stamps) == 2:
        found["early"] = (stamps[outcome] < stamps[exposed]).sum()
    if now is not None and stamps:
        late = [(stamp > _like(now, stamp)).to_numpy() for stamp in stamps.values()]
        found["future"] = reduce(or_, late).sum()
    return found


def _stamps(values: pd.Series, column: str) -> pd.Series:
    if not pd.api.types.is_datetime64_any_dtype(values):
        raise InputError(f"{column}: expected timestamps, found {values.dtype}")
    return values


def _like(now: pd.Timestamp, values: pd.Series) -> pd.Timestamp:
    """The moment in the time zone of a column; where only one of the two has a zone, the other counts as UTC."""
    zone, now = values.dt.tz, pd.Timestamp(now)
    if zone is None:
        return now if now.tzinfo is None else now.tz_convert("UTC").tz_localize(None)
    return now.tz_localize("UTC").tz_convert(zone) if now.tzinfo is None else now.tz_convert(zone)


def _numbers(frame: pd.DataFrame, column: str) -> np.ndarray:
    try:
        return frame[column].astype(float).to_numpy()
    except (TypeError, ValueError):
        raise InputError(f"{column}: expected numbers or true/false, found {frame[column].dtype}") from None


def _gather_frame(
    frame: pd.DataFrame, outcomes: Sequence[str], parts: Sequence[Part], variant: str, unit: str | None
) -> tuple[dict[str, Moments], int | None]:
    clean = frame.assign(**{variant: frame[variant].astype("str")}, **{c: _numbers(frame, c) for c in outcomes})
    units = roll_up(clean, parts, variant=variant, unit=unit)
    return collect(units, parts), None if unit is None else int(units.index.get_level_values(1).nunique())


def _look_table(
    table: "ibis.Table", outcomes: Sequence[str], variant: str, unit: str | None, times: tuple
) -> dict[str, object]:
    """What `_look_frame` finds but for the arms, which the sums tell.

    One scan takes the ends of every outcome; only where they leave a doubt are its rows counted, by a second scan.
    """
    aggregates = {"rows": table.count()}
    for column in (variant, unit):
        if column is not None:
            aggregates[f"missing {column}"] = table[column].isnull().sum()
    for column in outcomes:
        kind = table[column].type()
        if not (kind.is_numeric() or kind.is_boolean()):
            raise InputError(f"{column}: expected numbers or true/false, found {kind}")
        value = number(table, column)
        aggregates |= {f"least {column}": value.min(), f"most {column}": value.max(), f"known {column}": value.count()}
    exposed, outcome, now = times
    stamps = [table[column] for column in (exposed, outcome) if column is not None]
    if len(stamps) == 2:
        aggregates["early"] = (table[outcome] < table[exposed]).sum()
    if now is not None and stamps:
        aggregates["future"] = reduce(or_, [stamp > ibis.literal(pd.Timestamp(now)) for stamp in stamps]).sum()
    found = _one_row(table, aggregates)
    counted = {}
    for column in outcomes:
        least, most, known = (found[f"{end} {column}"] for end in ("least", "most", "known"))
        whole = not table[column].type().is_floating() and not table[column].type().is_decimal()
        if known == found["rows"] > 0 and 0 <= least <= most < np.inf and (whole or most > 1):
            found |= {f"wrong {column}": 0, f"negative {column}": 0, f"binary {column}": most <= 1}
            continue
        value = number(table, column)
        counted[f"wrong {column}"] = (value.isnull() | value.isnan() | value.isinf()).sum()
        counted[f"negative {column}"] = (value < 0).sum()
        counted[f"binary {column}"] = value.isin([0.0, 1.0]).all()
    if counted:
        found |= _one_row(table, counted)
    return {name: value or 0 for name, value in found.items()}


def _one_row(table: "ibis.Table", aggregates: Mapping[str, "ibis.Value"]) -> dict[str, object]:
    return table.aggregate(**aggregates).to_pyarrow().to_pylist()[0]


def _gather_table(
    table: "ibis.Table", outcomes: Sequence[str], parts: Sequence[Part], variant: str, unit: str | None
) -> tuple[dict[str, Moments], int | None]:
    """By unit alone, which is the quicker grouping; by arm and unit only if a unit turns up in several arms.

    Arms go by number while units are grouped: millions of units carry a byte each then, and no text.
    """
    if unit is None:
        return sums(_capped(rows_of(table, parts, variant), parts), parts), None
    arm = table[variant].cast("string")
    names = sorted(table.select(arm=arm).distinct().to_pyarrow()["arm"].to_pylist())
    if not names:
        return {}, 0
    code = arm.cases(*((name, ibis.literal(number)) for number, name in enumerate(names)))
    alone = table.group_by(unit=table[unit]).aggregate(arm=code.min(), other=code.max(), **totals(table, parts))
    try:
        moments = {names[number]: m for number, m in sums(_capped(alone, parts), parts).items()}
        return moments, sum(m.n for m in moments.values())
    except _CrossedError:
        each = table.group_by(arm=arm, unit=table[unit]).aggregate(**totals(table, parts))
        return sums(_capped(each, parts), parts), int(table[unit].nunique().execute())


class _CrossedError(Exception):
    """A unit in several arms."""


def rows_of(table: "ibis.Table", parts: Sequence[Part], variant: str) -> "ibis.Table":
    """Every row its own unit: columns arm, p0, p1, …"""
    one = ibis.literal(1.0)
    values = {f"p{i}": one if part.column is None else number(table, part.column) for i, part in enumerate(parts)}
    return table.select(arm=table[variant].cast("string"), **values)


def totals(table: "ibis.Table", parts: Sequence[Part]) -> dict[str, "ibis.Value"]:
    """`roll_up` where the data is: aggregates p0, p1, … and, for parts that must not differ, their lows."""
    values = {}
    for i, part in enumerate(parts):
        if part.column is None:
            values[f"p{i}"] = table.count().cast("float64")
            continue
        value = number(table, part.column)
        values[f"p{i}"] = value.sum() if part.how == "sum" else value.max()
        if part.how == "once":
            values[f"low{i}"] = value.min()
    return values


def _capped(units: "ibis.Table", parts: Sequence[Part]) -> "ibis.Table":
    """Totals above a part's cap set to it, as `moments.roll_up` does."""
    caps = {f"p{i}": units[f"p{i}"].quantile(p.cap, where=units[f"p{i}"] > 0) for i, p in enumerate(parts) if p.cap}
    if not caps:
        return units
    tops = units.aggregate(**caps).to_pyarrow().to_pylist()[0]
    cut = {name: top for name, top in tops.items() if top is not None}
    cut |= {low: top for name, top in cut.items() if (low := name.replace("p", "low")) in units.columns}
    return units.mutate(**{name: ibis.least(units[name], top) for name, top in cut.items()})


def sums(units: "ibis.Table", parts: Sequence[Part]) -> dict[str, Moments]:
    """Moments by arm from one row a unit, with one GROUP BY."""
    size = len(parts)
    pairs = [(i, j) for i in range(size) for j in range(i + 1)]
    aggregates = {"n": units.count()}
    aggregates |= {f"s{i}": units[f"p{i}"].sum() for i in range(size)}
    aggregates |= {f"q{i}_{j}": (units[f"p{i}"] * units[f"p{j}"]).sum() for i, j in pairs}
    once = [i for i in range(size) if f"low{i}" in units.columns]
    aggregates |= {f"wrong{i}": (units[f"p{i}"] != units[f"low{i}"]).sum() for i in once}
    if "other" in units.columns:
        aggregates["crossed"] = (units["arm"] != units["other"]).sum()
    rows = units.group_by("arm").aggregate(**aggregates).to_pyarrow().to_pylist()
    if any(row.get("crossed") for row in rows):
        raise _CrossedError
    for i in once:
        if wrong := sum(row[f"wrong{i}"] for row in rows):
            name = parts[i].column
            raise InputError(f"{name}: expected one value for all rows of a unit, found several in {wrong:,} units")
    moments = {}
    for row in sorted(rows, key=lambda row: row["arm"]):
        products = np.zeros((size, size))
        for i, j in pairs:
            products[i, j] = products[j, i] = row[f"q{i}_{j}"]
        moments[row["arm"]] = Moments(tuple(parts), row["n"], np.array([row[f"s{i}"] for i in range(size)]), products)
    return moments


def number(table: "ibis.Table", column: str) -> "ibis.expr.types.NumericValue":
    """A column as float64; true and false are 1 and 0."""
    value = table[column]
    return (value.cast("int8") if value.type().is_boolean() else value).cast("float64")
