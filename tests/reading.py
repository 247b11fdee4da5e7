"""From a source's sample files to its unified tables, as the workbook does it."""

from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from reco import raw
from reco.engines import ENGINES
from reco.sources import SOURCES
from reco.sources.base import TRAIL, Shop

SAMPLES = Path(__file__).parent / "samples"


class Unified(NamedTuple):
    """What a source made of its files.

    Attributes:
        tables: unified tables with their working columns, rows in the order of their values.
        read: file and line of every raw row.
        given: file and line of every unified row.
    """

    tables: dict[str, pa.Table]
    read: set[tuple[str, int]]
    given: set[tuple[str, int]]

    def rows(self, name: str, *columns: str, **where: object) -> list[tuple]:
        """Values of `columns` in rows that hold the values of `where`, in order of file, line and piece."""
        order = [column for column in (*TRAIL, "piece", "alias") if column in self.tables[name].column_names]
        table = self.tables[name].sort_by([(column, "ascending") for column in order])
        return [
            tuple(row[column] for column in columns)
            for row in table.to_pylist()
            if all(row[column] == value for column, value in where.items())
        ]


def unify(kind: str, folder: Path, shop: Shop, *, root: Path = SAMPLES, engine: str = "duckdb", **options) -> Unified:
    """Read the files in `options` below `root` into `folder`, and unify them on `engine`."""
    source = SOURCES[kind]
    settings = source.Settings(kind=kind, **options)
    described = source.raw_tables(settings)
    files = raw.read(kind, described, root, folder)
    connection = ENGINES[engine].connect(None)
    tables = raw.tables(files, described, connection, ENGINES[engine])
    unified = {
        name: connection.to_pyarrow(table.order_by(table.columns))
        for name, table in source.unify(tables, settings, shop).items()
    }
    trails = [connection.to_pyarrow(table.select(*TRAIL)) for table in tables.values()]
    of_unified = [table.select(TRAIL) for name, table in unified.items() if name != "aliases"]
    read, given = (
        {tuple(row.values()) for table in each for row in table.to_pylist()} for each in (trails, of_unified)
    )
    return Unified(unified, read, given)
