"""Delimited text: every cell as it stands, every row by its line, every broken line refused on its own."""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, TextIO

from reco.errors import InputError
from reco.raw.chunks import CHARACTERS, ROWS, Chunk, Parsed, Refusal, refuse
from reco.raw.files import Found
from reco.raw.headers import Layout, fold, match
from reco.raw.text import Encoding, detect, open_text
from reco.sources.base import Column, RawTable

SEPARATORS: Final = (",", ";", "\t", "|")

#: Characters of a cell, and of a line.
LONGEST_CELL: Final = 1 << 24
LONGEST_LINE: Final = 1 << 28

#: How much of the head tells the separator.
HEAD: Final = 1 << 18

#: How much may be read twice, at least and for each character read, to find where broken quotes end.
AGAIN_AT_LEAST: Final = 1 << 26
AGAIN: Final = 4

#: What a spreadsheet program takes the separator from, where it stands above the header.
TELLS_SEPARATOR: Final = re.compile(r"sep=(.)\s*", re.IGNORECASE)

NOT_TEXT: Final = "holds bytes that are no text in this encoding"
CUT_OFF: Final = "cut off"

#: Why the csv module could not read a record, by what it says.
REASONS: Final = {
    "unexpected end of data": "a quote that is not closed",
    "field larger than field limit": f"a cell of more than {LONGEST_CELL:,} characters",
    "expected after": "a quote out of place",
}


class _Lines:
    """Physical lines of a text. Those of the record being read are kept, so that reading can start again within it."""

    def __init__(self, stream: TextIO, label: str) -> None:
        self._stream, self._label = stream, label
        self._ahead: deque[str] = deque()
        self._again = 0
        self.read = 0
        self.record: list[str] = []
        self.first = 1

    def __iter__(self) -> Iterator[str]:
        ahead, record, readline = self._ahead, self.record, self._stream.readline
        while line := ahead.popleft() if ahead else readline(LONGEST_LINE):
            record.append(line)
            self.read += len(line)
            if len(line) == LONGEST_LINE:
                number = self.first + len(record) - 1
                raise InputError(f"{self._label}: line {number} is longer than {LONGEST_LINE:,} characters")
            yield line

    def begin(self) -> None:
        """A new record begins at the next line."""
        self.first += len(self.record)
        self.record.clear()

    def again(self) -> bool:
        """Go back to the second line of the record; not where that has been done too much."""
        rest = self.record[1:]
        size = sum(map(len, rest))
        self._again += size
        if self._again > AGAIN_AT_LEAST + AGAIN * self.read:
            return False
        self.read -= size
        self._ahead.extendleft(reversed(rest))
        del self.record[1:]
        return True

    def text(self) -> str:
        """The record as it stands."""
        return "".join(self.record)

    def cut(self) -> bool:
        """Whether the record ends where the file does, in the middle of a line."""
        return not self.record[-1].endswith(("\n", "\r"))


def parse(one: Found, table: RawTable) -> Parsed:
    """Rows of a delimited text; raises `InputError` where its header is not as `table` needs it."""
    encoding = detect(one, table.encoding)
    with open_text(one, encoding) as stream:
        head = stream.read(HEAD)
    separator = table.separator or _separator(head, table.columns)
    return Parsed(_chunks(one, table, encoding, separator), encoding.name, separator)


def _separator(head: str, columns: dict[str, Column]) -> str:
    """The separator that finds most columns in the header, of equal ones the one with most cells."""
    first = next((line for line in io.StringIO(head, newline="") if fold(line)), "")
    if told := TELLS_SEPARATOR.fullmatch(fold(first)):
        return told[1]
    headers = {separator: _header(head, separator) for separator in SEPARATORS}
    return max(SEPARATORS, key=lambda each: (len(match(headers[each], columns)), len(headers[each])))


def _header(head: str, separator: str) -> list[str]:
    csv.field_size_limit(LONGEST_CELL)
    try:
        rows = csv.reader(io.StringIO(head, newline=""), delimiter=separator, strict=True)
        return next((row for row in rows if any(map(fold, row))), [])
    except csv.Error:
        return []


def _chunks(one: Found, table: RawTable, encoding: Encoding, separator: str) -> Iterator[Chunk]:
    csv.field_size_limit(LONGEST_CELL)
    with open_text(one, encoding) as stream:
        lines = _Lines(stream, one.label)
        reader = csv.reader(lines, delimiter=separator, strict=True)
        headers = _read_header(reader, lines, one.label)
        layout, width, careful = Layout(headers, table.columns, one.label), len(headers), bool(encoding.damage)
        rows: list[list[str]] = []
        numbers: list[int] = []
        refused: list[Refusal] = []
        enough = lines.read + CHARACTERS
        while True:
            lines.begin()
            try:
                row = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                refused.append(_broken(lines, str(error)))
                reader = csv.reader(lines, delimiter=separator, strict=True)
            else:
                why = _why_not(row, width, lines, encoding) if careful or len(row) != width else None
                if why:
                    refused.append(refuse(lines.first, why, lines.text()))
                elif len(row) == width:
                    rows.append(row)
                    numbers.append(lines.first)
            if len(rows) >= ROWS or len(refused) >= ROWS or lines.read >= enough:
                yield Chunk(layout.table(rows, numbers), refused)
                rows, numbers, refused, enough = [], [], [], lines.read + CHARACTERS
        yield Chunk(layout.table(rows, numbers), refused)


def _read_header(reader: Iterator[list[str]], lines: _Lines, label: str) -> list[str]:
    while True:
        lines.begin()
        try:
            headers = next(reader)
        except StopIteration:
            raise InputError(f"{label}: is empty; expected the names of its columns") from None
        except csv.Error as error:
            raise InputError(f"{label}: line {lines.first} is no header ({error}); expected names of columns") from None
        if any(map(fold, headers)) and not TELLS_SEPARATOR.fullmatch(fold(lines.text())):
            return headers


def _why_not(row: Sequence[str], width: int, lines: _Lines, encoding: Encoding) -> str | None:
    """Why a row is refused; none for a good one and for a blank line."""
    if encoding.damage and encoding.damage.search(lines.text()):
        return NOT_TEXT
    if len(row) == width or not lines.text().strip():
        return None
    if len(row) < width and lines.cut():
        return CUT_OFF
    last = lines.first + len(lines.record) - 1
    span = f" (lines {lines.first} to {last})" if last > lines.first else ""
    return f"{len(row)} value{'s' if len(row) != 1 else ''}, expected {width}{span}"


def _broken(lines: _Lines, error: str) -> Refusal:
    """The refusal of a line with broken quotes; what the quote swallowed is read again."""
    reason = next((reason for said, reason in REASONS.items() if said in error), "not readable")
    if error == "unexpected end of data" and len(lines.record) == 1 and lines.cut():
        reason = CUT_OFF
    last = lines.first + len(lines.record) - 1
    if not lines.again():
        reason += f" (lines {lines.first} to {last})"
    return refuse(lines.first, reason, lines.text())
