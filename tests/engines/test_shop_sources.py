"""Shop systems' files are unified alike, row for row, by both engines."""

from pathlib import Path

import pyspark
import pytest

from reco.sources.base import Shop
from tests.reading import unify
from tests.sources import test_shopify, test_woocommerce

SHOP = Shop("Europe/Berlin", "EUR")


@pytest.mark.parametrize(("kind", "files"), [("shopify", test_shopify.FILES), ("woocommerce", test_woocommerce.FILES)])
def test_duckdb_and_spark_make_the_same_rows(kind: str, files: dict, tmp_path: Path):
    assert pyspark.__version__.startswith("4.")
    made = {engine: unify(kind, tmp_path, SHOP, engine=engine, **files) for engine in ("duckdb", "spark")}
    assert made["duckdb"].tables.keys() == made["spark"].tables.keys()
    for name, table in made["duckdb"].tables.items():
        rows, others = (sorted(one.to_pylist(), key=repr) for one in (table, made["spark"].tables[name]))
        assert rows == others, name
