"""One run: decide what is up to date, have the rest executed, say what came of it."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import IntEnum
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from reco.errors import InputError
from reco.notebooks import NOTEBOOKS, Notebook
from reco.runs import quick
from reco.runs.history import runs
from reco.runs.notify import tell
from reco.runs.outcomes import State
from reco.runs.overrides import parse
from reco.runs.plan import Task, plan, select
from reco.runs.publish import LATEST, earlier, latest
from reco.runs.record import Entry, Run
from reco.runs.remote import pending
from reco.runs.warm import started
from reco.settings.runs import Runs
from reco.workbook import Workbook


class Code(IntEnum):
    """Exit codes; a run that a signal stops ends with 128 and the signal's number, as programs do."""

    WELL = 0
    FAILED = 1
    BAD_INPUT = 2
    BUSY = 3
    ALERTS = 4


class Ended(NamedTuple):
    """How a run ended: exit code and the page to open."""

    code: int
    page: Path


class BusyError(Exception):
    """Another run holds the lock of the store."""


def run(
    config: str | Path = "workbook.yaml",
    only: Sequence[str] = (),
    changes: Sequence[str] = (),
    out: Path | None = None,
    jobs: int | None = None,
    force: bool = False,
    timeout: float = 1800,
    cell_timeout: float | None = None,
    notebooks: Mapping[str, Notebook] = NOTEBOOKS,
    say: Callable[[str], None] = print,
    start: Sequence[str] = (),
    wait: bool = True,
    dry_run: bool = False,
) -> Ended:
    """Bring the reports of a store up to date.

    Args:
        config: the settings file.
        only: names of the notebooks to run; all when empty.
        changes: `key=value` pairs that hold for this run, see `reco.runs.overrides`.
        out: folder of the reports; `reports` beside the settings file when left out.
        jobs: how many notebooks may run side by side; by the number of cores when left out.
        force: execute notebooks that are up to date, too.
        timeout: seconds that a notebook may take.
        cell_timeout: seconds that one cell may take, if less.
        notebooks: the notebooks by name.
        say: gets a line of progress at a time.
        start: names of notebooks to run with all that come after them.
        wait: wait for another run of this store; else leave with exit code 3.
        dry_run: say what would be run, and write no report.

    Raises `InputError` before anything is written when settings, names, parameters or raw files are not as they
    must be.
    """
    selected = select(notebooks, only, start)
    overrides = parse(changes, notebooks, selected)
    with overrides.applied():
        workbook = Workbook.load(config)
        workbook.check()
        tasks = plan(workbook, notebooks, _parameters(workbook.settings.runs, overrides.parameters, notebooks))
        store = (out or workbook.settings.root / "reports").resolve() / workbook.settings.store.name
        if dry_run:
            _foretell(store, tasks, selected, force, say)
            return Ended(Code.WELL, store / LATEST / "index.html")
        done = None if force else _up_to_date(store, tasks, selected)
        if done and not pending(store, done[1].id, workbook.settings.runs.publish_to):
            _tidy(store, tasks, say)
            say(f"Nothing changed since run {done[0].name}; nothing was run.")
            return _ended(done[1], store)
        _make(store)
        with _one_at_a_time(store, wait, say):
            if not force and (done := _up_to_date(store, tasks, selected)):
                say(f"Run {done[0].name} has brought everything up to date; nothing was run.")
                sent = _send_off(workbook.settings.runs, store, done[1], say)
                return _ended(done[1], store, sent)
            settings = workbook.settings.runs
            withheld = [*settings.notify.services, *filter(None, [getattr(settings.notify.email, "password", None)])]
            with ended_by_signals(), started(withheld) as warm:
                # Only now, since Papermill and nbconvert take longer to import than it takes to see that nothing
                # changed.
                quick.prepare()
                from reco.runs.children import Children
                from reco.runs.execution import Execution
                from reco.runs.recovery import recover

                recover(store, tasks, say)
                execution = Execution(workbook, overrides.settings, tasks, selected, store, force, say)
                before = _before(store)
                children = Children(timeout, cell_timeout or timeout, withheld, warm)
                done = execution.run(jobs or default_jobs(), children)
                sent = _send_off(settings, store, done, say)
                tell(before, done, settings.notify, say)
        say(_summary(done))
        return _ended(done, store, sent)


def _parameters(
    settings: Runs, changes: Mapping[str, Mapping[str, str]], notebooks: Mapping[str, Notebook]
) -> dict[str, dict[str, Any]]:
    """Parameters by notebook: those of the settings, and before them those of `--set`."""
    return {name: {**settings.parameters.get(name, {}), **changes.get(name, {})} for name in notebooks}


def _tidy(store: Path, tasks: Mapping[str, Task], say: Callable[[str], None]) -> None:
    """Keep or remove what killed runs left, unless another run is under way."""
    if not any(store.glob(".*.part")):
        return
    quick.prepare()
    from reco.runs.recovery import recover

    with suppress(Timeout), FileLock(store / ".lock", timeout=0):
        recover(store, tasks, say)


def _before(store: Path) -> Run | None:
    """The newest run that was not cancelled."""
    return next((kept.run for kept in runs(store) if not kept.run.cancelled), None)


def _send_off(settings: Runs, store: Path, done: Run, say: Callable[[str], None]) -> bool:
    """Publish a run where the settings say, if they do; False when that failed, which the next run makes up for."""
    if settings.publish_to is None or (done.good and not pending(store, done.id, settings.publish_to)):
        return True
    owed = [done]
    if not done.good and (shown := latest(store)) and pending(store, shown[1].id, settings.publish_to):
        owed.insert(0, shown[1])  # an earlier upload that failed
    from reco.runs import remote

    try:
        for one in owed:
            remote.publish(store, one, settings.publish_to)
    except InputError as error:
        say(f"  ■ not published: {error}")
        return False
    except Exception as error:  # stores fail in ways nobody lists; their words may hold a secret
        say(f"  ■ not published to {settings.publish_to}: {type(error).__name__}; the next run tries again")
        return False
    say(f"  ● published to {settings.publish_to}")
    return True


def _ended(done: Run, store: Path, sent: bool = True) -> Ended:
    code = Code.FAILED if not (done.good and sent) else Code.ALERTS if done.alerts else Code.WELL
    return Ended(code, store / (LATEST if done.good else done.id) / "index.html")


def _make(store: Path) -> None:
    try:
        store.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{store}: cannot hold reports ({error.strerror}); expected a folder to write in") from None
    if not os.access(store, os.W_OK | os.X_OK):
        raise InputError(f"{store}: cannot hold reports (not writable); expected a folder to write in")


def _foretell(
    store: Path, tasks: Mapping[str, Task], selected: Sequence[str], force: bool, say: Callable[[str], None]
) -> None:
    """Say of every notebook what a run would do with it."""
    width = max(map(len, tasks))
    before = earlier(store)
    for name in (name for name in tasks if name in selected):
        found = next((entry for _, record in before if _same(entry := record.notebooks.get(name), tasks[name])), None)
        done = [record.id for _, record in before if name in record.notebooks]
        if found and not force:
            words = f"up to date since run {found.run}"
        elif tasks[name].lacks:
            words = f"nothing to report. {tasks[name].lacks}"
        elif found:
            words = "would run, although up to date"
        else:
            words = f"would run: changed, or not done, since run {done[0]}" if done else "would run: no run yet"
        say(f"  {'↺' if found and not force else '○' if tasks[name].lacks else '▸'} {name:<{width}}  {words}")
    say("A dry run: no notebook was run, no report written.")


def default_jobs() -> int:
    """As many notebooks side by side as there are cores, at least two, at most four."""
    return max(2, min(4, os.cpu_count() or 2))


def _summary(done: Run) -> str:
    """What came of a run, as in `7 notebooks: 5 complete, 1 failed, 1 skipped`."""
    words = {State.OK: "complete", State.NOTHING: "with nothing to report", State.SKIPPED: "skipped"}
    counts = Counter(words.get(entry.outcome.state, "failed") for entry in done.notebooks.values())
    return f"{len(done.notebooks)} notebooks: " + ", ".join(f"{count} {word}" for word, count in counts.items())


def _up_to_date(store: Path, tasks: Mapping[str, Task], selected: Sequence[str]) -> tuple[Path, Run] | None:
    """The run that `latest` points at, when it holds all selected notebooks as this run would make them."""
    found = latest(store)
    if found and all(_same(found[1].notebooks.get(name), tasks[name]) for name in selected):
        return found
    return None


def _same(entry: Entry | None, task: Task) -> bool:
    return entry is not None and entry.key == task.key and entry.outcome.state.good


@contextmanager
def _one_at_a_time(store: Path, wait: bool, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of a store, so that a second run waits for the first and then finds its work done.

    Raises `BusyError` instead when it is not to wait.
    """
    lock = FileLock(store / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if not wait:
            raise BusyError from None
        say("Another run of this store is under way; waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the run as tidily as Ctrl-C does."""

    def stop(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    if current_thread() is not main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
