"""What is known about files that were read before, so that each is read once."""

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from reco.raw.files import Found, digest
from reco.sources.base import RawTable

#: What a reader makes of the same bytes may change; then this does.
READER: Final = 2

INDEX: Final = "index.json"


class RawFile(NamedTuple):
    """What was read from one file, or one member of an archive.

    Attributes:
        source: kind of the source.
        table: raw table.
        name: path from the folder that its pattern starts from; `archive.zip/member.csv` for a member.
        path: the file.
        sha256: of its bytes, a member's as it is in its archive.
        size: number of those bytes.
        modified: when the file was written, ISO 8601 in UTC.
        read_at: when it was first read, likewise.
        encoding: of its text; none where the format settles it.
        separator: between its cells; none where it has none.
        decimal: the sign of its numbers; none where it has none.
        rows: how many were read.
        refused: how many could not be.
        same_as: name of a file of the same raw table with the same bytes; this one then is not read.
        parquet: its rows.
        in_place: whether that is the file itself.
        refused_parquet: file, line, reason and row of what was refused; none where nothing was.
    """

    source: str
    table: str
    name: str
    path: Path
    sha256: str
    size: int
    modified: str
    read_at: str
    encoding: str | None = None
    separator: str | None = None
    decimal: str | None = None
    rows: int = 0
    refused: int = 0
    same_as: str | None = None
    parquet: Path | None = None
    in_place: bool = False
    refused_parquet: Path | None = None


class Index:
    """SHA-256 and size of files and members by their paths, for as long as files keep their size and time."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / INDEX
        self._known: dict[str, dict] = load(self._path) or {}
        self._new = False

    def digest(self, one: Found) -> tuple[str, int]:
        """SHA-256 and number of bytes of a file or member; it is opened only where it has changed."""
        state = one.path.stat()
        mark = [state.st_size, state.st_mtime_ns]
        entry = self._known.get(str(one.path))
        if entry is None or entry["state"] != mark:
            entry = self._known[str(one.path)] = {"state": mark, "digests": {}}
        member = one.member or ""
        if member not in entry["digests"]:
            entry["digests"][member] = digest(one)
            self._new = True
        sha256, size = entry["digests"][member]
        return sha256, size

    def save(self) -> None:
        """Keep what was found out."""
        if self._new:
            store(self._path, self._known)


def key(one: Found, sha256: str, table: RawTable) -> str:
    """What tells one reading of a file from another: its name and bytes, and what is asked of it."""
    columns = {name: [*column[:3], str(column.type), column.by_content] for name, column in table.columns.items()}
    asked = [columns, table.records, table.decimal, table.encoding, table.separator, table.sheet]
    return hashlib.sha256(json.dumps([READER, one.name, one.kind, sha256, asked]).encode()).hexdigest()[:32]


def load(path: Path) -> dict | None:
    """A JSON object that `store` left; none where there is none that can be read."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def store(path: Path, facts: Mapping[str, object]) -> None:
    """Write a JSON object, whole or not at all."""
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(facts, default=str))
    draft.replace(path)


def written(path: Path) -> str:
    """When a file was written, ISO 8601 in UTC."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")


def now() -> str:
    """The present moment, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
