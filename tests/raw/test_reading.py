"""Each file is read once; raw tables reach the engine whole."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reco.engines import ENGINES
from reco.errors import InputError
from reco.raw import RawFile, read, tables
from reco.sources.base import Column, RawTable

A = {"a": Column(("a",))}
ENGINE = ENGINES["duckdb"]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "1.csv").write_text("a,b\nx,1\n")
    (tmp_path / "2.csv").write_text("a,b\ny,2\nbroken\n")
    return tmp_path


def reading(root: Path, table: RawTable | None = None) -> list[RawFile]:
    return read("shop", {"orders": table or RawTable((Path("*.csv"),), A)}, root, root / "out")


def test_the_facts_of_a_file_are_told(root):
    os.utime(root / "2.csv", (0, 0))
    first, second = reading(root)
    # by `printf 'a,b\nx,1\n' | sha256sum`
    assert first.sha256 == "2661769fdda7208208355a48b395369341709e88b067792ba8fff73cae47ad86"
    assert (first.source, first.table, first.name, first.path, first.size) == (
        "shop",
        "orders",
        "1.csv",
        root / "1.csv",
        8,
    )
    assert (first.encoding, first.separator, first.decimal, first.rows, first.refused) == ("utf-8", ",", None, 1, 0)
    assert (second.rows, second.refused, second.modified) == (1, 1, "1970-01-01T00:00:00+00:00")
    assert pq.read_table(second.refused_parquet).to_pylist() == [
        {"file": "2.csv", "line": 3, "reason": "1 value, expected 2", "row": "broken"}
    ]


def test_a_file_of_the_same_size_and_time_is_not_opened_again(root):
    before = reading(root)
    times = (root / "1.csv").stat()
    (root / "1.csv").write_text("a,b\nz,1\n")
    os.utime(root / "1.csv", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert reading(root) == before


def test_only_what_has_changed_is_read_again(root):
    first, second = reading(root)
    times = first.parquet.stat().st_mtime_ns
    (root / "2.csv").write_text("a,b\nz,2\n")
    again, changed = reading(root)
    assert (again.parquet.stat().st_mtime_ns, again) == (times, first)
    assert pq.read_table(changed.parquet)["a"].to_pylist() == ["z"]
    assert second.parquet.exists()


def test_a_file_of_the_same_bytes_under_another_time_is_not_read_again(root):
    before = reading(root)
    os.utime(root / "1.csv", (9, 9))
    after = reading(root)
    assert [one._replace(modified="") for one in after] == [one._replace(modified="") for one in before]
    assert after[0].modified == "1970-01-01T00:00:09+00:00"


def test_asking_for_something_else_reads_again(root):
    first, _ = reading(root)
    other, _ = reading(root, RawTable((Path("*.csv"),), {"b": Column(("b",), kind="number")}))
    assert pq.read_table(other.parquet)["b"].to_pylist() == ["1"]
    assert first.parquet.exists()


def test_what_is_lost_is_read_again(root):
    first, second = reading(root)
    first.parquet.unlink()
    second.refused_parquet.unlink()
    assert [one.parquet.exists() for one in reading(root)] == [True, True]
    assert second.refused_parquet.exists()


def test_the_same_bytes_twice_are_read_once(root):
    (root / "3.csv").write_bytes((root / "1.csv").read_bytes())
    *_, third = reading(root)
    assert (third.same_as, third.rows, third.refused, third.parquet) == ("1.csv", 0, 0, None)
    pq.write_table(pa.table({"a": [1]}), root / "a.parquet")
    pq.write_table(pa.table({"a": [1]}), root / "b.parquet")
    _, same = reading(root, RawTable((Path("*.parquet"),)))
    assert (same.same_as, same.parquet) == ("a.parquet", None)


def test_a_file_that_fails_leaves_nothing_and_takes_nothing(root):
    first, _ = reading(root)
    (root / "2.csv").write_text('a,a\n1,1\n2,3\n"open')
    with pytest.raises(InputError, match="differ in line 3"):
        reading(root)
    assert not list((root / "out").rglob("draft*"))
    assert first.parquet.exists()


def test_raw_tables_are_whole_and_those_without_files_are_absent(root):
    declared = {"orders": RawTable((Path("*.csv"),), A | {"none": Column(("none",))}), "refunds": RawTable((), A)}
    found = read("shop", declared, root, root / "out")
    connection = ENGINE.connect(None)
    made = tables(found, declared, connection, ENGINE)
    assert list(made) == ["orders"]
    assert made["orders"].columns == ("a", "none", "file", "line")
    rows = connection.to_pyarrow(made["orders"].order_by("file")).to_pylist()
    assert rows == [
        {"a": "x", "none": None, "file": "1.csv", "line": 2},
        {"a": "y", "none": None, "file": "2.csv", "line": 2},
    ]


def test_parquet_without_declared_columns_stays_where_it_is(root):
    for folder, value in (("x", 1), ("y", 2)):
        (root / "deep" / folder).mkdir(parents=True)
        pq.write_table(pa.table({"a": [value, value]}), root / "deep" / folder / "t.parquet")
    pq.write_table(pa.table({"a": [3]}), root / "one.parquet")
    declared = {"orders": RawTable((Path("deep/*/t.parquet"), Path("one.parquet")))}
    found = read("shop", declared, root, root / "out")
    assert [(one.name, one.in_place, one.rows, one.parquet) for one in found] == [
        ("one.parquet", True, 1, root / "one.parquet"),
        ("x/t.parquet", True, 2, root / "deep/x/t.parquet"),
        ("y/t.parquet", True, 2, root / "deep/y/t.parquet"),
    ]
    connection = ENGINE.connect(None)
    made = tables(found, declared, connection, ENGINE)["orders"]
    assert sorted(connection.to_pyarrow(made).to_pylist(), key=str) == [
        {"a": 1, "file": "x/t.parquet", "line": 1},
        {"a": 1, "file": "x/t.parquet", "line": 2},
        {"a": 2, "file": "y/t.parquet", "line": 1},
        {"a": 2, "file": "y/t.parquet", "line": 2},
        {"a": 3, "file": "one.parquet", "line": 1},
    ]


def test_text_without_declared_columns_is_an_error(root):
    with pytest.raises(InputError, match=r"1\.csv: is taken as it is; expected a \.parquet file"):
        reading(root, RawTable((Path("1.csv"),)))
