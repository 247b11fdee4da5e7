"""Tiny unified tables, and a sample of the real ones."""

from collections.abc import Callable
from decimal import Decimal

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from reco.engines import ENGINES
from reco.sources import complete_journey
from reco.sources.base import Shop
from reco.store import SCHEMAS

#: As of when the tiny tables are looked at.
END = pd.Timestamp("2021-07-01", tz="UTC")


@pytest.fixture(scope="session")
def engine() -> ibis.BaseBackend:
    return ENGINES["duckdb"].connect(None)


def table(name: str, rows: list[dict]) -> ibis.Table:
    """Rows as unified table `name`; what a row leaves out is null. Times may be days before `END`."""

    def value(column: str, found: object) -> object:
        kind = SCHEMAS[name].field(column).type
        if pa.types.is_decimal(kind):
            return Decimal(str(found))
        if pa.types.is_timestamp(kind):
            return END - pd.Timedelta(days=found) if isinstance(found, int | float) else pd.Timestamp(found)
        return found

    rows = [{column: value(column, found) for column, found in row.items() if found is not None} for row in rows]
    return ibis.memtable(pa.Table.from_pylist(rows, schema=SCHEMAS[name]))


@pytest.fixture(scope="session")
def derive(engine) -> Callable[..., pd.DataFrame]:
    """A function that computes features of tiny tables: `derive(customers, order_lines=[...], events=[...])`."""

    def make(features: Callable, time_zone: str = "UTC", end: pd.Timestamp = END, **rows: list[dict]) -> pd.DataFrame:
        tables = {name: table(name, found) for name, found in rows.items()}
        return engine.to_pandas(features(tables, end, time_zone))

    return make


@pytest.fixture(scope="session")
def sample(engine) -> dict[str, ibis.Table]:
    """The unified tables of a hundred households."""
    settings = complete_journey.Settings(kind="complete_journey", households=100)
    scan = ENGINES["duckdb"].scan
    raw = {
        name: scan(engine, files, files[0].parent)
        for name, (files, *_) in complete_journey.raw_tables(settings).items()
    }
    return complete_journey.unify(raw, settings, Shop("America/New_York", "USD"))
