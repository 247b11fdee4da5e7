"""The shape of raw tables, known without reading them."""

from collections.abc import Mapping
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from reco.raw.files import find
from reco.sources.base import RawTable
from reco.store import FILE, LINE, TEXT


def placeholders(tables: Mapping[str, RawTable], root: Path) -> dict[str, ibis.Table]:
    """An unbound table for each raw table that has files, with the columns it will have."""
    made = {}
    for name, table in tables.items():
        found = find(table.files, root)
        if not found:
            continue
        if table.columns:
            columns = {column: declared.type for column, declared in table.columns.items()}
        else:
            columns = dict(zip((schema := pq.read_schema(found[0].path)).names, schema.types, strict=True))
        schema = pa.schema({**columns, FILE: TEXT, LINE: pa.int64()})
        made[name] = ibis.table(ibis.Schema.from_pyarrow(schema), name=name)
    return made
