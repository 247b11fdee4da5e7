"""Any CSV, JSON lines, Excel or Parquet file by a column mapping in workbook.yaml: the way to bring one's own data."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import Table, Value
from pydantic import Field, field_validator, model_validator

from reco.clock import check_format, parse
from reco.sources.base import TRAIL, Column, Paths, RawTable, Shop, SourceSettings, first_reason, money, number, says
from reco.store import AGENT, DEVICE, EMAIL, KEYS, REASON, SCHEMAS, SOURCED, conform

ABOUT = "The shop's own tables, read by the column mapping of its settings file."
NAME = "tabular"

#: What a line of orders may describe on the way; a line that names none of them (a guest's) describes nothing.
DESCRIPTIONS: Final = ("customers", "products", "campaigns")

#: Columns that may be mapped beside a table's own.
BESIDES: Final = {
    "customers": (EMAIL, DEVICE),
    "order_lines": ("unit_price", EMAIL, DEVICE),
    "events": (EMAIL, DEVICE, AGENT),
    "engagement": (EMAIL, DEVICE),
    "impressions": (EMAIL, DEVICE),
}

#: Columns of which one may stand for another that a table needs.
INSTEAD: Final = {"revenue": ("unit_price",), "customer_id": (EMAIL, DEVICE)}

#: Words for yes and no, lower case.
YES: Final = ("yes", "y", "true", "t", "1")
NO: Final = ("no", "n", "false", "f", "0")

UnitPrice = dt.Decimal(18, 8)


class Settings(SourceSettings):
    """One file, or files of one shape, and what they fill.

    `path` is a file, a pattern such as `data/raw/orders_*.csv`, or a list of them. `tables` maps a unified table to
    its columns: `{order_lines: {order_id: InvoiceNo, …}}`. In order_lines, `unit_price` may stand for `revenue`,
    which is then quantity times unit price; `email` (kept as a hash only) or `device_id` may stand for
    `customer_id`. `values` translates what the files say: `{events: {event: {purchased: purchase}}}`; `constants`
    fills what they do not say: `{engagement: {channel: email}}`.

    Times without an offset from UTC are in the store's time zone; `time_format` is a strptime format for those that
    are not ISO 8601. `decimal`, `encoding`, `separator` and `sheet` are found out where they are left out. `records`
    is the key under which a JSON document holds its list. With `pieces`, the files are pieces of one table; without
    it each is an export of its own, and an order that a later one (by its name) holds again is taken from there.
    `about` is the sentence on the data's origin for the reports.
    """

    kind: Literal["tabular"]
    path: Annotated[Paths, Field(min_length=1)]
    tables: Annotated[dict[str, dict[str, str]], Field(min_length=1)]
    values: dict[str, dict[str, dict[str, str]]] = Field(default_factory=dict)
    constants: dict[str, dict[str, str]] = Field(default_factory=dict)
    time_format: str | None = None
    decimal: Literal[".", ","] | None = None
    encoding: str | None = None
    separator: str | None = None
    sheet: str | None = None
    records: str | None = None
    pieces: bool = False
    about: str = ABOUT

    @field_validator("tables")
    @classmethod
    def _known_columns(cls, value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        for table, columns in value.items():
            known = _known(table)
            for column in columns:
                if column not in known:
                    raise ValueError(f"{table} has no column {column!r}; expected one of {', '.join(known)}")
        return value

    @field_validator("time_format")
    @classmethod
    def _known_directives(cls, value: str | None) -> str | None:
        return value and check_format(value)

    @model_validator(mode="after")
    def _whole(self) -> "Settings":
        for table, columns in self.tables.items():
            given = {*columns, *self.constants.get(table, {})}
            for key in KEYS[table]:
                instead = [one for one in INSTEAD.get(key, ()) if one in _known(table)]
                if not given & {key, *instead}:
                    raise ValueError(f"tables: {table} needs a column for {' or '.join((key, *instead))}")
        for part in ("values", "constants"):
            for table, columns in getattr(self, part).items():
                for column in columns:
                    if table not in self.tables or column not in _known(table):
                        raise ValueError(f"{part}: {table}.{column} is no column of a table that is mapped")
                    if part == "values" and column not in self.tables[table]:
                        raise ValueError(f"values: {table}.{column} is mapped to no column of the file")
        return self


def raw_tables(settings: Settings) -> dict[str, RawTable]:
    """One raw table with a column for each header that is mapped, and for each way it is read."""
    columns = {
        _raw_name(table, column, header): Column((header,), required=True, kind=_kind(table, column))
        for table, mapped in settings.tables.items()
        for column, header in mapped.items()
    }
    table = RawTable(
        settings.path,
        columns,
        records=(settings.records,) if settings.records else (),
        decimal=settings.decimal,
        encoding=settings.encoding,
        separator=settings.separator,
        sheet=settings.sheet,
        whole=not settings.pieces,
        fills=next(iter(settings.tables)) if len(settings.tables) == 1 else None,
    )
    return {"rows": table}


def unify(raw: Mapping[str, Table], settings: Settings, shop: Shop) -> dict[str, Table]:
    """Unified tables by the mapping; times become UTC, amounts decimal.

    A row with a value that is none of its kind (say, a price `n/a`) names the column in `reason`.
    """
    return {table: _map(raw["rows"], table, settings, shop) for table in settings.tables} if raw else {}


def _map(raw: Table, table: str, settings: Settings, shop: Shop) -> Table:
    types = _types(table)
    columns = settings.tables[table]
    texts = {column: raw[_raw_name(table, column, header)] for column, header in columns.items()}
    for column, words in settings.values.get(table, {}).items():
        texts[column] = _translated(texts[column], words)
    values = {column: _read(text, types[column], settings, shop) for column, text in texts.items()}
    for column, text in settings.constants.get(table, {}).items():
        values[column] = ibis.literal(text).try_cast(types[column])
    if "unit_price" in values and "revenue" not in values:
        values["revenue"] = (money(texts["quantity"]) * values["unit_price"]).try_cast(types["revenue"])
    unreadable = [
        (says(text) & values[column].isnull(), f"{column} not readable")
        for column, text in texts.items()
        if not types[column].is_string()
    ]
    mapped = raw.select(*TRAIL, **values, **{REASON: first_reason(*unreadable) if unreadable else ibis.null("string")})
    if table in DESCRIPTIONS and len(settings.tables) > 1:
        named = [key for key in (KEYS[table][0], *INSTEAD.get(KEYS[table][0], ())) if key in values]
        mapped = mapped.filter(ibis.or_(*(mapped[key].notnull() for key in named)))
    defaults = {"currency": shop.currency} if "currency" in types else {}
    return conform(mapped, table, source=NAME, **defaults)


def _read(text: Value, kind: dt.DataType, settings: Settings, shop: Shop) -> Value:
    """A raw column as one of type `kind`; null where that cannot be."""
    if kind.is_timestamp():
        return parse(text, shop.time_zone, settings.time_format)
    if kind.is_boolean():
        word = text.strip().lower()
        return ibis.cases((word.isin(YES), True), (word.isin(NO), False), else_=ibis.null("boolean"))
    if kind.is_string():
        return ibis.ifelse(says(text), text, ibis.null("string"))
    return number(text) if kind.is_floating() else text.try_cast(kind)


def _translated(text: Value, words: Mapping[str, str]) -> Value:
    return ibis.cases(*((text == found, ibis.literal(meant)) for found, meant in words.items()), else_=text)


def _known(table: str) -> list[str]:
    if table not in SOURCED:
        raise ValueError(f"no unified table {table!r}; expected one of {', '.join(SOURCED)}")
    own = [column for column in SCHEMAS[table].names if column not in ("source", *TRAIL)]
    return [*own, *BESIDES.get(table, ())]


def _types(table: str) -> dict[str, dt.DataType]:
    return {
        **ibis.Schema.from_pyarrow(SCHEMAS[table]),
        "unit_price": UnitPrice,
        **dict.fromkeys((EMAIL, DEVICE, AGENT), dt.string),
    }


def _kind(table: str, column: str) -> Literal["text", "id", "number", "email"]:
    if column == EMAIL:
        return "email"
    return "number" if _types(table)[column].is_numeric() else "text"


def _raw_name(table: str, column: str, header: str) -> str:
    kind = _kind(table, column)
    return header if kind == "text" else f"{header} ({kind})"
