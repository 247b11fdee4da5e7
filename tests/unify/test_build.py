"""From files to the store: several sources become one, new files are added, and every row leads back to its line."""

import hashlib
import os
from decimal import Decimal

import pandas as pd
import pytest

from reco.errors import InputError, MissingTableError
from reco.raw.reading import PARSERS
from tests.unify.shops import CATALOGUE, EVENTS, ORDERS, aside, catalogue, counted, events, orders, rows

GOOD = "1,ann,jam,2020-01-01,1,2\n"
WITH_MAIL = ORDERS.replace("\n", ",mail\n")
MAIL = {"email": "mail"}


# several sources


def test_one_store_of_files_of_different_shapes(shop):
    files = {
        "orders.csv": ORDERS + GOOD + "x,ann,jam,soon,1,1\n",
        "more.csv": "Order;Date;Article;Buyer;Pieces;Amount\n2;02.01.2021 10:00;jam;bob;2;1.234,50\n",
    }
    mapped = {
        "order_id": "Order",
        "customer_id": "Buyer",
        "product_id": "Article",
        "ordered_at": "Date",
        "quantity": "Pieces",
        "revenue": "Amount",
    }
    other = {"path": "more.csv", "tables": {"order_lines": mapped}, "time_format": "%d.%m.%Y %H:%M"}
    wb = shop(files, orders(), other)
    assert rows(wb, "order_lines", "order_id", "customer_id", "revenue", "file") == [
        ("2", "bob", Decimal("1234.5"), "more.csv"),
        ("1", "ann", Decimal("2"), "orders.csv"),
    ]
    assert aside(wb) == [("orders.csv", 3, "ordered_at not readable")]


def test_a_row_is_counted_once_for_its_first_reason(shop):
    wb = shop({"orders.csv": ORDERS + ",ann,,never,x,y\n,ann,,2020-01-01,1,1\n"}, orders(decimal="."))
    assert [reason for _, _, reason in aside(wb)] == ["ordered_at not readable", "no order_id"]


def test_products_of_categories_that_the_settings_exclude_are_not_recommended(shop):
    files = {
        "products.csv": CATALOGUE.replace("\n", ",kind\n") + "jam,Jam,2,food\ngin,Gin,9,spirits\ntea,Tea,4,\n",
        "orders.csv": ORDERS + GOOD,
    }
    exclude = {"category": ["spirits"], "product_id": ["tea"]}
    wb = shop(files, orders(), catalogue(columns={"category": "kind"}), catalogue={"exclude": exclude})
    assert dict(rows(wb, "products", "product_id", "recommendable")) == {"jam": True, "gin": False, "tea": False}


def test_a_store_has_the_tables_that_its_sources_fill(shop):
    wb = shop({"events.csv": EVENTS + "phone,,,view,2020-01-01,jam\n"}, events())
    assert sorted(wb.tables) == ["events", "identities"]
    with pytest.raises(MissingTableError, match="the store corner has no order_lines"):
        wb.table("order_lines")


def test_sources_all_of_whose_rows_are_set_aside_leave_empty_tables(shop):
    wb = shop({"orders.csv": ORDERS + "1,ann,jam,soon,1,2\n"}, orders())
    assert {name: table.count().execute() for name, table in wb.tables.items()} == {
        "customers": 0,
        "products": 0,
        "order_lines": 0,
    }


# who is who


def test_a_visit_an_order_and_a_newsletter_are_of_one_customer(shop):
    files = {
        "orders.csv": WITH_MAIL
        + "1,7,jam,2020-01-02,1,2,buyer1@example.com\n2,,tea,2020-01-03,1,4,BUYER1@example.com \n"
        "3,,tea,2020-01-03,1,4,buyer2@example.com\n4,,tea,2020-01-03,1,4,\n",
        "events.csv": EVENTS
        + "phone,,,view,2020-01-01 09:00,jam\nphone,7,,login,2020-01-02 09:00,\nlaptop,,,view,2020-01-01,jam\n",
    }
    wb = shop(files, orders(columns=MAIL), events())
    guest = f"email:{hashlib.sha256(b'buyer2@example.com').hexdigest()[:16]}"
    assert rows(wb, "order_lines", "order_id", "customer_id") == [("1", "7"), ("2", "7"), ("3", guest), ("4", None)]
    assert rows(wb, "events", "customer_id") == [("7",), ("7",), ("device:laptop",)]
    assert sorted(rows(wb, "customers", "customer_id")) == [("7",), (guest,)]
    found = counted(wb.findings)
    assert found["devices joined to the customer who logged in"] == 1
    assert found["devices on which nobody logged in"] == 1


def test_a_tablet_that_two_customers_share_makes_them_not_one(shop):
    text = EVENTS + "tablet,7,,view,2020-01-01,jam\ntablet,8,,view,2020-01-02,jam\ntablet,,,view,2020-01-03,jam\n"
    wb = shop({"events.csv": text}, events())
    assert rows(wb, "events", "customer_id") == [("7",), ("8",), ("device:tablet",)]
    assert counted(wb.findings)["devices shared by several customers, left apart"] == 1


def test_a_customer_of_whom_only_a_refused_row_speaks_is_known_all_the_same(shop):
    text = WITH_MAIL + "1,7,jam,soon,1,2,buyer1@example.com\n2,,jam,2020-01-01,1,2,buyer1@example.com\n"
    wb = shop({"orders.csv": text}, orders(columns=MAIL))
    assert rows(wb, "order_lines", "order_id", "customer_id") == [("2", "7")]


def test_without_addresses_and_devices_there_is_nothing_to_find_out_about_anyone(shop):
    wb = shop({"orders.csv": ORDERS + GOOD}, orders())
    assert not wb.has("identities")


# new files


@pytest.fixture
def read_files(monkeypatch):
    """Names of the CSV files that are parsed from now on."""
    names, parse = [], PARSERS[".csv"]

    def noted(one, *arguments, **options):
        names.append(one.name)
        return parse(one, *arguments, **options)

    monkeypatch.setitem(PARSERS, ".csv", noted)
    return names


def test_a_new_file_is_read_and_the_old_ones_are_not_read_again(shop, read_files):
    wb = shop({"orders_1.csv": ORDERS + GOOD}, orders("orders_*.csv"))
    assert rows(wb, "order_lines", "order_id") == [("1",)]
    assert read_files == ["orders_1.csv"]
    wb = shop({"orders_2.csv": ORDERS + "2,bob,tea,2020-02-01,1,4\n"})
    assert rows(wb, "order_lines", "order_id", "file") == [("1", "orders_1.csv"), ("2", "orders_2.csv")]
    assert read_files == ["orders_1.csv", "orders_2.csv"]
    assert wb.reading["read"].tolist() == [1, 1]


def test_a_file_that_is_as_it_was_is_not_opened(shop, tmp_path):
    wb = shop({"orders_1.csv": ORDERS + GOOD}, orders("orders_*.csv"))
    _ = wb.tables
    old = tmp_path / "orders_1.csv"
    state = old.stat()
    old.write_bytes(b"\0" * state.st_size)
    os.utime(old, ns=(state.st_atime_ns, state.st_mtime_ns))
    wb = shop({"orders_2.csv": ORDERS + "2,bob,tea,2020-02-01,1,4\n"})
    assert rows(wb, "order_lines", "order_id") == [("1",), ("2",)]


def contents(wb) -> dict[str, pd.DataFrame]:
    return {name: wb.connection.to_pandas(table.order_by(table.columns)) for name, table in wb.tables.items()}


def test_the_same_file_once_more_changes_no_table(shop):
    text = WITH_MAIL + GOOD.replace("\n", ",buyer1@example.com\n") + "2,ann,tea,soon,1,2,\n"
    before = contents(shop({"orders_1.csv": text}, orders("orders_*.csv", columns=MAIL)))
    wb = shop({"orders_2.csv": text})
    after = contents(wb)
    assert list(before) == list(after)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(frame, after[name])
    assert aside(wb) == [("orders_1.csv", 3, "ordered_at not readable")]


def test_a_file_that_is_gone_takes_its_rows_with_it(shop, tmp_path):
    files = {"orders_1.csv": ORDERS + GOOD, "orders_2.csv": ORDERS + "2,bob,tea,2020-02-01,1,4\n"}
    assert len(rows(shop(files, orders("orders_*.csv")), "order_lines", "line")) == 2
    (tmp_path / "orders_1.csv").unlink()
    assert rows(shop({}), "order_lines", "order_id", "file") == [("2", "orders_2.csv")]


def test_tables_do_not_depend_on_how_many_steps_the_files_came_in(shop, tmp_path):
    texts = {
        f"orders_{number}.csv": ORDERS + f"{number},ann,jam,2020-01-0{number},1,2\n9,bob,tea,2020-01-09,{number},4\n"
        for number in (1, 2, 3)
    }
    for name, text in texts.items():
        one_by_one = contents(shop({name: text}, orders("orders_*.csv")))
    at_once = contents(shop({}, orders("orders_*.csv"), store={"path": "another"}))
    for name, frame in at_once.items():
        pd.testing.assert_frame_equal(frame, one_by_one[name])
    assert len(at_once["order_lines"]) == 4


# trails


def test_every_row_leads_back_to_its_file_and_line(shop):
    # a line of the file is a physical one: the title above spans two
    header, titles = ORDERS.replace("\n", ",name\n"), '0,ann,jam,2020-01-01,1,2,"two\nlines"\n'
    files = {
        "orders_1.csv": header + titles + "1,ann,jam,2020-01-01,1,2,Jam\n",
        "orders_2.csv": header + "2,bob,tea,2020-01-01,1,2,\n2,bob,jam,2020-01-01,1,2,\n",
    }
    wb = shop(files, orders("orders_*.csv"))
    found = wb.trace("order_lines", "1")
    assert found[["order_id", "product_id", "source", "file", "line"]].to_numpy().tolist() == [
        ["1", "jam", "tabular", "orders_1.csv", 4]
    ]
    assert wb.trace("order_lines", "2")["line"].tolist() == [2, 3]
    assert wb.trace("order_lines", {"order_id": "2", "product_id": "jam"})["line"].tolist() == [3]
    assert wb.trace("customers", "bob")[["file", "line"]].to_numpy().tolist() == [["orders_2.csv", 2]]
    assert len(wb.trace("order_lines", "77")) == 0
    assert len(wb.trace("order_lines", "1' OR '1' = '1")) == 0


def test_what_cannot_be_asked_for_is_said_in_a_sentence(shop):
    wb = shop({"orders.csv": WITH_MAIL + GOOD.replace("\n", ",\n")}, orders(columns=MAIL))
    with pytest.raises(InputError, match="order_lines has no column 'colour'; expected one of order_id, "):
        wb.trace("order_lines", {"colour": "red"})
    with pytest.raises(InputError, match="no unified table 'orders'; expected one of customers, "):
        wb.trace("orders", "1")
    with pytest.raises(MissingTableError, match="has no events"):
        wb.trace("events", "1")
    wb = shop({"orders.csv": WITH_MAIL + GOOD.replace("\n", ",buyer1@example.com\n")})
    with pytest.raises(InputError, match="rows of identities come from no file; expected one of customers, "):
        wb.trace("identities", "ann")
