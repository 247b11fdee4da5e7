"""The child process: executes one notebook with Papermill and says, in our own words, how it ended.

Started by `reco.runs.children`, as a fork of the warm process where there is one, else anew. It writes the work as one
line of JSON to standard input and keeps that open; when it closes, the parent is gone and so is this process.
"""

import os
import re
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil
from pydantic import BaseModel

from reco.runs import quick
from reco.runs.outcomes import Outcome, State

if TYPE_CHECKING:
    from nbformat import NotebookNode


#: Tells notebooks the folder that will be published, for files of their own; `reco.monitoring.recorded` reads it.
RUN = "RECO_RUN_FOLDER"


class Work(BaseModel):
    """What to execute.

    Attributes:
        source: the notebook; `target` is its executed copy.
        parameters: JSON values by name.
        cell_timeout: seconds that one cell may take.
        scratch: a folder that goes away afterwards, with a short path since sockets live in it.
        answer: file for the outcome.
    """

    source: Path
    target: Path
    parameters: dict[str, Any]
    cell_timeout: float
    scratch: Path
    answer: Path


class Place(NamedTuple):
    """A cell: its position among all cells, its number among the source's code cells, the heading above it."""

    position: int
    number: int
    heading: str | None


def last_started(notebook: "NotebookNode") -> Place | None:
    """The last cell that Papermill started, which is the one to blame; None when none was.

    Papermill calls cells completed that never ran, but only those that ran have a start time.
    """
    started = [
        position
        for position, cell in enumerate(notebook.cells)
        if cell.cell_type == "code" and cell.metadata.get("papermill", {}).get("start_time")
    ]
    if not started:
        return None
    before = notebook.cells[: started[-1] + 1]
    number = sum(
        cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", []) for cell in before
    )
    headings = [
        match[1].strip(" #")
        for cell in before
        if cell.cell_type == "markdown" and "papermill-error-cell-tag" not in cell.metadata.get("tags", [])
        for match in re.finditer(r"^#{1,6}\s+(.+)$", cell.source, re.MULTILINE)
    ]
    return Place(started[-1], number, headings[-1] if headings else None)


def failed(state: State, sentence: str, notebook: "NotebookNode | None", traceback: str | None = None) -> Outcome:
    """An outcome that blames the cell which was started last."""
    place = last_started(notebook) if notebook else None
    return Outcome(
        state=state,
        sentence=sentence,
        cell=place and place.number,
        heading=place and place.heading,
        traceback=traceback,
    )


def of_error(name: str, message: str, traceback: list[str], notebook: "NotebookNode | None") -> Outcome:
    """The outcome of a cell that raised an error, with a sentence that readers understand where there is one."""
    from reco.report.text import scrub

    message = scrub(message.strip())
    if name == "MissingTableError":
        return failed(State.NOTHING, message, notebook)
    sentence = message.splitlines()[0][:300] if message else ""
    if name == "InputError":
        return failed(State.DATA_CHECK, sentence, notebook, scrub("\n".join(traceback)))
    if name in ("SchemaError", "SchemaErrors"):  # pandera's, whose message is a page of JSON
        sentence = "A table does not keep to its contract; the traceback below names what was found."
        return failed(State.DATA_CHECK, sentence, notebook, scrub("\n".join(traceback)))
    sentence = f"An unexpected error stopped it: {name}{f' ({sentence})' if sentence else ''}."
    return failed(State.CELL_ERROR, sentence, notebook, scrub("\n".join(traceback)))


def prepare() -> None:
    """Import Papermill without what no notebook needs."""
    quick.prepare()
    with quick.without("pyarrow"):  # for files on Hadoop
        import papermill  # noqa: F401


def execute(work: Work) -> Outcome:
    """Execute a notebook; whatever goes wrong in it becomes an outcome, never an exception."""
    prepare()
    import nbformat
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill import PapermillExecutionError, execute_notebook
    from papermill.iorw import LocalHandler, papermill_io
    from traitlets.config import Config

    class WholeFiles(LocalHandler):
        """Papermill's local files, replaced whole: a reader or a kill never meets half a notebook."""

        def write(self, buf: str, path: str) -> None:
            private = Path(f"{path}.part")
            private.write_text(buf, encoding="utf-8")
            private.replace(path)

    def partial() -> "NotebookNode":
        return nbformat.read(work.target, as_version=4)

    papermill_io.register("local", WholeFiles())
    kernel = {"transport": "ipc", "ip": str(work.scratch / "k")} if os.name == "posix" else {}
    os.environ[RUN] = str(work.target.parent)
    try:
        notebook = execute_notebook(
            str(work.source),
            str(work.target),
            parameters=work.parameters,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            execution_timeout=work.cell_timeout,
            iopub_timeout=60,
            config=Config({"KernelManager": kernel}),
        )
    except PapermillExecutionError as error:
        return of_error(error.ename, error.evalue, error.traceback, partial())
    except CellTimeoutError:
        return failed(
            State.TIMED_OUT, f"A step took longer than the {work.cell_timeout:g} seconds it may take.", partial()
        )
    except DeadKernelError:
        sentence = "Its Python process ended without a word; too little memory is the usual cause."
        return failed(State.KERNEL_DIED, sentence, partial())
    if any(cell.cell_type == "code" and cell.metadata.papermill["status"] != "completed" for cell in notebook.cells):
        return failed(State.STOPPED_EARLY, "It stopped before its last step, so its results are incomplete.", partial())
    return Outcome(state=State.OK)


def _end_with_parent() -> None:
    sys.stdin.read()
    for process in psutil.Process().children(recursive=True):
        process.kill()
    os._exit(1)


def main() -> None:
    """Do the work on standard input."""
    work = Work.model_validate_json(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    outcome = execute(work)
    work.answer.write_text(outcome.model_dump_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
