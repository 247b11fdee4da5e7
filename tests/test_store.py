"""The store: unified columns and types, and writes that happen whole or not at all."""

from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reco.engines import ENGINES
from reco.store import (
    ALIASES,
    DEVICE,
    EMAIL,
    KEYS,
    MONEY,
    PIECE,
    REASON,
    SCHEMAS,
    SOURCED,
    TEXT,
    TIME,
    TRACED,
    UNIQUE,
    WORKING,
    conform,
    read,
    replacing,
)


def campaigns(*ids: str) -> ibis.Table:
    return conform(ibis.memtable({"campaign_id": list(ids)}, schema={"campaign_id": "string"}), "campaigns")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_schemas_hold_their_promises():
    for table, schema in SCHEMAS.items():
        assert set(KEYS[table]) <= set(schema.names)
        assert set(UNIQUE[table]) <= set(schema.names)
        if table in SOURCED:
            assert schema.names[-3:] == ["source", "file", "line"]
            assert TRACED[table] in schema.names
        assert not set(schema.names) & set(WORKING)
        for field in schema:
            if field.name.endswith("_id"):
                assert field.type == TEXT, field
            if field.name.endswith("_at"):
                assert field.type == TIME, field
            if field.name in {"price", "cost", "revenue", "discount"}:
                assert field.type == MONEY, field
                assert "currency" in schema.names


@pytest.mark.parametrize("name", SOURCED)
def test_conform_gives_exactly_the_columns_and_types(name):
    table = conform(ibis.memtable({"whatever": [1, 2]}), name, source="shop")
    assert table.schema() == ibis.Schema.from_pyarrow(SCHEMAS[name])
    frame = table.execute()
    assert frame["source"].tolist() == ["shop", "shop"]
    assert frame.drop(columns="source").isna().all(axis=None)


def test_conform_keeps_what_a_source_puts_beside_a_table_and_nothing_else():
    table = ibis.memtable({"campaign_id": ["a"], PIECE: [1], REASON: ["no name"], EMAIL: [None], "whatever": [1]})
    conformed = conform(table, "campaigns")
    assert conformed.columns[-3:] == (REASON, EMAIL, PIECE)
    assert [str(conformed[name].type()) for name in (REASON, EMAIL, PIECE)] == ["string", "string", "int64"]
    assert conformed.execute()[[REASON, PIECE]].to_numpy().tolist() == [["no name", 1]]
    assert DEVICE not in conformed.columns


def test_conform_fills_constants_only_where_a_source_has_no_column():
    table = ibis.memtable({"order_id": ["a", "b"], "currency": ["EUR", None]})
    kept = conform(table, "order_lines", currency="GBP").currency
    filled = conform(table.drop("currency"), "order_lines", currency="GBP").currency
    assert [each.to_pyarrow().to_pylist() for each in (kept, filled)] == [["EUR", None], ["GBP", "GBP"]]


def put(folder: Path, **tables: ibis.Table) -> None:
    """Write tables as unifying does."""
    connection = ibis.get_backend()
    with replacing(folder) as private:
        for name, table in tables.items():
            ENGINES["duckdb"].write(connection, table, private / f"{name}.parquet")


def test_written_tables_are_read_back_with_their_types(tmp_path):
    lines = conform(
        ibis.memtable({"order_id": ["007"], "product_id": ["é"], "revenue": ["0.1"], "ordered_at": ["2020-01-01"]}),
        "order_lines",
    )
    put(tmp_path / "tables", order_lines=lines)
    tables = read(ibis.duckdb.connect(), tmp_path / "tables")
    assert list(tables) == ["order_lines"]
    assert tables["order_lines"].schema() == ibis.Schema.from_pyarrow(SCHEMAS["order_lines"])
    stored = pq.read_schema(tmp_path / "tables" / "order_lines.parquet")
    assert [(f.name, f.type) for f in stored] == [(f.name, f.type) for f in SCHEMAS["order_lines"]]


def test_a_second_write_replaces_the_first_whole(tmp_path):
    put(tmp_path / "tables", campaigns=campaigns("a"), customers=conform(campaigns("a"), "customers"))
    put(tmp_path / "tables", campaigns=campaigns("b"))
    assert names(tmp_path) == ["tables"]
    assert names(tmp_path / "tables") == ["campaigns.parquet"]
    assert pq.read_table(tmp_path / "tables" / "campaigns.parquet")["campaign_id"].to_pylist() == ["b"]


def test_readers_see_the_old_tables_until_the_new_ones_are_whole(tmp_path):
    put(tmp_path / "tables", campaigns=campaigns("old"))
    with replacing(tmp_path / "tables") as private:
        ENGINES["duckdb"].write(ibis.get_backend(), campaigns("new"), private / "campaigns.parquet")
        assert pq.read_table(tmp_path / "tables" / "campaigns.parquet")["campaign_id"].to_pylist() == ["old"]
    assert pq.read_table(tmp_path / "tables" / "campaigns.parquet")["campaign_id"].to_pylist() == ["new"]


def test_a_write_that_fails_in_the_middle_leaves_the_old_tables_and_nothing_else(tmp_path):
    put(tmp_path / "tables", campaigns=campaigns("old"))
    broken = ibis.memtable({"a": ["x"]}).select(campaign_id=ibis._.a.cast("int64"))
    with pytest.raises(Exception, match="Could not convert string 'x'"):
        put(tmp_path / "tables", campaigns=campaigns("new"), customers=broken)
    assert names(tmp_path) == ["tables"]
    assert names(tmp_path / "tables") == ["campaigns.parquet"]
    assert pq.read_table(tmp_path / "tables" / "campaigns.parquet")["campaign_id"].to_pylist() == ["old"]


def test_a_first_write_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "tables") as private:
        (private / "half.parquet").touch()
        raise KeyboardInterrupt
    assert names(tmp_path) == []


def test_a_failing_swap_puts_the_old_tables_back(tmp_path, monkeypatch):
    put(tmp_path / "tables", campaigns=campaigns("old"))
    replace = Path.replace

    def refuse(self, target):
        if self.name.startswith(".tables-") and "-old-" not in self.name:
            raise PermissionError("in use")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(PermissionError):
        put(tmp_path / "tables", campaigns=campaigns("new"))
    assert names(tmp_path) == ["tables"]
    assert pq.read_table(tmp_path / "tables" / "campaigns.parquet")["campaign_id"].to_pylist() == ["old"]


def test_what_a_killed_write_left_is_cleared_away(tmp_path):
    (tmp_path / ".tables-abc").mkdir()
    (tmp_path / ".tables-abc" / "half.parquet").write_bytes(b"")
    (tmp_path / ".tables.lock").touch()
    put(tmp_path / "tables", campaigns=campaigns("a"))
    assert names(tmp_path) == [".tables.lock", "tables"]


def test_other_names_of_products_lead_to_ids_as_text():
    assert dict(zip(ALIASES.names, ALIASES.types, strict=True)) == dict.fromkeys(("kind", "alias", "product_id"), TEXT)


def test_arrow_types_are_what_the_design_says():
    assert (pa.decimal128(18, 4), pa.timestamp("us", tz="UTC")) == (MONEY, TIME)
