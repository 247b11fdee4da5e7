"""Rows taken out of raw Parquet, for customers who asked to be forgotten."""

from pathlib import Path

import duckdb
import pandas as pd

from reco.raw.facts import load, store


def remove(parquet: Path, lines: pd.Series) -> None:
    """Take rows out of a raw Parquet file by their `line`, and out of the count beside it."""
    draft = parquet.with_name(f"draft-{parquet.name}")
    quoted = str(draft).replace("'", "''")
    with duckdb.connect() as connection:
        connection.register("gone", pd.DataFrame({"line": lines.astype("int64")}))
        query = "SELECT * FROM read_parquet($1) WHERE line NOT IN (SELECT line FROM gone)"
        connection.execute(f"COPY ({query}) TO '{quoted}' (COMPRESSION zstd)", [str(parquet)])
        rows = connection.read_parquet(str(draft)).count("*").fetchall()[0][0]
    draft.replace(parquet)
    facts = parquet.with_suffix(".json")
    store(facts, {**(load(facts) or {}), "rows": rows})
