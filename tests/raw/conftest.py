"""One way to read a file that a test writes out by hand."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest

from reco.raw import RawFile, read
from reco.sources.base import Column, RawTable


class Reading(NamedTuple):
    """What became of a file: its rows, with their lines apart, its refusals and its facts."""

    rows: list[dict[str, object]]
    lines: list[int]
    refused: list[dict[str, object]]
    file: RawFile


def columns(*names: str, **more: Column) -> dict[str, Column]:
    """Columns of text that go by their own names, and others."""
    return {name: Column((name,)) for name in names} | more


@pytest.fixture(scope="session")
def read_bytes() -> Callable[..., Reading]:
    def read_bytes(
        content: bytes | str, asked: Mapping[str, Column], name: str = "orders.csv", **options: object
    ) -> Reading:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
            table = RawTable((Path(name),), asked, **options)
            [file] = read("shop", {"orders": table}, root, root / "out")
            rows = pq.read_table(file.parquet).to_pylist()
            refused = pq.read_table(file.refused_parquet).to_pylist() if file.refused_parquet else []
        assert (len(rows), len(refused)) == (file.rows, file.refused)
        assert all(row.pop("file") == name for row in [*rows, *refused])
        return Reading(rows, [row.pop("line") for row in rows], refused, file)

    return read_bytes
