"""Key figures from a notebook's output to the record, the page and the index, over three runs without a kernel."""

import nbformat
from bs4 import BeautifulSoup
from nbformat.v4 import new_output

from reco.report import ACTIONS, CARDS
from reco.report.kpi import Kpi
from reco.runs.record import read


def show(shop, value):
    """Let the first notebook show a card of this value, as if it had been executed."""
    shop.write("first", f"show.cards({value})", "show.actions()")
    path = shop.notebooks["first"].path
    notebook = nbformat.read(path, 4)
    kpi = Kpi(name="Hits <b>", value=value, low=value - 1, high=value + 1, n=99, better="higher", target=20)
    shown = {CARDS: [kpi.model_dump(mode="json")], "text/plain": "card"}
    notebook.cells[-2].outputs = [new_output("display_data", data=shown)]
    notebook.cells[-1].outputs = [new_output("display_data", data={ACTIONS: ["Wait & see."], "text/plain": "wait"})]
    nbformat.write(notebook, path)
    return kpi


def text(path):
    return " ".join(BeautifulSoup(path.read_text(), "html.parser").main.get_text(" ").split())


def test_figures_are_kept_and_set_against_the_run_before(fresh_shop, pretending):
    with pretending():
        before = show(fresh_shop, 10.0)
        fresh_shop.run(only=["first"])
        first = fresh_shop.latest()
        after = show(fresh_shop, 30.0)
        fresh_shop.run(only=["first"])
        second = fresh_shop.latest()
        fresh_shop.run(only=["first"], force=True)
        third = fresh_shop.latest()
    assert [run.notebooks["first"].kpis for run in (first, second, third)] == [(before,), (after,), (after,)]
    assert first.notebooks["first"].actions == ("Wait & see.",)
    folders = [fresh_shop.store / run.id for run in (first, second, third)]
    assert read(folders[0]) == first
    assert "What changed" not in text(folders[0] / "first.html")
    assert "■ Act: Hits <b> is 10.000 (9.000 to 11.000), target: at least 20.000." in text(folders[0] / "index.html")
    told = text(folders[1] / "first.html")
    assert f"Set against run {first.id}" in told
    assert "Hits <b>: up 20.0000 (18.5858 to 21.4142): better, from 10.000 (9.000 to 11.000)" in told
    assert "1 of 1 key figures moved by more than noise." in text(folders[1] / "index.html")
    assert "As before: Hits <b>" in text(folders[2] / "first.html")
    assert "first 10.000, lowest 10.000, highest 30.000, now 30.000" in (folders[2] / "index.html").read_text()
    assert f"../{first.id}/index.html" in (folders[2] / "index.html").read_text()


def test_no_link_leads_to_pages_that_go_when_the_run_is_published(fresh_shop, pretending):
    settings = fresh_shop.root / "workbook.yaml"
    settings.write_text(settings.read_text() + "runs: {keep: 2}\n")
    with pretending():
        for value in (10.0, 20.0, 30.0):
            show(fresh_shop, value)
            fresh_shop.run(only=["first"])
    index = BeautifulSoup((fresh_shop.store / "latest" / "index.html").read_text(), "html.parser")
    links = [link["href"] for link in index.select("table a")]
    assert len(links) == 2
    assert all((fresh_shop.store / "latest" / link).exists() for link in links)
