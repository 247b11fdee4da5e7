"""Child processes that execute notebooks, from the parent's side: start, deadline, end."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import IO, Any

import nbformat
import psutil
from nbformat import NotebookNode

from reco.runs.child import Work, failed
from reco.runs.outcomes import Outcome, State
from reco.runs.warm import Process, Warm


class Children:
    """The child processes of a run. `execute` may be called from several threads, `end` from any.

    Args:
        timeout: seconds that one notebook may take, wall clock.
        cell_timeout: seconds that one cell may take.
        withheld: environment variables that notebooks do not get to see.
        warm: what starts them; they are started anew, which takes longer, when it is left out or has died.
    """

    def __init__(
        self, timeout: float, cell_timeout: float, withheld: Collection[str] = (), warm: Warm | None = None
    ) -> None:
        self.timeout, self.cell_timeout, self.withheld, self.warm = timeout, cell_timeout, withheld, warm
        self._running: set[subprocess.Popen | Process] = set()
        self._ended = False
        self._lock = Lock()

    def execute(self, source: Path, target: Path, parameters: dict[str, Any]) -> Outcome:
        """Execute the notebook `source` into `target` and wait for its outcome."""
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="reco-", ignore_cleanup_errors=True) as scratch:
            outcome = self._execute(source, target, parameters, Path(scratch))
        return outcome.model_copy(update={"seconds": round(time.monotonic() - start, 1)})

    def _execute(self, source: Path, target: Path, parameters: dict[str, Any], scratch: Path) -> Outcome:
        answer, log = scratch / "answer.json", scratch / "log.txt"
        work = Work(
            source=source,
            target=target,
            parameters=parameters,
            cell_timeout=self.cell_timeout,
            scratch=scratch,
            answer=answer,
        )
        # Start-up files of whoever runs this must not reach the results; what a killed kernel leaves goes with scratch.
        private = {"IPYTHONDIR": str(scratch / "ipython"), "JUPYTER_RUNTIME_DIR": str(scratch), "TMPDIR": str(scratch)}
        with log.open("w") as stream:
            shared = {name: value for name, value in os.environ.items() if name not in self.withheld}
            process = self._start(source.parent, shared | private, stream)
            try:
                with suppress(BrokenPipeError):  # it died at once; there will be no answer
                    process.stdin.write(work.model_dump_json() + "\n")
                    process.stdin.flush()
                process.wait(self.timeout)
            except subprocess.TimeoutExpired:
                end(process)
                sentence = f"It took longer than the {self.timeout:g} seconds it may take."
                return failed(State.TIMED_OUT, sentence, _partial(target))
            finally:
                end(process)
                self._running.discard(process)
        if answer.exists():
            return Outcome.model_validate_json(answer.read_text(encoding="utf-8"))
        sentence = f"Its process ended with code {process.returncode} before it could say how it went."
        return failed(State.BROKEN, sentence, _partial(target), _tail(log))

    def end(self) -> None:
        """End every child and all that it started; none can be started after."""
        with self._lock:
            self._ended = True
        if self.warm:
            self.warm.end()
        for process in list(self._running):
            end(process)

    def _start(self, folder: Path, environment: dict[str, str], log: IO) -> subprocess.Popen | Process:
        process = self.warm and self.warm.start(folder, environment, log)
        with self._lock:
            if self._ended:
                if process:
                    end(process)
                raise RuntimeError("the run has ended")
            process = process or subprocess.Popen(
                [sys.executable, "-P", "-m", "reco.runs.child"],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                text=True,
                start_new_session=True,
            )
            self._running.add(process)
        return process


def end(process: subprocess.Popen | Process) -> None:
    """Kill a process and everything below it; a kernel has a group of its own, so killing the child's would miss it."""
    try:
        below = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    except psutil.NoSuchProcess:
        below = []
    process.kill()
    for each in below:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait()
    with suppress(BrokenPipeError):
        process.stdin.close()


def _partial(target: Path) -> NotebookNode | None:
    return nbformat.read(target, as_version=4) if target.exists() else None


def _tail(log: Path) -> str:
    from reco.report.text import scrub

    return scrub(log.read_text(encoding="utf-8", errors="replace")[-4000:])
