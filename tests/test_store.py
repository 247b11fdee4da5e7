"""The store: unified columns, fingerprints, and writes that happen whole or not at all."""

import json
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.errors import InputError
from reco.store import KEYS, MONEY, SCHEMAS, TEXT, TIME, UNREADABLE, conform, fingerprint, read, write


def campaigns(*ids: str) -> ibis.Table:
    return conform(ibis.memtable({"campaign_id": list(ids)}, schema={"campaign_id": "string"}), "campaigns")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_schemas_hold_their_promises():
    for table, schema in SCHEMAS.items():
        assert set(KEYS[table]) <= set(schema.names)
        assert schema.field("source").type == TEXT
        for field in schema:
            if field.name.endswith("_id"):
                assert field.type == TEXT, field
            if field.name.endswith("_at"):
                assert field.type == TIME, field
            if field.name in {"price", "revenue", "discount"}:
                assert field.type == MONEY, field
                assert "currency" in schema.names


@pytest.mark.parametrize("name", SCHEMAS)
def test_conform_gives_exactly_the_columns_and_types(name):
    table = conform(ibis.memtable({"whatever": [1, 2]}), name, source="shop")
    assert table.schema() == ibis.Schema.from_pyarrow(SCHEMAS[name])
    frame = table.execute()
    assert frame["source"].tolist() == ["shop", "shop"]
    assert frame.drop(columns="source").isna().all(axis=None)


def test_conform_keeps_the_mark_of_unreadable_rows():
    table = ibis.memtable({"campaign_id": ["a"], UNREADABLE: ["price not readable"]})
    assert conform(table, "campaigns").columns[-1] == UNREADABLE


def test_written_tables_are_read_back_with_their_types(tmp_path):
    lines = conform(
        ibis.memtable({"order_id": ["007"], "product_id": ["é"], "revenue": ["0.1"], "ordered_at": ["2020-01-01"]}),
        "order_lines",
    )
    write({"order_lines": lines}, tmp_path / "tables", {"key": "k"})
    connection = ibis.duckdb.connect()
    tables = read(connection, tmp_path / "tables")
    assert list(tables) == ["order_lines"]
    assert tables["order_lines"].schema() == ibis.Schema.from_pyarrow(SCHEMAS["order_lines"])
    stored = pq.read_schema(tmp_path / "tables" / "order_lines.parquet")
    assert [(f.name, f.type) for f in stored] == [(f.name, f.type) for f in SCHEMAS["order_lines"]]
    assert json.loads((tmp_path / "tables" / "store.json").read_text()) == {"key": "k"}


def test_a_second_write_replaces_the_first_whole(tmp_path):
    write({"campaigns": campaigns("a"), "customers": conform(campaigns("a"), "customers")}, tmp_path / "tables", {})
    write({"campaigns": campaigns("b")}, tmp_path / "tables", {})
    assert names(tmp_path) == ["tables"]
    assert names(tmp_path / "tables") == ["campaigns.parquet", "store.json"]
    assert pq.read_table(tmp_path / "tables" / "campaigns.parquet")["campaign_id"].to_pylist() == ["b"]


def test_a_write_that_fails_in_the_middle_leaves_the_old_tables_and_nothing_else(tmp_path):
    write({"campaigns": campaigns("old")}, tmp_path / "tables", {"key": "old"})
    broken = ibis.memtable({"a": ["x"]}).select(campaign_id=ibis._.a.cast("int64"))
    with pytest.raises(Exception, match="Could not convert string 'x'"):
        write({"campaigns": campaigns("new"), "customers": broken}, tmp_path / "tables", {"key": "new"})
    assert names(tmp_path) == ["tables"]
    assert pq.read_table(tmp_path / "tables" / "campaigns.parquet")["campaign_id"].to_pylist() == ["old"]
    assert json.loads((tmp_path / "tables" / "store.json").read_text()) == {"key": "old"}


def test_a_first_write_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(TypeError, match="not JSON serializable"):
        write({"campaigns": campaigns("a")}, tmp_path / "tables", {"key": object()})
    assert names(tmp_path) == []


def test_a_failing_swap_puts_the_old_tables_back(tmp_path, monkeypatch):
    write({"campaigns": campaigns("old")}, tmp_path / "tables", {})
    replace = Path.replace

    def refuse(self, target):
        if self.name.startswith(".tables-") and "-old-" not in self.name:
            raise PermissionError("in use")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(PermissionError):
        write({"campaigns": campaigns("new")}, tmp_path / "tables", {})
    assert names(tmp_path) == ["tables"]
    assert pq.read_table(tmp_path / "tables" / "campaigns.parquet")["campaign_id"].to_pylist() == ["old"]


def test_what_a_killed_write_left_is_cleared_away(tmp_path):
    (tmp_path / ".tables-abc").mkdir()
    (tmp_path / ".tables-abc" / "half.parquet").write_bytes(b"")
    (tmp_path / ".tables.lock").touch()
    write({"campaigns": campaigns("a")}, tmp_path / "tables", {})
    assert names(tmp_path) == [".tables.lock", "tables"]


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=1, max_size=40), st.data())
def test_fingerprint_changes_with_any_byte(tmp_path_factory, content, data):
    file = tmp_path_factory.mktemp("f") / "raw.csv"
    file.write_bytes(content)
    before = fingerprint([file])
    assert before == fingerprint([file])
    place = data.draw(st.integers(0, len(content) - 1))
    changed = bytearray(content)
    changed[place] ^= data.draw(st.integers(1, 255))
    file.write_bytes(changed)
    assert fingerprint([file]) != before


def test_fingerprint_knows_names_and_borders_but_not_the_order_of_files(tmp_path):
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text("ab")
    two.write_text("c")
    before = fingerprint([one, two])
    assert fingerprint([two, one]) == before
    one.write_text("a")
    two.write_text("bc")
    assert fingerprint([one, two]) != before
    one.write_text("ab")
    two.write_text("c")
    assert fingerprint([one.rename(tmp_path / "other.csv"), two]) != before


def test_fingerprint_names_a_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"orders\.csv: no such file"):
        fingerprint([tmp_path / "orders.csv"])


def test_arrow_types_are_what_the_design_says():
    assert (pa.decimal128(18, 4), pa.timestamp("us", tz="UTC")) == (MONEY, TIME)
