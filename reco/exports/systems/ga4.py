"""GA4: impressions and clicks as events of the Measurement Protocol, one request a line.

An impression is `view_item_list`, a click `select_item` of the same list; the list's id holds context and variant.
Requests go to /mp/collect, and first to /debug/mp/collect: the live address answers 204 to anything. Events older than
72 hours are dropped there, so they are left out here; a visitor without GA4's own id would be counted as a new one.

A request has one time, so it holds what one visitor saw and clicked at one moment. Where that is more than a request
may hold, it is several; a list that is longer than an event may be is several events, whose positions go on.
"""

from typing import Final

import pyarrow as pa
from pydantic import Field

from reco.exports.base import ExportSettings, Material, Output, at_most, matching, select

TITLE = "GA4"
ABOUT = "What was shown and clicked, as requests of the Measurement Protocol."
#: Hours that an event may be late, events and bytes of a request, items of an event, characters of a parameter.
HOURS, EVENTS, BYTES, ITEMS, TEXT = 72, 25, 130_000, 200, 100
#: Bytes after which an event or a request ends: what is begun before them may be as long again, and both must fit.
_END: Final = (BYTES - 10_000) // 2
NAMES: Final = "[A-Za-z][A-Za-z0-9_]{0,39}"

_ITEM: Final = f"""
    {{'item_id': product_id, 'item_name': left(title, {TEXT}), 'index': position - 1, 'price': price, 'quantity': 1}}
"""


class Settings(ExportSettings):
    """What the ids of lists begin with."""

    list_prefix: str = Field(default="rec_", max_length=20, pattern=r"^[A-Za-z0-9_]*$")


def outputs(material: Material, settings: Settings) -> list[Output]:
    """Every list shown and every click, in as few requests as the limits allow."""
    made_at = material.made_at.removesuffix("Z")
    rows = material.sql(
        f"""
        WITH recent AS (
            SELECT i.*, d.client_id, ? || i.context || coalesce('_' || i.variant, '') AS list_id,
                left(coalesce(named, i.context), {TEXT}) AS list_name, {_ITEM} AS item
            FROM impressions i JOIN devices d USING (customer_id)
            LEFT JOIN (SELECT context, title AS named FROM contexts) c ON c.context = i.context
            LEFT JOIN (SELECT product_id, title, price FROM products) p USING (product_id)
            WHERE shown_at > ?::TIMESTAMP - INTERVAL {HOURS} HOUR
        ), parts AS (
            SELECT *, (row_number() OVER list - 1) // {ITEMS} AS by_items,
                sum(strlen(to_json(item)::VARCHAR) + 1) OVER list // {_END} AS by_bytes
            FROM recent
            WINDOW list AS (PARTITION BY client_id, slate_id, shown_at, list_id ORDER BY position, product_id)
        ), events AS (
            SELECT client_id, slate_id, shown_at AS moment, 'view_item_list' AS name, list_id, list_name,
                list(item ORDER BY position, product_id) AS items
            FROM parts GROUP BY client_id, slate_id, shown_at, list_id, list_name, by_items, by_bytes
            UNION ALL
            SELECT client_id, slate_id, clicked_at, 'select_item', list_id, list_name, [item]
            FROM recent WHERE clicked_at IS NOT NULL
        )
        SELECT client_id, epoch_us(moment)::VARCHAR AS timestamp_micros,
            {{'name': name, 'params': {{'engagement_time_msec': 1, 'item_list_id': list_id,
                'item_list_name': list_name, 'items': items}}}} AS event
        FROM events ORDER BY moment, client_id, name DESC, list_id, slate_id, items[1]['index']
        """,
        settings.list_prefix,
        made_at,
    )
    shown = len(material.table("impressions"))
    sent = material.sql(
        f"""SELECT count(*) AS n FROM impressions SEMI JOIN devices USING (customer_id)
        WHERE shown_at > ?::TIMESTAMP - INTERVAL {HOURS} HOUR""",
        made_at,
    )["n"][0].as_py()
    material.leave_out(f"impressions older than {HOURS} hours or of visitors without GA4's id", shown - sent)

    flat = select(
        """
        SELECT event.name AS event, event.params.item_list_id AS list, unnest(event.params.items).item_id AS item FROM t
        """,
        t=rows,
    )
    matching(flat, "event", NAMES, TITLE, "a name of an event")
    at_most(flat, "list", TEXT, TITLE)
    at_most(flat, "item", TEXT, TITLE)
    key = ("client_id", "timestamp_micros", "event")
    where = "to https://www.google-analytics.com/mp/collect, one request a line"
    return [Output("events.jsonl", rows, "jsonl", where, key=key, pack=_requests)]


def _requests(rows: pa.Table, removed: pa.Table | None) -> pa.Table:
    """Requests out of events; what was sent once cannot be taken back."""
    return select(
        f"""
        WITH numbered AS (
            SELECT *, sum(strlen(to_json(event)::VARCHAR) + 1) OVER moment // {_END} AS by_bytes
            FROM (SELECT *, row_number() OVER () AS n FROM rows)
            WINDOW moment AS (PARTITION BY client_id, timestamp_micros ORDER BY n)
        ), calls AS (
            SELECT *, (row_number() OVER call - 1) // {EVENTS} AS by_events FROM numbered
            WINDOW call AS (PARTITION BY client_id, timestamp_micros, by_bytes ORDER BY n)
        )
        SELECT client_id, timestamp_micros, {{'ad_user_data': 'DENIED', 'ad_personalization': 'DENIED'}} AS consent,
            list(event ORDER BY n) AS events
        FROM calls GROUP BY client_id, timestamp_micros, by_bytes, by_events ORDER BY min(n)
        """,
        rows=rows,
    )
