"""Clicks by position: where on the page a variant gains, with the positions of one user taken together."""

from collections.abc import Mapping
from typing import NamedTuple

import ibis
import pandas as pd

from reco.errors import InputError
from reco.experiments.analysis import analyze
from reco.experiments.cells import compare_cells, read_cells, same_everywhere
from reco.experiments.inputs import number
from reco.experiments.metrics import Ratio
from reco.experiments.multiplicity import holm
from reco.experiments.verdicts import add_verdicts


class Positions(NamedTuple):
    """What each position gained.

    Attributes:
        checks: as of `analyze`, of the whole log.
        table: one row a position and variant, then the columns of `analyze`; Holm over all rows.
        shift: one row a variant: whether the effect is the same at every position (statistic, freedom, p_value,
            p_adjusted), a Wald test with the covariance between positions.
        top: one row a variant: share of clicks in the top positions with its difference, columns of `analyze` but
            the verdict: where clicks fall is neither better nor worse, and only clicks are counted.
        notes: positions, or arms, that were left out and why.
    """

    checks: pd.DataFrame
    table: pd.DataFrame
    shift: pd.DataFrame
    top: pd.DataFrame
    notes: tuple[str, ...]


def positions(
    frame: "pd.DataFrame | ibis.Table",
    *,
    clicked: str = "clicked",
    position: str = "position",
    top: int = 3,
    unit: str | None = "user_id",
    variant: str = "variant",
    control: str | int = "A",
    confidence: float = 0.95,
    shares: Mapping[str, float] | None = None,
) -> Positions:
    """Click-through rate by position and the share of clicks in the `top` ones, each arm against the control.

    `frame` has a row an impression at a position (numbers from 1). Both are ratios of totals by the delta method over
    units. Positions that an arm does not have, as when lists differ in length, are left out and named. Raises
    `InputError` where `analyze` does, and for positions that are no numbers.
    """
    control = str(control)
    options = {"unit": unit, "variant": variant}
    judge = {**options, "control": control, "confidence": confidence}
    whole = analyze(frame, metrics=[Ratio(clicked)], shares=shares, **judge)
    cells = read_cells(frame, position, clicked, None, **options)
    table = compare_cells(cells, position, control, confidence)
    trusted = bool((whole.table["verdict"] != "not trustworthy").all())
    table = add_verdicts(table.assign(metric=whole.table["metric"].iloc[0], trusted=trusted), 1 - confidence)
    rows = [
        {"variant": arm, **dict(zip(("statistic", "freedom", "p_value"), test, strict=True))}
        for arm, test in (
            (arm, same_everywhere(found, cells.arms[control])) for arm, found in cells.arms.items() if arm != control
        )
    ]
    shift = pd.DataFrame(rows)
    shift["p_adjusted"] = holm(shift["p_value"])
    share, notes = _top(frame, clicked, position, top, judge)
    columns = [position, *whole.table.columns]
    return Positions(whole.checks, table[columns], shift, share, (*cells.notes, *notes))


def _top(
    frame: "pd.DataFrame | ibis.Table", clicked: str, position: str, top: int, judge: Mapping[str, object]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    name = f"{clicked} in the top {top}"
    if isinstance(frame, ibis.Table):
        if not frame[position].type().is_numeric():
            raise InputError(f"{position}: expected numbers, found {frame[position].type()}")
        marked = frame.mutate(**{name: ibis.ifelse(frame[position] <= top, number(frame, clicked), 0.0)})
        found = marked.group_by(arm=marked[judge["variant"]].cast("string")).aggregate(n=number(marked, clicked).sum())
        clicks = {row["arm"]: row["n"] for row in found.to_pyarrow().to_pylist()}
    else:
        if not pd.api.types.is_numeric_dtype(frame[position]):
            raise InputError(f"{position}: expected numbers, found {frame[position].dtype}")
        marked = frame.assign(**{name: frame[clicked].astype(float).where(frame[position] <= top, 0.0)})
        clicks = marked[clicked].astype(float).groupby(marked[judge["variant"]].astype("str")).sum().to_dict()
    silent = sorted(arm for arm, n in clicks.items() if n <= 0)
    notes = tuple(f"arm {arm} has no clicks: no share of them in the top {top}" for arm in silent)
    arms = [arm for arm in clicks if arm not in silent]
    if judge["control"] not in arms or len(arms) < 2:
        return pd.DataFrame(), notes
    if silent:
        column = marked[judge["variant"]]
        marked = (
            marked.filter(column.cast("string").isin(arms))
            if isinstance(marked, ibis.Table)
            else (marked[column.astype("str").isin(arms)])
        )
    return analyze(marked, metrics=[Ratio(name, clicked)], **judge).table.drop(columns="verdict"), notes
