"""What a killed run had done: its finished notebooks are kept, so that the next run executes only the rest."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from reco.report import pages
from reco.runs.outcomes import State
from reco.runs.plan import Task
from reco.runs.publish import sweep
from reco.runs.record import Run, read


def recover(store: Path, tasks: Mapping[str, Task], say: Callable[[str], None]) -> list[str]:
    """Publish, as cancelled, runs that were killed after a notebook was done, and remove the rest; ids of the former.

    `latest` does not move. Call it with the lock of the store held: then no other run is under way.
    """
    kept = []
    for left in sorted(store.glob(".*.part")):
        record = read(left)
        if record and _worth_keeping(record) and set(record.notebooks) <= set(tasks):
            _complete(left, record, tasks)
            shutil.rmtree(store / record.id, ignore_errors=True)
            left.replace(store / record.id)
            kept.append(record.id)
            say(f"Run {record.id} was killed; what it had done is kept.")
    sweep(store)
    return kept


def _worth_keeping(record: Run) -> bool:
    return any(entry.run == record.id and entry.outcome.state == State.OK for entry in record.notebooks.values())


def _complete(folder: Path, record: Run, tasks: Mapping[str, Task]) -> None:
    """Write the pages that the killed run did not come to."""
    for part in folder.glob("*.part"):
        part.unlink()
    for name, entry in record.notebooks.items():
        if entry.outcome.state == State.CANCELLED:
            (folder / entry.copy_name).unlink(missing_ok=True)  # it was not cleared of secrets yet
            page = pages.failure(record, entry, tasks[name].notebook.parameters, None, None)
            (folder / entry.page).write_text(page, encoding="utf-8")
    (folder / "index.html").write_text(pages.index(record), encoding="utf-8")
