"""The workbook: builds once, again when something changed, and never half."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

import reco.workbook
from reco import Workbook, store
from reco.errors import InputError, MissingTableError

ROOT = Path(__file__).resolve().parents[1]
ORDERS = "order,customer,product,time,quantity,price\n1,ann,jam,2020-01-01,1,2\n"


@pytest.fixture
def shop(open_shop):
    return open_shop(ORDERS)


@pytest.fixture
def built(monkeypatch):
    """A list that grows by one whenever the tables are built."""
    calls = []
    replacing = store.replacing
    monkeypatch.setattr(store, "replacing", lambda folder: (calls.append(1), replacing(folder))[1])
    return calls


def again(wb: Workbook) -> Workbook:
    """The same workbook as another process would open it."""
    return Workbook.load(wb.settings.file)


def change(wb: Workbook, section: str, **values) -> Workbook:
    settings = yaml.safe_load(wb.settings.file.read_text())
    settings[section] = settings.get(section, {}) | values
    wb.settings.file.write_text(yaml.safe_dump(settings))
    return again(wb)


def files(wb: Workbook, folder: str = "cache") -> list[str]:
    return sorted(path.name for path in (wb.folder / folder).glob("*") if path.suffix != ".lock")


def frame(value: int = 1) -> pd.DataFrame:
    return pd.DataFrame({"value": [value]})


# tables


def test_tables_are_built_once_and_found_by_the_next(shop, built):
    assert shop.table("order_lines").count().execute() == 1
    assert again(shop).table("order_lines").count().execute() == 1
    assert len(built) == 1


def test_tables_are_built_again_when_a_byte_of_the_raw_file_changes(shop, built):
    assert shop.table("order_lines").revenue.sum().execute() == 2
    raw = shop.settings.root / "orders.csv"
    raw.write_text(ORDERS.replace(",1,2\n", ",1,3\n"))
    assert again(shop).table("order_lines").revenue.sum().execute() == 3
    assert len(built) == 2


@pytest.mark.parametrize(
    ("section", "values", "builds"),
    [
        ("store", {"currency": "EUR"}, 2),
        ("store", {"time_zone": "Asia/Tokyo"}, 2),
        ("catalogue", {"exclude": {"category": ["x"]}}, 2),
        # what the tables do not depend on
        ("catalogue", {"min_customers": 3}, 1),
        ("rules", {"min_categories": {"least": 2}}, 1),
        ("kpis", {"implementation_cost": 9}, 1),
    ],
)
def test_tables_are_built_again_for_the_settings_they_depend_on(shop, built, section, values, builds):
    _ = shop.tables
    _ = change(shop, section, **values).tables
    assert len(built) == builds


def test_tables_are_built_again_when_the_code_changes(shop, built, monkeypatch):
    _ = shop.tables
    monkeypatch.setattr(reco.workbook, "code_hash", lambda without=(): "another")
    _ = again(shop).tables
    assert len(built) == 2


def test_a_source_that_turned_bad_leaves_the_tables_that_were_built(shop):
    _ = shop.tables
    (shop.settings.root / "orders.csv").write_text(ORDERS.replace("price", "cost"))
    with pytest.raises(InputError, match=r"orders\.csv: no column 'price'"):
        again(shop).table("order_lines")
    assert files(shop, "tables") == [
        "customers.parquet", "order_lines.parquet", "products.parquet", "quarantine", "store.json"
    ]  # fmt: skip
    assert files(shop, "tables/quarantine") == ["tabular.parquet"]


def test_a_missing_raw_file_is_named_and_nothing_is_written(open_shop, tmp_path):
    wb = open_shop(None)
    for ask in (wb.check, lambda: wb.table("order_lines"), lambda: wb.fingerprint):
        with pytest.raises(InputError, match=r"orders\.csv: no such file"):
            ask()
    assert [path.name for path in tmp_path.rglob("*")] == ["workbook.yaml"]


def test_check_finds_a_missing_column_and_writes_nothing(open_shop, tmp_path):
    wb = open_shop(ORDERS.replace("price", "cost"))
    with pytest.raises(InputError, match="no column 'price'"):
        wb.check()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["orders.csv", "workbook.yaml"]


def test_a_table_that_no_source_fills_is_said_so(shop):
    with pytest.raises(MissingTableError, match=r"the store corner has no impressions: its sources \(tabular\)"):
        shop.table("impressions")
    with pytest.raises(InputError, match="no unified table 'orders'; expected one of customers, products"):
        shop.table("orders")
    assert (shop.has("order_lines"), shop.has("impressions")) == (True, False)
    with pytest.raises(MissingTableError, match=r"workbook\.yaml names no experiment"):
        shop.experiment_log()


def test_sample_of_the_default_store_fills_five_tables_and_an_experiment(wb):
    assert sorted(wb.tables) == ["campaigns", "customers", "engagement", "order_lines", "products"]
    assert wb.table("customers").count().execute() == 300
    # lines that are neither sold nor paid for; all raw rows of the sample's households are one or the other
    aside = wb.set_aside.set_index("reason")
    assert set(aside["table"]) == {"order_lines"}
    assert not aside["refusal"].any()
    reading = wb.reading.set_index("table")
    assert set(reading["source"]) == {"complete_journey"}
    assert (reading["read"] == reading["accepted"] + reading["quarantined"]).all()
    assert reading.loc["transactions", "quarantined"] == aside["rows"].sum()
    assert reading.loc["transactions", "accepted"] == wb.table("order_lines").count().execute()
    assert len(wb.experiment_log()) == 20_000
    assert len(wb.about()) == 2


# frames kept beside them


def test_a_frame_is_built_once(shop):
    built = []
    for wb in (shop, shop, again(shop)):
        assert wb.cached("f", lambda: built.append(1) or frame(), k=1).equals(frame())
    assert len(built) == 1


def test_a_frame_is_kept_by_name_and_options(shop):
    assert shop.cached("f", lambda: frame(1), k=1)["value"].item() == 1
    assert shop.cached("f", lambda: frame(2), k=2)["value"].item() == 2
    assert shop.cached("g", lambda: frame(3), k=1)["value"].item() == 3
    assert shop.cached("f", lambda: frame(4), k=1)["value"].item() == 1
    assert shop.cached("f", lambda: frame(5), k=1, more=None)["value"].item() == 5


def test_an_option_never_takes_the_place_of_what_every_key_holds(shop):
    shop.cached("f", frame, data="x")
    (shop.settings.root / "orders.csv").write_text(ORDERS + ORDERS.splitlines()[1])
    assert again(shop).cached("f", lambda: frame(2), data="x")["value"].item() == 2


def test_a_frame_is_built_again_when_the_data_change(shop):
    shop.cached("f", frame)
    (shop.settings.root / "orders.csv").write_text(ORDERS + ORDERS.splitlines()[1])
    assert again(shop).cached("f", lambda: frame(2))["value"].item() == 2


def test_a_failing_build_keeps_nothing_and_the_next_one_succeeds(shop):
    def fail():
        raise RuntimeError("no memory")

    with pytest.raises(RuntimeError, match="no memory"):
        shop.cached("f", fail)
    assert files(shop) == []
    assert shop.cached("f", frame).equals(frame())


def test_a_frame_that_was_half_written_is_never_read(shop, monkeypatch):
    def torn(self, path, **_):
        Path(path).write_bytes(b"PAR1 half")
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_parquet", torn)
        with pytest.raises(OSError, match="disk full"):
            shop.cached("f", frame)
    assert not [name for name in files(shop) if name.endswith(".parquet")]
    assert shop.cached("f", frame).equals(frame())
    assert [name.rpartition(".")[2] for name in files(shop)] == ["parquet"]


def test_options_that_are_no_json_are_refused(shop):
    with pytest.raises(TypeError, match="not JSON serializable"):
        shop.cached("f", frame, when=pd.Timestamp("2020-01-01"))


def test_frames_keep_their_types(shop):
    days = pd.to_datetime(["2020-01-01", "2020-01-02"], utc=True)
    made = pd.DataFrame({"id": ["007", "é"], "n": pd.array([1, 2], "int32"), "day": days})
    for _ in range(2):
        pd.testing.assert_frame_equal(shop.cached("f", lambda: made), made)


CHILD = """
import sys, time
from pathlib import Path
import pandas as pd
from reco import Workbook, store
wb, mark = Workbook.load(sys.argv[1]), Path(sys.argv[2])
replacing = store.replacing
def slow(folder):
    mark.open("a").write("t")
    time.sleep(0.5)
    return replacing(folder)
store.replacing = slow
def build():
    mark.open("a").write("f")
    time.sleep(0.5)
    return pd.DataFrame({"value": [int(wb.table("order_lines").count().execute())]})
Path(sys.argv[3]).touch()
while len(list(mark.parent.glob("ready-*"))) < 2:
    time.sleep(0.01)
print(wb.table("order_lines").count().execute(), wb.cached("f", build)["value"].item())
"""


def test_two_processes_that_ask_at_once_build_once(shop, tmp_path):
    mark = tmp_path / "built"
    mark.touch()
    asked = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, shop.settings.file, mark, tmp_path / f"ready-{number}"],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ,
            cwd=ROOT,
        )
        for number in range(2)
    ]
    assert [process.communicate(timeout=60)[0].split() for process in asked] == [["1", "1"]] * 2
    assert sorted(mark.read_text()) == ["f", "t"]


# what keys are made of


def test_fingerprint_covers_every_raw_file_and_changes_with_a_byte(shop):
    before = shop.fingerprint
    raw = shop.settings.root / "orders.csv"
    raw.write_bytes(raw.read_bytes().replace(b"jam", b"jaM"))
    assert again(shop).fingerprint != before
    raw.write_bytes(raw.read_bytes().replace(b"jaM", b"jam"))
    assert again(shop).fingerprint == before


def test_presentation_does_not_touch_what_was_computed():
    names = {path.relative_to(ROOT / "reco").as_posix() for path in (ROOT / "reco").rglob("*.py")}
    for part in reco.workbook.PRESENTATION:
        assert any(name.startswith(part) for name in names), f"{part} is no part of the package any more"
    assert reco.workbook.code_hash() != reco.workbook.code_hash(without=reco.workbook.PRESENTATION)
    assert reco.workbook.code_hash() == reco.workbook.code_hash()


def test_a_frame_is_built_again_for_the_settings_that_the_tables_depend_on(shop):
    shop.cached("f", frame)
    assert change(shop, "catalogue", exclude={"category": ["x"]}).cached("f", lambda: frame(2))["value"].item() == 2
