"""Plain Papermill, as other schedulers call it: from the root of the repository, parameters on the command line."""

import subprocess
import sys
from pathlib import Path

import nbformat
from click.testing import CliRunner
from papermill.cli import papermill as command

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = "notebooks/01_unify_data.ipynb"


def run(*arguments: object) -> subprocess.CompletedProcess:
    line = [sys.executable, "-m", "papermill", *map(str, arguments)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_a_notebook_runs_with_other_parameters_and_settings(wb, tmp_path):
    _ = wb.tables
    out = tmp_path / "out.ipynb"
    done = run(NOTEBOOK, out, "-p", "churn_days", 30, "-p", "config", wb.settings.file, "--no-progress-bar")
    assert done.returncode == 0, done.stderr
    cells = nbformat.read(out, as_version=4).cells
    (injected,) = (cell for cell in cells if "injected-parameters" in cell.metadata.get("tags", []))
    assert "churn_days = 30" in injected.source
    shown = "\n".join(
        str(output.get("data", "")) for cell in cells if cell.cell_type == "code" for output in cell.outputs
    )
    assert "have not ordered for more than 30 days" in shown
    assert "300 known customers" in shown


def test_a_bad_parameter_fails_with_one_clear_message(wb, tmp_path):
    done = run(NOTEBOOK, tmp_path / "out.ipynb", "-p", "churn_days", -1, "-p", "config", wb.settings.file)
    assert done.returncode != 0
    message = "InputError: 01_unify_data: churn_days: Input should be greater than or equal to 1, found -1"
    assert done.stderr.strip().splitlines()[-1] == message
    assert done.stderr.count("During handling of the above exception") == 0


def test_the_manual_lists_every_parameter_with_its_type_and_meaning():
    manual = CliRunner().invoke(command, ["--help-notebook", str(ROOT / NOTEBOOK)]).output
    assert "churn_days: int (default 60)" in manual
    assert "days without an order after which a customer counts as lapsed" in manual
