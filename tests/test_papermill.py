"""Plain Papermill, as other schedulers call it: from the root of the repository, parameters on the command line."""

from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner, Result
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from papermill.cli import papermill as command
from papermill.engines import NBClientEngine, papermill_engines
from traitlets.config import Config

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = "notebooks/01_unify_data.ipynb"


class HereEngine(NBClientEngine):
    """Papermill without a kernel: cells run in this process, where all that they import is there already."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, **_):
        shell = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
        try:
            for number, cell in enumerate(nb_man.nb.cells):
                if cell.cell_type == "code":
                    nb_man.cell_start(cell, number)
                    with capture_output() as captured:
                        shell.run_cell(cell.source).raise_error()
                    cell.outputs = [
                        nbformat.v4.new_output("display_data", each.data, metadata=each.metadata)
                        for each in captured.outputs
                    ]
                    nb_man.cell_complete(cell, number)
        finally:
            shell.restore_sys_module_state()
            InteractiveShell.clear_instance()


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setitem(papermill_engines._engines, "here", HereEngine)

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(command, [*map(str, arguments), "--no-progress-bar"])

    return call


def test_a_notebook_runs_with_other_parameters_and_settings(wb, tmp_path, run):
    _ = wb.tables
    out = tmp_path / "out.ipynb"
    done = run(NOTEBOOK, out, "-p", "churn_days", 30, "-p", "config", wb.settings.file, "--engine", "here")
    assert done.exit_code == 0, done.exception
    cells = nbformat.read(out, as_version=4).cells
    (injected,) = (cell for cell in cells if "injected-parameters" in cell.metadata.get("tags", []))
    assert "churn_days = 30" in injected.source
    shown = "\n".join(
        str(output.get("data", "")) for cell in cells if cell.cell_type == "code" for output in cell.outputs
    )
    assert "have not ordered for more than 30 days" in shown
    assert "300 known customers" in shown


def test_a_bad_parameter_fails_with_one_clear_message(wb, tmp_path, run):
    done = run(NOTEBOOK, tmp_path / "out.ipynb", "-p", "churn_days", -1, "-p", "config", wb.settings.file)
    assert done.exit_code != 0
    message = "InputError: 01_unify_data: churn_days: Input should be greater than or equal to 1, found -1"
    assert str(done.exception).strip().splitlines()[-1] == message
    assert "During handling of the above exception" not in str(done.exception)


def test_the_manual_lists_every_parameter_with_its_type_and_meaning(run):
    manual = run("--help-notebook", NOTEBOOK).output
    assert "churn_days: int (default 60)" in manual
    assert "days without an order after which a customer counts as silent" in manual
