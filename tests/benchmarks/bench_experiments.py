"""How long an analysis takes against one grouped scan of its table, and how long 20,000 simulated experiments.

    python tests/benchmarks/bench_experiments.py

The table lies in DuckDB: 5 million users of three arms with clicks, an order or none, and revenue. The yardstick is a
GROUP BY over the same rows with counts and sums of the three outcomes: by arm where each row is a user, by user where
users have two rows each and must be rolled up. Times are the medians of `TIMES` turns of both in one process, taken by
turns so that other load meets both. numpy computes on one thread, DuckDB on all that it finds.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # before numpy is imported

import time
from collections.abc import Callable
from statistics import median

import ibis
import numpy as np

from reco.experiments import Mean, Rate, analyze
from reco.experiments.calibration import simulate

USERS = 5_000_000
TIMES = 7
METRICS = [Mean("clicks"), Rate("ordered"), Mean("revenue")]


def table(connection: "ibis.backends.duckdb.Backend", rows: int) -> ibis.Table:
    """So many rows a user, kept in the database."""
    name = f"log_{rows}"
    connection.raw_sql(f"""
        CREATE OR REPLACE TABLE {name} AS
        SELECT user_id, chr(65 + (hash(user_id) % 3)::INT) AS variant, (random() * 3)::INT AS clicks,
               (random() < 0.1)::INT AS ordered, CASE WHEN random() < 0.1 THEN exp(3 * random()) ELSE 0 END AS revenue
        FROM range({USERS}) AS users(user_id), range({rows}) AS visits(visit)""")
    return connection.table(name)


def seconds(call: Callable[[], object]) -> float:
    """Of one turn."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def compare(log: ibis.Table, by: str, unit: str | None) -> tuple[float, float]:
    """Median seconds of the yardstick and of the analysis."""
    sums = {f"{how}_{c}": getattr(log[c], how)() for c in ("clicks", "ordered", "revenue") for how in ("sum", "count")}
    scan = log.group_by(by).aggregate(**sums).aggregate(lambda t: t.count())
    turns = [(seconds(scan.execute), seconds(lambda: analyze(log, unit=unit, metrics=METRICS))) for _ in range(TIMES)]
    return tuple(median(one) for one in zip(*turns, strict=True))


def main() -> None:
    """Print both tables."""
    connection = ibis.duckdb.connect()
    print(f"{'5 million users, 3 arms, 3 metrics':<38} {'one scan s':>10} {'analysis s':>10} {'ratio':>6}")
    cases = [("rows as units, by arm", 1, "variant", None), ("a row a user, by user", 1, "user_id", "user_id"),
             ("two rows a user, by user", 2, "user_id", "user_id")]  # fmt: skip
    for name, rows, by, unit in cases:
        scan, ours = compare(table(connection, rows), by, unit)
        print(f"{name:<38} {scan:>10.3f} {ours:>10.3f} {ours / scan:>6.1f}", flush=True)
    took = seconds(lambda: simulate(20_000, np.random.default_rng(0)))
    print(f"20,000 simulated experiments on one core: {took:.1f} s")


if __name__ == "__main__":
    main()
