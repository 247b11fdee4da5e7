"""Contracts of the unified tables: the sample store keeps them, and whatever breaks one is found, row by row."""

from datetime import UTC, datetime
from decimal import Decimal

import ibis
import pandera.errors
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco.store import KEYS, SCHEMAS, UNIQUE
from reco.unify.contracts import RANGES, RELATIONS, breach, contract
from tests.unify.shops import CATALOGUE, EVENTS, ORDERS, aside, catalogue, events, orders

MOMENT = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)

#: A row of each table that keeps every promise, all columns filled.
GOOD = {
    name: {
        field.name: {
            pa.string(): "GBP" if field.name.endswith("currency") else f"a {field.name}",
            pa.timestamp("us", "UTC"): MOMENT,
            pa.decimal128(18, 4): Decimal("2.5"),
            pa.float64(): 0.5,
            pa.int32(): 1,
            pa.int64(): 7,
            pa.bool_(): True,
        }[field.type]
        for field in schema
    }
    for name, schema in SCHEMAS.items()
}

#: Values that break the range of a column, and what such a row is called.
BROKEN = {
    "ids": ("", "x" * 257),
    "words": ("", "x" * 101),
    "moments": (datetime(1994, 12, 31, 23, 59, 59, tzinfo=UTC),),
    "currencies": ("", "gbp", "GB", "GBPS", "£"),
    "amounts": (Decimal("-0.0001"),),
    "positions": (-1,),
}


def table(name: str, *rows: dict) -> ibis.Table:
    return ibis.memtable(pa.Table.from_pylist([GOOD[name] | row for row in rows], schema=SCHEMAS[name]))


def said(name: str, /, **changes: object) -> str | None:
    """What `breach` says of a good row with some values changed."""
    found = table(name, changes)
    return found.select(said=breach(found, name)).to_pyarrow()["said"][0].as_py()


def refused(name: str, *rows: dict) -> str:
    """What the contract of a table finds wrong with rows; empty where it finds nothing."""
    try:
        contract(name).validate(table(name, *rows), lazy=True)
    except pandera.errors.SchemaErrors as errors:
        return str(errors)
    return ""


def broken() -> list[tuple[str, str, object, str]]:
    """A table, a column, a value that breaks its range, and what that is called, for every range there is."""
    by_words = {
        "empty or longer than 256 characters": BROKEN["ids"],
        "empty or longer than 100 characters": BROKEN["words"],
        "before 1995": BROKEN["moments"],
        "no ISO currency code": BROKEN["currencies"],
        "beyond a million": (1e6 + 1, -1e6 - 1, float("inf"), float("nan")),
        "outside 0 to 1": (0.0, -0.1, 1.0001),
    }
    found = []
    for name, ranges in RANGES.items():
        for column, one in ranges.items():
            negative = BROKEN["amounts"] if SCHEMAS[name].field(column).type == pa.decimal128(18, 4) else (-1,)
            for value in by_words.get(one.otherwise, negative):
                found.append((name, column, value, f"{column} {one.otherwise}"))
    return found


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_good_row_keeps_the_contract_and_so_does_one_with_nothing_but_its_keys(name):
    bare = {column: None for column in SCHEMAS[name].names if column not in KEYS[name]}
    keys = {key: f"{GOOD[name][key]} too" for key in UNIQUE[name]}
    assert refused(name, {}, bare | keys) == ""
    assert (said(name), said(name, **bare)) == (None, None)


@pytest.mark.parametrize(("name", "column", "value", "words"), broken())
def test_a_value_out_of_its_range_is_named_and_refused(name, column, value, words):
    assert said(name, **{column: value}) == words
    other = {key: f"{GOOD[name][key]} too" for key in UNIQUE[name]}
    assert words.removeprefix(f"{column} ") in refused(name, other, {column: value})


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, keys in KEYS.items() for key in keys])
def test_a_row_without_a_key_is_named_and_refused(name, key):
    assert said(name, **{key: None}) == f"no {key}"
    assert key in refused(name, {key: None})


@pytest.mark.parametrize(("name", "columns"), [(name, columns) for name, columns in UNIQUE.items() if columns])
def test_a_key_that_occurs_twice_is_refused(name, columns):
    assert all(column in refused(name, {}, {}) for column in columns)
    assert refused(name, {}, {columns[-1]: "another"}) == ""


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("order_lines", {"quantity": 2.0, "revenue": Decimal("-0.01")}, "price below zero"),
        ("order_lines", {"quantity": -2.0, "revenue": Decimal("0.01")}, "price below zero"),
        ("order_lines", {"quantity": -2.0, "revenue": Decimal("-4")}, None),
        ("order_lines", {"quantity": 0.0, "revenue": Decimal("-4")}, None),
        ("order_lines", {"quantity": 2.0, "revenue": Decimal("0")}, None),
        ("impressions", {"clicked_at": datetime(2020, 1, 2, 3, 4, 4, tzinfo=UTC)}, "clicked before it was shown"),
        ("impressions", {"clicked_at": None}, None),
        ("impressions", {"shown_at": None}, None),
    ],
)
def test_columns_that_contradict_each_other_are_named_and_refused(name, changes, words):
    assert said(name, **changes) == words
    found = refused(name, changes)
    assert words in found if words else found == ""


def test_every_relation_is_tried_here():
    assert {name: len(relations) for name, relations in RELATIONS.items()} == {"order_lines": 1, "impressions": 1}


def test_the_first_promise_that_is_broken_is_named():
    assert said("order_lines", order_id=None, quantity=None, currency="?") == "no order_id"
    assert said("order_lines", ordered_at=BROKEN["moments"][0], currency="?") == "ordered_at before 1995"


def test_a_column_too_few_or_of_another_type_is_refused():
    good = table("campaigns", {})
    for other in (good.drop("name"), good.mutate(name=7), good.mutate(more=1)):
        with pytest.raises(pandera.errors.SchemaErrors):
            contract("campaigns").validate(other, lazy=True)


#: Values of each type: good ones, bad ones, those on the edge, and none.
VALUES = {
    pa.string(): st.sampled_from(["", "a", "GBP", "gbp", "GBP\n", "x" * 100, "x" * 101, "x" * 256, "x" * 257, None]),
    pa.timestamp("us", "UTC"): st.sampled_from(
        [MOMENT, datetime(1995, 1, 1, tzinfo=UTC), BROKEN["moments"][0], datetime(2030, 1, 1, tzinfo=UTC), None]
    ),
    pa.decimal128(18, 4): st.sampled_from([Decimal(0), Decimal("2.5"), Decimal("-0.0001"), Decimal("-7"), None]),
    pa.float64(): st.sampled_from([0.0, -0.0, 0.5, 1.0, -1.0, 1e6, -1e6, 1e6 + 1, float("inf"), None]),
    pa.int32(): st.sampled_from([0, 1, -1, None]),
    pa.int64(): st.just(7),
    pa.bool_(): st.sampled_from([True, False, None]),
}


@st.composite
def tables_with_a_changed_row(draw) -> tuple[str, dict]:
    name = draw(st.sampled_from(sorted(SCHEMAS)))
    columns = draw(st.lists(st.sampled_from(SCHEMAS[name].names), max_size=3, unique=True))
    return name, {column: draw(VALUES[SCHEMAS[name].field(column).type]) for column in columns}


@given(tables_with_a_changed_row())
def test_rows_are_refused_by_the_contract_just_when_they_break_a_promise(changed):
    name, changes = changed
    assert bool(refused(name, changes)) == (said(name, **changes) is not None)


# stores


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_sample_store_keeps_every_contract(wb, name):
    if not wb.has(name):
        assert name in ("events", "engagement", "impressions", "campaigns", "identities")
    else:
        assert len(contract(name).validate(wb.table(name), lazy=True).columns) == len(SCHEMAS[name])


def test_a_store_of_strange_rows_keeps_every_contract(shop):
    long = "x" * 257
    files = {
        "orders.csv": ORDERS.replace("\n", ",device,money,off\n")
        + f"1,{long},jam,2020-01-01,1,2,,GBP,\n"
        + f"2,ann,{long},2020-01-01,1,2,,GBP,\n"
        + f"3,,jam,2020-01-01,1,2,{long},GBP,\n"
        + f"4,,jam,2020-01-01,1,2,{'y' * 255},GBP,\n"
        + "5,ann,jam,1980-01-01,1,2,phone,GBP,\n"
        + "6,ann,jam,2020-01-01,-1,-2,phone,GBP,\n"
        + "7,ann,jam,2020-01-01,nan,2,phone,GBP,\n"
        + "8,ann,jam,2020-01-01,1e9,2,phone,GBP,\n"
        + "9,ann,jam,2020-01-01,1,1e30,phone,GBP,\n"
        + "10,ann,jam,2020-01-01,1,2,phone,,-1\n"
        + "11,ann,jam,2020-01-01,1,2,phone,,1\n",
        "events.csv": EVENTS
        + f"{long},,,view,2020-01-01,jam\n{long},ann,,{long},2020-01-01,jam\nphone,,,view,2020-01-01,\n",
        "products.csv": CATALOGUE + f"jam,Jam,-1\njam,Jam,2\n{long},Long,3\n,None,4\n",
    }
    lines = orders(columns={"device_id": "device", "currency": "money", "discount": "off"})
    wb = shop(files, lines, events(), catalogue(), store={"rates": {"EUR": 0.5}})
    for name in wb.tables:
        contract(name).validate(wb.table(name), lazy=True)
    assert sorted(wb.tables) == ["customers", "events", "identities", "order_lines", "products"]
    assert wb.reading["read"].sum() == 11 + 3 + 4
    assert aside(wb) == [
        ("events.csv", 2, "device_id empty or longer than 240 characters"),
        ("events.csv", 3, "device_id empty or longer than 240 characters"),
        ("orders.csv", 2, "customer_id empty or longer than 256 characters"),
        ("orders.csv", 3, "product_id empty or longer than 256 characters"),
        ("orders.csv", 4, "device_id empty or longer than 240 characters"),
        ("orders.csv", 5, "device_id empty or longer than 240 characters"),
        ("orders.csv", 6, "ordered_at before 1995"),
        ("orders.csv", 7, "price below zero"),
        ("orders.csv", 8, "quantity not readable"),
        ("orders.csv", 9, "quantity beyond a million"),
        ("orders.csv", 10, "unit_price not readable"),
        ("orders.csv", 11, "discount negative"),
        ("products.csv", 2, "price negative"),
        ("products.csv", 4, "product_id empty or longer than 256 characters"),
        ("products.csv", 5, "no product_id"),
    ]
