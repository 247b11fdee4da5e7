"""Files read when slates are filled: what is in stock, and from when to when products are on sale."""

from pathlib import Path
from typing import Final

import pandas as pd

from reco.errors import InputError
from reco.settings import place
from reco.workbook import Workbook

#: How many unknown ids a remark names.
NAMED: Final = 3


def with_stock(wb: Workbook, products: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """`products` (index product_id) with the stock of the rule's file, where it names one, and remarks about it.

    Raises `InputError` where the file is absent, no CSV, lacks a column or holds something that is not a number.
    """
    rule = wb.settings.rules.in_stock
    if rule is None or rule.file is None:
        return products, []
    frame = _read(wb, rule.file, "in_stock", ["product_id", "stock"])
    number = pd.to_numeric(frame["stock"], errors="coerce")
    _refuse(wb, rule.file, "in_stock", frame["stock"], number.notna(), "a number of pieces")
    age = pd.Timestamp.now("UTC") - pd.Timestamp((wb.settings.root / rule.file).stat().st_mtime, unit="s", tz="UTC")
    minutes = age.total_seconds() / 60
    remarks = _unknown(wb, rule.file, frame["product_id"])
    if minutes > rule.max_age_minutes:
        remarks.append(
            f"{rule.file.name} is {minutes:,.0f} minutes old, the limit is {rule.max_age_minutes}: what it calls sold "
            "out is left out, but may be wrong"
        )
    told = pd.Series(number.to_numpy(), index=frame["product_id"]).groupby(level=0).last()
    return products.assign(stock=told.reindex(products.index).fillna(products["stock"])), remarks


def with_dates(wb: Workbook, products: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """`products` with starts_at and ends_at of the rule's file, where it names one, and remarks about it.

    Moments without a zone are of the shop's own time. Raises `InputError` where the file is absent, lacks a column or
    holds something that is not a moment.
    """
    rule, missing = wb.settings.rules.not_ended, pd.Series(pd.NaT, index=products.index, dtype="datetime64[us, UTC]")
    products = products.assign(starts_at=missing, ends_at=missing)
    if rule is None or rule.file is None:
        return products, []
    frame = _read(wb, rule.file, "not_ended", ["product_id", "starts_at", "ends_at"])
    for column in ("starts_at", "ends_at"):
        moment = pd.to_datetime(frame[column], errors="coerce", format="ISO8601")
        _refuse(wb, rule.file, "not_ended", frame[column], moment.notna() | frame[column].isna(), "a moment")
        zone = wb.settings.store.time_zone
        moment = (
            moment.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward") if not moment.dt.tz else moment
        )
        told = pd.Series(moment.dt.tz_convert("UTC").array, index=frame["product_id"]).groupby(level=0).last()
        products[column] = told.reindex(products.index)
    return products, _unknown(wb, rule.file, frame["product_id"])


def _read(wb: Workbook, file: Path, rule: str, columns: list[str]) -> pd.DataFrame:
    """The columns of a small CSV as text."""
    path = wb.settings.root / file
    if not path.is_file():
        raise InputError(f"{place(wb.settings, 'rules', rule, 'file')}: no such file {file}; expected a CSV")
    try:
        frame = pd.read_csv(path, dtype=str, encoding="utf-8-sig", skipinitialspace=True)
    except (UnicodeDecodeError, pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        wanted = ", ".join(columns)
        raise InputError(f"{file}:1: not readable as CSV in UTF-8 ({error}); expected columns {wanted}") from None
    lacking = [column for column in columns if column not in frame]
    if lacking:
        found = ", ".join(map(str, frame.columns)) or "none"
        raise InputError(f"{file}:1: expected columns {', '.join(columns)}, found {found}")
    nameless = frame["product_id"].isna()
    if nameless.any():
        raise InputError(f"{file}:{int(nameless.argmax()) + 2}: product_id is missing")
    return frame[columns]


def _refuse(wb: Workbook, file: Path, rule: str, found: pd.Series, fit: pd.Series, expected: str) -> None:
    """Raise `InputError` for the first value that does not fit."""
    if not fit.all():
        line = int((~fit).to_numpy().argmax())
        raise InputError(f"{file}:{line + 2}: {found.name}: expected {expected}, found {found.iloc[line]!r}")


def _unknown(wb: Workbook, file: Path, ids: pd.Series) -> list[str]:
    """A remark where the file names products that the catalogue does not have."""
    known = wb.connection.to_pandas(wb.table("products").select("product_id"))["product_id"]
    unknown = ids[~ids.isin(known)].unique()
    if not len(unknown):
        return []
    named = ", ".join(unknown[:NAMED]) + (f" and {len(unknown) - NAMED:,} more" if len(unknown) > NAMED else "")
    return [f"{file.name} names {len(unknown):,} products that the catalogue does not have: {named}"]
