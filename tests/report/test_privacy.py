"""The gate sees what it says it sees, in pages and copies, and a page that shows it is not published."""

import base64
import json
from functools import partial
from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook, new_output

from reco import Workbook
from reco.report import display
from reco.report.privacy import (
    ADDRESS,
    FEW,
    GROUP,
    ID,
    NAME,
    Gate,
    pseudonyms,
    scrubbed,
    suppressed,
    watch,
    without_addresses,
)

IDS = ["17", "469", "c-0042-x", "6150071214366", "device:1101.1754000001", "ann", "8801"]
GATE = Gate.of(IDS, ["Ada  Lovelace", "Jean-Luc van Damme", "Rose"], others=["8801"])


@pytest.mark.parametrize(
    "html",
    [
        "<p>Write to jam.fan+1@mail.shop.co.uk today</p>",
        "<p>jam&#64;shop.de</p>",
        "<p><b>jam</b>@shop.de</p>",
        '<img alt="of jam@shop.de">',
        "<a href='mailto:jam%40shop.de'>x</a>",
        "<p>jam＠shop.de</p>",
        f'<img src="data:image/svg+xml;base64,{base64.b64encode(b"<svg><!-- jam@shop.de --></svg>").decode()}">',
        "<!-- jam@shop.de -->",
    ],
)
def test_an_address_is_seen(html):
    assert GATE.kinds(html) == [ADDRESS]


@pytest.mark.parametrize("html", ["<p>NDCG@10 is 0.2</p>", "<style>@media(x){}</style>", "<p>@home, 2@1.50</p>"])
def test_other_signs_are_no_address(html):
    assert GATE.kinds(html) == []


@pytest.mark.parametrize(
    "html",
    [
        "<p>Seen: c-0042-x.</p>",
        "<p>(6150071214366)</p>",
        "<p>key=device:1101.1754000001</p>",
        "<p>Customer 17 came back</p>",
        "<p>customer_id = &quot;17&quot;</p>",
        "<p>Household #469.</p>",
        "<p>customer ann.</p>",
        "<p>Customer 8801</p>",
        '<div data-customer="17"></div>',
        '<pre><span>customer_id</span><span>=</span><span>"17"</span></pre>',
        "<table><tr><th>Customer id</th><th>Orders</th></tr><tr><td>17</td><td>2</td></tr></table>",
        "<table><tr><th>n</th><th>user_id</th></tr><tr><td>1</td><td> ann </td></tr></table>",
        "<table><tr><th>Customer</th><td>469</td></tr></table>",
        "<table><tr><td><table><tr><th>Account</th></tr><tr><td>17</td></tr></table></td></tr></table>",
    ],
)
def test_an_id_is_seen_where_it_can_be_told(html):
    assert GATE.kinds(html) == [ID]


@pytest.mark.parametrize(
    "html",
    [
        "<p>17 of 469 products, 2017</p>",
        "<p>Customers 469</p>",
        "<p>469 customers, 17 per customer</p>",
        "<p>Revenue per customer 17</p>",
        "<p>A known customer 17 weeks on</p>",
        "<p>product 8801, then anna</p>",
        "<table><tr><th>Customers</th></tr><tr><td>469</td></tr></table>",
        "<table><tr><th>Seconds a customer</th></tr><tr><td>17</td></tr></table>",
        "<table><tr><td>customer</td></tr></table><p>17</p>",
        "<p>c-0042-xy, 61500712143667</p>",
        "<p>Customer BCKDFG</p>",
    ],
)
def test_the_same_number_elsewhere_is_none(html):
    assert GATE.kinds(html) == []


@pytest.mark.parametrize("html", ["<p>By ADA Lovelace's hand</p>", "<td>jean-luc van\n Damme</td>"])
def test_a_whole_name_is_seen(html):
    assert GATE.kinds(html) == [NAME]


def test_a_first_name_alone_or_words_of_two_places_are_none():
    assert GATE.kinds("<p>Rose jam by Ada</p><p>Lovelace</p>") == []


@pytest.mark.parametrize(("count", "kinds"), [("0", []), ("1", [GROUP]), ("9", [GROUP]), ("10", []), (FEW, [])])
def test_a_small_group_is_seen(count, kinds):
    assert GATE.kinds(f"<table><tr><th>Who</th><th>Customers</th></tr><tr><td>a</td><td>{count}</td></table>") == kinds


@given(st.text(), st.sampled_from(["c-0042-x", "6150071214366"]), st.text())
def test_a_telling_id_between_blanks_never_passes(before, one, after):
    page = f"<p>{before.replace('<', ' ')} {one} {after.replace('<', ' ')}</p>"
    assert ID in GATE.kinds(page)


@pytest.mark.parametrize(
    "output",
    [
        new_output("stream", text="customer 17\n"),
        new_output("error", ename="E", evalue="", traceback=["\x1b[31mcustomer_id='17'"]),
        new_output("display_data", data={"text/plain": "customer 17"}),
        new_output("display_data", data={"application/json": {"customer_id": "17"}}),
        new_output("display_data", data={"text/html": "<th>Customer</th>: customer <b>17</b>"}),
        new_output("display_data", data={"application/vnd.reco.preview": "<i data-customer='17'></i>"}),
    ],
)
def test_copies_of_notebooks_are_looked_through(output):
    notebook = new_notebook(cells=[new_code_cell("1", outputs=[output])])
    assert GATE.kinds_of_copy(json.dumps(notebook)) == [ID]


def test_a_store_tells_its_gate_ids_and_names(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "raw" / "shop").mkdir(parents=True)
    pd.DataFrame({"customer_id": ["17", None, "17"]}).to_parquet(tmp_path / "tables" / "order_lines.parquet")
    pd.DataFrame({"identifier": ["d-1234567"]}).to_parquet(tmp_path / "tables" / "identities.parquet")
    pd.DataFrame({"product_id": ["p"], "title": ["Old Johnnie Walker, 1 l"]}).to_parquet(
        tmp_path / "tables" / "products.parquet"
    )
    people = pd.DataFrame(
        {
            "billing.first_name": ["Ada", "Johnnie"],
            "billing.last_name": ["Lovelace", "Walker"],
            "product_name": ["Rose jam", "Jam"],
        }
    )
    people.to_parquet(tmp_path / "raw" / "shop" / "orders.parquet")
    assert watch(tmp_path) == Gate(
        frozenset({"17", "d-1234567"}), frozenset({"d-1234567"}), frozenset({"ada lovelace"})
    )
    assert watch(tmp_path / "nowhere") == Gate()


def test_groups_are_suppressed_in_frames_and_tables(capsys):
    frame = pd.DataFrame(
        {"segment": ["a", "b", "c"], "customers": [9, 10, 0], "revenue": [1.0, 2.0, 3.0], "low": [0.5, 1, 2], "hi": 4.0}
    )
    assert suppressed(frame, "customers", keep=["low"]).to_dict("list") == {
        "segment": ["a", "b", "c"],
        "customers": [FEW, 10, 0],
        "revenue": [pytest.approx(float("nan"), nan_ok=True), 2.0, 3.0],
        "low": [0.5, 1, 2],
        "hi": [pytest.approx(float("nan"), nan_ok=True), 4.0, 4.0],
    }
    assert frame["customers"].tolist() == [9, 10, 0]
    display.table(frame, "Segments", intervals={"revenue": ("low", "hi")})
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["a", "under", "10", "–"] in lines
    assert ["b", "10", "2.000", "(1.000", "to", "4.000)"] in lines


def test_pseudonyms_are_stable_and_hang_on_the_data():
    def store(sha):
        found = SimpleNamespace(raw_files=[[SimpleNamespace(sha256=sha)]])
        found.secret = partial(Workbook.secret, found)
        return found

    one, two = pseudonyms(store("a"), ["1", "2"])
    assert [two, one] == pseudonyms(store("a"), ["2", "1"])
    assert one != two
    assert one not in pseudonyms(store("b"), ["1"])
    assert one.removeprefix("Customer ").isalpha()


def test_paths_are_scrubbed_whole(tmp_path):
    root = tmp_path / "shop"
    said = f'"{root}/data/a.csv" file://{root} {root}-other {root}'
    assert scrubbed(said, root) == f'"data/a.csv" . {root}-other .'


def test_settings_are_kept_without_addresses():
    assert without_addresses('{"to": ["jam.fan@shop.de"], "k@10": 1}') == '{"to": ["•••"], "k@10": 1}'
