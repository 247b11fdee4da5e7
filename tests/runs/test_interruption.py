"""Runs that are stopped, killed or started twice."""

import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import psutil
import pytest
from filelock import FileLock

from reco.runs.children import Children
from reco.runs.execution import Execution
from reco.runs.record import State, read
from reco.runs.runner import BusyError, ended_by_signals
from tests.runs.killing import Forking, broken

WAITS = "import os, pathlib, time\n_ = pathlib.Path('kernel').write_text(str(os.getpid()))\ntime.sleep(100)"


def until(condition, seconds=40.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.fixture(scope="module")
def forking():
    with Forking() as server:
        yield server


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_leaves_no_kernel_and_latest_alone(fresh_shop, pretending, forking, number):
    fresh_shop.write("first", WAITS)
    run = forking.start(fresh_shop.root, ["first"])
    marker = fresh_shop.root / "books" / "kernel"
    until(lambda: marker.exists() and marker.read_text())
    below = [process.pid for process in psutil.Process(run).children(recursive=True)]
    assert int(marker.read_text()) in below
    os.kill(run, number)
    assert forking.ended() == (143 if number == signal.SIGTERM else -number)
    until(lambda: all(map(gone, below)))
    assert fresh_shop.latest() is None
    if number == signal.SIGKILL:
        assert fresh_shop.published() == []
    else:
        assert not list(fresh_shop.store.glob(".*.part"))
        [folder] = fresh_shop.published()
        assert read(folder).state == "cancelled"
        assert "The run was stopped from outside" in (folder / "first.html").read_text()
    with pretending():
        assert fresh_shop.run(only=["first"]).code == 0
    assert not list(fresh_shop.store.glob(".*.part"))


def test_kills_at_random_moments_leave_latest_whole_and_the_next_run_succeeds(fresh_shop, forking):
    moments = np.random.default_rng()
    books = ["first", "second", "third"]
    for _ in range(2):  # the first time takes longer
        started = time.monotonic()
        forking.start(fresh_shop.root, books, pretend=0.02, force=True)
        assert forking.ended() == 0
    usual = time.monotonic() - started
    for _ in range(3):
        run = forking.start(fresh_shop.root, books, pretend=0.02, force=True)
        time.sleep(moments.uniform(0, usual))
        with suppress(ProcessLookupError):  # it has ended by itself
            os.kill(run, signal.SIGKILL)
        assert forking.ended() in (0, -signal.SIGKILL)
        assert broken(fresh_shop.store) == []
    forking.start(fresh_shop.root, books, pretend=0.02, force=True)
    assert forking.ended() == 0
    assert broken(fresh_shop.store) == []
    assert fresh_shop.latest().state == "ok"
    assert not list(fresh_shop.store.glob(".*.part"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_end_a_run_with_their_own_exit_code(number):
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as ended, ended_by_signals():
        os.kill(os.getpid(), number)
        time.sleep(1)
    assert ended.value.code == 128 + number
    assert signal.getsignal(number) == before


def test_a_second_run_waits_and_then_finds_its_work_done(fresh_shop, pretending):
    with pretending(seconds=0.3), ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda _: fresh_shop.run(only=["first"]), range(2)))
    assert [each.code for each in ended] == [0, 0]
    assert len(fresh_shop.published()) == 1


@pytest.fixture
def stopping(monkeypatch, pretending):
    """Let `first` succeed, then stop the run as `stop` does when `second` starts."""

    def stop_with(stop):
        execute = Children.execute

        def execute_or_stop(children, source, target, parameters):
            if source.stem == "second":
                stop()
            return execute(children, source, target, parameters)

        monkeypatch.setattr(Children, "execute", execute_or_stop)

    with pretending():
        yield stop_with
        monkeypatch.undo()  # before the pretence ends, which puts the real one back


def interrupt():
    raise KeyboardInterrupt


def executed(shop):
    return {line.split()[1] for line in shop.lines if line.endswith("started")}


def test_a_cancelled_run_says_so_and_the_next_does_only_what_is_missing(fresh_shop, stopping, pretending):
    stopping(interrupt)
    with pytest.raises(KeyboardInterrupt):
        fresh_shop.run()
    [folder] = fresh_shop.published()
    record = read(folder)
    assert {name: entry.outcome.state for name, entry in record.notebooks.items()} == {
        "first": State.OK,
        "second": State.CANCELLED,
        "third": State.CANCELLED,
        "trial": State.NOTHING,
    }
    assert "3 of 4" not in (folder / "index.html").read_text()
    assert "2 of 4 reports not updated" in (folder / "index.html").read_text()
    with pretending():
        assert fresh_shop.run().code == 0
    assert executed(fresh_shop) == {"second", "third"}
    assert fresh_shop.latest().notebooks["first"].run == record.id


def test_what_a_killed_run_had_done_is_kept(fresh_shop, stopping, pretending, monkeypatch):
    def as_a_kill_leaves_it(self):
        shutil.copytree(self.private, self.store / f".{self.id}-killed.part")

    with monkeypatch.context() as patch:
        patch.setattr(Execution, "_cancel", as_a_kill_leaves_it)
        stopping(interrupt)
        with pytest.raises(KeyboardInterrupt):
            fresh_shop.run()
    assert fresh_shop.published() == []
    [private] = fresh_shop.store.glob(".*.part")
    for left in ("second.ipynb.part", "second.ipynb"):
        (private / left).write_text("half")
    (fresh_shop.store / ".nothing-done.part").mkdir()
    with pretending():
        assert fresh_shop.run().code == 0
    assert executed(fresh_shop) == {"second", "third"}
    left, done = fresh_shop.published()
    assert (read(left).state, read(done).state) == ("cancelled", "ok")
    assert (fresh_shop.store / "latest").resolve() == done
    pages = {"index.html", *(f"{name}.html" for name in fresh_shop.notebooks)}
    assert {path.name for path in left.iterdir()} == {*pages, "first.ipynb", "run.json"}
    assert not list(fresh_shop.store.glob(".*.part"))
    assert f"Run {left.name} was killed; what it had done is kept." in fresh_shop.lines


def test_what_a_killed_run_left_goes_although_nothing_changed(fresh_shop, pretending):
    with pretending():
        fresh_shop.run(only=["first"])
        (fresh_shop.store / ".20200101-000000-aaaaaa.part").mkdir()
        with FileLock(fresh_shop.store / ".lock"):
            assert fresh_shop.run(only=["first"]).code == 0
        assert list(fresh_shop.store.glob(".*.part"))  # it may be that of a run under way
        assert fresh_shop.run(only=["first"]).code == 0
    assert not list(fresh_shop.store.glob(".*.part"))


def test_a_second_run_may_leave_at_once(fresh_shop, pretending):
    fresh_shop.store.mkdir(parents=True)
    with pretending(), FileLock(fresh_shop.store / ".lock"), pytest.raises(BusyError):
        fresh_shop.run(wait=False)
    assert fresh_shop.published() == []
    with pretending():
        assert fresh_shop.run(wait=False).code == 0
