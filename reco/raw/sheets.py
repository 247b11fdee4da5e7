"""Excel workbooks: one sheet, its cells as texts, rows by their number in the sheet."""

import datetime as dt
import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Final

from reco.errors import InputError
from reco.raw.chunks import CHARACTERS, ROWS, Chunk, Parsed
from reco.raw.files import Found, check_workbook
from reco.raw.headers import Layout
from reco.sources.base import RawTable

#: Digits that Excel keeps of a number.
DIGITS: Final = 15


def parse(one: Found, table: RawTable) -> Parsed:
    """Rows of a workbook's sheet; raises `InputError` where it cannot be read or its header is not as needed."""
    check_workbook(one)
    return Parsed(_chunks(one, table))


def _chunks(one: Found, table: RawTable) -> Iterator[Chunk]:
    with one.path.open("rb") as stream:
        rows = _rows(one, stream, table.sheet)
        headers: list[str] = []
        for _, row in rows:
            headers = [text(cell) if cell is not None else "" for cell in row]
            if any(header.strip() for header in headers):
                break
        if not any(header.strip() for header in headers):
            raise InputError(f"{one.label}: is empty; expected the names of its columns")
        layout, width = Layout(headers, table.columns, one.label), len(headers)
        decimals = layout.numbers()
        texts: list[list[str | None]] = []
        numbers: list[int] = []
        size, exact = 0, False
        for number, row in rows:
            cells = [None if cell is None else text(cell) for cell in row[:width]]
            if not any(cells):
                continue
            texts.append(cells + [None] * (width - len(cells)))
            numbers.append(number)
            exact = exact or any(isinstance(row[place], float) for place in decimals if place < len(row))
            size += sum(len(cell) for cell in cells if cell)
            if len(texts) >= ROWS or size >= CHARACTERS:
                yield Chunk(layout.table(texts, numbers), [], "." if exact else None)
                texts, numbers, size = [], [], 0
        yield Chunk(layout.table(texts, numbers), [], "." if exact else None)


def _rows(one: Found, stream: object, sheet: str | None) -> Iterator[tuple[int, Sequence[object]]]:
    """Rows of a sheet with their numbers, whatever the workbook says about its size."""
    import openpyxl  # here, since few shops have sheets
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
            if sheet is not None and sheet not in book.sheetnames:
                names = ", ".join(book.sheetnames)
                raise InputError(f"{one.label}: no sheet {sheet!r}; found: {names}")
            chosen = book[sheet] if sheet is not None else book.worksheets[0]
            if not isinstance(chosen, ReadOnlyWorksheet):
                raise InputError(f"{one.label}: sheet {chosen.title!r} holds no cells")
            chosen.reset_dimensions()
            yield from enumerate(chosen.iter_rows(values_only=True), start=1)
    except (InputError, GeneratorExit):
        raise
    except Exception as error:  # openpyxl raises nearly everything where a workbook is damaged
        raise InputError(f"{one.label}: cannot be read as a workbook ({error}); expected an .xlsx file") from None


def text(cell: object) -> str:
    """A cell's value as text: dates as ISO 8601, numbers with the digits that Excel keeps.

    >>> text(12.0), text(0.1 + 0.2), text(True), text(dt.datetime(2026, 11, 24, 9, 30))
    ('12', '0.3', 'true', '2026-11-24T09:30:00')
    """
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        if not math.isfinite(cell):
            return str(cell)
        return str(int(cell)) if cell.is_integer() and abs(cell) < 10**DIGITS else f"{cell:.{DIGITS}g}"
    if isinstance(cell, dt.datetime | dt.date | dt.time):
        return cell.isoformat()
    return str(cell)
