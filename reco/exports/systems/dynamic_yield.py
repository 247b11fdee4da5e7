"""Dynamic Yield: its product feed, with our lists in a column of our own, and events as a plain CSV."""

from typing import Final

from reco.errors import InputError
from reco.exports import feeds
from reco.exports.base import ExportSettings, Material, Output, at_most, matching, select

TITLE = "Dynamic Yield"
ABOUT = "The product feed by its documented columns; events as a plain CSV, since no file of events is documented."
#: Characters of a SKU and of other texts, and products of a feed.
SKU, TEXT, PRODUCTS = 256, 1000, 5_000_000
#: Bytes of a feed by how many products it has at most.
BYTES: Final = {20_000: 25_000_000, 200_000: 180_000_000, PRODUCTS: 1_000_000_000}
_LINK: Final = "(?i:https?)://.*"


class Settings(ExportSettings):
    """The context whose lists the column rec_ids holds, and how many products of each."""

    page: str = "product_page"
    most: int = 10


def outputs(material: Material, settings: Settings) -> list[Output]:
    """Product feed and events. A group_id or category that changes resets what Dynamic Yield has learned.

    It skips products without a picture or a category, and refuses a feed with many of them.
    """
    whole = feeds.goods(
        material,
        settings.page,
        settings.most,
        """
        SELECT product_id AS sku, product_id AS group_id, title AS name, url, price, coalesce(stock, 1) > 0 AS in_stock,
            image_url,
            array_to_string([replace(one, '|', '/') FOR one IN [department, category, subcategory] IF one IS NOT NULL],
                '|') AS categories,
            rec_ids
        FROM goods
        """,
    )
    rows = select("FROM whole WHERE image_url IS NOT NULL AND categories <> ''", whole=whole)
    material.leave_out("products without picture or category, which Dynamic Yield skips", len(whole) - len(rows))
    if len(rows) > PRODUCTS:
        raise InputError(f"{TITLE}: productfeed.csv has {len(rows):,} products; expected at most {PRODUCTS:,}")
    at_most(rows, "sku", SKU, TITLE)
    for column in ("name", "url", "image_url", "categories", "rec_ids"):
        at_most(rows, column, TEXT, TITLE)
    matching(rows, "sku", r"(?:[^\s/]|/[^\s/])*/?", TITLE, "no spaces and no // in it")
    for column in ("url", "image_url"):
        matching(rows, column, _LINK, TITLE, "a link that begins with http:// or https://")
    where = "at an address that Dynamic Yield reads"
    feed = Output(
        "productfeed.csv",
        rows,
        "csv",
        where,
        key=("sku",),
        ids=("sku", "group_id", "rec_ids", "url", "image_url"),
        whole=True,
        most=next(most for products, most in BYTES.items() if len(rows) <= products),
    )
    return [feed, feeds.events(material, "to your contact at Dynamic Yield: no file of events is documented")]
