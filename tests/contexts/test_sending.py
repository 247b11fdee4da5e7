"""Send lists: due on the very day, within the caps, with consent, and nothing twice in a row."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from reco import Workbook
from reco.contexts import make_slates
from reco.contexts.sending import calendar, mail_requests, not_repeated, per_day, send_list
from reco.pipeline import without_consent

LINES = {"order_id": "order", "customer_id": "customer", "product_id": "product", "ordered_at": "at",
         "quantity": "pieces", "revenue": "paid"}  # fmt: skip
EVENTS = {"customer_id": "customer", "product_id": "product", "event": "event", "occurred_at": "at"}
CUSTOMERS = {"customer_id": "customer", "email_consent": "mail", "personalization_consent": "personal"}
MAILS = {
    "post_purchase": {"title": "After your order", "context": "email", "since": "order", "after_days": 7},
    "browsing": {"title": "Still looking", "context": "email", "since": "view", "after_days": 3},
    "win_back": {"title": "We miss you", "context": "email", "since": "order", "after_days": 30},
}


@pytest.fixture
def shop(tmp_path: Path):
    """A function: a shop in New York whose orders, views and customers are as given (customer, moment in UTC)."""

    def make(
        orders: list[tuple[str, str]],
        views: list[tuple[str, str]] = (),
        consents: list[tuple[str, bool | None, bool | None]] = (),
        mails: dict | None = None,
        **sending: int,
    ) -> Workbook:
        rows = [(f"o{n}", who, f"p{n % 3}", f"{at}+00:00", 1, 2.5) for n, (who, at) in enumerate(orders)]
        seen = [(who, "p1", "view_item", f"{at}+00:00") for who, at in views]
        tables = {"order_lines": (LINES, rows), "events": (EVENTS, seen), "customers": (CUSTOMERS, consents)}
        sources = []
        for name, (columns, content) in tables.items():
            if len(content):
                pd.DataFrame(content, columns=list(columns.values())).to_csv(tmp_path / f"{name}.csv", index=False)
                sources.append({"kind": "tabular", "path": f"{name}.csv", "tables": {name: columns}})
        strategies = [{"title": "Also bought", "model": "item_knn"}]
        settings = {
            "store": {"name": "ny", "title": "NY", "time_zone": "America/New_York", "currency": "USD"},
            "sources": sources,
            "cleaning": {"max_refused": 0},
            "catalogue": {"min_customers": 1},
            "contexts": {
                "email": {
                    "title": "E-mail",
                    "channel": "email",
                    "anchor": "customer",
                    "size": 2,
                    "strategies": strategies,
                }
            },
            "sending": {"mails": MAILS if mails is None else mails, **sending},
            "kpis": {"implementation_cost": 1, "targets": {}},
        }
        (tmp_path / "workbook.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
        return Workbook.load(tmp_path / "workbook.yaml")

    return make


def listed(wb: Workbook, day: str, sent: pd.DataFrame | None = None) -> dict[str, str]:
    found = send_list(wb, pd.Timestamp(day), sent)
    assert not found["customer_id"].duplicated().any()
    return dict(zip(found["customer_id"], found["mail"], strict=True))


def mails(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "sent_at", "mail", "item_id"])
    return frame.assign(sent_at=pd.to_datetime(frame["sent_at"], utc=True))


def test_on_the_very_day_and_on_no_other(shop):
    wb = shop([("a", "2026-05-01 16:00"), ("z", "2026-01-01 16:00")])
    found = {day: listed(wb, day) for day in pd.date_range("2026-05-01", "2026-06-05").strftime("%Y-%m-%d")}
    assert {day: mail for day, mail in found.items() if mail} == {
        "2026-05-08": {"a": "post_purchase"},
        "2026-05-31": {"a": "win_back"},
    }


def test_what_the_mail_follows_is_told(shop):
    wb = shop([("a", "2026-05-01 16:00"), ("a", "2026-05-01 12:00")])
    row = send_list(wb, pd.Timestamp("2026-05-08")).iloc[0].to_dict()
    assert row == {
        "customer_id": "a",
        "mail": "post_purchase",
        "title": "After your order",
        "context": "email",
        "since": "order",
        "at": pd.Timestamp("2026-05-01 16:00", tz="UTC"),
    }


def test_days_are_those_of_the_shop(shop):
    # half past two in the morning of the 2nd in UTC is the evening of the 1st in New York
    wb = shop([("a", "2026-05-02 02:30"), ("b", "2026-05-02 05:30")])
    assert listed(wb, "2026-05-08") == {"a": "post_purchase"}
    assert listed(wb, "2026-05-09") == {"b": "post_purchase"}
    assert listed(wb, "2026-05-09 03:00+00:00") == {"a": "post_purchase"}  # still the 8th in New York


def test_days_are_days_where_the_clock_changes(shop):
    # on 8 March 2026 New York loses an hour
    wb = shop([("a", "2026-03-02 04:30"), ("b", "2026-03-02 05:30")])
    assert listed(wb, "2026-03-08") == {"a": "post_purchase"}
    assert listed(wb, "2026-03-09") == {"b": "post_purchase"}


def test_a_later_order_starts_the_days_again(shop):
    wb = shop(
        [("a", "2026-05-01 16:00"), ("a", "2026-05-04 16:00"), ("b", "2026-05-01 16:00"), ("b", "2026-05-08 16:00")]
    )
    assert listed(wb, "2026-05-08") == {"b": "post_purchase"}  # the order of the day itself is still to come
    assert listed(wb, "2026-05-11") == {"a": "post_purchase"}
    assert listed(wb, "2026-05-31") == {}


def test_who_looked_and_did_not_order_since(shop):
    wb = shop(
        [("c", "2026-05-03 18:00"), ("d", "2026-05-02 18:00"), ("e", "2026-05-01 16:00"), ("f", "2026-05-01 18:00")],
        [("a", "2026-05-01 16:00"), ("b", "2026-05-01 16:00"), ("b", "2026-05-02 16:00"), ("c", "2026-05-01 16:00"),
         ("d", "2026-05-01 16:00"), ("e", "2026-05-01 17:00"), ("f", "2026-05-01 17:00")],
    )  # fmt: skip
    assert listed(wb, "2026-05-04") == {"a": "browsing", "e": "browsing"}
    assert listed(wb, "2026-05-05") == {"b": "browsing"}


def test_the_first_of_several_mails(shop):
    orders, views = [("a", "2026-05-01 16:00")], [("a", "2026-05-05 16:00")]
    assert listed(shop(orders, views), "2026-05-08") == {"a": "post_purchase"}
    turned = {name: MAILS[name] for name in ("browsing", "post_purchase")}
    assert listed(shop(orders, views, mails=turned), "2026-05-08") == {"a": "browsing"}


def test_consent(shop):
    names = ["both", "no mail", "nothing personal", "unsaid", "unknown"]
    consents = [
        ("both", True, True),
        ("no mail", False, True),
        ("nothing personal", True, False),
        ("unsaid", None, None),
    ]
    wb = shop([(name, "2026-05-01 16:00") for name in names], [(name, "2026-05-20 16:00") for name in names], consents)
    assert set(listed(wb, "2026-05-08")) == {"both", "unsaid", "unknown"}
    assert set(listed(wb, "2026-05-23")) == {"both", "unsaid", "unknown"}


def test_returns_and_guests_get_no_mail(shop, tmp_path):
    wb = shop([("a", "2026-05-01 16:00"), (None, "2026-05-01 16:00")])
    lines = pd.read_csv(tmp_path / "order_lines.csv")
    back = lines.iloc[:1].assign(order="back", at="2026-05-03 16:00+00:00", pieces=-1, paid=-2.5)
    pd.concat([lines, back]).to_csv(tmp_path / "order_lines.csv", index=False)
    assert listed(wb, "2026-05-08") == {"a": "post_purchase"}
    assert listed(wb, "2026-05-10") == {}


def test_not_more_than_the_cap_in_seven_days(shop):
    wb = shop([("a", "2026-05-01 16:00")], most_per_week=2)
    two = mails(*(("a", at, "news", item) for at in ("2026-05-02 14:00", "2026-05-07 14:00") for item in "xy"))
    assert listed(wb, "2026-05-08", two) == {}
    # the eighth day before no longer counts; the rows of one mail are one mail; other customers' mails do not count
    older = two.assign(
        sent_at=two["sent_at"].replace(two["sent_at"].iloc[0], pd.Timestamp("2026-05-01 14:00", tz="UTC"))
    )
    assert listed(wb, "2026-05-08", older) == {"a": "post_purchase"}
    assert listed(wb, "2026-05-08", two.assign(customer_id="b")) == {"a": "post_purchase"}
    assert listed(wb, "2026-05-08", two.iloc[2:]) == {"a": "post_purchase"}
    # the evening of the 1st in New York
    late = two.assign(
        sent_at=two["sent_at"].replace(two["sent_at"].iloc[0], pd.Timestamp("2026-05-02 03:00", tz="UTC"))
    )
    assert listed(wb, "2026-05-08", late) == {"a": "post_purchase"}
    assert listed(shop([("a", "2026-05-01 16:00")], most_per_week=1), "2026-05-08", two.iloc[2:]) == {}


def test_one_mail_a_day(shop):
    wb = shop([("a", "2026-05-01 16:00")], most_per_week=7)
    assert listed(wb, "2026-05-08", mails(("a", "2026-05-08 14:00", "news", "x"))) == {}
    assert listed(wb, "2026-05-08", mails(("a", "2026-05-09 03:00", "news", "x"))) == {}
    assert listed(wb, "2026-05-08", mails(("a", "2026-05-08 03:00", "news", "x"))) == {"a": "post_purchase"}


def test_mails_still_to_come_do_not_count(shop):
    wb = shop([("a", "2026-05-01 16:00")], most_per_week=1)
    assert listed(wb, "2026-05-08", mails(("a", "2026-05-10 14:00", "news", "x"))) == {"a": "post_purchase"}


def test_no_mails_in_the_settings(shop):
    wb = shop([("a", "2026-05-01 16:00")], mails={})
    assert listed(wb, "2026-05-08") == {}
    assert calendar(wb, pd.Timestamp("2026-05-01"), 20).empty


def test_a_calendar_is_the_lists_of_its_days_each_knowing_the_ones_before(shop):
    rng, daily = np.random.default_rng(0), pd.date_range("2026-02-20", "2026-05-05", freq="7h")
    acts = [
        [(f"c{rng.integers(12):02}", f"{at:%Y-%m-%d %H:%M}") for at in daily if rng.random() < s] for s in (0.3, 0.4)
    ]
    wb = shop(*acts, most_per_week=1)
    planned = calendar(wb, pd.Timestamp("2026-03-01"), 60)
    assert planned["held"].any()
    sent, expected = mails(), []
    for day in pd.date_range("2026-03-01", periods=60):
        found = send_list(wb, day, sent)
        expected += [(day, *row) for row in found[["customer_id", "mail"]].itertuples(index=False, name=None)]
        at = day.tz_localize("America/New_York").tz_convert("UTC")
        sent = pd.concat([sent, found[["customer_id", "mail"]].assign(sent_at=at, item_id="x")])
    out = planned[~planned["held"]]
    assert list(out[["day", "customer_id", "mail"]].itertuples(index=False, name=None)) == expected
    # the cap holds in any seven days
    assert (out.sort_values("day").groupby("customer_id")["day"].diff().dropna() >= pd.Timedelta(days=7)).all()
    counts = per_day(planned, wb.settings.sending)
    assert counts.columns.tolist() == ["After your order", "Still looking", "We miss you", "held back"]
    assert counts["held back"].sum() == planned["held"].sum()
    assert counts.sum().sum() == len(planned)


def test_what_the_last_mail_showed_is_not_shown_again():
    sent = mails(
        ("a", "2026-05-01 14:00", "news", "old"),
        ("a", "2026-05-02 14:00", "news", "x"),
        ("a", "2026-05-02 14:00", "news", "y"),
        ("b", "2026-05-01 14:00", "news", "z"),
        ("a", "2026-05-08 14:00", "news", "later"),
    )
    asked_at = pd.Timestamp("2026-05-08 14:00", tz="UTC")
    asking = pd.DataFrame({"slate_id": ["s", "t", "u"], "customer_id": ["a", "c", None], "asked_at": asked_at})
    assert not_repeated(asking, sent).values.tolist() == [["s", "x"], ["s", "y"]]
    assert not_repeated(asking, None).empty
    assert not_repeated(asking, sent.head(0)).columns.tolist() == ["slate_id", "item_id"]


# the sample store


def test_the_samples_mails_do_not_repeat_one_another(wb, until):
    found = send_list(wb, until)
    requests = mail_requests(wb, found, until)["email"]
    assert requests.frame["slate_id"].is_unique
    first = make_slates(wb, "email", requests, until).frame
    sent = first.assign(sent_at=until - pd.Timedelta(days=1), mail="news")
    blocked = not_repeated(requests.frame, sent)
    assert len(blocked) == len(first)
    second = make_slates(wb, "email", requests, until, blocked=blocked).frame
    assert second["slate_id"].nunique() == len(requests.frame)
    assert second.merge(first, on=["slate_id", "item_id"]).empty


def test_the_samples_post_purchase_mails_follow_orders_of_a_week_ago(wb, until):
    found = send_list(wb, until)
    lines = wb.connection.to_pandas(wb.table("order_lines").select("customer_id", "ordered_at", "quantity"))
    lines = lines[lines["customer_id"].notna() & (lines["quantity"] > 0) & (lines["ordered_at"] < until)]
    last = lines.groupby("customer_id")["ordered_at"].max().dt.tz_convert("America/New_York").dt.normalize()
    refused = set(wb.connection.to_pandas(without_consent(wb))["customer_id"])
    for mail, days in (("post_purchase", 7), ("win_back", 30)):
        day = (until.tz_convert("America/New_York") - pd.DateOffset(days=days)).normalize()
        assert set(found.loc[found["mail"] == mail, "customer_id"]) == set(last.index[last == day]) - refused
        assert (found["mail"] == mail).any() or mail == "win_back"
