"""Any CSV, JSON lines, Excel or Parquet file by a column mapping in workbook.yaml: the way to bring one's own data."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final, Literal

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import BooleanValue, Table, TimestampValue, Value
from pydantic import BeforeValidator, Field, field_validator, model_validator

from reco.clock import LAST_SECOND, check_format, parse, since_epoch
from reco.sources.base import HASHED, TRAIL, Column, Paths, RawTable, Shop, SourceSettings, first_reason, number, says
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

#: Time formats that count from 1970, with the microseconds of one step.
EPOCHS: Final = {"unix": 1_000_000, "unix_ms": 1_000}

# Their product has at most 38 digits, which is what engines multiply exactly.
Quantity = dt.Decimal(18, 8)
UnitPrice = dt.Decimal(19, 8)


def _word(value: object) -> object:
    """A number, date or truth value of YAML as the word that a file would have for it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int | float | date) else value


Word = Annotated[str, BeforeValidator(_word)]
Formats = Annotated[tuple[str, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


class Settings(SourceSettings):
    """One file, or files of one shape, and what they fill.

    `path` is a file, a pattern such as `data/raw/orders_*.csv`, or a list of them. `tables` maps a unified table to
    its columns: `{order_lines: {order_id: InvoiceNo, …}}`; in JSON, dots lead into objects (`customer.id`). In
    order_lines, `unit_price` may stand for `revenue`, which is then quantity times unit price; `email` (kept as a
    hash only) or `device_id` may stand for `customer_id`. `values` translates what the files say, compared as it
    stands: `{events: {event: {purchased: purchase}}}`; `constants` fills what they do not say:
    `{engagement: {channel: email}}`.

    Times without an offset from UTC are in the store's time zone; `time_format` is a strptime format for those that
    are not ISO 8601, or `unix` or `unix_ms` for seconds or milliseconds since 1970, or a list of which the first that
    fits is taken. `decimal`, `encoding`, `separator` and `sheet` are found out where they are left out. `records` is
    the key under which a JSON document holds its list. With `pieces`, the files are pieces of one table; without it
    each is an export of its own, and an order that a later one (by its name) holds again is taken from there.
    `about` is the sentence on the data's origin for the reports.
    """

    kind: Literal["tabular"]
    path: Annotated[Paths, Field(min_length=1)]
    tables: Annotated[dict[str, dict[str, str]], Field(min_length=1)]
    values: dict[str, dict[str, dict[str, Word]]] = Field(default_factory=dict)
    constants: dict[str, dict[str, Word]] = Field(default_factory=dict)
    time_format: Formats = ()
    decimal: Literal[".", ","] | None = None
    encoding: str | None = None
    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    sheet: str | None = None
    records: str | None = None
    pieces: bool = False
    about: str = ABOUT

    @field_validator("tables")
    @classmethod
    def _known_columns(cls, value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        for table, columns in value.items():
            if table not in SOURCED:
                raise ValueError(f"{table}: no unified table of that name; expected one of {', '.join(SOURCED)}")
            for column in columns:
                if column not in _known(table):
                    raise ValueError(f"{table}.{column}: no such column; expected one of {', '.join(_known(table))}")
        return value

    @field_validator("time_format")
    @classmethod
    def _known_directives(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            if one not in EPOCHS:
                check_format(one)
        return value

    @model_validator(mode="after")
    def _whole(self) -> "Settings":
        for mistake in (*_mistakes(self), *_address_mistakes(self)):
            raise ValueError(mistake)
        return self


def _mistakes(settings: Settings) -> Iterator[str]:
    """What does not fit together: keys without a column, and words for columns that are not there."""
    for table, columns in settings.tables.items():
        given = {*columns, *settings.constants.get(table, {})}
        for key in KEYS[table]:
            instead = [one for one in INSTEAD.get(key, ()) if one in _known(table)]
            if not given & {key, *instead}:
                yield f"tables.{table}: expected a column for {' or '.join((key, *instead))}"
    for part in ("values", "constants"):
        for table, columns in getattr(settings, part).items():
            for column in columns:
                if table not in settings.tables or column not in _known(table):
                    yield f"{part}.{table}.{column}: expected a column of a table that is mapped under tables"
                elif part == "values" and column not in settings.tables[table]:
                    yield f"values.{table}.{column}: expected a column that is mapped under tables"
                elif part == "constants" and not _fits(columns[column], _types(table)[column]):
                    kind = "yes or no" if _types(table)[column].is_boolean() else "a number"
                    yield f"constants.{table}.{column}: expected {kind}, found {columns[column]!r}"


def _address_mistakes(settings: Settings) -> Iterator[str]:
    """Ways in which an e-mail address would be kept as it stands."""
    addresses = {columns[EMAIL].strip().casefold() for columns in settings.tables.values() if EMAIL in columns}
    for table, columns in settings.tables.items():
        for column, header in columns.items():
            if column != EMAIL and header.strip().casefold() in addresses:
                yield (
                    f"tables.{table}.{column}: found {header!r}, which is mapped to email, too, and kept as a hash "
                    "only; expected another column, or none"
                )
    for part in ("values", "constants"):
        for table, columns in getattr(settings, part).items():
            if EMAIL in columns:
                yield f"{part}.{table}.email: expected no words for addresses, which are kept as hashes only"


def _fits(word: str, kind: dt.DataType) -> bool:
    """Whether a constant can be a value of type `kind`; moments are left to whoever reads them."""
    if kind.is_boolean():
        return word.lower() in YES + NO
    if kind.is_numeric():
        try:
            return Decimal(word).is_finite()
        except InvalidOperation:
            return False
    return True


def raw_tables(settings: Settings) -> dict[str, RawTable]:
    """One raw table with a column for each header that is mapped, and for each way it is read."""
    names = _raw_names(settings)
    columns = {
        names[table, column]: Column((header,), required=True, kind=_kind(table, column))
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
    texts = _texts(raw, table, settings)
    values = {column: _read(text, types[column], settings, shop) for column, text in texts.items()}
    reasons = list(_reasons(texts, values, types))
    if "unit_price" in values and "revenue" not in values:
        exact = texts["quantity"].try_cast(Quantity) * values["unit_price"]
        values["revenue"] = exact.try_cast(types["revenue"])
        said = values["quantity"].notnull() & values["unit_price"].notnull()
        reasons.append((said & values["revenue"].isnull(), "revenue too large"))
    if "currency" in types:
        own = ibis.literal(shop.currency)
        values["currency"] = ibis.coalesce(values["currency"].strip().upper(), own) if "currency" in values else own
    reason = first_reason(*reasons) if reasons else ibis.null("string")
    mapped = raw.select(*TRAIL, **values, **{REASON: reason})
    if table in DESCRIPTIONS and table != _main(settings):
        named = [key for key in (KEYS[table][0], *INSTEAD.get(KEYS[table][0], ())) if key in values]
        mapped = mapped.filter(ibis.or_(*(mapped[key].notnull() for key in named)))
    return conform(mapped, table, source=NAME)


def _texts(raw: Table, table: str, settings: Settings) -> dict[str, Value]:
    """What the files say of each column, translated, and constants where they say nothing."""
    names = _raw_names(settings)
    texts = {column: raw[names[table, column]] for column in settings.tables[table]}
    for column, words in settings.values.get(table, {}).items():
        meanings = [(texts[column] == found, ibis.literal(meant)) for found, meant in words.items()]
        texts[column] = ibis.cases(*meanings, else_=texts[column])
    for column, word in settings.constants.get(table, {}).items():
        given = ibis.literal(word)
        texts[column] = ibis.ifelse(says(texts[column]), texts[column], given) if column in texts else given
    return texts


def _reasons(
    texts: Mapping[str, Value], values: Mapping[str, Value], types: Mapping[str, dt.DataType]
) -> Iterator[tuple[BooleanValue, str]]:
    """Conditions under which a row is not fit to keep, each with its reason."""
    for column, text in texts.items():
        if not types[column].is_string():
            yield says(text) & values[column].isnull(), f"{column} not readable"
    if "customer_id" in texts:
        yield (
            texts["customer_id"].startswith(HASHED),
            "customer_id is an e-mail address, expected to be mapped as email",
        )


def _read(text: Value, kind: dt.DataType, settings: Settings, shop: Shop) -> Value:
    """A raw column as one of type `kind`; null where that cannot be."""
    if kind.is_timestamp():
        return ibis.coalesce(*(_moment(text, shop.time_zone, one) for one in settings.time_format or (None,)))
    if kind.is_boolean():
        word = text.strip().lower()
        return ibis.cases((word.isin(YES), True), (word.isin(NO), False), else_=ibis.null("boolean"))
    if kind.is_string():
        return ibis.ifelse(says(text), text, ibis.null("string"))
    if kind.is_decimal():
        return text.try_cast(kind)
    value = number(text)
    return value if kind.is_floating() else ibis.ifelse(value == value.floor(), value, None).try_cast(kind)


def _moment(text: Value, zone: str, time_format: str | None) -> TimestampValue:
    if time_format not in EPOCHS:
        return parse(text, zone, time_format)
    count, step = text.strip().try_cast("int64"), EPOCHS[time_format]
    return since_epoch(ibis.ifelse(count.between(0, LAST_SECOND * 1_000_000 // step), count, None) * step, "us")


def _main(settings: Settings) -> str:
    """The table that gets a row for every row of the files: the first that does not just describe things."""
    return next((table for table in settings.tables if table not in DESCRIPTIONS), next(iter(settings.tables)))


def _known(table: str) -> list[str]:
    """Columns that may be mapped."""
    own = [column for column in SCHEMAS[table].names if column not in ("source", *TRAIL)]
    return [*own, *BESIDES.get(table, ())]


def _types(table: str) -> dict[str, dt.DataType]:
    return {
        **ibis.Schema.from_pyarrow(SCHEMAS[table]),
        "unit_price": UnitPrice,
        **dict.fromkeys((EMAIL, DEVICE, AGENT), dt.string),
    }


def _kind(table: str, column: str) -> Literal["text", "number", "email"]:
    if column == EMAIL:
        return "email"
    return "number" if _types(table)[column].is_numeric() else "text"


def _raw_names(settings: Settings) -> dict[tuple[str, str], str]:
    """The raw column of each mapped one, by table and column: its header, and the way of reading where that matters.

    Engines tell columns apart without case, as headers are.
    """
    names: dict[tuple[str, str], str] = {}
    spelled: dict[str, str] = {}
    for table, columns in settings.tables.items():
        for column, header in columns.items():
            bare, kind = header.strip(), _kind(table, column)
            plain = kind == "text" and not bare.endswith(")") and bare.casefold() not in TRAIL
            name = bare if plain else f"{bare} ({kind})"
            names[table, column] = spelled.setdefault(name.casefold(), name)
    return names
