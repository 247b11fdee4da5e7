"""JSON: one object a line, or documents that hold lists of objects. Each object is a record, and a row.

In JSON lines a row's line is the physical one; in documents, which may well be a single line, it is the number of the
record.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Final, TextIO

import pyarrow as pa

from reco.errors import InputError
from reco.raw.chunks import ROWS, Chunk, Parsed, Refusal, refuse
from reco.raw.documents import Document, Piece
from reco.raw.files import Found
from reco.raw.headers import told
from reco.raw.kinds import named, quoted
from reco.raw.session import session
from reco.raw.structures import as_declared, as_list, digits_kept, pointers
from reco.raw.text import Encoding, detect, open_text
from reco.sources.base import Column, RawTable
from reco.store import LINE, TEXT

#: Characters that are read at once, and the most that a record may have.
PART: Final = 1 << 23
LONGEST: Final = 1 << 27
HEAD: Final = 1 << 20

#: Where the first line is broken, so many lines tell whether each is a record.
FIRST_LINES: Final = 10

NOT_TEXT: Final = "holds bytes that are no text in this encoding"
NOT_JSON: Final = "not JSON"
NOT_AN_OBJECT: Final = "no JSON object"
CUT_OFF: Final = "cut off"

_DECODER: Final = json.JSONDecoder(parse_int=str, parse_float=str)


def parse(one: Found, table: RawTable) -> Parsed:
    """Records of a JSON file; raises `InputError` where it holds none of the lists or columns that `table` needs."""
    encoding = detect(one, table.encoding)
    with open_text(one, encoding) as stream:
        head = stream.read(HEAD)
    if not head.strip("\ufeff \t\r\n"):
        raise InputError(f"{one.label}: is empty; expected JSON objects")
    return Parsed(_chunks(one, table, encoding, _by_line(head, one.kind, table)), encoding.name)


def _by_line(head: str, kind: str, table: RawTable) -> bool:
    """Whether each line is a record."""
    first = next(line for line in head.split("\n") if line.strip("\ufeff \t\r\n")).strip("\ufeff \t\r\n")
    try:
        found = _DECODER.decode(first)
    except (ValueError, RecursionError):
        if kind == ".json":
            return first[0] == "{" and _objects(head.split("\n")[1:FIRST_LINES]) * 2 >= FIRST_LINES
        return first[0] != "[" and first[-1] not in "{[,:"
    if not isinstance(found, dict):
        return False
    lists = {key for key, value in found.items() if isinstance(value, list)}
    is_page = lists & set(table.records) or (table.records and lists and not _is_record(found, table.columns))
    return not is_page


def _objects(lines: Sequence[str]) -> int:
    """How many of some lines are objects."""
    found = 0
    for line in lines:
        try:
            found += isinstance(_DECODER.decode(line.strip()), dict)
        except (ValueError, RecursionError):
            continue
    return found


def _chunks(one: Found, table: RawTable, encoding: Encoding, by_line: bool) -> Iterator[Chunk]:
    shape = _Shape(table.columns, one.label)
    with open_text(one, encoding) as stream:
        pieces = _lines(stream, one.label) if by_line else _document(stream, one, table, encoding)
        held: list[Piece] = []
        size = 0
        for piece in pieces:
            if encoding.damage and encoding.damage.search(piece.text):
                piece = piece._replace(reason=NOT_TEXT)
            held.append(piece)
            size += len(piece.text)
            if len(held) >= ROWS or size >= PART:
                yield shape(held)
                held, size = [], 0
        yield shape(held)
    shape.check()


def _lines(stream: TextIO, label: str) -> Iterator[Piece]:
    number, rest = 0, ""
    while part := stream.read(PART):
        *lines, rest = (rest + part).split("\n")
        if len(rest) > LONGEST:
            raise InputError(f"{label}: line {number + len(lines) + 1} is longer than {LONGEST:,} characters")
        for line in lines:
            number += 1
            if line and not line.isspace():
                yield Piece(number, line)
    if rest.strip():
        yield Piece(number + 1, rest, if_broken=CUT_OFF)


def _document(stream: TextIO, one: Found, table: RawTable, encoding: Encoding) -> Iterator[Piece]:
    with open_text(one, encoding) as again:
        keys = Document(again).keys(table.records)
    page = any(kind == "[" for key, kind in keys.items() if key in table.records)
    if keys and not page and table.records and not _is_record(keys, table.columns) and "[" in keys.values():
        if any(column.required for column in table.columns.values()):
            expected = " or ".join(repr(key) for key in table.records)
            raise InputError(f"{one.label}: no list under {expected}; found: {told(list(keys))}")
        return
    numbers = count(1)
    for piece in Document(stream).pieces(frozenset(table.records) if page else None):
        yield piece._replace(line=next(numbers))


def _is_record(keys: Mapping[str, object], columns: Mapping[str, Column]) -> bool:
    """Whether an object with such keys says something about any column."""
    return any(name in keys or name.split(".")[0] in keys for one in columns.values() for name in one.names)


class _Shape:
    """Brings the texts of records into the columns of a raw table."""

    def __init__(self, columns: Mapping[str, Column], label: str) -> None:
        self._columns, self._label = columns, label
        self._connection = session()
        self._paths = {
            name: [each for one in column.names for each in pointers(one)] for name, column in columns.items()
        }
        self._flat = [path for name, column in columns.items() if column.type == TEXT for path in self._paths[name]]
        self._deep = [path for name, column in columns.items() if column.type != TEXT for path in self._paths[name]]
        self._missing = [name for name, column in columns.items() if column.required]
        self._seen: list[str] = []
        self._rows = 0

    def __call__(self, pieces: list[Piece]) -> Chunk:
        """Rows of a part of the records, and the refusals among them."""
        refused = [refuse(piece.line, piece.reason, piece.text) for piece in pieces if piece.reason]
        pieces = [piece for piece in pieces if not piece.reason]
        texts = pa.array([piece.text for piece in pieces], TEXT)
        read = pa.table({"row": texts, LINE: pa.array([piece.line for piece in pieces], pa.int64())})
        valid = self._connection.from_arrow(read).project(r"json_valid(row) AND regexp_matches(row, '^\s*\{') AS good")
        good = valid.to_arrow_table()["good"]
        refused += [self._refusal(piece) for piece, fine in zip(pieces, good.to_pylist(), strict=True) if not fine]
        records = read.filter(good)
        self._rows += len(records)
        self._look_for_required(records)
        return Chunk(self._shaped(records), sorted(refused), ".")

    def check(self) -> None:
        """Raise `InputError` where no record has a column that is required."""
        if self._rows and self._missing:
            names = " or ".join(repr(each) for each in self._columns[self._missing[0]].names)
            raise InputError(f"{self._label}: no record has {names}; found: {told(self._seen)}")

    def _refusal(self, piece: Piece) -> Refusal:
        try:
            _DECODER.decode(piece.text)
        except (ValueError, RecursionError):
            return refuse(piece.line, piece.if_broken or NOT_JSON, piece.text)
        is_object = piece.text.lstrip().startswith("{")
        return refuse(piece.line, NOT_JSON if is_object else NOT_AN_OBJECT, piece.text)

    def _look_for_required(self, records: pa.Table) -> None:
        if not self._missing or not len(records):
            return
        if not self._seen:
            first = self._connection.from_arrow(records.slice(0, 1))
            self._seen = first.project("json_keys(row) AS keys").to_arrow_table()["keys"][0].as_py()
        relation = self._connection.from_arrow(records)
        for name in list(self._missing):
            there = " OR ".join(f"json_exists(row, {quoted(path)})" for path in self._paths[name])
            if relation.aggregate(f"bool_or({there})").fetchall()[0][0]:
                self._missing.remove(name)

    def _shaped(self, records: pa.Table) -> pa.Table:
        taken = [
            f"json_extract_string(row, {as_list(self._flat or ['/'])}) AS plain",
            f"json_extract_string({digits_kept('row')}, {as_list(self._flat or ['/'])}) AS exact",
            f"json_extract({digits_kept('row')}, {as_list(self._deep or ['/'])}) AS deep",
            LINE,
        ]
        relation = self._connection.from_arrow(records).project(", ".join(taken))
        columns = [f"{self._expression(name)} AS {named(name)}" for name in self._columns]
        return relation.project(", ".join([*columns, LINE])).to_arrow_table()

    def _expression(self, name: str) -> str:
        column = self._columns[name]
        if column.type != TEXT:
            found = [f"nullif(deep[{self._deep.index(path) + 1}]::VARCHAR, 'null')" for path in self._paths[name]]
            return as_declared(f"coalesce({', '.join(found)})", column.type)
        places = [self._flat.index(path) + 1 for path in self._paths[name]]
        # an object or list is kept as it was written, with the numbers in it
        found = [f"CASE WHEN left(exact[{n}], 1) IN ('{{', '[') THEN plain[{n}] ELSE exact[{n}] END" for n in places]
        return f"coalesce({', '.join(found)})"
