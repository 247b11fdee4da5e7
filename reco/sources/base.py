"""What all sources share: how a raw table is described, and the shop that it is read for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa
from ibis.expr.types import BooleanValue, NumericValue, StringValue, Value
from pydantic import BaseModel, BeforeValidator, ConfigDict

from reco.store import FILE, LINE, TEXT

Money = dt.Decimal(18, 4)

#: Columns of every raw table that tell where a row was read.
TRAIL: Final = (FILE, LINE)

#: What an e-mail address that stands where an id or a text should becomes: this and its SHA-256.
HASHED: Final = "sha256:"

# Why a source sets a row aside by a rule, though nothing is wrong with it. Anything else is a refusal.
CANCELLED: Final = "cancelled order"
TEST: Final = "test order"
UNPAID: Final = "unpaid order"
REFUNDED: Final = "fully refunded order"
GIFT_CARD: Final = "gift card, no product"
FEE: Final = "fee or tip, no product"
ONLY_IMAGE: Final = "image of a product described elsewhere"
REPEATED_EVENT: Final = "repeated event"
REPEATED_PURCHASE: Final = "repeated purchase"
NO_PRODUCT: Final = "order or refund of no product"
NO_ORDER: Final = "refund of an order that is not there"


#: Files of a source in its settings: one path or pattern, or a list of them.
Paths = Annotated[tuple[Path, ...], BeforeValidator(lambda value: [value] if isinstance(value, str | Path) else value)]


class SourceSettings(BaseModel):
    """An entry under `sources:`; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Shop(NamedTuple):
    """For whom a source is read.

    Attributes:
        time_zone: IANA zone of timestamps that carry none.
        currency: ISO code of amounts that carry none.
    """

    time_zone: str
    currency: str


class Column(NamedTuple):
    """A column of a raw table, as the reader finds and keeps it. All raw values are text.

    Attributes:
        names: headers it goes by, compared without case and outer spaces; `[…]` in a name stands for the text in a
            header's last pair of parentheses, whatever comes before it. In JSON, dots lead into objects
            (`billing.email`).
        required: whether a file without it is refused.
        kind: `text` as it stands; `id` loses the apostrophe that spreadsheets are told to put before digits;
            `number` is brought to a decimal point without thousands separators, by one decision for the whole file;
            `email` is trimmed, lowered and replaced by its SHA-256, so that no address is kept anywhere.
        type: Arrow type; anything but text is a list or struct of texts, for JSON and Parquet only.
        by_content: for `email`: where no header fits, take the column that holds addresses.
    """

    names: tuple[str, ...]
    required: bool = False
    kind: Literal["text", "id", "number", "email"] = "text"
    type: pa.DataType = TEXT
    by_content: bool = False


class RawTable(NamedTuple):
    """Files of one kind that a source reads, and what is kept of them.

    The reader keeps the columns given here and no other, beside `file` and `line`. With no `columns`, Parquet files
    are taken as they are, types and all.

    Attributes:
        files: paths and patterns, relative to the settings file.
        columns: name in the raw table → how it is found.
        records: for JSON: keys under which a document holds its list (`data`); a bare list, one object and JSON
            lines are understood without.
        decimal: the sign that numbers have, where the system is known to write one only; otherwise found by file.
        encoding, separator, sheet: how text is encoded, what stands between its cells, and which sheet of a
            spreadsheet holds the table, where they are not to be found out.
        fills: the unified table that gets exactly one row for each row of this raw table, where that is so.
        whole: whether each file is an export of its own, so that what a later one (by its name) holds again is taken
            from there.
        partial: whether the settings ask for some of its rows only; the others are not counted as read.
    """

    files: tuple[Path, ...]
    columns: Mapping[str, Column] = {}
    records: tuple[str, ...] = ()
    decimal: Literal[".", ","] | None = None
    encoding: str | None = None
    separator: str | None = None
    sheet: str | None = None
    fills: str | None = None
    whole: bool = False
    partial: bool = False


def first_reason(*found: tuple[BooleanValue, str]) -> StringValue:
    """The reason of the first condition that holds; null when none does."""
    return ibis.cases(*found, else_=ibis.null("string"))


def says(text: Value) -> BooleanValue:
    """Whether a raw value says anything."""
    return text.notnull() & (text.strip() != "") if text.type().is_string() else text.notnull()


def number(text: Value) -> NumericValue:
    """A raw value as float64; null where it is none, or not finite."""
    value = text.try_cast("float64")
    return ibis.ifelse(value.isnan() | value.isinf(), None, value)


def money(text: Value) -> NumericValue:
    """A raw value as an exact amount of four decimals; null where it is none, or too large."""
    return text.try_cast(Money)
