"""The part of a run that writes: execute what is not up to date, render every page, publish the folder."""

import json
import shutil
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Final, NamedTuple

import nbformat

from reco import pipeline
from reco.errors import InputError
from reco.parameters import covers
from reco.report import html, pages
from reco.report.gallery import PAGE, gallery
from reco.report.privacy import Gate, scrubbed, watch, without_addresses
from reco.report.text import scrub
from reco.runs.child import last_started
from reco.runs.children import Children
from reco.runs.facts import count_rows, gather, last_day
from reco.runs.history import Kept, prune, runs
from reco.runs.outcomes import Outcome, State
from reco.runs.plan import Task
from reco.runs.publish import carry, carry_file, earlier, private_folder, publish
from reco.runs.record import Entry, Run, moment, new_id
from reco.runs.secrets import Secrets, named
from reco.workbook import Workbook

#: The notebook whose slates the gallery shows.
FILLS: Final = "04_fill_contexts"

#: Runs before that pages look back to.
PAST: Final = 30


class Reusable(NamedTuple):
    """A notebook of an earlier run, and the folder that holds its files."""

    entry: Entry
    folder: Path


class Execution:
    """One run from its private folder to its published one.

    Args:
        workbook: the store and its settings.
        overrides: settings changed for this run, by dotted name.
        tasks: every notebook as this run would execute it, as `plan` has it.
        selected: names of the notebooks that this run is about.
        store: folder of the store's runs.
        force: execute what is up to date, too.
        say: gets a line of progress at a time.
    """

    def __init__(
        self,
        workbook: Workbook,
        overrides: Mapping[str, str],
        tasks: Mapping[str, Task],
        selected: Sequence[str],
        store: Path,
        force: bool,
        say: Callable[[str], None],
    ) -> None:
        self.workbook, self.tasks, self.store, self.say = workbook, tasks, store, say
        self.secrets = Secrets(named(workbook.settings))
        self.created_at = datetime.now(UTC)
        self.id = new_id(self.created_at)
        self.facts = gather(workbook, overrides)
        self.earlier = earlier(store)
        self.past = self._past()
        self.reusable = {
            name: found
            for name in tasks
            if (found := self._find(name, name in selected)) and not (force and name in selected)
        }
        self.todo = [name for name in tasks if name in selected and name not in self.reusable]
        self.width = max(map(len, tasks))
        self.entries: dict[str, Entry] = {}
        self.private = Path()
        self.watched: tuple[int | None, Gate] | None = None

    def run(self, jobs: int, children: Children) -> Run:
        """Do it, with up to `jobs` notebooks side by side; the run as it was published."""
        self.say(f"{self.facts.title}, run {self.id}")
        self.private = private_folder(self.store, self.id)
        try:
            self._carry_over()
            self._save()
            try:
                self._execute(jobs, children)
            except (KeyboardInterrupt, SystemExit):
                self._cancel()
                raise
            self._publish(self._gallery())
        finally:
            shutil.rmtree(self.private, ignore_errors=True)
        return self._as_run()

    def _publish(self, gallery: str | None) -> None:
        done = self._as_run()
        index = scrubbed(pages.index(done, gallery, self.past), self.workbook.settings.root)
        if kinds := self._gate().kinds(index):  # of what the settings say; all else on it stands on other pages
            words = " and ".join(kinds)
            raise InputError(f"{self.facts.settings_file}: index.html would show {words}; expected a title without")
        (self.private / "index.html").write_text(index, encoding="utf-8")
        publish(self.private, self.store, done)
        keep = self.workbook.settings.runs
        prune(self.store, keep.keep, keep.keep_days, self.created_at)

    def _cancel(self) -> None:
        """Publish what was done until now, so that the next run need not do it again."""
        for name in self.todo:
            if name not in self.entries:
                self._finish(name, Outcome(state=State.CANCELLED, sentence=State.CANCELLED.meaning))
        self._publish(None)

    def _save(self) -> None:
        """Keep the record as if the run ended here: if it is killed, `reco.runs.recovery` finds what is done."""
        left = Outcome(state=State.CANCELLED, sentence=State.CANCELLED.meaning)
        entries = {name: self.entries.get(name) or self._entry(name, left) for name in self.tasks}
        shown = {name: entry for name, entry in entries.items() if name in self.todo or name in self.entries}
        self._as_run().model_copy(update={"notebooks": shown}).write(self.private)

    def _find(self, name: str, selected: bool) -> Reusable | None:
        """What an earlier run has of a notebook: up to date if it is selected, else whatever `latest` shows."""
        for folder, record in self.earlier:
            entry = record.notebooks.get(name)
            if entry is None or not entry.outcome.state.good:
                continue
            if entry.key == self.tasks[name].key:
                return Reusable(entry.model_copy(update={"outdated": False}), folder)
            if not selected and record.good:
                return Reusable(entry.model_copy(update={"outdated": True}), folder)
        return None

    def _carry_over(self) -> None:
        for name, (entry, folder) in self.reusable.items():
            carry(entry, folder, self.private)
            self.entries[name] = entry
        if self.reusable and self.todo:
            self.say(f"  ↺ {'up to date':<{self.width}}  {', '.join(self.reusable)}")

    def _execute(self, jobs: int, children: Children) -> None:
        graph = {name: set(self.tasks[name].notebook.after) & set(self.todo) for name in self.todo}
        sorter = TopologicalSorter(graph)
        sorter.prepare()
        running: dict[Future[Outcome], str] = {}
        with ThreadPoolExecutor(jobs) as pool:
            try:
                while sorter.is_active():
                    for name in sorter.get_ready():
                        if outcome := self._settled_without_running(name):
                            self._finish(name, outcome)
                            sorter.done(name)
                        else:
                            running[pool.submit(self._work, name, children)] = name
                    for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
                        name = running.pop(future)
                        self._finish(name, future.result())
                        sorter.done(name)
            except BaseException:
                children.end()
                pool.shutdown(cancel_futures=True)
                raise

    def _gallery(self) -> str | None:
        """Name of the page that shows the slates of `FILLS`, made or carried over with it; None without one."""
        entry = self.entries.get(FILLS)
        if entry is None or entry.outcome.state != State.OK:
            return None
        if FILLS in self.reusable and carry_file(PAGE, self.reusable[FILLS].folder, self.private):
            return PAGE
        if entry.outdated:
            return None
        started = time.monotonic()
        try:
            shown = gallery(self.workbook, pipeline.periods(self.workbook).end, index=True)
        except Exception as error:  # reports do not hang on it
            words = self.secrets.clear(f"{type(error).__name__}: {error}")
            self.say(f"  ■ {'gallery':<{self.width}}  could not be made: {words}")
            return None
        shown = scrubbed(shown, self.workbook.settings.root)
        if kinds := self._gate().kinds(shown):
            self.entries[FILLS], page = self._withhold(FILLS, entry.outcome, f"{PAGE} would show {' and '.join(kinds)}")
            (self.private / entry.page).write_text(page, encoding="utf-8")
            (self.private / entry.copy_name).unlink(missing_ok=True)
            self.say(f"  ■ {'gallery':<{self.width}}  withheld. {self.entries[FILLS].sentence}")
            return None
        (self.private / PAGE).write_text(shown, encoding="utf-8")
        self.say(f"  ● {'gallery':<{self.width}}  {time.monotonic() - started:.1f} s")
        return PAGE

    def _settled_without_running(self, name: str) -> Outcome | None:
        """The outcome of a notebook that cannot be filled or must be skipped; None when it can run."""
        task = self.tasks[name]
        if task.lacks:
            return Outcome(state=State.NOTHING, sentence=task.lacks)
        for other in task.notebook.after:
            entry = self.entries.get(other)
            if entry and not entry.outcome.state.good:
                verb = "was skipped" if entry.outcome.state == State.SKIPPED else "failed"
                return Outcome(state=State.SKIPPED, sentence=f"It needs {other}, which {verb}.")
        return None

    def _work(self, name: str, children: Children) -> Outcome:
        self.say(f"  ▸ {name:<{self.width}}  started")
        task = self.tasks[name]
        copy = self.private / f"{name}.ipynb"
        outcome = children.execute(task.notebook.path, copy, task.parameters)
        self.secrets.clear_file(copy)
        if copy.exists():
            text = copy.read_text(encoding="utf-8")
            copy.write_text(scrubbed(text, self.workbook.settings.root), encoding="utf-8")
        cleared = {key: self.secrets.clear(getattr(outcome, key) or "") for key in ("sentence", "heading", "traceback")}
        return outcome.model_copy(update={key: text or getattr(outcome, key) for key, text in cleared.items()})

    def _finish(self, name: str, outcome: Outcome) -> None:
        """Write the page of a notebook and say how it ended."""
        try:
            entry, page = self._render(name, outcome)
        except Exception as error:
            sentence = f"Its results could not be shown: {type(error).__name__}."
            outcome = Outcome(
                state=State.BROKEN,
                seconds=outcome.seconds,
                sentence=sentence,
                traceback=self.secrets.clear(scrub("".join(traceback.format_exception(error)))),
            )
            entry = self._entry(name, outcome)
            page = pages.failure(self._as_run(), entry, self._model(name), None, self._last_good(name))
        page = scrubbed(page, self.workbook.settings.root)
        copy = self.private / entry.copy_name
        kinds = self._gate().kinds(page)
        if copy.exists() and (kinds or (kinds := self._gate().kinds_of_copy(copy.read_text(encoding="utf-8")))):
            copy.unlink()
        if kinds:
            entry, page = self._withhold(name, outcome, f"{entry.page} would show {' and '.join(kinds)}")
            outcome = entry.outcome
        (self.private / entry.page).write_text(page, encoding="utf-8")
        self.entries[name] = entry
        self._save()
        mark = pages.mark(entry, self._as_run())
        words = f"{outcome.seconds:.1f} s" if outcome.state == State.OK else f"{outcome.state}."
        if outcome.state not in {State.OK, State.NOTHING, State.SKIPPED}:
            place = f" in {outcome.place}" if outcome.place else ""
            words = f"{outcome.state.words.lower()} after {outcome.seconds:.1f} s{place}."
        self.say(f"  {mark.shape} {name:<{self.width}}  {' '.join(filter(None, [words, outcome.sentence]))}")

    def _gate(self) -> Gate:
        """What no page may show, by the tables as they stand."""
        record = self.workbook.folder / "tables" / "store.json"
        made = record.stat().st_mtime_ns if record.exists() else None
        if self.watched is None or self.watched[0] != made:
            self.watched = made, watch(self.workbook.folder)
        return self.watched[1]

    def _withhold(self, name: str, outcome: Outcome, words: str) -> tuple[Entry, str]:
        """A notebook's entry and page without any of its results or words."""
        state = State.WITHHELD if outcome.state.good else outcome.state
        sentence = f"{words}. It was withheld; the notebook must not show that."
        outcome = Outcome(state=state, seconds=outcome.seconds, sentence=sentence, cell=outcome.cell)
        entry = self._entry(name, outcome)
        return entry, pages.failure(self._as_run(), entry, self._model(name), None, self._last_good(name))

    def _render(self, name: str, outcome: Outcome) -> tuple[Entry, str]:
        copy = self.private / f"{name}.ipynb"
        notebook = nbformat.read(copy, as_version=4) if copy.exists() else None
        question = self.tasks[name].notebook.question
        if outcome.state == State.OK:
            body = html.read(notebook, question)
            found = {key: getattr(body, key) for key in ("headline", "figures", "kpis", "actions")}
            entry = self._entry(name, outcome, **found)
            return entry, pages.report(self._as_run(), entry, body, self._model(name), self.past)
        place = last_started(notebook) if notebook else None
        partial = html.read(notebook, question, until=place.position) if place else None
        entry = self._entry(name, outcome)
        return entry, pages.failure(self._as_run(), entry, self._model(name), partial, self._last_good(name))

    def _entry(self, name: str, outcome: Outcome, **found: object) -> Entry:
        task = self.tasks[name]
        return Entry(
            name=name,
            title=task.notebook.title,
            question=task.notebook.question,
            key=task.key,
            parameters=task.parameters,
            covers=covers(task.notebook.parameters, task.parameters),
            outcome=outcome,
            run=self.id,
            **found,
        )

    def _model(self, name: str) -> type:
        return self.tasks[name].notebook.parameters

    def _last_good(self, name: str) -> pages.LastGood | None:
        for folder, record in self.earlier:
            entry = record.notebooks.get(name)
            if entry and entry.outcome.state == State.OK:
                return pages.LastGood(f"../{folder.name}/{entry.page}", entry.run, moment(entry.run), entry.headline)
        return None

    def _past(self) -> list[Kept]:
        """The newest runs of the store; without the folder where pages will go when this run is published."""
        keep = self.workbook.settings.runs
        oldest = self.created_at - timedelta(days=keep.keep_days) if keep.keep_days is not None else None
        return [
            kept._replace(folder=None)
            if (keep.keep is not None and rank >= keep.keep) or (oldest and kept.run.created_at < oldest)
            else kept
            for rank, kept in enumerate(runs(self.store, PAST), 1)
        ]

    def _as_run(self) -> Run:
        """The run as it stands."""
        return Run(
            id=self.id,
            created_at=self.created_at,
            finished_at=datetime.now(UTC),
            facts=self.facts,
            rows=count_rows(self.workbook),
            data_until=last_day(self.workbook),
            settings=json.loads(without_addresses(self.workbook.settings.model_dump_json())),
            notebooks={name: self.entries[name] for name in self.tasks if name in self.entries},
        )
