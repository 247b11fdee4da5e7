"""Slates by key, for stores that are read one key at a time."""

import pyarrow as pa

from reco.exports.base import Material

#: Products of the list for everyone.
POPULAR = 50


def keyed(material: Material) -> pa.Table:
    """key and value (JSON) of every slate by customer, segment, product and context, what goes with each product, and
    what is popular (see `reco.exports.cache` for the names).

    A segment and a context have the products that most of their customers are shown.
    """
    return material.sql(f"""
        WITH slates AS (
            SELECT context, customer_id, anchor_ids, {{'slate_id': slate_id, 'items': items}} AS slate FROM lists
        ), shown AS (
            SELECT l.context, s.segment, place.product_id, sum(1.0 / place.position) AS worth
            FROM (SELECT context, customer_id, unnest(items) AS place FROM lists) l
            LEFT JOIN segments s USING (customer_id)
            GROUP BY GROUPING SETS ((l.context, place.product_id), (l.context, s.segment, place.product_id))
        ), ranked AS (
            SELECT *, row_number() OVER (PARTITION BY context, segment ORDER BY worth DESC, product_id) AS position
            FROM (SELECT context, segment, product_id, max(worth) AS worth FROM shown GROUP BY ALL)
        ), common AS (
            SELECT context, segment,
                list({{'position': position::INT, 'product_id': product_id}} ORDER BY position) AS items
            FROM ranked WHERE position <= 20 GROUP BY context, segment
        ), popular AS (
            SELECT product_id, count(*) AS n FROM interactions JOIN products USING (product_id)
            WHERE event = 'Purchase' GROUP BY product_id ORDER BY n DESC, product_id LIMIT {POPULAR}
        ), best AS (SELECT list({{'product_id': product_id}} ORDER BY n DESC, product_id) AS items FROM popular)
        SELECT 'u:' || context || ':' || customer_id AS key, to_json(slate)::VARCHAR AS value
        FROM slates WHERE customer_id IS NOT NULL
        UNION ALL
        SELECT 'a:' || s.context || ':' || anchor_ids[1], to_json(slate)::VARCHAR
        FROM slates s JOIN contexts c ON c.context = s.context AND c.anchor = 'product'
        WHERE len(anchor_ids) = 1
        UNION ALL
        SELECT CASE WHEN segment IS NULL THEN 'c:' || context ELSE 's:' || context || ':' || segment END,
            to_json({{'slate_id': NULL::VARCHAR, 'items': items}})::VARCHAR FROM common
        UNION ALL
        SELECT 'i:' || product_id, to_json(items)::VARCHAR FROM goes_with
        UNION ALL
        SELECT 'top', to_json({{'slate_id': NULL::VARCHAR, 'items': items}})::VARCHAR FROM best WHERE items IS NOT NULL
    """)
