"""Shopify's CSV files, as its admin writes them and as spreadsheets save them again; values worked out by hand."""

from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from reco.errors import InputError
from reco.sources.base import CANCELLED, FEE, GIFT_CARD, ONLY_IMAGE, REFUNDED, TEST, UNPAID, Shop
from reco.sources.shopify import Settings, raw_tables
from reco.store import SCHEMAS
from tests.reading import Unified, unify

SHOP = Shop("America/New_York", "USD")
FILES = {
    "orders": "shopify/orders_export*.csv",
    "products": "shopify/products*.csv",
    "customers": "shopify/customers_export.csv",
}
EXPORT, RESAVED = "orders_export_1.csv", "orders_export_resaved.csv"


@pytest.fixture(scope="module")
def export(tmp_path_factory) -> Unified:
    return unify("shopify", tmp_path_factory.mktemp("raw"), SHOP, **FILES)


def lines(export: Unified, order: str, *columns: str, file: str = EXPORT) -> list[tuple]:
    return export.rows("order_lines", *columns, order_id=order, file=file)


def money(*amounts: str) -> list[Decimal]:
    return [Decimal(amount).quantize(Decimal("0.0001")) for amount in amounts]


def address(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def test_every_raw_row_is_accounted_for(export):
    assert len(export.read) == 28 + 4 + 14 + 4 + 5
    assert export.given == export.read


def test_tables_have_the_unified_columns_and_the_working_ones(export):
    assert export.tables["order_lines"].column_names == [*SCHEMAS["order_lines"].names, "reason", "email"]
    assert export.tables["products"].column_names == [*SCHEMAS["products"].names, "reason"]
    assert export.tables["customers"].column_names == [*SCHEMAS["customers"].names, "email"]
    assert set(export.tables["order_lines"]["source"].to_pylist()) == {"shopify"}


def test_a_discount_of_the_order_is_spread_over_its_lines_by_value(export):
    assert lines(export, "#1001", "product_id", "quantity", "revenue", "discount") == [
        ("linen-shirt", 2.0, *money("54", "6")),
        ("walnut-bowl", 1.0, *money("36", "4")),
    ]


def test_shares_of_a_discount_add_up_to_the_discount(export):
    shares = [discount for (discount,) in lines(export, "#1018", "discount")]
    assert shares == money("3.3333", "3.3334", "3.3333")
    assert sum(shares) == 10


def test_a_discount_of_a_line_is_taken_once_from_that_line(export):
    assert lines(export, "#1002", "quantity", "revenue", "discount") == [(3.0, *money("40.5", "4.5"))]


def test_a_discount_on_shipping_takes_nothing_from_the_lines(export):
    assert lines(export, "#1010", "revenue", "discount", "currency") == [(*money("25", "0"), "EUR")]


def test_a_partial_refund_takes_its_share_of_the_total_from_every_line(export):
    assert lines(export, "#1003", "revenue", "reason") == [(*money("16"), None), (*money("64"), None)]


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ("#1004", REFUNDED),
        ("#1005", CANCELLED),
        ("#1006", TEST),
        ("#1007", TEST),
        ("#1012", UNPAID),
        ("#1001", None),
        ("#1013", None),
    ],
)
def test_status_cancellation_and_test_marks_of_the_first_line_hold_for_the_order(export, order, reason):
    assert {found for (found,) in lines(export, order, "reason")} == {reason}


def test_gift_cards_and_tips_are_no_products_and_bear_no_discount(export):
    # "Present for a friend" is a gift card by the catalogue alone
    assert lines(export, "#1008", "revenue", "discount", "reason") == [
        (*money("50", "0"), GIFT_CARD),
        (*money("18", "2"), None),
    ]
    assert lines(export, "#1009", "reason") == [(None,), (FEE,), (GIFT_CARD,)]


def test_the_same_address_in_another_case_is_the_same_customer_and_no_address_is_none(export):
    assert lines(export, "#1001", "customer_id", "email") == [(None, address("buyer1@example.com"))] * 2
    assert lines(export, "#1009", "customer_id", "email", "channel") == [(None, None, "pos")] * 3


def test_times_are_utc_on_both_sides_of_daylight_saving(export):
    for order, moment in {
        "#1001": datetime(2025, 3, 9, 6, 30, tzinfo=UTC),
        "#1002": datetime(2025, 3, 9, 7, 10, tzinfo=UTC),
        "#1016": datetime(2025, 11, 2, 5, 30, tzinfo=UTC),
        "#1017": datetime(2025, 11, 2, 6, 30, tzinfo=UTC),
    }.items():
        assert {found for (found,) in lines(export, order, "ordered_at")} == {moment}


def test_every_order_keeps_its_currency_and_channel(export):
    assert lines(export, "#1011", "revenue", "currency", "channel") == [(*money("5000"), "JPY", "app")]
    assert lines(export, "#1014", "currency", "channel") == [("USD", "draft order")]


def test_a_sku_of_two_products_leads_to_neither_and_the_name_decides(export):
    assert lines(export, "#1013", "product_id") == [("linen-shirt",), ("beeswax-candle",), ("Engraving",)]


def test_a_sku_of_two_variants_of_one_product_is_that_product(export):
    assert lines(export, "#1010", "product_id") == [("wool-blanket",)]


def test_a_product_that_the_catalogue_lacks_keeps_its_sku_or_else_its_name(export):
    assert lines(export, "#1002", "product_id") == [("OLD-77",)]
    assert lines(export, "#1101", "product_id", file=RESAVED) == [("Übertopf",)]


def test_a_hostile_title_is_text_like_any_other(export):
    assert lines(export, "#1014", "product_id", "reason") == [("hostile", None)]
    assert export.rows("products", "title", product_id="hostile") == [('<script>alert("x")</script>',)]
    assert export.rows("products", "title", product_id="formula") == [('=HYPERLINK("http://example.com","Free")',)]


def test_what_cannot_be_read_is_refused_by_line(export):
    assert lines(export, "#1015", "reason") == [("quantity not readable",), ("revenue not readable",)]
    assert lines(export, "#1102", "reason", file=RESAVED) == [("ordered_at not readable",)]


def test_order_fields_are_carried_down_within_each_file(export):
    assert lines(export, "#1001", "product_id", "revenue", "currency", "reason", file=RESAVED) == [
        ("linen-shirt", *money("54"), "USD", None),
        ("walnut-bowl", *money("36"), "USD", None),
    ]


def test_a_file_with_semicolons_and_decimal_commas_says_the_same(export):
    assert lines(export, "#1101", "revenue", "currency", file=RESAVED) == [(*money("1234.5"), "CAD")]


def test_rows_of_a_product_all_say_what_holds_for_the_product(export):
    columns = (
        "title", "description", "department", "category", "brand", "sku", "price", "cost", "stock", "status",
        "image_url", "recommendable",
    )  # fmt: skip
    shirt = (
        "Linen Shirt", "Light & airy. Washable", "Apparel & Accessories", "Shirts", "Example Mills", "LS-BM",
        *money("28", "11"), 6.0, "active", "https://example.com/shirt-1.jpg", True,
    )  # fmt: skip
    assert export.rows("products", *columns, product_id="linen-shirt") == [shirt] * 4
    assert export.rows("products", "reason", product_id="linen-shirt") == [(None,)] * 3 + [(ONLY_IMAGE,)]


def test_both_generations_of_headers_are_read(export):
    mug = ("Ceramic Mug", "Hand thrown", "Home & Garden", "Drinkware", "CM-1", *money("14"), 12.0, "active", True)
    columns = ("title", "description", "department", "category", "sku", "price", "stock", "status", "recommendable")
    assert export.rows("products", *columns, product_id="ceramic-mug") == [mug] * 3


def test_a_type_goes_before_the_last_part_of_the_product_category(export):
    assert export.rows("products", "department", "category", product_id="walnut-bowl") == [("Home & Garden", "Bowls")]


def test_stock_is_unknown_where_a_variant_is_not_tracked_or_sold_without_end(export):
    stock = dict(export.rows("products", "product_id", "stock"))
    assert (stock["walnut-bowl"], stock["beeswax-candle"], stock["wool-blanket"]) == (None, None, 7.0)


def test_only_active_published_products_with_a_price_are_recommended(export):
    barred = {product for (product,) in export.rows("products", "product_id", recommendable=False)}
    assert barred == {"wool-blanket", "present", "formula", "sample-sachet", "tin-lantern"}


def test_a_price_that_is_none_refuses_its_row(export):
    assert export.rows("products", "reason", product_id="misprint") == [("price not readable",)]


def test_aliases_are_skus_and_names_as_order_lines_write_them(export):
    aliases = {(kind, alias): product for kind, alias, product in export.rows("aliases", "kind", "alias", "product_id")}
    assert aliases["sku", "00451"] == "walnut-bowl"
    assert aliases["title", "Linen Shirt - White / S"] == "linen-shirt"
    assert aliases["title", "Walnut Bowl"] == "walnut-bowl"
    assert ("title", "Walnut Bowl - Default Title") not in aliases


def test_customers_have_the_id_without_apostrophe_the_country_and_a_consent_that_may_be_unknown(export):
    assert export.rows("customers", "customer_id", "email", "country", "email_consent") == [
        ("7001", address("buyer1@example.com"), "US", True),
        ("7002", address("buyer2@example.com"), "CA", False),
        ("7003", address("buyer2@example.com"), None, True),
        ("7004", None, "DE", False),
        ("7005", address("buyer5@example.org"), "JP", None),
    ]


def test_orders_of_a_later_file_replace_earlier_ones_and_products_do_not():
    tables = raw_tables(Settings(kind="shopify", orders="o.csv", products="p.csv"))
    assert [name for name, table in tables.items() if table.whole] == ["orders"]


def test_settings_without_any_file_are_refused():
    with pytest.raises(ValidationError, match="at least one of the three"):
        Settings(kind="shopify")


HEADER = "Name,Created at,Lineitem quantity,Lineitem name,Lineitem price"


def orders(folder: Path, text: str) -> Unified:
    (folder / "orders.csv").write_text(text)
    return unify("shopify", folder / "raw", SHOP, root=folder, orders="orders.csv")


def test_five_columns_are_enough_and_without_a_catalogue_a_product_is_its_name(tmp_path):
    export = orders(tmp_path, f"{HEADER}\n#1,2025-01-02 03:04:05 +0000,2,Jam,1.25\n")
    assert export.rows("order_lines", "order_id", "product_id", "revenue", "currency", "reason") == [
        ("#1", "Jam", *money("2.5"), "USD", None)
    ]


def test_a_file_without_prices_is_refused_by_the_name_of_the_column(tmp_path):
    with pytest.raises(InputError, match=r"orders\.csv.*Lineitem price"):
        orders(tmp_path, "Name,Created at,Lineitem quantity,Lineitem name\n#1,2025-01-02,1,Jam\n")


def test_amounts_that_two_signs_would_fit_are_read_by_the_setting(tmp_path):
    (tmp_path / "orders.csv").write_text(f"{HEADER}\n#1,2025-01-02 03:04:05 +0000,2,Dates,1.250\n")
    export = unify("shopify", tmp_path / "raw", SHOP, root=tmp_path, orders="orders.csv", decimal=".")
    assert export.rows("order_lines", "revenue") == [tuple(money("2.5"))]
    export = unify("shopify", tmp_path / "raw", SHOP, root=tmp_path, orders="orders.csv", decimal=",")
    assert export.rows("order_lines", "revenue") == [tuple(money("2500"))]


def test_a_time_without_offset_is_the_clock_of_the_shop(tmp_path):
    export = orders(tmp_path, f"{HEADER}\n#1,2025-01-02 03:04:05,1,Jam,1.25\n")
    assert export.rows("order_lines", "ordered_at") == [(datetime(2025, 1, 2, 8, 4, 5, tzinfo=UTC),)]


cents = st.integers(0, 500_000)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    prices=st.lists(st.tuples(st.integers(1, 9), cents), min_size=1, max_size=6), share=st.floats(0, 1, allow_nan=False)
)
def test_revenue_and_discounts_of_an_order_add_up_to_its_lines(tmp_path_factory, prices, share):
    whole = sum(quantity * price for quantity, price in prices)
    off = int(whole * share)
    first = f"paid,{(whole - off) / 100:.2f},{off / 100:.2f}"
    rows = [
        f"#1,2025-01-02 03:04:05 +0000,{quantity},Jam {number},{price / 100:.2f},{first if number == 0 else ',,'}"
        for number, (quantity, price) in enumerate(prices)
    ]
    header = f"{HEADER},Financial Status,Subtotal,Discount Amount"
    export = orders(tmp_path_factory.mktemp("order"), "\n".join([header, *rows, ""]))
    table = export.rows("order_lines", "revenue", "discount")
    assert sum(discount for _, discount in table) == Decimal(off) / 100
    assert sum(revenue for revenue, _ in table) == Decimal(whole - off) / 100
    assert all(revenue >= 0 and discount >= 0 for revenue, discount in table)


def test_a_line_worth_more_than_any_amount_is_refused_and_not_a_crash(tmp_path):
    text = (
        "Name,Email,Created at,Currency,Financial Status,Lineitem quantity,Lineitem name,Lineitem price\n"
        "#1,,2025-05-11 09:55:16 -0400,USD,paid,99999999,Gold,99999999999.99\n"
        "#2,,2025-05-11 09:55:16 -0400,USD,paid,200000,Gold,150000.00\n"
    )
    (tmp_path / "orders.csv").write_text(text)
    made = unify("shopify", tmp_path / "raw", Shop("UTC", "USD"), root=tmp_path, orders="orders.csv")
    lines = {row["order_id"]: row for row in made.tables["order_lines"].to_pylist()}
    assert lines["#2"]["revenue"] == 30_000_000_000
    assert lines["#1"]["revenue"] is None
