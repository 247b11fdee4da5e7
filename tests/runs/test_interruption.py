"""Runs that are stopped, killed or started twice."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from reco.runs.runner import ended_by_signals

WAITS = "import os, pathlib, time\n_ = pathlib.Path('kernel').write_text(str(os.getpid()))\ntime.sleep(100)"
RUN = """\
import sys
from pathlib import Path
from reco.notebooks import Notebook, UnifyData
from reco.runs.runner import run
root = Path(sys.argv[1])
book = Notebook(name="first", title="First", question="What?", parameters=UnifyData, folder=root / "books")
run(root / "workbook.yaml", notebooks={"first": book})
"""


def until(condition, seconds=40.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_leaves_no_kernel_and_publishes_nothing(fresh_shop, pretending, number):
    fresh_shop.write("first", WAITS)
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, fresh_shop.root], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    marker = fresh_shop.root / "books" / "kernel"
    until(lambda: marker.exists() and marker.read_text())
    kernel = int(marker.read_text())
    os.kill(process.pid, number)
    assert process.wait(30) != 0
    until(lambda: gone(kernel))
    assert fresh_shop.published() == []
    if number != signal.SIGKILL:
        assert not list(fresh_shop.store.glob(".*.part"))
    else:
        with pretending():
            assert fresh_shop.run(only=["first"]).code == 0
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
    with pretending(seconds=1), ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda _: fresh_shop.run(only=["first"]), range(2)))
    assert [each.code for each in ended] == [0, 0]
    assert len(fresh_shop.published()) == 1
