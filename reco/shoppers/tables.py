"""Simulated visits as the unified tables that sources fill."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from reco.shoppers.tastes import Array
from reco.store import AGENT, DEVICE, MONEY, SCHEMAS, TEXT, TIME

#: What the log says of where its rows come from.
SOURCE: Final = "simulation"
#: What browsers and programs call themselves.
AGENTS: Final = ("Mozilla/5.0 (simulated shopper)", "ExampleBot/1.0 (+https://example.com/bot)")
#: Tables that are written, with their columns: the unified ones and what a source may put beside them.
WRITTEN: Final = {
    "impressions": pa.schema([*SCHEMAS["impressions"], (DEVICE, TEXT), (AGENT, TEXT)]),
    "order_lines": SCHEMAS["order_lines"],
    "events": pa.schema([*SCHEMAS["events"], (DEVICE, TEXT), (AGENT, TEXT)]),
    "identities": SCHEMAS["identities"],
    "exposures": pa.schema({"customer_id": TEXT, "variant": TEXT, "session_id": TEXT, "assigned_at": TIME}),
}
#: Columns whose values are all different: a dictionary of them would be a waste.
DIFFERENT: Final = ("impression_id", "slate_id", "order_id", "session_id", "event_id", "list_id", "identifier")


class Writers(dict[str, pq.ParquetWriter]):
    """A Parquet writer for each table."""

    def put(self, name: str, rows: int, **columns: pa.Array | None) -> None:
        """Append rows; columns that are None or not given are null."""
        if rows:
            schema = WRITTEN[name]
            filled = [_filled(columns.get(field.name), _written(field), rows) for field in schema]
            self[name].write_table(pa.table(filled, names=schema.names))


def _filled(column: pa.Array | None, kind: pa.DataType, rows: int) -> pa.Array:
    return pa.nulls(rows, kind) if column is None else column.cast(kind)


@contextmanager
def writing(folder: Path) -> Iterator[Writers]:
    """Writers into a folder, closed at the end; what is unfinished has no name that a store reads."""
    folder.mkdir(parents=True, exist_ok=True)
    writers = Writers()
    try:
        for name, schema in WRITTEN.items():
            coded = pa.schema([(f.name, _written(f)) for f in schema])
            known = [f.name for f in schema if f.name not in DIFFERENT]
            writers[name] = pq.ParquetWriter(
                folder / f"{name}.parquet.part", coded, use_dictionary=known, compression="lz4", store_schema=False
            )
        yield writers
    finally:
        for writer in writers.values():
            writer.close()
    for name in WRITTEN:
        (folder / f"{name}.parquet.part").replace(folder / f"{name}.parquet")


def _written(field: pa.Field) -> pa.DataType:
    text = field.type == TEXT and field.name not in DIFFERENT
    return pa.dictionary(pa.int32(), TEXT) if text else field.type


def texts(numbers: Array, prefix: str) -> pa.Array:
    """Ids: the prefix and the number."""
    return pc.binary_join_element_wise(prefix, pa.array(numbers).cast(TEXT), "")


def coded(codes: Array, names: pa.Array, missing: Array | None = None) -> pa.Array:
    """Names by their numbers; null where `missing`."""
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype("int32"), mask=missing), names)


def same(value: str, rows: int) -> pa.Array:
    """One name for all rows."""
    return coded(np.zeros(rows, dtype="int32"), pa.array([value], TEXT))


def times(first: pd.Timestamp, at: Array, missing: Array | None = None) -> pa.Array:
    """Moments from microseconds since the first day."""
    return pa.array(at + first.value // 1000, mask=missing).view(TIME)


def money(cents: Array) -> pa.Array:
    """Exact amounts.

    >>> money(np.array([1250, -5])).to_pylist()
    [Decimal('12.5000'), Decimal('-0.0500')]
    """
    parts = np.asarray(cents, dtype="int64") * 100
    # a 128-bit number is its low half and then the sign
    halves = np.stack([parts, parts >> 63], axis=1)
    return pa.Array.from_buffers(MONEY, len(parts), [None, pa.py_buffer(np.ascontiguousarray(halves))])
