"""States in words, exit codes, what `--from` selects and what a dry run says."""

import os
import re
from pathlib import Path

import pytest

from reco.errors import InputError
from reco.runs import execution
from reco.runs.plan import select
from reco.runs.record import Entry, Outcome, State
from reco.runs.runner import Code

DOCS = (Path(__file__).parents[2] / "docs" / "runs.md").read_text(encoding="utf-8")


def entry(state=State.OK, **more):
    return Entry(name="a", title="A", question="?", key="k", outcome=Outcome(state=state), **more)


@pytest.mark.parametrize("state", State)
def test_every_state_is_one_plain_sentence_here_and_in_the_docs(state):
    assert re.fullmatch(r"[A-Z][^.]*\.", state.meaning)
    assert f"| {state} | {state.words} | {state.meaning} |" in DOCS


@pytest.mark.parametrize("code", Code)
def test_every_exit_code_is_in_the_docs(code):
    assert re.search(rf"^\| {int(code)} \| \S", DOCS, re.MULTILINE)


def test_what_was_carried_over_and_overtaken_is_stale():
    assert entry(outdated=True).state == State.STALE
    assert "carried over" in entry(outdated=True).sentence
    assert entry(State.NOTHING, outdated=True).state == State.NOTHING
    assert entry(State.TIMED_OUT).sentence == State.TIMED_OUT.meaning


@pytest.mark.parametrize(("found", "alerts"), [(2, 2), (True, 1), (0, 0), (-1, 0), ("2", 0), (None, 0)])
def test_alerts_are_the_figure_of_that_name(found, alerts):
    assert entry(figures={"alerts": found}).alerts == alerts


def test_from_selects_a_notebook_and_all_after_it(fresh_shop):
    books = fresh_shop.notebooks
    assert select(books, (), ["second"]) == ["second", "third"]
    assert select(books, ["trial"], ["third.ipynb"]) == ["third", "trial"]
    with pytest.raises(InputError, match="no notebook 'nope'"):
        select(books, (), ["nope"])


def test_a_run_with_alerts_is_published_and_says_so_again_when_nothing_changed(fresh_shop, pretending, monkeypatch):
    read = execution.html.read

    def with_alert(notebook, question, **more):
        return read(notebook, question, **more)._replace(figures={"alerts": 1})

    monkeypatch.setattr(execution.html, "read", with_alert)
    with pretending():
        first, second = fresh_shop.run(only=["first"]), fresh_shop.run(only=["first"])
    assert (first.code, second.code) == (4, 4)
    assert fresh_shop.latest().state == "alerts"
    assert first.page == fresh_shop.store / "latest" / "index.html"


def test_a_dry_run_foretells_and_writes_nothing(fresh_shop, pretending):
    with pretending():
        assert fresh_shop.run(dry_run=True).code == 0
        assert [line.split()[:4] for line in fresh_shop.lines[:-1]] == [
            ["▸", "first", "would", "run:"],
            ["▸", "second", "would", "run:"],
            ["▸", "third", "would", "run:"],
            ["○", "trial", "nothing", "to"],
        ]
        assert not (fresh_shop.root / "reports").exists()
        fresh_shop.run(only=["first"])
        [done] = fresh_shop.published()
        fresh_shop.run(dry_run=True, only=["first", "second"])
    assert f"first   up to date since run {done.name}" in fresh_shop.lines[0]
    assert "second  would run: no run yet" in fresh_shop.lines[1]
    assert len(fresh_shop.published()) == 1


def test_a_folder_that_cannot_be_written_is_bad_input(fresh_shop, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # as root, a folder's mode would stop nobody
    with pytest.raises(InputError, match="not writable"):
        fresh_shop.run()


def test_a_file_where_the_folder_should_be_is_bad_input(fresh_shop):
    (fresh_shop.root / "reports").write_text("")
    with pytest.raises(InputError, match="cannot hold reports"):
        fresh_shop.run()


def test_a_full_disk_leaves_the_last_good_reports(fresh_shop, pretending, monkeypatch):
    with pretending():
        fresh_shop.run(only=["first"])
        good = fresh_shop.latest().id
        write = Path.write_text

        def full(path, text, **more):
            if path.name == "second.html":
                raise OSError(28, "No space left on device", str(path))
            return write(path, text, **more)

        monkeypatch.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space left"):
            fresh_shop.run()
    assert fresh_shop.latest().id == good
    assert len(fresh_shop.published()) == 1
    assert not list(fresh_shop.store.glob(".*.part"))
