"""A tiny shop with tiny notebooks, so that runs take seconds."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from reco.notebooks import CompareAlgorithms, Notebook, UnifyData
from reco.runs.children import Children
from reco.runs.plan import Task, plan
from reco.runs.record import Outcome, Run, State, read
from reco.runs.runner import Ended, run
from reco.runs.warm import Warm, started
from reco.workbook import Workbook

SETTINGS = """\
store: {name: corner, title: "Corner shop <&> sons", path: store, time_zone: Europe/London, currency: GBP}
sources:
  - kind: tabular
    path: orders.csv
    tables: {order_lines: {order_id: o, customer_id: c, product_id: p, ordered_at: t, quantity: q, unit_price: u}}
hybrid: {parts: {collaborative: popularity, content: popularity, rules: popularity}}
kpis:
  implementation_cost: 10
  targets: {on_site: {ctr_benchmark: [0.05, 0.15], ctr: 0.1, conversion_benchmark: [0.1, 0.3], conversion: 0.15}}
"""
ORDERS = "o,c,p,t,q,u\n1,ann,jam,2020-01-01,1,2\n2,bob,tea,2020-01-02,1,3\n"

PARAMETERS = 'config: str = "workbook.yaml"  # settings file\nk: int = 10  # length of lists'


def write(path: Path, *cells: str) -> Path:
    """A notebook file; a cell that starts with # and a blank is markdown, the first code cell holds parameters."""
    made = []
    for cell in cells:
        if cell.startswith("#"):
            made.append(new_markdown_cell(cell))
        else:
            first = not any(each.cell_type == "code" for each in made)
            made.append(new_code_cell(cell, metadata={"tags": ["parameters"]} if first else {}))
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=made), path)
    return path


class Shop:
    """A folder with settings, one raw file and four notebooks: `first`, `second`, `third`, each after the one before,
    and `trial`, which needs an experiment."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "workbook.yaml").write_text(SETTINGS)
        (root / "orders.csv").write_text(ORDERS)
        table = {
            "first": {"parameters": UnifyData},
            "second": {"parameters": CompareAlgorithms, "after": ("first",)},
            "third": {"parameters": CompareAlgorithms, "after": ("second",)},
            "trial": {"parameters": UnifyData, "needs": ("experiment",)},
        }
        self.notebooks = {
            name: Notebook(name=name, title=name.title(), question=f"What of {name}?", folder=root / "books", **rest)
            for name, rest in table.items()
        }
        for name in self.notebooks:
            self.write(name, "1 + 1")
        self.lines: list[str] = []

    def plan(self, **values: dict[str, str]) -> dict[str, Task]:
        """What a run would do, with parameters by notebook."""
        return plan(Workbook.load(self.root / "workbook.yaml"), self.notebooks, values)

    def write(self, name: str, *cells: str) -> None:
        """A notebook whose parameters cell is given, with more cells."""
        write(self.root / "books" / f"{name}.ipynb", f"# {name}", PARAMETERS, *cells)

    def run(self, **options: object) -> Ended:
        """Run with what it says kept in `lines`."""
        self.lines = []
        return run(self.root / "workbook.yaml", notebooks=self.notebooks, say=self.lines.append, **options)

    @property
    def store(self) -> Path:
        return self.root / "reports" / "corner"

    def latest(self) -> Run | None:
        return read(self.store / "latest")

    def published(self) -> list[Path]:
        return sorted(path for path in self.store.glob("2*") if path.is_dir())


@pytest.fixture(scope="session", autouse=True)
def _same_code():
    """What counts as a change is the tests' own doing, not that of whoever edits reco meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reco.runs.plan.code_hash", lambda: "code")
        yield


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm | None]:
    """A warm process for all tests, with no more than notebooks that import nothing need."""
    with started(modules=()) as process:
        yield process


@pytest.fixture(scope="session", autouse=True)
def _one_warm_process(request):
    """Let runs share it; those that only pretend start none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reco.runs.runner.started", lambda _: nullcontext(request.getfixturevalue("warm")))
        yield


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def fresh_shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@contextmanager
def pretend(seconds: float = 0) -> Iterator[None]:
    """Let every notebook succeed as it is, without a kernel: for tests of what surrounds the execution."""

    def execute(_: Children, source: Path, target: Path, parameters: dict[str, object]) -> Outcome:
        time.sleep(seconds)
        shutil.copy(source, target)
        return Outcome(state=State.OK, seconds=seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Children, "execute", execute)
        patch.setattr("reco.runs.runner.started", lambda _: nullcontext())
        yield


@pytest.fixture(scope="session")
def pretending():
    return pretend


@pytest.fixture(scope="session")
def write_notebook():
    return write
