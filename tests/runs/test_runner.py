"""A story of runs in one shop: what is executed, carried over, skipped, published, and where `latest` points."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from reco.runs.record import Run, State, read
from reco.runs.runner import Ended

SHOW = """\
from IPython.display import display
answer = {"text/html": '<p class="headline">Tea &lt;b&gt;leads&lt;/b&gt;</p>', "text/plain": "Tea <b>leads</b>"}
display(answer, raw=True)
display({"application/vnd.reco.record+json": {"share": 1 / 3}}, raw=True)"""
BREAKS = ("## Counting", "print('partial <i>result</i>')", "raise ValueError('no jam')")


class Told(NamedTuple):
    """What one run of the story left behind."""

    ended: Ended
    lines: list[str]
    record: Run | None
    latest: Path

    def executed(self) -> set[str]:
        return {line.split()[1] for line in self.lines if line.endswith("started")}


@pytest.fixture(scope="module")
def story(shop, pretending):
    def run(**options) -> Told:
        before = set(shop.published())
        ended = shop.run(**options)
        new = set(shop.published()) - before
        return Told(ended, shop.lines, read(new.pop()) if new else None, (shop.store / "latest").resolve())

    told = {}
    shop.write("first", SHOW)
    shop.write("second", *BREAKS)
    told["second breaks"] = run()
    shop.write("second", "k")
    with pretending():
        told["second mended"] = run()
        told["again"] = run()
        told["parameter"] = run(changes=["second.k=20"], only=["second"])
        told["first only, settings changed"] = run(only=["first.ipynb"], changes=["rules.min_categories.least=2"])
    shop.write("third", *BREAKS)
    told["third breaks"] = run(only=["third"])
    return told


def test_a_failure_is_named_and_its_dependants_are_skipped(story):
    told = story["second breaks"]
    states = {name: entry.outcome.state for name, entry in told.record.notebooks.items()}
    assert states == {
        "first": State.OK,
        "second": State.CELL_ERROR,
        "third": State.SKIPPED,
        "trial": State.NOTHING,
    }
    assert told.ended.code == 1
    assert told.record.notebooks["third"].outcome.sentence == "It needs second, which failed."
    [line] = [line for line in told.lines if line.startswith("  ■")]
    assert "second" in line
    assert "code cell 3, “Counting”" in line
    assert "no jam" in line


def test_a_failed_run_is_published_but_latest_stays(story, shop):
    assert story["second breaks"].latest.name == "latest"  # the link is not there yet
    failed = story["third breaks"]
    assert failed.ended.code == 1
    assert failed.latest == story["first only, settings changed"].latest
    assert failed.ended.page == shop.store / failed.record.id / "index.html"
    assert failed.ended.page.exists()


def test_a_failed_run_keeps_the_copy_and_says_where_it_failed(story, shop):
    folder = shop.store / story["second breaks"].record.id
    assert "no jam" in (folder / "second.ipynb").read_text()
    page = (folder / "second.html").read_text()
    assert "Not updated on" in page
    assert "There is no earlier report." in page
    assert "code cell 3, “Counting”" in page
    assert "partial &lt;i&gt;result&lt;/i&gt;" in page
    assert "nobody should decide on them" in page


def test_a_failure_page_leads_to_the_last_good_report(story, shop):
    folder = shop.store / story["third breaks"].record.id
    page = (folder / "third.html").read_text()
    good = story["third breaks"].latest
    assert f'href="../{good.name}/third.html"' in page
    assert (folder / f"../{good.name}/third.html").exists()


def test_after_mending_only_what_failed_runs_again(story, shop):
    told = story["second mended"]
    assert told.executed() == {"second", "third"}
    assert told.record.notebooks["first"].run == story["second breaks"].record.id
    assert told.ended == (0, shop.store / "latest" / "index.html")
    assert told.latest == shop.store / told.record.id
    assert (shop.store / told.record.id / "first.html").read_text().count("Tea &lt;b&gt;leads&lt;/b&gt;") == 1


def test_nothing_changed_nothing_run(story, shop):
    told = story["again"]
    assert told.executed() == set()
    assert told.record is None
    assert told.ended == (0, shop.store / "latest" / "index.html")
    assert "nothing was run" in told.lines[0]


def test_a_changed_parameter_runs_its_notebook_and_leaves_those_after_it_outdated(story):
    told = story["parameter"]
    assert told.executed() == {"second"}
    entries = told.record.notebooks
    assert entries["second"].parameters["k"] == 20
    assert (entries["third"].parameters["k"], entries["third"].outdated) == (10, True)
    assert not entries["first"].outdated


def test_changed_settings_make_what_is_carried_over_outdated(story, shop):
    told = story["first only, settings changed"]
    assert told.executed() == {"first"}
    assert told.record.settings["rules"]["min_categories"] == {"least": 2}
    assert told.record.facts.overrides == {"rules.min_categories.least": "2"}
    entries = told.record.notebooks
    assert not entries["first"].outdated
    assert entries["second"].outdated
    assert entries["second"].run == story["parameter"].record.id
    index = (shop.store / told.record.id / "index.html").read_text()
    assert f"Stale: carried over from run {story['parameter'].record.id}" in index
    assert "made with other settings, code or data" in index


def test_headline_and_figures_are_kept(story):
    entry = story["second breaks"].record.notebooks["first"]
    assert entry.headline == "Tea <b>leads</b>"
    assert entry.figures == {"share": 1 / 3}


def test_the_index_lists_every_notebook_with_state_and_link(story, shop):
    folder = shop.store / story["second breaks"].record.id
    index = (folder / "index.html").read_text()
    for name in ("first", "second", "third", "trial"):
        assert f'href="{name}.html"' in index
        assert (folder / f"{name}.html").exists()
    for words in ("Complete", "Stopped by an error", "Skipped", "Nothing to report", "2 of 4 reports not updated"):
        assert words in index
    assert "Corner shop &lt;&amp;&gt; sons" in index
    assert "names no experiment" in index


def test_nothing_private_is_left_and_latest_is_a_relative_link(story, shop):
    assert [path.name for path in shop.store.iterdir() if path.name.startswith(".")] == [".lock"]
    assert (shop.store / "latest").readlink() == Path(story["third breaks"].latest.name)


def test_no_page_tells_where_this_machine_keeps_things(story, shop):
    for path in [*shop.store.glob("2*/*.html"), *shop.store.glob("2*/run.json")]:
        assert str(shop.root) not in path.read_text()


def test_the_record_is_plain_json(story, shop):
    record = json.loads((shop.store / story["parameter"].record.id / "run.json").read_text())
    assert record["notebooks"]["second"]["outcome"]["state"] == "ok"
    assert len(record["facts"]["fingerprint"]) == 64
