"""Shopify: the CSV files that its admin exports of orders, products and customers.

An order's fields stand on its first line only, and nothing in the file tells the id of a product: lines find theirs by
SKU, else by name. A product's id is its handle.
"""

from collections.abc import Mapping
from typing import Final, Literal

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import BooleanValue, StringValue, Table
from pydantic import model_validator

from reco.catalogue import agreed, known, look_up, plain_text, spread
from reco.clock import parse
from reco.sources.base import (
    CANCELLED,
    FEE,
    GIFT_CARD,
    ONLY_IMAGE,
    REFUNDED,
    TEST,
    TRAIL,
    UNPAID,
    Column,
    Money,
    Paths,
    RawTable,
    Shop,
    SourceSettings,
    first_reason,
    money,
    number,
    says,
)
from reco.store import FILE, conform

ABOUT = "The shop's own orders, products and customers, as exported from Shopify's admin."
NAME = "shopify"
WIDE = dt.Decimal(19, 4)

ORDERS: Final = {
    "order_id": Column(("Name",), required=True),
    "email": Column(("Email",), kind="email"),
    "created_at": Column(("Created at",), required=True),
    "currency": Column(("Currency",)),
    "financial_status": Column(("Financial Status",)),
    "subtotal": Column(("Subtotal",), kind="number"),
    "total": Column(("Total",), kind="number"),
    "order_discount": Column(("Discount Amount",), kind="number"),
    "refunded": Column(("Refunded Amount",), kind="number"),
    "cancelled_at": Column(("Cancelled at",)),
    "payment_method": Column(("Payment Method",)),
    "tags": Column(("Tags",)),
    "channel": Column(("Source",)),
    "quantity": Column(("Lineitem quantity",), required=True, kind="number"),
    "item": Column(("Lineitem name",), required=True),
    "price": Column(("Lineitem price",), required=True, kind="number"),
    "discount": Column(("Lineitem discount",), kind="number"),
    "sku": Column(("Lineitem sku",), kind="id"),
    "requires_shipping": Column(("Lineitem requires shipping",)),
}

#: Fields of a whole order.
OF_ORDER: Final = [
    "email", "created_at", "currency", "financial_status", "subtotal", "total", "order_discount", "refunded",
    "cancelled_at", "payment_method", "tags", "channel",
]  # fmt: skip

PRODUCTS: Final = {
    "handle": Column(("Handle", "URL handle"), required=True),
    "title": Column(("Title",), required=True),
    "body": Column(("Body (HTML)", "Description", "Body")),
    "vendor": Column(("Vendor",)),
    "product_category": Column(("Product Category",)),
    "type": Column(("Type",)),
    "published": Column(("Published", "Published on online store")),
    "status": Column(("Status",)),
    "gift_card": Column(("Gift Card",)),
    "image": Column(("Image Src", "Product image URL")),
    **{f"option{n}": Column((f"Option{n} Value",)) for n in (1, 2, 3)},
    "sku": Column(("Variant SKU", "SKU"), kind="id"),
    "price": Column(("Variant Price", "Price"), kind="number"),
    "cost": Column(("Cost per item",), kind="number"),
    "tracker": Column(("Variant Inventory Tracker", "Inventory tracker")),
    "stock": Column(("Variant Inventory Qty", "Inventory quantity", "Variant Inventory Quantity"), kind="number"),
    "policy": Column(("Variant Inventory Policy", "Continue selling when out of stock")),
}

CUSTOMERS: Final = {
    "customer_id": Column(("Customer ID",), kind="id"),
    "email": Column(("Email",), kind="email"),
    "accepts": Column(("Accepts Email Marketing", "Accepts Marketing")),
    "country": Column(("Default Address Country Code", "Country Code", "Country")),
}

#: Why the orders of a financial status are no purchases. The others are: authorized ones will be charged once they
#: are sent, partially_paid ones are paid in instalments.
STATUSES: Final = {
    "voided": CANCELLED,
    "pending": UNPAID,
    "expired": UNPAID,
    "refunded": REFUNDED,
}

#: Where an order came from, in plain words; the number of an app is an app, other words stay.
CHANNELS: Final = {"shopify_draft_order": "draft order", "iphone": "pos", "android": "pos"}

#: What lines are called that are no products, in the languages that the admin's own wording is known in.
NAMES_GIFT_CARD: Final = (
    r"(?i)\bgift\s?(card|certificate)|\bgeschenk(gutschein|karte)|\bcarte[- ]cadeau|\btarjeta (de )?regalo"
)
NAMES_FEE: Final = (
    r"(?i)^\s*(tip|gratuity|trinkgeld|pourboire|propina)s?\s*$"
    r"|\b(shipping|package|parcel|order|delivery) (protection|insurance)\b"
)

YES: Final = ("true", "yes", "1")
NO: Final = ("false", "no", "0")


class Settings(SourceSettings):
    """Files of one shop, each kind optional, one of them at least.

    `orders`, `products` and `customers` are paths or patterns of CSV files, or lists of them. `decimal` is the decimal
    sign of their amounts, found out by file when left out.
    """

    kind: Literal["shopify"]
    orders: Paths = ()
    products: Paths = ()
    customers: Paths = ()
    decimal: Literal[".", ","] | None = None

    @model_validator(mode="after")
    def _something(self) -> "Settings":
        if not (self.orders or self.products or self.customers):
            raise ValueError("expected files under orders, products or customers, at least one of the three")
        return self


def raw_tables(settings: Settings) -> dict[str, RawTable]:
    """Orders, products and customers, each where the settings name files of it.

    A large export comes in several files. That does no harm to orders, each of which is in one of them; but products
    that the last file lacks are not gone, so that files of products are pieces of one export.
    """
    tables = {
        "orders": RawTable(settings.orders, ORDERS, decimal=settings.decimal, fills="order_lines", whole=True),
        "products": RawTable(settings.products, PRODUCTS, decimal=settings.decimal, fills="products"),
        "customers": RawTable(settings.customers, CUSTOMERS, fills="customers"),
    }
    return {name: table for name, table in tables.items() if table.files}


def unify(raw: Mapping[str, Table], settings: Settings, shop: Shop) -> dict[str, Table]:
    """Unified tables of a Shopify export, by these rules.

    - Revenue of a line is quantity times unit price, less its own discount, less its share of what the order was
      reduced by beyond the lines' own discounts. That rest is taken from `Discount Amount`, but is never more than
      what lies between the lines and `Subtotal`: the remainder was a discount on shipping. It is spread in proportion
      to what the lines cost; gift cards and tips bear none of it.
    - The file does not say which lines were refunded. An order refunded in full is set aside; of one refunded in
      part, every line loses the share of its revenue that `Refunded Amount` is of `Total`.
    - A line's product is the one of its SKU where that belongs to one product only, else the one called like the
      line, `Title - Variant`. A product that the export no longer holds keeps the line's SKU, or its name, as its id.
    - Every variant gives a row of its product, and all rows of a product say the same: the lowest price and cost, the
      first SKU, and the stock of all variants together, unknown where one of them can be sold without end.
    """
    unified, products, aliases = {}, raw.get("products"), None
    if products is not None:
        products = _whole_products(products)
        aliases = unified["aliases"] = _aliases(products)
        unified["products"] = conform(_products(products), "products", source=NAME, currency=shop.currency)
    if "orders" in raw:
        lines = _with_products(raw["orders"].mutate(agreed(raw["orders"], OF_ORDER, "order_id")), products, aliases)
        unified["order_lines"] = conform(_order_lines(lines, shop), "order_lines", source=NAME)
    if "customers" in raw:
        unified["customers"] = conform(_customers(raw["customers"]), "customers", source=NAME)
    return unified


def _with_products(lines: Table, products: Table | None, aliases: Table | None) -> Table:
    """Order lines with their `product_id`, and whether it `is_gift_card` or `is_fee`, hence no product at all."""
    lines = lines.mutate(sku=known(lines.sku), item=known(lines.item))
    lines = look_up(look_up(lines, aliases, "sku", "sku"), aliases, "title", "item")
    own = ibis.ifelse(lines.vague_sku, None, lines.sku)
    lines = lines.mutate(product_id=ibis.coalesce(lines.by_sku, lines.by_title, own, lines.item))
    named = lines.item.re_search(NAMES_GIFT_CARD) & ~_is(lines.requires_shipping, YES)
    lines = lines.mutate(is_gift_card=named.fill_null(False), is_fee=lines.item.re_search(NAMES_FEE).fill_null(False))
    if products is None:
        return lines
    cards = products.filter(_is(products.gift_card, YES)).select(card="handle").distinct()
    lines = lines.left_join(cards, lines.product_id == cards.card)
    return lines.mutate(is_gift_card=lines.is_gift_card | lines.card.notnull()).drop("card")


def _order_lines(lines: Table, shop: Shop) -> Table:
    """Order lines with what they brought, and the reason of those not fit to keep."""
    amounts = ("price", "discount", "subtotal", "total", "order_discount", "refunded")
    unreadable = ibis.or_(*(says(lines[amount]) & money(lines[amount]).isnull() for amount in amounts))
    lines = _with_revenue(
        lines.mutate(
            **{amount: money(lines[amount]) for amount in amounts},
            ordered_at=parse(lines.created_at, shop.time_zone),
            pieces=number(lines.quantity),
            unreadable=unreadable,
        )
    )
    status = lines.financial_status.strip().lower()
    in_full = (lines.refunded >= lines.total) & (lines.total > 0)
    reason = first_reason(
        (says(lines.cancelled_at), CANCELLED),
        (lines.payment_method.re_search(r"(?i)\bbogus\b") | lines.tags.re_search(r"(?i)(^|,)\s*test\s*(,|$)"), TEST),
        *((status == name, words) for name, words in STATUSES.items()),
        (in_full, REFUNDED),
        (lines.is_gift_card, GIFT_CARD),
        (lines.is_fee, FEE),
        (says(lines.created_at) & lines.ordered_at.isnull(), "ordered_at not readable"),
        (says(lines.quantity) & lines.pieces.isnull(), "quantity not readable"),
        (lines.unreadable, "revenue not readable"),
    )
    channel = lines.channel.strip().lower()
    channels = [(channel == name, words) for name, words in CHANNELS.items()]
    return lines.select(
        *TRAIL,
        "email",
        "product_id",
        "ordered_at",
        "revenue",
        order_id=known(lines.order_id),
        quantity=lines.pieces,
        discount=lines.discount + lines.share,
        currency=ibis.coalesce(known(lines.currency), ibis.literal(shop.currency)),
        channel=ibis.cases(*channels, (channel.re_search(r"^\d+$"), "app"), else_=channel.nullif("")),
        reason=reason,
    )


def _with_revenue(lines: Table) -> Table:
    """Order lines with `revenue`, and the `share` of the order's discount that each bears."""
    order = ibis.window(group_by=[FILE, "order_id"])
    # wider than the amounts: DuckDB keeps a product of two 18-digit decimals at 18 digits, and fails beyond
    cost = (money(lines.quantity).cast(WIDE) * lines.price.cast(WIDE)).try_cast(Money)
    lines = lines.mutate(discount=lines.discount.fill_null(0).cast(Money), cost=cost)
    net = (lines.cost - lines.discount).cast(Money)
    lines = lines.mutate(
        net=net, weight=ibis.ifelse(lines.is_gift_card | lines.is_fee | (net < 0), 0, net).fill_null(0).cast(Money)
    )
    beyond = lines.order_discount - lines.discount.sum().over(order)
    between = lines.net.sum().over(order) - lines.subtotal
    told = ibis.least(beyond, between)
    rest = ibis.ifelse(told > 0, ibis.least(told, lines.weight.sum().over(order)), 0)
    lines = lines.mutate(rest=rest.fill_null(0).cast(Money))
    lines = lines.mutate(share=spread(lines.rest, lines.weight, "order_id"))
    paid = (lines.net - lines.share).cast(Money)
    returned = ibis.ifelse((lines.refunded > 0) & (lines.total > 0), lines.refunded, 0)
    returned = returned.cast("float64") / lines.total.nullif(0).cast("float64")
    kept = (paid.cast("float64") * (1 - returned.fill_null(0))).round(4).cast(Money)
    return lines.mutate(revenue=ibis.ifelse(returned > 0, kept, paid))


def _whole_products(raw: Table) -> Table:
    """Lines of the products file, each with what the file says of its product as a whole."""
    of_product = ["title", "body", "vendor", "product_category", "type", "published", "status", "gift_card", "image"]
    is_variant = ibis.or_(*(says(raw[column]) for column in ("title", "price", "sku", "option1")))
    raw = raw.mutate(handle=known(raw.handle), is_variant=is_variant)
    return raw.mutate(agreed(raw, of_product, "handle"), first_sku=agreed(raw, ["sku"], "handle")["sku"])


def _products(rows: Table) -> Table:
    """A row of its product for every variant, and one set aside for every further image."""
    together = ibis.window(group_by=[FILE, "handle"])
    price, cost, stock = money(rows.price), money(rows.cost), number(rows.stock)
    lowest = price.min().over(together)
    is_limited = says(rows.tracker) & ~_is(rows.policy, ("continue", *YES))
    all_limited = rows.is_variant.sum().over(together) == (rows.is_variant & is_limited).sum().over(together)
    left = ibis.ifelse(rows.is_variant & (stock > 0), stock, 0).sum().over(together)
    path = rows.product_category.re_replace(r"\s*>\s*", ">")
    status = known(rows.status).lower()
    barred = _is(rows.gift_card, YES) | _is(rows.published, NO) | (status != "active") | (lowest == 0)
    unreadable = [
        (says(rows[name]) & value.isnull(), f"{name} not readable")
        for name, value in (("price", price), ("cost", cost), ("stock", stock))
    ]
    return rows.select(
        *TRAIL,
        product_id="handle",
        status=status,
        title=known(rows.title),
        description=plain_text(rows.body),
        department=known(path.re_extract(r"^([^>]*)", 1)),
        category=ibis.coalesce(known(rows.type), known(path.re_extract(r"([^>]*)$", 1))),
        brand=known(rows.vendor),
        sku=known(rows.first_sku),
        image_url=known(rows.image),
        price=lowest,
        cost=cost.min().over(together),
        stock=ibis.ifelse(all_limited & (stock.count().over(together) > 0), left, None),
        recommendable=~barred.fill_null(False),
        reason=first_reason((~rows.is_variant, ONLY_IMAGE), *unreadable),
    )


def _aliases(rows: Table) -> Table:
    """SKUs of variants, and products' titles with and without the variant, as order lines write them."""
    options = [
        ibis.ifelse(rows[name] == "Default Title", None, known(rows[name]))
        for name in ("option1", "option2", "option3")
    ]
    variant = (
        options[0]
        + ibis.coalesce(ibis.literal(" / ") + options[1], "")
        + ibis.coalesce(ibis.literal(" / ") + options[2], "")
    )
    title = known(rows.title)
    names = (("sku", known(rows.sku)), ("title", title), ("title", title + " - " + variant))
    tables = (rows.select(kind=ibis.literal(kind), alias=alias, product_id="handle") for kind, alias in names)
    return ibis.union(*tables, distinct=True).filter(lambda t: t["alias"].notnull() & t.product_id.notnull())


def _customers(raw: Table) -> Table:
    """Customers; a consent that is neither yes nor no is unknown."""
    consent = ibis.cases((_is(raw.accepts, YES), True), (_is(raw.accepts, NO), False), else_=ibis.null("boolean"))
    return raw.select(
        *TRAIL, "email", customer_id=known(raw.customer_id), country=known(raw.country), email_consent=consent
    )


def _is(text: StringValue, words: tuple[str, ...]) -> BooleanValue:
    """Whether a raw value is one of `words`; false where it is not known."""
    return text.strip().lower().isin(words).fill_null(False)
