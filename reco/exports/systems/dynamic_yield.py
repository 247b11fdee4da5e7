"""Dynamic Yield: its product feed, with our lists in a column of our own, and events as a plain CSV."""

from reco.exports import feeds
from reco.exports.base import ExportSettings, Material, Output, at_most, matching

TITLE = "Dynamic Yield"
ABOUT = "The product feed by its documented columns; events as a plain CSV, since no file of events is documented."
#: Characters of a SKU.
SKU = 256


class Settings(ExportSettings):
    """The context whose lists the column rec_ids holds, and how many products of each."""

    page: str = "product_page"
    most: int = 10


def outputs(material: Material, settings: Settings) -> list[Output]:
    """Product feed and events. A group_id or category that changes resets what Dynamic Yield has learned."""
    rows = feeds.goods(
        material,
        settings.page,
        settings.most,
        """
        SELECT product_id AS sku, product_id AS group_id, title AS name, url, price, coalesce(stock, 1) > 0 AS in_stock,
            coalesce(image_url, '') AS image_url,
            array_to_string([replace(one, '|', '/') FOR one IN [department, category, subcategory] IF one IS NOT NULL],
                '|') AS categories,
            rec_ids
        FROM goods
        """,
    )
    at_most(rows, "sku", SKU, TITLE)
    matching(rows, "sku", r"(?:[^\s/]|/[^\s/])*/?", TITLE, "no spaces and no // in it")
    where = "at an address that Dynamic Yield reads"
    feed = Output(
        "productfeed.csv",
        rows,
        "csv",
        where,
        key=("sku",),
        ids=("sku", "group_id", "rec_ids", "url", "image_url"),
        whole=True,
    )
    return [feed, feeds.events(material, "to your contact at Dynamic Yield: no file of events is documented")]
