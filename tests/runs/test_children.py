"""How a notebook can end, told apart by us since Papermill calls dead kernels and time-outs completed."""

import ast
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import nbformat
import psutil
import pytest

from reco.runs.child import Work, of_error
from reco.runs.children import Children
from reco.runs.record import State
from reco.runs.warm import MODULES, started

OPENING = ("# Title", "k = 1", "## Time split")
CASES = {
    "ok": ("print('before')", "k + 1"),
    "raises": ("print('before')", "raise ValueError('no jam')", "'never'"),
    "dies": ("print('before')", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "'never'"),
    "slow cell": ("print('before')", "import time\ntime.sleep(60)", "'never'"),
    "leaves": ("print('before')", "import os\nos._exit(0)", "'never'"),
    "exits": ("print('before')", "import sys\nsys.exit(0)", "'never'"),
    # A stopped process cannot notice that its parent is gone, as one that is busy in C cannot.
    "too long": (
        "import os, pathlib, signal\n_ = pathlib.Path('kernel').write_text(str(os.getpid()))",
        "os.kill(os.getpid(), signal.SIGSTOP)",
    ),
    "alone": (
        "import os, pathlib, signal, time\n_ = pathlib.Path('kernel').write_text(str(os.getpid()))",
        "os.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(60)",
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("children")


@pytest.fixture(scope="module")
def outcomes(folder, write_notebook, warm):
    def execute(name, timeout=200, cell_timeout=100, warm=warm):
        source = write_notebook(folder / name / "source.ipynb", *OPENING, *CASES[name])
        return Children(timeout, cell_timeout, warm=warm).execute(source, folder / name / "out.ipynb", {"k": 5})

    with started(modules=()) as ended:
        pass
    found = {"ok": execute("ok", warm=ended)}  # started anew, as where processes cannot be forked
    limits = {"slow cell": {"cell_timeout": 2}, "too long": {"timeout": 3 * found["ok"].seconds}}
    with ThreadPoolExecutor(2) as pool:
        ended = {name: pool.submit(execute, name, **limits.get(name, {})) for name in reversed(CASES) if name != "ok"}
    return found | {name: outcome.result() for name, outcome in ended.items()}


@pytest.mark.parametrize(
    ("name", "state", "cell"),
    [
        ("ok", State.OK, None),
        ("raises", State.CELL_ERROR, 3),
        ("dies", State.KERNEL_DIED, 3),
        ("leaves", State.KERNEL_DIED, 3),
        ("slow cell", State.TIMED_OUT, 3),
        ("exits", State.STOPPED_EARLY, 3),
        ("too long", State.TIMED_OUT, 3),
        ("alone", State.BROKEN, 3),
    ],
)
def test_state_and_failing_cell(outcomes, name, state, cell):
    assert (outcomes[name].state, outcomes[name].cell) == (state, cell)
    assert outcomes[name].heading == (None if cell is None else "Time split")


def test_sentences_are_plain(outcomes):
    assert outcomes["ok"].sentence == ""
    assert outcomes["raises"].sentence == "An unexpected error stopped it: ValueError (no jam)."
    assert "memory" in outcomes["dies"].sentence
    assert "2 seconds" in outcomes["slow cell"].sentence
    assert "longer than the" in outcomes["too long"].sentence
    assert outcomes["alone"].sentence == "Its process ended with code -9 before it could say how it went."


@pytest.mark.parametrize(
    ("name", "message", "state", "sentence"),
    [
        ("InputError", "orders.csv: no column price\nand more", State.DATA_CHECK, "orders.csv: no column price"),
        (
            "SchemaErrors",
            "{}",
            State.DATA_CHECK,
            "A table does not keep to its contract; the traceback below names what was found.",
        ),
        ("MissingTableError", "no events here", State.NOTHING, "no events here"),
        ("KeyError", "'jam'", State.CELL_ERROR, "An unexpected error stopped it: KeyError ('jam')."),
        ("AssertionError", "", State.CELL_ERROR, "An unexpected error stopped it: AssertionError."),
    ],
)
def test_errors_become_sentences(name, message, state, sentence):
    outcome = of_error(name, message, ["Traceback", message], None)
    assert (outcome.state, outcome.sentence) == (state, sentence)


def test_traceback_has_neither_colours_nor_machine_paths(outcomes):
    text = outcomes["raises"].traceback
    assert "ValueError" in text
    assert "\x1b" not in text
    assert str(Path.home()) not in text


@pytest.mark.parametrize("name", CASES)
def test_every_end_leaves_a_readable_copy_with_what_came_before(outcomes, folder, name):
    copy = nbformat.read(folder / name / "out.ipynb", as_version=4)
    text = "".join(output.get("text", "") for cell in copy.cells for output in cell.get("outputs", ()))
    assert "before" in text or "before" not in "".join(CASES[name])


def test_parameters_arrive_as_values(outcomes, folder):
    copy = nbformat.read(folder / "ok" / "out.ipynb", as_version=4)
    assert copy.cells[-1].outputs[0].data["text/plain"] == "6"


@pytest.mark.parametrize("name", ["too long", "alone"])
def test_a_kernel_does_not_outlive_the_process_it_works_for(outcomes, folder, name):
    kernel = int((folder / name / "kernel").read_text())
    deadline = time.monotonic() + 10
    while psutil.pid_exists(kernel) and psutil.Process(kernel).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the kernel is still there"
        time.sleep(0.05)


CHANGES = """\
import colorsys, os, random, sys, tempfile
import numpy as np
seen = [os.getenv("MARK"), os.getenv("SECRET"), os.getcwd(), tempfile.gettempdir()]
print(["reco.runs.kernels" in sys.modules, hasattr(colorsys, "mark"), *seen])
print([np.random.random(), random.random()])
colorsys.mark, os.environ["MARK"] = True, "changed"
os.chdir("/")"""


def test_kernels_of_one_warm_process_share_nothing(tmp_path, write_notebook, monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    found = []
    with started(["SECRET"], modules=["numpy"]) as warm:
        monkeypatch.setenv("MARK", "set later")
        for name in "ab":
            source = write_notebook(tmp_path / name / "source.ipynb", *OPENING, CHANGES)
            Children(100, 100, ["SECRET"], warm).execute(source, tmp_path / name / "out.ipynb", {})
            cells = nbformat.read(tmp_path / name / "out.ipynb", as_version=4).cells
            found.append([ast.literal_eval(line) for line in cells[-1].outputs[0].text.splitlines()])
    (state, drawn), (other_state, other_drawn) = found
    forked = True
    for each, name in ((state, "a"), (other_state, "b")):
        assert each[:5] == [forked, False, "set later", None, str(tmp_path / name)]
    assert state[5] != other_state[5]
    assert not set(drawn) & set(other_drawn)


@pytest.mark.parametrize("name", MODULES)
def test_what_a_warm_process_imports_is_there(name):
    assert find_spec(name)


UNNEEDED = """\
import sys
from reco.runs.child import Work, execute
try:
    execute(Work.model_validate_json(sys.argv[1]))
except FileNotFoundError:
    print([name for name in ("pandas", "pyarrow", "rfc3987_syntax") if name in sys.modules])
"""


def test_a_child_does_not_wait_for_what_no_notebook_needs(tmp_path):
    work = Work(source=tmp_path / "no.ipynb", target="t", parameters={}, cell_timeout=1, scratch=tmp_path, answer="a")
    command = [sys.executable, "-c", UNNEEDED, work.model_dump_json()]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"
