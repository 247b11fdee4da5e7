"""Algolia Recommend: events that its models learn from, and our lists as an attribute of every record.

Algolia takes no model from outside. Lists stand in `rec_ids` of each record, for a second `getObjects`, which works on
every plan; rules pin and hide products in its own models' lists. Customers are known by a hash of their id, since an
address is no token that it takes.
"""

from typing import Final

from reco.exports.base import ExportSettings, Material, Output, at_most, matching, select
from reco.exports.products import beside

TITLE = "Algolia Recommend"
ABOUT = "Events for Insights, records with lists, and rules for pinned and banned products."
#: Days after which events are ignored, characters of an event's name, and bytes of a CSV.
DAYS, EVENT_NAME, CSV = 90, 64, 100_000_000
USER: Final = "[a-zA-Z0-9_=/+-]{1,129}"


class Settings(ExportSettings):
    """The index of products, the context whose lists records get, and how many products a list holds."""

    index: str = "products"
    page: str = "product_page"
    most: int = 10


def outputs(material: Material, settings: Settings) -> list[Output]:
    """Events as CSV for a first upload and as JSON for the API, records and rules."""
    recent = "occurred_at > ?::TIMESTAMP - INTERVAL 90 DAY"
    made_at = material.made_at.removesuffix("Z")
    named = "CASE event WHEN 'Purchase' THEN 'conversion' ELSE 'click' END"
    events = material.sql(
        f"""
        SELECT sha256(customer_id) AS "userToken", strftime(occurred_at, '%Y-%m-%dT%H:%M:%SZ') AS "timestamp",
            product_id AS "objectID", {named} AS "eventType", event AS "eventName"
        FROM interactions WHERE {recent} ORDER BY occurred_at, customer_id, product_id
        """,
        made_at,
    )
    calls = material.sql(
        f"""
        SELECT event AS "eventName", {named} AS "eventType",
            CASE event WHEN 'Purchase' THEN 'purchase' END AS "eventSubtype", ? AS "index",
            [product_id] AS "objectIDs", sha256(customer_id) AS "userToken", epoch_ms(occurred_at) AS "timestamp"
        FROM interactions WHERE occurred_at > ?::TIMESTAMP - INTERVAL 30 DAY
        ORDER BY occurred_at, customer_id, product_id
        """,
        settings.index,
        made_at,
    )
    material.leave_out(
        f"interactions older than {DAYS} days, which Algolia ignores", len(material.table("interactions")) - len(events)
    )
    matching(events, "userToken", USER, TITLE, "a token")
    at_most(events, "eventName", EVENT_NAME, TITLE)
    listed = beside(material, settings.page, settings.most)
    records = select(
        """
        SELECT product_id AS "objectID", title, brand, category, price, currency, image_url, url,
            coalesce(related, []) AS rec_ids, coalesce(complementary, []) AS rec_with_ids
        FROM products LEFT JOIN beside USING (product_id) ORDER BY product_id
        """,
        products=material.table("products"),
        beside=listed,
    )
    rules = material.sql("""
        SELECT 'reco-pinned-' || context AS "objectID",
            {'promote': list({'objectID': product_id, 'position': position - 1} ORDER BY position),
             'hide': []::STRUCT("objectID" VARCHAR)[]} AS consequence, true AS enabled
        FROM pinned GROUP BY context
        UNION ALL
        SELECT 'reco-banned', {'promote': []::STRUCT("objectID" VARCHAR, "position" INTEGER)[],
            'hide': list({'objectID': product_id} ORDER BY product_id)}, true FROM banned HAVING count(*) > 0
        ORDER BY 1
    """)
    records_to = f"to index {settings.index} by partialUpdateObject"
    return [
        Output("events.csv", events, "csv", "in Algolia's dashboard under Recommend, as CSV (beta)",
               key=("userToken", "timestamp", "objectID", "eventName"), ids=("userToken", "objectID"), most=CSV),
        Output("events.jsonl", calls, "jsonl", "to the Insights API, at most 1,000 events a call",
               key=("userToken", "timestamp", "objectIDs", "eventName")),
        Output("records.jsonl", records, "jsonl", records_to, key=("objectID",)),
        Output("rules.jsonl", rules, "jsonl", "to Recommend by batchRecommendRules", key=("objectID",)),
    ]  # fmt: skip
