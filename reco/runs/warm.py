"""A process that has imported what notebooks need, once, and forks a child for each of them.

Importing anew in every child and kernel took longer than most notebooks do. The warm process imports while the run is
still being prepared. It imports and does nothing else, so that no thread, connection or lock of it is there to be
copied. Each child, and the kernel below it, is a fork that has its own folder, environment and log.

`Warm` and `Process` are the run's side of it. Two kinds of sockets connect both sides. On the one of the warm process a
byte asks for a child, and its end ends the warm process. Each child has one of its own, which comes with that byte: the
run writes the child's standard input to it, which ends when the run is gone, and reads from it the child's process id
and, when it has ended, its exit code.
"""

import atexit
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import IO, Final

import psutil

#: What most notebooks import.
MODULES: Final = (
    "reco.contexts",
    "reco.experiments.views",
    "reco.monitoring",
    "reco.report.algorithms",
    "reco.report.cards",
    "reco.report.display",
    "reco.report.monitoring",
    "reco.report.views",
)


class Process:
    """A child, with as much of `subprocess.Popen` as runs need.

    Raises `EOFError` when the warm process is gone.
    """

    def __init__(self, line: socket.socket) -> None:
        self._line, self._waiting = line, Lock()
        if (pid := _hear(line)) is None:
            raise EOFError("no process to fork")
        self.pid, self.returncode, self.stdin = pid, None, line.makefile("w", encoding="utf-8")
        self._process = None
        with suppress(psutil.NoSuchProcess):
            self._process = psutil.Process(pid)  # which knows it from a later one with its number

    def poll(self) -> int | None:
        """The exit code as far as somebody waited for it."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended; raises `subprocess.TimeoutExpired` after `timeout` seconds."""
        with self._waiting:
            if self.returncode is None:
                self._line.settimeout(timeout)
                try:
                    code = _hear(self._line)
                except TimeoutError:
                    raise subprocess.TimeoutExpired("a notebook", timeout) from None
                self.returncode = -signal.SIGKILL if code is None else code  # nobody is left who could tell
                self._line.close()
        return self.returncode

    def kill(self) -> None:
        """Kill it, if it has not ended."""
        if self.returncode is None and self._process:
            with suppress(psutil.NoSuchProcess):
                self._process.kill()


class Warm:
    """The warm process; it starts at once and serves when its imports are done.

    Args:
        environment: what it may see, and with it every child.
        modules: names of what it imports.
    """

    def __init__(self, environment: Mapping[str, str], modules: Sequence[str]) -> None:
        self._control, theirs = socket.socketpair()
        # Matplotlib reads it when it is imported; ipykernel, which sets it so in its kernels, would come too late.
        backend = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 the words are those below
                [sys.executable, "-m", "reco.runs.warm", str(theirs.fileno()), *modules],
                cwd=Path(__file__).parents[2],
                env=backend | dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def start(self, folder: Path, environment: Mapping[str, str], log: IO) -> Process | None:
        """Start a child in a folder; None when the warm process is not there any more."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._control, [b"."], [theirs.fileno(), log.fileno()])
            ours.sendall((json.dumps([str(folder), dict(environment)]) + "\n").encode())
            return Process(ours)
        except (OSError, EOFError):
            ours.close()
            return None

    def end(self) -> None:
        """End it; it has nothing that could be lost."""
        self._process.kill()
        self._process.wait()
        self._control.close()


@contextmanager
def started(withheld: Sequence[str] = (), modules: Sequence[str] | None = None) -> Iterator[Warm | None]:
    """A warm process while inside; None but on Linux, since forks are not safe with what macOS loads.

    Args:
        withheld: environment variables that notebooks do not get to see.
        modules: names of what it imports; `MODULES` when left out.
    """
    if sys.platform != "linux":
        yield None
        return
    environment = {name: value for name, value in os.environ.items() if name not in withheld}
    warm = Warm(environment, MODULES if modules is None else modules)
    try:
        yield warm
    finally:
        warm.end()


def move(folder: str | None, environment: Mapping[str, str]) -> None:
    """Make a fork forget where it comes from: folder, environment, and what was derived from it or drawn by chance."""
    os.environ.clear()
    os.environ.update(environment)
    if folder:
        os.chdir(folder)
    tempfile.tempdir = None
    if numpy := sys.modules.get("numpy"):  # Python's own random numbers start anew in every fork
        numpy.random.seed()


def serve(control: socket.socket) -> bool:
    """Fork whenever that is asked for: true in each fork, false when nobody can ask any more."""
    running: dict[int, socket.socket] = {}
    ended, wake = socket.socketpair()
    wake.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno())
    while True:
        ready = select.select([control, ended], [], [])[0]
        if ended in ready:
            ended.recv(4096)
            for pid in list(running):
                found, status = os.waitpid(pid, os.WNOHANG)
                if found:
                    with running.pop(pid) as line:
                        _tell(line, os.waitstatus_to_exitcode(status))
        if control in ready:
            asked, files, _, _ = socket.recv_fds(control, 1, 2)
            if not asked:
                return False
            line, log = socket.socket(fileno=files[0]), files[1]
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for number, file in enumerate((line.fileno(), log, log)):
                    os.dup2(file, number)
            os.close(log)
            if pid == 0:
                for each in (control, ended, wake, line, *running.values()):
                    each.close()
                return True
            running[pid] = line
            _tell(line, pid)


def _tell(line: socket.socket, number: int) -> None:
    with suppress(OSError):  # the run is gone
        line.sendall(number.to_bytes(4, "big", signed=True))


def _hear(line: socket.socket) -> int | None:
    told = line.recv(4, socket.MSG_WAITALL)
    return int.from_bytes(told, "big", signed=True) if told else None


def main() -> None:
    """Import, serve, and in each fork do the work of a child, or of its kernel."""
    code = 1

    def leave() -> None:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(code)

    atexit.register(leave)  # comes last; to take down all that was imported would copy it first, and take long
    if not sys.flags.safe_path:
        del sys.path[0]  # the folder it was started in
    before = dict(os.environ)
    from reco.runs import child, kernels

    control = socket.socket(fileno=int(sys.argv[1]))
    child.prepare()
    for name in sys.argv[2:]:
        importlib.import_module(name)
    made = dict(os.environ.items() - before.items())  # by imports, as for OpenMP
    gc.collect()
    gc.freeze()  # what is there by now is garbage in no fork, and looking at it would copy it
    if serve(control):
        folder, environment = json.loads(sys.stdin.readline())
        move(folder, made | environment)
        if kernels.fork():
            child.main()
    code = 0


if __name__ == "__main__":
    main()
