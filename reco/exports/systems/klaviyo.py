"""Klaviyo: a custom catalog feed, web feeds, and every customer's list as profile properties.

A `{% catalog %}` tag with an id that the catalog feed lacks makes Klaviyo skip the whole message, so lists hold ids of
that feed only. Scalars go into the CSV, lists into the JSON: how a list is typed in a CSV is not documented.

Klaviyo fetches a web feed by a schedule of its own, once for everybody, and an account has ten; there is no address a
customer. So the lists of all customers stand in a few feeds, each under a key that the customer's profile holds. Feeds
are fetched without a password, so a key is a hash with the shop's secret: nobody else can tell whose list it names.
"""

from typing import Any, Final

import pyarrow as pa
from pydantic import Field, SecretStr

from reco.errors import InputError
from reco.exports.base import NO_ROWS, ExportSettings, Material, Output, at_most, select

TITLE = "Klaviyo"
ABOUT = "A catalog feed, a web feed, profile properties by API and by CSV, and the template that shows them."
#: Profiles of one bulk import, bytes of one call and of a web feed, and web feeds of an account, less `popular`.
PROFILES, CALL, FEED, FEEDS = 10_000, 5_000_000, 3_300_000, 9
#: Bytes of the catalog feed and of the CSV of profiles.
CATALOG, CSV = 100_000_000, 50_000_000

_ITEM: Final = """\
<a href="{{ catalog_item.url }}"><img src="{{ catalog_item.featured_image.full.src }}" alt="">
{{ catalog_item.title }}</a>
"""
_POPULAR: Final = """\
{% for item in feeds.popular.items|slice:":4" %}
<a href="{{ item.link }}"><img src="{{ item.image_link }}" alt="">{{ item.title }}</a>
{% endfor %}
"""
#: What a message holds to show a list; a profile without one is shown what is popular.
TEMPLATE: Final = (
    "{% if person|lookup:'rec_ids' %}\n{% for item in person|lookup:'rec_ids' %}{% catalog item %}\n"
    + _ITEM
    + "{% endcatalog %}{% endfor %}\n{% else %}\n"
    + _POPULAR
    + "{% endif %}\n"
)


def feed_template(feeds: int) -> str:
    """What a message holds to show a list out of so many web feeds."""
    one = (
        "{% for item in feeds.recommended_N.lists|lookup:key %}{% catalog item %}\n"
        + _ITEM
        + "{% endcatalog %}{% endfor %}\n"
    )
    lists = "".join(one.replace("_N", f"_{number}") for number in range(1, feeds + 1))
    return (
        "{% with key=person|lookup:'rec_key' %}{% if key %}\n" + lists + "{% else %}\n" + _POPULAR
        + "{% endif %}{% endwith %}\n"
    )  # fmt: skip


class Settings(ExportSettings):
    """The context whose slates become properties, how many products of each, and how many profiles a call holds.

    With a `secret` (RECO_EXPORTS__KLAVIYO__SECRET), web feeds hold everybody's list as well.
    """

    context: str = "email"
    most: int = Field(default=4, ge=1, le=20)
    profiles: int = Field(default=2_000, ge=1, le=PROFILES)
    secret: SecretStr | None = Field(default=None, min_length=16)


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
        SELECT 'popular' AS name, coalesce(list({'id': id, 'title': title, 'link': link, 'image_link': image_link,
            'price': price} ORDER BY n DESC, id), []) AS items
        FROM (SELECT c.*, count(*) AS n FROM catalog c JOIN interactions i ON i.product_id = c.id GROUP BY ALL
              ORDER BY n DESC, id LIMIT 20)
        """,
        catalog=catalog,
        **tables,
    )
    secret = settings.secret.get_secret_value() if settings.secret else None
    profiles = select(
        """
        WITH places AS (
            SELECT customer_id, unnest(items) AS place FROM lists WHERE context = $1 AND customer_id IS NOT NULL
        ), known AS (
            SELECT customer_id, list(place.product_id ORDER BY place.position)[:$3] AS ids
            FROM places SEMI JOIN catalog ON catalog.id = place.product_id GROUP BY customer_id
        )
        SELECT email, ids, left(sha256($2 || sha256($2 || customer_id)), 32) AS key FROM known
        JOIN contacts USING (customer_id)
        SEMI JOIN customers ON customers.customer_id = known.customer_id AND customers.mail ORDER BY email
        """,
        [settings.context, secret, settings.most],
        catalog=catalog,
        **tables,
    )
    columns = "".join(f", coalesce(ids[{n}], '') AS rec_{n}_id" for n in range(1, settings.most + 1))
    columns += ", key AS rec_key" if secret else ""
    table = select(f'SELECT email AS "Email"{columns} FROM profiles ORDER BY email', profiles=profiles)
    _fits(popular, FEED, "shorter titles")
    at_most(catalog, "id", 255, TITLE)
    feed = "at an address of your own, which Klaviyo reads every 6 hours"
    web_feed = "at an address of your own, as web feed"
    outputs = [
        Output("catalog.json", catalog, "json", f"{feed} (Content, Products, custom catalog)", key=("id",), whole=True,
               most=CATALOG),
        Output("popular.json", popular, "jsonl", f"{web_feed} `popular`; the same for everyone", key=("name",),
               whole=True),
        Output("profiles.jsonl", profiles, "jsonl", "to /api/profile-bulk-import-jobs, one call a line", key=("email",),
               pack=_calls(material.made_at, settings)),
        Output("profiles.csv", table, "csv", "in Klaviyo under Lists, Import, into a list that mails nobody",
               key=("Email",), ids=tuple(table.column_names), most=CSV),
        Output("template.html", NO_ROWS, "text", "into a block of a message", template=TEMPLATE),
    ]  # fmt: skip
    if secret:
        parts = _web_feeds(profiles, material)
        outputs += [
            Output(f"{part['name'][0].as_py()}.json", part, "jsonl", f"{web_feed} `{part['name'][0].as_py()}`",
                   key=("name",), whole=True)
            for part in parts
        ]  # fmt: skip
        block = feed_template(len(parts))
        outputs.append(
            Output("template_feeds.html", NO_ROWS, "text", "into a block that shows web feeds", template=block)
        )
    return outputs


def _calls(made_at: str, settings: Settings) -> Any:
    """What makes calls of profiles; the lists of those that are no more are emptied."""

    def pack(profiles: pa.Table, removed: pa.Table | None) -> pa.Table:
        key = ", 'rec_key': key" if settings.secret else ""
        gone = profiles.schema.empty_table() if removed is None else removed
        calls = select(
            f"""
            WITH rows AS (
                SELECT email, ids, key FROM profiles
                UNION ALL SELECT email, []::VARCHAR[], NULL FROM gone
            )
            SELECT {{'type': 'profile-bulk-import-job', 'attributes': {{'profiles': {{'data': list({{
                'type': 'profile', 'attributes': {{'email': email, 'properties': {{'rec_ids': ids, 'rec_at': ?{key}}}}}
            }} ORDER BY email)}}}}}} AS data
            FROM (SELECT *, (row_number() OVER (ORDER BY email) - 1) // ? AS call FROM rows) GROUP BY call ORDER BY call
            """,
            [made_at, settings.profiles],
            profiles=profiles,
            gone=gone,
        )
        _fits(calls, CALL, "fewer exports.klaviyo.profiles")
        return calls

    return pack


def _web_feeds(profiles: pa.Table, material: Material) -> list[pa.Table]:
    """A table of one row a feed: name, and lists by key; as many feeds as an account may have."""
    numbered = select(
        """
        SELECT key, ids, 1 + (sum(strlen(to_json({'k': key, 'ids': ids})::VARCHAR)) OVER (ORDER BY key)) // ? AS feed
        FROM profiles
        """,
        [FEED - 1_000],
        profiles=profiles,
    )
    feeds = select(
        """
        SELECT 'recommended_' || feed::INT AS name, map_from_entries(list({'k': key, 'v': ids} ORDER BY key)) AS lists
        FROM numbered WHERE feed <= ? GROUP BY feed ORDER BY feed
        """,
        [FEEDS],
        numbered=numbered,
    )
    over = select("SELECT count(*) AS n FROM numbered WHERE feed > ?", [FEEDS], numbered=numbered)["n"][0].as_py()
    if over:
        material.remarks.append(f"{over:,} customers have their list as properties only: {FEEDS} web feeds are full")
    return [feeds.slice(n, 1) for n in range(len(feeds))]


def _fits(rows: pa.Table, most: int, hint: str) -> None:
    longest = select("SELECT max(strlen(to_json(t)::VARCHAR)) AS n FROM t", t=rows)["n"][0].as_py() or 0
    if longest > most:
        raise InputError(f"{TITLE}: one call or feed has {longest:,} bytes, {most:,} are allowed; expected {hint}")
