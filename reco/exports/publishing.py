"""From rows to a published export: nothing is seen before it is whole, and a failed one leaves the last as it was."""

import secrets
import shutil
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime
from json import loads
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from reco.errors import InputError
from reco.exports import forms
from reco.exports.base import Output

#: Name of the link to the last export that is whole, and of what describes it.
LATEST: Final = "latest"
MANIFEST: Final = "manifest.json"
#: How many exports of a system are kept, the latest among them.
KEPT: Final = 2


def run_id(moment: datetime | None = None) -> str:
    """A new name for an export, in order of time."""
    return f"{(moment or datetime.now(UTC)).astimezone(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def publish(
    folder: Path,
    outputs: Iterable[Output],
    run: str,
    about: dict[str, Any],
    states: dict[str, pa.Table] | None = None,
    removed: dict[str, pa.Table] | None = None,
    changed: dict[str, int] | None = None,
    send: Callable[[], dict[str, Any]] | None = None,
) -> Path:
    """Write the files of one export and its manifest, then move `latest` to them; the folder they are in.

    `about` opens the manifest; `states` is what a later export compares with, `removed` the keys of rows that are no
    more and `changed` how many rows differ, by file. `send` hands the rows to a server once the files are whole, and
    tells the manifest what it did.

    Raises `InputError` where the disk or the server does not take it, or a file is larger than its system takes; then
    everything is as it was.
    """
    with _untouched(folder), FileLock(_made(folder.parent) / f".{folder.name}.lock"):
        for left in folder.glob(".*.part"):
            shutil.rmtree(left, ignore_errors=True)
        private = folder / f".{run}.part"
        private.mkdir(parents=True)
        try:
            told = [
                _written(one, private, (removed or {}).get(one.name), (changed or {}).get(one.name)) for one in outputs
            ]
            for name, state in (states or {}).items():
                pq.write_table(state, private / state_name(name))
            _tell(private, {**about, "files": told})
            if send:
                # only now, since a disk that is full must be known of before a server switches to what is new
                _tell(private, {**about, **send(), "files": told})
            private.replace(folder / run)
            link = folder / f".{LATEST}-{secrets.token_hex(4)}"
            link.symlink_to(run)
            link.replace(folder / LATEST)
        finally:
            shutil.rmtree(private, ignore_errors=True)
        for old in sorted(path for path in folder.glob("[0-9]*-*-*") if path.is_dir() and path.name != run)[: 1 - KEPT]:
            shutil.rmtree(old, ignore_errors=True)
    return folder / run


def latest(folder: Path) -> dict[str, Any] | None:
    """The manifest of the export that `latest` points at; None when there is none.

    Raises `InputError` where it may not be read.
    """
    path = folder / LATEST / MANIFEST
    try:
        return loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    except OSError as error:
        raise InputError(f"{path}: not readable ({error.strerror}); expected the last export") from None


def state_of(folder: Path, name: str) -> pa.Table | None:
    """What the last export of a file held, for comparison; None when there is none."""
    path = folder / LATEST / state_name(name)
    return pq.read_table(path) if path.is_file() else None


def state_name(name: str) -> str:
    """The file beside an export that remembers what it held."""
    return f".{name}.state"


def verify(folder: Path) -> list[str]:
    """Names of files in an export that are not what its manifest says; empty when all are whole."""
    told = loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    listed = [one for entry in told for one in (entry, *entry.get("beside", ())) if one["sha256"]]
    return [
        one["name"]
        for one in listed
        if not ((folder / one["name"]).is_file() and forms.sha256(folder / one["name"]) == one["sha256"])
    ]


def _written(output: Output, folder: Path, removed: pa.Table | None, changed: int | None) -> dict[str, Any]:
    """Write one file, the schema of its rows and what was removed from it; its entry in the manifest."""
    entry: dict[str, Any] = {"name": output.name, "rows": len(output.rows), "goes_to": output.goes_to}
    if output.form == "keys":
        return {**entry, "bytes": None, "sha256": None}
    forms.write(output, folder / output.name)
    size = (folder / output.name).stat().st_size
    if output.most and size > output.most:
        raise InputError(f"{output.name}: the file has {size:,} bytes; expected at most {output.most:,}")
    beside = []
    if schema := forms.schema(output):
        beside.append(f"{output.name}.schema.json")
        (folder / beside[-1]).write_text(forms.dumped(schema), encoding="utf-8")
    if removed is not None:
        beside.append(f"{output.name}.removed.jsonl")
        forms.write(Output(beside[-1], removed, "jsonl", ""), folder / beside[-1])
        entry |= {"removed": len(removed), "changed": changed}
    entry |= _measured(folder / output.name)
    return entry | ({"beside": [{"name": name, **_measured(folder / name)} for name in beside]} if beside else {})


def _tell(folder: Path, manifest: dict[str, Any]) -> None:
    (folder / MANIFEST).write_text(forms.dumped(manifest), encoding="utf-8")


def _measured(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": forms.sha256(path)}


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _untouched(folder: Path) -> Any:
    """Turn what a disk refuses into one sentence."""
    try:
        yield
    except (OSError, duckdb.IOException, pa.ArrowException) as error:
        try:
            last = latest(folder)
        except InputError:
            last = None
        stands = f"the export {last['run']} still stands" if last else "nothing was written"
        why = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise InputError(f"{folder}: the export could not be written ({why}); {stands}") from None
