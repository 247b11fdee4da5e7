"""What a notebook's results depend on, and what a store can fill."""

import nbformat
import pytest

from reco.errors import InputError
from reco.runs.plan import select


def keys(shop, **values):
    return {name: task.key for name, task in shop.plan(**values).items()}


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


def test_the_same_again_gives_the_same_keys(fresh_shop):
    assert changed(keys(fresh_shop), keys(fresh_shop)) == set()


def test_a_parameter_changes_its_notebook_and_those_after_it(fresh_shop):
    assert changed(keys(fresh_shop), keys(fresh_shop, second={"k": "20"})) == {"second", "third"}


def test_a_parameter_at_its_default_changes_nothing(fresh_shop):
    assert changed(keys(fresh_shop), keys(fresh_shop, second={"k": "10"})) == set()


def test_source_changes_its_notebook_and_those_after_it(fresh_shop):
    before = keys(fresh_shop)
    fresh_shop.write("second", "2 + 2")
    assert changed(before, keys(fresh_shop)) == {"second", "third"}


def test_outputs_and_counts_change_nothing(fresh_shop):
    before = keys(fresh_shop)
    path = fresh_shop.notebooks["first"].path
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].execution_count = 7
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text="2")]
    nbformat.write(notebook, path)
    assert changed(before, keys(fresh_shop)) == set()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [("workbook.yaml", "implementation_cost: 10", "implementation_cost: 11"), ("orders.csv", "jam", "ham")],
)
def test_settings_and_data_change_all(fresh_shop, file, old, new):
    before = keys(fresh_shop)
    path = fresh_shop.root / file
    path.write_text(path.read_text().replace(old, new))
    assert changed(before, keys(fresh_shop)) == set(fresh_shop.notebooks)


@pytest.mark.parametrize("what", ["code_hash", "_lock"])
def test_code_and_lock_file_change_all(fresh_shop, monkeypatch, what):
    before = keys(fresh_shop)
    monkeypatch.setattr(f"reco.runs.plan.{what}", lambda: "other")
    assert changed(before, keys(fresh_shop)) == set(fresh_shop.notebooks)


def test_python_changes_all(fresh_shop, monkeypatch):
    before = keys(fresh_shop)
    monkeypatch.setattr("platform.python_version", lambda: "3.11.99")
    assert changed(before, keys(fresh_shop)) == set(fresh_shop.notebooks)


def test_a_notebook_is_told_where_its_settings_are_from_its_own_folder(fresh_shop):
    assert fresh_shop.plan()["first"].parameters["config"] == "../workbook.yaml"


def test_names_are_taken_with_and_without_suffix(fresh_shop):
    assert select(fresh_shop.notebooks, ["third.ipynb", "first"]) == ["first", "third"]


def test_a_notebook_that_is_no_json_is_bad_input(fresh_shop):
    fresh_shop.notebooks["first"].path.write_text("{")
    with pytest.raises(InputError, match="not a notebook"):
        fresh_shop.plan()


@pytest.mark.parametrize(
    ("need", "enabled", "words"),
    [
        ("order_lines", True, ""),
        ("events", True, "This store has no events. A source that fills “events” would fill this report."),
        ("impressions", True, ""),
        ("impressions", False, "This store logs no impressions, and their simulation is off."),
        ("experiment", True, "workbook.yaml names no experiment."),
    ],
)
def test_what_a_store_lacks_is_said(fresh_shop, need, enabled, words):
    path = fresh_shop.root / "workbook.yaml"
    path.write_text(path.read_text() + f"simulation: {{enabled: {str(enabled).lower()}}}\n")
    fresh_shop.notebooks["first"] = fresh_shop.notebooks["first"].model_copy(update={"needs": (need,)})
    lacks = fresh_shop.plan()["first"].lacks
    assert lacks.startswith(words)
    assert bool(lacks) == bool(words)
