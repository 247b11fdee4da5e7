"""Publishing to other places: the pages first, the record after them, pointers last, and never half of it."""

import json

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from pydantic import ValidationError

from reco.errors import InputError
from reco.runs import remote
from reco.runs.children import Children
from reco.runs.record import Outcome, State
from reco.settings.runs import Runs
from tests.runs.test_history import entry, record, write


@pytest.fixture
def store(tmp_path):
    store = tmp_path / "corner"
    run = record(0)
    write(store, run, latest=True)
    for name in ("index.html", "first.html", "first.ipynb", "second.html"):
        (store / run.id / name).write_text(name)
    return store


@pytest.fixture
def memory():
    """The one memory file system there is, empty."""
    system = fsspec.filesystem("memory")

    def clear():
        system.store.clear()
        system.pseudo_dirs[:] = [""]

    clear()
    yield system
    clear()


def test_pages_then_the_record_then_the_pointers(store, memory, monkeypatch):
    written, pipe, point = [], MemoryFileSystem.pipe_file, remote._point
    monkeypatch.setattr(
        MemoryFileSystem, "pipe_file", lambda self, path, data: written.append(path) or pipe(self, path, data)
    )
    monkeypatch.setattr(remote, "_point", lambda system, path, text: written.append(path) or point(system, path, text))
    run = record(0)
    remote.publish(store, run, "memory://bucket/reports")
    names = ["first.html", "first.ipynb", "index.html", "second.html", "run.json"]
    assert written == [
        *(f"/bucket/reports/corner/{run.id}/{name}" for name in names),
        "/bucket/reports/corner/latest.json",
        "/bucket/reports/corner/index.html",
    ]
    assert json.loads(memory.cat("/bucket/reports/corner/latest.json")) == {
        "run": run.id,
        "page": f"{run.id}/index.html",
    }
    assert f'url={run.id}/index.html"' in memory.cat("/bucket/reports/corner/index.html").decode()


def test_a_folder_by_file_url(store, tmp_path):
    run = record(0)
    remote.publish(store, run, f"file://{tmp_path / 'my reports'}")
    target = tmp_path / "my reports" / "corner"
    assert {path.name for path in target.iterdir()} == {run.id, "latest.json", "index.html"}
    assert (target / run.id / "run.json").read_bytes() == (store / run.id / "run.json").read_bytes()


def test_a_failed_run_moves_no_pointer(store, memory):
    remote.publish(store, record(0), "memory://r")
    failed = record(-1, entry(state=State.TIMED_OUT))
    write(store, failed)
    remote.publish(store, failed, "memory://r")
    assert memory.exists(f"/r/corner/{failed.id}/run.json")
    assert json.loads(memory.cat("/r/corner/latest.json"))["run"] == record(0).id


def test_what_was_published_is_noted(store, memory):
    run = record(0)
    assert remote.pending(store, run.id, "memory://r")
    assert not remote.pending(store, run.id, None)
    remote.publish(store, run, "memory://r")
    assert not remote.pending(store, run.id, "memory://r")
    assert remote.pending(store, run.id, "memory://other")
    assert remote.pending(store, "another", "memory://r")


def test_an_upload_that_breaks_off_moves_no_pointer_and_the_next_run_makes_up_for_it(
    fresh_shop, pretending, memory, monkeypatch
):
    pipe = MemoryFileSystem.pipe_file

    def break_off(self, path, data):
        if path.endswith("index.html"):
            raise ConnectionError("token=hush")
        pipe(self, path, data)

    options = {"only": ["first"], "changes": ["runs.publish_to=memory://r"]}
    with pretending():
        with monkeypatch.context() as patch:
            patch.setattr(MemoryFileSystem, "pipe_file", break_off)
            assert fresh_shop.run(**options).code == 1
        assert "  ■ not published to memory://r: ConnectionError; the next run tries again" in fresh_shop.lines
        assert fresh_shop.latest().good
        assert not memory.exists("/r/corner/latest.json")
        assert fresh_shop.run(**options).code == 0
        assert len(fresh_shop.published()) == 1
        assert json.loads(memory.cat("/r/corner/latest.json"))["run"] == fresh_shop.latest().id
        fresh_shop.run(**options)
    assert "nothing was run" in fresh_shop.lines[0]
    assert len(fresh_shop.lines) == 1


def test_a_failed_run_makes_up_for_an_upload_that_is_owed(fresh_shop, pretending, memory, monkeypatch):
    with pretending():
        fresh_shop.run(only=["first"])
        good = fresh_shop.latest().id
        monkeypatch.setattr(Children, "execute", lambda *_: Outcome(state=State.TIMED_OUT))
        assert fresh_shop.run(only=["second"], changes=["runs.publish_to=memory://r"]).code == 1
        monkeypatch.undo()
    assert json.loads(memory.cat("/r/corner/latest.json"))["run"] == good
    assert len(memory.ls("/r/corner", detail=False)) == 4  # two runs, two pointers


@pytest.mark.parametrize(("kinds", "made"), [({"memory"}, 0), ({"s3"}, 1)])
def test_no_folder_is_made_where_that_would_make_a_bucket(store, memory, monkeypatch, kinds, made):
    asked = []
    monkeypatch.setattr(remote, "BUCKETS", kinds)
    monkeypatch.setattr(MemoryFileSystem, "makedirs", lambda self, path, **_: asked.append(path))
    remote.publish(store, record(0), "memory://mistyped/reports")
    assert len(asked) == made


def test_an_unknown_kind_of_address_is_named(store):
    with pytest.raises(InputError, match=r"runs.publish_to: nope://r: Protocol not known"):
        remote.publish(store, record(0), "nope://r")


@pytest.mark.parametrize(
    "url", ["/srv/reports", "s3://key:word@bucket", "s3://key@bucket", "https://x/y?token=1", "s3:/x"]
)
def test_addresses_hold_no_credentials(url):
    with pytest.raises(ValidationError, match="expected an address"):
        Runs(publish_to=url)
    assert Runs(publish_to="s3://bucket/reports/").publish_to == "s3://bucket/reports"
