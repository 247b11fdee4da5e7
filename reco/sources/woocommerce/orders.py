"""Orders and refunds of WooCommerce as order lines."""

from collections.abc import Sequence
from typing import Final

import ibis
import pyarrow as pa
from ibis.expr.types import BooleanValue, Table, TimestampValue

from reco.catalogue import known, look_up, unescape
from reco.clock import parse
from reco.sources.base import (
    CANCELLED,
    GIFT_CARD,
    NO_ORDER,
    NO_PRODUCT,
    REFUNDED,
    TRAIL,
    UNPAID,
    Column,
    Money,
    Shop,
    first_reason,
    money,
    number,
    says,
)
from reco.store import FILE, LINE, PIECE, REASON, TEXT


def list_of(*fields: str) -> pa.DataType:
    """Arrow type of a list of objects with these texts."""
    return pa.list_(pa.struct([(field, TEXT) for field in fields]))


ITEMS: Final = list_of("name", "product_id", "quantity", "subtotal", "total", "total_tax", "sku")

ORDERS: Final = {
    "order_id": Column(("id",), required=True),
    "status": Column(("status",), required=True),
    "currency": Column(("currency",)),
    "created_gmt": Column(("date_created_gmt",)),
    "created": Column(("date_created",)),
    "modified": Column(("date_modified_gmt", "date_modified")),
    "channel": Column(("created_via",)),
    "customer_id": Column(("customer_id",)),
    "email": Column(("billing.email",), kind="email"),
    "total": Column(("total",)),
    "items": Column(("line_items",), required=True, type=ITEMS),
    "refunds": Column(("refunds",), type=list_of("id", "total")),
}

REFUNDS: Final = {
    "refund_id": Column(("id",), required=True),
    "parent_id": Column(("parent_id",)),
    "created_gmt": Column(("date_created_gmt",)),
    "created": Column(("date_created",)),
    "items": Column(("line_items",), required=True, type=ITEMS),
}

#: Why the orders of a status are no purchases. Those of all others are, such as processing, completed, and what
#: plugins add (shipped, delivered); on-hold waits for a bank transfer.
STATUSES: Final = {
    "cancelled": CANCELLED,
    "refunded": REFUNDED,
    **dict.fromkeys(("pending", "on-hold", "failed", "trash", "draft", "auto-draft", "checkout-draft"), UNPAID),
}

#: Where an order was made, in plain words; other words stay.
CHANNELS: Final = {"checkout": "web", "store-api": "web", "pos-rest-api": "pos", "rest-api": "api"}

#: Lines called so, and nothing else but an amount, are gift cards.
NAMES_GIFT_CARD: Final = r"(?i)^\s*(e-?)?gift\s?(card|certificate|voucher)s?\b[^a-z]*$"


def moment(table: Table, shop: Shop) -> TimestampValue:
    """When something was made: by its UTC time, which carries no offset, else by the shop's wall clock."""
    return ibis.coalesce(parse(table.created_gmt, "UTC"), parse(table.created, shop.time_zone))


def _says_when(table: Table) -> BooleanValue:
    return says(table.created_gmt) | says(table.created)


def _joined(table: Table, facts: Table, keys: Sequence[str]) -> Table:
    """`table` with the facts known by its `keys`."""
    joined = table.left_join(facts, keys)
    return joined.drop(*(f"{key}_right" for key in keys))


def order_lines(raw: Table, refunds: Table | None, products: Table | None, names: Table | None, shop: Shop) -> Table:
    """Lines of orders, and of refunds with a negative quantity, with their products."""
    listed = raw.select(*TRAIL, "order_id", refund=raw.refunds).unnest("refund")
    listed = listed.select(
        *TRAIL, "order_id", refund_id=listed.refund["id"], amount=money(listed.refund["total"]).abs()
    )
    returns = None if refunds is None else _returns(refunds, listed, shop)
    orders = _orders(raw, listed, returns, shop)
    bought = _lines(orders.unnest("items", offset=PIECE, keep_empty=True))
    kept = (bought.revenue.cast("float64") * (1 - bought.lost)).round(4).cast(Money)
    bought = bought.mutate(revenue=ibis.ifelse(bought.lost > 0, kept, bought.revenue)).drop("lost")
    if returns is None:
        return _with_products(bought, products, names)
    place = ibis.window(group_by="order_id", order_by=[ibis.desc("modified"), ibis.desc(FILE), ibis.desc(LINE)])
    latest = orders.mutate(place=ibis.row_number().over(place)).filter(ibis._.place == 0)
    facts = latest.select(
        "customer_id", "email", "currency", "channel", "order_reason", "lost", returned_order_id="order_id", found=True
    )
    back = _joined(returns, facts, ["returned_order_id"])
    back = _lines(
        back.mutate(
            order_id=back.refund_id,
            order_reason=ibis.ifelse(back.found.isnull(), NO_ORDER, back.order_reason),
            currency=back.currency.fill_null(shop.currency),
        )
    )
    back = back.mutate(quantity=-back.quantity.abs(), revenue=-back.revenue.abs(), discount=ibis.null(Money))
    return _with_products(ibis.union(bought, back.select(*bought.columns)), products, names)


def _returns(refunds: Table, listed: Table, shop: Shop) -> Table:
    """Lines of refunds, each with the order that it belongs to, as `returned_order_id`."""
    links = listed.group_by("refund_id").aggregate(listed_in=ibis._.order_id.min())
    refunds = _joined(refunds, links, ["refund_id"])
    parent = known(refunds.parent_id).nullif("0")
    returns = refunds.select(
        *TRAIL,
        "refund_id",
        "items",
        returned_order_id=ibis.coalesce(parent, refunds.listed_in),
        ordered_at=moment(refunds, shop),
        unreadable=_says_when(refunds) & moment(refunds, shop).isnull(),
    )
    return returns.unnest("items", offset=PIECE, keep_empty=True)


def _orders(raw: Table, listed: Table, returns: Table | None, shop: Shop) -> Table:
    """Orders as they lie in the files, with their `order_reason` and the share of revenue `lost` by refunds."""
    sums = listed.group_by(*TRAIL).aggregate(refunded=ibis._.amount.sum())
    orders = _joined(raw, sums, TRAIL)
    if returns is None:
        orders = orders.mutate(told=ibis.null(Money))
    else:
        first = returns.mutate(place=ibis.dense_rank().over(group_by="refund_id", order_by=list(TRAIL)))
        told = (money(first["items"]["total"]) + money(first["items"]["total_tax"]).fill_null(0)).abs()
        told = first.mutate(told=told).filter(ibis._.place == 0).group_by(order_id="returned_order_id")
        orders = _joined(orders, told.aggregate(told=ibis._.told.sum()), ["order_id"])
    total = money(orders.total)
    rest = (orders.refunded.fill_null(0) - orders.told.fill_null(0)).cast("float64")
    status = orders.status.strip().lower().re_replace("^wc-", "")
    channel = orders.channel.strip().lower()
    return orders.select(
        *TRAIL,
        "order_id",
        "email",
        "items",
        modified=orders.modified.fill_null(""),
        ordered_at=moment(orders, shop),
        unreadable=_says_when(orders) & moment(orders, shop).isnull(),
        returned_order_id=ibis.null("string"),
        customer_id=known(orders.customer_id).nullif("0"),
        currency=ibis.coalesce(known(orders.currency), ibis.literal(shop.currency)),
        channel=ibis.cases(*((channel == name, words) for name, words in CHANNELS.items()), else_=channel.nullif("")),
        order_reason=first_reason(
            *((status == name, words) for name, words in STATUSES.items()),
            ((orders.refunded >= total) & (total > 0), REFUNDED),
        ),
        lost=ibis.ifelse((rest > 0) & (total > 0), rest / total.cast("float64").nullif(0), 0.0),
    )


def _lines(table: Table) -> Table:
    """Lines of orders or refunds from their unnested items, and the reason of those not fit to keep."""
    item, piece = table["items"], table[PIECE]
    quantity, total, subtotal = number(item["quantity"]), money(item["total"]), money(item["subtotal"])
    off = (subtotal - total).cast(Money)
    reason = first_reason(
        (table.order_reason.notnull(), table.order_reason),
        (piece.isnull(), NO_PRODUCT),
        (item["name"].re_search(NAMES_GIFT_CARD), GIFT_CARD),
        (table.unreadable, "ordered_at not readable"),
        (says(item["quantity"]) & quantity.isnull(), "quantity not readable"),
        (says(item["total"]) & total.isnull(), "revenue not readable"),
    )
    return table.select(
        *TRAIL,
        "order_id",
        "customer_id",
        "email",
        "ordered_at",
        "currency",
        "channel",
        "returned_order_id",
        "lost",
        product_id=known(item["product_id"]).nullif("0"),
        sku=unescape(known(item["sku"])),
        item=unescape(known(item["name"])),
        quantity=quantity,
        revenue=total,
        discount=ibis.ifelse(off < 0, 0, off).cast(Money),
        **{REASON: reason, PIECE: piece.fill_null(0)},
    )


def _with_products(lines: Table, products: Table | None, names: Table | None) -> Table:
    """Order lines with deleted products found by other names, and the gift cards of the catalogue set aside."""
    lines = look_up(look_up(lines, names, "sku", "sku"), names, "title", "item")
    own = ibis.ifelse(lines.vague_sku, None, lines.sku)
    lines = lines.mutate(product_id=ibis.coalesce(lines.product_id, lines.by_sku, lines.by_title, own, lines.item))
    if products is None:
        return lines
    cards = products.filter(products.is_gift_card).select(card="product_id").distinct()
    lines = lines.left_join(cards, lines.product_id == cards.card)
    return lines.mutate(
        **{REASON: ibis.coalesce(lines[REASON], ibis.ifelse(lines.card.notnull(), GIFT_CARD, None))}
    ).drop("card")
