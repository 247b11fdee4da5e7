"""The rules by which rows are set aside or marked, each an expression on the rows of one unified table.

A rule takes the rows of all sources with their working columns and gives them back with `reason` filled where it
applies and still empty. The first reason stands.
"""

from collections.abc import Mapping
from typing import Final

import ibis
from ibis.expr.types import BooleanValue, Table, Value

from reco.settings import Cleaning, Store
from reco.sources import base
from reco.store import AGENT, FILE, LINE, PIECE, REASON, SCHEMAS

REPEATED: Final = "repeated line"
SUPERSEDED: Final = "exported again in a later file"
ZERO_PRICE: Final = "price of zero"
NOTHING: Final = "neither quantity nor price"
BOT_AGENT: Final = "bot by its user agent"
BOT_RATE: Final = "bot by its rate of events"
FUTURE: Final = "in the future"

#: Reasons that set a row aside by a rule; any other is a refusal.
RULES: Final = frozenset(
    {
        base.CANCELLED,
        base.TEST,
        base.UNPAID,
        base.REFUNDED,
        base.GIFT_CARD,
        base.FEE,
        base.ONLY_IMAGE,
        base.NO_PRODUCT,
        base.NO_ORDER,
        REPEATED,
        base.REPEATED_EVENT,
        base.REPEATED_PURCHASE,
        SUPERSEDED,
        ZERO_PRICE,
        NOTHING,
        BOT_AGENT,
        BOT_RATE,
    }
)

#: Rates of exchange; DuckDB gives a product of two decimals of 18 digits no more, and a large amount fails the run.
EXCHANGE: Final = "decimal(19, 10)"

#: What a program calls itself that reads pages by itself.
BOT: Final = r"(?i)bot|crawl|spider|slurp|headless|preview|monitor|curl|python|scrap"

#: The moment of each table that no clock may put in the future.
MOMENTS: Final = {
    "order_lines": "ordered_at",
    "events": "occurred_at",
    "engagement": "occurred_at",
    "impressions": "shown_at",
}

#: Values that make a row of each table the same as another.
SAME: Final = {
    "events": ("source", "customer_id", "session_id", "product_id", "event", "occurred_at", "list_id", "query"),
    "engagement": ("source", "customer_id", "campaign_id", "channel", "event", "detail", "occurred_at"),
    "impressions": ("source", "impression_id"),
}


def mark(table: Table, *found: tuple[BooleanValue, str]) -> Table:
    """`table` with the reason of the first condition that holds, where a row has none yet."""
    return table.mutate(**{REASON: ibis.coalesce(table[REASON], base.first_reason(*found))})


def unidentifiable(table: Table, longest: Mapping[str, int]) -> Table:
    """Rows of a customer with an identifier, by its column, that is empty or has too many characters."""
    unfit = [
        (~table[column].length().between(1, most), f"{column} empty or longer than {most} characters")
        for column, most in longest.items()
    ]
    return mark(table, *unfit)


def superseded(lines: Table, ranks: Table) -> Table:
    """Lines of orders that a later export of the same source holds again are set aside.

    `ranks` holds source, file and rank (later files rank higher) of files that are whole exports.
    """
    ranked = lines.left_join(ranks, ["source", FILE])
    ranked = ranked.drop(column for column in ranked.columns if column.endswith("_right"))
    newest = ranked["rank"].max().over(group_by=["source", "order_id"])
    ranked = mark(ranked.mutate(newest=newest), (ibis._["rank"] < ibis._.newest, SUPERSEDED))
    return ranked.drop("rank", "newest")


def repeated(table: Table, name: str) -> Table:
    """Of rows that are the same, the first in file and line stays."""
    if name == "order_lines":
        same = [column for column in SCHEMAS[name].names if column not in (FILE, LINE)]
        words = REPEATED
    else:
        same, words = list(SAME[name]), base.REPEATED_EVENT
    order = [table[FILE], table[LINE], *([table[PIECE]] if PIECE in table.columns else [])]
    number = ibis.row_number().over(group_by=[*same, table[REASON].isnull()], order_by=order)
    return mark(table.mutate(number=number), (ibis._.number > 0, words)).drop("number")


def priced_at_nothing(lines: Table) -> Table:
    """Order lines that neither bring nor forgo money."""
    free = (lines.revenue == 0) & (lines.discount.fill_null(0) == 0)
    return mark(lines, ((lines.revenue == 0) & (lines.quantity == 0), NOTHING), (free, ZERO_PRICE))


def ahead_of_time(table: Table, name: str, now: Value) -> Table:
    """Rows of a moment more than a day from now."""
    column = MOMENTS[name]
    return mark(table, (table[column] > now + ibis.interval(days=1), f"{column} {FUTURE}"))


def by_bots(events: Table, cleaning: Cleaning) -> Table:
    """Events of programs: by what they call themselves, and by more events in a minute than a person makes."""
    visitor = ibis.coalesce(events.customer_id, events.session_id)
    events = events.mutate(visitor=visitor, minute=events.occurred_at.epoch_seconds() // 60)
    counted = events.filter(events.visitor.notnull() & events[REASON].isnull())
    by_minute = counted.group_by("visitor", "minute").aggregate(n=ibis._.count())
    busy = by_minute.filter(by_minute.n > cleaning.max_events_per_minute).select("visitor").distinct()
    busy = busy.mutate(busy=True)
    joined = events.left_join(busy, "visitor")
    named = (joined[AGENT].re_search(BOT), BOT_AGENT)
    return mark(joined, named, (joined.busy, BOT_RATE)).drop("visitor", "visitor_right", "minute", "busy")


def in_own_currency(table: Table, amounts: tuple[str, ...], store: Store, moment: str | None = None) -> Table:
    """Amounts in the store's currency by the table of rates; rows in a currency without one are refused.

    Amounts without a currency are in the store's. Rates that change hold from their day on; without a `moment` the
    latest holds.
    """
    table = table.mutate(currency=table.currency.fill_null(store.currency))
    own, no_rate = table.currency == store.currency, f"no rate to {store.currency} for its currency"
    if not store.rates:
        return mark(table, (~own, no_rate))
    known = [(own, ibis.literal(1.0))]
    for currency, rates in store.rates.items():
        dated = sorted(rates.items(), reverse=True) if isinstance(rates, dict) else [(None, rates)]
        for day, rate in dated:
            holds = table.currency == currency
            if day is not None and moment is not None:
                holds &= table[moment] >= ibis.timestamp(f"{day}T00:00:00+00:00")
            known.append((holds, ibis.literal(rate)))
    rate = ibis.cases(*known, else_=ibis.null("float64")).try_cast(EXCHANGE)
    worth = {
        amount: ibis.ifelse(own, table[amount], (table[amount] * rate).try_cast(table[amount].type()))
        for amount in amounts
    }
    too_large = [
        (worth[amount].isnull() & table[amount].notnull(), f"{amount} too large in {store.currency}")
        for amount in amounts
    ]
    changes = {**worth, "currency": ibis.literal(store.currency)}
    if "original_currency" in table.columns:
        changes["original_currency"] = table.currency
    # one step for both: reasons are found out from the amounts as they were
    reason = ibis.coalesce(table[REASON], base.first_reason((rate.isnull(), no_rate), *too_large))
    return table.mutate(**changes, **{REASON: reason})


def with_returned_orders(lines: Table) -> Table:
    """Negative lines with the order they take back: the same customer's latest earlier one of the same product."""
    negative = lines.filter((lines.quantity < 0) & lines.customer_id.notnull() & lines.returned_order_id.isnull())
    pairs = negative.select("customer_id", "product_id").distinct()
    if not int(pairs.limit(1).count().to_pyarrow().as_py()):
        return lines  # most shops' exports have none, and the window below costs
    keys = ["customer_id", "product_id"]
    affected, others = lines.semi_join(pairs, keys), lines.anti_join(pairs, keys)
    sale = ibis.ifelse((affected.quantity > 0) & affected[REASON].isnull(), affected.order_id, ibis.null("string"))
    until_here = ibis.window(
        group_by=keys,
        order_by=[affected.ordered_at, affected.quantity.desc(), affected.order_id],
        rows=(None, 0),
    )
    # Ibis leaves IGNORE NULLS out of windows; so each line gets the number of sales so far, and the order of that sale
    affected = affected.mutate(sale=sale, sales=sale.count().over(until_here))
    latest = affected.sale.max().over(group_by=[*keys, "sales"])
    returned = ibis.coalesce(affected.returned_order_id, ibis.ifelse(affected.quantity < 0, latest, None))
    return ibis.union(affected.mutate(returned_order_id=returned).drop("sale", "sales"), others)
