"""WooCommerce's JSON and CSV: examples of its documentation, and files of the same shape; values worked out by hand."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import ValidationError

from reco.errors import InputError
from reco.sources.base import CANCELLED, GIFT_CARD, NO_ORDER, NO_PRODUCT, REFUNDED, UNPAID, Shop
from reco.sources.woocommerce import Settings, raw_tables
from reco.store import SCHEMAS
from tests.reading import Unified, unify

SHOP = Shop("Europe/Berlin", "EUR")
FILES = {
    "orders": ["woocommerce/orders.json", "woocommerce/rest_v3_orders.json"],
    "refunds": ["woocommerce/refunds.json", "woocommerce/rest_v3_order-refunds.json"],
    "customers": "woocommerce/rest_v3_customers.json",
    "products": [
        "woocommerce/products.csv",
        "woocommerce/products_de.csv",
        "woocommerce/catalogue*.json",
        "woocommerce/rest_v3_products.json",
    ],
}


@pytest.fixture(scope="module")
def export(tmp_path_factory) -> Unified:
    return unify("woocommerce", tmp_path_factory.mktemp("raw"), SHOP, **FILES)


def lines(export: Unified, order: str, *columns: str) -> list[tuple]:
    return export.rows("order_lines", *columns, order_id=order)


def product(export: Unified, product_id: str, *columns: str) -> list[tuple]:
    return export.rows("products", *columns, product_id=product_id)


def money(*amounts: str) -> list[Decimal]:
    return [Decimal(amount).quantize(Decimal("0.0001")) for amount in amounts]


def address(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def test_every_raw_row_is_accounted_for(export):
    orders, refunds, products, customers = 13 + 2, 3 + 2, 12 + 1 + 3 + 2 + 2, 2
    assert len(export.read) == orders + refunds + products + customers
    assert export.given == export.read


def test_tables_have_the_unified_columns_and_the_working_ones(export):
    assert export.tables["order_lines"].column_names == [*SCHEMAS["order_lines"].names, "reason", "email", "piece"]
    assert export.tables["products"].column_names == [*SCHEMAS["products"].names, "reason"]
    assert export.tables["customers"].column_names == [*SCHEMAS["customers"].names, "email"]


def test_lines_of_the_documented_order(export):
    assert lines(export, "727", "product_id", "quantity", "revenue", "discount", "ordered_at", "channel", "piece") == [
        ("93", 2.0, *money("6", "0"), datetime(2017, 3, 22, 19, 28, 2, tzinfo=UTC), "api", 0),
        ("22", 1.0, *money("12", "0"), datetime(2017, 3, 22, 19, 28, 2, tzinfo=UTC), "api", 1),
    ]


def test_revenue_is_after_discounts_and_without_tax(export):
    assert lines(export, "9001", "quantity", "revenue", "discount") == [(2.0, *money("18", "2"))]


def test_customer_0_is_a_guest_known_by_the_address_alone(export):
    assert set(lines(export, "9002", "customer_id", "email")) == {(None, address("guest9@example.com"))}
    assert lines(export, "9001", "customer_id", "email") == [("7", address("buyer7@example.com"))]
    assert lines(export, "9013", "customer_id", "email") == [("7", None)]


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ("9001", None),
        ("9013", None),
        ("9003", UNPAID),
        ("9004", CANCELLED),
        ("9005", REFUNDED),
        ("9006", REFUNDED),
        ("9007", UNPAID),
        ("9008", NO_PRODUCT),
        ("9012", "ordered_at not readable"),
    ],
)
def test_the_status_and_the_refunds_of_an_order_hold_for_its_lines(export, order, reason):
    assert lines(export, order, "reason") == [(reason,)]


def test_a_utc_time_goes_before_the_clock_of_the_shop(export):
    assert lines(export, "9001", "ordered_at") == [(datetime(2025, 3, 30, 0, 30, tzinfo=UTC),)]
    assert set(lines(export, "9002", "ordered_at")) == {(datetime(2025, 7, 1, 10, 0, tzinfo=UTC),)}


def test_a_deleted_product_is_found_by_sku_or_keeps_its_name(export):
    assert lines(export, "9002", "product_id") == [("501",), ("Old – Thing",)]


def test_a_variation_is_sold_as_its_product(export):
    assert lines(export, "9009", "product_id") == [("510",)]


def test_gift_cards_are_known_by_their_name_or_by_the_catalogue(export):
    assert lines(export, "9010", "reason") == [(GIFT_CARD,), (None,), (GIFT_CARD,)]


def test_what_cannot_be_read_is_refused_by_line(export):
    assert lines(export, "9011", "reason") == [("quantity not readable",), ("revenue not readable",)]


def test_a_refunded_line_is_a_negative_one_of_the_order_s_customer(export):
    columns = ("customer_id", "product_id", "quantity", "revenue", "currency", "returned_order_id", "reason")
    assert lines(export, "9101", *columns) == [("7", "501", -1.0, *money("-9"), "EUR", "9001", None)]


def test_a_refund_without_the_id_of_its_order_belongs_to_the_order_that_lists_it(export):
    columns = ("customer_id", "product_id", "quantity", "revenue", "returned_order_id")
    assert lines(export, "724", *columns) == [("26", "87", -1.0, *money("-9"), "723")]


def test_an_amount_refunded_for_no_line_takes_its_share_of_the_total_from_every_line(export):
    # 10.00 of 39.00; the other 9.00 of refunds are a line of their own
    assert lines(export, "726", "reason", "returned_order_id") == [(NO_PRODUCT, "723")]
    assert lines(export, "723", "revenue") == [(Decimal("6.6923"),), (Decimal("14.8718"),)]
    # 5.00 of 20.00, and no refund file tells more
    assert lines(export, "9009", "revenue", "discount") == [tuple(money("15", "4"))]


def test_refunds_of_orders_set_aside_or_not_there_are_set_aside(export):
    assert lines(export, "9103", "reason") == [(REFUNDED,)]
    assert lines(export, "9102", "reason", "returned_order_id") == [(NO_ORDER, "8888")]


def test_a_product_of_the_csv(export):
    columns = (
        "title", "description", "department", "category", "brand", "sku", "price", "stock", "image_url", "status",
        "recommendable",
    )  # fmt: skip
    assert product(export, "501", *columns) == [
        (
            "Tea & Biscuits", "Line one Line two – bold", "Food, Drink & More", "Tea", "Example Leaves", "TB-1",
            *money("9"), 12.0, "https://example.com/tea.jpg", "publish", True,
        )
    ]  # fmt: skip


def test_variations_are_rows_of_their_product_and_give_it_price_and_stock(export):
    # 40.00 is switched off, two fewer than nothing are nothing
    hoodie = ("Hoodie", "Clothing", "Hoodies", "HOOD", *money("42"), 3.0)
    assert product(export, "510", "title", "department", "category", "sku", "price", "stock") == [hoodie] * 4


def test_a_variation_of_no_known_product_has_none(export):
    assert export.rows("products", "product_id", file="products.csv", line=7) == [(None,)]


def test_headers_and_prices_of_another_language(export):
    assert product(export, "601", "title", "description", "price", "stock", "category") == [
        ("Käse", "Würzig", *money("12.5"), 7.0, "Lebensmittel")
    ]


def test_hidden_unpublished_free_products_and_gift_cards_are_not_recommended(export):
    barred = {found for (found,) in export.rows("products", "product_id", recommendable=False)}
    assert barred == {"520", "521", "522", "524", "711"}


def test_stock_is_nothing_where_it_says_so_and_unknown_where_it_can_be_ordered_back(export):
    assert product(export, "522", "stock") == [(0.0,)]
    assert product(export, "525", "stock") == [(None,)]
    assert product(export, "710", "stock") == [(0.0,)]


def test_the_apostrophe_before_a_formula_goes_and_the_formula_stays_text(export):
    assert product(export, "525", "title") == [('=HYPERLINK("http://example.com","Free")',)]


def test_a_price_that_is_none_refuses_its_row(export):
    assert product(export, "523", "reason") == [("price not readable",)]


def test_products_of_the_api_with_their_listed_variations(export):
    columns = ("title", "category", "brand", "price", "url", "image_url", "published_at", "description")
    assert product(export, "700", *columns)[0] == (
        "Enamel Mug – Large",
        "Cups & Mugs",
        "Example Kiln",
        *money("8.5"),
        "https://example.com/product/700/",
        "https://example.com/mug.jpg",
        datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC),
        "Holds half a litre.",
    )
    assert product(export, "700", "file") == [("catalogue.json",), *[("catalogue_variations.json",)] * 2]


def test_aliases_lead_from_ids_skus_titles_and_variations_to_the_product(export):
    aliases = {(kind, alias): found for kind, alias, found in export.rows("aliases", "kind", "alias", "product_id")}
    assert aliases["variant", "511"] == "510"
    assert aliases["sku", "HOOD-BLUE"] == "510"
    assert aliases["variant", "701"] == "700"
    assert aliases["title", "Tea & Biscuits"] == "501"
    assert aliases["id", "794"] == "794"


def test_customers_joined_when_the_utc_time_says(export):
    assert export.rows("customers", "customer_id", "email", "country", "joined_at") == [
        ("26", address("joao.silva@example.com"), "BR", datetime(2017, 3, 21, 19, 11, 14, tzinfo=UTC)),
        ("25", address("john.doe@example.com"), "US", datetime(2017, 3, 21, 19, 9, 28, tzinfo=UTC)),
    ]


def test_the_csv_of_analytics_is_refused_and_told_what_to_export_instead():
    with pytest.raises(ValidationError, match=r"wc-orders\.csv.*no products.*wp-json/wc/v3.*orders"):
        Settings(kind="woocommerce", orders="wc-orders.csv")


def test_orders_of_a_later_file_replace_earlier_ones_and_products_do_not():
    tables = raw_tables(Settings(kind="woocommerce", orders="o.json", products=["p.csv", "p.json"]))
    assert [name for name, table in tables.items() if table.whole] == ["orders"]


def test_settings_without_files_or_with_refunds_alone_are_refused():
    with pytest.raises(ValidationError, match="at least one of the three"):
        Settings(kind="woocommerce")
    with pytest.raises(ValidationError, match="refunds say nothing without the orders"):
        Settings(kind="woocommerce", refunds="refunds.json", products="products.csv")


def test_headers_that_are_not_known_are_told_apart_from_those_expected(tmp_path):
    (tmp_path / "products.csv").write_text("ID,Typ,Artikelnummer,Nimi\n1,simple,A,Jam\n")
    with pytest.raises(InputError, match=r"products\.csv: no column 'Name' or .*found: ID, Typ, Artikelnummer, Nimi"):
        unify("woocommerce", tmp_path / "raw", SHOP, root=tmp_path, products="products.csv")


def test_orders_without_refunds_or_catalogue_and_one_order_exported_twice(tmp_path: Path):
    orders = json.loads((Path(__file__).parents[1] / "samples/woocommerce/orders.json").read_text())
    (tmp_path / "a.json").write_text(json.dumps([orders[2]]))
    (tmp_path / "b.json").write_text(json.dumps([{**orders[2], "status": "completed"}]))
    export = unify("woocommerce", tmp_path / "raw", SHOP, root=tmp_path, orders=["a.json", "b.json"])
    assert export.rows("order_lines", "file", "product_id", "revenue", "reason") == [
        ("a.json", "501", *money("10"), UNPAID),
        ("b.json", "501", *money("10"), None),
    ]
