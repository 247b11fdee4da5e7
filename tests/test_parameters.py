"""One declaration of each parameter: cell, manual, and what a report covers."""

import json

import nbformat
import pytest
from typer.testing import CliRunner

from reco.cli import app
from reco.errors import InputError
from reco.notebooks import NOTEBOOKS, CompareAlgorithms, FillContexts, Notebook
from reco.parameters import cell, covers, drifted
from reco.runs.runner import _parameters
from reco.settings import load
from reco.settings.runs import Runs
from tests.runs.conftest import SETTINGS

BOOK = NOTEBOOKS["02_compare_algorithms"]


@pytest.fixture
def copy(tmp_path) -> Notebook:
    """A copy of a notebook of the workbook whose parameters somebody changed by hand."""
    notebook = nbformat.read(BOOK.path, as_version=4)
    [tagged] = [one for one in notebook.cells if "parameters" in one.metadata.get("tags", [])]
    tagged.source = tagged.source.replace("= 10 ", "= 12 ")
    nbformat.write(notebook, tmp_path / BOOK.path.name)
    return BOOK.model_copy(update={"folder": tmp_path})


def test_a_cell_changed_by_hand_is_found_and_mended_and_nothing_else_is_touched(copy):
    assert drifted(copy)
    assert drifted(copy, write=True)
    assert not drifted(copy)
    assert json.loads(copy.path.read_text()) == json.loads(BOOK.path.read_text())
    assert copy.path.read_text() == BOOK.path.read_text()


def test_a_cell_is_python_whose_values_are_the_defaults():
    names: dict[str, object] = {}
    exec(cell(FillContexts), names)  # noqa: S102 what a kernel does with it
    assert {name: names[name] for name in FillContexts.model_fields} == FillContexts().model_dump()


def test_what_a_report_covers_leaves_the_settings_file_out():
    lines = covers(CompareAlgorithms, {"config": "w.yaml", "k": 5})
    assert [line.model_dump() for line in lines] == [
        {"name": "k", "label": "K", "value": "5", "meaning": "length of the recommendation lists that are judged"}
    ]


def test_the_manual_names_type_bounds_default_and_meaning():
    told = CliRunner().invoke(app, ["parameters", "03_blend_hybrid"]).output
    assert "  step (float, above 0, at most 0.5, default 0.1)\n      step of the weights that are tried first\n" in told
    assert told.count("03_blend_hybrid") == 1
    assert CliRunner().invoke(app, ["parameters", "nope"]).exit_code == 2
    everything = CliRunner().invoke(app, ["parameters"]).output
    assert all(name in everything for name in NOTEBOOKS)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("{02_compare: {k: 5}}", "runs.parameters.02_compare: no such notebook; expected one of 01_unify_data"),
        (
            "{02_compare_algorithms: {l: 5}}",
            "02_compare_algorithms.l: no such parameter; expected one of k, confidence",
        ),
        (
            "{02_compare_algorithms: {k: 101}}",
            "w.yaml:11: .*02_compare_algorithms.k: .* less than or equal to 100, found 101",
        ),
        ("{02_compare_algorithms: {config: x}}", "02_compare_algorithms.config: no such parameter"),
    ],
)
def test_settings_are_checked_by_the_same_model(tmp_path, given, words):
    (tmp_path / "w.yaml").write_text(f"{SETTINGS}runs:\n  parameters: {given}\n")
    with pytest.raises(InputError, match=words):
        load(tmp_path / "w.yaml")


def test_settings_give_runs_their_parameters_and_set_goes_before():
    settings = Runs(parameters={"02_compare_algorithms": {"k": 5, "budget": 2}})
    found = _parameters(settings, {"02_compare_algorithms": {"k": "7"}}, NOTEBOOKS)
    assert found["02_compare_algorithms"] == {"k": "7", "budget": 2}
    assert found["01_unify_data"] == {}
