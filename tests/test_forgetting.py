"""Whoever asks to be forgotten is nowhere any more, stays nowhere, and nobody else loses a row."""

import hashlib
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from reco import Workbook
from reco.cli import app
from reco.errors import InputError
from reco.exports import EXPORTS, forgotten, running
from reco.forgetting import digest, forget, search
from tests.exports import made
from tests.unify.conftest import opened
from tests.unify.shops import EVENTS, ORDERS, aside, events, orders, rows

HEADER = ORDERS.replace("\n", ",mail\n")
MAIL = {"email": "mail"}
ADDRESS = "buyer7@example.com"

#: Customer 7 bought twice, once as a guest with the address, was refused and could not be read; 77 and 17 did not ask.
BOUGHT = (
    f"1,7,jam,2020-01-01,1,2,{ADDRESS}\n"
    f"2,,tea,2020-01-02,1,4, BUYER7@example.com \n"
    "3,77,jam,2020-01-03,1,2,buyer77@example.com\n"
    "4,7,jam,soon,1,2,\n"
    "5,7,jam\n"
    "6,17,gin\n"
    "12,17,tea,2020-01-07,1,4,\n"
    "8,,tea,2020-01-08,1,0,buyer77@example.com\n"
)
SEEN = (
    "phone-7,,,view,2020-01-01 09:00,jam\n"
    "phone-7,7,,login,2020-01-01 09:01,\n"
    "phone-7,,curl,view,2020-01-01 09:02,tea\n"
    "laptop,,,view,2020-01-01 09:03,tea\n"
    "tablet,7,,view,2020-01-01 09:04,gin\n"
    "tablet,77,,view,2020-01-01 09:05,gin\n"
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    """Folder of a shop with two customers who are known by account, address and device, and frames in its cache."""
    folder = tmp_path_factory.mktemp("shop")
    wb = opened(
        folder,
        {"orders_1.csv": HEADER + BOUGHT, "events.csv": EVENTS + SEEN},
        orders("orders_*.csv", columns=MAIL, pieces=True),
        events(),
    )
    wb.cached("slates", lambda: wb.connection.to_pandas(wb.table("order_lines").select("customer_id", "product_id")))
    wb.cached("lists", lambda: pd.DataFrame({"seen": [["7", "77"], ["17"]]}))
    return folder


@pytest.fixture
def wb(shop, tmp_path) -> Workbook:
    """The shop, in a folder of the test's own."""
    shutil.copytree(shop, tmp_path, dirs_exist_ok=True)
    wb = Workbook.load(tmp_path / "workbook.yaml")
    _ = wb.tables  # notes where the files lie now
    return wb


def everything(wb: Workbook) -> str:
    """All that the store's Parquet and JSON files say, as one text."""
    parts = []
    for path in sorted(wb.folder.rglob("*")):
        if path.suffix == ".parquet":
            parts += map(str, pd.read_parquet(path).astype(object).to_numpy().tolist())
        elif path.suffix == ".json":
            parts.append(path.read_text())
    return "\n".join(parts)


def test_the_shop_knows_customer_7_in_many_places(wb):
    assert rows(wb, "order_lines", "order_id", "customer_id") == [("1", "7"), ("2", "7"), ("3", "77"), ("12", "17")]
    assert [customer for (customer,) in rows(wb, "events", "customer_id")] == [
        "7", "7", "device:laptop", "7", "77",
    ]  # fmt: skip
    found = search(wb.folder, ["7", digest(ADDRESS), "phone-7"]).found
    folders = {file.split("/")[0] for file in found["file"]}
    assert folders == {"cache", "raw", "tables"}
    assert any("refused" in file for file in found["file"])
    assert any("quarantine" in file for file in found["file"])


@pytest.mark.parametrize("name", ["7", ADDRESS, "  Buyer7@EXAMPLE.com ", "phone-7"])
def test_by_account_by_address_and_by_device_all_of_a_customer_is_forgotten(wb, name):
    assert any(digest(ADDRESS) in part for part in everything(wb).splitlines())
    new, proof = forget(wb, name)
    assert proof.identifiers == 3
    assert len(proof.found) == 0
    assert proof.files == len(list(new.folder.rglob("*.parquet")))
    assert proof.rows == sum(len(pd.read_parquet(path)) for path in new.folder.rglob("*.parquet"))
    kept = everything(new)
    assert "phone-7" not in kept
    assert digest(ADDRESS) not in kept
    assert "'7'" not in kept
    assert "5,7,jam" not in kept
    assert rows(new, "order_lines", "order_id", "customer_id") == [("3", "77"), ("12", "17")]
    assert sorted(rows(new, "customers", "customer_id")) == [("17",), ("77",)]


def test_others_keep_every_row_even_on_a_tablet_that_was_shared(wb):
    new, _ = forget(wb, "7")
    assert rows(new, "events", "customer_id", "line") == [("device:laptop", 5), ("77", 7)]
    # the reader's refused row of 17 is told as before, the one of 7 has gone silent, and both are counted
    refused = new.connection.to_pyarrow(new.quarantine("tabular").order_by("file", "line")).to_pylist()
    assert [(row["file"], row["line"], row["row"]) for row in refused if row["table"] == "rows"] == [
        ("orders_1.csv", 6, ""),
        ("orders_1.csv", 7, "6,17,gin"),
    ]
    assert ("orders_1.csv", 9, "price of zero") in aside(new)
    assert new.connection.read_parquet(new.folder / "tables" / "identities.parquet").count().execute() == 5


def test_every_row_is_accounted_for_when_one_is_forgotten(wb):
    new, _ = forget(wb, "7")
    counts = new.reading.set_index("file")[["read", "accepted", "quarantined", "forgotten"]]
    assert counts.loc["orders_1.csv"].tolist() == [8, 2, 3, 3]
    assert counts.loc["events.csv"].tolist() == [6, 2, 0, 4]
    assert "forgotten" not in set(new.set_aside["reason"])


def test_the_raw_rows_of_a_forgotten_customer_are_gone_and_the_shop_s_own_file_is_not_touched(wb):
    before = {path: path.read_bytes() for path in wb.settings.root.glob("*.csv")}
    new, _ = forget(wb, "7")
    assert {path: path.read_bytes() for path in wb.settings.root.glob("*.csv")} == before
    raw = pd.concat(pd.read_parquet(path) for path in new.folder.glob("raw/**/*.parquet") if "refused" not in path.name)
    assert sorted(raw["line"].tolist()) == [4, 5, 7, 8, 9]
    facts = [json.loads(path.read_text()) for path in new.folder.glob("raw/tabular/*/*.json")]
    assert sorted(fact["rows"] for fact in facts) == [2, 3]


def test_the_list_holds_nobody_s_name(wb):
    new, _ = forget(wb, "7")
    text = (wb.settings.root / "data" / "forgotten.txt").read_text()
    assert text.split() == sorted(
        hashlib.sha256(each.encode()).hexdigest() for each in ("7", digest(ADDRESS), "phone-7")
    )
    assert new.forgotten == text.split()


LATER = (
    f"9,7,jam,2020-02-01,1,2,{ADDRESS}\n",
    "9,7,jam,2020-02-01,1,2,\n",
    "9,,jam,2020-02-01,1,2,BUYER7@Example.com\n",
    f"9,1007,jam,2020-02-01,1,2,{ADDRESS}\n",
    f"9,7,jam,soon,1,2,{ADDRESS}\n",
)


def test_rows_of_a_forgotten_customer_in_a_later_file_are_nowhere(wb):
    forget(wb, "7")
    (wb.settings.root / "orders_2.csv").write_text(HEADER + "".join(LATER) + "10,77,tea,2020-02-02,1,4,\n")
    new = Workbook.load(wb.settings.file)
    assert rows(new, "order_lines", "order_id", "customer_id") == [("3", "77"), ("12", "17"), ("10", "77")]
    counts = new.reading.set_index("file").loc["orders_2.csv", ["read", "accepted", "forgotten"]]
    assert counts.tolist() == [len(LATER) + 1, 1, len(LATER)]
    assert len(search(new.folder, ["7", digest(ADDRESS), "phone-7"]).found) == 0
    assert digest(ADDRESS) not in everything(new)


def test_what_a_later_file_s_broken_lines_say_of_a_forgotten_customer_is_not_kept(wb):
    forget(wb, "phone-7")
    (wb.settings.root / "orders_2.csv").write_text(HEADER + "9,7,jam\n10,77,jam\n11,phone-7\n12,x7x,phone-77\n")
    new = Workbook.load(wb.settings.file)
    told = new.connection.to_pyarrow(new.quarantine("tabular").order_by("line")).to_pylist()
    assert [row["row"] for row in told if row["file"] == "orders_2.csv"] == ["", "10,77,jam", "", "12,x7x,phone-77"]
    assert new.reading.set_index("file").loc["orders_2.csv", ["read", "quarantined"]].tolist() == [4, 4]
    assert len(search(new.folder, ["7", digest(ADDRESS), "phone-7"]).found) == 0


def test_reading_the_exports_once_more_brings_nobody_back(wb):
    forget(wb, "7")
    for settings in ({"decimal": "."}, {"decimal": None}):  # other settings read the files anew
        values = yaml.safe_load(wb.settings.file.read_text())
        values["sources"][0] |= settings
        wb.settings.file.write_text(yaml.safe_dump(values))
        new = Workbook.load(wb.settings.file)
        assert rows(new, "order_lines", "order_id") == [("3",), ("12",)]
        assert len(search(new.folder, ["7", digest(ADDRESS), "phone-7"]).found) == 0


def test_who_is_forgotten_can_be_forgotten_again_and_others_too(wb):
    once, _ = forget(wb, "7")
    twice, proof = forget(once, "7")
    assert len(proof.found) == 0
    assert rows(twice, "order_lines", "order_id") == [("3",), ("12",)]
    both, proof = forget(twice, "buyer77@example.com")
    assert len(proof.found) == 0
    assert rows(both, "order_lines", "order_id") == [("12",)]
    # the tablet was theirs alone once nobody knew the other
    assert len(both.forgotten) == 6


def test_an_unknown_customer_changes_nothing(wb):
    before = everything(wb)
    for name in ("8", "nobody@example.com", "phone", "", "%"):
        with pytest.raises(InputError, match="no customer of corner is known by this identifier"):
            forget(wb, name)
    assert everything(wb) == before
    assert wb.forgotten == []


def test_in_a_shop_with_accounts_only_the_account_is_enough(tmp_path):
    wb = opened(tmp_path, {"orders.csv": ORDERS + "1,7,jam,2020-01-01,1,2\n2,8,jam,2020-01-01,1,2\n"}, orders())
    new, proof = forget(wb, "7")
    assert (proof.identifiers, len(proof.found)) == (1, 0)
    assert rows(new, "order_lines", "customer_id") == [("8",)]


# the proof


@pytest.fixture
def searched(tmp_path):
    """A folder with a file that speaks of somebody in many ways."""

    def write(name: str):
        frame = pd.DataFrame(
            {
                "customer_id": [name, f"{name}{name}", f"a {name}"],
                "row": [f"order 1, customer {name}", f"20{name}1-{name}x", name],
                "lists": [["x"], ["x", name], [f"2{name}"]],
                "objects": [{"id": name}, {"id": f"{name}0"}, {"id": "x"}],
                'odd "name"': [name, "x", "x"],
                "number": [7, 7, 7],
            }
        )
        (tmp_path / "deep").mkdir()
        frame.to_parquet(tmp_path / "deep" / "it's.parquet")
        return tmp_path

    return write


def by_column(proof) -> dict[str, int]:
    return dict(zip(proof.found["column"], proof.found["rows"], strict=True))


def test_a_search_finds_identifiers_as_values_in_lists_and_as_whole_words_of_texts(searched):
    proof = search(searched("k7"), ["k7", "other"])
    assert (proof.identifiers, proof.files, proof.rows) == (2, 1, 3)
    assert by_column(proof) == {"customer_id": 1, "row": 2, "lists": 1, "objects": 1, 'odd "name"': 1}
    assert set(proof.found["file"]) == {"deep/it's.parquet"}


def test_a_short_number_is_looked_for_where_people_are_named_and_where_the_settings_say_so(searched):
    folder = searched("7")
    assert by_column(search(folder, ["7"])) == {"customer_id": 1}
    assert by_column(search(folder, ["7"], ['odd "name"'])) == {"customer_id": 1, 'odd "name"': 1}
    assert by_column(search(folder, ["8"])) == {}


def test_a_number_that_is_one_customer_s_account_and_everybody_s_quantity_is_forgotten_as_an_account(tmp_path):
    lines = "1,1,1,2020-01-01,1,2\n2,8,1,2020-01-01,1,2\n1,8,8,2020-01-01,1,2\n"
    header = "Bestellung,Kunde,product,time,quantity,price\n"
    source = orders(columns={"customer_id": "Kunde", "order_id": "Bestellung"}, decimal=".")
    new, proof = forget(opened(tmp_path, {"orders.csv": header + lines}, source), "1")
    assert by_column(proof) == {}
    assert rows(new, "order_lines", "order_id", "product_id", "customer_id") == [("2", "1", "8"), ("1", "8", "8")]


# the exports


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Exports of a small shop in every form, to every system that takes files."""
    folder = tmp_path_factory.mktemp("exports")
    for system in (
        "algolia",
        "csv",
        "excel",
        "ga4",
        "jsonl",
        "klaviyo",
        "mailchimp",
        "parquet",
        "personalize",
        "shopify",
    ):
        running.export(system, made.material(), EXPORTS[system].Settings(), folder)
    return folder


@pytest.fixture
def exports(exported, tmp_path):
    return Path(shutil.copytree(exported, tmp_path / "exports", symlinks=True))


def by_system(found: pd.DataFrame) -> dict[str, set[str]]:
    shown = found[~found["file"].str.startswith(".")]
    return shown.groupby("system")["file"].agg(set).to_dict()


def test_an_account_is_found_in_every_form_also_as_its_hash(exports):
    assert by_system(forgotten.search(exports, ["0001"])) == {
        "algolia": {"events.csv", "events.jsonl"},
        "csv": {"slates.csv"},
        "excel": {"slates.xlsx"},
        "jsonl": {"slates.jsonl"},
        "parquet": {"slates.parquet"},
        "personalize": {"interactions.csv", "users.csv", "batch_input.jsonl"},
    }


def test_an_address_is_found_by_its_hash_and_a_device_as_it_is(exports):
    known = digest("zoe@shop.example"), "1146540.1921992520"
    assert by_system(forgotten.search(exports, known)) == {
        "ga4": {"events.jsonl"},
        "klaviyo": {"profiles.csv", "profiles.jsonl"},
        "mailchimp": {"audience.csv"},
    }


def test_a_product_is_no_customer(exports):
    # product 007 is everywhere, and account 007 nowhere
    assert forgotten.search(exports, ["007"]).empty
    assert forgotten.search(exports / "none", ["0001"]).empty


def test_runs_that_speak_of_a_customer_go_and_all_others_stay(exports):
    before = set(exports.rglob("*"))
    kept = running.export("csv", made.material(lists=made.lists(made.slates(customers=["ann"]), made.anchors())),
                          EXPORTS["csv"].Settings(), exports).folder  # fmt: skip
    killed = exports / "shopify" / ".20260101-000000-abcdef.part"
    killed.mkdir()
    (killed / "users.csv").write_text("USER_ID\n0001\n")
    found = forgotten.search(exports, ["0001"])
    forgotten.remove(exports, found)
    assert forgotten.search(exports, ["0001"]).empty
    assert not killed.exists() and (exports / "shopify" / "latest" / "manifest.json").exists()
    # the newer run of csv has nobody else in it, so it is still served; systems without a whole run have no link
    assert (exports / "csv" / "latest").resolve() == kept.resolve()
    assert not (exports / "jsonl" / "latest").is_symlink()
    gone = {path for path in before if not path.exists() and not path.is_symlink()}
    assert {path.relative_to(exports).parts[0] for path in gone} == {"algolia", "csv", "excel", "jsonl", "parquet",
                                                                     "personalize"}  # fmt: skip


# the command


def run(wb: Workbook, *arguments: str):
    return CliRunner().invoke(app, ["forget", *arguments, "--config", str(wb.settings.file)])


def test_the_command_forgets_takes_exports_away_and_says_what_it_searched(wb):
    folder = wb.settings.root / "exports" / "corner"
    material = made.material(customers=made.table("customers", customer_id=["7", "77"], mail=True))
    for system in ("personalize", "shopify"):
        running.export(system, material, EXPORTS[system].Settings(), folder)
    gone = (folder / "personalize" / "latest").resolve()
    result = run(wb, " Buyer7@example.com")
    assert result.exit_code == 0
    assert "Forgotten: 3 identifiers are on the list data/forgotten.txt." in result.stdout
    assert "0 mention them" in result.stdout
    assert f"Taken away: exports to personalize, {gone.name}. Make one anew: reco export personalize" in result.stdout
    assert "must be deleted there as well" in result.stdout
    assert [one.parts[-3] for one in folder.glob("*/latest/manifest.json")] == ["shopify"]
    assert not gone.exists()
    assert rows(Workbook.load(wb.settings.file), "order_lines", "order_id") == [("3",), ("12",)]


def test_the_command_refuses_whom_nobody_knows(wb):
    result = run(wb, "nobody@example.com")
    assert result.exit_code == 2
    assert "no customer of corner is known by this identifier" in result.stderr
    assert "nobody" not in result.stderr


def test_the_command_fails_where_something_is_left(wb):
    copy = wb.folder / "raw" / "copy.parquet"
    pd.DataFrame({"account": ["7"]}).to_parquet(copy)
    result = run(wb, "7")
    assert result.exit_code == 1
    assert "Still there: raw/copy.parquet, column account, 1 rows" in result.stderr
