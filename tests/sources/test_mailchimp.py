"""Mailchimp's audience and reports, from files of its export's own shape to unified rows."""

import hashlib
import json
import zipfile

import pandas as pd
import pytest
from pydantic import ValidationError

from reco.sources import mailchimp
from tests.sources.exports import SAMPLES, unified, values

FOLDER = SAMPLES / "mailchimp"
FILES = {word: f"{word}_members_export_1a2b3c.csv" for word in mailchimp.CONSENT}
REPORT, FLAT = "email_activity.json", "email_activity_flat.jsonl"
BUYER = {n: hashlib.sha256(f"buyer{n}@example.{'com' if n <= 3 else 'org'}".encode()).hexdigest() for n in range(1, 7)}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return unified("mailchimp", FOLDER, tmp_path_factory.mktemp("raw"), audience="*.csv", activity="email_activity*")


def at(clock: str, day: str = "2026-08-05") -> pd.Timestamp:
    return pd.Timestamp(f"{day} {clock}", tz="UTC")


def test_every_row_of_every_file_is_accounted_for(shop):
    rows = {"cleaned": (2,), "nonsubscribed": (2,), "subscribed": (2, 3), "unsubscribed": (2, 3)}
    expected = {(FILES[word], line) for word, lines in rows.items() for line in lines}
    expected |= {(REPORT, 1), (REPORT, 2), (REPORT, 3), (FLAT, 1), (FLAT, 2)}
    assert shop.read == shop.given == expected


def test_who_may_get_mail_is_told_by_the_name_of_the_file(shop):
    columns = ("file", "email", "email_consent", "country", "joined_at")
    assert values(shop["customers"], *columns) == [
        (FILES["cleaned"], BUYER[3], False, "AT", at("09:30:00", "2026-01-18")),  # lines end in CR alone
        (FILES["nonsubscribed"], BUYER[4], None, None, at("09:30:00", "2026-01-19")),
        (FILES["subscribed"], BUYER[1], True, "DE", at("09:30:00", "2026-01-15")),  # a German header
        (FILES["subscribed"], BUYER[5], True, "AT", at("00:00:00", "2026-02-01")),  # confirmed, never opted in
        (FILES["unsubscribed"], BUYER[2], False, "DE", at("09:30:00", "2026-01-16")),
        (FILES["unsubscribed"], BUYER[6], False, None, at("09:30:00", "2026-01-17")),
    ]
    assert shop["customers"]["customer_id"].isna().all()


def test_engagement_is_told_by_reports_and_by_who_left(shop):
    columns = ("file", "line", "piece", "email", "campaign_id", "event", "occurred_at", "reason")
    unreadable = "occurred_at not readable"
    assert values(shop["engagement"], *columns) == [
        (FILES["cleaned"], 2, 0, BUYER[3], "7847cdaeff", "bounced", at("09:00:00"), None),
        (REPORT, 1, 0, BUYER[1], "7847cdaeff", "sent", None, None),
        (REPORT, 1, 1, BUYER[1], "7847cdaeff", "opened", at("08:10:00"), None),
        (REPORT, 1, 2, BUYER[1], "7847cdaeff", "clicked", at("08:11:00"), None),  # 10:11 with two hours of offset
        (REPORT, 2, 0, BUYER[3], "7847cdaeff", "sent", None, None),
        (REPORT, 2, 1, BUYER[3], "7847cdaeff", "bounced", at("08:00:05"), None),
        (REPORT, 3, 0, BUYER[5], "7847cdaeff", "sent", None, None),
        (FLAT, 1, 0, BUYER[2], "5512aa00bb", "opened", at("06:00:00", "2026-07-01"), None),
        (FLAT, 2, 0, BUYER[2], "5512aa00bb", "clicked", None, unreadable),
        (FILES["unsubscribed"], 2, 0, BUYER[2], "7847cdaeff", "unsubscribed", at("12:00:00", "2026-08-06"), None),
        (FILES["unsubscribed"], 3, 0, BUYER[6], None, "unsubscribed", None, unreadable),
    ]
    assert set(shop["engagement"]["channel"]) == {"email"}


def test_campaigns_are_named_where_anything_tells_their_title(shop):
    assert values(shop["campaigns"], "campaign_id", "name", "channel") == [
        ("7847cdaeff", "News, August", "email"),
        ("5512aa00bb", None, "email"),
    ]


def test_the_archive_gives_what_its_files_give(shop, tmp_path):
    with zipfile.ZipFile(tmp_path / "audience.zip", "w") as archive:
        for name in FILES.values():
            archive.write(FOLDER / name, name)
    packed = unified("mailchimp", tmp_path, tmp_path / "raw", audience="audience.zip")
    columns = ("line", "email", "email_consent", "joined_at")
    assert values(packed["customers"], *columns) == values(shop["customers"], *columns)


@pytest.mark.parametrize(
    ("file", "consent", "reason"),
    [
        ("subscribed_x.csv", True, None),
        ("my-Unsubscribed-2026.csv", False, None),
        ("audience.csv", None, mailchimp.NO_STATUS),
        ("resubscribed.csv", None, mailchimp.NO_STATUS),
        ("subscribed/list.csv", None, mailchimp.NO_STATUS),
        ("subscribed/cleaned_1.csv", False, None),
    ],
)
def test_the_status_is_a_word_in_the_name_of_the_file_itself(tmp_path, file, consent, reason):
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text("Email Address,CC\nbuyer1@example.com,DE\n")
    pattern = "*/*.csv" if "/" in file else file
    customers = unified("mailchimp", tmp_path, tmp_path / "raw", audience=pattern)["customers"]
    assert values(customers, "email_consent", "reason") == [(consent, reason)]


def test_an_action_that_is_not_known_keeps_its_name(tmp_path):
    acted = [{"action": "Forward", "timestamp": "2026-08-05T08:00:00Z"}]
    report = {"emails": [{"campaign_id": "c", "email_address": "buyer1@example.com", "activity": acted}]}
    (tmp_path / "report.json").write_text(json.dumps(report))
    made = unified("mailchimp", tmp_path, tmp_path / "raw", activity="report.json")
    assert values(made["engagement"], "event") == [("sent",), ("forward",)]
    assert set(made) == {"engagement", "campaigns"}


def test_settings_that_name_no_file_are_refused():
    with pytest.raises(ValidationError, match="expected audience, activity or both"):
        mailchimp.Settings(kind="mailchimp")
