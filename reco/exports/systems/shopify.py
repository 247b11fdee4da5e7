"""Shopify: complementary and related products, as metafields in a product CSV that the admin imports.

Handles stand in one cell, joined by `; `. Labels before the brackets are localized: where the settings name the shop's
own product export, its headers are written back as they are.
"""

import csv
from pathlib import Path
from typing import Final

import pyarrow as pa

from reco.errors import InputError
from reco.exports.base import ExportSettings, Material, Output, at_most, select
from reco.exports.products import beside

TITLE = "Shopify"
ABOUT = "Complementary and related products of every product, for the product importer of the admin."

_NAMESPACE: Final = "product.metafields.shopify--discovery--product_recommendation"
#: The headers of a shop in English, by what they are known by: the text in their last brackets, or the whole.
HEADERS: Final = {
    "handle": "URL handle",
    "title": "Title",
    f"{_NAMESPACE}.complementary_products": f"Complementary products ({_NAMESPACE}.complementary_products)",
    f"{_NAMESPACE}.related_products": f"Related products ({_NAMESPACE}.related_products)",
    f"{_NAMESPACE}.related_products_display": f"Related products settings ({_NAMESPACE}.related_products_display)",
}
#: Products in one metafield, and characters of a handle.
MOST, HANDLE = 10, 255


class Settings(ExportSettings):
    """The context whose lists are the related products, and the shop's own export whose headers are written."""

    page: str = "product_page"
    headers: Path | None = None


def outputs(material: Material, settings: Settings) -> list[Output]:
    """One row a product that has something to recommend; a cell that is empty takes the list away."""
    lists = beside(material, settings.page, MOST)
    names = headers(settings.headers) if settings.headers else dict(HEADERS)
    columns = dict(zip(names, ("handle", "title", "complementary", "related", "display"), strict=True))
    named = ", ".join(f'''{column} AS "{names[key].replace('"', '""')}"''' for key, column in columns.items())
    made = _cells(material, lists).rename_columns(list(columns.values()))
    at_most(made, "handle", HANDLE, TITLE)
    rows = select(f"SELECT {named} FROM made", made=made)
    where = "in the admin under Products, Import, with 'Overwrite products with matching handles' ticked"
    return [Output("products.csv", rows, "csv", where, key=(names["handle"],), ids=tuple(rows.column_names))]


def _cells(material: Material, lists: pa.Table) -> pa.Table:
    """Handle, title, complementary, related, display of each product with a list."""
    return select(
        """
        SELECT p.product_id, p.title, array_to_string(complementary, '; '), array_to_string(related, '; '), 'ahead'
        FROM beside JOIN products p USING (product_id) ORDER BY p.product_id
        """,
        beside=lists,
        products=material.table("products"),
    )


def headers(path: Path) -> dict[str, str]:
    """The headers of a product export by what they are known by; raises `InputError` where one is missing."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            found = next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"exports.shopify.headers: {path}: not readable ({error})") from None
    known = {_known_by(header): header for header in found}
    aliases = {"handle": ("handle", "url handle"), "title": ("title",)}
    chosen = {key: next((known[one] for one in aliases.get(key, (key,)) if one in known), None) for key in HEADERS}
    display = f"{_NAMESPACE}.related_products_display"
    chosen[display] = chosen[display] or HEADERS[display]
    missing = [HEADERS[key] for key, header in chosen.items() if header is None]
    if missing:
        raise InputError(f"{path}: no column {missing[0]}; expected the shop's product export with these metafields")
    return chosen


def _known_by(header: str) -> str:
    """The text in a header's last brackets, else the whole header, in small letters.

    >>> _known_by("Productos complementarios (product.metafields.a.b)"), _known_by("URL handle")
    ('product.metafields.a.b', 'url handle')
    """
    inner = header.rstrip().removesuffix(")").rpartition("(")[2] if header.rstrip().endswith(")") else header
    return inner.strip().lower()
