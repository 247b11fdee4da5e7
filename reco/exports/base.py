"""What all exports share: the tables they are made of, the files they give, and how limits are kept."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final, Literal

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from reco.errors import InputError

Form = Literal["jsonl", "json", "csv", "parquet", "xlsx", "text", "keys"]

#: What one place of a slate holds.
PLACE: Final = pa.struct(
    {
        "position": pa.int32(),
        "product_id": pa.string(),
        "score": pa.float32(),
        "strategy": pa.string(),
        "reason": pa.string(),
        "fallback": pa.bool_(),
        "propensity": pa.float64(),
    }
)

#: The tables that exports are made of, with their columns. `lists` has one row a slate; `contacts` is what the shop's
#: own file tells, since the store keeps no address; `goes_with` is item-to-item, the best first. Times are UTC.
TABLES: Final[dict[str, pa.Schema]] = {
    "lists": pa.schema(
        {
            "slate_id": pa.string(),
            "context": pa.string(),
            "customer_id": pa.string(),
            "anchor_ids": pa.list_(pa.string()),
            "items": pa.list_(PLACE),
        }
    ),
    "contexts": pa.schema(
        {"context": pa.string(), "title": pa.string(), "anchor": pa.string(), "channel": pa.string()}
    ),
    "products": pa.schema(
        {
            "product_id": pa.string(),
            "title": pa.string(),
            "description": pa.string(),
            "department": pa.string(),
            "category": pa.string(),
            "subcategory": pa.string(),
            "brand": pa.string(),
            "sku": pa.string(),
            "url": pa.string(),
            "image_url": pa.string(),
            "price": pa.float64(),
            "currency": pa.string(),
            "stock": pa.float64(),
            "published_at": pa.timestamp("us"),
            "recommendable": pa.bool_(),
        }
    ),
    "customers": pa.schema(
        {
            "customer_id": pa.string(),
            "country": pa.string(),
            "age": pa.string(),
            "income": pa.string(),
            "household_size": pa.string(),
            "mail": pa.bool_(),
        }
    ),
    "interactions": pa.schema(
        {
            "customer_id": pa.string(),
            "product_id": pa.string(),
            "event": pa.string(),
            "occurred_at": pa.timestamp("us"),
            "order_id": pa.string(),
            "price": pa.float64(),
            "quantity": pa.float64(),
        }
    ),
    "contacts": pa.schema({"customer_id": pa.string(), "email": pa.string()}),
    "impressions": pa.schema(
        {
            "slate_id": pa.string(),
            "customer_id": pa.string(),
            "context": pa.string(),
            "strategy": pa.string(),
            "variant": pa.string(),
            "product_id": pa.string(),
            "position": pa.int32(),
            "shown_at": pa.timestamp("us"),
            "clicked_at": pa.timestamp("us"),
        }
    ),
    "devices": pa.schema({"customer_id": pa.string(), "client_id": pa.string()}),
    "goes_with": pa.schema({"product_id": pa.string(), "items": pa.list_(pa.string())}),
    "segments": pa.schema({"customer_id": pa.string(), "segment": pa.string()}),
    "pinned": pa.schema({"context": pa.string(), "position": pa.int32(), "product_id": pa.string()}),
    "banned": pa.schema({"product_id": pa.string()}),
}


@cache
def _database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


@contextmanager
def database(**tables: pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of DuckDB that knows `tables` by name."""
    with _database().cursor() as connection:
        for name, table in tables.items():
            connection.register(name, table)
        yield connection


def select(query: str, values: Sequence[object] = (), **tables: pa.Table) -> pa.Table:
    """What a query over `tables` gives; `values` stand for its question marks.

    >>> select("SELECT sum(n)::INT AS n FROM t WHERE n > ?", [1], t=pa.table({"n": [1, 2, 3]}))["n"].to_pylist()
    [5]
    """
    with database(**tables) as connection:
        return connection.sql(query, params=list(values)).to_arrow_table()


#: What a file has that holds a text alone.
NO_ROWS: Final = pa.table({})


class ExportSettings(BaseModel):
    """A system's entry under `exports:`; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Output:
    """One file, or the rows for one server.

    Attributes:
        name: of the file.
        rows: what stands in it.
        form: how.
        goes_to: where the shop puts it, in words.
        key: columns that name a row from one export to the next.
        ids: columns of a CSV that stand as they are, to the byte; other texts are guarded against spreadsheets.
        content: SQL of what must differ for a row to count as changed; all that is not the key when empty.
        template: text of a file that holds no rows.
        whole: whether it is read as a whole wherever it lies, so that it must hold every row also where only what
            changed is sent elsewhere.
        pack: makes calls of many rows each: of those to send, and of the keys of those that are no more (or None).
        cut: rows of several files, where a file is what one call sends.
        most: bytes that a file may have.
    """

    name: str
    rows: pa.Table
    form: Form
    goes_to: str
    key: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    content: str = ""
    template: str = ""
    whole: bool = False
    pack: Callable[[pa.Table, pa.Table | None], pa.Table] | None = None
    cut: Callable[[pa.Table], list[pa.Table]] | None = None
    most: int | None = None

    def packed(self, removed: pa.Table | None = None) -> "Output":
        """The output as it is written: with calls in place of rows where there is a `pack`."""
        return replace(self, rows=self.pack(self.rows, removed), pack=None) if self.pack else self

    def parts(self) -> list["Output"]:
        """The files that it becomes: itself, or NAME-0001 and so on where there is a `cut`."""
        if not self.cut:
            return [self]
        stem, _, suffix = self.name.rpartition(".")
        return [
            replace(self, name=f"{stem}-{number:04d}.{suffix}", rows=rows, cut=None)
            for number, rows in enumerate(self.cut(self.rows), start=1)
        ]


@dataclass(eq=False)
class Material:
    """What exports are made of, each table built when first asked for.

    Attributes:
        loaders: what makes each table of `TABLES`; those that are left out are empty.
        currency: of the prices.
        made_at: UTC, as ISO 8601.
        withheld: how many rows were left out, by reason.
        remarks: what the reader of the manifest should know.
        facts: what the manifest says besides.
    """

    loaders: Mapping[str, Callable[[], pa.Table]]
    currency: str
    made_at: str
    withheld: dict[str, int] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    facts: dict[str, str | None] = field(default_factory=dict)
    _built: dict[str, pa.Table] = field(default_factory=dict)

    def table(self, name: str) -> pa.Table:
        """A table of `TABLES`."""
        if name not in self._built:
            made = self.loaders[name]() if name in self.loaders else TABLES[name].empty_table()
            self._built[name] = made.select(TABLES[name].names).cast(TABLES[name])
        return self._built[name]

    def sql(self, query: str, *values: object) -> pa.Table:
        """What a query over the tables gives; `values` stand for its question marks."""
        named = {*re.findall(r"\w+", query)} & {*TABLES}
        return select(query, values, **{name: self.table(name) for name in named})

    def leave_out(self, reason: str, rows: int) -> None:
        """Note that rows were left out."""
        if rows:
            self.withheld[reason] = self.withheld.get(reason, 0) + rows


def at_most(
    rows: pa.Table, column: str, most: int, system: str, *, unit: Literal["bytes", "characters"] = "characters"
) -> None:
    """Raise `InputError` naming the first text of a column that is longer than a system takes."""
    texts = rows.column(column)
    length = (pc.binary_length if unit == "bytes" else pc.utf8_length)(texts)
    longest = pc.max(length).as_py()
    if longest is not None and longest > most:
        first = texts.filter(pc.fill_null(pc.greater(length, most), False))[0].as_py()
        raise InputError(
            f"{system}: {column} {first[:60]!r} has {length.filter(pc.equal(texts, first))[0].as_py()} {unit}; "
            f"expected at most {most}"
        )


def matching(rows: pa.Table, column: str, pattern: str, system: str, expected: str) -> None:
    """Raise `InputError` naming the first text of a column that does not match a pattern whole."""
    texts = rows.column(column)
    unfit = texts.filter(pc.invert(pc.fill_null(pc.match_substring_regex(texts, f"^(?:{pattern})$"), True)))
    if len(unfit):
        raise InputError(f"{system}: {column} {unfit[0].as_py()[:60]!r}; expected {expected}")


def at_least_rows(rows: int, least: int, what: str, system: str, material: Material) -> None:
    """Remark that a system will not take so few rows."""
    if rows < least:
        material.remarks.append(f"{system} asks for {least:,} {what} at least; there are {rows:,}")


def quoted(values: Sequence[str]) -> str:
    """Texts as a list of SQL literals.

    >>> quoted(["a", "b'c"])
    "'a', 'b''c'"
    """
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)
