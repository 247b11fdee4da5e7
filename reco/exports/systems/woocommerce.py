"""WooCommerce: upsells and cross-sells of every product, for its product importer.

The importer makes a placeholder product of every name that it does not know, so only products of the catalogue are
named: by `id:N` where the store's ids are WooCommerce's numbers, else by SKU.
"""

from reco.exports.base import ExportSettings, Material, Output, select
from reco.exports.products import beside

TITLE = "WooCommerce"
ABOUT = "Upsells (shown on product pages) and cross-sells (shown in the cart) of every product."


class Settings(ExportSettings):
    """The context whose lists are the upsells, and how many products a list holds."""

    page: str = "product_page"
    most: int = 8


def outputs(material: Material, settings: Settings) -> list[Output]:
    """One row a product that has something to recommend; an empty cell takes its links away."""
    rows = select(
        r"""
        WITH named AS (
            SELECT product_id, regexp_full_match(product_id, '[0-9]{1,18}') AS is_id, sku,
                CASE WHEN is_id THEN 'id:' || product_id ELSE nullif(replace(sku, ',', '\,'), '') END AS name
            FROM products
        ), known AS (
            SELECT * FROM named WHERE name IS NOT NULL QUALIFY count(*) OVER (PARTITION BY name) = 1
        ), links AS (
            SELECT product_id, 'u' AS kind, unnest(related) AS other, generate_subscripts(related, 1) AS n FROM beside
            UNION ALL SELECT product_id, 'c', unnest(complementary), generate_subscripts(complementary, 1) FROM beside
        ), cells AS (
            SELECT l.product_id, string_agg(k.name, ', ' ORDER BY l.n) FILTER (kind = 'u') AS upsells,
                string_agg(k.name, ', ' ORDER BY l.n) FILTER (kind = 'c') AS cross_sells
            FROM links l JOIN known k ON k.product_id = l.other GROUP BY l.product_id
        )
        SELECT CASE WHEN k.is_id THEN k.product_id ELSE '' END AS "ID", coalesce(k.sku, '') AS "SKU",
            coalesce(upsells, '') AS "Upsells", coalesce(cross_sells, '') AS "Cross-sells"
        FROM known k JOIN cells USING (product_id) ORDER BY k.product_id
        """,
        beside=beside(material, settings.page, settings.most),
        products=material.table("products"),
    )
    where = "in WordPress under Products, Import, with 'Update existing products' ticked"
    return [Output("products.csv", rows, "csv", where, key=("ID", "SKU"), ids=tuple(rows.column_names))]
