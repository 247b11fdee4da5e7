"""IBM Watson: no feed of products or events is documented, so two plain CSVs that say what their columns are."""

from reco.exports import feeds
from reco.exports.base import ExportSettings, Material, Output

TITLE = "IBM Watson"
ABOUT = "Products with their lists and events as plain CSVs, since no feed of either is documented."


class Settings(ExportSettings):
    """The context whose lists the column rec_ids holds, and how many products of each."""

    page: str = "product_page"
    most: int = 10


def outputs(material: Material, settings: Settings) -> list[Output]:
    """Products: id, title, description, category, brand, price, currency, stock, link, picture and list; events."""
    rows = feeds.goods(
        material,
        settings.page,
        settings.most,
        """
        SELECT product_id, title, description, category, brand, price, currency, stock, url, image_url,
            rec_ids
        FROM goods
        """,
    )
    material.remarks.append("no feed of IBM Watson is documented: these are plain CSVs to agree on with IBM")
    where = "to your contact at IBM: no feed is documented"
    ids = ("product_id", "url", "image_url", "rec_ids")
    return [Output("products.csv", rows, "csv", where, key=("product_id",), ids=ids), feeds.events(material, where)]
