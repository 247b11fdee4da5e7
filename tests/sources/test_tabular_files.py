"""Files of one's own, whatever kind they are of and however they are written; what cannot be read is named."""

from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import MAPPING
from tests.sources.own_files import HEADER, LINE, lines, refused, write

# what a file may look like


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_any_common_separator(open_shop, separator):
    wb = open_shop((HEADER + LINE).replace(",", separator))
    assert lines(wb)[0] == {
        "order_id": "1",
        "customer_id": "ann",
        "product_id": "jam",
        "ordered_at": datetime(2020, 1, 1, 10, tzinfo=UTC),
        "quantity": 1.0,
        "revenue": Decimal("2.5000"),
        "discount": None,
        "currency": "GBP",
        "original_currency": None,
        "channel": None,
        "returned_order_id": None,
        "source": "tabular",
        "file": "orders.csv",
        "line": 2,
    }


def test_byte_order_mark_windows_line_ends_blank_lines_and_quotes(open_shop):
    text = "\ufeff" + HEADER + LINE + '\n2,"O""Neil, Ann","two\nlines",2020-01-01,1,1'
    found = lines(open_shop(text.replace("\n", "\r\n")))
    assert [(line["customer_id"], line["product_id"]) for line in found] == [
        ("ann", "jam"),
        ('O"Neil, Ann', "two\r\nlines"),
    ]


def test_ids_that_look_like_numbers_comments_or_nothing_keep_every_byte(open_shop):
    ids = ["#7", "007", "1e5", "0x1F", "1.0", "  x ", "NULL", "nan", "é", "e\u0301", "日本", "🧺", "'", "-", "TRUE"]
    text = HEADER + "".join(f"{number:02},c,{each},2020-01-01,1,1\n" for number, each in enumerate(ids))
    assert [line["product_id"] for line in lines(open_shop(text))] == ids


def test_a_lone_hash_is_a_line_like_any_other(open_shop):
    # a reader that guesses takes it for a comment, and the line is gone
    wb = open_shop(HEADER + LINE + "#2,bob,jam,2020-01-01,1,1\n" + LINE.replace("1,ann", "3,ann"))
    assert [line["order_id"] for line in lines(wb)] == ["#2", "1", "3"]


def test_first_column_without_a_name(open_shop):
    assert len(lines(open_shop("," + HEADER + "0," + LINE))) == 1


def test_parquet_with_typed_columns(open_shop):
    frame = pd.DataFrame(
        {
            "order": [3, 1, 2],
            "customer": [17850.0, np.nan, 12.5],  # what pandas makes of whole numbers where some are missing
            "product": pd.Categorical(["b", "a", "a"]),
            "time": pd.to_datetime(["2020-01-01 10:00", "2020-07-01 10:00", "2020-07-01 00:00"]),
            "quantity": [1, 2, -1],
            "price": [2.55, 0.1, 1.15],
        }
    )
    found = lines(open_shop(frame, file="orders.parquet", zone="Europe/London"))
    assert [line["customer_id"] for line in found] == [None, "12.5", "17850"]
    assert [line["revenue"] for line in found] == [Decimal("0.2000"), Decimal("-1.1500"), Decimal("2.5500")]
    assert [line["ordered_at"].hour for line in found] == [9, 23, 10]


def test_parquet_with_float_nan_for_a_missing_id(open_shop, tmp_path):
    columns = {"order": ["1"], "product": ["a"], "time": ["2020-01-01"], "quantity": ["1"], "price": ["1"]}
    table = pa.table(columns | {"customer": pa.array([float("nan")])})
    pq.write_table(table, tmp_path / "orders.parquet")
    assert lines(open_shop(None, file="orders.parquet"))[0]["customer_id"] is None


@pytest.mark.parametrize("file", ["orders.csv", "orders.jsonl", "orders.xlsx", "orders.parquet"])
def test_the_same_table_in_any_kind_of_file_is_the_same(open_shop, tmp_path, file):
    frame = pd.DataFrame(
        {
            "order": ["007", "8"],
            "customer": ["é", None],
            "product": ["+1-2", "<b>"],
            "time": ["2020-07-01 10:00", "2020-07-02"],
            "quantity": [2, -1],
            "price": [0.1, 1234.56],
        }
    )
    write(frame, tmp_path / file)
    found = lines(open_shop(None, file=file, zone="Europe/London"))
    assert [(one["order_id"], one["customer_id"], one["product_id"], one["revenue"]) for one in found] == [
        ("007", "é", "+1-2", Decimal("0.2000")),
        ("8", None, "<b>", Decimal("-1234.5600")),
    ]
    assert [one["ordered_at"] for one in found] == [
        datetime(2020, 7, 1, 9, tzinfo=UTC),
        datetime(2020, 7, 1, 23, tzinfo=UTC),
    ]
    first = 1 if file in ("orders.jsonl", "orders.parquet") else 2  # where a header stands above
    assert [one["line"] for one in found] == [first, first + 1]


NESTED = {
    "order_id": "id",
    "customer_id": "buyer.id",
    "product_id": "item.sku",
    "ordered_at": "at",
    "quantity": "item.count",
    "unit_price": "item.price.amount",
    "currency": "item.price.currency",
}
ORDER = (
    '{"id": %d, "buyer": {"id": "ann"}, "at": "2020-01-01T10:00:00Z",'
    ' "item": {"sku": "jam", "count": 2, "price": {"amount": %s, "currency": "GBP"}}}'
)


def test_json_lines_with_dotted_names(open_shop):
    # the price of the second has more digits than a float; the third says nothing of its buyer
    text = [ORDER % (1, "2.50"), ORDER % (2, '"1.1234"'), ORDER.replace('{"id": "ann"}', "null") % (3, "1e1")]
    wb = open_shop("\n".join(text), {"order_lines": NESTED}, file="orders.jsonl")
    assert [(one["order_id"], one["customer_id"], one["product_id"], one["revenue"]) for one in lines(wb)] == [
        ("1", "ann", "jam", Decimal("5.0000")),
        ("2", "ann", "jam", Decimal("2.2468")),
        ("3", None, "jam", Decimal("20.0000")),
    ]


def test_a_json_document_with_its_list_under_a_key(open_shop):
    text = '{"page": 1, "data": [' + ", ".join(ORDER % (number, "2.50") for number in (1, 2)) + "]}"
    wb = open_shop(text, {"order_lines": NESTED}, file="orders.json", records="data")
    assert [(one["order_id"], one["line"]) for one in lines(wb)] == [("1", 1), ("2", 2)]
    assert refused(open_shop, text, {"order_lines": NESTED}, file="orders.json", records="orders").startswith(
        "orders.json: no "
    )


def test_a_sheet_of_a_workbook_with_numbers_and_dates_as_excel_keeps_them(open_shop, tmp_path):
    frame = pd.DataFrame(
        {
            "order": [1001, 1002],  # whole numbers, as Excel makes of ids
            "customer": ["ann", "bob"],
            "product": [7.0, 8.0],
            "time": pd.to_datetime(["2020-07-01 10:00", "2020-01-01 00:00"]),
            "quantity": [3, 1],
            "price": [0.1, 1e-3],
        }
    )
    with pd.ExcelWriter(tmp_path / "orders.xlsx") as book:
        pd.DataFrame({"nothing": ["here"]}).to_excel(book, sheet_name="Notes", index=False)
        frame.to_excel(book, sheet_name="Orders", index=False)
    wb = open_shop(None, file="orders.xlsx", sheet="Orders", zone="Europe/London")
    assert [(one["order_id"], one["product_id"], one["ordered_at"].hour, one["revenue"]) for one in lines(wb)] == [
        ("1001", "7", 9, Decimal("0.3000")),
        ("1002", "8", 0, Decimal("0.0010")),
    ]
    assert refused(open_shop, None, file="orders.xlsx", sheet="Order") == (
        "orders.xlsx: no sheet 'Order'; found: Notes, Orders"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_are_found_out(open_shop, encoding):
    text = HEADER.replace("order", "Bestellung") + "1,Jörg,Käse,2020-01-01,1,2\n"
    tables = {"order_lines": MAPPING["order_lines"] | {"order_id": "bestellung"}}
    (found,) = lines(open_shop(text.encode(encoding), tables))
    assert (found["customer_id"], found["product_id"]) == ("Jörg", "Käse")


def test_an_encoding_that_nobody_could_find_out_is_taken_from_the_settings(open_shop):
    text = (HEADER + "1,Łukasz,żur,2020-01-01,1,2\n").encode("cp1250")
    assert lines(open_shop(text, encoding="cp1250"))[0]["customer_id"] == "Łukasz"
    assert "no encoding is called 'cp12500'" in refused(open_shop, text, encoding="cp12500")


def test_a_separator_that_is_none_of_the_common_ones(open_shop):
    assert len(lines(open_shop((HEADER + LINE).replace(",", "^"), separator="^"))) == 1


@pytest.mark.parametrize("header", ["line", "File", "price (EUR)", "a.b", "quantity (number)", "ordered at", "x; y"])
def test_columns_of_the_file_may_be_called_anything(open_shop, header):
    tables = {"order_lines": MAPPING["order_lines"] | {"product_id": header}}
    text = HEADER.replace("product", header) + LINE
    assert lines(open_shop(text, tables))[0]["product_id"] == "jam"
    assert lines(open_shop(text, tables))[0]["quantity"] == 1


# what is refused, in one line


def test_missing_file(open_shop):
    assert refused(open_shop, None) == "orders.csv: no such file"


@pytest.mark.parametrize("file", ["orders.csv", "orders.jsonl", "orders.xlsx", "orders.parquet"])
def test_missing_column_is_named_with_what_was_found(open_shop, tmp_path, file):
    frame = pd.read_csv(StringIO(HEADER.replace("price", "cost") + LINE))
    write(frame, tmp_path / file)
    no_column = "no record has" if file == "orders.jsonl" else "no column"
    assert refused(open_shop, None, file=file) == (
        f"{file}: {no_column} 'price'; found: order, customer, product, time, quantity, cost"
    )


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("1,ann,jam,2020-01-01,1\n", 3, "5 values, expected 6"),
        ("1,ann,jam,2020-01-01,1,2,3\n", 3, "7 values, expected 6"),
        (LINE * 30_000 + "1,ann,jam\n", 30_003, "3 values, expected 6"),
        ((("9,é,é,2020-01-01,1,1\n" * 9).encode() + b"1,caf\xe9,jam,2020-01-01,1,2\n"), 12, "no text in this encoding"),
        ('1,"ann,jam,2020-01-01,1,2\n' + LINE, 3, "a quote that is not closed"),
        ("1,ann,jam,2020", 3, "cut off"),
    ],
)
def test_a_broken_line_is_refused_alone_and_counted(open_shop, content, line, reason):
    content = content if isinstance(content, bytes) else content.encode()
    wb = open_shop((HEADER + LINE).encode() + content)
    (found,) = wb.connection.to_pyarrow(wb.quarantine("tabular")).to_pylist()
    assert (found["file"], found["line"], found["refusal"]) == ("orders.csv", line, True)
    assert reason in found["reason"]
    (reading,) = wb.reading.to_dict("records")
    assert reading["read"] == reading["accepted"] + 1 == len(lines(wb)) + 1
    assert (reading["quarantined"], reading["refused"]) == (1, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADER.replace("order", "café").encode("latin-1"), "no column 'order'; found: café, customer"),
        (b"PK\x03\x04\xff\x00\x01", "is a zip archive or workbook, whatever its name says; expected text"),
        ("", "is empty; expected the names of its columns"),
        (HEADER.replace("time", "order") + LINE, "no column 'time'; found: order, customer, product, order"),
        (
            HEADER.replace("\n", ",order\n") + LINE.replace("\n", ",2\n"),
            "two columns are called 'order' and differ in line 2",
        ),
        (HEADER + LINE + LINE.replace("2020", "soon"), "1 of 2 rows were refused, more than the 5%"),
    ],
)
def test_a_file_that_is_not_what_it_should_be(open_shop, content, message):
    found = refused(open_shop, content)
    assert found.startswith(f"orders.csv: {message}"), found
    assert "\n" not in found


def test_too_many_refusals_name_their_reasons_with_a_line_of_each(open_shop):
    text = HEADER + LINE + LINE.replace("2020", "soon") * 2 + LINE.replace(",1,2.50", ",one,2.50")
    assert refused(open_shop, text) == (
        "orders.csv: 3 of 4 rows were refused, more than the 5% that cleaning.max_refused in workbook.yaml allows "
        "(ordered_at not readable: 2, such as line 3; quantity not readable: 1, such as line 5)"
    )


def test_a_garbled_parquet_file(open_shop):
    assert refused(open_shop, b"PAR1 and then nothing", file="orders.parquet").startswith(
        "orders.parquet: cannot be read as Parquet"
    )


def test_a_kind_of_file_that_is_not_known(open_shop):
    assert refused(open_shop, "x", file="orders.xls").startswith(
        "orders.xls: not a kind of file that can be read; expected a name that ends in .csv, .json, .jsonl"
    )
