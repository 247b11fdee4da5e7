"""Product and event feeds that several engines take in much the same form."""

from typing import Final

import pyarrow as pa

from reco.exports.base import Material, Output, select
from reco.exports.products import beside

#: Products that a shop window can show, with their lists.
GOODS: Final = """
    SELECT p.*, array_to_string(coalesce(related, []), '|') AS rec_ids
    FROM products p LEFT JOIN beside USING (product_id)
    WHERE title IS NOT NULL AND url IS NOT NULL AND price IS NOT NULL
    ORDER BY product_id
"""


def goods(material: Material, page: str, most: int, query: str) -> pa.Table:
    """What a query over `goods` gives; the products that cannot be shown are counted as left out."""
    whole = select(GOODS, products=material.table("products"), beside=beside(material, page, most))
    material.leave_out("products without title, link or price", len(material.table("products")) - len(whole))
    return select(query, goods=whole)


def events(material: Material, where: str) -> Output:
    """Purchases and views as a CSV: user_id, product_id, event, time (ISO 8601, UTC), price, quantity, order_id."""
    rows = material.sql("""
        SELECT customer_id AS user_id, product_id, event, strftime(occurred_at, '%Y-%m-%dT%H:%M:%SZ') AS time, price,
            quantity, order_id
        FROM interactions ORDER BY occurred_at, customer_id, product_id
    """)
    key = ("user_id", "product_id", "event", "time", "order_id")
    return Output("events.csv", rows, "csv", where, key=key, ids=("user_id", "product_id", "order_id"))
