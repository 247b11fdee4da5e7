"""What exports by product share: lists beside each product, of products that the shop can show."""

from typing import Final

import pyarrow as pa

from reco.exports.base import Material

#: Products that can be shown and bought.
SHOWABLE: Final = "(SELECT * FROM products WHERE recommendable AND coalesce(stock, 1) > 0)"


def beside(material: Material, page: str, most: int) -> pa.Table:
    """Lists by product: product_id, related and complementary (product ids, the best first, `most` at most).

    `related` is what context `page` shows beside the product, `complementary` what goes with it in carts. Neither holds
    the product itself, a product twice, or one that is sold out or not in the catalogue.
    """
    return material.sql(
        f"""
        WITH related AS (
            SELECT anchor_ids[1] AS product_id, place.product_id AS other, place.position AS position
            FROM (SELECT anchor_ids, unnest(items) AS place FROM lists WHERE context = ? AND len(anchor_ids) = 1)
        ), complementary AS (
            SELECT product_id, unnest(items) AS other, generate_subscripts(items, 1) AS position FROM goes_with
        ), kept AS (
            SELECT 'r' AS kind, r.* FROM related r SEMI JOIN {SHOWABLE} s ON s.product_id = r.other
            UNION ALL
            SELECT 'c', c.* FROM complementary c SEMI JOIN {SHOWABLE} s ON s.product_id = c.other
        ), firsts AS (
            SELECT kind, product_id, other, min(position) AS position FROM kept WHERE other <> product_id
            GROUP BY kind, product_id, other
        ), found AS (
            SELECT product_id,
                list(other ORDER BY position) FILTER (kind = 'r') AS related,
                list(other ORDER BY position) FILTER (kind = 'c') AS complementary
            FROM firsts GROUP BY product_id
        )
        SELECT p.product_id, coalesce(related, [])[:{most}] AS related,
            coalesce(complementary, [])[:{most}] AS complementary
        FROM products p LEFT JOIN found USING (product_id)
        WHERE related IS NOT NULL OR complementary IS NOT NULL
        ORDER BY p.product_id
        """,
        page,
    )
