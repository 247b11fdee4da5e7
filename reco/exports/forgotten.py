"""Exports that speak of a customer who asked to be forgotten: found, whatever their form, and taken away.

Exports hold ids, hashes of ids (Algolia) and plain addresses, of which the store knows the SHA-256 alone; so a text
speaks of a customer where it, its SHA-256 or the text that it is the SHA-256 of is one of the identifiers.
"""

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import duckdb
import pandas as pd
import pyarrow as pa
from filelock import FileLock

from reco.exports.publishing import LATEST

#: Columns of what `search` gives.
COLUMNS: Final = ["system", "run", "file", "rows"]
#: Identifiers of this look may be anything else as well, and columns whose names speak of people.
SHORT_NUMBER: Final = "[0-9]{1,7}"
PEOPLE: Final = re.compile("customer|user|client|profile|mail|visitor|person|account|contact", re.IGNORECASE)

_TEXTS: Final = {
    ".parquet": "FROM read_parquet(?)",
    ".state": "FROM read_parquet(?)",
    ".csv": "FROM read_csv(?, header = true, all_varchar = true, quote = '\"', escape = '\"', delim = ',', "
    "max_line_size = 20000000)",
}
#: Rows of a file of JSON with the texts in them: what each stands under (of a list, what the list stands under).
_TREE: Final = """
    SELECT number, coalesce(regexp_extract(fullkey, '([^.\\[\\]"$]+)"?(\\[[0-9]+\\])*$', 1), '') AS name, value AS text
    FROM (SELECT row_number() OVER () AS number, json AS whole
          FROM read_json_objects(?, format = 'auto', maximum_object_size = 200000000)),
        LATERAL (SELECT fullkey, atom ->> '$' AS value FROM json_tree(whole) WHERE type = 'VARCHAR')
"""


def search(folder: Path, identifiers: Sequence[str]) -> pd.DataFrame:
    """Where exports below `folder` speak of a customer: system, run, file, rows; the newest two runs are kept of each.

    A number of up to seven digits is looked for where the name of a column or key speaks of people, since it may be a
    quantity or a product elsewhere.
    """
    found = []
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            CREATE TABLE wanted AS
            SELECT one, NOT regexp_full_match(one, '{SHORT_NUMBER}') AS telling,
                regexp_full_match(one, '[0-9a-f]{{64}}') AS hashed FROM (SELECT unnest(?) AS one)
            UNION ALL SELECT sha256(one), true, false FROM (SELECT unnest(?) AS one)
            """,
            [list(identifiers)] * 2,
        )
        for path in _files(folder):
            rows = _rows(connection, path)
            if rows:
                inside = path.relative_to(folder)
                found.append((inside.parts[0], inside.parts[1], "/".join(inside.parts[2:]), rows))
    return pd.DataFrame(found, columns=COLUMNS)


def remove(folder: Path, found: pd.DataFrame) -> None:
    """Take away the runs that speak of a customer, and `latest` where it led to one of them.

    A file without a customer's rows would be another one than its manifest and the next comparison say; so whole
    runs go, and the next export of the system is made anew.
    """
    for system, runs in found.groupby("system")["run"].unique().items():
        with FileLock(folder / f".{system}.lock"):
            link = folder / system / LATEST
            if link.is_symlink() and link.readlink().name in set(runs):
                link.unlink()
            for run in runs:
                shutil.rmtree(folder / system / run, ignore_errors=True)


def _files(folder: Path) -> Iterator[Path]:
    """Every file of rows in every run, also of runs that were cut off; `latest` is one of them."""
    for path in sorted(folder.glob("*/*/*")):
        inside = path.relative_to(folder).parts
        if inside[1] != LATEST and path.is_file() and path.suffix in {*_TEXTS, ".json", ".jsonl", ".xlsx"}:
            yield path


def _rows(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    """Rows of a file that speak of a wanted customer."""
    if path.suffix in {".json", ".jsonl"}:
        return _count(connection, _TREE, str(path)) if path.stat().st_size else 0
    if path.suffix == ".xlsx":
        sheets = pd.read_excel(path, sheet_name=None, dtype="str", keep_default_na=False)
        table = pa.Table.from_pandas(pd.concat(sheets.values(), ignore_index=True), preserve_index=False)
        return _of_table(connection, connection.from_arrow(table))
    if not path.stat().st_size:
        return 0
    return _of_table(connection, connection.sql(_TEXTS[path.suffix], params=[str(path)]))


def _of_table(connection: duckdb.DuckDBPyConnection, table: duckdb.DuckDBPyRelation) -> int:
    texts = [name for name, kind in zip(table.columns, table.types, strict=True) if str(kind) == "VARCHAR"]
    if not texts:
        return 0
    view = table.set_alias("t")
    held = " OR ".join(_wanted('"' + name.replace('"', '""') + '"', bool(PEOPLE.search(name))) for name in texts)
    return view.filter(held).count("*").fetchall()[0][0]


def _count(connection: duckdb.DuckDBPyConnection, query: str, path: str) -> int:
    people = f"regexp_matches(name, '(?i){PEOPLE.pattern}')"
    counted = f"""
        SELECT count(DISTINCT number) FROM ({query})
        WHERE {_wanted("text", True)} AND ({people} OR {_wanted("text", False)})
    """
    return connection.execute(counted, [path]).fetchall()[0][0]


def _wanted(text: str, of_people: bool) -> str:
    """The condition that a text is an identifier, or the address that one is the SHA-256 of."""
    wanted = "SELECT one FROM wanted" + ("" if of_people else " WHERE telling")
    return f"({text} IN ({wanted}) OR sha256(lower(trim({text}))) IN (SELECT one FROM wanted WHERE hashed))"
