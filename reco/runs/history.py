"""The runs of a store: every record that was kept, and which pages go in time."""

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ValidationError

from reco.errors import InputError
from reco.runs.outcomes import State
from reco.runs.publish import LATEST
from reco.runs.record import FILE, Run, read

#: Folder of the records of runs whose pages are gone.
FOLDER: Final = "history"


class Kept(NamedTuple):
    """A run in the history; `folder` is None when its pages are gone."""

    run: Run
    folder: Path | None


def runs(store: Path, most: int | None = None) -> list[Kept]:
    """Every run of a store that left a record that can be read, or the newest `most` of them, the newest first."""
    places = [*_folders(store), *(store / FOLDER).glob("*.json")]
    found: list[Kept] = []
    for place in sorted(places, key=lambda path: path.stem, reverse=True):
        if len(found) == most:
            break
        folder = place if place.is_dir() else None
        if run := read(folder) if folder else _removed(place):
            found.append(Kept(run, folder))
    return sorted(found, key=lambda kept: kept.run.id, reverse=True)


def _removed(file: Path) -> Run | None:
    """The record of a run whose pages are gone, if it can be read."""
    try:
        return Run.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None


def find(store: Path, name: str) -> Run:
    """The run of an id, of the beginning of one, or the one that `latest` points at.

    Raises `InputError` when there is none, or more than one.
    """
    known = [kept.run for kept in runs(store)]
    wanted = (store / LATEST).resolve().name if name == LATEST else name
    found = [run for run in known if run.id.startswith(wanted)]
    if len(found) != 1:
        ids = ", ".join(run.id for run in (found or known)[:5])
        words = f"more than one run begins so: {ids}" if found else f"expected latest or one of {ids or 'none yet'}"
        raise InputError(f"run {name!r}: {'' if found else 'no such run; '}{words}")
    return found[0]


def prune(store: Path, keep: int | None, days: int | None, now: datetime) -> list[str]:
    """Remove the pages of runs beyond the newest `keep` and of those older than `days`; their ids.

    Their records move to `history`. The run that `latest` points at and the newest one stay. Call it with the lock of
    the store held.
    """
    folders = sorted(_folders(store), reverse=True)
    latest = (store / LATEST).resolve()
    removed = []
    for rank, folder in enumerate(folders):
        record = read(folder)
        old = days is not None and record is not None and now - record.created_at > timedelta(days=days)
        if rank == 0 or folder.resolve() == latest or not (old or (keep is not None and rank >= keep)):
            continue
        if record:
            (store / FOLDER).mkdir(exist_ok=True)
            (folder / FILE).replace(store / FOLDER / f"{folder.name}.json")
        shutil.rmtree(folder, ignore_errors=True)
        removed.append(folder.name)
    return removed


def lines(store: Path, most: int) -> Iterator[str]:
    """The history as lines, the newest first: id, state, seconds, how many notebooks ended how, and what failed."""
    found = runs(store)
    latest = (store / LATEST).resolve().name
    for run, folder in found[:most]:
        seconds = (run.finished_at - run.created_at).total_seconds()
        states = Counter(str(entry.state) for entry in run.notebooks.values())
        words = ", ".join(f"{count} {state}" for state, count in states.items())
        where = "  ← latest" if run.id == latest else "" if folder else "  (pages removed)"
        yield f"{run.id}  {run.state:<9}  {seconds:>6.0f} s  {words}{where}"
        for name, entry in run.notebooks.items():
            if not entry.outcome.state.good and entry.state != State.SKIPPED:
                place = f" in {entry.outcome.place}" if entry.outcome.place else ""
                yield f"    {name}: {entry.state}{place}. {entry.sentence}"
    if not found:
        yield f"No run yet in {store}"
    elif len(found) > most:
        yield f"… and {len(found) - most} earlier"


def _folders(store: Path) -> list[Path]:
    return [path for path in store.glob("[0-9]*-*-*") if path.is_dir()]
