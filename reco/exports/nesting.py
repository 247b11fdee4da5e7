"""One row a slate, made of one row a place, without moving the data."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reco.columns import Columns
from reco.exports.base import PLACE, TABLES


def lists(slates: pd.DataFrame | pa.Table, anchors: pd.DataFrame | None = None) -> pa.Table:
    """The table `lists`, in the order of `slates`.

    Args:
        slates: as `reco.contexts` makes them; rows of one slate that stand apart are brought together.
        anchors: slate_id and item_id: what the slates stand beside.
    """
    flat = slates if isinstance(slates, pa.Table) else pa.Table.from_pandas(slates, preserve_index=False)
    flat = _together(flat)
    starts = _starts(flat)
    first = flat.select([Columns.SLATE, Columns.CONTEXT, Columns.CUSTOMER]).take(pa.array(starts))
    places = [flat.column("item_id" if field.name == "product_id" else field.name) for field in PLACE]
    whole = [column.cast(field.type).combine_chunks() for column, field in zip(places, PLACE, strict=True)]
    offsets = pa.array(np.append(starts, len(flat)).astype("int32"))
    items = pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(whole, fields=list(PLACE)))
    made = pa.table(
        {
            "slate_id": first.column(Columns.SLATE),
            "context": first.column(Columns.CONTEXT),
            "customer_id": first.column(Columns.CUSTOMER),
            "anchor_ids": _beside(first.column(Columns.SLATE), anchors),
            "items": items,
        }
    )
    return made.cast(TABLES["lists"])


def _together(flat: pa.Table) -> pa.Table:
    """`flat` with the places of every slate in a row, in order."""
    starts, position = _starts(flat), flat.column(Columns.POSITION).to_numpy()
    ids = flat.column(Columns.SLATE).take(pa.array(starts))
    rising = np.diff(position) > 0
    rising[starts[1:] - 1] = True
    if rising.all() and ids.to_pandas().is_unique:
        return flat
    code = flat.column(Columns.SLATE).combine_chunks().dictionary_encode().indices.to_numpy()
    return flat.take(pa.array(np.lexsort((position, code))))


def _starts(flat: pa.Table) -> np.ndarray:
    """Where each slate begins."""
    ids = flat.column(Columns.SLATE)
    if not len(ids):
        return np.zeros(0, "int64")
    new = pc.not_equal(ids.slice(1), ids.slice(0, len(ids) - 1)).to_numpy()
    return np.append(0, np.flatnonzero(new) + 1)


def _beside(ids: pa.ChunkedArray, anchors: pd.DataFrame | None) -> pa.Array:
    """What each slate stands beside, a list each."""
    if anchors is None or anchors.empty:
        offsets = pa.array(np.zeros(len(ids) + 1, "int32"))
        return pa.ListArray.from_arrays(offsets, pa.array([], pa.string()))
    code = pd.Index(ids.to_pandas()).get_indexer(anchors[Columns.SLATE])
    order = np.argsort(code, kind="stable")
    order = order[code[order] >= 0]
    counts = np.bincount(code[code >= 0], minlength=len(ids))
    offsets = pa.array(np.append(0, np.cumsum(counts)).astype("int32"))
    values = pa.Array.from_pandas(anchors[Columns.ITEM].to_numpy(object)[order], type=pa.string())
    return pa.ListArray.from_arrays(offsets, values)
