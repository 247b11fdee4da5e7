"""Any CSV or Parquet file by a column mapping in workbook.yaml: the way to bring one's own data."""

from pathlib import Path
from typing import Literal

import ibis
import ibis.expr.datatypes as dt
from pydantic import field_validator

from reco.clock import to_utc
from reco.errors import InputError
from reco.sources.base import Shop, SourceSettings
from reco.store import SCHEMAS, conform

ABOUT = "The shop's own tables, read by the column mapping of its settings file."
NAME = "tabular"


class Settings(SourceSettings):
    """One file and what it fills.

    `tables` maps a unified table to its columns: `{order_lines: {order_id: InvoiceNo, …}}`. In order_lines,
    `unit_price` may stand for `revenue`, which is then quantity times unit price. `time_format` is a strptime
    format for timestamps that are not ISO 8601. `about` is the sentence on the data's origin for the reports.
    """

    kind: Literal["tabular"]
    path: Path
    tables: dict[str, dict[str, str]]
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
        return value


def files(settings: Settings, root: Path) -> list[Path]:
    """The one file that the mapping is about."""
    return [root / settings.path]


def read(settings: Settings, shop: Shop) -> dict[str, ibis.Table]:
    """Unified tables by the mapping; ids become text, times UTC, amounts decimal.

    Raises `InputError` when the file is missing, cannot be read or lacks a mapped column.
    """
    raw = _open(shop.root / settings.path, shop.connection)
    for table, columns in settings.tables.items():
        for column, name in columns.items():
            if name not in raw.columns:
                found = ", ".join(raw.columns)
                raise InputError(f"{settings.path}: no column {name!r}, expected as {table}.{column}; found: {found}")
    return {table: _map(raw, table, columns, settings, shop) for table, columns in settings.tables.items()}


def _open(path: Path, connection: ibis.BaseBackend) -> ibis.Table:
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        if path.suffix == ".parquet":
            return connection.read_parquet(path)
        if path.suffix in {".csv", ".tsv", ".txt"}:
            return connection.read_csv(path, all_varchar=True, header=True)
    except Exception as error:
        raise InputError(f"{path}: not readable ({str(error).splitlines()[0]})") from None
    raise InputError(f"{path}: expected a file that ends in .csv, .tsv, .txt or .parquet")


def _map(raw: ibis.Table, table: str, columns: dict[str, str], settings: Settings, shop: Shop) -> ibis.Table:
    mapped = raw.select(**{column: raw[name] for column, name in columns.items()})
    types = dict(zip(SCHEMAS[table].names, ibis.Schema.from_pyarrow(SCHEMAS[table]).types, strict=True))
    changes: dict[str, ibis.Value] = {}
    for column in mapped.columns:
        kind = types.get(column, types.get("revenue"))
        if kind.is_timestamp():
            changes[column] = _to_utc(mapped[column], settings.time_format, shop.time_zone)
        elif not kind.is_string():
            changes[column] = mapped[column].try_cast(kind)
    mapped = mapped.mutate(**changes)
    if "unit_price" in mapped.columns and "revenue" not in mapped.columns:
        mapped = mapped.mutate(revenue=mapped.quantity * mapped.unit_price)
    defaults = {"currency": shop.currency} if "currency" in SCHEMAS[table].names else {}
    return conform(mapped, table, source=NAME, **defaults)


def _to_utc(column: ibis.Value, time_format: str | None, time_zone: str) -> ibis.Value:
    """A timestamp column in UTC; a column that carries no zone is in the shop's own."""
    kind = column.type()
    if kind.is_string():
        column = column.as_timestamp(time_format) if time_format else column.try_cast(dt.Timestamp(scale=6))
    elif kind.is_timestamp() and kind.timezone:
        return column.cast(dt.Timestamp(timezone="UTC", scale=6))
    return to_utc(time_zone, column.cast(dt.Timestamp(scale=6)))
