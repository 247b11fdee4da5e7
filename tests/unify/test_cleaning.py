"""Rules of cleaning: each sets aside, marks or converts exactly what it says, and counts it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from reco.sources import SOURCES
from reco.sources.base import CANCELLED, REFUNDED, REPEATED_EVENT, TEST
from reco.store import REASON
from reco.unify import cleaning
from tests.unify.shops import CATALOGUE, EVENTS, ORDERS, aside, catalogue, counted, events, orders, rows


def reasons(wb) -> dict[str, int]:
    """Rows by the reason why they were set aside."""
    return counted(wb.set_aside, "reason")


# exported twice


def test_an_order_that_a_later_file_holds_again_is_taken_from_there_and_the_other_orders_stay(shop):
    files = {
        "orders_9.csv": ORDERS + "1,ann,jam,2020-01-01,1,2\n1,ann,tea,2020-01-01,1,4\n2,bob,jam,2020-01-02,1,2\n",
        "orders_10.csv": ORDERS + "1,ann,jam,2020-01-01,3,2\n3,cem,jam,2020-01-03,1,2\n",
    }
    wb = shop(files, orders("orders_*.csv"))
    # by name 10 comes after 9, though not by alphabet; the tea is no longer part of order 1
    assert rows(wb, "order_lines", "order_id", "product_id", "quantity", "file") == [
        ("1", "jam", 3.0, "orders_10.csv"),
        ("3", "jam", 1.0, "orders_10.csv"),
        ("2", "jam", 1.0, "orders_9.csv"),
    ]
    assert aside(wb) == [("orders_9.csv", 2, cleaning.SUPERSEDED), ("orders_9.csv", 3, cleaning.SUPERSEDED)]
    assert not wb.set_aside["refusal"].any()


def test_pieces_of_one_export_are_all_kept(shop):
    files = {
        "orders_1.csv": ORDERS + "1,ann,jam,2020-01-01,1,2\n",
        "orders_2.csv": ORDERS + "1,ann,tea,2020-01-01,1,4\n",
    }
    wb = shop(files, orders("orders_*.csv", pieces=True))
    assert rows(wb, "order_lines", "order_id", "product_id") == [("1", "jam"), ("1", "tea")]
    assert aside(wb) == []


@pytest.mark.parametrize("pieces", [True, False])
def test_the_same_file_under_two_names_counts_once(shop, pieces):
    text = ORDERS + "1,ann,jam,2020-01-01,1,2\n"
    wb = shop({"a_1.csv": text, "a_2.csv": text}, orders("a_*.csv", pieces=pieces))
    assert rows(wb, "order_lines", "order_id", "file") == [("1", "a_1.csv")]
    assert aside(wb) == []
    assert wb.reading[["file", "same_as", "read"]].fillna("").to_numpy().tolist() == [
        ["a_1.csv", "", 1],
        ["a_2.csv", "a_1.csv", 0],
    ]


def test_equal_lines_are_two_lines_unless_the_settings_say_otherwise(shop):
    text = ORDERS + "1,ann,jam,2020-01-01,1,2\n1,ann,jam,2020-01-01,1,2\n1,ann,jam,2020-01-01,2,2\n"
    wb = shop({"orders.csv": text}, orders())
    assert rows(wb, "order_lines", "line") == [(2,), (3,), (4,)]
    wb = shop({}, orders(), cleaning={"repeated_lines": "drop"})
    assert rows(wb, "order_lines", "line") == [(2,), (4,)]
    assert aside(wb) == [("orders.csv", 3, cleaning.REPEATED)]


def test_a_line_that_is_set_aside_is_not_the_one_that_its_repetition_is_measured_by(shop):
    # both are refused for what they are, none of them as a repetition
    text = ORDERS + "1,ann,,2020-01-01,1,2\n1,ann,,2020-01-01,1,2\n"
    wb = shop({"orders.csv": text}, orders(), cleaning={"repeated_lines": "drop"})
    assert reasons(wb) == {"no product_id": 2}


def test_an_event_that_is_logged_twice_counts_once(shop):
    visit = "phone,,Firefox,view,2020-01-01 10:00:00,jam\n"
    text = EVENTS + visit + visit + visit.replace("view", "cart") + visit.replace(":00,", ":01,")
    wb = shop({"events.csv": text}, events())
    assert rows(wb, "events", "line") == [(2,), (4,), (5,)]
    assert aside(wb) == [("events.csv", 3, REPEATED_EVENT)]


# orders that were none


def test_reasons_that_a_source_gives_by_a_rule_set_aside_and_are_no_refusals(shop, monkeypatch):
    text = ORDERS + "".join(f"{order},ann,jam,2020-01-01,1,2\n" for order in range(1, 5))
    understand = SOURCES["tabular"].unify
    given = {"1": CANCELLED, "2": TEST, "3": REFUNDED}

    def with_reasons(raw, settings, shop):
        tables = understand(raw, settings, shop)
        lines = tables["order_lines"]
        said = lines.order_id.cases(*given.items(), else_=lines[REASON])
        return tables | {"order_lines": lines.mutate(**{REASON: said})}

    monkeypatch.setattr(SOURCES["tabular"], "unify", with_reasons)
    wb = shop({"orders.csv": text}, orders(), cleaning={"max_refused": 0})
    assert rows(wb, "order_lines", "order_id") == [("4",)]
    assert reasons(wb) == {CANCELLED: 1, TEST: 1, REFUNDED: 1}
    assert wb.reading[["read", "accepted", "quarantined", "refused"]].to_numpy().tolist() == [[4, 1, 3, 0]]


# returns


def test_a_return_takes_back_the_latest_earlier_order_of_the_same_customer_and_product(shop):
    text = ORDERS + (
        "1,ann,jam,2020-01-01,2,2\n"
        "2,ann,jam,2020-01-05,1,2\n"
        "3,ann,tea,2020-01-06,1,4\n"
        "4,bob,jam,2020-01-07,1,2\n"
        "5,ann,jam,2020-01-08,-1,2\n"  # of order 2
        "6,ann,jam,2020-01-09,1,2\n"
        "7,ann,jam,2020-01-03,-1,2\n"  # of order 1: the later ones had not been placed
        "8,cem,jam,2020-01-09,-1,2\n"  # never bought it
        "9,,jam,2020-01-09,-1,2\n"  # a guest's
        "10,ann,tea,2020-01-05,-1,4\n"  # before any order of tea
    )
    wb = shop({"orders.csv": text}, orders())
    assert {order: taken for order, taken in rows(wb, "order_lines", "order_id", "returned_order_id") if taken} == {
        "5": "2",
        "7": "1",
    }
    assert len(rows(wb, "order_lines", "order_id")) == 10
    found = counted(wb.findings)
    assert found["returned lines matched to the order they take back"] == 2
    assert found["returned lines without such an order"] == 3


def test_a_return_at_the_moment_of_its_order_is_matched_and_one_that_is_named_stays(shop):
    text = ORDERS.replace("\n", ",back\n") + (
        "2,ann,jam,2020-01-05,-1,2,\n1,ann,jam,2020-01-05,1,2,\n3,ann,jam,2020-01-06,-1,2,77\n"
    )
    wb = shop({"orders.csv": text}, orders(columns={"returned_order_id": "back"}))
    assert rows(wb, "order_lines", "order_id", "returned_order_id") == [("2", "1"), ("1", None), ("3", "77")]


def test_what_is_set_aside_cannot_be_returned(shop):
    text = ORDERS + "1,ann,jam,2020-01-01,1,2\n2,ann,jam,2020-01-02,1,0\n3,ann,jam,2020-01-03,-1,2\n"
    wb = shop({"orders.csv": text}, orders())
    assert rows(wb, "order_lines", "order_id", "returned_order_id") == [("1", None), ("3", "1")]


# amounts


def test_lines_that_cost_nothing_are_set_aside_unless_a_discount_made_them_free(shop):
    text = ORDERS.replace("\n", ",off\n") + (
        "1,ann,jam,2020-01-01,1,0,\n2,ann,jam,2020-01-01,1,0,0\n3,ann,jam,2020-01-01,1,0,2.50\n"
        "4,ann,jam,2020-01-01,0,2,\n5,ann,jam,2020-01-01,-1,0,\n"
    )
    wb = shop({"orders.csv": text}, orders(columns={"discount": "off"}))
    assert rows(wb, "order_lines", "order_id", "discount") == [("3", Decimal("2.5"))]
    assert reasons(wb) == {cleaning.ZERO_PRICE: 3, cleaning.NOTHING: 1}
    assert not wb.set_aside["refusal"].any()


CURRENCIES = ORDERS.replace("\n", ",money,off\n")


def test_amounts_of_another_currency_are_converted_and_keep_its_name(shop):
    text = CURRENCIES + "1,ann,jam,2020-01-01,2,2.50,EUR,0.55\n2,ann,jam,2020-01-01,1,3,GBP,\n"
    wb = shop(
        {"orders.csv": text},
        orders(columns={"currency": "money", "discount": "off"}),
        store={"rates": {"EUR": 0.85}},
    )
    assert rows(wb, "order_lines", "revenue", "discount", "currency", "original_currency") == [
        (Decimal("4.25"), Decimal("0.4675"), "GBP", "EUR"),
        (Decimal("3"), None, "GBP", "GBP"),
    ]
    assert counted(wb.findings)["order lines converted from another currency"] == 1


def test_rates_that_change_hold_from_their_day_on(shop):
    days = ["2019-12-31 23:59:59", "2020-01-01", "2020-05-31 23:59:59", "2020-06-01"]
    text = CURRENCIES + "".join(f"{day[:10]},ann,jam,{day},1,10,EUR,\n" for day in days)
    wb = shop(
        {"orders.csv": text},
        orders(columns={"currency": "money", "discount": "off"}),
        store={"rates": {"EUR": {"2020-06-01": 0.9, "2020-01-01": 0.8}}},
    )
    assert rows(wb, "order_lines", "order_id", "revenue") == [
        ("2020-01-01", Decimal("8")),
        ("2020-05-31", Decimal("8")),
        ("2020-06-01", Decimal("9")),
    ]
    # for the day before the first rate there is none
    assert aside(wb) == [("orders.csv", 2, "no rate to GBP for its currency")]


@pytest.mark.parametrize("rates", [{}, {"EUR": 0.85}])
def test_a_currency_without_a_rate_is_refused(shop, rates):
    currencies = ["USD", "GBP", "pounds"]
    text = CURRENCIES + "".join(f"{n},ann,jam,2020-01-01,1,2,{each},\n" for n, each in enumerate(currencies, start=1))
    wb = shop({"orders.csv": text}, orders(columns={"currency": "money", "discount": "off"}), store={"rates": rates})
    assert rows(wb, "order_lines", "order_id", "currency") == [("2", "GBP")]
    assert aside(wb) == [
        ("orders.csv", 2, "no rate to GBP for its currency"),
        ("orders.csv", 4, "currency no ISO currency code"),
    ]
    assert wb.set_aside["refusal"].all()


@pytest.mark.parametrize("rates", [{}, {"EUR": 0.85}])
def test_an_amount_without_a_currency_is_in_the_store_s_own(shop, rates):
    text = CURRENCIES + "1,ann,jam,2020-01-01,1,2,,0.5\n2,ann,jam,2020-01-01,1,2,GBP,\n"
    wb = shop({"orders.csv": text}, orders(columns={"currency": "money", "discount": "off"}), store={"rates": rates})
    assert rows(wb, "order_lines", "revenue", "discount", "currency") == [
        (Decimal("2"), Decimal("0.5"), "GBP"),
        (Decimal("2"), None, "GBP"),
    ]


def test_an_amount_that_is_too_large_in_the_store_s_currency_is_refused(shop):
    text = CURRENCIES + "1,ann,jam,2020-01-01,1000000,90000000,EUR,\n2,ann,jam,2020-01-01,1000,20000,EUR,\n"
    wb = shop(
        {"orders.csv": text},
        orders(columns={"currency": "money", "discount": "off"}),
        store={"rates": {"EUR": 2.0}},
    )
    assert rows(wb, "order_lines", "order_id", "revenue") == [("2", Decimal("40000000"))]
    assert aside(wb) == [("orders.csv", 2, "revenue too large in GBP")]


def test_prices_of_a_catalogue_are_converted_by_the_latest_rate(shop):
    wb = shop(
        {"products.csv": "sku,name,price,money\njam,Jam,10,EUR\ntea,Tea,4,GBP\ngin,Gin,,\nrum,Rum,5,USD\n"},
        catalogue(columns={"currency": "money"}),
        store={"rates": {"EUR": {"2020-01-01": 0.8, "2020-06-01": 0.9}}},
    )
    assert rows(wb, "products", "product_id", "price", "currency") == [
        ("jam", Decimal("9"), "GBP"),
        ("tea", Decimal("4"), "GBP"),
        ("gin", None, "GBP"),
    ]
    assert reasons(wb) == {"no rate to GBP for its currency": 1}


# events


@pytest.mark.parametrize(
    ("agent", "is_bot"),
    [
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +https://www.example.com/bot.html)", True),
        ("Baiduspider", True),
        ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/120.0", True),
        ("python-requests/2.31", True),
        ("curl/8.4.0", True),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Safari/604.1", False),
        ("", False),
    ],
)
def test_programs_are_known_by_what_they_call_themselves(shop, agent, is_bot):
    wb = shop({"events.csv": EVENTS + f"phone,,{agent},view,2020-01-01 10:00,jam\n"}, events())
    assert len(rows(wb, "events", "line")) == (not is_bot)
    assert reasons(wb) == ({cleaning.BOT_AGENT: 1} if is_bot else {})


def visits(visitor: str, number: int, *, minute: int = 0, account: str = "") -> str:
    """Events of a visitor in one minute, of different products."""
    return "".join(f"{visitor},{account},,view,2020-01-01 10:{minute:02}:{n:02},p{n}\n" for n in range(number))


def test_a_visitor_with_more_events_in_a_minute_than_a_person_makes_is_a_program_all_along(shop):
    text = EVENTS + visits("fast", 6) + visits("fast", 1, minute=30) + visits("brisk", 5) + visits("brisk", 5, minute=1)
    wb = shop({"events.csv": text}, events(), cleaning={"max_events_per_minute": 5})
    assert {customer for (customer,) in rows(wb, "events", "customer_id")} == {"device:brisk"}
    assert len(rows(wb, "events", "line")) == 10
    assert reasons(wb) == {cleaning.BOT_RATE: 7}


def test_sessions_of_visitors_of_whom_nothing_else_is_known_are_judged_by_themselves(shop):
    mapped = {"tables": {"events": {"session_id": "visitor", "event": "event", "occurred_at": "time",
                                    "product_id": "product"}}}  # fmt: skip
    text = EVENTS + visits("fast", 6) + visits("brisk", 5) + visits("", 9)
    wb = shop({"events.csv": text}, events() | mapped, cleaning={"max_events_per_minute": 5})
    # events of nobody in no session are not added up, they may be anyone's
    assert reasons(wb) == {cleaning.BOT_RATE: 6}


def test_events_that_were_logged_twice_make_no_program_of_a_person(shop):
    text = EVENTS + visits("brisk", 4) + visits("brisk", 4)
    wb = shop({"events.csv": text}, events(), cleaning={"max_events_per_minute": 5})
    assert len(rows(wb, "events", "line")) == 4
    assert reasons(wb) == {REPEATED_EVENT: 4}


def test_events_out_of_order_are_kept_and_counted(shop):
    text = EVENTS.replace("\n", ",session\n") + (
        "a,,,view,2020-01-01 10:00,jam,1\n"
        "a,,,cart,2020-01-01 10:05,jam,1\n"
        "a,,,view,2020-01-01 10:03,tea,1\n"  # behind a later one
        "b,,,view,2020-01-01 09:00,tea,2\n"  # another session
        "a,,,buy,2020-01-01 10:06,jam,1\n"
    )
    wb = shop({"events.csv": text}, events(columns={"session_id": "session"}))
    assert len(rows(wb, "events", "line")) == 5
    assert counted(wb.findings)["events out of order in their file, put in the order of time"] == 1


@pytest.mark.parametrize(("hours", "kept"), [(-1, True), (20, True), (28, False), (24 * 400, False)])
def test_a_clock_may_be_a_day_ahead_and_no_more(shop, hours, kept):
    moment = (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%d %H:%M:%S")
    files = {
        "events.csv": EVENTS + f"phone,,,view,{moment},jam\n",
        "orders.csv": ORDERS + f"1,ann,jam,{moment},1,2\n",
    }
    wb = shop(files, events(), orders())
    expected = [] if kept else ["occurred_at in the future", "ordered_at in the future"]
    assert sorted(reasons(wb)) == expected
    assert wb.set_aside["refusal"].all()


# catalogue


def test_products_that_were_sold_but_are_in_no_catalogue_are_kept_and_marked(shop):
    files = {
        "products.csv": CATALOGUE + "jam,Jam,2\n",
        "orders.csv": ORDERS + "1,ann,jam,2020-01-01,1,2\n2,ann,tea,2020-01-01,1,4\n",
    }
    wb = shop(files, orders(), catalogue())
    assert sorted(rows(wb, "products", "product_id", "title", "in_catalogue", "recommendable")) == [
        ("jam", "Jam", True, True),
        ("tea", "Product tea", False, True),
    ]
    assert counted(wb.findings)["products sold but not in the catalogue, kept and marked"] == 1


def test_without_a_catalogue_nobody_knows_what_is_in_it(shop):
    wb = shop({"orders.csv": ORDERS + "1,ann,jam,2020-01-01,1,2\n"}, orders())
    assert rows(wb, "products", "product_id", "in_catalogue", "recommendable") == [("jam", None, True)]
    assert counted(wb.findings)["products sold but not in the catalogue, kept and marked"] == 0


def test_products_gone_from_the_latest_catalogue_are_deleted_and_no_longer_recommended(shop):
    files = {
        "products_9.csv": CATALOGUE + "jam,Jam,2\ntea,Old tea,4\ngin,Gin,9\n",
        "products_10.csv": CATALOGUE + "tea,New tea,5\ngin,Gin,9\n",
    }
    wb = shop(files, catalogue("products_*.csv"))
    assert sorted(rows(wb, "products", "product_id", "title", "status", "recommendable", "in_catalogue")) == [
        ("gin", "Gin", None, True, True),
        ("jam", "Jam", "deleted", False, True),
        ("tea", "New tea", None, True, True),
    ]
    assert counted(wb.findings)["products gone from the latest catalogue, kept and not recommended"] == 1


def test_products_that_a_later_file_of_orders_does_not_mention_are_not_deleted(shop):
    header = ORDERS.replace("\n", ",name\n")
    files = {
        "orders_1.csv": header + "1,ann,jam,2020-01-01,1,2,Jam\n",
        "orders_2.csv": header + "2,ann,tea,2020-02-01,1,4,Tea\n",
    }
    source = orders("orders_*.csv")
    source["tables"]["products"] = {"product_id": "product", "title": "name"}
    wb = shop(files, source)
    assert sorted(rows(wb, "products", "product_id", "title", "status", "recommendable")) == [
        ("jam", "Jam", None, True),
        ("tea", "Tea", None, True),
    ]
