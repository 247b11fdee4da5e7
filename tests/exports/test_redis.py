"""The cache on a real redis-server: whole versions, fallbacks, sessions, and what happens when it dies."""

import json
import shutil
import socket
import subprocess
import sys
import threading
import time

import pyarrow as pa
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from reco.errors import InputError
from reco.exports import cache, publishing, running
from reco.exports.keyed import keyed
from reco.exports.systems import redis as system
from tests.exports import made
from tests.exports.contract import Contract


def start(folder, *options: str) -> tuple[subprocess.Popen, int]:
    """A server of its own on a free port, with nothing kept on disk."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    client = redis.Redis(port=port)
    for _ in range(100):
        try:
            client.ping()
            return process, port
        except redis.ConnectionError:
            time.sleep(0.05)
    raise AssertionError("redis-server did not start")


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    assert shutil.which("redis-server"), "make test installs it: scripts/install_redis.sh"
    process, port = start(tmp_path_factory.mktemp("redis"))
    yield port
    process.terminate()
    process.wait()


@pytest.fixture
def client(port):
    client = redis.Redis(port=port)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def served(client):
    """A reader of the whole shop."""
    cache.refresh(client, "shop", "v1", keyed(made.material()), 3600)
    return cache.Reader(client, "shop")


class TestRedis(Contract):
    system = "redis"

    @pytest.fixture(autouse=True)
    def server(self, client, port):
        self.options = {"url": f"redis://127.0.0.1:{port}/0"}

    def test_a_manifest_tells_the_truth(self, tmp_path, client):
        _, told = self.export(tmp_path)
        assert told["sent"]["keys"] == told["files"][0]["rows"] == client.dbsize() - 2
        assert client.get("reco:{shop}:current").decode() == told["sent"]["version"] == told["run"]

    test_a_damaged_file_is_noticed = None  # there is no file
    test_the_first_delta_is_everything = None  # versions are whole

    def test_nothing_changed_sends_nothing(self, tmp_path):
        with pytest.raises(InputError, match="expected no --changed"):
            self.export(tmp_path, only_changed=True)

    def test_a_full_disk_leaves_the_last_export(self, tmp_path, client):
        super().test_a_full_disk_leaves_the_last_export(tmp_path)
        served = client.get("reco:{shop}:current").decode()
        assert served == publishing.latest(tmp_path / "redis")["run"]

    def test_a_server_that_is_down_changes_nothing(self, tmp_path):
        self.export(tmp_path)
        self.options = {"url": "redis://127.0.0.1:1/0"}
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(InputError, match=r"Redis: .*the version that was served before still is"):
            self.export(tmp_path)
        assert sorted(tmp_path.rglob("*")) == before


def ids(found: cache.Found) -> list[str]:
    return [one["product_id"] for one in found.items]


def test_fallbacks_in_order(served, client):
    found = served.slate("email", "ann", segment="Tea")
    assert (ids(found), found.by, found.slate_id, found.version) == (
        list(made.PRODUCTS[1:5]),
        "customer",
        "email-1",
        "v1",
    )
    assert found.items[0]["reason"] == "You bought tea" or found.items[0]["reason"].startswith("+1 for you")
    found = served.slate("email", "nobody", segment="Tea")
    assert (ids(found), found.by) == (list(made.PRODUCTS[1:5]), "segment")
    found = served.slate("email", "nobody", segment="none")
    assert found.by == "context" and ids(found)[0] == "-42"  # 1/1 + 1/2 + 1/3 + 1/4 over four customers
    found = served.slate("product_page", beside="Ünïcode-茶")
    assert (ids(found), found.by) == (["1e5", "-42", "p 5"], "product")
    found = served.slate("cart", "ann")
    assert (ids(found), found.by) == (["007", "Ünïcode-茶"], "popular")
    client.delete("reco:{shop}:v1:top")
    assert served.slate("cart", "ann") == cache.NOTHING


def test_sessions_merge_the_lists_of_what_was_viewed(served):
    # the latest view counts 1 / rank, the one before half: 1e5 is 1 + 1/2, -42 is 1/4, 007 and p6 were viewed
    found = served.session(["007", "p6"])
    assert (found.items, found.by) == (["1e5", "-42"], "session")
    assert served.session(["007", "p6"], k=1).items == ["1e5"]
    found = served.session(["unknown", "007\0"])
    assert (found.items, found.by) == (["007", "Ünïcode-茶"], "popular")
    assert served.session([]).by == "popular"


def test_the_latest_view_counts_most(client):
    keys = pa.table({"key": ["i:a", "i:b"], "value": ['["x", "z"]', '["y", "z"]']})
    cache.refresh(client, "shop", "v", keys, 600)
    reader = cache.Reader(client, "shop")
    assert reader.session(["a", "b"]).items == ["y", "z", "x"]  # 1, 1/2 + 1/4, 1/2
    assert reader.session(["b", "a"]).items == ["x", "z", "y"]
    assert reader.session(["a", "b", "a"]).items == ["x", "z", "y"]  # its latest view is what counts


def test_keys_that_name_patterns_are_only_names(served):
    assert served.slate("email", "%1:*", segment="%0").by == "context"


def test_every_key_ends_and_the_pointer_does_not(served, client):
    ends = [client.ttl(key) for key in client.scan_iter("reco:{shop}:v1:*")]
    assert 3200 < min(ends) <= max(ends) <= 3960
    assert len(set(ends)) > 5
    assert client.ttl("reco:{shop}:current") == -1


def test_lists_outlive_two_refreshes_that_are_late():
    with pytest.raises(ValueError, match="less than or equal to 60"):
        system.Settings(refresh_minutes=90)
    with pytest.raises(ValueError, match="greater than or equal to 2"):
        system.Settings(lives=1)


def versions(number: str, count: int = 3000) -> pa.Table:
    value = json.dumps({"slate_id": number, "items": []})
    return pa.table({"key": [f"c:x{n}" for n in range(count)], "value": [value] * count})


def test_readers_never_see_two_versions_mixed(client, port):
    cache.refresh(client, "shop", "0", versions("0"), 600)
    wrong, stop = [], threading.Event()

    def read():
        reader = cache.Reader(redis.Redis(port=port), "shop")
        while not stop.is_set():
            found = reader.slate("x2999")
            if found.slate_id != found.version:
                wrong.append(found)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for one in readers:
        one.start()
    for number in range(1, 6):
        cache.refresh(client, "shop", str(number), versions(str(number)), 600)
    stop.set()
    for one in readers:
        one.join()
    assert wrong == []
    assert cache.Reader(client, "shop").slate("x0").version == "5"
    cache.switch(client, "shop", "4")
    assert cache.Reader(client, "shop").slate("x0").slate_id == "4"
    with pytest.raises(InputError, match="no whole version 'nope'"):
        cache.switch(client, "shop", "nope")


#: A refresh that waits after its second batch, to be killed there.
WAITS = """
import sys, time, redis, pyarrow as pa
from reco.exports import cache
cache.BATCH, sent, whole = 500, cache._sent, []
def waits(*given):
    whole.append(1)
    if len(whole) == 3:
        print("in the middle", flush=True)
        time.sleep(60)
    return sent(*given)
cache._sent = waits
keys = pa.table({"key": [f"c:x{n}" for n in range(3000)], "value": ["{}"] * 3000})
cache.refresh(redis.Redis(port=int(sys.argv[1])), "shop", "new", keys, 600)
"""


def test_killed_in_the_middle_of_a_refresh_the_old_version_is_served(client, port):
    cache.refresh(client, "shop", "old", versions("old"), 600)
    with subprocess.Popen([sys.executable, "-c", WAITS, str(port)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "in the middle\n"
        process.kill()
    assert client.exists("reco:{shop}:new:c:x0") and not client.exists("reco:{shop}:new:c:x2999")
    assert cache.Reader(client, "shop").slate("x0").slate_id == "old"
    assert all(client.ttl(key) > 0 for key in client.scan_iter("reco:{shop}:new:*"))
    assert cache.refresh(client, "shop", "newer", versions("newer"), 600)["before"] == "old"


def test_a_server_that_dies_in_the_middle_is_one_clear_line(tmp_path, monkeypatch):
    process, port = start(tmp_path)
    client = redis.Redis(port=port, retry=Retry(NoBackoff(), 0))
    monkeypatch.setattr(cache, "BATCH", 500)
    sent, whole = cache._sent, []

    def kills(*given):
        whole.append(1)
        if len(whole) == 3:
            process.kill()
            process.wait()
        return sent(*given)

    monkeypatch.setattr(cache, "_sent", kills)
    with pytest.raises(InputError, match="the version that was served before still is"):
        cache.refresh(client, "shop", "new", versions("new"), 600)
    reader = cache.Reader(client, "shop")
    assert reader.slate("x0") == cache.NOTHING
    assert reader.session(["a"]) == cache.NOTHING


@pytest.mark.parametrize("policy", ["noeviction", "allkeys-lru"])
def test_a_server_without_room_serves_the_old_version(tmp_path, policy):
    process, port = start(tmp_path, "--maxmemory", "6mb", "--maxmemory-policy", policy)
    try:
        client = redis.Redis(port=port)
        cache.refresh(client, "shop", "old", versions("old", 100), 600)
        with pytest.raises(InputError, match=r"Redis.*still is"):
            cache.refresh(client, "shop", "new", versions("n" * 2000, 20_000), 600)
        assert client.get("reco:{shop}:current") in {b"old", None}
    finally:
        process.kill()
        process.wait()


def test_passwords_are_never_told(tmp_path):
    said = []
    settings = system.Settings(url="redis://me:secret@cache.example/0")
    running.export("redis", made.material(), settings, tmp_path, dry_run=True, say=said.append)
    assert "secret" not in "".join(said) and "cache.example" in "".join(said)
