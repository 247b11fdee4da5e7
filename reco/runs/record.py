"""The record of a run, kept as run.json beside its pages: our own account of what happened, never Papermill's."""

import secrets
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

#: Name of the record in a run's folder.
FILE: Final = "run.json"


class State(StrEnum):
    """How a notebook ended; the value is the word that readers see."""

    OK = "ok"
    NOTHING = "nothing to report"
    SKIPPED = "skipped"
    CELL_ERROR = "cell error"
    TIMED_OUT = "time-out"
    KERNEL_DIED = "kernel died"
    STOPPED_EARLY = "stopped early"
    BROKEN = "could not run"

    @property
    def good(self) -> bool:
        """Whether readers get what there is to know."""
        return self in {State.OK, State.NOTHING}


class Outcome(BaseModel):
    """How the execution of one notebook ended.

    Attributes:
        seconds: wall time of the execution.
        sentence: what happened, plain; empty when all went well.
        cell: number of the code cell that failed, counted from 1 in the source notebook.
        heading: the heading nearest above that cell.
        traceback: what Python said, without machine paths.
    """

    model_config = ConfigDict(frozen=True)

    state: State
    seconds: float = 0.0
    sentence: str = ""
    cell: int | None = None
    heading: str | None = None
    traceback: str | None = None

    @property
    def place(self) -> str:
        """Where it failed, as in `code cell 4, "Time split"`; empty when no cell is to blame."""
        if self.cell is None:
            return ""
        return f"code cell {self.cell}" + (f", “{self.heading}”" if self.heading else "")


class Entry(BaseModel):
    """One notebook in the record of a run.

    Attributes:
        key: hash of all that its results depend on; equal keys, equal results.
        run: the run that executed it, or None when none did.
        outdated: carried over although its key has changed since.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    question: str
    key: str
    parameters: dict[str, Any] = {}
    outcome: Outcome
    run: str | None = None
    outdated: bool = False
    headline: str | None = None
    figures: dict[str, Any] = {}

    @property
    def page(self) -> str:
        """File name of its page, in the folder of the run."""
        return f"{self.name}.html"

    @property
    def copy_name(self) -> str:
        """File name of its executed copy, in the folder of the run."""
        return f"{self.name}.ipynb"


class Facts(BaseModel):
    """What a run rests on, for the foot of every page.

    Attributes:
        about: where the data come from, a sentence a source.
        fingerprint: SHA-256 of all raw files.
        overrides: settings changed for this run only, by dotted name.
        commit: git commit of the workbook, or None outside a repository; `clean` is None too then.
        versions: Python and the main libraries.
    """

    model_config = ConfigDict(frozen=True)

    store: str
    title: str
    settings_file: str
    about: list[str]
    fingerprint: str
    overrides: dict[str, str] = {}
    commit: str | None = None
    clean: bool | None = None
    versions: dict[str, str] = {}


class Run(BaseModel):
    """A run, published or on its way.

    Attributes:
        rows: rows of each unified table.
        settings: the settings in effect.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    created_at: datetime
    finished_at: datetime
    facts: Facts
    rows: dict[str, int] = {}
    settings: dict[str, Any] = {}
    notebooks: dict[str, Entry] = {}

    @property
    def good(self) -> bool:
        """Whether every notebook in it gave what there is to know."""
        return all(entry.outcome.state.good for entry in self.notebooks.values())

    def write(self, folder: Path) -> None:
        """Write the record into the folder of the run."""
        (folder / FILE).write_text(self.model_dump_json(indent=2), encoding="utf-8")


def read(folder: Path) -> Run | None:
    """The record in a run's folder, or None when there is none that can be read."""
    try:
        return Run.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None


def new_id(moment: datetime) -> str:
    """An id that sorts by time.

    >>> new_id(datetime(2026, 11, 24, 20, 15, 30, tzinfo=UTC))[:16]
    '20261124-201530-'
    """
    return f"{moment.astimezone(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
