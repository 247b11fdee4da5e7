"""The record of a run, kept as run.json beside its pages: our own account of what happened, never Papermill's."""

import secrets
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from reco.parameters import Covered
from reco.report.kpi import Kpi
from reco.runs.outcomes import Outcome, State

#: Name of the record in a run's folder.
FILE: Final = "run.json"


class Entry(BaseModel):
    """One notebook in the record of a run.

    Attributes:
        covers: its parameters as readers see them.
        key: hash of all that its results depend on; equal keys, equal results.
        run: the run that executed it, or None when none did.
        outdated: carried over although its key has changed since.
        kpis: the key figures that it shows as cards.
        actions: what it tells readers to do, a sentence each.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    question: str
    key: str
    parameters: dict[str, Any] = {}
    covers: list[Covered] = []
    outcome: Outcome
    run: str | None = None
    outdated: bool = False
    headline: str | None = None
    figures: dict[str, Any] = {}
    kpis: tuple[Kpi, ...] = ()
    actions: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        """How it stands: as it ended, or stale when that was carried over and has been overtaken."""
        return State.STALE if self.outdated and self.outcome.state == State.OK else self.outcome.state

    @property
    def sentence(self) -> str:
        """One plain sentence on how it stands."""
        return self.state.meaning if self.state == State.STALE else self.outcome.sentence or self.state.meaning

    @property
    def alerts(self) -> int:
        """How many alerts it raised: the figure `alerts` that its last cell recorded; 0 without one."""
        found = self.figures.get("alerts")
        return int(found) if isinstance(found, int | float) and found > 0 else 0

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
        data_until: day of the last order, by the shop's clock.
        settings: the settings in effect.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    created_at: datetime
    finished_at: datetime
    facts: Facts
    rows: dict[str, int] = {}
    data_until: date | None = None
    settings: dict[str, Any] = {}
    notebooks: dict[str, Entry] = {}

    @property
    def good(self) -> bool:
        """Whether every notebook in it gave what there is to know."""
        return all(entry.outcome.state.good for entry in self.notebooks.values())

    @property
    def cancelled(self) -> bool:
        """Whether it was stopped before all was done."""
        return any(entry.outcome.state == State.CANCELLED for entry in self.notebooks.values())

    @property
    def alerts(self) -> int:
        """Alerts of all its notebooks together."""
        return sum(entry.alerts for entry in self.notebooks.values())

    @property
    def state(self) -> str:
        """The run in one word: cancelled, failed, alerts or ok."""
        return "cancelled" if self.cancelled else "failed" if not self.good else "alerts" if self.alerts else "ok"

    def write(self, folder: Path) -> None:
        """Write the record into the folder of the run, replaced whole."""
        private = folder / f"{FILE}.part"
        private.write_text(self.model_dump_json(indent=2), encoding="utf-8")
        private.replace(folder / FILE)


def read(folder: Path) -> Run | None:
    """The record in a run's folder, or None when there is none that can be read."""
    try:
        return Run.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None


def new_id(moment: datetime) -> str:
    """An id that sorts by time, to a 4096th of a second.

    >>> new_id(datetime(2026, 11, 24, 20, 15, 30, tzinfo=UTC))[:16]
    '20261124-201530-'
    """
    fraction = moment.microsecond * 4096 // 1_000_000
    return f"{moment.astimezone(UTC):%Y%m%d-%H%M%S}-{fraction:03x}{secrets.token_hex(2)[:3]}"


def moment(id: str) -> datetime | None:
    """When the run of an id started, to the second; None for what is no id.

    >>> moment("20261124-201530-abc123")
    datetime.datetime(2026, 11, 24, 20, 15, 30, tzinfo=datetime.timezone.utc)
    """
    try:
        return datetime.strptime(id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
