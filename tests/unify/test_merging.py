"""Several rows about one thing become one: by votes, with the strictest consent, and with a trail that is true."""

from decimal import Decimal

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.unify.merging import one_row_per_key, typical_prices
from tests.unify.shops import CATALOGUE, ORDERS, catalogue, orders, rows

CUSTOMERS = "id,mail,land,letters,personal\n"
PEOPLE = {
    "customer_id": "id",
    "email": "mail",
    "country": "land",
    "email_consent": "letters",
    "personalization_consent": "personal",
}


def people(path: str | list[str] = "people.csv", **more: object) -> dict:
    return {"path": path, "tables": {"customers": PEOPLE}, **more}


def merged(*found: tuple, columns: tuple[str, ...] = ("id", "name", "size")) -> list[tuple]:
    table = ibis.memtable(pd.DataFrame(found, columns=list(columns)))
    one = one_row_per_key(table, columns[0], list(columns)).order_by(columns[0])
    return [tuple(row.values()) for row in one.to_pyarrow().to_pylist()]


# votes


def test_the_most_frequent_known_value_stands_and_the_least_of_equals():
    found = merged(
        ("a", "x", 2.0), ("a", "y", 2.0), ("a", "y", 1.0), ("b", "z", None), ("b", "q", None), ("b", None, 3.0)
    )
    assert found == [("a", "y", 2.0), ("b", "q", 3.0)]


def test_what_is_missing_has_no_vote():
    assert merged(("a", None, None), ("a", None, 1.0), ("a", None, None), ("b", None, None)) == [
        ("a", None, 1.0),
        ("b", None, None),
    ]


def test_a_choice_among_equals_is_the_same_every_time():
    # 400,000 rows are read by several threads; the library's own mode() gave another answer on every run
    connection = ibis.duckdb.connect()
    connection.raw_sql("SET threads = 4")
    connection.raw_sql(
        "CREATE TABLE rows AS "
        "SELECT i % 20000 AS id, ((i // 20000) % 4)::VARCHAR AS name FROM range(400000) t(i) ORDER BY hash(i)"
    )
    one = one_row_per_key(connection.table("rows"), "id", ["id", "name"])
    assert connection.to_pandas(one)["name"].tolist() == ["0"] * 20_000


def elected(names: list[str | None]) -> str | None:
    known = sorted(name for name in names if name is not None)
    return max(known, key=known.count, default=None)  # max gives the first of equals


words = st.none() | st.sampled_from("xyz")


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from("ab"), words, words), min_size=1, max_size=12))
def test_votes_are_those_of_a_count_by_hand(found):
    columns = ("id", "name", "size")
    texts = pa.schema(dict.fromkeys(columns, pa.string()))
    table = ibis.memtable(pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in found], schema=texts))
    one = one_row_per_key(table, "id", list(columns)).order_by("id").to_pyarrow().to_pylist()
    assert [tuple(row.values()) for row in one] == [
        (key, *(elected([row[column] for row in found if row[0] == key]) for column in (1, 2)))
        for key in sorted({row[0] for row in found})
    ]


# consent


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["yes", "yes"], True),
        (["yes", "no", "yes"], False),
        (["", "yes"], True),
        (["", "no"], False),
        (["", ""], None),
        (["yes", "", "no"], False),
    ],
)
def test_one_no_is_a_no(shop, said, expected):
    text = CUSTOMERS + "".join(f"ann,,{number},{word},{word}\n" for number, word in enumerate(said))
    wb = shop({"people.csv": text}, people())
    assert rows(wb, "customers", "email_consent", "personalization_consent") == [(expected, expected)]


def test_a_no_under_another_account_of_the_same_address_holds_for_the_customer(shop):
    files = {
        "people.csv": CUSTOMERS + "7,buyer1@example.com,DE,yes,yes\n8,buyer2@example.com,DE,yes,yes\n",
        "letters.csv": CUSTOMERS + "1007, Buyer1@Example.com ,,no,\n",
    }
    wb = shop(files, people(), people("letters.csv"))
    assert sorted(rows(wb, "customers", "customer_id", "email_consent", "personalization_consent")) == [
        ("7", False, True),
        ("8", True, True),
    ]


def test_in_exports_of_one_system_the_latest_word_counts(shop):
    # whoever said no in March and yes in June has changed their mind, or the other way round
    files = {
        "people_1.csv": CUSTOMERS + "ann,,DE,no,\nbob,,DE,yes,\ncem,,DE,no,\n",
        "people_2.csv": CUSTOMERS + "ann,,AT,yes,\nbob,,DE,no,\n",
    }
    wb = shop(files, people("people_*.csv"))
    assert sorted(rows(wb, "customers", "customer_id", "country", "email_consent")) == [
        ("ann", "AT", True),
        ("bob", "DE", False),
        ("cem", "DE", False),
    ]


# customers and products that only orders know


def test_buyers_that_no_source_describes_become_customers_and_guests_do_not(shop):
    files = {
        "orders.csv": ORDERS + "1,ann,jam,2020-01-01,1,2\n2,,jam,2020-01-01,1,2\n3,bob,jam,2020-01-01,1,2\n",
        "people.csv": CUSTOMERS + "ann,,DE,,\ncem,,DE,,\n",
    }
    wb = shop(files, orders(), people())
    assert sorted(rows(wb, "customers", "customer_id", "country", "file", "line")) == [
        ("ann", "DE", "people.csv", 2),
        ("bob", None, "orders.csv", 4),
        ("cem", "DE", "people.csv", 3),
    ]


def test_products_that_only_orders_know_get_a_name_and_the_median_price_before_discount(shop):
    header = ORDERS.replace("\n", ",off\n")
    lines = "1,ann,jam,2020-01-01,2,2.50,0.50\n2,bob,tea,2020-01-02,1,4,\n"
    lines += "2,bob,tea,2020-01-02,-1,4,\n3,,jam,2020-01-03,1,3,\n"
    files = {"orders.csv": header + lines, "products.csv": CATALOGUE + "jam,Jam,\ngin,Gin,\n"}
    wb = shop(files, orders(columns={"discount": "off"}), catalogue(), catalogue={"exclude": {"product_id": ["gin"]}})
    assert sorted(rows(wb, "products", "product_id", "title", "price", "recommendable")) == [
        ("gin", "Gin", None, False),
        ("jam", "Jam", Decimal("2.875"), True),  # between 2.75 and 3
        ("tea", "Product tea", Decimal("4"), True),
    ]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 4), st.integers(0, 40)), min_size=1, max_size=20))
def test_a_typical_price_is_the_median_of_unit_prices(lines):
    frame = pd.DataFrame(lines, columns=["product_id", "quantity", "revenue"])
    frame = frame.assign(discount=1.0, currency="GBP")
    found = typical_prices(ibis.memtable(frame)).to_pyarrow().to_pandas().set_index("product_id")["typical_price"]
    expected = ((frame["revenue"] + 1) / frame["quantity"]).groupby(frame["product_id"]).median()
    assert found.sort_index().to_dict() == pytest.approx(expected.to_dict())


# trails


def test_a_thing_that_several_rows_describe_has_the_trail_of_the_row_read_first(shop):
    header = ORDERS.replace("\n", ",name\n")
    files = {
        "orders_1.csv": header + "1,x,y,2020-01-01,1,2,Y\n2,x,y,2020-01-01,1,2,Y\n3,ann,jam,2020-01-01,1,2,Jam\n",
        "orders_2.csv": header + "4,ann,jam,2020-01-02,1,2,Jam!\n",
    }
    lines = orders("orders_*.csv", pieces=True)
    wb = shop(files, lines)
    assert rows(wb, "customers", "customer_id", "file", "line") == [
        ("x", "orders_1.csv", 2),
        ("ann", "orders_1.csv", 4),
    ]
    assert rows(wb, "products", "product_id", "file", "line") == [("y", "orders_1.csv", 2), ("jam", "orders_1.csv", 4)]
    lines["tables"]["products"] = {"product_id": "product", "title": "name"}
    wb = shop({}, lines)
    assert rows(wb, "products", "product_id", "title", "file", "line") == [
        ("y", "Y", "orders_1.csv", 2),
        ("jam", "Jam", "orders_1.csv", 4),
    ]
