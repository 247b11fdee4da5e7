"""What notebooks cost: seven of them by `reco run`, beside the same seven pieces of code called in two processes.

    python tests/benchmarks/bench_runs.py             # seven stand-ins on a small shop
    python tests/benchmarks/bench_runs.py CONFIG      # the seven notebooks of the workbook, their frames in the cache

Both sides have two processes and keep the order that notebooks come after one another in. The calls are the code cells
of the notebooks, run in a process that has imported nothing before. The overhead is the difference: kernels, Papermill,
rendering, publishing, and imports of the run's own. Load by others makes it longer, so seconds of CPU stand beside.
Asked: at most 12 s, and under 3 s when nothing changed.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager, redirect_stdout
from graphlib import TopologicalSorter
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import nbformat
import numpy as np
import pandas as pd
import yaml

from reco.notebooks import NOTEBOOKS

#: Most seconds that notebooks may cost, and that finding nothing changed may take.
OVERHEAD, NOTHING = 12.0, 3.0

SETTINGS = {
    "store": {"name": "corner", "title": "Corner shop", "path": "store", "time_zone": "UTC", "currency": "GBP"},
    "sources": [
        {
            "kind": "tabular",
            "path": "orders.csv",
            "tables": {
                "order_lines": {
                    "order_id": "o",
                    "customer_id": "c",
                    "product_id": "p",
                    "ordered_at": "t",
                    "quantity": "q",
                    "unit_price": "u",
                }
            },
        }
    ],
    "kpis": {
        "implementation_cost": 10,
        "targets": {
            "on_site": {
                "ctr_benchmark": [0.05, 0.15],
                "ctr": 0.1,
                "conversion_benchmark": [0.1, 0.3],
                "conversion": 0.15,
            }
        },
    },
}

#: What a stand-in does behind its parameters: a headline, a table of the store, a picture, figures.
CELLS = (
    "from reco import Workbook\nfrom reco.report import display as show\nwb = Workbook.load(config)",
    "lines = wb.table('order_lines').to_pandas()\nshow.headline(f'{len(lines):,} lines were sold')",
    "best = lines.groupby('product_id', as_index=False)['quantity'].sum().nlargest(10, 'quantity')\n"
    "show.table(best, title='Best sellers')",
    "show.record(lines=len(lines))",
)

#: Runs the stand-ins with their names in place of the workbook's notebooks.
RUN = """\
import sys
from pathlib import Path
from reco import notebooks
from reco.runs.runner import run
folder = Path(sys.argv[1])
books = {name: book.model_copy(update={"folder": folder / "books", "needs": ()}) for name, book in
         notebooks.NOTEBOOKS.items()}
sys.exit(run(folder / "workbook.yaml", notebooks=books, jobs=2).code)
"""


def stand_ins(folder: Path) -> None:
    """Write a shop of 20,000 lines and seven notebooks that have the parameters of the workbook's own."""
    rng, rows = np.random.default_rng(0), 20_000
    pd.DataFrame(
        {
            "o": rng.integers(0, 6_000, rows),
            "c": rng.integers(0, 500, rows),
            "p": rng.integers(0, 300, rows),
            "t": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 180, rows), unit="D"),
            "q": rng.integers(1, 4, rows),
            "u": rng.integers(1, 20, rows),
        }
    ).groupby("o").first().reset_index().to_csv(folder / "orders.csv", index=False)
    (folder / "workbook.yaml").write_text(yaml.safe_dump(SETTINGS, sort_keys=False))
    (folder / "books").mkdir()
    for book in NOTEBOOKS.values():
        cell = next(one for one in cells(book.path) if "parameters" in one.metadata.get("tags", []))
        made = [nbformat.v4.new_markdown_cell(f"# {book.title}"), cell, *map(nbformat.v4.new_code_cell, CELLS)]
        nbformat.write(nbformat.v4.new_notebook(cells=made), folder / "books" / f"{book.name}.ipynb")


def cells(path: Path) -> list[nbformat.NotebookNode]:
    """The code cells of a notebook."""
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def call(path: Path, config: str) -> None:
    """Run the code of a notebook, without a kernel; what it shows goes nowhere."""
    os.chdir(path.parent)
    names: dict[str, object] = {"__name__": "__main__"}
    with Path(os.devnull).open("w") as nothing, redirect_stdout(nothing):
        for cell in cells(path):
            exec(compile(cell.source, path.name, "exec"), names)  # noqa: S102 the notebooks' own code
            if "parameters" in cell.metadata.get("tags", []):
                names["config"] = config


class Took(NamedTuple):
    """Seconds by the clock, and of both cores."""

    wall: float
    cpu: float


@contextmanager
def timed() -> Iterator[list[Took]]:
    """What the processes took that were started and ended inside, in a list of one."""
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    took: list[Took] = []
    yield took
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    took.append(Took(time.monotonic() - start, cpu))


def calls(folder: Path, config: str) -> None:
    """Run the code of all notebooks in two fresh processes."""
    sorter = TopologicalSorter({name: book.after for name, book in NOTEBOOKS.items()})
    sorter.prepare()
    running = {}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        while sorter.is_active():
            for name in sorter.get_ready():
                running[pool.submit(call, folder / f"{name}.ipynb", config)] = name
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                future.result()
                sorter.done(running.pop(future))


def succeed(*command: str) -> None:
    """Run a command that must succeed, alerts allowed."""
    code = subprocess.run([sys.executable, *command], check=False, stdout=subprocess.DEVNULL).returncode
    assert code in (0, 4), f"ended with {code}"


def main(config: str | None) -> None:
    """Measure and print the table; exit code 1 if it is more than asked."""
    with tempfile.TemporaryDirectory(prefix="reco-bench-") as temporary:
        folder = Path(temporary)
        if config is None:
            stand_ins(folder)
            books, file, command = folder / "books", str(folder / "workbook.yaml"), ["-c", RUN, temporary]
        else:
            books, file = next(iter(NOTEBOOKS.values())).folder, str(Path(config).resolve())
            command = ["-m", "reco.cli", "run", "--config", file, "--out", f"{temporary}/reports", "--jobs", "2"]
        calls(books, file)  # the store and its frames are built before anything is measured
        with timed() as direct:
            calls(books, file)
        with timed() as run:
            succeed(*command)
        with timed() as again:
            succeed(*command)
    overhead = Took(*(much - little for much, little in zip(run[0], direct[0], strict=True)))
    rows = {"seven calls": direct[0], "seven notebooks": run[0], "overhead": overhead, "nothing changed": again[0]}
    print(f"{'':<18} {'seconds':>8} {'of CPU':>8}")
    for name, took in rows.items():
        print(f"{name:<18} {took.wall:>8.1f} {took.cpu:>8.1f}")
    print(f"asked: overhead at most {OVERHEAD:g} s, nothing changed under {NOTHING:g} s; load {os.getloadavg()[0]:.1f}")
    sys.exit(not (overhead.wall <= OVERHEAD and again[0].wall < NOTHING))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
