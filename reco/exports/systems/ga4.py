"""GA4: impressions and clicks as events of the Measurement Protocol, one request a line.

An impression is `view_item_list`, a click `select_item` of the same list; the list's id holds context and variant.
Requests go to /mp/collect, and first to /debug/mp/collect: the live address answers 204 to anything. Events older than
72 hours are dropped there, so they are left out here; a visitor without GA4's own id would be counted as a new one.
"""

from typing import Final

from pydantic import Field

from reco.exports.base import ExportSettings, Material, Output, at_most, matching, select

TITLE = "GA4"
ABOUT = "What was shown and clicked, as requests of the Measurement Protocol."
#: Hours that an event may be late, items of an event, characters of a parameter. A request may hold 25 events; here it
#: holds one, since it has one time.
HOURS, ITEMS, TEXT = 72, 200, 100
NAMES: Final = "[A-Za-z][A-Za-z0-9_]{0,39}"


class Settings(ExportSettings):
    """What the ids of lists begin with."""

    list_prefix: str = Field(default="rec_", max_length=20, pattern=r"^[A-Za-z0-9_]*$")


def outputs(material: Material, settings: Settings) -> list[Output]:
    """One request for every list shown and for every click."""
    rows = material.sql(
        f"""
        WITH recent AS (
            SELECT i.*, d.client_id, ? || i.context || coalesce('_' || i.variant, '') AS list_id,
                coalesce(c.title, i.context) AS list_name, p.title, p.price
            FROM impressions i JOIN devices d USING (customer_id)
            LEFT JOIN contexts c ON c.context = i.context LEFT JOIN products p ON p.product_id = i.product_id
            WHERE shown_at > ?::TIMESTAMP - INTERVAL {HOURS} HOUR
        ), events AS (
            SELECT client_id, slate_id, shown_at AS moment, 'view_item_list' AS name, list_id, list_name,
                list({{'item_id': product_id, 'item_name': left(title, {TEXT}), 'index': position - 1,
                    'price': price, 'quantity': 1}} ORDER BY position)[:{ITEMS}] AS items
            FROM recent GROUP BY ALL
            UNION ALL
            SELECT client_id, slate_id, clicked_at, 'select_item', list_id, list_name,
                [{{'item_id': product_id, 'item_name': left(title, {TEXT}), 'index': position - 1,
                    'price': price, 'quantity': 1}}]
            FROM recent WHERE clicked_at IS NOT NULL
        )
        SELECT client_id, epoch_us(moment)::VARCHAR AS timestamp_micros,
            {{'ad_user_data': 'DENIED', 'ad_personalization': 'DENIED'}} AS consent,
            [{{'name': name, 'params': {{'engagement_time_msec': 1, 'item_list_id': list_id,
                'item_list_name': left(list_name, {TEXT}), 'items': items}}}}] AS events
        FROM events ORDER BY moment, client_id, name DESC, list_id
        """,
        settings.list_prefix,
        material.made_at.removesuffix("Z"),
    )
    shown = len(material.table("impressions"))
    sent = material.sql(
        f"""SELECT count(*) AS n FROM impressions SEMI JOIN devices USING (customer_id)
        WHERE shown_at > ?::TIMESTAMP - INTERVAL {HOURS} HOUR""",
        material.made_at.removesuffix("Z"),
    )["n"][0].as_py()
    material.leave_out(f"impressions older than {HOURS} hours or of visitors without GA4's id", shown - sent)

    flat = select(
        """
        SELECT events[1].name AS event, events[1].params.item_list_id AS list,
            unnest(events[1].params.items).item_id AS item
        FROM t
        """,
        t=rows,
    )
    matching(flat, "event", NAMES, TITLE, "a name of an event")
    at_most(flat, "list", TEXT, TITLE)
    at_most(flat, "item", TEXT, TITLE)
    key = ("client_id", "timestamp_micros", "events")
    where = "to https://www.google-analytics.com/mp/collect, one request a line"
    return [Output("events.jsonl", rows, "jsonl", where, key=key)]
