"""A million slates of ten products as JSON Lines and as Parquet, beside DuckDB's own COPY of the same rows.

Both run in one process, one after the other, on rows that lie in memory; the export also nests the places, hashes every
row for the next comparison, and writes manifest, schema and checksum.

Run on demand, on a quiet machine:  python tests/benchmarks/bench_exports.py
"""

import shutil
import tempfile
from pathlib import Path
from time import perf_counter

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from reco.exports import EXPORTS, running
from reco.exports.base import Material
from reco.exports.nesting import lists

#: Slates, products of each, and the least share of the speed of DuckDB's own COPY.
SLATES, PLACES, LEAST = 1_000_000, 10, 0.5


def slates() -> pa.Table:
    """Flat slates as `reco.contexts` gives them, one row a place."""
    rng, rows = np.random.default_rng(0), SLATES * PLACES
    ids = pa.array([f"email-{number:016x}" for number in range(SLATES)])
    of = pa.array(np.repeat(np.arange(SLATES, dtype="int32"), PLACES))
    products = pa.array([f"{number:07d}" for number in range(20_000)])
    words = pa.array(["Recommended for you", "Because you bought tea", "Trending in your interests"])
    return pa.table(
        {
            "slate_id": ids.take(of),
            "context": pa.array(["email"]).take(pa.array(np.zeros(rows, "int8"))),
            "customer_id": pa.array([f"{number:08d}" for number in range(SLATES)]).take(of),
            "position": np.tile(np.arange(1, PLACES + 1, dtype="int32"), SLATES),
            "item_id": products.take(pa.array(rng.integers(0, 20_000, rows))),
            "score": rng.random(rows, dtype="float32"),
            "strategy": words.take(pa.array(rng.integers(0, 3, rows))),
            "reason": words.take(pa.array(rng.integers(0, 3, rows))),
            "fallback": np.zeros(rows, bool),
            "propensity": np.ones(rows),
        }
    )


def main() -> None:
    """Print seconds and ratios, and fail below the bound."""
    flat = slates()
    start = perf_counter()
    nested = lists(flat)
    nesting = perf_counter() - start
    print(f"{SLATES:,} slates of {PLACES}: nested in {nesting:.2f} s")
    folder, rows = Path(tempfile.mkdtemp(prefix="bench-exports-")), []
    try:
        for form, options in {"jsonl": "FORMAT json", "parquet": "FORMAT parquet"}.items():
            own, exported = [], []
            for turn in range(2):
                with duckdb.connect() as connection:
                    connection.register("nested", nested)
                    start = perf_counter()
                    connection.execute(f"COPY (FROM nested) TO '{folder}/own-{turn}.{form}' ({options})")
                    own.append(perf_counter() - start)
                size = (folder / f"own-{turn}.{form}").stat().st_size
                (folder / f"own-{turn}.{form}").unlink()
                start = perf_counter()
                made = Material({"lists": lambda: lists(flat)}, "EUR", "2026-01-01T00:00:00Z")
                running.export(form, made, EXPORTS[form].Settings(), folder / str(turn))
                exported.append(perf_counter() - start)
                shutil.rmtree(folder / str(turn))
            rows.append((form, size / 1e6, min(own), min(exported), min(own) / min(exported)))
    finally:
        shutil.rmtree(folder)
    table = pd.DataFrame(rows, columns=["form", "MB", "copy_s", "export_s", "ratio"])
    print(table.to_string(index=False, float_format="%.2f"))
    if table["ratio"].min() < LEAST:
        raise SystemExit(f"{table['ratio'].min():.2f} of DuckDB's own speed; asked: {LEAST}")


if __name__ == "__main__":
    main()
