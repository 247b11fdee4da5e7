"""The engines that unify: DuckDB in this process, or Spark. Sources and rules are the same expressions on both.

What the two cannot share stands here and nowhere else: how a session is opened, how a Parquet file tells the number
of each row, and the two functions between wall clocks and instants that `reco.clock` names.
"""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple
from uuid import uuid4

import ibis

from reco.errors import InputError
from reco.store import FILE, LINE

#: DuckDB refuses a second call on a connection, and ibis has one for the whole process.
_SHARED: Final = Lock()


class Engine(NamedTuple):
    """How one engine is used.

    Attributes:
        connect: opens a session in UTC that knows `to_utc` and `to_local`; takes the memory it may use, such as `4GB`.
        scan: Parquet files below a folder as one table, with each row's file (its path from that folder) and its
            number in the file, from 1.
        write: a table as one Parquet file.
    """

    connect: Callable[[str | None], ibis.BaseBackend]
    scan: Callable[[ibis.BaseBackend, Sequence[Path], Path], ibis.Table]
    write: Callable[[ibis.BaseBackend, ibis.Table, Path], None]


def _connect_duckdb(memory: str | None = None) -> ibis.BaseBackend:
    spilled = tempfile.mkdtemp(prefix="reco-")
    connection = ibis.duckdb.connect(temp_directory=spilled)
    weakref.finalize(connection, shutil.rmtree, spilled, ignore_errors=True)
    connection.raw_sql("SET TimeZone = 'UTC'")
    with _SHARED:
        for one in (connection, ibis.get_backend()):  # frames in memory run on ibis's own
            if one.name == "duckdb":  # in notebooks its progress bar is a widget among the results
                one.raw_sql("SET enable_progress_bar = false")
    if memory:
        connection.raw_sql(f"SET memory_limit = '{memory}'")
        connection.raw_sql("SET preserve_insertion_order = false")
    # DuckDB's way through the table of zones takes thirty times as long as counting microseconds
    plain = "make_timestamptz(epoch_us(moment::TIMESTAMP))"
    connection.raw_sql(
        f"CREATE MACRO to_utc(zone, moment) AS if(zone = 'UTC', {plain}, timezone(zone, moment::TIMESTAMP))"
    )
    connection.raw_sql("CREATE MACRO to_local(zone, moment) AS timezone(zone, moment::TIMESTAMPTZ)")
    return connection


def _scan_duckdb(connection: ibis.BaseBackend, files: Sequence[Path], folder: Path) -> ibis.Table:
    raw = connection.read_parquet([str(path) for path in files], filename=True, file_row_number=True)
    numbered = {FILE: raw.filename.substr(len(f"{folder}/")), LINE: raw.file_row_number + 1}
    return raw.mutate(**numbered).drop("filename", "file_row_number")


def _write_duckdb(connection: ibis.BaseBackend, table: ibis.Table, path: Path) -> None:
    connection.to_parquet(table, path, compression="zstd")


def _connect_spark(memory: str | None = None) -> ibis.BaseBackend:
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise InputError("store.engine: spark needs PySpark and Java 17; install them with: make spark") from None
    session = (
        SparkSession.builder.master("local[2]")
        .appName("reco")
        .config("spark.driver.memory", (memory or "2GB").removesuffix("B"))
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.ansi.enabled", "false")  # an array without an element gives null, as in DuckDB
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    connection = ibis.pyspark.connect(session)
    # of an hour that an autumn night has twice, DuckDB takes the second and Spark the first
    second = "to_utc_timestamp(moment, zone) + INTERVAL 1 HOUR"
    functions = {
        "to_utc": f"IF(from_utc_timestamp({second}, zone) = moment, {second}, to_utc_timestamp(moment, zone))",
        "to_local": "from_utc_timestamp(moment, zone)",
    }
    for name, body in functions.items():
        head = f"CREATE OR REPLACE TEMPORARY FUNCTION {name}(zone STRING, moment TIMESTAMP) RETURNS TIMESTAMP"
        session.sql(f"{head} RETURN {body}")
    return connection


def _scan_spark(connection: ibis.BaseBackend, files: Sequence[Path], folder: Path) -> ibis.Table:
    session = connection._session
    name = f"scan_{uuid4().hex}"
    raw = session.read.parquet(*(str(path) for path in files))
    # Spark tells paths as encoded addresses
    whole = "url_decode(replace(regexp_replace(_metadata.file_path, '^file:/+', '/'), '+', '%2B'))"
    path = f"substr({whole}, {len(str(folder)) + 2}) AS {FILE}"
    numbered = raw.selectExpr("*", path, f"_metadata.row_index + 1 AS {LINE}")
    numbered.createOrReplaceTempView(name)
    return connection.table(name)


def _write_spark(connection: ibis.BaseBackend, table: ibis.Table, path: Path) -> None:
    parts = path.with_suffix(".parts")
    connection._run_pre_execute_hooks(table)  # tables in memory become views
    frame = connection._session.sql(connection.compile(table))
    frame.coalesce(1).write.parquet(str(parts), mode="overwrite", compression="zstd")
    next(parts.glob("part-*.parquet")).replace(path)
    shutil.rmtree(parts)


#: Engines by the value of `store.engine`.
ENGINES: Final[dict[str, Engine]] = {
    "duckdb": Engine(_connect_duckdb, _scan_duckdb, _write_duckdb),
    "spark": Engine(_connect_spark, _scan_spark, _write_spark),
}
