"""Several sources become one store; what does not fit is counted."""

import ibis
import pandas as pd
import pytest
import yaml

from reco import Workbook
from reco.unify import _one_row_per_key
from tests.conftest import MAPPING

ORDERS = "order,customer,product,time,quantity,price\n"


def found(wb, table: str, *columns: str) -> list[tuple]:
    frame = wb.connection.to_pandas(wb.table(table).order_by(*columns))
    return [tuple(None if pd.isna(value) else value for value in row) for row in frame[list(columns)].to_numpy()]


@pytest.fixture
def two_sources(open_shop, tmp_path):
    """Orders in one file, what the customers and products are in another."""
    orders = "1,ann,jam,2020-01-01,2,2.50\n2,bob,tea,2020-01-02,1,4\n2,bob,tea,2020-01-02,-1,4\n3,,jam,2020-01-03,1,3\n"
    wb = open_shop(ORDERS + orders)
    settings = yaml.safe_load(wb.settings.file.read_text())
    (tmp_path / "products.csv").write_text("sku,name,kind\njam,Jam,food\ngin,Gin,spirits\n,Ghost,none\n")
    tables = {"products": {"product_id": "sku", "title": "name", "category": "kind"}}
    settings["sources"].append({"kind": "tabular", "path": "products.csv", "tables": tables})
    settings["catalogue"] = {"exclude": {"category": ["spirits"]}}
    wb.settings.file.write_text(yaml.safe_dump(settings))
    return Workbook.load(wb.settings.file)


def test_buyers_that_no_source_describes_become_customers_and_guests_do_not(two_sources):
    assert found(two_sources, "customers", "customer_id", "source") == [("ann", "tabular"), ("bob", "tabular")]


def test_products_that_only_orders_know_are_added_with_a_name_and_a_price(two_sources):
    assert found(two_sources, "products", "product_id", "title", "category") == [
        ("gin", "Gin", "spirits"),
        ("jam", "Jam", "food"),
        ("tea", "Product tea", None),
    ]
    prices = dict(found(two_sources, "products", "product_id", "price"))
    # the median of what was paid, returns left out; a product that nobody bought has none
    assert {name: price and float(price) for name, price in prices.items()} == {"gin": None, "jam": 2.75, "tea": 4}


def test_excluded_categories_are_not_recommendable_and_unknown_ones_are(two_sources):
    assert dict(found(two_sources, "products", "product_id", "recommendable")) == {
        "gin": False,
        "jam": True,
        "tea": True,
    }


def test_what_is_set_aside_is_counted_by_table(two_sources):
    assert two_sources.set_aside.to_dict("records") == [{"table": "products", "reason": "no product_id", "rows": 1}]


def test_one_store_of_two_files_of_orders(open_shop, tmp_path):
    wb = open_shop(ORDERS + "1,ann,jam,2020-01-01,1,1\nx,ann,jam,soon,1,1\n")
    settings = yaml.safe_load(wb.settings.file.read_text())
    (tmp_path / "more.csv").write_text(ORDERS.replace(",", ";") + "2;bob;jam;2021-01-01;1;1\n")
    settings["sources"].append({"kind": "tabular", "path": "more.csv", "tables": MAPPING})
    wb.settings.file.write_text(yaml.safe_dump(settings))
    wb = Workbook.load(wb.settings.file)
    assert found(wb, "order_lines", "order_id", "customer_id") == [("1", "ann"), ("2", "bob")]
    assert wb.set_aside.to_dict("records") == [{"table": "order_lines", "reason": "ordered_at not readable", "rows": 1}]


def test_a_row_is_counted_once_for_its_first_reason(open_shop):
    wb = open_shop(ORDERS + ",ann,,never,x,y\n,ann,,2020-01-01,1,1\n")
    assert dict(wb.set_aside[["reason", "rows"]].to_numpy()) == {"no order_id": 1, "ordered_at not readable": 1}


def test_one_row_per_key_takes_the_most_frequent_known_value_and_the_least_of_equals():
    frame = pd.DataFrame(
        [("a", "x", 2.0), ("a", "y", 2.0), ("a", "y", 1.0), ("b", "z", None), ("b", "q", None), ("b", None, 3.0)],
        columns=["id", "name", "size"],
    )
    one = _one_row_per_key(ibis.memtable(frame), "id", ["id", "name", "size"]).order_by("id")
    assert one.execute().to_numpy().tolist() == [["a", "y", 2.0], ["b", "q", 3.0]]


def test_a_choice_among_equals_is_the_same_every_time():
    # 400,000 rows are read by several threads; the library's own mode() gave another answer on every run
    connection = ibis.duckdb.connect()
    connection.raw_sql("SET threads = 4")
    connection.raw_sql(
        "CREATE TABLE rows AS "
        "SELECT i % 20000 AS id, ((i // 20000) % 4)::VARCHAR AS name FROM range(400000) t(i) ORDER BY hash(i)"
    )
    one = _one_row_per_key(connection.table("rows"), "id", ["id", "name"])
    assert connection.to_pandas(one)["name"].tolist() == ["0"] * 20_000
