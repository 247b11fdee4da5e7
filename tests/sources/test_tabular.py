"""One's own data by column mapping: nothing is lost in silence, nothing is guessed."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reco import Workbook
from reco.errors import InputError
from tests.conftest import MAPPING

ROOT = Path(__file__).resolve().parents[2]
HEADER = "order,customer,product,time,quantity,price\n"
LINE = "1,ann,jam,2020-01-01 10:00,1,2.50\n"


def lines(wb) -> list[dict]:
    table = wb.table("order_lines")
    return wb.connection.to_pyarrow(table.order_by("order_id")).to_pylist()


def aside(wb) -> dict[str, int]:
    return dict(wb.set_aside[["reason", "rows"]].itertuples(index=False))


def refused(open_shop, *arguments, **options) -> str:
    wb = open_shop(*arguments, **options)
    with pytest.raises(InputError) as caught:
        wb.table("order_lines")
    assert not (wb.folder / "tables").exists()
    return str(caught.value)


# what a file may look like


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_any_common_separator(open_shop, separator):
    wb = open_shop((HEADER + LINE).replace(",", separator))
    assert lines(wb)[0] == {
        "order_id": "1",
        "customer_id": "ann",
        "product_id": "jam",
        "ordered_at": datetime(2020, 1, 1, 10, tzinfo=ZoneInfo("UTC")),
        "quantity": 1.0,
        "revenue": Decimal("2.5000"),
        "discount": None,
        "currency": "GBP",
        "source": "tabular",
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


# what is refused, in one line


def test_missing_file(open_shop, tmp_path):
    assert refused(open_shop, None) == f"{tmp_path / 'orders.csv'}: no such file"


def test_missing_column_is_named_with_what_was_found(open_shop):
    assert refused(open_shop, HEADER.replace("price", "cost") + LINE) == (
        "orders.csv: no column 'price', expected as order_lines.unit_price; "
        "found: order, customer, product, time, quantity, cost"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADER + "1,ann,jam,2020-01-01,1\n", "CSV Error on Line: 2 Expected Number of Columns: 6 Found: 5"),
        (HEADER + LINE + "1,ann,jam,2020-01-01,1,2,3\n", "on Line: 3 Expected Number of Columns: 6 Found: 7"),
        (HEADER + LINE * 30_000 + "1,ann,jam\n", "Line: 30002 Expected Number of Columns: 6 Found: 3"),
        ((HEADER + LINE * 30_000 + "1,café,jam,2020-01-01,1,2\n").encode("latin-1"), "Line: 30002 .*not utf-8"),
        ((HEADER + '1,"ann,jam,2020-01-01,1,2\n' + LINE), "not readable"),
        (HEADER.replace("order", "café").encode("latin-1"), "not UTF-8"),
        (b"PK\x03\x04\xff\x00\x01", "not UTF-8"),
        ("", "begins with an empty line"),
        (HEADER.replace("customer", "order") + LINE, "the first line names 'order' twice"),
    ],
)
def test_a_broken_text_file(open_shop, content, message):
    found = refused(open_shop, content)
    assert "orders.csv: " in found
    assert "\n" not in found
    assert pd.Series(found).str.contains(message).all(), found


def test_a_garbled_parquet_file(open_shop):
    assert refused(open_shop, b"PAR1 and then nothing", file="orders.parquet").startswith(
        "orders.parquet: not readable"
    )


def test_a_kind_of_file_that_is_not_known(open_shop):
    assert "expected a file that ends in .csv, .tsv, .txt or .parquet" in refused(open_shop, "x", file="orders.xls")


# what is set aside, and counted


def test_unreadable_values_are_set_aside_and_counted_by_reason(open_shop):
    text = HEADER + LINE
    text += "2,ann,jam,31/12/2020,1,1\n" * 2  # no ISO date
    text += "3,ann,jam,2020-02-30,1,1\n"  # no such day
    text += '4,ann,jam,2020-01-01,1,"1,50"\n' + "4,ann,jam,2020-01-01,1,£1\n" + "4,ann,jam,2020-01-01,1,nan\n"
    text += "5,ann,jam,2020-01-01,two,1\n" + "5,ann,jam,2020-01-01,nan,1\n" + "5,ann,jam,2020-01-01,inf,1\n"
    text += "6,ann,,2020-01-01,1,1\n" + "7,ann,jam,,1,1\n" + "8,ann,jam,2020-01-01,1, \n"
    wb = open_shop(text)
    assert [line["order_id"] for line in lines(wb)] == ["1"]
    assert aside(wb) == {
        "no ordered_at": 1,
        "no product_id": 1,
        "no revenue": 1,
        "ordered_at not readable": 3,
        "quantity not readable": 3,
        "unit_price not readable": 3,
    }


def test_an_unreadable_value_outside_the_key_is_not_passed_over(open_shop):
    columns = {column: column for column in ("order_id", "product_id", "ordered_at", "quantity", "revenue", "discount")}
    text = ",".join(columns) + "\n1,jam,2020-01-01,1,2,0.50\n2,jam,2020-01-01,1,2,half\n"
    wb = open_shop(text, {"order_lines": columns})
    assert [line["discount"] for line in lines(wb)] == [Decimal("0.5000")]
    assert aside(wb) == {"discount not readable": 1}


def test_guests_stay_and_are_no_loss_of_customers(open_shop):
    tables = MAPPING | {"customers": {"customer_id": "customer"}}
    wb = open_shop(HEADER + LINE + '2,,jam,2020-01-01,1,1\n3,"",jam,2020-01-01,1,1\n', tables)
    assert [line["customer_id"] for line in lines(wb)] == ["ann", None, None]
    assert wb.table("customers").customer_id.execute().tolist() == ["ann"]
    assert wb.set_aside.empty


# times


@pytest.mark.parametrize(
    ("zone", "times"),
    [
        (
            "Europe/London",
            {
                "2020-01-15 10:00": "2020-01-15 10:00",
                "2020-07-15 10:00": "2020-07-15 09:00",
                "2020-07-15": "2020-07-14 23:00",
                "2020-10-25 00:59:59": "2020-10-24 23:59:59",  # the last summer second before the hour repeats
                "2020-10-25 01:30": "2020-10-25 01:30",  # comes twice: the second is taken
                "2020-10-25 02:00": "2020-10-25 02:00",
                "2020-03-29 00:30": "2020-03-29 00:30",
                "2020-03-29 01:30": "2020-03-29 01:30",  # never came: winter time is read on
                "2020-03-29 02:30": "2020-03-29 01:30",
                # an offset in the text wins over the shop's zone
                "2020-07-15T10:00:00Z": "2020-07-15 10:00",
                "2020-07-15T10:00:00.5Z": "2020-07-15 10:00:00.5",
                "2020-07-15 10:00 UTC": "2020-07-15 10:00",
            },
        ),
        (
            "America/New_York",
            {
                "2020-11-01 00:30": "2020-11-01 04:30",
                "2020-11-01 01:30": "2020-11-01 06:30",
                "2020-03-08 02:30": "2020-03-08 07:30",
                "2020-03-08 03:30": "2020-03-08 07:30",
                "2020-07-15T10:00:00+02:00": "2020-07-15 08:00",
                "2020-07-15 10:00:00-0330": "2020-07-15 13:30",
                "2020-07-15 10:00:00+02": "2020-07-15 08:00",
                "2020-07-15": "2020-07-15 04:00",  # ends like an offset, and is none
            },
        ),
    ],
)
def test_times_become_utc(open_shop, zone, times):
    text = HEADER + "".join(f"{number:02},ann,jam,{time},1,1\n" for number, time in enumerate(times))
    found = [pd.Timestamp(line["ordered_at"]) for line in lines(open_shop(text, zone=zone))]
    expected = [pd.Timestamp(moment, tz="UTC") for moment in times.values()]
    assert dict(zip(times, found, strict=True)) == dict(zip(times, expected, strict=True))


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York"])
def test_every_quarter_of_an_hour_around_both_clock_changes(open_shop, zone):
    spans = (("2020-03-07", "2020-03-09"), ("2020-03-28", "2020-03-30"), ("2020-10-24", "2020-11-02"))
    clock = pd.DatetimeIndex([moment for span in spans for moment in pd.date_range(*span, freq="15min")])
    clock = clock[clock.tz_localize(zone, nonexistent="NaT", ambiguous="NaT").notna()]
    text = HEADER + "".join(f"{number:05},ann,jam,{moment},1,1\n" for number, moment in enumerate(clock))
    found = pd.DatetimeIndex([line["ordered_at"] for line in lines(open_shop(text, zone=zone))])
    assert (found == clock.tz_localize(zone).tz_convert("UTC")).all()


def test_a_time_format_and_lines_that_do_not_follow_it(open_shop):
    text = HEADER + LINE.replace("2020-01-01 10:00", "31.07.2020 10:00") + LINE.replace("1,ann", "2,ann")
    wb = open_shop(text, time_format="%d.%m.%Y %H:%M", zone="Europe/London")
    assert [line["ordered_at"] for line in lines(wb)] == [datetime(2020, 7, 31, 9, tzinfo=ZoneInfo("UTC"))]
    assert aside(wb) == {"ordered_at not readable": 1}


def test_a_time_format_with_offset(open_shop):
    wb = open_shop(
        HEADER + LINE.replace("2020-01-01 10:00", "31.07.2020 10:00 +0530"),
        time_format="%d.%m.%Y %H:%M %z",
        zone="Europe/London",
    )
    assert lines(wb)[0]["ordered_at"] == datetime(2020, 7, 31, 4, 30, tzinfo=ZoneInfo("UTC"))


def test_a_parquet_time_with_zone_is_an_instant(open_shop):
    moment = pd.Timestamp("2020-07-15 10:00", tz="Asia/Tokyo")
    frame = pd.DataFrame(
        {"order": "1", "customer": "a", "product": "p", "time": [moment], "quantity": [1], "price": [1.0]}
    )
    wb = open_shop(frame, file="orders.parquet", zone="America/New_York")
    assert pd.Timestamp(lines(wb)[0]["ordered_at"]) == moment


# money


def test_quantity_times_unit_price_is_exact(open_shop):
    cases = [
        ("3", "0.10", "0.3000"),  # 0.30000000000000004 in binary
        ("-2", "1.15", "-2.3000"),  # a return
        ("1000000", "0.00123", "1230.0000"),  # a price finer than what a line keeps
        ("9999", "9999999999.9999", "99989999999999.0001"),
        ("0.333", "3", "0.9990"),  # sold by weight
        ("0", "5", "0.0000"),
    ]
    text = HEADER + "".join(f"{n},ann,jam,2020-01-01,{q},{price}\n" for n, (q, price, _) in enumerate(cases))
    assert [line["revenue"] for line in lines(open_shop(text))] == [Decimal(revenue) for _, _, revenue in cases]


def test_an_amount_too_large_to_keep_is_set_aside(open_shop):
    wb = open_shop(HEADER + LINE.replace("1,2.50", "1e9,9999999999") + LINE.replace("1,2.50", "1e300,1"))
    assert aside(wb) == {"no revenue": 2}


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.decimals(-(10**9), 10**9, places=4), min_size=100, max_size=100))
def test_mapped_revenue_adds_up_to_the_last_digit(open_shop, amounts):
    columns = {column: column for column in ("order_id", "product_id", "ordered_at", "quantity", "revenue")}
    text = ",".join(columns) + "\n" + "".join(f"{n},jam,2020-01-01,1,{each}\n" for n, each in enumerate(amounts))
    wb = open_shop(text, {"order_lines": columns})
    assert wb.table("order_lines").revenue.sum().execute() == sum(amounts)


# two sources, and the second store


def test_one_title_a_product_the_most_frequent_and_the_first_of_equals(open_shop):
    titles = ["JAM", "Jam", "Jam", "?", "tea", "Tea", None]
    products = ["jam"] * 4 + ["tea"] * 2 + ["gin"]
    frame = pd.DataFrame(
        {
            "product": products,
            "name": titles,
            "order": "1",
            "customer": "a",
            "time": "2020-01-01",
            "quantity": 1,
            "price": 1,
        }
    )
    tables = MAPPING | {"products": {"product_id": "product", "title": "name"}}
    found = open_shop(frame, tables, file="orders.parquet").table("products").order_by("product_id").execute()
    assert dict(zip(found["product_id"], found["title"], strict=True)) == {
        "gin": "Product gin",
        "jam": "Jam",
        "tea": "Tea",
    }


@pytest.fixture(scope="module")
def retail(tmp_path_factory):
    """UCI Online Retail read through its mapping, and its raw table."""
    file = ROOT / "data" / "online_retail.parquet"
    target = {"ctr_benchmark": [0, 1], "ctr": 0.1, "conversion_benchmark": [0, 1], "conversion": 0.1}
    tables = {
        "order_lines": {
            "order_id": "InvoiceNo", "customer_id": "CustomerID", "product_id": "StockCode",
            "ordered_at": "InvoiceDate", "quantity": "Quantity", "unit_price": "UnitPrice",
        },
        "products": {"product_id": "StockCode", "title": "Description"},
        "customers": {"customer_id": "CustomerID", "country": "Country"},
    }  # fmt: skip
    values = {
        "store": {"name": "retail", "title": "R", "path": "s", "time_zone": "Europe/London", "currency": "GBP"},
        "sources": [{"kind": "tabular", "path": str(file), "tables": tables}],
        "kpis": {"implementation_cost": 1, "targets": {"on_site": target}},
    }
    path = tmp_path_factory.mktemp("retail") / "online_retail.yaml"
    path.write_text(yaml.safe_dump(values))
    return Workbook.load(path), pq.read_table(file)


def test_online_retail_keeps_every_line_and_its_published_totals(retail):
    wb, raw = retail
    table = wb.table("order_lines")
    found = wb.connection.to_pandas(
        table.aggregate(
            lines=table.count(),
            revenue=table.revenue.sum(),
            quantity=table.quantity.sum(),
            orders=table.order_id.nunique(),
            customers=table.customer_id.nunique(),
            products=table.product_id.nunique(),
            guests=table.customer_id.isnull().sum(),
            returns=(table.quantity < 0).sum(),
        )
    ).iloc[0]
    # 541,909 lines, 25,900 invoices, 4,070 stock codes, 4,372 customers: Chen, Sain and Guo, 2012, and UCI id 352
    assert (found.lines, found.orders, found.products, found.customers) == (541_909, 25_900, 4_070, 4_372)
    assert wb.set_aside.empty
    mills = np.rint(raw["UnitPrice"].to_numpy() * 1000).astype("int64")  # no price is finer than a tenth of a penny
    assert mills / 1000 == pytest.approx(raw["UnitPrice"].to_numpy(), rel=1e-12)
    exact = Decimal(int((raw["Quantity"].to_numpy().astype("int64") * mills).sum())) / 1000
    assert found.revenue == exact == Decimal("9747747.9340")
    assert found.quantity == pc.sum(raw["Quantity"]).as_py()
    assert found.guests == raw["CustomerID"].null_count == 135_080
    assert found.returns == pc.sum(pc.less(raw["Quantity"], 0)).as_py()


def test_online_retail_times_are_london_s(retail):
    wb, _ = retail
    table = wb.table("order_lines")
    span = wb.connection.to_pandas(table.aggregate(first=table.ordered_at.min(), last=table.ordered_at.max())).iloc[0]
    assert (span["first"], span["last"]) == (pd.Timestamp("2010-12-01 08:26Z"), pd.Timestamp("2011-12-09 12:50Z"))
    july = wb.connection.to_pandas(
        table.filter(table.order_id == "558638").select("ordered_at").distinct()
    )  # 2011-07-01 08:16 on the invoice, in summer time
    assert july["ordered_at"].tolist() == [pd.Timestamp("2011-07-01 07:16Z")]


def test_online_retail_titles_are_the_most_frequent_descriptions(retail):
    wb, raw = retail
    frame = raw.select(["StockCode", "Description"]).to_pandas().dropna()
    counts = frame.value_counts().rename("n").reset_index()
    counts = counts.sort_values(["StockCode", "n", "Description"], ascending=[True, False, True])
    expected = counts.drop_duplicates("StockCode").set_index("StockCode")["Description"]
    found = wb.connection.to_pandas(wb.table("products")).set_index("product_id")["title"]
    assert len(found) == 4_070
    assert found[expected.index].equals(expected.rename("title")) or (found[expected.index] == expected).all()
    assert (found.drop(expected.index) == "Product " + found.drop(expected.index).index).all()
