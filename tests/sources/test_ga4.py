"""Events of Google Analytics 4, from files of the export's own shape to unified rows."""

import hashlib
import json
from decimal import Decimal
from pathlib import Path

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reco.engines import ENGINES
from reco.sources import ga4
from tests.sources.exports import SAMPLES, unified, values

FOLDER = SAMPLES / "ga4"
FIRST, SECOND, INTRADAY = "events_20260803.jsonl", "events_20260804.jsonl", "events_intraday_20260804.jsonl"
ALL = {"purchases": "orders", "recommendation_lists": {"rec_home": "homepage"}}
DEVICE, OTHER = "1101.1754000001", "2202.1754000002"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return unified("ga4", FOLDER, tmp_path_factory.mktemp("raw"), events="events_*.jsonl", **ALL)


@pytest.fixture
def read(tmp_path):
    """A function that unifies events given as objects, each with the fields that matter."""

    def make(*rows: dict, file: str = "events.jsonl", **settings):
        (tmp_path / file).write_text("".join(json.dumps(event(**row)) + "\n" for row in rows))
        return unified("ga4", tmp_path, tmp_path / "raw", events="events*.jsonl", **settings)

    return make


def event(name: str = "view_item", at: float = 0, parameters: dict | None = None, **fields) -> dict:
    told = [{"key": key, "value": {"string_value": value}} for key, value in (parameters or {}).items()]
    micros = 1_785_751_200_000_000 + round(at * 1_000_000)
    return {"event_name": name, "event_timestamp": str(micros), "event_params": told, "user_pseudo_id": "d"} | fields


def at(clock: str, day: int = 3) -> pd.Timestamp:
    return pd.Timestamp(f"2026-08-{day:02} {clock}", tz="UTC")


def test_every_row_of_every_file_is_accounted_for(shop):
    rows = {FIRST: 9, SECOND: 10, INTRADAY: 2}
    expected = {(file, line) for file, count in rows.items() for line in range(1, count + 1)}
    assert shop.read == expected
    assert set(values(shop["events"], "file", "line")) == expected


def test_an_event_gives_a_row_for_each_item_and_one_without(shop):
    events = shop["events"]
    first = events[events["file"] == FIRST]
    assert values(first, "line", "piece", "event", "product_id", "list_id", "position")[:7] == [
        (1, 0, "session_start", None, None, None),
        (2, 0, "page_view", None, None, None),
        (3, 0, "view_list", "AP-01", "rec_home_v3", 0),
        (3, 1, "view_list", "OB-01", "rec_home_v3", 1),
        (3, 2, "view_list", "SP-01", "rec_home_v3", 3),
        (4, 0, "select", "OB-01", "rec_home_v3", 1),
        (5, 0, "view", "OB-01", None, None),
    ]


def test_times_are_utc_to_the_microsecond(shop):
    events = shop["events"].set_index(["file", "line", "piece"])["occurred_at"]
    assert events[FIRST, 3, 0] == at("10:00:01.250000")
    assert events[FIRST, 8, 0] == at("10:05:00.000001")


def test_a_visitor_is_told_by_device_and_session_and_from_login_on_by_account(shop):
    events = shop["events"].query("file == @FIRST and line in (6, 7)")
    assert values(events, "customer_id", "device_id", "session_id") == [
        (None, DEVICE, f"{DEVICE}.501"),
        ("7001", DEVICE, f"{DEVICE}.501"),
    ]


def test_a_session_number_is_read_from_whichever_field_holds_it(shop):
    row = shop["events"].query("event == 'search'").iloc[0]
    assert (row["session_id"], row["query"]) == (f"{OTHER}.901", "bread board")


def test_a_list_at_the_event_holds_for_its_items(shop):
    row = shop["events"].query("list_id == 'category_kitchen'").iloc[0]
    assert (row["product_id"], row["position"], row["line"]) == ("OB-01", 1, 3)


def test_who_denied_analytics_is_counted_and_not_named(read):
    denied = {"analytics_storage": "No", "ads_storage": "Yes"}
    numbered = [{"key": "ga_session_id", "value": {"int_value": "5"}}]
    events = read({"privacy_info": denied, "user_id": "7001", "event_params": numbered})
    assert values(events["events"], "customer_id", "device_id", "session_id", "email", "reason") == [(None,) * 5]
    assert values(events["customers"], "customer_id", "personalization_consent") == [("7001", False)]


def test_the_newest_choice_of_a_known_customer_is_their_consent(read):
    yes, no = ({"analytics_storage": "Yes", "ads_storage": word} for word in ("Yes", "No"))
    made = read(
        {"at": 5, "user_id": "7001", "privacy_info": yes},
        {"at": 1, "user_id": "7001", "privacy_info": no},
        {"at": 2, "user_id": "7002", "privacy_info": no},
        {"at": 9, "user_id": "7002", "privacy_info": {"uses_transient_token": "No"}},
        {"at": 9, "privacy_info": no},
    )
    consents = values(made["customers"], "customer_id", "personalization_consent", "line")
    assert sorted(consents) == [("7001", True, 1), ("7002", False, 3)]


def test_placeholders_are_nothing(read):
    item = {"item_id": "(not set)", "item_name": "<Other>", "item_list_id": "NULL", "item_list_name": "undefined"}
    made = read({"items": [item], "user_id": "(data deleted)", "user_pseudo_id": " nan "})
    assert values(made["events"], "product_id", "list_id", "customer_id", "device_id") == [(None,) * 4]


@given(
    st.lists(st.tuples(st.sampled_from(ga4.PLACEHOLDERS), st.booleans(), st.sampled_from(["", " ", "  "])), min_size=1)
)
def test_placeholders_are_known_in_any_case_and_between_spaces(words):
    texts = [space + (word.upper() if upper else word) + space for word, upper, space in words]
    table = ibis.memtable({"text": texts})
    assert ENGINES["duckdb"].connect(None).to_pandas(table.select(plain=ga4.stated(table.text)))["plain"].isna().all()


def test_an_item_without_an_id_goes_by_its_name(read):
    made = read({"items": [{"item_name": "Oak board"}]})
    assert values(made["events"], "product_id") == [("Oak board",)]


def test_an_address_for_a_user_id_is_hashed(read):
    made = read({"user_id": " Buyer1@Example.com", "privacy_info": {"analytics_storage": "Yes"}})
    digest = hashlib.sha256(b"buyer1@example.com").hexdigest()
    assert values(made["events"], "customer_id", "email") == [(None, digest)]
    assert values(made["customers"], "customer_id", "email") == [(None, digest)]


def test_a_row_that_a_day_and_its_intraday_table_hold_counts_once(shop):
    events = shop["events"].query("event == 'wishlist_add'")
    assert values(events, "file", "reason") == [(SECOND, None), (INTRADAY, "repeated event")]
    assert events["event_id"].nunique() == 1


def test_events_sent_together_before_they_had_numbers_are_told_apart_by_what_they_say(read):
    lists = [{"items": [{"item_id": "OB-01", "item_list_id": name}]} for name in ("a", "b", "a")]
    pages = [{"name": "page_view", "parameters": {"page_location": page}} for page in ("/a", "/b", "/a")]
    events = read(*lists, *pages)["events"]
    repeated = [None, None, "repeated event"]
    assert [reason for (reason,) in values(events, "reason")] == repeated * 2
    assert events["event_id"].nunique() == 4


def test_a_numbered_event_is_told_by_its_number(read):
    events = read({"batch_event_index": "1"}, {"batch_event_index": "2"}, {"batch_event_index": "1"})["events"]
    assert values(events, "reason") == [(None,), (None,), ("repeated event",)]


@pytest.mark.parametrize("time", ["soon", "-5", "99999999999999999999", "999999999999999999"])
def test_a_time_that_is_none_is_refused(read, time):
    made = read({"event_timestamp": time})
    assert values(made["events"], "occurred_at", "reason") == [(None, "occurred_at not readable")]


def test_a_purchase_counts_once_by_its_transaction(shop):
    bought = shop["events"].query("event == 'purchase'")
    again = "repeated purchase"
    assert values(bought, "file", "line", "product_id", "reason") == [
        (FIRST, 8, "OB-01", None),
        (FIRST, 8, "AP-01", None),
        (FIRST, 9, "OB-01", again),
        (FIRST, 9, "AP-01", again),
        (SECOND, 4, "SP-01", None),  # without a transaction id; three seconds later again, a minute later anew
        (SECOND, 5, "SP-01", again),
        (SECOND, 6, "SP-01", None),
    ]


def test_the_earliest_purchase_stands_wherever_it_lies_in_the_file(read):
    late, early = ({"name": "purchase", "at": at, "ecommerce": {"transaction_id": "9"}} for at in (60, 0))
    assert values(read(late, early)["events"], "reason") == [("repeated purchase",), (None,)]


def test_a_product_twice_in_one_purchase_is_no_repetition(read):
    bought = {"name": "purchase", "items": [{"item_id": "OB-01"}, {"item_id": "OB-01"}]}
    made = read(bought, bought | {"at": 2}, bought | {"at": 2, "user_pseudo_id": "e"})
    assert values(made["events"], "line", "reason") == [
        *[(1, None)] * 2, *[(2, "repeated purchase")] * 2, *[(3, None)] * 2,
    ]  # fmt: skip


def test_purchases_of_nobody_known_are_never_one(read):
    bought = {"name": "purchase", "user_pseudo_id": None, "items": [{"item_id": "OB-01"}]}
    assert values(read(bought, bought | {"at": 1})["events"], "reason") == [(None,), (None,)]


def test_orders_and_refunds_become_lines(shop):
    lines = shop["order_lines"]
    columns = ("line", "order_id", "customer_id", "product_id", "quantity", "revenue", "returned_order_id", "reason")
    no_id, again = "purchase or refund without a transaction id", "repeated purchase"
    assert values(lines, *columns) == [
        (8, "9001", "7001", "OB-01", 2, Decimal("81.0000"), None, None),
        (8, "9001", "7001", "AP-01", 1, Decimal("26.1000"), None, None),  # a discount is in item_revenue only
        (9, "9001", "7001", "OB-01", 2, Decimal("81.0000"), None, again),
        (9, "9001", "7001", "AP-01", 1, Decimal("26.1000"), None, again),
        (4, None, "7002", "SP-01", 1, Decimal("65.2500"), None, no_id),
        (5, None, "7002", "SP-01", 1, Decimal("65.2500"), None, again),
        (6, None, "7002", "SP-01", 1, Decimal("65.2500"), None, no_id),
        (7, "9001", "7001", "OB-01", -2, Decimal("-81.0000"), "9001", None),
        (7, "9001", "7001", "AP-01", -1, Decimal("-26.1000"), "9001", None),
    ]
    assert set(lines["currency"]) == {"EUR"} and set(lines["channel"]) == {"web"}
    assert lines["ordered_at"].iloc[-1] == at("10:00:00", day=4)
    assert lines["piece"].tolist() == [0, 1, 0, 1, 0, 0, 0, 0, 1]


def test_a_refund_of_items_returns_those_items(read):
    sold = {"name": "purchase", "ecommerce": {"transaction_id": "9"}}
    sold["items"] = [{"item_id": "OB-01", "price": "40.5", "quantity": "3"}, {"item_id": "AP-01", "price": "29"}]
    back = {"name": "refund", "at": 60, "ecommerce": {"transaction_id": "9"}}
    back["items"] = [{"item_id": "OB-01", "quantity": "2", "item_refund": "80.9"}]
    lines = read(sold, back, purchases="orders")["order_lines"]
    assert values(lines, "product_id", "quantity", "revenue", "returned_order_id") == [
        ("OB-01", 3, Decimal("121.5000"), None),
        ("AP-01", 1, Decimal("29.0000"), None),
        ("OB-01", -2, Decimal("-80.9000"), "9"),
    ]


def test_a_refund_of_an_order_elsewhere_has_a_reason(read):
    lines = read({"name": "refund", "ecommerce": {"transaction_id": "8"}}, purchases="orders")["order_lines"]
    assert values(lines, "order_id", "product_id", "reason") == [("8", None, "refund of an order that is not there")]


def test_a_purchase_of_nothing_has_a_reason(read):
    lines = read({"name": "purchase", "ecommerce": {"transaction_id": "8"}}, purchases="orders")["order_lines"]
    assert values(lines, "order_id", "reason") == [("8", "order or refund of no product")]


def test_amounts_and_currency_that_are_not_readable_are_told(read):
    sold = {"name": "purchase", "ecommerce": {"transaction_id": "9"}, "parameters": {"currency": "usd"}}
    sold["items"] = [{"item_id": "a", "price": "5", "quantity": "many"}, {"item_id": "b", "price": "dear"}]
    lines = read(sold, purchases="orders")["order_lines"]
    assert values(lines, "reason", "currency") == [
        ("quantity not readable", "USD"),
        ("revenue not readable", "USD"),
    ]


def test_purchases_are_behaviour_alone_unless_asked_for(read):
    assert set(read({"name": "purchase"})) == {"events", "customers"}


def test_recommendation_lists_become_impressions_with_their_clicks(shop):
    columns = ("file", "line", "context", "strategy", "product_id", "position", "clicked", "clicked_at")
    assert values(shop["impressions"], *columns) == [
        (FIRST, 3, "homepage", "v3", "AP-01", 0, False, None),
        (FIRST, 3, "homepage", "v3", "OB-01", 1, True, at("10:00:20")),
        (FIRST, 3, "homepage", "v3", "SP-01", 3, False, None),
        (SECOND, 1, "homepage", "v3", "AP-01", 0, False, None),
        (SECOND, 1, "homepage", "v3", "SP-01", 1, False, None),
    ]
    shown = shop["impressions"]
    assert shown.groupby(["file", "line"])["slate_id"].nunique().tolist() == [1, 1]
    assert (shown["slate_id"].nunique(), shown["impression_id"].nunique()) == (2, 5)
    assert shown["device"].eq("desktop").all()
    assert not shown["simulated"].any() and shown["shown_at"].iloc[0] == at("10:00:01.250000")


def test_a_click_belongs_to_the_last_time_before_it_that_its_item_was_shown_there(read):
    session = {"ga_session_id": "5"}

    def row(name, at, where="rec_a", session=session, item="OB-01", **fields):
        return {
            "name": name,
            "at": at,
            "parameters": session,
            "items": [{"item_id": item, "item_list_id": where}],
        } | fields

    made = read(
        row("select_item", 1),  # before it was shown
        row("view_item_list", 2),
        row("view_item_list", 3),
        row("select_item", 9),
        row("select_item", 8),
        row("view_item_list", 4, where="rec_b"),  # shown, and not clicked there
        row("view_item_list", 5, session={"ga_session_id": "6"}),  # nor in this visit
        row("view_item_list", 6, user_pseudo_id="e"),  # nor by this visitor
        row("select_item", 9, item="AP-01"),
        recommendation_lists=["rec_"],
    )
    shown = values(made["impressions"], "line", "clicked_at")
    assert shown == [(2, None), (3, at("10:00:08")), (6, None), (7, None), (8, None)]
    assert [clicked for (clicked,) in values(made["impressions"], "clicked")] == [False, True, False, False, False]


def test_the_longest_beginning_names_the_context_and_a_bare_list_its_name(read):
    def row(name, title):
        return {"name": "view_item_list", "items": [{"item_id": "x", "item_list_id": name, "item_list_name": title}]}

    rows = [row("rec_cart_v2", "Cart"), row("rec_", "For you"), row("(not set)", "Recommended: new"), row("new", "New")]
    lists = {"rec_": "homepage", "rec_cart": "cart", "Recommended": "category"}
    shown = read(*rows, recommendation_lists=lists)["impressions"]
    assert values(shown, "line", "context", "strategy") == [
        (1, "cart", "v2"), (2, "homepage", "For you"), (3, "category", "new"),
    ]  # fmt: skip


def test_a_plain_list_of_beginnings_makes_each_a_context():
    settings = ga4.Settings(kind="ga4", events="e.jsonl", recommendation_lists=["rec_home", "rec_cart"])
    assert settings.recommendation_lists == {"rec_home": "rec_home", "rec_cart": "rec_cart"}
    assert settings.events == (Path("e.jsonl"),)


def test_unknown_settings_are_refused():
    with pytest.raises(ValidationError, match="recommendation_list"):
        ga4.Settings(kind="ga4", events="e.jsonl", recommendation_list=["rec"])


def test_parquet_of_the_typed_export_gives_what_json_gives(shop, tmp_path):
    number = {"string_value": pa.string(), "int_value": pa.int64(), "float_value": pa.float64()}
    parameters = pa.list_(pa.struct({"key": pa.string(), "value": pa.struct({**number, "double_value": pa.float64()})}))
    texts = dict.fromkeys(("item_id", "item_name", "item_list_id", "item_list_name", "item_list_index"), pa.string())
    item = pa.struct({**texts, **dict.fromkeys(("price", "item_revenue"), pa.float64()), "quantity": pa.int64()})
    schema = pa.schema(
        {
            "event_timestamp": pa.int64(),
            "event_name": pa.string(),
            "event_params": parameters,
            "user_id": pa.string(),
            "user_pseudo_id": pa.string(),
            "privacy_info": pa.struct({"analytics_storage": pa.string(), "ads_storage": pa.string()}),
            "platform": pa.string(),
            "device": pa.struct({"category": pa.string()}),
            "ecommerce": pa.struct({"transaction_id": pa.string()}),
            "items": pa.list_(item),
            "batch_event_index": pa.int64(),
        }
    )
    rows = [json.loads(line) for line in (FOLDER / FIRST).read_text().splitlines()]
    for row in rows:
        for value in (parameter["value"] for parameter in row["event_params"]):
            value["int_value"] = value["int_value"] and int(value["int_value"])
        for bought in row["items"]:
            bought |= {name: bought[name] and float(bought[name]) for name in ("price", "item_revenue")}
            bought["quantity"] = bought["quantity"] and int(bought["quantity"])
        row |= {name: int(row[name]) for name in ("event_timestamp", "batch_event_index")}
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), tmp_path / "events.parquet")
    typed = unified("ga4", tmp_path, tmp_path / "raw", events="events.parquet", **ALL)
    for name in ("events", "order_lines", "impressions"):
        ours = shop[name][shop[name]["file"] == FIRST].drop(columns="file").reset_index(drop=True)
        pd.testing.assert_frame_equal(typed[name].drop(columns="file"), ours, check_dtype=False)
