"""Any CSV or Parquet file by a column mapping in workbook.yaml: the way to bring one's own data."""

import csv
import hashlib
from pathlib import Path
from typing import Annotated, Final, Literal

import ibis
import ibis.expr.datatypes as dt
from ibis.common.exceptions import TableNotFound
from pydantic import Field, field_validator

from reco.clock import Instant, WallClock, parse_instant, parse_local, to_utc
from reco.errors import InputError
from reco.sources.base import Shop, SourceSettings, readable
from reco.store import KEYS, SCHEMAS, UNREADABLE, conform

ABOUT = "The shop's own tables, read by the column mapping of its settings file."
NAME = "tabular"

#: What a line of orders may describe on the way; a line that names none of them (a guest's) describes nothing.
DESCRIPTIONS: Final = ("customers", "products", "campaigns")

#: A time of day with its offset from UTC, at the end of a text.
OFFSET: Final = r":\d\d(\.\d+)?\s*(Z|UTC|[+-]\d\d(:?\d\d)?)\s*$"


class Settings(SourceSettings):
    """One file and what it fills.

    `tables` maps a unified table to its columns: `{order_lines: {order_id: InvoiceNo, …}}`. In order_lines,
    `unit_price` may stand for `revenue`, which is then quantity times unit price. Times without an offset from UTC
    are in the store's time zone; `time_format` is a strptime format for those that are not ISO 8601. `about` is the
    sentence on the data's origin for the reports.
    """

    kind: Literal["tabular"]
    path: Path
    tables: Annotated[dict[str, dict[str, str]], Field(min_length=1)]
    time_format: str | None = None
    about: str = ABOUT

    @field_validator("tables")
    @classmethod
    def _known_columns(cls, value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        for table, columns in value.items():
            if table not in SCHEMAS:
                raise ValueError(f"no unified table {table!r}; expected one of {', '.join(SCHEMAS)}")
            known = [*SCHEMAS[table].names, *(["unit_price"] if table == "order_lines" else [])]
            for column in columns:
                if column not in known:
                    raise ValueError(f"{table} has no column {column!r}; expected one of {', '.join(known)}")
            for key in KEYS[table]:
                if key not in columns and not (key == "revenue" and "unit_price" in columns):
                    or_else = " or unit_price" if key == "revenue" else ""
                    raise ValueError(f"{table} needs a column for {key}{or_else}")
        return value


def files(settings: Settings, root: Path) -> list[Path]:
    """The one file that the mapping is about."""
    return [root / settings.path]


def read(settings: Settings, shop: Shop) -> dict[str, ibis.Table]:
    """Unified tables by the mapping; ids become text, times UTC, amounts decimal.

    A row with a value that is none of its kind (say, a price `n/a`) names the column in `UNREADABLE`. Raises
    `InputError` when the file is missing, cannot be read or lacks a mapped column.
    """
    wanted = {name for columns in settings.tables.values() for name in columns.values()}
    path = shop.root / settings.path
    with readable(path):
        raw = _open(path, wanted, shop.connection)
    for table, columns in settings.tables.items():
        for column, name in columns.items():
            if name not in raw.columns:
                found = ", ".join(raw.columns)
                raise InputError(f"{settings.path}: no column {name!r}, expected as {table}.{column}; found: {found}")
    return {table: _map(raw, table, columns, settings, shop) for table, columns in settings.tables.items()}


def _open(path: Path, wanted: set[str], connection: ibis.BaseBackend) -> ibis.Table:
    kind = path.suffix.lower()
    if kind == ".parquet":
        return connection.read_parquet(path)
    if kind in {".csv", ".tsv", ".txt"}:
        return _parse(path, wanted, connection)
    raise InputError(f"{path}: expected a file that ends in .csv, .tsv, .txt or .parquet")


def _parse(path: Path, wanted: set[str], connection: ibis.BaseBackend) -> ibis.Table:
    """A text file as a table of text, parsed whole and once for each connection and state of the file.

    The separator is the one that finds most of the `wanted` columns in the first line. Nothing else is guessed: no
    line counts as a comment, none is skipped, and one with too many or too few values is an error.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        first = stream.readline()
    if not first.strip():
        raise InputError(f"{path}: the file begins with an empty line; expected the names of its columns")
    headers = {separator: next(csv.reader([first], delimiter=separator), []) for separator in ",;\t|"}
    separator = max(headers, key=lambda each: len(wanted.intersection(headers[each])))
    names = [header or f"column{number}" for number, header in enumerate(headers[separator])]
    for header in names:
        if names.count(header) > 1:
            raise InputError(f"{path}: the first line names {header!r} twice")
    state = path.stat()
    mark = hashlib.sha256(f"{path} {separator} {state.st_size} {state.st_mtime_ns}".encode()).hexdigest()[:16]
    name = f"raw_{mark}"
    try:
        return connection.table(name)
    except TableNotFound:
        form = {"delim": separator, "quote": '"', "escape": '"', "comment": "", "auto_detect": False, "header": True}
        raw = connection.read_csv(path, columns=dict.fromkeys(names, "VARCHAR"), **form)
        return connection.create_table(name, raw, temp=True)


def _map(raw: ibis.Table, table: str, columns: dict[str, str], settings: Settings, shop: Shop) -> ibis.Table:
    types = dict(zip(SCHEMAS[table].names, ibis.Schema.from_pyarrow(SCHEMAS[table]).types, strict=True))
    types["unit_price"] = dt.Decimal(18, 8)
    values = {column: _read(raw[name], types[column], settings, shop) for column, name in columns.items()}
    if "unit_price" in values and "revenue" not in values:
        exact = values["quantity"].try_cast(dt.Decimal(18, 4)) * values["unit_price"].cast(dt.Decimal(38, 8))
        values["revenue"] = exact.try_cast(types["revenue"])
    unreadable = [
        ibis.ifelse(_holds(raw[name]) & values[column].isnull(), f"{column} not readable", ibis.null("string"))
        for column, name in columns.items()
        if not types[column].is_string()
    ]
    mapped = raw.select(**values, **{UNREADABLE: ibis.coalesce(ibis.null("string"), *unreadable)})
    if table in DESCRIPTIONS and len(settings.tables) > 1:
        mapped = mapped.filter(mapped[KEYS[table][0]].notnull())
    defaults = {"currency": shop.currency} if "currency" in SCHEMAS[table].names else {}
    return conform(mapped, table, source=NAME, **defaults)


def _holds(column: ibis.Value) -> ibis.Value:
    """Whether a raw value says anything."""
    return column.notnull() & (column.strip() != "") if column.type().is_string() else column.notnull()


def _read(column: ibis.Value, kind: dt.DataType, settings: Settings, shop: Shop) -> ibis.Value:
    """A raw column as one of type `kind`; null where that cannot be."""
    if kind.is_timestamp():
        return _to_utc(column, settings.time_format, shop.time_zone)
    if kind.is_string() and column.type().is_floating():
        whole = column.try_cast("int64")
        column = ibis.cases((column.isnan(), None), (whole == column, whole.cast(kind)), else_=column.cast(kind))
    value = column.cast(kind) if kind.is_string() else column.try_cast(kind)
    return ibis.ifelse(value.isnan() | value.isinf(), None, value) if kind.is_floating() else value


def _to_utc(column: ibis.Value, time_format: str | None, time_zone: str) -> ibis.Value:
    """A column of times in UTC; a time that carries no offset is in the shop's own zone."""
    kind = column.type()
    if kind.is_timestamp() and kind.timezone:
        return column.cast(Instant)
    if not kind.is_string():
        return to_utc(time_zone, column.cast(WallClock))
    if time_format:
        zoned = "%z" in time_format.lower()
        return parse_instant(column, time_format) if zoned else to_utc(time_zone, parse_local(column, time_format))
    local = to_utc(time_zone, column.try_cast(WallClock))
    return ibis.ifelse(column.re_search(OFFSET), column.try_cast(Instant), local)
