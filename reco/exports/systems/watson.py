"""IBM Watson: the product catalogue of its Real-Time Personalization as far as IBM describes it, and events as a CSV.

IBM gave that service to Acoustic, whose catalogue has the same columns. What stands there beside them are attributes of
our own, our lists among them; no file of events is described.
"""

from typing import Final

from reco.exports import feeds
from reco.exports.base import ExportSettings, Material, Output, at_most

TITLE = "IBM Watson"
ABOUT = "Products by the described columns of its catalogue; events as a plain CSV, since no file of them is described."
#: Characters of an id and a category, of a title, and of a description.
ID, NAME, TEXT = 50, 150, 5000
_REMARK: Final = (
    "IBM describes a catalogue of products only: agree with IBM, or with Acoustic, on attributes and events"
)


class Settings(ExportSettings):
    """The context whose lists the column rec_ids holds, and how many products of each."""

    page: str = "product_page"
    most: int = 10


def outputs(material: Material, settings: Settings) -> list[Output]:
    """Catalogue and events. A comma in a category would make two of it; titles and descriptions are cut."""
    rows = feeds.goods(
        material,
        settings.page,
        settings.most,
        f"""
        SELECT product_id AS id, left(title, {NAME}) AS title,
            left(coalesce(description, title), {TEXT}) AS description, image_url AS image_link,
            replace(category, ',', ' ') AS product_category, brand, price, currency, stock, url, rec_ids
        FROM goods
        """,
    )
    at_most(rows, "id", ID, TITLE)
    at_most(rows, "product_category", ID, TITLE)
    material.remarks.append(_REMARK)
    ids = ("id", "url", "image_link", "rec_ids")
    catalogue = Output("products.csv", rows, "csv", "to the catalogue, as CSV", key=("id",), ids=ids)
    return [catalogue, feeds.events(material, "to your contact at IBM: no file of events is described")]
