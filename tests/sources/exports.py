"""Unified rows of sample files as frames, as tests of sources look at them."""

from pathlib import Path

import pandas as pd

from reco.sources.base import Shop
from tests.reading import SAMPLES, unify

__all__ = ["SAMPLES", "Frames", "unified", "values"]

SHOP = Shop("Europe/Berlin", "EUR")


class Frames(dict[str, pd.DataFrame]):
    """Unified tables by name, in the order of file, line and piece.

    Attributes:
        read: file and line of every raw row.
        given: file and line of every unified row.
    """

    read: set[tuple[str, int]]
    given: set[tuple[str, int]]


def unified(kind: str, folder: Path, cache: Path, engine: str = "duckdb", **settings) -> Frames:
    """What source `kind` makes of files in `folder`."""
    made = unify(kind, cache, SHOP, root=folder, engine=engine, **settings)
    frames = Frames()
    frames.read, frames.given = made.read, made.given
    for name, table in made.tables.items():
        order = [column for column in ("file", "line", "piece") if column in table.column_names]
        frames[name] = table.to_pandas().sort_values(order, ignore_index=True)
    return frames


def values(frame: pd.DataFrame, *columns: str) -> list[tuple]:
    """Rows as tuples of plain values, None where nothing is."""
    chosen = frame[list(columns)].astype(object)
    return list(chosen.where(chosen.notna(), None).itertuples(index=False, name=None))
