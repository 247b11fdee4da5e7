"""MongoDB by its own driver, over a socket, against a server that keeps its data in mongomock."""

from datetime import UTC, datetime, timedelta

import pymongo
import pytest

from reco.errors import InputError
from reco.exports import cache, documents, publishing
from reco.exports.keyed import keyed
from tests.exports import made
from tests.exports.contract import Contract
from tests.exports.wire import Server


@pytest.fixture(scope="module")
def whole_server():
    server = Server()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def server(whole_server):
    whole_server.data.drop_database("reco")
    whole_server.inserts, whole_server.fail_after, whole_server.loses = 0, None, 0
    return whole_server


@pytest.fixture
def database(server):
    with pymongo.MongoClient(server.url, serverSelectionTimeoutMS=2000, retryWrites=False) as client:
        yield client["reco"]


class TestMongodb(Contract):
    system = "mongodb"
    test_a_damaged_file_is_noticed = None  # there is no file
    test_the_first_delta_is_everything = None  # versions are whole

    @pytest.fixture(autouse=True)
    def at(self, server):
        self.options = {"url": server.url}
        self.server = server

    def test_a_manifest_tells_the_truth(self, tmp_path):
        _, told = self.export(tmp_path)
        assert (
            told["sent"]["keys"] == told["files"][0]["rows"] == self.server.data["reco"]["slates"].count_documents({})
        )
        assert self.server.data["reco"]["current"].find_one()["version"] == told["run"]

    def test_a_full_disk_leaves_the_last_export(self, tmp_path):
        super().test_a_full_disk_leaves_the_last_export(tmp_path)
        served = self.server.data["reco"]["current"].find_one()["version"]
        assert served == publishing.latest(tmp_path / "mongodb")["run"]

    def test_nothing_changed_sends_nothing(self, tmp_path):
        with pytest.raises(InputError, match="expected no --changed"):
            self.export(tmp_path, only_changed=True)


def test_documents_have_their_shape_and_their_end(database):
    documents.refresh(database, "v1", keyed(made.material()), 3600)
    one = database["slates"].find_one({"_id": "v1:u:email:0001"})
    assert (one["v"], one["slate_id"], [place["product_id"] for place in one["items"]]) == (
        "v1",
        "email-0",
        list(made.PRODUCTS[:4]),
    )
    left = one["ends_at"].replace(tzinfo=UTC) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)


def test_fallbacks_in_order(database):
    documents.refresh(database, "v1", keyed(made.material()), 3600)
    reader = documents.Reader(database)
    assert [reader.slate("email", one, segment).by for one, segment in [("ann", "Tea"), ("x", "Tea"), ("x", "y")]] == [
        "customer", "segment", "context",
    ]  # fmt: skip
    assert reader.slate("product_page", beside="Ünïcode-茶").slate_id == "product_page-1"
    assert reader.slate("cart").by == "popular"


def test_a_server_that_dies_in_the_middle_leaves_the_old_version(database, server, monkeypatch):
    documents.refresh(database, "old", keyed(made.material()), 3600)
    monkeypatch.setattr(documents, "BATCH", 5)
    server.fail_after = server.inserts + 2
    with pytest.raises(InputError, match=r"MongoDB: .*the version that was served before still is"):
        documents.refresh(database, "new", keyed(made.material()), 3600)
    assert database["slates"].count_documents({"v": "new"}) == 10
    assert documents.Reader(database).slate("email", "ann").version == "old"


def test_what_did_not_arrive_is_not_served(database, server):
    documents.refresh(database, "old", keyed(made.material()), 3600)
    server.loses = 1
    with pytest.raises(InputError, match=r"MongoDB kept 15 of 16 documents; the version that was served still is"):
        documents.refresh(database, "new", keyed(made.material()), 3600)
    assert documents.Reader(database).slate("email", "ann").version == "old"


def test_the_switch_is_seen_at_once(database):
    for version in ("v1", "v2"):
        told = documents.refresh(database, version, keyed(made.material()), 3600)
        assert documents.Reader(database).slate("email", "ann").version == version
    assert told["before"] == "v1"


def test_without_a_server_there_is_nothing_and_one_clear_line():
    with pymongo.MongoClient("mongodb://127.0.0.1:1", serverSelectionTimeoutMS=50) as client:
        assert documents.Reader(client["reco"]).slate("email", "ann") == cache.NOTHING
        with pytest.raises(InputError, match=r"MongoDB: .*still is"):
            documents.refresh(client["reco"], "v", keyed(made.material()), 3600)
