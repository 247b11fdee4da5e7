"""What a log earned, counted by both engines from the same Parquet: every table, number for number."""

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reco.engines import ENGINES
from reco.kpis import Rule, notes, quality, summarize
from tests.kpis.test_credits import CATEGORIES, world

#: All that a rule can ask for.
RULE = Rule(2, "first", "category", view_days=1, currency="USD")


@pytest.fixture(scope="module")
def logs(tmp_path_factory) -> dict[str, dict[str, ibis.Table]]:
    """The tables by engine."""
    folder = tmp_path_factory.mktemp("log")
    seen, sold = world(3, customers=30)
    seen["position"] = np.arange(len(seen), dtype="int32") % 5 + 1
    seen["slate_id"] = [f"s{k // 5}" for k in range(len(seen))]
    sold["currency"] = np.where(np.arange(len(sold)) % 9, "USD", "EUR")
    products = pd.DataFrame({"product_id": list(CATEGORIES), "category": list(CATEGORIES.values())})
    for name, frame in (("impressions", seen), ("order_lines", sold), ("products", products)):
        table = pa.Table.from_pandas(frame, preserve_index=False)
        pq.write_table(table, folder / f"{name}.parquet")
    found = {}
    for name, engine in ENGINES.items():
        connection = engine.connect(None)
        files = sorted(folder.glob("*.parquet"))
        found[name] = {path.stem: connection.read_parquet(path, table_name=f"kpis_{path.stem}") for path in files}
    return found


def rows(frame: pd.DataFrame) -> list[list]:
    return frame.round(6).astype("str").to_numpy().tolist()


def test_both_engines_count_the_same(logs):
    found = {}
    for name, tables in logs.items():
        log, lines, products = (tables[table] for table in ("impressions", "order_lines", "products"))
        summary = summarize(log, lines, RULE, zone="Europe/London", products=products)
        found[name] = {
            "cube": rows(summary.cube),
            "products": rows(summary.products.sort_values("product_id")),
            "quality": rows(quality(log, lines, summary, products=products, best_sellers=1)),
            "notes": rows(notes(log, lines, summary, contexts=["cart"], products=products)),
        }
    for table, by_duckdb in found["duckdb"].items():
        assert found["spark"][table] == by_duckdb, table
        assert len(by_duckdb) > 1, table
