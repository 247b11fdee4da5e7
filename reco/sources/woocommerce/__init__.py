"""WooCommerce: orders, refunds, customers and products as its REST API (version 3) gives them, products as CSV too."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from ibis.expr.types import Table
from pydantic import field_validator, model_validator

from reco.catalogue import known
from reco.sources.base import TRAIL, Column, Paths, RawTable, Shop, SourceSettings
from reco.sources.woocommerce.orders import ORDERS, REFUNDS, moment, order_lines
from reco.sources.woocommerce.products import CATALOGUE, PRODUCTS, names_of, products_of, read_listings
from reco.store import conform

ABOUT = "The shop's own orders, products and customers, as exported from WooCommerce."
NAME = "woocommerce"

CUSTOMERS: Final = {
    "customer_id": Column(("id",), required=True),
    "email": Column(("email", "billing.email"), kind="email"),
    "country": Column(("billing.country", "shipping.country")),
    "created_gmt": Column(("date_created_gmt",)),
    "created": Column(("date_created",)),
}


class Settings(SourceSettings):
    """Files of one shop, each kind optional, orders or products at least.

    `orders`, `refunds` and `customers` are JSON of the REST API, `products` that or CSV of the built-in exporter:
    paths or patterns, or lists of them. `decimal` is the decimal sign of prices in the CSV, found out when left out.
    """

    kind: Literal["woocommerce"]
    orders: Paths = ()
    refunds: Paths = ()
    customers: Paths = ()
    products: Paths = ()
    decimal: Literal[".", ","] | None = None

    @field_validator("orders", "refunds", "customers")
    @classmethod
    def _json(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        for path in value:
            if _is_csv(path):
                raise ValueError(
                    f"{path}: the CSV of WooCommerce Analytics holds no products, SKUs or e-mail addresses; expected "
                    "JSON of the REST API, /wp-json/wc/v3/ and then orders, orders/<id>/refunds or customers"
                )
        return value

    @model_validator(mode="after")
    def _something(self) -> "Settings":
        if not (self.orders or self.products or self.customers):
            raise ValueError("expected files under orders, products or customers, at least one of the three")
        if self.refunds and not self.orders:
            raise ValueError("refunds say nothing without the orders that they belong to; expected files under orders")
        return self


def _is_csv(path: Path) -> bool:
    return bool({suffix.lower() for suffix in path.suffixes} & {".csv", ".tsv", ".txt", ".xlsx"})


def raw_tables(settings: Settings) -> dict[str, RawTable]:
    """Orders, refunds, customers, products (CSV) and catalogue (products as JSON), where the settings name files.

    The API gives pages. An order that stands on two is taken from the later one; but products that the last page
    lacks are not gone, so that files of products are pieces of one export.
    """
    csv = tuple(path for path in settings.products if _is_csv(path))
    json = tuple(path for path in settings.products if not _is_csv(path))
    tables = {
        "orders": RawTable(settings.orders, ORDERS, records=("orders",), whole=True),
        "refunds": RawTable(settings.refunds, REFUNDS, records=("refunds",)),
        "customers": RawTable(settings.customers, CUSTOMERS, records=("customers",), fills="customers"),
        "products": RawTable(csv, PRODUCTS, decimal=settings.decimal, fills="products"),
        "catalogue": RawTable(json, CATALOGUE, records=("products",), fills="products"),
    }
    return {name: table for name, table in tables.items() if table.files}


def unify(raw: Mapping[str, Table], settings: Settings, shop: Shop) -> dict[str, Table]:
    """Unified tables of a WooCommerce export, by these rules.

    - Revenue of a line is its `total`, after discounts and without tax; its discount is `subtotal` less that.
    - An order refunded in full is set aside. Of other refunds, the lines in the refunds file become order lines of
      negative quantity under the refund's own id. What an order's `refunds` tell beyond them belongs to no line:
      every line loses the share of its revenue that this amount is of the order's `total`.
    - A refund belongs to the order in its `parent_id`, else to the one that lists its id; the files of
      `orders/<id>/refunds` hold no `parent_id`.
    - Of a deleted product (id 0) a line finds another by SKU, else by name, else keeps the SKU or name as its id.
    - A variation gives a row of its parent. A product without a price costs what its cheapest variation does, and
      one without a stock of its own has that of its variations together, unknown where one's is.
    - The price in the CSV is the sale price where there is one.
    """
    unified, products, names = {}, None, None
    if "products" in raw or "catalogue" in raw:
        listings = read_listings(raw.get("products"), raw.get("catalogue"))
        products, names = products_of(listings), names_of(listings)
        unified["products"] = conform(products, "products", source=NAME, currency=shop.currency)
        unified["aliases"] = names
    if "orders" in raw:
        lines = order_lines(raw["orders"], raw.get("refunds"), products, names, shop)
        unified["order_lines"] = conform(lines, "order_lines", source=NAME)
    if "customers" in raw:
        unified["customers"] = conform(_customers(raw["customers"], shop), "customers", source=NAME)
    return unified


def _customers(raw: Table, shop: Shop) -> Table:
    return raw.select(*TRAIL, "customer_id", "email", country=known(raw.country), joined_at=moment(raw, shop))
