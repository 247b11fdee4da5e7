"""One's own data by column mapping: nothing is lost in silence, nothing is guessed."""

import hashlib
from decimal import Decimal

import pandas as pd
import yaml

from reco import Workbook
from tests.conftest import MAPPING
from tests.sources.own_files import HEADER, LINE, aside, lines, table

# what is set aside, and counted


def test_unreadable_values_are_set_aside_and_counted_by_reason(open_shop):
    text = HEADER + LINE
    text += "2,ann,jam,31/12/2020,1,1\n" * 2  # no ISO date
    text += "3,ann,jam,2020-02-30,1,1\n"  # no such day
    text += '4,ann,jam,2020-01-01,1,"1,50"\n' + "4,ann,jam,2020-01-01,1,one\n" + "4,ann,jam,2020-01-01,1,nan\n"
    text += "5,ann,jam,2020-01-01,two,1\n" + "5,ann,jam,2020-01-01,nan,1\n" + "5,ann,jam,2020-01-01,inf,1\n"
    text += "6,ann,,2020-01-01,1,1\n" + "7,ann,jam,,1,1\n" + "8,ann,jam,2020-01-01,1, \n"
    wb = open_shop(text, decimal=".")
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


# customers

BUYER = "buyer1@example.com"


def kept(wb: Workbook) -> bytes:
    """Every byte below the store's folder."""
    return b"".join(path.read_bytes() for path in sorted(wb.folder.rglob("*")) if path.is_file())


def test_an_address_stands_for_a_customer_and_is_kept_nowhere(open_shop):
    columns = {key: value for key, value in MAPPING["order_lines"].items() if key != "customer_id"}
    text = HEADER + "".join(LINE.replace("ann", who) for who in (BUYER, " Buyer1@Example.com", "", "not known"))
    wb = open_shop(text, {"order_lines": columns | {"email": "customer"}})
    ids = [customer for (customer,) in table(wb, "order_lines", "customer_id")]
    assert ids[0] == ids[1]
    assert ids[0] == f"email:{hashlib.sha256(BUYER.encode()).hexdigest()[:16]}"
    assert ids[2:] == [None, None]
    assert b"uyer1@" not in kept(wb)


def test_an_address_joins_the_accounts_of_two_files(open_shop, tmp_path):
    (tmp_path / "members.csv").write_text(f"member,mail,agreed\nm1,{BUYER},no\nm2,buyer2@example.com,yes\n")
    columns = {key: value for key, value in MAPPING["order_lines"].items() if key != "customer_id"}
    wb = open_shop(HEADER + LINE.replace("ann", BUYER.upper()), {"order_lines": columns | {"email": "customer"}})
    values = yaml.safe_load(wb.settings.file.read_text())
    members = {"customer_id": "member", "email": "mail", "personalization_consent": "agreed"}
    values["sources"].append({"kind": "tabular", "path": "members.csv", "tables": {"customers": members}})
    wb.settings.file.write_text(yaml.safe_dump(values))
    wb = Workbook.load(wb.settings.file)
    assert table(wb, "order_lines", "customer_id") == [("m1",)]
    assert sorted(table(wb, "customers", "customer_id", "personalization_consent")) == [("m1", False), ("m2", True)]


def test_addresses_in_the_place_of_accounts_are_refused(open_shop):
    wb = open_shop(HEADER + LINE.replace("ann", BUYER) + LINE)
    assert table(wb, "order_lines", "customer_id") == [("ann",)]
    assert aside(wb) == {"customer_id is an e-mail address, expected to be mapped as email": 1}


# files of one shape, and tables of one file


def test_of_several_files_the_later_one_has_the_last_word_on_an_order(open_shop, tmp_path):
    for name, text in {"9": LINE + LINE.replace("1,ann", "2,bob"), "10": LINE.replace("2.50", "9")}.items():
        (tmp_path / f"orders_{name}.csv").write_text(HEADER + text)
    wb = open_shop(None, file="orders_*.csv")
    assert table(wb, "order_lines", "file", "order_id", "revenue") == [
        ("orders_10.csv", "1", Decimal("9.0000")),
        ("orders_9.csv", "2", Decimal("2.5000")),
    ]
    assert aside(wb) == {"exported again in a later file": 1}
    reading = wb.reading.set_index("file")[["read", "accepted", "quarantined", "refused"]]
    assert reading.loc["orders_9.csv"].tolist() == [2, 1, 1, 0]
    assert reading.loc["orders_10.csv"].tolist() == [1, 1, 0, 0]


def test_pieces_of_one_table_are_all_kept(open_shop, tmp_path):
    for number in (1, 2):
        (tmp_path / f"orders_{number}.csv").write_text(HEADER + LINE.replace("jam", f"jam{number}"))
    wb = open_shop(None, file=["orders_1.csv", "orders_2.csv"], pieces=True)
    assert sorted(table(wb, "order_lines", "order_id", "product_id")) == [("1", "jam1"), ("1", "jam2")]
    assert wb.set_aside.empty


def test_one_file_fills_several_tables_and_every_row_is_accounted_for(open_shop):
    tables = {
        "customers": {"customer_id": "customer", "country": "land"},
        "products": {"product_id": "product", "price": "price"},
        "order_lines": MAPPING["order_lines"],
    }
    text = HEADER.replace("\n", ",land\n") + "".join(
        line + "\n"
        for line in (
            "1,ann,jam,2020-01-01,2,3,DE",
            "2,,jam,2020-01-02,1,3,",  # a guest is no customer, and no loss
            "3,bob,tea,2020-01-03,1,soon,FR",  # no sale, and no price; bob is a customer all the same
        )
    )
    wb = open_shop(text, tables)
    assert table(wb, "customers", "customer_id", "country") == [("ann", "DE"), ("bob", "FR")]
    assert table(wb, "products", "product_id", "price") == [("jam", Decimal("3.0000"))]
    assert table(wb, "order_lines", "order_id", "line") == [("1", 2), ("2", 3)]
    assert wb.set_aside[["table", "reason", "rows"]].to_numpy().tolist() == [
        ["order_lines", "unit_price not readable", 1],
        ["products", "price not readable", 1],
    ]
    assert wb.reading[["read", "accepted", "quarantined"]].to_numpy().tolist() == [[3, 2, 1]]


def test_a_file_that_only_describes_loses_no_row_that_describes_nothing(open_shop):
    tables = {"customers": {"customer_id": "id"}, "products": {"product_id": "favourite"}}
    wb = open_shop("id,favourite,note\nann,jam,\n,tea,\nbob,,\n,,nobody\n", tables, file="members.csv")
    assert table(wb, "customers", "customer_id") == [("ann",), ("bob",)]
    assert sorted(table(wb, "products", "product_id")) == [("jam",), ("tea",)]
    assert aside(wb) == {"no customer_id": 2}
    assert wb.reading[["read", "accepted", "quarantined"]].to_numpy().tolist() == [[4, 2, 2]]


def test_one_header_may_fill_columns_of_every_kind(open_shop):
    # the same text read as an id, as a number, and with another case of its letters
    tables = {"products": {"product_id": "Code", "stock": "CODE", "title": " code "}}
    wb = open_shop('code\n"1.234,50"\n', tables, file="products.csv", decimal=",")
    assert table(wb, "products", "product_id", "stock", "title") == [("1.234,50", 1234.5, "1.234,50")]


# titles


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
