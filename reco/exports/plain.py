"""Slates in plain forms, which the modules `jsonl`, `parquet`, `csv` and `excel` share."""

from typing import Final

import pyarrow as pa

from reco.exports.base import Form, Material, Output

#: One row a place, for tables.
FLAT: Final = """
    SELECT slate_id, context, customer_id, array_to_string(anchor_ids, ' ') AS anchor_ids, place.position,
        place.product_id, place.score, place.strategy, place.reason, place.fallback, place.propensity
    FROM (SELECT * EXCLUDE (items), unnest(items) AS place FROM lists)
"""
#: A slate is another one when it shows other products, or for another reason; scores alone do not count.
CONTENT: Final = "list_transform(items, lambda one: hash(one.product_id, one.strategy, one.reason, one.position))"
#: Columns of `FLAT` that stand as they are in a CSV.
IDS: Final = ("slate_id", "customer_id", "anchor_ids", "product_id")
WHERE: Final = "read by whatever shows recommendations"


def nested(material: Material, name: str, form: Form) -> list[Output]:
    """One row a slate, with its places in a list."""
    rows = material.table("lists")
    return [Output(name, rows, form, WHERE, key=("context", "customer_id", "anchor_ids"), content=CONTENT)]


def flat(material: Material, name: str, form: Form) -> list[Output]:
    """One row a place."""
    rows = material.sql(FLAT)
    key = ("context", "customer_id", "anchor_ids", "position")
    return [Output(name, rows, form, WHERE, key=key, ids=IDS, content="product_id, strategy, reason")]


def of_lists(rows: pa.Table) -> pa.Table:
    """The slates of a file that was read again, as exports write them."""
    from reco.exports.base import TABLES

    return rows.select(TABLES["lists"].names).cast(TABLES["lists"])
