"""Rows taken out of raw Parquet, for customers who asked to be forgotten."""

from collections.abc import Sequence
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


def silence(refused: Path, forgotten: Sequence[str]) -> None:
    """Take away what rows say that could not be read, where a word of theirs is one of `forgotten`, by its SHA-256."""
    draft = refused.with_name(f"draft-{refused.name}")
    quoted = str(draft).replace("'", "''")
    # words as cells and JSON have them, and the parts of those between other signs
    words = "regexp_split_to_array(row, '[\\s,;|\"''{}\\[\\]:=]+') || regexp_split_to_array(row, '[^A-Za-z0-9]+')"
    named = f"list_has_any(list_transform({words}, lambda word: sha256(word)), $2)"
    with duckdb.connect() as connection:
        found = f"SELECT count(*) FROM read_parquet($1) WHERE {named}"  # noqa: S608 made of no outside text
        if connection.execute(found, [str(refused), list(forgotten)]).fetchall()[0][0]:
            query = f"SELECT * REPLACE (CASE WHEN {named} THEN '' ELSE row END AS row) FROM read_parquet($1)"  # noqa: S608 likewise
            connection.execute(f"COPY ({query}) TO '{quoted}' (COMPRESSION zstd)", [str(refused), list(forgotten)])
            draft.replace(refused)
