"""The usual case: orders from Shopify, behaviour from GA4, engagement from Klaviyo, in one store."""

import hashlib
from pathlib import Path

import ibis
import pandas as pd
import pytest
import yaml

from reco import Workbook, provenance, raw
from reco.engines import ENGINES
from reco.sources import SOURCES
from reco.sources.base import Shop
from reco.store import SOURCED
from reco.unify.contracts import contract

SAMPLES = Path(__file__).parent / "samples"

ORDERS = """\
Name,Email,Financial Status,Currency,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Source
#9001,Buyer1@example.com,paid,EUR,76.00,2026-08-03 12:05:00 +0200,1,Oak Board,40.00,OB-01,web
#9001,Buyer1@example.com,,,,2026-08-03 12:05:00 +0200,2,Linen Apron - Sand,18.00,AP-01,
#9002,buyer2@example.com,paid,EUR,60.00,2026-08-03 12:10:00 +0200,1,Steel Pan,60.00,SP-01,web
#9003,,paid,EUR,40.00,2026-08-04 09:00:00 +0200,1,Oak Board,40.00,OB-01,pos
#9004,buyer2@example.com,voided,EUR,40.00,2026-08-04 10:00:00 +0200,1,Oak Board,40.00,OB-01,web
"""
PRODUCTS = """\
Handle,Title,Vendor,Type,Published,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price,Status
linen-apron,Linen Apron,Mill,Textiles,true,Colour,Sand,AP-01,5,18.00,active
oak-board,Oak Board,Workshop,Boards,true,Title,Default Title,OB-01,3,40.00,active
steel-pan,Steel Pan,Forge,Pans,true,Title,Default Title,SP-01,0,60.00,active
"""
CUSTOMERS = """\
Customer ID,Email,Accepts Email Marketing,Default Address Country Code
'7001,buyer1@example.com,yes,DE
'7002,BUYER2@example.com,no,AT
"""


def usual_shop(folder: Path, engine: str = "duckdb") -> Workbook:
    """The workbook of the usual case in `folder`, unified by one of the engines."""
    for name, text in (("orders", ORDERS), ("products", PRODUCTS), ("customers", CUSTOMERS)):
        (folder / f"{name}_export.csv").write_text(text)
    target = {"ctr_benchmark": [0.05, 0.15], "ctr": 0.1, "conversion_benchmark": [0.1, 0.3], "conversion": 0.15}
    settings = {
        "store": {
            "name": "usual", "title": "Usual", "path": "store", "time_zone": "Europe/Berlin", "currency": "EUR",
            "engine": engine, "rates": {"USD": 0.9},
        },
        "sources": [
            {"kind": "shopify", **{name: f"{name}_export.csv" for name in ("orders", "products", "customers")}},
            {
                "kind": "ga4",
                "events": str(SAMPLES / "ga4" / "events_*.jsonl"),
                "recommendation_lists": {"rec_home": "homepage"},
            },
            {
                "kind": "klaviyo",
                "events": str(SAMPLES / "klaviyo" / "events_*.json"),
                "metrics": str(SAMPLES / "klaviyo" / "metrics.json"),
                "profiles": str(SAMPLES / "klaviyo" / "profiles.json"),
            },
        ],
        "cleaning": {"max_refused": 0.5},
        "kpis": {"implementation_cost": 1, "targets": {"on_site": target}},
    }  # fmt: skip
    (folder / "workbook.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    return Workbook.load(folder / "workbook.yaml")


@pytest.fixture(scope="module")
def wb(tmp_path_factory) -> Workbook:
    return usual_shop(tmp_path_factory.mktemp("usual"))


def rows(wb: Workbook, name: str, *columns: str) -> list[tuple]:
    frame = wb.connection.to_pandas(wb.table(name).select(*columns).order_by(*columns))
    return [tuple(None if pd.isna(value) else value for value in row) for row in frame.to_numpy(object)]


def test_orders_behaviour_and_mail_meet_in_one_customer(wb):
    owner = dict(rows(wb, "identities", "identifier", "customer_id"))
    assert owner["7001"] == owner["1101.1754000001"] == owner["klaviyo:01K1AAAA"] == "7001"
    assert owner["7002"] == owner["2202.1754000002"] == "7002"
    assert {customer for customer, _ in rows(wb, "order_lines", "customer_id", "order_id")} == {"7001", "7002", None}
    behind = {name: {one[0] for one in rows(wb, name, "customer_id")} for name in ("events", "engagement")}
    assert "7001" in behind["events"] and "7001" in behind["engagement"]


def test_what_a_visitor_did_before_logging_in_is_the_customers(wb):
    first = [event for event, customer in rows(wb, "events", "event", "customer_id") if customer == "7001"]
    assert {"view_list", "select", "view", "add_to_cart"} <= set(first)


def test_products_of_all_systems_are_those_of_the_catalogue(wb):
    handles = {"linen-apron", "oak-board", "steel-pan"}
    assert {one[0] for one in rows(wb, "order_lines", "product_id")} == handles
    assert {one[0] for one in rows(wb, "impressions", "product_id")} == handles
    ga4 = wb.table("events").filter(lambda t: (t.source == "ga4") & t.product_id.notnull())
    assert set(wb.connection.to_pandas(ga4.select("product_id").distinct())["product_id"]) <= handles
    assert wb.findings["what"].str.contains("ids of ga4 read as sku, 100.0% of them known").sum() == 1


def test_a_voided_order_is_in_quarantine_with_its_line_and_reason(wb):
    aside = wb.connection.to_pandas(wb.quarantine("shopify"))
    assert aside[["table", "file", "line", "reason"]].to_numpy().tolist() == [
        ["order_lines", "orders_export.csv", 6, "cancelled order"]
    ]


def test_consents_of_both_systems_the_stricter_stands(wb):
    consent = dict(rows(wb, "customers", "customer_id", "email_consent"))
    assert consent["7002"] is False


def test_every_row_of_every_file_is_accounted_for(wb):
    reading = wb.reading
    assert (reading["accepted"] + reading["quarantined"] == reading["read"]).all()
    assert set(reading["source"]) == {"shopify", "ga4", "klaviyo"}


def test_every_table_keeps_its_contract(wb):
    for name in (*SOURCED, "identities"):
        if wb.has(name):
            contract(name).validate(wb.table(name), lazy=True)


def test_no_address_is_kept_anywhere(wb):
    kept = b"".join(path.read_bytes() for path in wb.folder.rglob("*") if path.is_file())
    assert b"buyer" not in kept.lower()
    for path in wb.folder.rglob("*.parquet"):
        table = pd.read_parquet(path)
        assert not table.astype(str).apply(lambda column: column.str.contains(r"buyer\d@", case=False)).any().any()


def test_trace_leads_from_an_order_to_its_lines_in_the_export(wb):
    found = wb.trace("order_lines", "#9001")
    assert found[["source", "file", "line"]].to_numpy().tolist() == [
        ["shopify", "orders_export.csv", 2],
        ["shopify", "orders_export.csv", 3],
    ]


def test_the_pages_tables_say_what_was_read_and_who_is_who(wb):
    files = provenance.files(wb)
    assert (files["accepted"] + files["quarantined"] == files["read"]).all()
    who = provenance.identities(wb).set_index("kind")
    assert who.loc["accounts", "before"] >= 2
    assert who.loc["all", "before"] > who.loc["all", "after"]
    assert provenance.refusals(wb)["example"].str.contains("@").sum() == 0


def test_an_address_in_a_page_or_used_as_an_id_is_not_kept_even_raw(tmp_path):
    event = (
        '{"event_name": "page_view", "event_timestamp": "1785751200000000", "user_id": "Buyer9@example.com", '
        '"user_pseudo_id": "1.2", "event_params": [{"key": "page_location", "value": {"string_value": '
        '"https://shop.example/?mail=buyer9%40example.com&to=buyer9@example.com"}}]}\n'
    )
    (tmp_path / "events.jsonl").write_text(event)
    settings = SOURCES["ga4"].Settings(kind="ga4", events="events.jsonl")
    files = raw.read("ga4", SOURCES["ga4"].raw_tables(settings), tmp_path, tmp_path / "raw")
    kept = pd.read_parquet(files[0].parquet)
    assert kept["user_id"][0] == "sha256:" + hashlib.sha256(b"buyer9@example.com").hexdigest()
    assert "buyer9" not in kept.astype(str).to_string()
    tables = raw.tables(files, SOURCES["ga4"].raw_tables(settings), ibis.duckdb.connect(), ENGINES["duckdb"])
    events = SOURCES["ga4"].unify(tables, settings, Shop("UTC", "EUR"))["events"].to_pandas()
    assert events["email"][0] == hashlib.sha256(b"buyer9@example.com").hexdigest()
    assert events["customer_id"].isna().all()
