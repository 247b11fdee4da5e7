"""Small files that the settings name beside the sources: what is in stock, what is on sale when, what staff picked."""

import csv
from collections.abc import Iterator
from functools import partial
from io import StringIO
from pathlib import Path

import pandas as pd

from reco.errors import InputError
from reco.settings import Settings, Strategy, place


def check(settings: Settings) -> None:
    """Raise `InputError`, naming file and key, unless every such file is there and can be read."""
    lists = {one.file: keys for keys, one in reversed([*_strategies(settings)]) if one.kind == "curated"}
    for keys, read in [
        (("rules", "in_stock"), lambda: stock(settings)),
        (("rules", "not_ended"), lambda: dates(settings)),
        *((keys, partial(picks, settings, file)) for file, keys in reversed(lists.items())),
    ]:
        where = place(settings, *keys, "file")
        try:
            read()
        except InputError as error:
            raise InputError(str(error) if str(error).startswith(where) else f"{where}: {error}") from None


def stock(settings: Settings) -> pd.DataFrame | None:
    """product_id and stock (pieces, float64) of the stock rule's file; None where it names none.

    Raises `InputError` where the file is absent, no CSV, lacks a column or holds something that is not a number.
    """
    rule = settings.rules.in_stock
    if rule is None or rule.file is None:
        return None
    frame = _read(settings, rule.file, "in_stock", ["product_id", "stock"])
    number = pd.to_numeric(frame["stock"], errors="coerce")
    _refuse(rule.file, frame["stock"], number.notna(), "a number of pieces")
    return frame.assign(stock=number)


def dates(settings: Settings) -> pd.DataFrame | None:
    """product_id, starts_at and ends_at (UTC) of the end-date rule's file; None where it names none.

    Moments without a zone are of the shop's own time. Raises `InputError` where the file is absent, lacks a column or
    holds something that is not a moment.
    """
    rule = settings.rules.not_ended
    if rule is None or rule.file is None:
        return None
    frame = _read(settings, rule.file, "not_ended", ["product_id", "starts_at", "ends_at"])
    for column in ("starts_at", "ends_at"):
        moment = pd.to_datetime(frame[column], errors="coerce", format="ISO8601")
        _refuse(rule.file, frame[column], moment.notna() | frame[column].isna(), "a moment")
        zone = settings.store.time_zone
        moment = (
            moment.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward") if not moment.dt.tz else moment
        )
        frame[column] = moment.dt.tz_convert("UTC")
    return frame


def picks(settings: Settings, file: Path) -> pd.Index:
    """The product ids of a curated list, each once, in its order.

    The CSV has a column product_id (and a note, which is not read). Raises `InputError` where there is no such file,
    it cannot be read, or it names no product.
    """
    path = settings.root / file
    if not path.is_file():
        raise InputError(f"{_declared(settings, file)}: no such file {file}; expected a CSV of product_id and note")
    try:
        lines = list(csv.reader(StringIO(path.read_text(encoding="utf-8-sig")), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}:1: not readable as CSV in UTF-8 ({error}); expected product_id and note") from None
    header = [name.strip() for name in lines[0]] if lines else []
    if "product_id" not in header:
        found = ", ".join(header) or "nothing"
        raise InputError(f"{file}:1: expected a column product_id, found {found}")
    column = header.index("product_id")
    ids = []
    for number, line in enumerate(lines[1:], start=2):
        if any(cell.strip() for cell in line):
            if len(line) <= column or not line[column].strip():
                raise InputError(f"{file}:{number}: product_id is missing; expected the id of a product")
            ids.append(line[column].strip())
    if not ids:
        raise InputError(f"{file}:{len(lines) + 1}: no products; expected a product_id a line below the header")
    return pd.Index(dict.fromkeys(ids), dtype=object)


def _strategies(settings: Settings) -> Iterator[tuple[tuple[str | int, ...], Strategy]]:
    """Every strategy and what would take its place, with the keys that lead there."""
    for name, context in settings.contexts.items():
        for number, strategy in enumerate(context.strategies):
            keys: tuple[str | int, ...] = ("contexts", name, "strategies", number)
            one: Strategy | None = strategy
            while one is not None:
                yield keys, one
                keys, one = (*keys, "instead"), one.instead


def _declared(settings: Settings, file: Path) -> str:
    """Where the settings name a curated list."""
    return next((place(settings, *keys, "file") for keys, one in _strategies(settings) if one.file == file), "settings")


def _read(settings: Settings, file: Path, rule: str, columns: list[str]) -> pd.DataFrame:
    """The columns of a small CSV as text."""
    path = settings.root / file
    if not path.is_file():
        raise InputError(f"{place(settings, 'rules', rule, 'file')}: no such file {file}; expected a CSV")
    try:
        frame = pd.read_csv(path, dtype=str, encoding="utf-8-sig", skipinitialspace=True)
    except (OSError, UnicodeDecodeError, pd.errors.EmptyDataError, pd.errors.ParserError) as error:
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


def _refuse(file: Path, found: pd.Series, fit: pd.Series, expected: str) -> None:
    """Raise `InputError` for the first value that does not fit."""
    if not fit.all():
        line = int((~fit).to_numpy().argmax())
        raise InputError(f"{file}:{line + 2}: {found.name}: expected {expected}, found {found.iloc[line]!r}")
