"""Nosto: products as calls of its API, at most 2 MB each, and events as a plain CSV."""

from pydantic import Field

from reco.errors import InputError
from reco.exports import feeds
from reco.exports.base import ExportSettings, Material, Output, select

TITLE = "Nosto"
ABOUT = "Products for /v1/products/upsert; events as a plain CSV, since no file of events is documented."
#: Bytes of a call.
CALL = 2_000_000


class Settings(ExportSettings):
    """The context whose lists the custom field rec_ids holds, how many products of each, and products of one call."""

    page: str = "product_page"
    most: int = 10
    products: int = Field(default=500, ge=1)


def outputs(material: Material, settings: Settings) -> list[Output]:
    """One file a call, each a list of products, and the events."""
    rows = feeds.goods(
        material,
        settings.page,
        settings.most,
        """
        SELECT url, product_id, title AS name, image_url, currency AS price_currency_code,
            CASE WHEN coalesce(stock, 1) > 0 THEN 'InStock' ELSE 'OutOfStock' END AS availability,
            [array_to_string([replace(one, '/', '-') FOR one IN [department, category, subcategory] IF one IS NOT NULL],
                '/')] AS categories,
            price, price AS list_price, brand, description, {'rec_ids': rec_ids} AS custom_fields
        FROM goods
        """,
    )
    size = select(
        """
        SELECT max(n) AS n FROM (
            SELECT sum(strlen(to_json(t)::VARCHAR) + 1) AS n
            FROM (SELECT *, (row_number() OVER () - 1) // ? AS call FROM rows) t GROUP BY call
        )
        """,
        [settings.products],
        rows=rows,
    )
    if (size["n"][0].as_py() or 0) > CALL:
        raise InputError(f"{TITLE}: a call has {size['n'][0].as_py():,} bytes; expected fewer exports.nosto.products")
    starts = range(0, max(len(rows), 1), settings.products)
    calls = [
        Output(f"products-{number:04d}.json", rows.slice(start, settings.products), "json",
               "to /v1/products/upsert, one call a file", key=("product_id",))
        for number, start in enumerate(starts, start=1)
    ]  # fmt: skip
    return [*calls, feeds.events(material, "to your contact at Nosto: no file of events is documented")]
