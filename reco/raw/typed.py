"""Parquet files whose columns are picked and brought to text, rows by their number."""

from collections.abc import Iterator
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from reco.errors import InputError
from reco.raw.chunks import Chunk, Parsed
from reco.raw.files import Found
from reco.raw.headers import check_required, fold, match
from reco.raw.kinds import named, quoted
from reco.raw.session import session
from reco.raw.structures import as_declared
from reco.sources.base import Column, RawTable
from reco.store import LINE, TEXT

BATCH: Final = 32_768

#: Parts of a moment; the offset follows where the moment has one.
MOMENT: Final = "%Y-%m-%dT%H:%M:%S.%f"


def rows(one: Found) -> int:
    """The number of rows of a Parquet file; raises `InputError` where it is none."""
    return _opened(one).metadata.num_rows


def parse(one: Found, table: RawTable) -> Parsed:
    """Rows of a Parquet file; raises `InputError` where it is none or lacks a column."""
    return Parsed(_chunks(one, table))


def _opened(one: Found) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(one.path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{one.label}: cannot be read as Parquet ({_first_line(error)})") from None


def _chunks(one: Found, table: RawTable) -> Iterator[Chunk]:
    file = _opened(one)
    schema = file.schema_arrow
    paths = {name: path for name, column in table.columns.items() if (path := _path(schema, column, one.label))}
    check_required(paths, table.columns, schema.names, one.label)
    connection = session()
    wanted = sorted({path[0] for path in paths.values()})
    typed = any(_numeric(_type(schema, paths[name])) for name, one in table.columns.items() if name in paths)
    line = 1
    try:
        for batch in file.iter_batches(BATCH, columns=wanted):
            read = pa.Table.from_batches([batch.select(wanted)]).rename_columns([f"c{n}" for n in range(len(wanted))])
            read = read.append_column(LINE, pa.array(range(line, line + len(read)), pa.int64()))
            line += len(read)
            expressions = [
                f"{_expression(schema, paths[name], wanted, column)} AS {named(name)}"
                if name in paths
                else f"NULL AS {named(name)}"
                for name, column in table.columns.items()
            ]
            shaped = connection.from_arrow(read).project(", ".join([*expressions, LINE])).to_arrow_table()
            yield Chunk(shaped, [], "." if typed else None)
    except (pa.ArrowException, duckdb.Error, OSError) as error:
        raise InputError(f"{one.label}: cannot be read from row {line} on ({_first_line(error)})") from None
    if line == 1:
        yield Chunk(pa.table({**{n: pa.nulls(0, c.type) for n, c in table.columns.items()}, LINE: []}), [])


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _path(schema: pa.Schema, column: Column, label: str) -> tuple[str, ...] | None:
    """The names that lead to a column: one of its own, or a way into structs; none where it is not there."""
    places = match(schema.names, {"column": column}).get("column", [])
    if len(places) > 1:
        raise InputError(f"{label}: {len(places)} columns are called {schema.names[places[0]]!r}; expected one")
    if places:
        return (schema.names[places[0]],)
    for name in column.names:
        first, *rest = name.split(".")
        tops = [top for top in schema.names if fold(top) == fold(first)]
        path, kind = tuple(tops[:1]), schema.field(tops[0]).type if len(tops) == 1 else None
        for part in rest:
            inner = [field for field in kind or () if fold(field.name) == fold(part)] if _is_struct(kind) else []
            path, kind = (*path, inner[0].name if inner else part), inner[0].type if inner else None
        if rest and kind is not None:
            return path
    return None


def _is_struct(kind: pa.DataType | None) -> bool:
    return kind is not None and pa.types.is_struct(kind)


def _type(schema: pa.Schema, path: tuple[str, ...]) -> pa.DataType:
    kind = schema.field(path[0]).type
    for part in path[1:]:
        kind = kind.field(part).type
    return kind


def _numeric(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _expression(schema: pa.Schema, path: tuple[str, ...], wanted: list[str], column: Column) -> str:
    inside = "".join(f"[{quoted(part)}]" for part in path[1:])
    value = f"c{wanted.index(path[0])}{inside}"
    if column.type != TEXT:
        return as_declared(f"to_json({value})", column.type)
    return text(value, _type(schema, path))


def text(value: str, kind: pa.DataType) -> str:
    """The DuckDB expression that makes text of a value of Arrow type `kind`."""
    if pa.types.is_dictionary(kind):
        return text(value, kind.value_type)
    if pa.types.is_floating(kind):
        whole = f"{value} = trunc({value}) AND abs({value}) < 1e15"
        return (
            f"CASE WHEN isnan({value}) THEN NULL WHEN {whole} THEN {value}::BIGINT::VARCHAR ELSE {value}::VARCHAR END"
        )
    if pa.types.is_timestamp(kind):
        offset = "+00:00" if kind.tz else ""
        return f"strftime({value}::TIMESTAMP{'TZ' if kind.tz else ''}, {quoted(MOMENT + offset)})"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return f"try(decode({value}))"
    if pa.types.is_nested(kind):
        return f"to_json({value})::VARCHAR"
    return f"{value}::VARCHAR"
