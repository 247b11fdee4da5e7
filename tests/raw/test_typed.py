"""Parquet with declared columns becomes text that says the same; workbooks too."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reco.errors import InputError
from reco.sources.base import Column

TEXT = pa.string()


def parquet(tmp_path: Path, table: pa.Table) -> bytes:
    pq.write_table(table, tmp_path / "in.parquet")
    return (tmp_path / "in.parquet").read_bytes()


@pytest.mark.parametrize(
    ("values", "kind", "texts"),
    [
        (["x", None], pa.string(), ["x", None]),
        ([7, -1], pa.int64(), ["7", "-1"]),
        ([7.0, 1.25, float("nan"), None], pa.float64(), ["7", "1.25", None, None]),
        ([Decimal("1.50")], pa.decimal128(9, 2), ["1.50"]),
        ([True, False], pa.bool_(), ["true", "false"]),
        ([dt.date(2026, 1, 2)], pa.date32(), ["2026-01-02"]),
        ([dt.datetime(2026, 1, 2, 3, 4, 5, 6)], pa.timestamp("us"), ["2026-01-02T03:04:05.000006"]),
        (
            [dt.datetime(2026, 7, 2, 3, 4, 5)],
            pa.timestamp("us", "Europe/Paris"),
            ["2026-07-02T03:04:05.000000+00:00"],
        ),
        ([b"ab", b"\xff"], pa.binary(), ["ab", None]),
        ([{"a": 1, "b": ["c"]}, None], pa.struct({"a": pa.int64(), "b": pa.list_(TEXT)}), ['{"a":1,"b":["c"]}', None]),
    ],
)
def test_every_type_has_a_text(tmp_path, read_bytes, values, kind, texts):
    content = parquet(tmp_path, pa.table({"A": pa.array(values, kind)}))
    reading = read_bytes(content, {"a": Column(("a",))}, "a.parquet")
    assert [row["a"] for row in reading.rows] == texts
    assert reading.lines == list(range(1, len(values) + 1))


def test_structs_are_led_into_and_brought_to_text(tmp_path, read_bytes):
    items = [[{"sku": "A", "price": 1.5, "at": {"n": 3}}], [], None]
    content = parquet(tmp_path, pa.table({"order": [{"id": 1}, None, {"id": 2}], "items": items}))
    kind = pa.list_(pa.struct({"sku": TEXT, "price": TEXT, "absent": TEXT}))
    asked = {
        "id": Column(("order.ID",), required=True),
        "items": Column(("items",), type=kind),
        "more": Column(("order.none", "none")),
    }
    assert read_bytes(content, asked, "a.parquet").rows == [
        {"id": "1", "items": [{"sku": "A", "price": "1.5", "absent": None}], "more": None},
        {"id": None, "items": [], "more": None},
        {"id": "2", "items": None, "more": None},
    ]


def test_kinds_hold_for_parquet_and_its_numbers_have_a_point(tmp_path, read_bytes):
    table = pa.table({"id": ["'07"], "mail": ["Buyer1@example.com"], "price": [1.234]})
    asked = {
        "id": Column(("id",), kind="id"),
        "mail": Column(("mail",), kind="email"),
        "price": Column(("price",), kind="number"),
    }
    digest = "a21e87765fa9375c2c6588b7dfb64959c1b0b30a30f0761ce40cfbdc37a99811"
    assert read_bytes(parquet(tmp_path, table), asked, "a.parquet").rows == [
        {"id": "07", "mail": digest, "price": "1.234"}
    ]


def test_an_empty_table_has_no_rows_and_a_missing_column_is_named(tmp_path, read_bytes):
    content = parquet(tmp_path, pa.table({"b": pa.array([], TEXT)}))
    assert read_bytes(content, {"b": Column(("b",), kind="number")}, "a.parquet").rows == []
    assert read_bytes(content, {"c": Column(("c",))}, "a.parquet").rows == []
    with pytest.raises(InputError, match=r"a\.parquet: no column 'a'; found: b"):
        read_bytes(content, {"a": Column(("a",), required=True)}, "a.parquet")


def test_a_column_that_is_not_there_is_null_in_every_row(tmp_path, read_bytes):
    content = parquet(tmp_path, pa.table({"b": ["x", "y"]}))
    assert read_bytes(content, {"c": Column(("c",))}, "a.parquet").rows == [{"c": None}] * 2


def workbook(tmp_path: Path, **sheets: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(tmp_path / "in.xlsx")
    return (tmp_path / "in.xlsx").read_bytes()


ASKED = {
    "id": Column(("Id",), required=True, kind="id"),
    "when": Column(("When",)),
    "price": Column(("Price",), kind="number"),
    "mail": Column(("Mail",), kind="email"),
}


def test_a_workbook_is_read_by_the_rows_of_its_first_sheet(tmp_path, read_bytes):
    rows = [
        [],
        [None, "id", " WHEN", "Price", "Mail"],
        [None, 7, dt.datetime(2026, 1, 2, 3, 4), 0.1 + 0.2, "Buyer1@example.com", "stray"],
        [],
        [None, "'08", dt.date(2026, 1, 2), 1.234],
        [None, True, "0000-00-00", "=1+1", "<script>"],
    ]
    reading = read_bytes(workbook(tmp_path, first=rows, second=[["Id"], [1]]), ASKED, "a.xlsx")
    digest = "a21e87765fa9375c2c6588b7dfb64959c1b0b30a30f0761ce40cfbdc37a99811"
    assert reading.rows == [
        {"id": "7", "when": "2026-01-02T03:04:00", "price": "0.3", "mail": digest},
        {"id": "08", "when": "2026-01-02T00:00:00", "price": "1.234", "mail": None},
        {"id": "true", "when": "0000-00-00", "price": None, "mail": None},
    ]
    assert reading.lines == [3, 5, 6]


def test_another_sheet_is_read_where_it_is_named(tmp_path, read_bytes):
    content = workbook(tmp_path, first=[["x"]], second=[["Id"], [12345678901]])
    assert read_bytes(content, ASKED, "a.xlsx", sheet="second").rows[0]["id"] == "12345678901"
    with pytest.raises(InputError, match="no sheet 'third'; found: first, second"):
        read_bytes(content, ASKED, "a.xlsx", sheet="third")
    with pytest.raises(InputError, match="no column 'Id'; found: x"):
        read_bytes(content, ASKED, "a.xlsx")


def test_an_empty_sheet_is_an_error(tmp_path, read_bytes):
    with pytest.raises(InputError, match=r"a\.xlsx: is empty; expected the names of its columns"):
        read_bytes(workbook(tmp_path, first=[[], [None]]), ASKED, "a.xlsx")
