"""Klaviyo: a custom catalog feed, a web feed of what is popular, and every customer's list as profile properties.

A `{% catalog %}` tag with an id that the catalog feed lacks makes Klaviyo skip the whole message, so lists hold ids of
that feed only. Scalars go into the CSV, lists into the JSON: how a list is typed in a CSV is not documented.
"""

from typing import Any, Final

from pydantic import Field

from reco.errors import InputError
from reco.exports.base import NO_ROWS, ExportSettings, Material, Output, at_most, select

TITLE = "Klaviyo"
ABOUT = "A catalog feed, a web feed, profile properties by API and by CSV, and the template that shows them."
#: Profiles of one bulk import, bytes of one call and of a web feed.
PROFILES, CALL, FEED = 10_000, 5_000_000, 3_300_000

#: What a message holds to show a list; a profile without one is shown the web feed.
TEMPLATE: Final = """\
{% if person|lookup:'rec_ids' %}
{% for item in person|lookup:'rec_ids' %}{% catalog item %}
<a href="{{ catalog_item.url }}"><img src="{{ catalog_item.featured_image.full.src }}" alt="">
{{ catalog_item.title }}</a>
{% endcatalog %}{% endfor %}
{% else %}
{% for item in feeds.popular.items|slice:":4" %}
<a href="{{ item.link }}"><img src="{{ item.image_link }}" alt="">{{ item.title }}</a>
{% endfor %}
{% endif %}
"""


class Settings(ExportSettings):
    """The context whose slates become properties, how many products of each, and how many profiles a call holds."""

    context: str = "email"
    most: int = Field(default=4, ge=1, le=20)
    profiles: int = Field(default=2_000, ge=1, le=PROFILES)


def outputs(material: Material, settings: Settings) -> list[Output]:
    """Catalog, web feed, bulk imports, CSV of profiles, template."""
    catalog = material.sql("""
        SELECT product_id AS id, title, url AS link, coalesce(description, title) AS description, price,
            image_url AS image_link, CASE WHEN category IS NULL THEN [] ELSE [category] END AS categories,
            stock::BIGINT AS inventory_quantity, CASE WHEN stock IS NULL THEN 1 ELSE 2 END AS inventory_policy
        FROM products WHERE title IS NOT NULL AND url IS NOT NULL AND image_url IS NOT NULL AND price IS NOT NULL
        ORDER BY product_id
    """)
    material.leave_out(
        "products without link, picture or price, which Klaviyo's catalog asks for",
        len(material.table("products")) - len(catalog),
    )
    tables: dict[str, Any] = {name: material.table(name) for name in ("lists", "interactions", "contacts", "customers")}
    popular = select(
        """
        SELECT coalesce(list({'id': id, 'title': title, 'link': link, 'image_link': image_link, 'price': price}
            ORDER BY n DESC, id), []) AS items
        FROM (SELECT c.*, count(*) AS n FROM catalog c JOIN interactions i ON i.product_id = c.id GROUP BY ALL
              ORDER BY n DESC, id LIMIT 20)
        """,
        catalog=catalog,
        **tables,
    )
    profiles = select(
        """
        WITH places AS (
            SELECT customer_id, unnest(items) AS place FROM lists WHERE context = ? AND customer_id IS NOT NULL
        ), known AS (
            SELECT customer_id, list(place.product_id ORDER BY place.position)[:?] AS ids
            FROM places SEMI JOIN catalog ON catalog.id = place.product_id GROUP BY customer_id
        )
        SELECT email, customer_id, ids FROM known JOIN contacts USING (customer_id)
        SEMI JOIN customers ON customers.customer_id = known.customer_id AND customers.mail ORDER BY email
        """,
        [settings.context, settings.most],
        catalog=catalog,
        **tables,
    )
    calls = select(
        """
        SELECT {'type': 'profile-bulk-import-job', 'attributes': {'profiles': {'data': list({
            'type': 'profile', 'attributes': {'email': email, 'properties': {'rec_ids': ids, 'rec_at': ?}}
        } ORDER BY email)}}} AS data
        FROM (SELECT *, (row_number() OVER (ORDER BY email) - 1) // ? AS call FROM profiles) GROUP BY call ORDER BY call
        """,
        [material.made_at, settings.profiles],
        profiles=profiles,
    )
    columns = ", ".join(f"coalesce(ids[{n}], '') AS rec_{n}_id" for n in range(1, settings.most + 1))
    table = select(f'SELECT email AS "Email", {columns} FROM profiles ORDER BY email', profiles=profiles)
    for rows, most, hint in ((calls, CALL, "fewer exports.klaviyo.profiles"), (popular, FEED, "shorter titles")):
        longest = select("SELECT max(strlen(to_json(t)::VARCHAR)) AS n FROM t", t=rows)["n"][0].as_py() or 0
        if longest > most:
            raise InputError(f"{TITLE}: one call or feed has {longest:,} bytes, {most:,} are allowed; expected {hint}")
    at_most(catalog, "id", 255, TITLE)
    feed = "at an address of your own, which Klaviyo reads every 6 hours"
    return [
        Output("catalog.json", catalog, "json", f"{feed} (Content, Products, custom catalog)", key=("id",)),
        Output("popular.json", popular, "json", f"{feed} as web feed `popular`; the same for everyone"),
        Output("profiles.jsonl", calls, "jsonl", "to /api/profile-bulk-import-jobs, one call a line"),
        Output("profiles.csv", table, "csv", "in Klaviyo under Lists, Import, into a list that mails nobody",
               key=("Email",), ids=tuple(table.column_names)),
        Output("template.html", NO_ROWS, "text", "into a block of a message", template=TEMPLATE),
    ]  # fmt: skip
