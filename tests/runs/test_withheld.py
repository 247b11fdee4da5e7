"""A page that shows what nobody may see of a customer is withheld, and the run with it."""

import json
from types import SimpleNamespace

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from typer.testing import CliRunner

from reco.cli import app
from reco.errors import InputError
from reco.runs.children import Children
from reco.runs.outcomes import Outcome, State


@pytest.fixture
def saying(monkeypatch, write_notebook):
    """Lets the notebook `second` end in a state, saying something in its result, its sentence and its traceback."""

    def says(words, state=State.OK):
        def execute(_, source, target, parameters):
            write_notebook(target, f"# Book\n\n{words if source.stem == 'second' else ''}", "k = 1")
            if source.stem == "second" and state != State.OK:
                return Outcome(state=state, sentence=words, heading=words, cell=1, traceback=words)
            return Outcome(state=State.OK)

        monkeypatch.setattr(Children, "execute", execute)

    return says


def test_a_page_with_an_address_is_withheld_and_the_old_report_stays(fresh_shop, saying):
    saying("All is well")
    assert fresh_shop.run().code == 0
    before = (fresh_shop.store / "latest").resolve()
    old = {path.name: path.read_bytes() for path in before.iterdir()}

    saying("Ask bob@jam.shop")
    ended = fresh_shop.run(force=True)
    assert ended.code == 1
    assert (fresh_shop.store / "latest").resolve() == before
    assert {path.name: path.read_bytes() for path in before.iterdir()} == old
    said = "second.html would show an e-mail address. It was withheld; the notebook must not show that."
    assert any(said in line for line in fresh_shop.lines)

    folder = fresh_shop.published()[-1]
    entry = json.loads((folder / "run.json").read_text())["notebooks"]["second"]
    assert (entry["outcome"]["state"], entry["outcome"]["sentence"]) == ("privacy check", said)
    assert said in (folder / "second.html").read_text()
    assert not (folder / "second.ipynb").exists()
    assert not any("jam.shop" in path.read_text() for path in folder.iterdir())
    assert not any("jam.shop" in line for line in fresh_shop.lines)


def test_what_a_failed_notebook_says_is_withheld_too(fresh_shop, saying):
    saying("Ask bob@jam.shop", State.CELL_ERROR)
    assert fresh_shop.run().code == 1
    folder = fresh_shop.published()[-1]
    assert json.loads((folder / "run.json").read_text())["notebooks"]["second"]["outcome"]["state"] == "cell error"
    assert not any("jam.shop" in path.read_text() for path in folder.iterdir())


def test_ids_are_those_of_the_store(fresh_shop, saying):
    saying("Customer bob came back")
    assert fresh_shop.run().code == 0  # no tables yet, so that nobody is known
    tables = fresh_shop.root / "store" / "corner" / "tables"
    tables.mkdir(parents=True, exist_ok=True)
    at = pd.Timestamp("2020-01-01", tz="UTC")
    pd.DataFrame({"customer_id": ["ann", "bob"], "ordered_at": at}).to_parquet(tables / "order_lines.parquet")
    assert fresh_shop.run(force=True).code == 1
    assert any("second.html would show a customer's id." in line for line in fresh_shop.lines)


def test_a_title_with_an_address_publishes_nothing(fresh_shop, saying):
    saying("All is well")
    settings = fresh_shop.root / "workbook.yaml"
    settings.write_text(settings.read_text().replace("Corner shop <&> sons", "Shop of bob@jam.shop"))
    with pytest.raises(InputError, match=r"workbook.yaml: index.html would show an e-mail address") as error:
        fresh_shop.run()
    assert "jam.shop" not in str(error.value)
    assert fresh_shop.published() == []


def test_no_file_of_a_run_knows_the_machine(fresh_shop, saying, write_notebook):
    saying(f"Read {fresh_shop.root}/orders.csv, `{fresh_shop.root}`")
    assert fresh_shop.run().code == 0
    latest = fresh_shop.store / "latest"
    assert "Read orders.csv" in (latest / "second.html").read_text()
    assert "Read orders.csv" in (latest / "second.ipynb").read_text()
    for path in latest.glob("second.*"):
        assert str(fresh_shop.root) not in path.read_text()


@pytest.mark.parametrize(("shown", "code"), [("<p>Ask bob@jam.shop</p>", 2), ("<p>All is well</p>", 0)])
def test_the_gallery_alone_is_looked_through_too(fresh_shop, monkeypatch, shown, code):
    monkeypatch.setattr("reco.report.gallery.gallery", lambda *_: shown)
    monkeypatch.setattr("reco.pipeline.periods", lambda _: SimpleNamespace(end=None))
    command = ["gallery", "--config", str(fresh_shop.root / "workbook.yaml"), "--out", str(fresh_shop.root / "out")]
    ended = CliRunner().invoke(app, command)
    assert ended.exit_code == code
    assert (fresh_shop.root / "out" / "gallery.html").exists() == (code == 0)
    assert "jam.shop" not in ended.output


def test_a_gallery_that_shows_somebody_fails_the_notebook_that_fills_it(fresh_shop, saying, monkeypatch):
    saying("All is well")
    monkeypatch.setattr("reco.runs.execution.FILLS", "first")
    monkeypatch.setattr("reco.runs.execution.gallery", lambda *_, **__: "<p>Ask bob@jam.shop</p>")
    assert fresh_shop.run().code == 1
    folder = fresh_shop.published()[-1]
    assert not (folder / "gallery.html").exists()
    assert "gallery.html would show an e-mail address" in (folder / "first.html").read_text()
    assert "gallery.html" not in BeautifulSoup((folder / "index.html").read_text(), "html.parser").find("a")["href"]
    assert fresh_shop.latest() is None
