"""The gallery beside the reports: made with its notebook, carried over with it, never in the way."""

import pytest


@pytest.fixture
def made(monkeypatch):
    """How often the gallery was made."""
    calls = []
    monkeypatch.setattr("reco.runs.execution.FILLS", "first")
    monkeypatch.setattr("reco.runs.execution.gallery", lambda *_, **said: calls.append(said) or "<p>shown</p>")
    return calls


def test_it_is_made_once_linked_and_carried_over(fresh_shop, pretending, made):
    with pretending():
        fresh_shop.run()
        assert made == [{"index": True}]
        latest = fresh_shop.store / "latest"
        assert (latest / "gallery.html").read_text() == "<p>shown</p>"
        assert '<a href="gallery.html">Gallery</a>' in (latest / "index.html").read_text()
        fresh_shop.run(changes=["second.k=20"], only=["second"])
        assert len(made) == 1
        assert len(fresh_shop.published()) == 2
        assert (latest / "gallery.html").read_text() == "<p>shown</p>"
        assert '<a href="gallery.html">' in (latest / "index.html").read_text()


def test_reports_are_published_without_it_when_it_fails(fresh_shop, pretending, monkeypatch):
    def broken(*_, **__):
        raise ValueError("no jam")

    monkeypatch.setattr("reco.runs.execution.FILLS", "first")
    monkeypatch.setattr("reco.runs.execution.gallery", broken)
    with pretending():
        ended = fresh_shop.run()
    assert ended.code == 0
    assert any("could not be made: ValueError: no jam" in line for line in fresh_shop.lines)
    latest = fresh_shop.store / "latest"
    assert not (latest / "gallery.html").exists()
    assert "gallery.html" not in (latest / "index.html").read_text()


def test_no_gallery_without_its_notebook(fresh_shop, pretending, made):
    fresh_shop.write("first", "raise ValueError")
    with pretending():
        fresh_shop.run(only=["trial"])
    assert made == []
    assert not list(fresh_shop.store.rglob("gallery.html"))
