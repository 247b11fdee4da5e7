"""Google Analytics 4: the export of events to BigQuery, saved as JSON lines or Parquet.

Events are behaviour. Purchases stay behaviour too unless the settings say that the shop's orders come from here,
because a shop's own orders know of discounts, payments and refunds that a browser does not.
"""

from collections.abc import Mapping
from typing import Final, Literal

import ibis
import pyarrow as pa
from ibis.expr.types import StringValue, Table, Value
from pydantic import field_validator

from reco.clock import since_epoch
from reco.sources.base import (
    HASHED,
    NO_ORDER,
    NO_PRODUCT,
    REPEATED_EVENT,
    REPEATED_PURCHASE,
    TRAIL,
    Column,
    Money,
    Paths,
    RawTable,
    Shop,
    SourceSettings,
    first_reason,
    number,
    says,
)
from reco.store import DEVICE, EMAIL, FILE, LINE, PIECE, REASON, TEXT, conform

ABOUT = "Events of the shop's website and app, from Google Analytics 4 by its BigQuery export."
NAME = "ga4"

#: Values that stand for nothing.
PLACEHOLDERS: Final = (
    "", "(not set)", "(data deleted)", "<other>", "(none)", "(direct)", "(not provided)", "null", "undefined", "nan",
    "not available in demo dataset",
)  # fmt: skip

#: Events of e-commerce by the unified name; all others keep theirs.
EVENTS: Final = {
    "view_item_list": "view_list",
    "select_item": "select",
    "view_item": "view",
    "view_search_results": "search",
}

# Why a row of this source is set aside.
NO_ORDER_ID: Final = "purchase or refund without a transaction id"

#: Purchases without a transaction id of the same customer and product within this time are one (in microseconds).
SAME_PURCHASE: Final = 5_000_000

_SALES: Final = ("purchase", "refund")
_VALUES: Final = ("string_value", "int_value", "float_value", "double_value")
_PARAMETERS: Final = pa.list_(pa.struct({"key": TEXT, "value": pa.struct(dict.fromkeys(_VALUES, TEXT))}))
_ITEM: Final = (
    "item_id", "item_name", "price", "quantity", "item_revenue", "item_refund", "item_list_id", "item_list_name",
    "item_list_index",
)  # fmt: skip


class Settings(SourceSettings):
    """Files of exported events, and what the shop uses them for.

    `recommendation_lists` tells which lists of items are recommendations: beginnings of `item_list_id` (or, failing
    that, of `item_list_name`), each with the context that it fills: `{rec_home: homepage, rec_cart: cart}`. A plain
    list of beginnings makes each a context of its own. Items shown in those lists become impressions; without any,
    every list counts as browsing, and the source gives no impressions. `purchases: orders` fills order lines from
    purchases and refunds, for shops without orders of their own.
    """

    kind: Literal["ga4"]
    events: Paths
    purchases: Literal["events", "orders"] = "events"
    recommendation_lists: Mapping[str, str] = {}

    @field_validator("recommendation_lists", mode="before")
    @classmethod
    def _contexts(cls, value: object) -> object:
        return dict(zip(value, value, strict=True)) if isinstance(value, list | tuple) else value


def raw_tables(settings: Settings) -> dict[str, RawTable]:
    """The exported events; a file may lack any column but the name and the time of the event."""
    columns = {
        "event_name": Column(("event_name",), required=True),
        "event_timestamp": Column(("event_timestamp",), required=True),
        "event_params": Column(("event_params",), type=_PARAMETERS),
        "user_id": Column(("user_id",)),
        "user_pseudo_id": Column(("user_pseudo_id",)),
        "analytics_storage": Column(("privacy_info.analytics_storage",)),
        "ads_storage": Column(("privacy_info.ads_storage",)),
        "platform": Column(("platform",)),
        "device": Column(("device.category", "device_category")),
        "transaction_id": Column(("ecommerce.transaction_id",)),
        "batch_event_index": Column(("batch_event_index",)),
        "items": Column(("items",), type=pa.list_(pa.struct(dict.fromkeys(_ITEM, TEXT)))),
    }
    return {"events": RawTable(settings.events, columns, decimal=".")}


def unify(raw: Mapping[str, Table], settings: Settings, shop: Shop) -> dict[str, Table]:
    """Events, one row for each item of an event, and what the settings ask for beside them.

    Where a visitor denied analytics, the event counts and nobody is named. A known customer's newest choice on
    analytics and advertising is their consent to personalization.
    """
    if "events" not in raw:
        return {}
    events = raw["events"]
    rows = _rows(events)
    tables = {"events": _without_repeated_purchases(_pieces(rows)), "customers": _customers(rows)}
    if settings.purchases == "orders":
        tables["order_lines"] = _order_lines(_without_repeated_purchases(_pieces(_rows(_named(events, *_SALES)))), shop)
    if settings.recommendation_lists:
        lists = _pieces(_rows(_named(events, "view_item_list", "select_item")))
        tables["impressions"] = _impressions(lists, settings.recommendation_lists)
    return {name: conform(table, name, source=NAME) for name, table in tables.items()}


def _named(events: Table, *names: str) -> Table:
    """Raw events of some names, taken out before all else is found out about them."""
    return events.filter(events.event_name.strip().isin(names))


def stated(text: StringValue) -> StringValue:
    """A text without outer spaces; null where it is one of the `PLACEHOLDERS`."""
    plain = text.strip()
    return ibis.ifelse(plain.lower().isin(PLACEHOLDERS), ibis.null("string"), plain)


def _value(parameter: Value) -> StringValue:
    """What a parameter says: it is in one of four fields, and which one differs between exports."""
    return ibis.coalesce(*(parameter.value[field].nullif("") for field in _VALUES))


def _parameter(raw: Table, key: str) -> StringValue:
    return _value(raw.event_params.filter(lambda each: each.key == key)[0])


def _rows(raw: Table) -> Table:
    """One row for each exported event: when, who, in which list, and a hash that tells it from all others."""
    micros = raw.event_timestamp.try_cast("int64")
    denied = (raw.analytics_storage.strip().lower() == "no").fill_null(False)
    user, device = stated(raw.user_id), ibis.ifelse(denied, ibis.null("string"), stated(raw.user_pseudo_id))
    # some shops send an address for an id, against the terms of the service
    address = user.startswith(HASHED).fill_null(False)
    rows = raw.select(
        *TRAIL,
        "event_name",
        "items",
        "platform",
        account=ibis.ifelse(address, ibis.null("string"), user),
        address=ibis.ifelse(address, user.substr(len(HASHED)), ibis.null("string")),
        denied=denied,
        device_id=device,
        session_id=device + "." + stated(_parameter(raw, "ga_session_id")),
        denial=_denial(raw),
        device=stated(raw.device).lower(),
        micros=micros,
        occurred_at=since_epoch(micros, "us"),
        timed=says(raw.event_timestamp),
        query=_parameter(raw, "search_term").strip().nullif(""),
        row_list_id=stated(_parameter(raw, "item_list_id")),
        row_list_name=stated(_parameter(raw, "item_list_name")),
        transaction_id=ibis.coalesce(stated(raw.transaction_id), stated(_parameter(raw, "transaction_id"))),
        currency=stated(_parameter(raw, "currency")).upper(),
        variant=stated(_parameter(raw, "variant")),
        key=_key(raw).hexdigest("sha256"),
        # a day's own table is corrected for three days, so it is better than what was sent during that day
        early=raw.file.contains("intraday"),
    )
    earlier = ibis.row_number().over(group_by="key", order_by=["early", FILE, LINE])
    unreadable = rows.timed & rows.occurred_at.isnull()
    return rows.mutate(
        customer_id=ibis.ifelse(rows.denied, ibis.null("string"), rows.account),
        email=ibis.ifelse(rows.denied, ibis.null("string"), rows.address),
        reason=first_reason((unreadable, "occurred_at not readable"), (earlier > 0, REPEATED_EVENT)),
    )


def _denial(raw: Table) -> Value:
    """Whether a visitor has denied analytics or advertising; null where nothing is said."""
    choices = [choice.strip().lower() for choice in (raw.analytics_storage, raw.ads_storage)]
    no, yes = ((choices[0] == word).fill_null(False) | (choices[1] == word).fill_null(False) for word in ("no", "yes"))
    return ibis.cases((no, True), (yes, False), else_=None)


def _key(raw: Table) -> StringValue:
    """What tells an event from all others, as the export has no ids.

    Events sent together share user, time and name, and have a number since July 2024; before that, only what they
    say tells them apart.
    """
    content = raw.event_params.map(lambda each: ibis.coalesce(each.key, "") + "=" + ibis.coalesce(_value(each), ""))
    shown = raw["items"].map(lambda each: ibis.coalesce(each.item_id, each.item_name, "") + "@" + _list(each))
    parts = [
        raw.user_pseudo_id,
        raw.event_timestamp,
        raw.event_name,
        ibis.coalesce(raw.batch_event_index, content.join("&")),
        ibis.ifelse(raw.batch_event_index.isnull(), shown.join("&"), ""),
    ]
    return ibis.literal("|").join([part.fill_null("") for part in parts])


def _list(item: Value) -> StringValue:
    return ibis.coalesce(item.item_list_id, item.item_list_name, "")


def _pieces(rows: Table) -> Table:
    """One row for each item of an event, and one for an event without items."""
    spread = rows.unnest("items", offset="at", keep_empty=True)
    item = spread["items"]
    event = spread.event_name.strip()
    return spread.mutate(
        event=ibis.cases(*((event == name, unified) for name, unified in EVENTS.items()), else_=event),
        has_item=spread["at"].notnull(),
        piece=spread["at"].fill_null(0),
        product_id=ibis.coalesce(stated(item.item_id), stated(item.item_name)),
        list_id=ibis.coalesce(
            stated(item.item_list_id), stated(item.item_list_name), spread.row_list_id, spread.row_list_name
        ),
        list_name=ibis.coalesce(stated(item.item_list_name), spread.row_list_name),
        position=item.item_list_index.re_extract(r"(\d+)", 1).try_cast("int32"),
        event_id=(spread.key + "." + spread["at"].fill_null(0).cast("string")).hexdigest("sha256"),
        **{name: item[name] for name in ("price", "quantity", "item_revenue", "item_refund")},
    ).drop("items", "at", "row_list_id", "row_list_name", "account", "address", "timed")


def _without_repeated_purchases(pieces: Table) -> Table:
    """Pieces with a reason at purchases that were sent before: browsers and crawlers reload the thank-you page.

    The earliest event of a transaction id is the purchase. Without an id, the same customer and product within five
    seconds are one. A refund of a whole order also counts once.
    """
    is_purchase = (pieces.event == "purchase").fill_null(False)
    counted = (is_purchase | ((pieces.event == "refund").fill_null(False) & ~pieces.has_item)) & pieces.reason.isnull()
    sold, rest = pieces.filter(counted), pieces.filter(~counted)
    order = ["micros", "early", FILE, LINE]
    visitor = ibis.coalesce(sold.device_id, sold.customer_id, sold.email)
    sold = sold.mutate(visitor=visitor, goods=sold.product_id.fill_null(""))
    of_order = ibis.dense_rank().over(group_by=["event", "transaction_id"], order_by=order)
    alike = ibis.window(group_by=["event", "visitor", "goods"], order_by=[*order, PIECE])
    within = ibis.row_number().over(group_by=[FILE, LINE, "goods"], order_by=PIECE)
    sold = sold.mutate(place=of_order, gap=sold.micros - sold.micros.lag().over(alike), within=within)
    # an event may name a product twice, so only its first item is compared with the event before
    soon = (sold.within == 0) & sold.visitor.notnull() & (sold.gap <= SAME_PURCHASE)
    sold = sold.mutate(soon=soon.fill_null(False).any().over(group_by=[FILE, LINE, "goods"]))
    repeated = ibis.ifelse(sold.transaction_id.notnull(), sold.place > 0, sold.soon)
    sold = sold.mutate(reason=ibis.ifelse(repeated, REPEATED_PURCHASE, ibis.null("string")))
    return rest.union(sold.select(*rest.columns))


def _customers(rows: Table) -> Table:
    """One row for each customer known by id whose choice on consent is told: the newest one."""
    chosen = rows.filter(
        rows.denial.notnull() & ibis.coalesce(rows.account, rows.address).notnull() & rows.occurred_at.notnull()
    )
    newest = ibis.row_number().over(
        group_by=["account", "address"], order_by=[ibis.desc("micros"), "early", ibis.desc(FILE), ibis.desc(LINE)]
    )
    chosen = chosen.mutate(newest=newest).filter(lambda each: each.newest == 0)
    return chosen.select(
        *TRAIL,
        customer_id=chosen.account,
        email=chosen.address,
        personalization_consent=~chosen.denial,
    )


def _order_lines(lines: Table, shop: Shop) -> Table:
    """Purchases, and refunds as returned lines; a refund without items returns the whole order."""
    back = lines.event == "refund"
    sign = ibis.ifelse(back, -1, 1)
    quantity = ibis.ifelse(says(lines.quantity), number(lines.quantity), 1.0).abs()
    told = ibis.ifelse(back, lines.item_refund, lines.item_revenue)
    amount = ibis.ifelse(says(told), number(told), number(lines.price) * quantity).abs()
    lines = lines.mutate(
        order_id=lines.transaction_id,
        ordered_at=lines.occurred_at,
        quantity=sign * quantity,
        revenue=(sign * amount).round(4).try_cast(Money),
        currency=lines.currency.fill_null(shop.currency),
        channel=lines.platform.strip().lower().nullif(""),
        returned_order_id=ibis.ifelse(back, lines.transaction_id, ibis.null("string")),
        reason=first_reason(
            (lines.reason.notnull(), lines.reason.re_replace("occurred_at", "ordered_at")),
            (lines.transaction_id.isnull(), NO_ORDER_ID),
            (~lines.has_item & ~back, NO_PRODUCT),
            (says(lines.quantity) & quantity.isnull(), "quantity not readable"),
            ((says(told) | says(lines.price)) & amount.isnull(), "revenue not readable"),
        ),
    )
    whole = (lines.event == "refund") & ~lines.has_item
    return lines.filter(~whole).select(*_LINE).union(_returned(lines.filter(whole), lines.filter(~whole)))


_LINE: Final = (
    *TRAIL, "order_id", "customer_id", "product_id", "ordered_at", "quantity", "revenue", "currency", "channel",
    "returned_order_id", EMAIL, DEVICE, REASON, PIECE,
)  # fmt: skip


def _returned(refunds: Table, lines: Table) -> Table:
    """Every line of the orders that `refunds` return as a whole, negative and with the refund's own time and trail."""
    bought = lines.filter((lines.event == "purchase") & lines.reason.isnull())
    bought = bought.select(
        bought_order_id="order_id",
        bought_product_id="product_id",
        bought_quantity="quantity",
        bought_revenue="revenue",
        bought_currency="currency",
        bought_by="customer_id",
        bought_at=bought.file + ":" + bought.line.cast("string").lpad(12, "0"),
        bought_piece=PIECE,
    )
    both = refunds.left_join(bought, refunds.order_id == bought.bought_order_id)
    both = both.mutate(
        piece=ibis.row_number().over(group_by=[FILE, LINE], order_by=["bought_at", "bought_piece"]),
        customer_id=ibis.coalesce(both.customer_id, both.bought_by),
        product_id=both.bought_product_id,
        quantity=-both.bought_quantity,
        revenue=-both.bought_revenue,
        currency=ibis.coalesce(both.bought_currency, both.currency),
        reason=ibis.coalesce(both.reason, ibis.ifelse(both.bought_order_id.isnull(), NO_ORDER, ibis.null("string"))),
    )
    return both.select(*_LINE)


def _impressions(pieces: Table, lists: Mapping[str, str]) -> Table:
    """Items shown in recommendation lists; a click belongs to the last time its item was shown in that list before.

    A visitor without a session is followed by device, and one who denied analytics is not followed: no click of
    theirs is known.
    """
    longest_first = sorted(lists, key=len, reverse=True)
    known = [(pieces[name], prefix) for name in ("list_id", "list_name") for prefix in longest_first]
    starts = [(text.startswith(prefix), prefix) for text, prefix in known]
    seen = pieces.mutate(prefix=ibis.cases(*starts, else_=ibis.null("string")))
    seen = seen.filter(seen.prefix.notnull())
    shown, clicks = seen.filter(seen.event == "view_list"), seen.event == "select"
    visit = ibis.coalesce(seen.session_id, seen.device_id)
    follow = seen.mutate(visit=visit, clicks=clicks).filter(visit.notnull() & seen.reason.isnull())
    next_row = ibis.window(
        group_by=["visit", "list_id", "product_id"], order_by=["micros", "clicks", FILE, LINE, PIECE]
    )
    follow = follow.mutate(
        clicked_at=ibis.ifelse(follow.clicks.lead().over(next_row), follow.occurred_at.lead().over(next_row), None)
    )
    follow = follow.filter(~follow.clicks).select("event_id", "clicked_at")
    shown = shown.left_join(follow, "event_id").drop("event_id_right")
    rest = shown.list_id.substr(shown.prefix.length()).re_replace(r"^[\s_\-.:/]+", "").nullif("")
    by_id = shown.list_id.startswith(shown.prefix)
    return shown.mutate(
        impression_id=shown.event_id,
        slate_id=ibis.literal("|")
        .join([ibis.coalesce(shown.session_id, shown.device_id, shown.key), shown.list_id, shown.micros.cast("string")])
        .hexdigest("sha256"),
        context=ibis.cases(*((shown.prefix == prefix, context) for prefix, context in lists.items())),
        strategy=ibis.coalesce(ibis.ifelse(by_id, rest, ibis.null("string")), shown.list_name),
        shown_at=shown.occurred_at,
        clicked=shown.clicked_at.notnull(),
        simulated=ibis.literal(False),
        reason=shown.reason.re_replace("occurred_at", "shown_at"),
    )
