"""A small shop with everything that rules are for, unified by both engines: every table, row for row."""

from collections.abc import Callable
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
import pytest

from reco import Workbook
from reco.clock import parse
from reco.engines import ENGINES
from reco.forgetting import digest
from reco.store import SCHEMAS
from reco.unify.contracts import breach
from tests.unify.conftest import opened
from tests.unify.shops import CATALOGUE, EVENTS, ORDERS, catalogue, events, orders
from tests.unify.test_contracts import GOOD, broken

FILES = {
    "data/forgotten.txt": digest("9") + "\n" + digest(digest("buyer9@example.com")) + "\n",
    "orders_9.csv": ORDERS.replace("\n", ",money,off,mail,device\n")
    + "1,7,jam,2020-01-01 10:00,2,2.50,GBP,,buyer7@example.com,\n"
    + "1,7,tea,2020-01-01 10:00,1,4,GBP,,buyer7@example.com,\n"
    + "2,,jam,2020-03-29 01:30,1,3.3333,EUR,0.33,BUYER7@example.com ,phone\n"
    + "3,8,gin,2020-10-25 01:30,1,20.005,EUR,,,tablet\n"
    + "3,8,gin,2020-10-25 01:30,1,20.005,EUR,,,tablet\n"
    + "4,7,jam,2020-02-01,-1,2.50,GBP,,,tablet\n"
    + "5,,jam,2020-02-01,-1,2.50,GBP,,,\n"
    + "6,9,tea,2020-02-01,1,4,GBP,,,phone-9\n"
    + "7,,tea,2020-02-01,1,4,GBP,,Buyer9@example.com,\n"
    + "8,8,tea,2020-02-01,1,0,GBP,,,\n"
    + "9,8,tea,2020-02-01,0,4,GBP,,,\n"
    + "10,8,tea,2020-02-01,1,4,USD,,,\n"
    + "11,8,tea,2020-02-01,1,4,pounds,,,\n"
    + "12,8,tea,2020-02-30,1,4,GBP,,,\n"
    + "13,8,tea,1980-01-01,1,4,GBP,,,\n"
    + "14,8,tea,2999-01-01,1,4,GBP,,,\n"
    + "15,8,tea,2020-02-01,1000000,90000000,KWD,,,\n"
    + "16,8,tea,2020-02-01,1,4,,-1,,\n"
    + "17,8\n"
    + "18,9,jam\n"
    + f"19,{'x' * 300},tea,2020-02-01,1,4,,,,\n",
    "orders_10.csv": ORDERS.replace("\n", ",money,off,mail,device\n")
    + "1,7,jam,2020-01-01 10:00,3,2.50,GBP,,buyer7@example.com,\n"
    + "20,12,vase,2020-07-01,1,7.77,EUR,1,buyer7@example.com,\n"
    + "21,8,gin,2020-11-01,-1,20.005,EUR,,,\n",
    "products_1.csv": CATALOGUE + "jam,Jam,2\nold,Old,4\njam,Jam!,2\ngin,Gin,\n",
    "products_2.csv": CATALOGUE + "jam,Jam,2.5\njam,Marmalade,2.5\njam,Jam,3\ngin,Gin,\ntea,Tea,-1\n",
    "people.csv": "id,mail,letters\n7,buyer7@example.com,yes\n12,,no\n8,,\n8,,yes\n9,,yes\n,buyer9@example.com,yes\n",
    "events.csv": EVENTS
    + "phone,,,view,2020-01-01 09:00:00.5,jam\nphone,,,view,2020-01-01 09:00:00.5,jam\n"
    + "tablet,7,,cart,2020-01-01 08:00,tea\ntablet,8,,view,2020-01-01 07:00,tea\ntablet,,,view,2020-01-01 06:00,tea\n"
    + "crawler,,ExampleBot/1.0,view,2020-01-01,jam\nphone-9,,,view,2020-01-01,jam\nphone-9,9,,view,2020-01-02,jam\n"
    + "".join(f"fast,,,view,2020-01-01 10:00:{second:02},jam\n" for second in range(6)),
}
TABLES = ("customers", "products", "order_lines", "events", "identities")


@pytest.fixture(scope="module")
def stores(tmp_path_factory) -> dict[str, Workbook]:
    """The shop by either engine."""
    assert pyspark.__version__.startswith("4.")
    besides = {"currency": "money", "discount": "off", "email": "mail", "device_id": "device"}
    people = {"customer_id": "id", "email": "mail", "email_consent": "letters"}
    return {
        engine: opened(
            tmp_path_factory.mktemp(engine),
            FILES,
            orders("orders_*.csv", columns=besides, decimal="."),
            catalogue("products_*.csv", decimal="."),
            {"path": "people.csv", "tables": {"customers": people}},
            events(),
            store={
                "engine": engine,
                "time_zone": "Europe/London",
                "rates": {"KWD": 2.5, "EUR": {"2020-01-01": 0.8512345678, "2020-06-01": 0.9}},
            },
            cleaning={"repeated_lines": "drop", "max_events_per_minute": 5},
        )
        for engine in ENGINES
    }


def written(wb: Workbook, name: str) -> list[dict]:
    _ = wb.tables
    return sorted(pq.read_table(Path(wb.folder) / "tables" / f"{name}.parquet").to_pylist(), key=repr)


@pytest.mark.parametrize("name", [*TABLES, "quarantine/tabular"])
def test_both_engines_write_the_same_rows(stores, name):
    by_duckdb, by_spark = (written(stores[engine], name) for engine in ("duckdb", "spark"))
    assert len(by_duckdb) > 1
    assert by_spark == by_duckdb


@pytest.mark.parametrize("frame", ["reading", "set_aside", "findings"])
def test_both_engines_count_the_same(stores, frame):
    by_duckdb, by_spark = (
        getattr(wb, frame).drop(columns=["read_at", "modified"], errors="ignore").astype(str).to_numpy().tolist()
        for wb in stores.values()
    )
    assert by_spark == by_duckdb
    assert len(by_duckdb) >= 5


def test_the_shop_has_something_for_every_rule(stores):
    reasons = set(stores["spark"].set_aside["reason"])
    assert reasons == {
        "exported again in a later file", "repeated line", "repeated event", "price of zero",
        "neither quantity nor price", "no rate to GBP for its currency", "currency no ISO currency code",
        "ordered_at not readable", "ordered_at before 1995", "ordered_at in the future", "revenue too large in GBP",
        "discount negative", "price negative", "2 values, expected 10", "3 values, expected 10",
        "customer_id empty or longer than 256 characters", "bot by its user agent", "bot by its rate of events",
    }  # fmt: skip
    assert stores["spark"].reading["forgotten"].tolist() == [0, 2, 0, 0, 2, 1]
    found = stores["spark"].findings
    assert (found["rows"] > 0).sum() >= 8


# expressions


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> Callable[..., list[list]]:
    """A function that gives, by either engine, the values of an expression on rows, in the order of the rows."""
    sessions = [(engine, engine.connect(None)) for engine in ENGINES.values()]
    folder = tmp_path_factory.mktemp("rows")

    def ask(rows: list[dict], schema: pa.Schema, expression: Callable[[ibis.Table], ibis.Value]) -> list[list]:
        path, found = folder / "rows.parquet", []
        numbers = pa.array(range(len(rows)), pa.int64())
        pq.write_table(pa.Table.from_pylist(rows, schema=schema).append_column("row", numbers), path)
        for engine, connection in sessions:
            table = connection.read_parquet(path)
            table = table.cast(dict(ibis.Schema.from_pyarrow(schema).items()))
            # what engines hand over by way of pandas is not to the microsecond, and has no year 1
            engine.write(connection, table.select("row", answer=expression(table)), folder / "answers.parquet")
            found.append(pq.read_table(folder / "answers.parquet").sort_by("row")["answer"].to_pylist())
        return found

    return ask


TEXTS = (
    "2020-07-01", "2020-07-01 9:05", "2020-07-01T10:05:06Z", "2020-07-01 10:05:06.123456789", " 2020-07-01 ",
    "2020-07-01T10:05:06-04:00", "2020-07-01 10:05:06 +0530", "2020-07-01T10:05:06.789+05", "2020-03-29 01:30",
    "2020-10-25 01:30", "1900-01-01", "9999-12-30 23:59:59", "0001-01-01", "2020-02-30", "2019-02-29",
    "2020-07-01 24:01", "2020-07-01 10:61", "soon", "", "2020-07-01\n2020-07-02", "2020-07-01\n", "٢٠٢٠-٠٧-٠١", None,
)  # fmt: skip
BY_FORMAT = {
    "%d.%m.%Y %H:%M": ("31.12.2020 10:00", "1.2.2020  9:00", "31.02.2020 10:00", "31.12.2020 25:00", "31x12x2020"),
    "%m/%d/%y %I:%M %p": ("7/4/21 12:05 AM", "7/4/21 12:05 PM", "7/4/21 1:05 p.m.", "7/4/21 13:05 PM", "7/4/21"),
    "%d %B %Y %H:%M %z": ("3 February 2020 10:00 -0500", "3 feb 2020 10:00 Z", "3 Frimaire 2020 10:00 Z"),
    "%Y-%m-%d %H:%M:%S.%f": ("2020-02-03 04:05:06.25", "2020-02-03 04:05:06", "2020-02-03 04:05:61.1"),
}


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York"])
@pytest.mark.parametrize(("time_format", "texts"), [(None, TEXTS), *BY_FORMAT.items()])
def test_both_engines_read_the_same_moments(answers, time_format, texts, zone):
    by_duckdb, by_spark = answers(
        [{"text": text} for text in texts],
        pa.schema({"text": pa.string()}),
        lambda table: parse(table.text, zone, time_format),
    )
    assert dict(zip(texts, by_spark, strict=True)) == dict(zip(texts, by_duckdb, strict=True))
    assert len({moment is None for moment in by_duckdb}) == 2


@pytest.mark.parametrize("name", SCHEMAS)
def test_both_engines_find_the_same_promises_broken(answers, name):
    # the readers of all sources take what is not a number for missing, and so does Ibis on Spark
    changes = [{column: value} for table, column, value, _ in broken() if table == name and value == value]
    changes += [{}, *({column: None} for column in SCHEMAS[name].names)]
    rows = [GOOD[name] | one for one in changes]
    by_duckdb, by_spark = answers(rows, SCHEMAS[name], lambda table: breach(table, name))
    assert list(zip(changes, by_spark, strict=True)) == list(zip(changes, by_duckdb, strict=True))
    assert len(set(by_duckdb)) > 1
