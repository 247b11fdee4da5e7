"""What every engine does alike: zones, files with each row's number, one Parquet file a table."""

import builtins
import gc
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reco.clock import Instant, WallClock, to_local, to_utc
from reco.engines import ENGINES
from reco.errors import InputError

MOMENT = datetime(2020, 7, 1, 10, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def engine():
    return ENGINES["duckdb"]


@pytest.fixture
def connection(engine):
    return engine.connect(None)


def test_a_session_is_in_utc_and_knows_wall_clocks(connection):
    assert connection.raw_sql("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]
    local = to_local("America/New_York", ibis.literal(MOMENT, type=Instant))
    assert connection.to_pyarrow(local).as_py() == datetime(2020, 7, 1, 6, 0, 0, 123456)
    back = to_utc("America/New_York", ibis.literal(datetime(2020, 7, 1, 6), type=WallClock))
    assert connection.to_pyarrow(back).as_py() == datetime(2020, 7, 1, 10, tzinfo=UTC)


def test_a_session_draws_no_progress_bar_into_notebooks(connection):
    assert connection.raw_sql("SELECT current_setting('enable_progress_bar')").fetchall() == [(False,)]


def test_threads_open_sessions_side_by_side(engine):
    with ThreadPoolExecutor(8) as pool:
        sessions = list(pool.map(lambda _: engine.connect(None), range(40)))
    assert len(set(map(id, sessions))) == 40


def test_a_session_leaves_no_folder_behind(engine):
    session = engine.connect(None)
    [(folder,)] = session.raw_sql("SELECT current_setting('temp_directory')").fetchall()
    assert Path(folder).is_dir()
    del session
    gc.collect()
    assert not Path(folder).exists()


def test_a_session_keeps_to_the_memory_it_is_given(engine):
    connection = engine.connect("512MB")
    assert connection.raw_sql("SELECT current_setting('memory_limit')").fetchall() == [("488.2 MiB",)]


def test_files_are_scanned_with_each_row_s_file_and_number(engine, connection, tmp_path):
    names = ["a.parquet", "per cent %20 + plus/é.parquet"]
    (tmp_path / "per cent %20 + plus").mkdir()
    for number, name in enumerate(names):
        pq.write_table(pa.table({"value": [number * 10 + n for n in range(3)]}), tmp_path / name)
    table = engine.scan(connection, [tmp_path / name for name in names], tmp_path)
    assert table.columns == ("value", "file", "line")
    found = connection.to_pyarrow(table.order_by("value")).to_pylist()
    assert [tuple(row.values()) for row in found] == [
        (number * 10 + n, name, n + 1) for number, name in enumerate(names) for n in range(3)
    ]


def test_numbers_are_those_of_the_file_whatever_is_asked_of_it(engine, connection, tmp_path):
    # more than one row group, read side by side
    pq.write_table(pa.table({"value": range(300_000)}), tmp_path / "many.parquet", row_group_size=10_000)
    table = engine.scan(connection, [tmp_path / "many.parquet"], tmp_path)
    found = connection.to_pyarrow(table.filter(table.value % 1000 == 7).order_by("value"))
    assert found["line"].to_pylist() == [value + 1 for value in found["value"].to_pylist()]
    assert len(found) == 300


def test_a_table_is_written_as_one_file_with_its_types(engine, connection, tmp_path):
    row = {"text": "é", "moment": MOMENT, "number": 0.5, "list": [{"a": "x"}], "none": None}
    schema = pa.schema(
        {
            "text": pa.string(),
            "moment": pa.timestamp("us", "UTC"),
            "number": pa.float64(),
            "list": pa.list_(pa.struct({"a": pa.string()})),
            "none": pa.bool_(),
        }
    )
    path = tmp_path / "it's one.parquet"
    engine.write(connection, ibis.memtable(pa.Table.from_pylist([row], schema=schema)), path)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert pq.read_table(path).to_pylist() == [row]
    assert pq.read_schema(path).field("moment").type == pa.timestamp("us", "UTC")


def test_spark_that_is_not_installed_is_said_in_a_sentence(monkeypatch):
    real = builtins.__import__

    def without_spark(name, *arguments, **options):
        if name.startswith("pyspark"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_spark)
    with pytest.raises(
        InputError, match=r"store\.engine: spark needs PySpark and Java 17; install them with: make spark"
    ):
        ENGINES["spark"].connect(None)
