"""Mailchimp: an audience import whose merge fields hold titles, links and pictures of every customer's list.

Mailchimp's own recommendation blocks ask its own model and take no list from outside, so a template block shows merge
fields. It clips a text at 255 bytes without a word: titles are cut here at a whole character, links that are too long
are refused. Whether it escapes what it puts into a message is not documented, so values hold nothing that HTML or its
own tags would read.
"""

from typing import Final

from pydantic import Field

from reco.exports.base import NO_ROWS, ExportSettings, Material, Output, at_most, select

TITLE = "Mailchimp"
ABOUT = "An audience import with merge fields, and the template block that shows them."
#: Bytes of a text field, fields of an audience, and fields that one product takes: title, link, picture, price.
BYTES, FIELDS, PARTS = 255, 30, 4
#: Bytes of a title: one is kept for the apostrophe that guards it against spreadsheets.
_CUT: Final = BYTES - 1

#: Conditions side by side, since none within another is documented for campaigns: no picture, no empty box.
_BLOCK: Final = """\
*|IF:REC{n}I|*
<a href="*|REC{n}U|*" tabindex="-1" aria-hidden="true"><img src="*|REC{n}I|*" alt=""></a>
*|END:IF|*
*|IF:REC{n}T|*
<a href="*|REC{n}U|*">*|REC{n}T|* *|REC{n}P|*</a>
*|END:IF|*
"""


class Settings(ExportSettings):
    """The context whose slates are sent, and how many products of each."""

    context: str = "email"
    most: int = Field(default=3, ge=1, le=FIELDS // PARTS)


def outputs(material: Material, settings: Settings) -> list[Output]:
    """One row an address: four fields a product; the block that shows them."""
    places = range(1, settings.most + 1)
    cells = ", ".join(
        f"coalesce(shown[{n}].title, '') AS REC{n}T, coalesce(shown[{n}].url, '') AS REC{n}U, "
        f"coalesce(shown[{n}].image, '') AS REC{n}I, coalesce(shown[{n}].price, '') AS REC{n}P"
        for n in places
    )
    rows = select(
        f"""
        WITH goods AS (
            SELECT product_id, {_link("url")} AS url, {_link("coalesce(image_url, '')")} AS image,
                CASE WHEN strlen(title) <= {_CUT} THEN title ELSE left(title, list_max(list_filter(
                    range({_CUT // 4}, {_CUT + 1}), lambda n: strlen(left(title, n)) <= {_CUT}))::BIGINT)
                END AS title,
                CASE WHEN price IS NULL THEN '' ELSE printf('%.2f', price) || ' ' || coalesce(currency, '') END AS price
            FROM (SELECT * REPLACE (translate(title, chr(10) || chr(13) || '<>|', '  ‹›¦') AS title) FROM products)
            WHERE title IS NOT NULL AND url IS NOT NULL
        ), places AS (
            SELECT customer_id, unnest(items) AS place FROM lists WHERE context = ? AND customer_id IS NOT NULL
        ), known AS (
            SELECT customer_id, list({{'title': g.title, 'url': g.url, 'image': g.image, 'price': g.price}}
                ORDER BY place.position) AS shown
            FROM places JOIN goods g ON g.product_id = place.product_id GROUP BY customer_id
        )
        SELECT email AS "Email Address", {cells} FROM known JOIN contacts USING (customer_id)
        SEMI JOIN customers ON customers.customer_id = known.customer_id AND customers.mail ORDER BY email
        """,
        [settings.context],
        **{name: material.table(name) for name in ("products", "lists", "contacts", "customers")},
    )
    for column in (f"REC{n}{part}" for n in places for part in "UI"):
        at_most(rows, column, BYTES, TITLE, unit="bytes")
    block = "".join(_BLOCK.replace("{n}", str(n)) for n in places)
    links = tuple(f"REC{n}{part}" for n in places for part in "UI")
    return [
        Output("audience.csv", rows, "csv", "in Mailchimp under Audience, Import contacts, 'Update any existing'",
               key=("Email Address",), ids=("Email Address", *links)),
        Output("template.html", NO_ROWS, "text", "into a code block of a template", template=block),
    ]  # fmt: skip


def _link(column: str) -> str:
    """SQL of a link whose signs that would end an attribute, or begin a tag of Mailchimp, are percent-encoded."""
    for sign in ' "<>|':
        column = f"replace({column}, '{sign}', '%{ord(sign):02X}')"
    return column
