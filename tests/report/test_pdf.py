"""Pages as PDF: their text is in it, no address of this machine is, and a machine without Chromium is told so."""

import pypdf
import pytest
from typer.testing import CliRunner

from reco.cli import app
from reco.errors import InputError
from reco.report import pages, pdf
from tests.report.test_pages import ENTRY, NOTEBOOK, RUN, CompareAlgorithms, html


@pytest.fixture
def page(tmp_path):
    body = html.read(NOTEBOOK)
    path = tmp_path / "02_compare_algorithms.html"
    path.write_text(pages.report(RUN, ENTRY, body._replace(answer="Tea leads by 12 %"), CompareAlgorithms))
    assert 'href="index.html"' in path.read_text()
    return path


def test_a_page_is_printed_whole(page, tmp_path):
    [made] = pdf.write([page], tmp_path / "made")
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["02_compare_algorithms.pdf"]
    with pypdf.PdfReader(made) as read:
        text = " ".join(" ".join(sheet.extract_text() for sheet in read.pages).split())
        leads = [one.get_object() for sheet in read.pages for one in sheet.get("/Annots") or ()]
        assert len(read.pages) >= 1
        assert read.outline[0].title.startswith("Algorithms")
    assert "Tea leads by 12 %" in text
    assert "All reports" not in text  # that is for screens
    assert RUN.id in text
    assert not [one for one in leads if "/URI" in one.get("/A", {})]
    assert str(tmp_path).encode() not in made.read_bytes()


def test_a_machine_without_chromium_is_told_what_is_missing(page, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="PDF needs Chromium, and found none; expected one of chromium, "):
        list(pdf.write([page], tmp_path / "made"))
    assert not (tmp_path / "made").exists()


def test_a_page_that_cannot_be_printed_is_named(page, tmp_path, monkeypatch):
    silent = tmp_path / "chromium"
    silent.write_text("#!/bin/sh\nexit 0\n")
    silent.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"02_compare_algorithms.html: Chromium did not print it \(it wrote nothing\)"):
        list(pdf.write([page], tmp_path / "made"))


def test_the_command_prints_the_run_that_is_asked_for(tmp_path, monkeypatch):
    (tmp_path / "workbook.yaml").write_text((pdf.Path(__file__).parents[2] / "workbook.yaml").read_text())
    store = tmp_path / "out" / "complete_journey"
    (store / RUN.id).mkdir(parents=True)
    run = RUN.model_copy(update={"notebooks": {ENTRY.name: ENTRY}})
    run.write(store / RUN.id)
    for name in ("index.html", ENTRY.page):
        (store / RUN.id / name).touch()
    asked = []
    monkeypatch.setattr(pdf, "write", lambda pages, folder: asked.append((pages, folder)) or [folder / "index.pdf"])
    command = ["pdf", RUN.id[:8], "--config", str(tmp_path / "workbook.yaml"), "--out", str(tmp_path / "out")]
    ended = CliRunner().invoke(app, command)
    assert (ended.exit_code, ended.output) == (0, f"Wrote {store / 'pdf' / RUN.id / 'index.pdf'}\n")
    assert asked == [([store / RUN.id / "index.html", store / RUN.id / ENTRY.page], store / "pdf" / RUN.id)]
    (store / RUN.id / "index.html").unlink()
    (store / RUN.id / ENTRY.page).unlink()
    ended = CliRunner().invoke(app, command)
    assert ended.exit_code == 2
    assert "no longer kept" in ended.output
