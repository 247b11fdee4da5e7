"""From a private folder to a published run: nothing is seen before it is whole, `latest` moves last."""

import os
import secrets
import shutil
from pathlib import Path
from typing import Final

from reco.runs.record import Entry, Run, read

#: Name of the link to the last run in which every notebook succeeded.
LATEST: Final = "latest"

#: What a notebook that raises alerts leaves beside its page.
ALERTS: Final = "alerts.json"


def private_folder(store: Path, run: str) -> Path:
    """A new folder for a run that is under way; folders that killed runs left behind go away.

    Call it with the lock of the store held: then no other run is under way.
    """
    sweep(store)
    folder = store / f".{run}.part"
    folder.mkdir(parents=True)
    return folder


def sweep(store: Path) -> None:
    """Remove the private folders of runs that were killed."""
    for left in store.glob(".*.part"):
        shutil.rmtree(left, ignore_errors=True)


def publish(private: Path, store: Path, run: Run) -> Path:
    """Move the folder of a run into place and, when all in it is good, `latest` to it; the folder's final path."""
    run.write(private)
    folder = store / run.id
    private.replace(folder)
    if run.good:
        link = store / f".{LATEST}-{secrets.token_hex(4)}"
        link.symlink_to(run.id)
        link.replace(store / LATEST)
    return folder


def carry(entry: Entry, source: Path, target: Path) -> None:
    """Take a notebook's page and executed copy over from another run; the files are shared, not copied, if possible."""
    for name in (entry.page, entry.copy_name, *([ALERTS] if "alerts" in entry.figures else [])):
        carry_file(name, source, target)


def carry_file(name: str, source: Path, target: Path) -> bool:
    """Take one file over from the folder of another run; whether it was there."""
    if not (source / name).exists():
        return False
    try:
        os.link(source / name, target / name)
    except OSError:
        shutil.copy2(source / name, target / name)
    return True


def latest(store: Path) -> tuple[Path, Run] | None:
    """The run that `latest` points at and its folder; None when there is none."""
    folder = (store / LATEST).resolve()
    record = read(folder) if folder.is_dir() else None
    return (folder, record) if record else None


def earlier(store: Path) -> list[tuple[Path, Run]]:
    """The runs whose results may be used again: the one `latest` points at, then the newest if it is another."""
    runs = [found] if (found := latest(store)) else []
    folders = sorted(path for path in store.glob("[0-9]*-*-*") if path.is_dir())[-1:]
    for folder in folders:
        if (record := read(folder)) and all(folder.resolve() != known for known, _ in runs):
            runs.append((folder, record))
    return runs
