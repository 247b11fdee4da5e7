"""From a log of exposures and outcomes to a verdict for each variant and metric."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from reco.errors import InputError
from reco.experiments import checks
from reco.experiments.metrics import Metric, Rate, Ratio, all_parts, as_metric
from reco.experiments.moments import Moments, collect, roll_up
from reco.experiments.verdicts import add_verdicts

COLUMNS: Final = (
    "metric", "variant", "value", "control_value", "effect", "effect_low", "effect_high", "relative",
    "relative_low", "relative_high", "statistic", "p_value", "p_adjusted", "verdict",
)  # fmt: skip


class Analysis(NamedTuple):
    """What an experiment showed.

    Attributes:
        checks: one row a check (check, passed, statistic, p_value, detail).
        table: one row a metric and variant against the control; intervals are for each comparison by itself,
            `p_adjusted` is Holm's over all rows, and the verdict needs both.
        moments: the sums by arm that all of it was computed from.
    """

    checks: pd.DataFrame
    table: pd.DataFrame
    moments: dict[str, Moments]


def analyze(
    frame: pd.DataFrame,
    *,
    unit: str | None = "user_id",
    variant: str = "variant",
    control: str | int = "A",
    metrics: Sequence[str | Metric],
    confidence: float = 0.95,
    shares: Mapping[str, float] | None = None,
) -> Analysis:
    """Compare every arm with the control on every metric, after checking that the comparison is fair.

    Args:
        frame: a row an exposure, with its outcomes.
        unit: column of what was assigned to an arm at random (a user, say); all rows of a unit are rolled up
            first, since they are not independent. None takes every row as its own unit: right only if rows were
            assigned one by one.
        variant: column of the arm.
        control: the arm that the others are compared with.
        metrics: column names, `Rate`, `Mean` or `Ratio`; a plain column name stands for its rate where it holds
            only 0 and 1, for its mean per unit otherwise. More counts as better.
        confidence: level of the intervals; one minus it is the level of the tests.
        shares: planned share of units by arm, equal by default.

    Raises `InputError` for a missing column, an empty arm, a single arm, or outcomes that are not numbers.
    """
    if not 0.5 < confidence < 1:
        raise InputError(f"confidence: expected a share between 0.5 and 1, found {confidence}")
    frame, control = _arms(frame, variant, unit), str(control)
    metrics = [as_metric(metric, frame) for metric in metrics]
    if not metrics:
        raise InputError("metrics: expected at least one")
    parts = all_parts(metrics)
    units = roll_up(_outcomes(frame, metrics), parts, variant=variant, unit=unit)
    moments = collect(units, parts)
    _comparable(moments, metrics, control, shares)
    found = [checks.sample_ratio({arm: m.n for arm, m in moments.items()}, shares)]
    if unit is not None:
        found.append(checks.one_arm_each(units.index))
    fair = all(check.passed for check in found)
    rows = []
    for metric in metrics:
        constant = [arm for arm, m in moments.items() if not metric.varies(m)]
        found.append(checks.outcome_varies(metric.name, constant, len(moments)))
        rows += [
            {
                "metric": metric.name,
                "variant": arm,
                "value": metric.value(m),
                "control_value": metric.value(moments[control]),
                **metric.compare(m, moments[control], confidence)._asdict(),
                "trusted": fair and found[-1].passed,
            }
            for arm, m in moments.items()
            if arm != control
        ]
    table = add_verdicts(pd.DataFrame(rows), 1 - confidence)
    return Analysis(checks.as_frame(found), table[list(COLUMNS)], moments)


def analyze_by(frame: pd.DataFrame, by: str, **options: object) -> Analysis:
    """`analyze` within each value of `by`, with Holm's correction over all of it; `by` leads both tables.

    An effect that stands out in one of many segments is a reason for a new test, not a finding.
    """
    if by not in frame or frame[by].isna().all():
        raise InputError(f"no values of {by!r} to tell segments by")
    parts = {segment: analyze(rows, **options) for segment, rows in frame.groupby(by, observed=True)}
    checked = pd.concat({s: part.checks for s, part in parts.items()}, names=[by]).reset_index(by)
    table = pd.concat({s: part.table for s, part in parts.items()}, names=[by]).reset_index(by)
    trusted = table.pop("verdict") != "not trustworthy"
    table = add_verdicts(table.assign(trusted=trusted), 1 - float(options.get("confidence", 0.95)))
    moments = {f"{s} {arm}": m for s, part in parts.items() for arm, m in part.moments.items()}
    return Analysis(checked.reset_index(drop=True), table[[by, *COLUMNS]].reset_index(drop=True), moments)


def _arms(frame: pd.DataFrame, variant: str, unit: str | None) -> pd.DataFrame:
    """The frame with arms as text, after checking them."""
    for column in (variant, unit):
        if column is None:
            continue
        if column not in frame:
            raise InputError(f"no column {column!r}; the frame has {', '.join(map(str, frame.columns))}")
        if missing := int(frame[column].isna().sum()):
            raise InputError(f"{column}: {missing:,} of {len(frame):,} rows have none")
    arms = frame[variant]
    if isinstance(arms.dtype, pd.CategoricalDtype) and (empty := set(arms.cat.categories) - set(arms.unique())):
        raise InputError(f"{variant}: no rows in arm {', '.join(sorted(map(str, empty)))}")
    return frame.assign(**{variant: arms.astype("str")})


def _outcomes(frame: pd.DataFrame, metrics: Sequence[Metric]) -> pd.DataFrame:
    """The frame with every outcome as a finite number."""
    numbers = {}
    for column in dict.fromkeys(part.column for part in all_parts(metrics) if part.column is not None):
        if column not in frame:
            raise InputError(f"no column {column!r} to judge by; the frame has {', '.join(map(str, frame.columns))}")
        try:
            numbers[column] = frame[column].astype(float)
        except (TypeError, ValueError):
            raise InputError(f"{column}: expected numbers or true/false, found {frame[column].dtype}") from None
        if wrong := int((~np.isfinite(numbers[column])).sum()):
            raise InputError(f"{column}: {wrong:,} of {len(frame):,} rows are missing or not finite")
    for metric in metrics:
        if isinstance(metric, Rate) and not numbers[metric.column].isin([0, 1]).all():
            raise InputError(f"{metric.column}: a rate needs true/false or 0/1")
    return frame.assign(**numbers)


def _comparable(
    moments: Mapping[str, Moments],
    metrics: Sequence[Metric],
    control: str,
    shares: Mapping[str, float] | None,
) -> None:
    """Refuse arms that cannot be compared at all."""
    arms = ", ".join(moments)
    if control not in moments:
        raise InputError(f"no arm {control!r} to compare with; the arms are {arms or 'none'}")
    if empty := set(shares or ()) - set(moments):
        raise InputError(f"no rows in arm {', '.join(sorted(empty))}")
    if len(moments) < 2:
        raise InputError(f"nothing to compare: the only arm is {arms}")
    for arm, m in moments.items():
        if m.n < 2:
            raise InputError(f"arm {arm} has {m.n} unit; at least 2 are needed")
        for metric in metrics:
            if isinstance(metric, Ratio) and m.total(metric.parts[1]) == 0:
                raise InputError(f"{metric.name}: the total of {metric.denominator} is zero in arm {arm}")
