"""One unification, two engines: every table and the quarantine, row for row."""

from pathlib import Path

import pyarrow.parquet as pq
import pyspark
import pytest

from reco import Workbook
from tests.test_three_systems import usual_shop

FILES = (
    "customers", "products", "order_lines", "events", "engagement", "impressions", "campaigns", "identities",
    "quarantine/shopify", "quarantine/ga4", "quarantine/klaviyo",
)  # fmt: skip


@pytest.fixture(scope="module")
def stores(tmp_path_factory) -> dict[str, Workbook]:
    """The usual case by either engine."""
    assert pyspark.__version__
    return {engine: usual_shop(tmp_path_factory.mktemp(engine), engine) for engine in ("duckdb", "spark")}


def rows(wb: Workbook, name: str) -> list[tuple]:
    """The rows of one written file, in one order, as plain values."""
    _ = wb.tables
    table = pq.read_table(Path(wb.folder) / "tables" / f"{name}.parquet")
    return sorted((tuple(row.items()) for row in table.to_pylist()), key=repr)


@pytest.mark.parametrize("name", FILES)
def test_both_engines_write_the_same_rows(stores, name):
    by_duckdb, by_spark = (rows(stores[engine], name) for engine in ("duckdb", "spark"))
    assert len(by_duckdb) > 0
    assert by_spark == by_duckdb


def test_both_engines_tell_the_same_of_what_was_read_and_found(stores):
    read = [wb.reading.drop(columns=["read_at", "modified"]).astype(str).to_numpy().tolist() for wb in stores.values()]
    assert read[0] == read[1]
    found = [wb.findings.to_numpy().tolist() for wb in stores.values()]
    assert found[0] == found[1]
