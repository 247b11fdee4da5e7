"""What differs from the last export, by a hash of every row."""

from dataclasses import replace
from typing import Final, NamedTuple

import duckdb
import pyarrow as pa

from reco.exports.base import Output, select

#: DuckDB's hashes may differ between its versions, so the version is part of what is compared.
_SALT: Final = duckdb.__version__


class Changes(NamedTuple):
    """An output with only new and changed rows, the keys of those that are gone, and what to compare with next."""

    output: Output
    removed: pa.Table
    state: pa.Table


def state(output: Output) -> pa.Table:
    """The key of every row beside a hash of its content."""
    return select(f"SELECT {_keys(output)}, {_hash(output)} AS content FROM rows", rows=output.rows)


def since(output: Output, before: pa.Table | None) -> Changes:
    """The rows of `output` that are not in the state `before`, which may be None: then all are new."""
    now = state(output)
    if before is None:
        return Changes(output, now.slice(0, 0).drop_columns("content"), now)
    same = " AND ".join(f'a."{key}" IS NOT DISTINCT FROM b."{key}"' for key in output.key)
    rows = select(
        f"SELECT a.* FROM rows a WHERE NOT EXISTS (SELECT 1 FROM before b WHERE {same} AND "
        f"b.content = {_hash(output, 'a')})",
        rows=output.rows,
        before=before,
    )
    gone = select(
        f"SELECT {_keys(output)} FROM before a WHERE NOT EXISTS (SELECT 1 FROM now b WHERE {same})",
        before=before,
        now=now,
    )
    return Changes(replace(output, rows=rows.cast(output.rows.schema)), gone, now)


def _keys(output: Output) -> str:
    return ", ".join(f'"{key}"' for key in output.key)


def _hash(output: Output, of: str = "rows") -> str:
    """SQL of the hash of a row's content."""
    columns = [f'{of}."{name}"' for name in output.rows.column_names if name not in output.key]
    return f"hash('{_SALT}', {output.content or ', '.join(columns) or '0'})"
