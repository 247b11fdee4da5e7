"""Klaviyo's events and profiles, from files of its API's own shape to unified rows."""

import hashlib
import json

import pandas as pd
import pytest
from pydantic import ValidationError

from reco.sources import klaviyo
from tests.sources.exports import SAMPLES, unified, values

FOLDER = SAMPLES / "klaviyo"
ALL = {
    "events": ["events_*.json", "archive_v1.jsonl"],
    "metrics": "metrics.json",
    "profiles": "profiles.json",
    "profiles_csv": "profiles.csv",
    "personalization_property": "Likes recommendations",
}
PAGE, NEXT, ARCHIVE = "events_1.json", "events_2.json", "archive_v1.jsonl"


def digest(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()


BUYER_1, BUYER_2, BUYER_3, BUYER_4 = (
    digest(f"buyer{n}@example.{end}") for n, end in enumerate(("com", "com", "com", "org"), start=1)
)
DEVICE_1, DEVICE_2, DEVICE_3 = (f"klaviyo:01K1{letter * 4}" for letter in "ABC")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return unified("klaviyo", FOLDER, tmp_path_factory.mktemp("raw"), **ALL)


@pytest.fixture
def read(tmp_path):
    """A function that unifies events given as (metric, properties), all of one profile."""

    def make(*events: tuple[str, dict], page: dict | None = None, **settings):
        names = sorted({metric for metric, _ in events})
        metrics = [{"type": "metric", "id": str(n), "attributes": {"name": name}} for n, name in enumerate(names)]
        rows = [row(str(names.index(metric)), n, properties) for n, (metric, properties) in enumerate(events)]
        document = {"data": rows, "included": metrics} if page is None else page
        (tmp_path / "events.json").write_text(json.dumps(document))
        return unified("klaviyo", tmp_path, tmp_path / "raw", events="events.json", **settings)

    return make


def row(metric: str, number: int, properties: dict, **attributes) -> dict:
    told = {"timestamp": 1_785_916_800 + number, "event_properties": properties} | attributes
    related = {name: {"data": {"type": name, "id": key}} for name, key in (("profile", "P"), ("metric", metric))}
    return {"type": "event", "id": f"e{number}", "attributes": told, "relationships": related}


def at(clock: str, day: str = "2026-08-05") -> pd.Timestamp:
    return pd.Timestamp(f"{day} {clock}", tz="UTC")


def test_every_event_and_profile_is_accounted_for(shop):
    rows = {PAGE: range(1, 12), NEXT: range(1, 9), ARCHIVE: (1, 2)}
    rows |= {"profiles.json": range(1, 5), "profiles.csv": range(2, 5)}
    expected = {(file, line) for file, lines in rows.items() for line in lines}
    assert {trail for trail in shop.read if trail[0] != "metrics.json"} == expected
    assert shop.given == expected


def test_an_event_is_in_one_table(shop):
    trails = [set(values(shop[name], "file", "line")) for name in ("events", "engagement")]
    assert not trails[0] & trails[1]


def test_messages_become_engagement_and_programs_are_told_apart(shop):
    columns = ("file", "line", "event", "channel", "campaign_id", "customer_id")
    assert values(shop["engagement"], *columns) == [
        (ARCHIVE, 1, "opened", "email", "OldCmp", None),
        (PAGE, 1, "sent", "email", "01CAMP", "7001"),
        (PAGE, 2, "machine_opened", "email", "01CAMP", "7001"),
        (PAGE, 3, "opened", "email", "01CAMP", "7001"),
        (PAGE, 4, "clicked", "email", "01CAMP", "7001"),
        (PAGE, 5, "sent", "email", "01CAMP", "7002"),
        (PAGE, 6, "machine_clicked", "email", "01CAMP", "7002"),
        (PAGE, 7, "unsubscribed", "email", "01CAMP", "7002"),
        (NEXT, 6, "sent", "sms", "01TEXT", "7002"),
    ]


def test_shopping_becomes_events_with_the_products_told_by_their_titles(shop):
    columns = ("file", "line", "piece", "event", "product_id", "reason")
    again = "repeated event"
    assert values(shop["events"], *columns) == [
        (ARCHIVE, 2, 0, "view", "Steel pan", None),
        (PAGE, 8, 0, "active", None, None),
        (PAGE, 9, 0, "view", "Oak board", None),
        (PAGE, 10, 0, "add_to_cart", "Oak board", None),
        (PAGE, 11, 0, "begin_checkout", "Oak board", None),  # items are names
        (PAGE, 11, 1, "begin_checkout", "Linen apron", None),
        (NEXT, 1, 0, "begin_checkout", "Oak board", again),
        (NEXT, 1, 1, "begin_checkout", "Linen apron", again),
        (NEXT, 2, 0, "begin_checkout", "Steel pan", None),  # items are objects
        (NEXT, 3, 0, "purchase", None, None),  # the products follow one by one
        (NEXT, 4, 0, "purchase", "Oak board", None),
        (NEXT, 5, 0, "purchase", "Linen apron", None),
        (NEXT, 7, 0, "back_in_stock_sign_up", None, None),
        (NEXT, 8, 0, None, None, "metric without a name"),
    ]


def test_people_are_told_by_account_address_and_profile(shop):
    told = {
        (file, line): rest
        for file, line, *rest in values(shop["events"], "file", "line", "customer_id", "email", "device_id")
    }
    assert told[PAGE, 9] == ["7001", BUYER_1, DEVICE_1]
    assert told[NEXT, 2] == [None, BUYER_3, DEVICE_3]
    assert told[ARCHIVE, 2] == [None, BUYER_2, "klaviyo:dqQnNW"]


def test_a_profile_that_nobody_describes_is_a_device(read):
    events = read(("Viewed Product", {"Name": "Oak board"}))["events"]
    assert values(events, "customer_id", "email", "device_id") == [(None, None, "klaviyo:P")]


def test_times_are_utc_seconds_and_else_the_text_beside_them(shop):
    times = shop["events"].drop_duplicates(["file", "line"]).set_index(["file", "line"])["occurred_at"]
    assert times[PAGE, 9] == at("08:08:50")
    assert times[NEXT, 7] == at("08:18:20")  # has no timestamp
    assert times[ARCHIVE, 2] == at("08:01:00", day="2021-02-12")


def test_a_time_that_is_none_is_refused(read):
    page = {
        "data": [row("0", 1, {}, timestamp="noon"), row("0", 2, {}, timestamp=None)],
        "included": [{"type": "metric", "id": "0", "attributes": {"name": "Opened Email"}}],
    }
    assert values(read(page=page)["engagement"], "occurred_at", "reason") == [
        (None, "occurred_at not readable"),
        (None, None),
    ]


def test_metrics_of_a_file_are_enough_where_a_page_includes_none(shop, tmp_path):
    alone = unified("klaviyo", FOLDER, tmp_path, events=NEXT, metrics="metrics.json")
    ours = shop["events"].query("file == @NEXT")
    assert values(alone["events"], "line", "event", "product_id") == values(ours, "line", "event", "product_id")


def test_who_may_get_mail_has_subscribed_and_is_not_suppressed(shop):
    columns = ("file", "line", "customer_id", "email", "email_consent", "personalization_consent", "country")
    assert values(shop["customers"], *columns) == [
        ("profiles.csv", 2, None, BUYER_1, True, True, "Germany"),
        ("profiles.csv", 3, None, BUYER_3, False, None, "Austria"),
        ("profiles.csv", 4, None, BUYER_4, False, False, None),
        ("profiles.json", 1, "7001", BUYER_1, True, True, "Germany"),
        ("profiles.json", 2, "7002", BUYER_2, False, False, "Germany"),
        ("profiles.json", 3, None, BUYER_3, False, None, "Austria"),  # suppressed, by the older spelling
        ("profiles.json", 4, None, None, False, None, None),
    ]
    assert shop["customers"]["device_id"].tolist()[3:6] == [DEVICE_1, DEVICE_2, DEVICE_3]


def test_a_date_that_nobody_can_read_costs_no_refusal_its_row(shop):
    joined = values(shop["customers"], "line", "joined_at")
    assert joined[0] == (2, at("09:30:00", day="2026-01-15"))
    assert joined[2] == (4, None)
    assert "reason" not in shop["customers"]


def test_without_subscriptions_nothing_is_known_of_consent(tmp_path):
    (tmp_path / "profiles.json").write_text('{"data": [{"type": "profile", "id": "P", "attributes": {}}]}')
    customers = unified("klaviyo", tmp_path, tmp_path / "raw", profiles="profiles.json")["customers"]
    assert values(customers, "email_consent", "personalization_consent") == [(None, None)]


def test_campaigns_are_named_once_where_they_were_met(shop):
    assert values(shop["campaigns"], "campaign_id", "name", "channel", "file", "line") == [
        ("OldCmp", "Spring 2021", "email", ARCHIVE, 1),
        ("01CAMP", "August news", "email", PAGE, 1),
        ("01TEXT", None, "sms", NEXT, 6),
    ]


@pytest.mark.parametrize(
    ("product", "expected"),
    [
        ("title", ["Oak board", "Oak board", "Oak board"]),
        ("sku", ["Oak board", "OB-01", "OB-01"]),
        ("id", ["88", "88", "88"]),
        ("handle", ["oak-board", "Oak board", "oak-board"]),
    ],
)
def test_products_are_told_by_what_the_settings_ask_for_first(read, product, expected):
    url = "https://shop.example/products/oak-board?variant=1"
    item = {"ProductName": "Oak board", "SKU": "OB-01", "ProductID": "88", "ProductURL": url}
    events = read(
        ("Viewed Product", {"Name": "Oak board", "ProductID": 88, "URL": url}),
        ("Added to Cart", {"AddedItemProductName": "Oak board", "AddedItemSKU": "OB-01", "AddedItemProductID": 88}),
        ("Checkout Started", {"Items": [item]}),
        product=product,
    )["events"]
    assert [name for (name,) in values(events, "product_id")] == expected


def test_a_checkout_without_items_is_an_event_all_the_same(read):
    events = read(("Checkout Started", {"Items": []}), ("Started Checkout", {}))["events"]
    assert values(events, "event", "product_id", "piece") == [("begin_checkout", None, 0)] * 2


def test_metrics_of_the_shops_own_keep_their_names_in_any_script(read):
    events = read(("Bestellung geprüft!", {}), ("  Ping-Pong  ", {}))["events"]
    assert values(events, "event") == [("bestellung_geprüft",), ("ping_pong",)]


def test_settings_that_name_no_file_are_refused():
    with pytest.raises(ValidationError, match="at least one of events, profiles and profiles_csv"):
        klaviyo.Settings(kind="klaviyo", metrics="metrics.json")
