"""How rows become files and files become rows again; DuckDB and Arrow do the work."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.worksheet import Worksheet

from reco.errors import InputError
from reco.exports.base import Output, database, select

#: Texts that a spreadsheet may take for a formula, and those that are one `'` or more away from it.
FORMULA: Final = r"^'*[=+\-@\t\r\n＝＋－＠]"
#: Ids of this look are numbers, which no spreadsheet runs.
NUMBER: Final = r"^[+-]?[0-9]+([.,][0-9]+)?$"
#: Rows of one sheet of a workbook, without its header, and characters of a cell.
SHEET, CELL = 1_048_575, 32_767

_DRAFT: Final = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
_COPY: Final = {
    "jsonl": "FORMAT json",
    "json": "FORMAT json, ARRAY true",
    "csv": "FORMAT csv, HEADER true",
    "parquet": "FORMAT parquet",
}


def write(output: Output, path: Path) -> None:
    """Write the rows of an output to a file that is not there yet.

    Raises `OSError` or `duckdb.IOException` where the disk does not take it.
    """
    if output.form == "text":
        path.write_text(output.template, encoding="utf-8")
    elif output.form == "xlsx":
        _write_sheets(output.rows, path)
    else:
        rows = guarded(output.rows, output.ids) if output.form == "csv" else output.rows
        with database(rows=rows) as connection:
            target = str(path).replace("'", "''")
            connection.execute(f"COPY (FROM rows) TO '{target}' ({_COPY[output.form]})")


def read(path: Path, ids: tuple[str, ...] = ()) -> pa.Table:
    """The rows of a file that `write` made; every cell of a CSV is text, and the apostrophes of guards are gone."""
    if path.suffix == ".parquet":
        return pq.read_table(path)
    if path.suffix == ".csv":
        frame = pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8")
        return _unguarded(pa.Table.from_pandas(frame, preserve_index=False), ids)
    if path.suffix == ".xlsx":
        sheets = pd.read_excel(path, sheet_name=None, dtype="str", keep_default_na=False)
        return pa.Table.from_pandas(pd.concat(sheets.values(), ignore_index=True), preserve_index=False)
    form = "array" if path.suffix == ".json" else "newline_delimited"
    query = "FROM read_json(?, format = ?, maximum_depth = -1, maximum_object_size = 200000000)"
    return select(query, [str(path), form])


def guarded(rows: pa.Table, ids: tuple[str, ...] = ()) -> pa.Table:
    """`rows` with an apostrophe before every text, ids apart, that a spreadsheet would run as a formula.

    >>> guarded(pa.table({"title": ["=1+1", "tea"]}))["title"].to_pylist()
    ["'=1+1", 'tea']
    """
    for number, name in enumerate(rows.column_names):
        column = rows.column(number)
        if name not in ids and _is_text(column.type):
            risky = pc.fill_null(pc.match_substring_regex(column, FORMULA), False)
            if pc.any(risky).as_py():
                marked = pc.binary_join_element_wise(pa.scalar("'", column.type), column, pa.scalar("", column.type))
                rows = rows.set_column(number, name, pc.if_else(risky, marked, column))
    return rows


def _unguarded(rows: pa.Table, ids: tuple[str, ...]) -> pa.Table:
    for number, name in enumerate(rows.column_names):
        column = rows.column(number)
        if name not in ids and _is_text(column.type):
            marked = pc.fill_null(pc.match_substring_regex(column, "^'" + FORMULA[1:]), False)
            rows = rows.set_column(number, name, pc.if_else(marked, pc.utf8_slice_codeunits(column, 1), column))
    return rows


def without_formulas(output: Output) -> tuple[Output, int]:
    """A CSV without the rows whose ids a spreadsheet would run, and how many these are: an id cannot be changed."""
    if output.form != "csv":
        return output, 0
    rows, risky = output.rows, None
    for name in output.ids:
        column = rows.column(name)
        if _is_text(column.type):
            formula = pc.match_substring_regex(column, FORMULA.replace("'*", ""))
            number = pc.match_substring_regex(column, NUMBER)
            found = pc.fill_null(pc.and_(formula, pc.invert(number)), False)
            risky = found if risky is None else pc.or_(risky, found)
    if risky is None or not pc.any(risky).as_py():
        return output, 0
    kept = rows.filter(pc.invert(risky))
    return replace(output, rows=kept), len(rows) - len(kept)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _write_sheets(rows: pa.Table, path: Path) -> None:
    """Sheets of text that nothing turns into formulas, links or numbers; no more than a row of them is in memory."""
    try:
        with Workbook(path, {"constant_memory": True, "tmpdir": str(path.parent)}) as book:
            for number, start in enumerate(range(0, max(len(rows), 1), SHEET), start=1):
                sheet = book.add_worksheet("slates" if number == 1 else f"slates {number}")
                sheet.write_row(0, 0, rows.column_names)
                _write_cells(rows.slice(start, SHEET), sheet)
    except FileCreateError as error:
        raise OSError(str(error)) from None


def _write_cells(rows: pa.Table, sheet: Worksheet) -> None:
    """Each cell by its column's kind, below the header; an empty one where there is nothing, or no number."""
    writers = [
        sheet.write_boolean if pa.types.is_boolean(kind)
        else sheet.write_number if pa.types.is_integer(kind) or pa.types.is_floating(kind)
        else sheet.write_string
        for kind in rows.schema.types
    ]  # fmt: skip
    at = 0
    for batch in rows.to_batches(max_chunksize=10_000):
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            at += 1
            for place, (write, cell) in enumerate(zip(writers, row, strict=True)):
                if cell is not None and cell == cell:
                    write(at, place, cell)


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def schema(output: Output) -> dict[str, Any] | None:
    """What describes the rows of a file: JSON schema for JSON and Parquet, Table Schema for tables; None for texts."""
    if output.form in {"jsonl", "parquet"}:
        return json_schema(output.rows.schema, output.name)
    if output.form == "json":
        return {**_DRAFT, "title": output.name, "type": "array", "items": _object(output.rows.schema)}
    return table_schema(output.rows.schema, output.name) if output.form in {"csv", "xlsx"} else None


def table_schema(schema: pa.Schema, title: str) -> dict[str, Any]:
    """The Table Schema (datapackage.org, version 2) of a table with such columns; an empty cell is nothing.

    >>> table_schema(pa.schema({"id": pa.string(), "position": pa.int32()}), "Places")["fields"]
    [{'name': 'id', 'type': 'string'}, {'name': 'position', 'type': 'integer'}]
    """
    fields = [{"name": one.name, "type": _described(one.type)["type"][0]} for one in schema]
    profile = "https://datapackage.org/profiles/2.0/tableschema.json"
    return {"$schema": profile, "title": title, "fields": fields, "missingValues": [""]}


def json_schema(schema: pa.Schema, title: str) -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of a line of JSON with such columns; anything may be null.

    >>> json_schema(pa.schema({"id": pa.string()}), "Ids")["properties"]
    {'id': {'type': ['string', 'null']}}
    """
    return {**_DRAFT, "title": title, **_object(schema)}


def _object(fields: Any) -> dict[str, Any]:
    named = {one.name: _described(one.type) for one in fields}
    return {"type": "object", "properties": named, "required": list(named), "additionalProperties": False}


def _described(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_struct(kind):
        return _object([kind.field(number) for number in range(kind.num_fields)])
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return {"type": ["array", "null"], "items": _described(kind.value_type)}
    if pa.types.is_map(kind):
        return {"type": ["object", "null"], "additionalProperties": _described(kind.item_type)}
    if pa.types.is_boolean(kind):
        return {"type": ["boolean", "null"]}
    if pa.types.is_integer(kind):
        return {"type": ["integer", "null"]}
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return {"type": ["number", "null"]}
    return {"type": ["string", "null"]}


def no_nan(rows: pa.Table, system: str) -> None:
    """Raise `InputError` where a number is none: JSON has no word for it."""
    for name in rows.column_names:
        if pa.types.is_floating(rows.column(name).type) and pc.any(pc.is_nan(rows.column(name))).as_py():
            raise InputError(f"{system}: {name} holds a value that is not a number; expected numbers or nothing")


def dumped(value: object) -> str:
    """JSON as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=False) + "\n"
