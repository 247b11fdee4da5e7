"""A process that has imported what a run needs and forks one run after another, so that stopping many is cheap."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import nbformat

from reco import models  # noqa: F401 what settings are checked against
from reco.notebooks import Notebook, UnifyData
from reco.runs import children, execution, recovery, runner, warm  # noqa: F401 what a run imports when it is under way
from reco.runs.children import Children
from reco.runs.outcomes import Outcome, State
from reco.runs.publish import LATEST
from reco.runs.record import read
from reco.runs.runner import Code, run


class Forking:
    """Starts runs in forks of one process; use it as a context."""

    def __enter__(self) -> "Forking":
        command = [sys.executable, __file__]
        root = str(Path(__file__).resolve().parents[2])
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, *filter(None, [os.getenv("PYTHONPATH")])])}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def start(self, root: Path, books: list[str], pretend: float | None = None, **options: Any) -> int:
        """Start a run of the shop in `root` with the notebooks `books`, each after the one before; its process id.

        With `pretend`, each notebook takes so many seconds and no kernel.
        """
        work = {"root": str(root), "books": books, "pretend": pretend, "options": options}
        self._process.stdin.write(json.dumps(work) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def ended(self) -> int:
        """Wait for the run to end; its exit code, or the negative number of the signal that killed it."""
        return int(self._process.stdout.readline())


def broken(store: Path) -> list[str]:
    """What is wrong with what readers see of a store: nothing when `latest` is not there yet, or whole."""
    folder = store / LATEST
    if not folder.is_symlink():
        return []
    if not (record := read(folder)):
        return ["no record that can be read"]
    pages = ["index.html", *(entry.page for entry in record.notebooks.values())]
    found = [name for name in pages if not _whole(folder / name)]
    for entry in record.notebooks.values():
        if entry.outcome.state == State.OK:
            nbformat.read(folder / entry.copy_name, as_version=4)
    return found + ([] if record.good else ["a run that failed"])


def _whole(page: Path) -> bool:
    return page.exists() and page.read_text(encoding="utf-8").rstrip().endswith("</html>")


def _run(root: str, books: list[str], pretend: float | None, options: dict[str, Any]) -> int:
    if pretend is not None:

        def execute(_: Children, source: Path, target: Path, parameters: dict[str, object]) -> Outcome:
            time.sleep(pretend)
            shutil.copy(source, target)
            return Outcome(state=State.OK, seconds=pretend)

        Children.execute = execute
        runner.started = lambda _: nullcontext()
    warm.MODULES = ()  # its notebooks import nothing
    folder = Path(root)
    notebooks = {
        name: Notebook(
            name=name,
            title=name.title(),
            question="What?",
            parameters=UnifyData,
            folder=folder / "books",
            after=tuple(books[max(0, number - 1) : number]),
        )
        for number, name in enumerate(books)
    }
    try:
        return run(folder / "workbook.yaml", notebooks=notebooks, say=lambda _: None, **options).code
    except SystemExit as stop:
        return int(stop.code)
    except BaseException:
        import traceback

        traceback.print_exc()
        return Code.FAILED


def _serve() -> None:
    for line in sys.stdin:
        work = json.loads(line)
        pid = os.fork()
        if pid == 0:
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, 0)
            os.dup2(nothing, 1)
            os._exit(_run(**work))
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    _serve()
