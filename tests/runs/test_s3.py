"""Publishing to S3, as moto's server plays it."""

import json

import fsspec
import pytest
import requests
import s3fs
from moto import server as servers

from reco.runs import remote
from reco.runs.outcomes import State
from reco.runs.publish import LATEST
from tests.runs.test_history import entry, record, write

URL = "s3://bucket/reports"
PAGES = ("first.html", "first.ipynb", "index.html", "second.html")


@pytest.fixture
def bucket(monkeypatch, tmp_path):
    """The address of a server with one empty bucket, which writes down what is asked of it."""
    monkeypatch.chdir(tmp_path)  # where it writes that
    server = servers.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }.items():
        monkeypatch.setenv(name, value)
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=10)
    s3fs.S3FileSystem.clear_instance_cache()
    system = fsspec.filesystem("s3")
    system.mkdir("bucket")
    requests.post(f"http://{host}:{port}/moto-api/recorder/reset-recording", timeout=10)
    requests.post(f"http://{host}:{port}/moto-api/recorder/start-recording", timeout=10)
    yield f"http://{host}:{port}"
    s3fs.S3FileSystem.clear_instance_cache()
    requests.post(f"http://{host}:{port}/moto-api/recorder/stop-recording", timeout=10)  # for all of the process
    server.stop()


def written(address: str) -> list[str]:
    """Paths of the objects that were put, in order."""
    told = requests.get(f"{address}/moto-api/recorder/download-recording", timeout=10).text
    asked = [json.loads(line) for line in told.splitlines() if line]
    put = [each["url"].split("?")[0].partition("/bucket/")[2] for each in asked if each["method"] == "PUT"]
    return [path for path in put if path]


@pytest.fixture
def store(tmp_path):
    store = tmp_path / "corner"
    run = record(0)
    write(store, run, latest=True)
    for name in PAGES:
        (store / run.id / name).write_text(f"{name} é")
    return store


def test_the_runs_folder_first_then_the_pointers(store, bucket):
    run = record(0)
    remote.publish(store, run, URL)
    folder = f"reports/corner/{run.id}"
    assert written(bucket) == [
        *(f"{folder}/{name}" for name in (*PAGES, "run.json")),
        "reports/corner/latest.json",
        "reports/corner/index.html",
    ]
    system = fsspec.filesystem("s3")
    for name in (*PAGES, "run.json"):
        assert system.cat(f"bucket/{folder}/{name}") == (store / LATEST / name).read_bytes()
    assert json.loads(system.cat("bucket/reports/corner/latest.json")) == {
        "run": run.id,
        "page": f"{run.id}/index.html",
    }


def test_a_failed_run_moves_no_pointer(store, bucket):
    failed = record(-1, entry(state=State.TIMED_OUT))
    write(store, failed)
    remote.publish(store, failed, URL)
    assert written(bucket) == [f"reports/corner/{failed.id}/run.json"]


def test_a_bucket_that_is_not_there_is_made_up_for(fresh_shop, pretending, bucket):
    with pretending():
        assert fresh_shop.run(only=["first"], changes=["runs.publish_to=s3://no_such_bucket/reports"]).code == 1
        assert any("not published to s3://no_such_bucket/reports" in line for line in fresh_shop.lines)
        assert fresh_shop.run(only=["first"], changes=[f"runs.publish_to={URL}"]).code == 0
    assert written(bucket)[-2:] == ["reports/corner/latest.json", "reports/corner/index.html"]
    assert fresh_shop.latest().good
