"""How long a log of impressions takes to be summarized to the whole of notebook 06, against one grouped DuckDB scan.

The log lies on disk as Parquet in the store's own types, every id a text. Yardsticks, each in a process of its own:
`context` groups by context and counts; `cube` groups by context, strategy, position and day, as the dashboard's
drill-downs need; `product` also names the product. Ours credits orders, counts by all of these, and judges clicks.

    python tests/benchmarks/bench_kpis.py                 20 million impressions
    python tests/benchmarks/bench_kpis.py 100 --memory 3GB
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

KEYS = {
    "context": "context",
    "cube": "context, strategy, position, epoch_us(shown_at) // 86400000000",
    "product": "context, strategy, position, epoch_us(shown_at) // 86400000000, product_id",
}


def make(folder: Path, millions: float) -> None:
    """A log of 56 days: slates of ten, 4 % clicked, one order line for every 20 impressions, some of them returns."""
    n, connection = int(millions * 1e6), duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET memory_limit = '3GB'; SET preserve_insertion_order = false")
    start = "TIMESTAMPTZ '2026-03-01 00:00:00+00'"
    customers, products = max(n // 200, 100), 20_000
    connection.execute(f"""COPY (
        SELECT 'i' || i AS impression_id, 's' || i // 10 AS slate_id, 'c' || hash(i // 10) % {customers} AS customer_id,
               'context' || (i // 10) % 7 AS context, 'strategy' || (i // 10) % 7 || '-' || i % 3 AS strategy,
               NULL::VARCHAR AS variant, 'p' || (pow(hash(i) % 1000000 / 1e6, 3) * {products})::INT AS product_id,
               (i % 10 + 1)::INT AS position, NULL::DOUBLE AS propensity,
               {start} + to_microseconds((56 * 86400e6 * (i // 10 * 10 / {n}))::BIGINT) AS shown_at,
               hash(i, 1) % 100 < 4 AS clicked,
               CASE WHEN clicked THEN shown_at + INTERVAL 20 SECONDS END AS clicked_at, true AS simulated
        FROM range({n}) AS t(i)) TO '{folder}/impressions.parquet' (COMPRESSION zstd)""")
    connection.execute(f"""COPY (
        SELECT 'o' || row_number() OVER () // 3 AS order_id, customer_id, product_id,
               clicked_at + to_seconds(hash(impression_id) % 900000) AS ordered_at,
               CASE WHEN hash(impression_id, 2) % 50 = 0 THEN -1 ELSE 1 END::DOUBLE AS quantity,
               (quantity * (1 + hash(product_id) % 5000 / 100))::DECIMAL(18, 4) AS revenue,
               'USD' AS currency, NULL::VARCHAR AS returned_order_id
        FROM '{folder}/impressions.parquet' WHERE clicked AND hash(impression_id, 3) % 4 = 0
        UNION ALL
        SELECT 'x' || i // 3, 'c' || hash(i // 3, 7) % {customers}, 'p' || hash(i) % {products},
               {start} + to_microseconds((56 * 86400e6 * (i // 3 * 3 / {n // 25}))::BIGINT), 1, 5, 'USD', NULL
        FROM range({n // 25}) AS t(i)) TO '{folder}/order_lines.parquet' (COMPRESSION zstd)""")
    connection.execute(f"""COPY (
        SELECT 'p' || i AS product_id, 'k' || i % 200 AS category FROM range({products} + 1) AS t(i)
    ) TO '{folder}/products.parquet'""")


def yardstick(folder: Path, keys: str, memory: str) -> None:
    """DuckDB alone: one scan, grouped."""
    connection = duckdb.connect()
    connection.execute(f"SET TimeZone = 'UTC'; SET memory_limit = '{memory}'; SET preserve_insertion_order = false")
    groups = f"SELECT {keys}, count(*), sum(clicked::INT) AS clicks FROM '{folder}/impressions.parquet' GROUP BY ALL"
    connection.execute(f"CREATE TEMP TABLE counts AS {groups}")


def ours(folder: Path, memory: str, what: str) -> None:
    """All that notebook 06 shows of a log."""
    from reco import kpis
    from reco.engines import ENGINES

    connection = ENGINES["duckdb"].connect(memory)
    tables = {path.stem: connection.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
    log, lines, products = tables["impressions"], tables["order_lines"], tables["products"]
    rule = kpis.Rule(currency="USD")
    summary = kpis.summarize(log, lines, rule, zone="Europe/London", products=products)
    for keys in (("context",), ("strategy",), ("position",), ("day",), ("week",), ("category",)):
        summary.by(*keys)
    if what == "all":
        kpis.quality(log, lines, summary, products=products)
        kpis.baskets(log, lines, summary)
        kpis.notes(log, lines, summary, products=products)


def only(what: str, folder: Path, memory: str) -> None:
    """One way, timed; its figures go to standard output as JSON."""
    import reco.kpis  # imports are no part of the time
    import reco.workbook  # noqa: F401

    start = time.perf_counter()
    if what in KEYS:
        yardstick(folder, KEYS[what], memory)
    else:
        ours(folder, memory, what)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"seconds": time.perf_counter() - start, "memory": peak}))


def main() -> None:
    """Print a table: what, seconds, peak memory, and how often each yardstick fits into ours."""
    parser = argparse.ArgumentParser()
    parser.add_argument("millions", type=float, nargs="?", default=20)
    parser.add_argument("--memory", default="3GB", help="what DuckDB may hold; Python comes on top")
    parser.add_argument("--only", nargs=2, metavar=("WHAT", "FOLDER"))
    asked = parser.parse_args()
    if asked.only:
        return only(asked.only[0], Path(asked.only[1]), asked.memory)
    with tempfile.TemporaryDirectory(prefix="bench-kpis-") as work:
        make(Path(work), asked.millions)
        found = {}
        for what in (*KEYS, "summary", "all"):
            command = [sys.executable, __file__, str(asked.millions), "--memory", asked.memory, "--only", what, work]
            told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]
            found[what] = json.loads(told)
            ratios = "  ".join(
                f"{found[what]['seconds'] / found[key]['seconds']:5.1f} x {key}" for key in KEYS if key in found
            )
            print(f"{what:>8} {found[what]['seconds']:8.1f} s {found[what]['memory']:5.1f} GB  {ratios}", flush=True)
    return None


if __name__ == "__main__":
    main()
