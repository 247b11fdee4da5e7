"""The log of exposures that every question about a test can be answered from, and its checked contract."""

from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.errors import InputError

#: Columns of the contract in their order, with what each must be; `viewable` and `propensity` may be missing in a row.
KINDS: Final = {
    "request": "text",
    "unit": "text",
    Columns.VARIANT: "text",
    Columns.CONTEXT: "text",
    Columns.POSITION: "number",
    "product": "text",
    Columns.PROPENSITY: "number",
    "rendered": "flag",
    "viewable": "flag",
    Columns.SHOWN_AT: "time",
}
OPTIONAL: Final = (Columns.PROPENSITY, "viewable")


def check_exposures(log: pd.DataFrame) -> pd.DataFrame:
    """The log with exactly the contract's columns first, if it keeps the contract.

    Raises `InputError` naming the column, the row (its label in the frame's index) and what was found for: a column
    that is missing or of another type, an empty cell, a position below 0, a propensity outside 0 to 1, a request of
    two units, arms or contexts, a slot of a request filled twice, and what was viewable without being rendered.
    """
    if missing := [column for column in KINDS if column not in log]:
        raise InputError(f"exposures: no column {missing[0]!r}; expected {', '.join(KINDS)}")
    for column, kind in KINDS.items():
        values = log[column]
        if values.isna().all() and column in OPTIONAL:
            continue
        if not _TYPES[kind](values):
            raise InputError(f"exposures: {column}: expected a column of type {kind}, found {values.dtype}")
        if column not in OPTIONAL:
            _refuse(log, values.isna(), column, "a value")
        if kind == "text":
            _refuse(log, values.astype("str").str.strip() == "", column, "a value")
    _refuse(log, ~np.isfinite(log[Columns.POSITION].astype(float)) | (log[Columns.POSITION] < 0), Columns.POSITION,
            "0 or more")  # fmt: skip
    chance = log[Columns.PROPENSITY].astype(float)
    _refuse(log, chance.notna() & ~((chance > 0) & (chance <= 1)), Columns.PROPENSITY, "a chance above 0 and up to 1")
    for column in ("unit", Columns.VARIANT, Columns.CONTEXT):
        first = log.groupby("request")[column].transform("first")
        _refuse(log, log[column] != first, column, "the same in all rows of a request")
    _refuse(log, log.duplicated(["request", Columns.POSITION]), Columns.POSITION, "each slot of a request once")
    seen = log["viewable"].fillna(False).astype(bool) & ~log["rendered"].astype(bool)
    _refuse(log, seen, "viewable", "false where nothing was rendered")
    return log[[*KINDS, *(column for column in log if column not in KINDS)]]


def triggered(log: pd.DataFrame) -> pd.DataFrame:
    """One row a unit and arm that saw something rendered: what `analyze(…, unit="unit")` takes.

    Columns: unit, variant, requests, impressions (rendered rows), viewable (those seen; missing where the log never
    says), clicks where the log has `clicked`, first_shown_at. Units that were assigned but never saw a slot are left
    out in all arms alike, which is fair only if `rendered` is logged in the control as it is in the others, before the
    arms differ. A unit in two arms keeps a row in each, so that the check for it can fail.
    """
    seen = check_exposures(log)
    seen = seen[seen["rendered"].astype(bool)]
    if seen.empty:
        raise InputError("exposures: rendered: no row was rendered, so nobody was exposed")
    told = seen["viewable"].notna().any()
    seen = seen.assign(viewable=seen["viewable"].astype("boolean").fillna(False).astype(float))
    parts = {
        "requests": ("request", "nunique"),
        "impressions": ("product", "size"),
        "viewable": ("viewable", "sum"),
        "first_shown_at": (Columns.SHOWN_AT, "min"),
    }
    if Columns.CLICKED in seen:
        parts["clicks"] = (Columns.CLICKED, "sum")
    units = seen.groupby(["unit", Columns.VARIANT], sort=True, observed=True).agg(**parts).reset_index()
    return units if told else units.assign(viewable=np.nan)


def from_impressions(impressions: pd.DataFrame) -> pd.DataFrame:
    """The store's `impressions` as a log in the contract.

    A slate is a request, or, where none is logged, the impression alone; an unknown customer is a unit of the request.
    What is in the store was rendered; whether it was viewable it does not say. `clicked` stays as a further column.
    """
    needed = ["impression_id", Columns.SLATE, Columns.CUSTOMER, Columns.VARIANT, Columns.CONTEXT, Columns.POSITION,
              Columns.PRODUCT, Columns.PROPENSITY, Columns.SHOWN_AT]  # fmt: skip
    if missing := [column for column in needed if column not in impressions]:
        raise InputError(f"impressions: no column {missing[0]!r}; expected {', '.join(needed)}")
    slate = impressions[Columns.SLATE].astype("str")
    request = slate.where(impressions[Columns.SLATE].notna(), impressions["impression_id"].astype("str"))
    known = impressions[Columns.CUSTOMER].notna()
    log = pd.DataFrame(
        {
            "request": request,
            "unit": impressions[Columns.CUSTOMER].astype("str").where(known, "request " + request),
            **{name: impressions[name] for name in (Columns.VARIANT, Columns.CONTEXT, Columns.POSITION)},
            "product": impressions[Columns.PRODUCT],
            Columns.PROPENSITY: impressions[Columns.PROPENSITY],
            "rendered": True,
            "viewable": pd.array([pd.NA] * len(impressions), dtype="boolean"),
            Columns.SHOWN_AT: impressions[Columns.SHOWN_AT],
        },
        index=impressions.index,
    )
    if Columns.CLICKED in impressions:
        log[Columns.CLICKED] = impressions[Columns.CLICKED].astype("boolean").fillna(False).astype(bool)
    return check_exposures(log)


def _is_text(values: pd.Series) -> bool:
    kind = values.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return pd.api.types.is_string_dtype(kind.categories.dtype)
    return pd.api.types.is_string_dtype(kind) or pd.api.types.infer_dtype(values, skipna=True) == "string"


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _is_flag(values: pd.Series) -> bool:
    return pd.api.types.is_bool_dtype(values) or pd.api.types.infer_dtype(values, skipna=True) == "boolean"


_TYPES: Final[dict[str, Callable[[pd.Series], bool]]] = {
    "text": _is_text,
    "number": _is_number,
    "flag": _is_flag,
    "time": pd.api.types.is_datetime64_any_dtype,
}


def _refuse(log: pd.DataFrame, wrong: pd.Series, column: str, expected: str) -> None:
    """Refuse the log where any row is wrong, naming the first."""
    if count := int(wrong.sum()):
        row = wrong.to_numpy(dtype=bool).argmax()
        more = f", and so {count - 1:,} more" if count > 1 else ""
        raise InputError(
            f"exposures: row {log.index[row]}, {column}: expected {expected}, found {log[column].iloc[row]!r}{more}"
        )
