"""The rules that every notebook keeps, and the models that check their parameters."""

import ast
import re
from functools import cache
from pathlib import Path
from statistics import median

import nbformat
import papermill
import pytest

import reco
from reco.errors import InputError
from reco.notebooks import FOLDER, NOTEBOOKS, check
from reco.parameters import drifted
from reco.report import RECORD

BOOKS = pytest.mark.parametrize("name", NOTEBOOKS)

#: A folder of the machine or the user, an address in memory, a name of a kernel's temporary file.
OF_THIS_MACHINE = re.compile(
    r"(?<![\w/])/(home|root|tmp|Users|work|var|opt)/\w|[A-Z]:\\Users|\b0x[0-9a-f]{8,}|ipykernel_\d"
)


@cache
def cells(name: str) -> list[nbformat.NotebookNode]:
    return nbformat.read(NOTEBOOKS[name].path, as_version=4).cells


def code(name: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in cells(name) if cell.cell_type == "code"]


def tags(cell: nbformat.NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def parameters(name: str) -> nbformat.NotebookNode:
    (cell,) = (cell for cell in cells(name) if "parameters" in tags(cell))
    return cell


def outputs_as_text(cell: nbformat.NotebookNode) -> str:
    """All that an output says but pictures, whose letters mean nothing."""
    parts = [str(output.get("text", "")) for output in cell.outputs]
    for output in cell.outputs:
        parts += [str(data) for kind, data in output.get("data", {}).items() if not kind.startswith("image/")]
    return re.sub(r"data:image/[\w+]+;base64,[\w+/=\s]+", "", "\n".join(parts))


# the files


def test_the_seven_notebooks_are_there_and_no_other():
    assert sorted(path.stem for path in FOLDER.glob("0*.ipynb")) == sorted(NOTEBOOKS)
    assert len(NOTEBOOKS) == 7


@BOOKS
def test_is_a_valid_notebook_with_clean_metadata(name):
    notebook = nbformat.read(NOTEBOOKS[name].path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert {key for cell in notebook.cells for key in cell.metadata} <= {"tags"}
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


@BOOKS
def test_tags_are_those_that_mean_something(name):
    found = {tag for cell in cells(name) for tag in tags(cell)}
    assert found <= {"parameters", "keep_output", "nbval-check-output", "nbval-ignore-output", "hide"}


# the story


@BOOKS
def test_begins_with_its_title_and_its_question(name):
    first = cells(name)[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith(f"# {NOTEBOOKS[name].title}\n")
    assert f"**{NOTEBOOKS[name].question}**" in first.source


@BOOKS
def test_the_first_thing_shown_is_the_answer(name):
    shown = next(cell for cell in code(name) if re.search(r"\bshow\.\w+\(", cell.source))
    assert "show.headline(" in shown.source
    assert "keep_output" in tags(shown)


@BOOKS
def test_keeps_a_headline_a_table_and_a_figure_with_alternative_text(name):
    outputs = [output for cell in code(name) for output in cell.outputs]
    kept = [output.data.get("text/html", "") for output in outputs]
    assert kept[0].startswith('<p class="headline">')
    assert any("<table" in html for html in kept)
    figures = [(output.metadata, kind) for output in outputs for kind in output.data if kind.startswith("image/")]
    assert figures
    assert all(metadata[kind]["alt"] for metadata, kind in figures)


@BOOKS
def test_last_code_cell_records_the_decisive_figures(name):
    last = code(name)[-1]
    assert "show.record(" in last.source
    assert "keep_output" in tags(last)
    assert [kind for output in last.outputs for kind in output.data if kind == RECORD] == [RECORD]


@BOOKS
def test_seven_of_ten_code_cells_are_introduced_by_text(name):
    introduced = [
        before.cell_type == "markdown"
        for before, cell in zip(cells(name), cells(name)[1:], strict=False)
        if cell.cell_type == "code"
    ]
    assert sum(introduced) >= 0.7 * len(code(name))


# the code


@BOOKS
def test_code_cells_are_short(name):
    lengths = {cell.id: len(cell.source.strip().splitlines()) for cell in code(name)}
    assert {id: length for id, length in lengths.items() if not 1 <= length <= 15} == {}
    assert median(lengths.values()) <= 4


@BOOKS
def test_logic_lives_in_the_package(name):
    forbidden = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While)
    found = [
        ast.unparse(node)
        for cell in code(name)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, forbidden)
    ]
    assert found == []


def test_every_picture_brings_the_numbers_that_it_draws():
    """In the notebooks and in the package; what has none says `data=None`."""
    package = Path(reco.__file__).parent
    sources = {name: "\n".join(cell.source for cell in code(name)) for name in NOTEBOOKS}
    sources |= {str(path.relative_to(package)): path.read_text() for path in package.rglob("*.py")}
    pictures = [
        (name, ast.unparse(node))
        for name, source in sources.items()
        if ".figure(" in source
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"display.figure", "show.figure"}
        if len(node.args) < 4 and not {keyword.arg for keyword in node.keywords} & {"data", None}
    ]
    assert pictures == []


# parameters


@BOOKS
def test_parameters_stand_in_one_cell_as_the_model_writes_them(name):
    assert not drifted(NOTEBOOKS[name]), "mend it with: make format"


@BOOKS
def test_papermill_lists_every_parameter_with_type_and_meaning(name):
    listed = papermill.inspect_notebook(str(NOTEBOOKS[name].path))
    fields = NOTEBOOKS[name].parameters.model_fields
    assert {key: (each["inferred_type_name"], each["help"]) for key, each in listed.items()} == {
        key: (field.annotation.__name__, field.description) for key, field in fields.items()
    }


@BOOKS
def test_parameters_are_checked_by_the_model_before_they_are_used(name):
    cell = code(name)[1]
    assert code(name)[0] == parameters(name)
    (call,) = (
        node
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"check", "notebooks.check"}
    )
    assert ast.literal_eval(call.args[0]) == name
    passed = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    assert passed == {key: key for key in NOTEBOOKS[name].parameters.model_fields}
    later = ast.walk(ast.parse("\n".join(each.source for each in code(name)[2:])))
    names = {node.id for node in later if isinstance(node, ast.Name)}
    assert names.isdisjoint(passed), "what the check let through must be used, not what was typed"


# the outputs that are kept


@BOOKS
def test_outputs_are_kept_where_the_tag_says_so_and_only_there(name):
    kept = {cell.id for cell in code(name) if "keep_output" in tags(cell)}
    assert {cell.id for cell in code(name) if cell.outputs} == kept


@BOOKS
def test_no_output_is_an_error_or_a_stray_line(name):
    kinds = {output.output_type for cell in code(name) for output in cell.outputs}
    assert kinds <= {"display_data", "execute_result"}


@BOOKS
def test_outputs_come_from_one_run_from_top_to_bottom(name):
    counts = [cell.execution_count for cell in code(name)]
    assert counts == list(range(1, len(counts) + 1))


@BOOKS
def test_outputs_say_nothing_about_the_machine(name):
    found = {cell.id: OF_THIS_MACHINE.findall(outputs_as_text(cell)) for cell in code(name)}
    assert {id: hits for id, hits in found.items() if hits} == {}


# reco.notebooks


def test_check_gives_typed_parameters_with_defaults():
    found = check("02_compare_algorithms", k=5)
    assert (found.k, found.confidence, found.seed, found.config) == (5, 0.95, 0, "workbook.yaml")


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("02_compare", {}, "no notebook '02_compare'; expected one of 01_unify_data"),
        ("01_unify_data", {"k": 1}, "01_unify_data: no parameter 'k'; expected one of config, churn_days"),
        ("01_unify_data", {"churn_days": -1}, "01_unify_data: churn_days: .* greater than or equal to 1, found -1"),
        ("01_unify_data", {"churn_days": "soon"}, "01_unify_data: churn_days: .* valid integer.*, found 'soon'"),
        ("02_compare_algorithms", {"k": 101}, "02_compare_algorithms: k: .* less than or equal to 100, found 101"),
        ("02_compare_algorithms", {"confidence": 95}, "confidence: .* less than 1, found 95"),
        ("03_blend_hybrid", {"step": 0}, "03_blend_hybrid: step: .* greater than 0, found 0"),
    ],
)
def test_check_names_notebook_parameter_what_was_found_and_expected(name, values, message):
    with pytest.raises(InputError, match=message):
        check(name, **values)


def test_every_parameter_has_a_default_and_a_meaning():
    for book in NOTEBOOKS.values():
        book.parameters()
        assert all(field.description for field in book.parameters.model_fields.values())


def test_notebooks_come_after_notebooks_that_exist():
    for book in NOTEBOOKS.values():
        assert set(book.after) <= set(NOTEBOOKS)
