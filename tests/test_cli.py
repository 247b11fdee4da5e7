"""The command line: one clear line and exit code 2 for bad input, before anything is written."""

import os
import re
from pathlib import Path

import nbformat
import pytest
from filelock import FileLock
from typer.testing import CliRunner

import reco.notebooks
from reco.cli import app

SETTINGS = """\
store: {name: corner, title: Corner shop, path: store, time_zone: Europe/London, currency: GBP}
sources:
  - kind: tabular
    path: orders.csv
    tables: {order_lines: {order_id: o, customer_id: c, product_id: p, ordered_at: t, quantity: q, unit_price: u}}
hybrid: {parts: {collaborative: popularity, content: popularity, rules: popularity}}
kpis:
  implementation_cost: 10
  targets: {on_site: {ctr_benchmark: [0.05, 0.15], ctr: 0.1, conversion_benchmark: [0.1, 0.3], conversion: 0.15}}
"""


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Path:
    """A folder to run in; every notebook of the workbook is there and holds nothing but `1`."""
    (tmp_path / "workbook.yaml").write_text(SETTINGS)
    (tmp_path / "orders.csv").write_text("o,c,p,t,q,u\n1,ann,jam,2020-01-01,1,2\n")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    books = {}
    for name, book in reco.notebooks.NOTEBOOKS.items():
        books[name] = book.model_copy(update={"folder": tmp_path})
        nbformat.write(notebook, books[name].path)
    monkeypatch.setattr(reco.notebooks, "NOTEBOOKS", books)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "nope"], "no notebook 'nope'; expected one of 01_unify_data"),
        (["--config", "nope.yaml"], "nope.yaml"),
        (["--set", "nope=1"], "--set nope: no parameter of that name; expected one of [a-z_]+, [a-z_]+"),
        (["--set", "k"], "expected key=value"),
        (["--set", "k=ten"], "02_compare_algorithms: k: .* found 'ten'"),
        (["--set", "k=0"], "02_compare_algorithms: k: .* found '0'"),
        (["--set", "config=other.yaml"], "--set config: no parameter of that name"),
        (["--set", "02_compare_algorithms.depth=3"], "02_compare_algorithms has no parameter 'depth'"),
        (["--only", "01_unify_data", "--set", "02_compare_algorithms.k=3"], "not among the notebooks of this run"),
        (["--set", "nope.key=1"], "no section 'nope' in the settings; expected one of store"),
        (["--set", "kpis.nope=1"], "RECO_KPIS__NOPE: kpis.nope: unknown key"),
        (["--set", "kpis.implementation_cost=much"], "kpis.implementation_cost: .* found 'much'"),
        (["--set", "rules.min_categories.least=0"], "rules.min_categories.least: .* found '0'"),
    ],
)
def test_bad_arguments_are_one_line_and_nothing_is_written(shop, arguments, words):
    before = sorted(shop.rglob("*"))
    result = call("run", *arguments)
    assert result.exit_code == 2
    assert re.search(words, result.stderr)
    assert result.stderr.count("\n") == 1
    assert sorted(shop.rglob("*")) == before


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("workbook.yaml", "implementation_cost: 10", "implementation_cost: ten", "workbook.yaml:8: kpis"),
        ("workbook.yaml", "kpis:", "kpi:", "unknown key"),
        ("workbook.yaml", "orders.csv", "order.csv", "workbook.yaml:4: sources.0.path: order.csv: no such file"),
        (
            "orders.csv",
            "o,c,p,t,q,u",
            "o,c,p,t,q,price",
            "workbook.yaml:4: sources.0.path: orders.csv: no column 'u'; found: o, c, p, t, q, price",
        ),
    ],
)
@pytest.mark.parametrize("command", ["run", "check"])
def test_bad_files_are_named_and_nothing_is_written(shop, command, file, old, new, words):
    (shop / file).write_text((shop / file).read_text().replace(old, new, 1))
    before = sorted(shop.rglob("*"))
    result = call(command)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.output
    assert sorted(shop.rglob("*")) == before


def test_settings_changed_for_a_run_do_not_stay_in_the_environment(shop):
    before = dict(os.environ)
    call("run", "--only", "05_analyze_experiments", "--set", "kpis.implementation_cost=20")
    assert dict(os.environ) == before


def test_check_says_what_can_be_filled_and_writes_nothing(shop):
    before = sorted(shop.rglob("*"))
    result = call("check")
    assert result.exit_code == 0
    assert "● source tabular: fills order_lines from orders.csv" in result.stdout
    assert "● 01_unify_data: can be filled" in result.stdout
    assert "○ 05_analyze_experiments: nothing to report." in result.stdout
    assert sorted(shop.rglob("*")) == before


def test_a_run_prints_the_page_to_open_and_a_second_one_does_nothing(shop):
    arguments = ["run", "--only", "05_analyze_experiments", "--out", "elsewhere"]
    first, second = call(*arguments), call(*arguments)
    assert (first.exit_code, second.exit_code) == (0, 0)
    page = shop / "elsewhere" / "corner" / "latest" / "index.html"
    assert f"Open {page}" in first.stdout
    assert "nothing was run" in second.stdout
    assert f"Open {page}" in second.stdout
    assert page.exists()
    assert len(list((shop / "elsewhere" / "corner").glob("2*"))) == 1


def test_a_dry_run_says_what_would_be_run(shop):
    result = call("run", "--dry-run", "--from", "06_report_kpis")
    assert result.exit_code == 0
    assert [line.split()[1] for line in result.stdout.splitlines()[:-1]] == ["06_report_kpis", "07_monitor_and_tune"]
    assert not (shop / "reports").exists()


def test_a_run_leaves_at_once_when_another_holds_the_lock(shop):
    (shop / "reports" / "corner").mkdir(parents=True)
    with FileLock(shop / "reports" / "corner" / ".lock"):
        result = call("run", "--no-wait", "--only", "05_analyze_experiments")
    assert (result.exit_code, result.stderr) == (3, "Another run of this store is under way.\n")


def test_a_full_disk_is_one_line_and_exit_code_1(shop, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "run.json")

    monkeypatch.setattr("reco.runs.runner.run", full)
    result = call("run")
    assert (result.exit_code, result.stderr) == (1, "run.json: No space left on device; the last good reports stand.\n")


def test_history_and_diff_of_runs(shop):
    for power in ("0.8", "0.9"):
        call("run", "--only", "05_analyze_experiments", "--set", f"power={power}")
    told = call("history")
    assert told.exit_code == 0
    second, first = (line.split()[0] for line in told.stdout.splitlines())
    differing = call("diff", first, "latest")
    assert differing.stdout.splitlines() == [
        f"From run {first} to run {second}",
        "05_analyze_experiments",
        "  parameter power: 0.8 → 0.9",
    ]
    assert call("diff", "1999").exit_code == 2
