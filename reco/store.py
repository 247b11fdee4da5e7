"""The store: unified tables as Parquet files behind Ibis on DuckDB."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa

from reco.clock import to_utc

#: Wide enough for any amount on its way.
WIDE: Final = dt.Decimal(38, 10)
MONEY: Final = pa.decimal128(18, 4)
TIME: Final = pa.timestamp("us", tz="UTC")
TEXT: Final = pa.string()

#: Where a unified row came from: the source's kind, the name of the raw file, and the line or row in it, from 1.
FILE: Final = "file"
LINE: Final = "line"
_TRAIL: Final = {"source": TEXT, FILE: TEXT, LINE: pa.int64()}

#: Every unified table with the Arrow type of every column, in order. Ids are text, money is decimal beside its
#: currency, times are UTC microseconds. A source fills the columns it knows; the others are null.
SCHEMAS: Final[dict[str, pa.Schema]] = {
    "customers": pa.schema(
        {
            "customer_id": TEXT,
            "country": TEXT,
            "age": TEXT,
            "income": TEXT,
            "home_ownership": TEXT,
            "marital_status": TEXT,
            "household_size": TEXT,
            "household_composition": TEXT,
            "children": TEXT,
            "joined_at": TIME,
            "email_consent": pa.bool_(),
            "personalization_consent": pa.bool_(),
            **_TRAIL,
        }
    ),
    "products": pa.schema(
        {
            "product_id": TEXT,
            "title": TEXT,
            "description": TEXT,
            "department": TEXT,
            "category": TEXT,
            "subcategory": TEXT,
            "brand": TEXT,
            "size": TEXT,
            "sku": TEXT,
            "url": TEXT,
            "image_url": TEXT,
            "price": MONEY,
            "cost": MONEY,
            "currency": TEXT,
            "stock": pa.float64(),
            "status": TEXT,
            "published_at": TIME,
            "in_catalogue": pa.bool_(),
            "recommendable": pa.bool_(),
            **_TRAIL,
        }
    ),
    "order_lines": pa.schema(
        {
            "order_id": TEXT,
            "customer_id": TEXT,
            "product_id": TEXT,
            "ordered_at": TIME,
            "quantity": pa.float64(),
            "revenue": MONEY,
            "discount": MONEY,
            "currency": TEXT,
            "original_currency": TEXT,
            "channel": TEXT,
            "returned_order_id": TEXT,
            **_TRAIL,
        }
    ),
    "events": pa.schema(
        {
            "event_id": TEXT,
            "customer_id": TEXT,
            "session_id": TEXT,
            "product_id": TEXT,
            "event": TEXT,
            "occurred_at": TIME,
            "list_id": TEXT,
            "position": pa.int32(),
            "query": TEXT,
            **_TRAIL,
        }
    ),
    "engagement": pa.schema(
        {
            "customer_id": TEXT,
            "campaign_id": TEXT,
            "channel": TEXT,
            "event": TEXT,
            "detail": TEXT,
            "occurred_at": TIME,
            **_TRAIL,
        }
    ),
    "impressions": pa.schema(
        {
            "impression_id": TEXT,
            "slate_id": TEXT,
            "customer_id": TEXT,
            "context": TEXT,
            "strategy": TEXT,
            "variant": TEXT,
            "product_id": TEXT,
            "position": pa.int32(),
            "propensity": pa.float64(),
            "shown_at": TIME,
            "clicked": pa.bool_(),
            "clicked_at": TIME,
            "device": TEXT,  # desktop, mobile, tablet
            "simulated": pa.bool_(),
            **_TRAIL,
        }
    ),
    "campaigns": pa.schema(
        {
            "campaign_id": TEXT,
            "name": TEXT,
            "channel": TEXT,
            "starts_at": TIME,
            "ends_at": TIME,
            **_TRAIL,
        }
    ),
    "identities": pa.schema({"kind": TEXT, "identifier": TEXT, "customer_id": TEXT}),
}

#: The columns that must never be null, by table; rows without them are counted and set aside.
KEYS: Final[dict[str, tuple[str, ...]]] = {
    "customers": ("customer_id",),
    "products": ("product_id",),
    "order_lines": ("order_id", "product_id", "ordered_at", "quantity", "revenue"),
    "events": ("event", "occurred_at"),
    "engagement": ("customer_id", "event"),
    "impressions": ("impression_id", "product_id", "context"),
    "campaigns": ("campaign_id",),
    "identities": ("kind", "identifier", "customer_id"),
}

#: The columns whose values together occur once, by table; none where rows may repeat.
UNIQUE: Final[dict[str, tuple[str, ...]]] = {
    "customers": ("customer_id",),
    "products": ("product_id",),
    "order_lines": (),
    "events": (),
    "engagement": (),
    "impressions": ("impression_id",),
    "campaigns": ("campaign_id",),
    "identities": ("kind", "identifier"),
}

#: The column that a row of each table is asked for by.
TRACED: Final[dict[str, str]] = {
    "customers": "customer_id",
    "products": "product_id",
    "order_lines": "order_id",
    "events": "event_id",
    "engagement": "customer_id",
    "impressions": "impression_id",
    "campaigns": "campaign_id",
}

#: Unified tables that sources fill; `identities` is what unifying finds out about them.
SOURCED: Final = tuple(name for name in SCHEMAS if name != "identities")

# Columns that a source may put beside a unified table's own. They are gone once the sources are unified.
#: Why a row is not fit to keep; null for those that are.
REASON: Final = "reason"
#: SHA-256 of the customer's normalized e-mail address, as the raw reader left it.
EMAIL: Final = "email"
#: Browser or device, such as GA4's `user_pseudo_id`.
DEVICE: Final = "device_id"
#: Number of a row among those that one raw row gave, from 0; absent where each raw row gives one.
PIECE: Final = "piece"
#: What a browser says it is.
AGENT: Final = "user_agent"
WORKING: Final[dict[str, pa.DataType]] = {
    REASON: TEXT,
    EMAIL: TEXT,
    DEVICE: TEXT,
    PIECE: pa.int64(),
    AGENT: TEXT,
}

#: Other names that a catalogue's products go by in other systems; a source of products gives them as `aliases`.
ALIASES: Final = pa.schema({"kind": TEXT, "alias": TEXT, "product_id": TEXT})


def conform(table: ibis.Table, name: str, **defaults: str) -> ibis.Table:
    """`table` with exactly the columns and types of unified table `name`; missing columns become null.

    `defaults` gives a constant for a column that the source does not have (say, its currency). Working columns stay.

    >>> t = ibis.memtable({"campaign_id": [7], "name": ["Spring"]})
    >>> conform(t, "campaigns", source="shop").columns
    ('campaign_id', 'name', 'channel', 'starts_at', 'ends_at', 'source', 'file', 'line')
    """
    schema = ibis.Schema.from_pyarrow(SCHEMAS[name])
    columns = {
        column: _exactly(table[column], kind)
        if column in table.columns
        else ibis.literal(defaults.get(column), type=kind)
        for column, kind in schema.items()
    }
    working = ibis.Schema.from_pyarrow(pa.schema(WORKING))
    kept = {column: table[column].cast(kind) for column, kind in working.items() if column in table.columns}
    return table.select(**columns, **kept)


def _exactly(column: ibis.Value, kind: dt.DataType) -> ibis.Value:
    """`column` as `kind`, where Ibis would leave the cast out as well: it does not follow the scale of decimals.

    Moments without a zone are in UTC.
    """
    given = column.type()
    if kind.is_timestamp() and given.is_timestamp() and given.timezone is None:
        return to_utc("UTC", column)
    computed = kind.is_decimal() and given == kind
    return column.cast(WIDE).cast(kind) if computed else column.cast(kind)


def read(connection: ibis.BaseBackend, folder: Path) -> dict[str, ibis.Table]:
    """The unified tables found in `folder`, by name."""
    return {
        name: connection.read_parquet(folder / f"{name}.parquet", table_name=name)
        for name in SCHEMAS
        if (folder / f"{name}.parquet").exists()
    }


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A private folder that takes the place of `folder` when the block ends, or vanishes when it fails.

    One process at a time: what a killed one has left is cleared away.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    for stale in folder.parent.glob(f".{folder.name}-*"):
        shutil.rmtree(stale)
    private = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield private
        if folder.exists():
            old = folder.with_name(f".{folder.name}-old-{os.getpid()}")
            folder.replace(old)
            try:
                private.replace(folder)
            except OSError:
                old.replace(folder)
                raise
            shutil.rmtree(old)
        else:
            private.replace(folder)
    finally:
        shutil.rmtree(private, ignore_errors=True)
