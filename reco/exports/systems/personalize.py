"""Amazon Personalize: the three data sets that it trains on, and lists in and out of batch inference.

Files are CSV with a header that names the fields of an Avro schema, which stands beside each; times are seconds.
"""

from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa

from reco.errors import InputError
from reco.exports.base import NO_ROWS, ExportSettings, Material, Output, at_least_rows, at_most, select
from reco.exports.forms import dumped

TITLE = "Amazon Personalize"
ABOUT = "Interactions, items and users with their Avro schemas, and the input of batch inference."

#: Names that Personalize takes in a meaning of its own, by data set; other fields must not have them.
RESERVED: Final = {
    "Interactions": {
        "USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE", "EVENT_VALUE", "IMPRESSION", "RECOMMENDATION_ID",
        "EVENT_ATTRIBUTION_SOURCE",
    },
    "Items": {
        "ITEM_ID", "PRICE", "CATEGORY_L1", "CATEGORY_L2", "CATEGORY_L3", "PRODUCT_DESCRIPTION", "CREATION_TIMESTAMP",
    },
    "Users": {"USER_ID"},
}  # fmt: skip
#: Characters of an id and of a category, fields of an item and of a user, and how much data it asks for.
ID, CATEGORY, ITEM_FIELDS, USER_FIELDS, INTERACTIONS, USERS = 256, 1000, 50, 5, 1000, 25

_KINDS: Final = {pa.string(): "string", pa.int64(): "long", pa.float32(): "float"}


class Settings(ExportSettings):
    """Nothing to set."""


def outputs(material: Material, settings: Settings) -> list[Output]:
    """Three CSVs, three schemas, and one line a customer for batch inference."""
    interactions = material.sql("""
        SELECT customer_id AS USER_ID, product_id AS ITEM_ID, epoch(occurred_at)::BIGINT AS TIMESTAMP,
            event AS EVENT_TYPE, (price * quantity)::FLOAT AS EVENT_VALUE
        FROM interactions ORDER BY occurred_at, customer_id, product_id
    """)
    items = material.sql("""
        SELECT product_id AS ITEM_ID, price::FLOAT AS PRICE, replace(department, '|', '/') AS CATEGORY_L1,
            replace(category, '|', '/') AS CATEGORY_L2, replace(subcategory, '|', '/') AS CATEGORY_L3,
            coalesce(description, title) AS PRODUCT_DESCRIPTION, epoch(published_at)::BIGINT AS CREATION_TIMESTAMP
        FROM products ORDER BY product_id
    """)
    users = material.sql("""
        SELECT customer_id AS USER_ID, country AS COUNTRY, age AS AGE, income AS INCOME,
            household_size AS HOUSEHOLD_SIZE
        FROM customers ORDER BY customer_id
    """)
    batch = material.sql('SELECT DISTINCT customer_id AS "userId" FROM interactions ORDER BY 1')
    for rows, column, most in (
        (interactions, "USER_ID", ID), (interactions, "ITEM_ID", ID), (items, "ITEM_ID", ID), (users, "USER_ID", ID),
        (items, "CATEGORY_L1", CATEGORY), (items, "CATEGORY_L2", CATEGORY), (items, "CATEGORY_L3", CATEGORY),
    ):  # fmt: skip
        at_most(rows, column, most, TITLE)
    at_least_rows(len(interactions), INTERACTIONS, "interactions", TITLE, material)
    twice = select(
        "SELECT count(*) AS n FROM (SELECT USER_ID FROM t GROUP BY USER_ID HAVING count(*) > 1)", t=interactions
    )["n"][0].as_py()
    at_least_rows(twice, USERS, "users with two interactions", TITLE, material)
    last = material.sql("SELECT strftime(max(occurred_at), '%Y-%m-%dT%H:%M:%S.%fZ') AS last FROM interactions")
    # whoever judges a model that was trained on these files must know what it has seen
    material.facts["last_interaction"] = last["last"][0].as_py()
    made = {"Interactions": interactions, "Items": items, "Users": users}
    keys = {"Items": ("ITEM_ID",), "Users": ("USER_ID",), "Interactions": tuple(interactions.column_names[:4])}
    where = "to S3, then a data-set import job"
    files = [
        Output(
            f"{name.lower()}.csv",
            rows,
            "csv",
            where,
            key=keys[name],
            ids=tuple(rows.column_names[: 2 if name == "Interactions" else 1]),
        )
        for name, rows in made.items()
    ]
    schemas = [
        Output(f"{name.lower()}.avsc", NO_ROWS, "text", "when the data set is made; it cannot be changed later",
               template=dumped(schema(name, rows.schema)))
        for name, rows in made.items()
    ]  # fmt: skip
    lines = Output("batch_input.jsonl", batch, "jsonl", "to S3, then a batch inference job", key=("userId",))
    return [*files, *schemas, lines]


def schema(name: str, columns: pa.Schema) -> dict:
    """The Avro schema of a data set; raises `InputError` for a field that Personalize would misread, or too many."""
    most = {"Items": ITEM_FIELDS + 1, "Users": USER_FIELDS + 1}.get(name, len(columns))
    elsewhere = set().union(*RESERVED.values()) - RESERVED[name]
    if wrong := sorted(elsewhere & set(columns.names)):
        raise InputError(f"{TITLE}: {name} has a field {wrong[0]}, whose name is reserved for another data set")
    if len(columns) > most:
        raise InputError(f"{TITLE}: {name} has {len(columns)} fields; expected at most {most}")
    required = {"USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE"}
    textual, plain = {"PRODUCT_DESCRIPTION"}, {*required, "EVENT_VALUE", "PRICE", "CREATION_TIMESTAMP"}
    fields = [
        {
            "name": one.name,
            "type": _KINDS[one.type] if one.name in required else ["null", _KINDS[one.type]],
            **({"textual": True} if one.name in textual else {} if one.name in plain else {"categorical": True}),
        }
        for one in columns
    ]
    named = {"type": "record", "name": name, "namespace": "com.amazonaws.personalize.schema"}
    return {**named, "fields": fields, "version": "1.0"}


def read_batch(path: str | Path) -> pd.DataFrame:
    """Lists out of batch inference, as `reco.models.outside.read_batch` reads them."""
    # the models take seconds to import, and exports need none of them
    from reco.models import outside

    return outside.read_batch(path)
