"""From sample files through the raw reader to unified rows, as tests of sources look at them."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from reco import raw
from reco.engines import ENGINES
from reco.sources import SOURCES
from reco.sources.base import Shop

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
SHOP = Shop("Europe/Berlin", "EUR")


class Unified(dict):
    """Unified tables as frames by name, in the order of file, line and piece; `read` holds file and rows of each."""

    read: list[tuple[str, str, int]]

    def accounted(self, *tables: str) -> dict[str, set[int]]:
        """Lines by file that `tables` (all of them when none is named) hold, kept or not."""
        frames = [frame for name, frame in self.items() if not tables or name in tables]
        rows = pd.concat([frame[["file", "line"]].dropna() for frame in frames])
        return {file: set(lines) for file, lines in rows.groupby("file")["line"]}


def unified(
    kind: str, folder: Path, cache: Path, only: Iterable[str] = (), engine: str = "duckdb", **settings
) -> Unified:
    """What source `kind` makes of the files in `folder`; `only` names the tables to make, all by default."""
    source = SOURCES[kind]
    given = source.Settings(kind=kind, **settings)
    declared = source.raw_tables(given)
    files = raw.read(kind, declared, folder, cache)
    connection = ENGINES[engine].connect(None)
    tables = source.unify(raw.tables(files, declared, connection, ENGINES[engine]), given, SHOP)
    made = Unified()
    made.read = [(file.table, file.name, file.rows) for file in files]
    for name, table in tables.items():
        if not only or name in only:
            order = [column for column in ("file", "line", "piece") if column in table.columns]
            made[name] = connection.to_pandas(table.order_by(order))
    return made


def values(frame: pd.DataFrame, *columns: str) -> list[tuple]:
    """Rows as tuples of plain values, None where nothing is."""
    chosen = frame[list(columns)].astype(object)
    return list(chosen.where(chosen.notna(), None).itertuples(index=False, name=None))
