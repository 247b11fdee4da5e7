"""Barilliance: its product feed, with our lists in Connected Products, and events as a plain CSV."""

from reco.exports import feeds
from reco.exports.base import ExportSettings, Material, Output

TITLE = "Barilliance"
ABOUT = (
    "The product feed by the fields that it describes; events as a plain CSV, since no file of events is documented."
)


class Settings(ExportSettings):
    """The context whose lists are the connected products, how many of each, and the sign that joins them.

    The sign is not documented: agree on it with Barilliance.
    """

    page: str = "product_page"
    most: int = 10
    joiner: str = ","


def outputs(material: Material, settings: Settings) -> list[Output]:
    """Product feed and events."""
    joiner = settings.joiner.replace("'", "''")
    rows = feeds.goods(
        material,
        settings.page,
        settings.most,
        f"""
        SELECT product_id AS "Product ID", product_id AS "Master Product ID",
            array_to_string([replace(one, '>', '-') FOR one IN [department, category, subcategory] IF one IS NOT NULL],
                ' > ') AS "Category tree",
            title AS "Name", coalesce(image_url, '') AS "Image", url AS "URL", price AS "Sale Price",
            price AS "Retail Price", CASE WHEN coalesce(stock, 1) > 0 THEN 'in stock' ELSE 'out of stock' END
                AS "Availability",
            coalesce(brand, '') AS "Brand", replace(rec_ids, '|', '{joiner}') AS "Connected Products"
        FROM goods
        """,
    )
    where = "at an address that Barilliance reads; tell them before columns change"
    ids = ("Product ID", "Master Product ID", "Image", "URL", "Connected Products")
    feed = Output("products.csv", rows, "csv", where, key=("Product ID",), ids=ids, whole=True)
    return [feed, feeds.events(material, "to your contact at Barilliance: no file of events is documented")]
