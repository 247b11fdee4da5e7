"""Nosto: products as calls of its API, at most 2 MB each, and events as a plain CSV."""

import pyarrow as pa
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
    feed = Output(
        "products.json",
        rows,
        "json",
        "to /v1/products/upsert, one call a file",
        key=("product_id",),
        cut=lambda rows: _calls(rows, settings.products),
    )
    return [feed, feeds.events(material, "to your contact at Nosto: no file of events is documented")]


def _calls(rows: pa.Table, most: int) -> list[pa.Table]:
    """The rows of each call: so many at most, and no more bytes than a call may have."""
    # four bytes a row are what stands between two of them
    ends = select("SELECT strlen(to_json(t)::VARCHAR) + 4 AS n FROM rows t", rows=rows)["n"].to_numpy().cumsum()
    calls, start = [], 0
    while start < len(rows):
        sent = ends[start - 1] if start else 0
        stop = min(start + most, int(ends.searchsorted(sent + CALL - 4, side="right")))
        if stop == start:
            raise InputError(
                f"{TITLE}: product {rows['product_id'][start].as_py()!r} has {ends[start] - sent:,} bytes in "
                f"products.json; expected at most {CALL:,} a call"
            )
        calls.append(rows.slice(start, stop - start))
        start = stop
    return calls or [rows]
