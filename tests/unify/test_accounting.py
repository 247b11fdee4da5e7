"""Nothing is lost silently: for every file, accepted + quarantined = read, and too much of it fails the run."""

import hashlib
import tempfile
from pathlib import Path

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reco import Workbook
from reco.errors import InputError
from reco.sources import SOURCES
from reco.unify.accounting import row_text
from tests.unify.shops import EVENTS, ORDERS, aside, events, orders, rows

COUNTS = ["file", "read", "accepted", "quarantined", "refused", "forgotten"]
GOOD = "1,ann,jam,2020-01-01,1,2\n"
MIXED = ORDERS + GOOD + "2,ann,jam,soon,1,2\n3,ann,jam,2020-01-01,1\n4,ann,jam,2020-01-01,1,0\n" + GOOD


def reading(wb: Workbook) -> list[list]:
    return wb.reading[COUNTS].to_numpy().tolist()


@pytest.fixture
def with_names():
    """A source of order lines whose file also describes products."""
    source = orders(columns={})
    source["tables"]["products"] = {"product_id": "product", "price": "price"}
    return source


# every row


def test_each_row_of_a_file_is_accepted_or_quarantined(shop):
    wb = shop({"orders.csv": MIXED, "more.csv": ORDERS + GOOD}, orders(), orders("more.csv"))
    assert reading(wb) == [["orders.csv", 5, 2, 3, 2, 0], ["more.csv", 1, 1, 0, 0, 0]]


def test_the_quarantine_tells_of_each_row_its_file_line_reason_and_what_it_says(shop):
    wb = shop({"orders.csv": MIXED}, orders())
    found = wb.connection.to_pyarrow(wb.quarantine("tabular").order_by("line")).to_pylist()
    assert [(row["file"], row["line"], row["reason"], row["refusal"]) for row in found] == [
        ("orders.csv", 3, "ordered_at not readable", True),
        ("orders.csv", 4, "5 values, expected 6", True),
        ("orders.csv", 5, "price of zero", False),
    ]
    assert "time: soon; " in found[0]["row"]
    assert found[1]["row"] == "3,ann,jam,2020-01-01,1"
    assert [row["table"] for row in found] == ["order_lines", "rows", "order_lines"]


def test_a_source_without_a_bad_row_has_an_empty_quarantine_and_a_stranger_none(shop):
    wb = shop({"orders.csv": ORDERS + GOOD}, orders())
    assert aside(wb) == []
    with pytest.raises(InputError, match="no source 'shopify'; expected one of tabular"):
        wb.quarantine("shopify")


def test_a_row_that_says_something_of_several_tables_is_one_row(shop, with_names):
    text = ORDERS + GOOD + "2,ann,tea,2020-01-01,1,-3\n,ann,gin,2020-01-01,1,9\n"
    wb = shop({"orders.csv": text}, with_names)
    # the gin has no order, but a price; the tea has neither
    assert reading(wb) == [["orders.csv", 3, 1, 2, 2, 0]]
    assert aside(wb) == [
        ("orders.csv", 3, "price below zero"),
        ("orders.csv", 3, "price negative"),
        ("orders.csv", 4, "no order_id"),
    ]
    assert sorted(rows(wb, "products", "product_id")) == [("gin",), ("jam",)]


def test_the_store_s_record_counts_what_was_set_aside_by_table_and_reason(shop, with_names):
    text = ORDERS + "2,ann,tea,2020-01-01,1,-3\n2,ann,tea,2020-01-01,1,-4\n,ann,gin,2020-01-01,1,9\n1,ann\n"
    wb = shop({"orders.csv": text}, with_names)
    assert wb.set_aside[["table", "reason", "rows"]].to_numpy().tolist() == [
        ["order_lines", "no order_id", 1],
        ["order_lines", "price below zero", 2],
        ["products", "price negative", 2],
        ["rows", "2 values, expected 6", 1],
    ]


cells = st.sampled_from(["", "1", "-1", "0", "2020-01-01", "soon", "ann", '"', "a,b", "x\n"])


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.lists(cells, min_size=5, max_size=7).map(",".join), max_size=6), min_size=1, max_size=3),
    st.booleans(),
    st.sampled_from(["keep", "drop"]),
)
def test_whatever_the_files_say_no_row_is_lost(files, pieces, repeated):
    from tests.unify.conftest import opened

    with tempfile.TemporaryDirectory() as folder:
        texts = {
            f"orders_{number}.csv": ORDERS + GOOD + "".join(f"{line}\n" for line in lines)
            for number, lines in enumerate(files)
        }
        source = orders("orders_*.csv", pieces=pieces, decimal=".")
        wb = opened(Path(folder), texts, source, cleaning={"repeated_lines": repeated})
        found = wb.reading
        assert (found["accepted"] + found["quarantined"] == found["read"]).all()
        assert (found["refused"] <= found["quarantined"]).all()
        kept = rows(wb, "order_lines", "file", "line")
        left = [(file, line) for file, line, _ in aside(wb)]
        assert len(kept) == found["accepted"].sum()
        assert len(left) == found["quarantined"].sum()
        assert len({*kept, *left}) == found["read"].sum()


# too much


def test_a_file_of_which_too_much_is_refused_fails_the_run_in_words(shop):
    wb = shop({"orders.csv": MIXED}, orders(), cleaning={"max_refused": 0.39})
    with pytest.raises(InputError) as caught:
        _ = wb.tables
    assert str(caught.value) == (
        "orders.csv: 2 of 5 rows were refused, more than the 39% that cleaning.max_refused in workbook.yaml allows "
        "(5 values, expected 6: 1, such as line 4; ordered_at not readable: 1, such as line 3)"
    )
    assert not (wb.folder / "tables").exists()


def test_as_much_as_the_settings_allow_may_be_refused_and_rules_refuse_nothing(shop):
    assert len(rows(shop({"orders.csv": MIXED}, orders(), cleaning={"max_refused": 0.4}), "order_lines", "line")) == 2
    free = ORDERS + "1,ann,jam,2020-01-01,1,0\n" * 9 + GOOD
    wb = shop({"orders.csv": free}, orders(), cleaning={"max_refused": 0})
    assert reading(wb) == [["orders.csv", 10, 1, 9, 0, 0]]


def test_the_worst_file_is_judged_by_itself(shop):
    wb = shop({"o_1.csv": ORDERS + GOOD * 999, "o_2.csv": MIXED}, orders("o_*.csv"), cleaning={"max_refused": 0.05})
    with pytest.raises(InputError, match=r"^o_2\.csv: 2 of 5 rows were refused"):
        _ = wb.tables


def test_a_run_that_fails_leaves_the_tables_of_the_last_good_one(shop):
    wb = shop({"orders.csv": ORDERS + GOOD}, orders(), cleaning={"max_refused": 0.05})
    assert rows(wb, "order_lines", "order_id") == [("1",)]
    before = {path: path.read_bytes() for path in (wb.folder / "tables").rglob("*") if path.is_file()}
    wb = shop({"orders.csv": MIXED})
    with pytest.raises(InputError, match="rows were refused"):
        _ = wb.tables
    after = {path: path.read_bytes() for path in (wb.folder / "tables").rglob("*") if path.is_file()}
    assert after == before
    assert [path.name for path in wb.folder.glob(".tables-*")] == []


# defects


@pytest.mark.parametrize(
    "change", [lambda lines: lines.filter(lines.order_id != "1"), lambda lines: lines.union(lines)]
)
def test_a_source_that_loses_a_row_or_doubles_it_is_found_out(shop, monkeypatch, change):
    understood = SOURCES["tabular"].unify

    def careless(raw, settings, shop):
        return {name: change(table) for name, table in understood(raw, settings, shop).items()}

    monkeypatch.setattr(SOURCES["tabular"], "unify", careless)
    wb = shop({"orders.csv": ORDERS + GOOD + GOOD.replace("1,", "2,", 1)}, orders())
    with pytest.raises(InputError, match=r"orders\.csv: 2 rows were read and \d accounted for; this is a defect of"):
        _ = wb.tables
    assert not (wb.folder / "tables").exists()


def test_a_row_that_is_lost_on_the_way_to_several_tables_is_found_out(shop, monkeypatch, with_names):
    understood = SOURCES["tabular"].unify

    def careless(raw, settings, shop):
        return {name: table.filter(table.line != 3) for name, table in understood(raw, settings, shop).items()}

    monkeypatch.setattr(SOURCES["tabular"], "unify", careless)
    wb = shop({"orders.csv": ORDERS + GOOD * 3}, with_names)
    with pytest.raises(InputError, match=r"orders\.csv: 3 rows were read and 2 accounted for"):
        _ = wb.tables


def test_files_of_one_name_in_different_folders_are_told_apart(shop, with_names):
    files = {"2023/orders.csv": ORDERS + GOOD, "2024/orders.csv": ORDERS + GOOD.replace("1,", "2,", 1) + "3,ann\n"}
    wb = shop(files, with_names | {"path": ["2023/orders.csv", "2024/orders.csv"]})
    assert reading(wb) == [["2023/orders.csv", 1, 1, 0, 0, 0], ["2024/orders.csv", 2, 1, 1, 1, 0]]


def test_two_sources_with_files_of_one_name_are_refused_since_their_rows_could_not_be_told_apart(shop):
    files = {"2023/orders.csv": ORDERS + GOOD, "2024/orders.csv": ORDERS + GOOD}
    wb = shop(files, orders("2023/orders.csv"), orders("2024/orders.csv"))
    with pytest.raises(
        InputError, match=r"^orders\.csv: two sources of kind tabular have a file of this name \(.*2023"
    ):
        _ = wb.tables


def test_two_sources_may_read_one_file_for_different_tables(shop):
    products = {"path": "orders.csv", "tables": {"products": {"product_id": "product"}}}
    wb = shop({"orders.csv": ORDERS + GOOD}, orders(), products)
    assert (rows(wb, "order_lines", "order_id"), rows(wb, "products", "in_catalogue")) == ([("1",)], [(True,)])


# what a row says


def test_what_a_row_says_is_told_by_its_columns():
    row = {"name": "Jam; <b>", "empty": None, "count": 3, "price": 2.5, "list": ["x"], "line": 7}
    table = ibis.memtable(pa.Table.from_pylist([row]))
    assert table.select(text=row_text(table, ["line"])).to_pyarrow()["text"][0].as_py() == "name: Jam; <b>; count: 3; "
    long = ibis.memtable({"name": ["x" * 1000]})
    assert len(long.select(text=row_text(long)).to_pyarrow()["text"][0].as_py()) == 500


def test_no_file_of_a_store_holds_an_address(shop):
    address = "buyer1@example.com"
    header, mail = EVENTS.replace("\n", ",mail\n"), {"email": "mail"}
    files = {
        "orders.csv": ORDERS.replace("\n", ",mail\n")
        + f"1,ann,jam,2020-01-01,1,2,{address}\n2,ann,jam,soon,1,2, Buyer1@Example.com \n3,bob,{address}\n",
        "events.csv": header + f"phone,,curl,view,2020-01-01,jam,{address}\nphone,,,view,2020-01-02,jam,{address}\n",
    }
    wb = shop(files, orders(columns=mail), events(columns=mail))
    wb.cached("some", lambda: wb.connection.to_pandas(wb.table("identities")))
    stored = [path for path in wb.folder.rglob("*") if path.is_file()]
    digest = hashlib.sha256(address.encode()).hexdigest()
    assert sum(digest.encode() in path.read_bytes() for path in stored) >= 1
    texts = [path.read_bytes().lower() for path in stored]
    assert not any(b"buyer1" in text or b"example.com" in text for text in texts)
    # compressed columns hide what they hold from a search for bytes
    for path in stored:
        if path.suffix == ".parquet":
            assert "buyer1" not in str(wb.connection.read_parquet(path).to_pyarrow().to_pylist()).lower()
    assert [customer for (customer,) in rows(wb, "events", "customer_id")] == ["ann"]
