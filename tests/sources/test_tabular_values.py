"""What the values of one's own files become: moments, exact amounts, words with a meaning."""

from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import MAPPING
from tests.sources.own_files import HEADER, LINE, aside, lines, refused, table

# times


@pytest.mark.parametrize(
    ("zone", "times"),
    [
        (
            "Europe/London",
            {
                "2020-01-15 10:00": "2020-01-15 10:00",
                "2020-07-15 10:00": "2020-07-15 09:00",
                "2020-07-15": "2020-07-14 23:00",
                "2020-10-25 00:59:59": "2020-10-24 23:59:59",  # the last summer second before the hour repeats
                "2020-10-25 01:30": "2020-10-25 01:30",  # comes twice: the second is taken
                "2020-10-25 02:00": "2020-10-25 02:00",
                "2020-03-29 00:30": "2020-03-29 00:30",
                "2020-03-29 01:30": "2020-03-29 01:30",  # never came: winter time is read on
                "2020-03-29 02:30": "2020-03-29 01:30",
                # an offset in the text wins over the shop's zone
                "2020-07-15T10:00:00Z": "2020-07-15 10:00",
                "2020-07-15T10:00:00.5Z": "2020-07-15 10:00:00.5",
                "2020-07-15 10:00 UTC": "2020-07-15 10:00",
            },
        ),
        (
            "America/New_York",
            {
                "2020-11-01 00:30": "2020-11-01 04:30",
                "2020-11-01 01:30": "2020-11-01 06:30",
                "2020-03-08 02:30": "2020-03-08 07:30",
                "2020-03-08 03:30": "2020-03-08 07:30",
                "2020-07-15T10:00:00+02:00": "2020-07-15 08:00",
                "2020-07-15 10:00:00-0330": "2020-07-15 13:30",
                "2020-07-15 10:00:00+02": "2020-07-15 08:00",
                "2020-07-15": "2020-07-15 04:00",  # ends like an offset, and is none
            },
        ),
    ],
)
def test_times_become_utc(open_shop, zone, times):
    text = HEADER + "".join(f"{number:02},ann,jam,{time},1,1\n" for number, time in enumerate(times))
    found = [pd.Timestamp(line["ordered_at"]) for line in lines(open_shop(text, zone=zone))]
    expected = [pd.Timestamp(moment, tz="UTC") for moment in times.values()]
    assert dict(zip(times, found, strict=True)) == dict(zip(times, expected, strict=True))


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York"])
def test_every_quarter_of_an_hour_around_both_clock_changes(open_shop, zone):
    spans = (("2020-03-07", "2020-03-09"), ("2020-03-28", "2020-03-30"), ("2020-10-24", "2020-11-02"))
    clock = pd.DatetimeIndex([moment for span in spans for moment in pd.date_range(*span, freq="15min")])
    clock = clock[clock.tz_localize(zone, nonexistent="NaT", ambiguous="NaT").notna()]
    text = HEADER + "".join(f"{number:05},ann,jam,{moment},1,1\n" for number, moment in enumerate(clock))
    found = pd.DatetimeIndex([line["ordered_at"] for line in lines(open_shop(text, zone=zone))])
    assert (found == clock.tz_localize(zone).tz_convert("UTC")).all()


def test_a_time_format_and_lines_that_do_not_follow_it(open_shop):
    text = HEADER + LINE.replace("2020-01-01 10:00", "31.07.2020 10:00") + LINE.replace("1,ann", "2,ann")
    wb = open_shop(text, time_format="%d.%m.%Y %H:%M", zone="Europe/London")
    assert [line["ordered_at"] for line in lines(wb)] == [datetime(2020, 7, 31, 9, tzinfo=UTC)]
    assert aside(wb) == {"ordered_at not readable": 1}


def test_a_time_format_with_offset(open_shop):
    wb = open_shop(
        HEADER + LINE.replace("2020-01-01 10:00", "31.07.2020 10:00 +0530"),
        time_format="%d.%m.%Y %H:%M %z",
        zone="Europe/London",
    )
    assert lines(wb)[0]["ordered_at"] == datetime(2020, 7, 31, 4, 30, tzinfo=UTC)


def test_a_parquet_time_with_zone_is_an_instant(open_shop):
    moment = pd.Timestamp("2020-07-15 10:00", tz="Asia/Tokyo")
    frame = pd.DataFrame(
        {"order": "1", "customer": "a", "product": "p", "time": [moment], "quantity": [1], "price": [1.0]}
    )
    wb = open_shop(frame, file="orders.parquet", zone="America/New_York")
    assert pd.Timestamp(lines(wb)[0]["ordered_at"]) == moment


@pytest.mark.parametrize(
    ("time_format", "good", "bad"),
    [
        (
            "%d.%m.%Y",
            {"29.02.2024": "2024-02-29", "1.2.2024": "2024-02-01"},
            ["31.02.2024", "29.02.2023", "2024-02-01"],
        ),
        (None, {"2024-02-29": "2024-02-29"}, ["0000-00-00", "0000-00-00 00:00:00", "2024-02-31", "29.02.2024"]),
        (
            "%m/%d/%y %I:%M %p",
            {"7/4/24 12:30 AM": "2024-07-04 00:30", "07/04/24  1:05 pm": "2024-07-04 13:05"},
            ["13/1/24 1:00 AM"],
        ),
        ("%d %b %Y", {"5 Mar 2024": "2024-03-05"}, ["5 Mrz 2024", "31 Apr 2024"]),
        ("unix", {"1700000000": "2023-11-14 22:13:20"}, ["soon", "-5"]),
        ("unix_ms", {"1700000000123": "2023-11-14 22:13:20.123"}, ["99999999999999999"]),
        (
            ["%d.%m.%Y %H:%M", "%d.%m.%Y", "unix"],
            {"01.02.2024": "2024-02-01", "01.02.2024 09:15": "2024-02-01 09:15", "1700000000": "2023-11-14 22:13:20"},
            ["2024-02-01"],
        ),
    ],
)
def test_time_formats_and_days_that_the_calendar_does_not_have(open_shop, time_format, good, bad):
    said = [*good, *bad]
    text = HEADER + "".join(f"{number:02},ann,jam,{time},1,1\n" for number, time in enumerate(said))
    wb = open_shop(text, **({"time_format": time_format} if time_format else {}))
    found = {said[int(line["order_id"])]: pd.Timestamp(line["ordered_at"]) for line in lines(wb)}
    assert found == {time: pd.Timestamp(moment, tz="UTC") for time, moment in good.items()}
    assert aside(wb) == {"ordered_at not readable": len(bad)}


# money


def test_quantity_times_unit_price_is_exact(open_shop):
    cases = [
        ("3", "0.10", "0.3000"),  # 0.30000000000000004 in binary
        ("-2", "1.15", "-2.3000"),  # a return
        ("1000000", "0.00123", "1230.0000"),  # a price finer than what a line keeps
        ("9999", "9999999999.9999", "99989999999999.0001"),  # each of 14 digits
        ("0.333", "3", "0.9990"),  # sold by weight
        ("0.12345678", "1000", "123.4568"),  # rounded once, at the end
        ("-0.00005", "1", "-0.0001"),
    ]
    text = HEADER + "".join(f"{n},ann,jam,2020-01-01,{q},{price}\n" for n, (q, price, _) in enumerate(cases))
    assert [line["revenue"] for line in lines(open_shop(text))] == [Decimal(revenue) for _, _, revenue in cases]


def test_an_amount_too_large_to_keep_is_set_aside(open_shop):
    large = [("1e9", "9999999999"), ("999999", "99999999999"), ("1e300", "1"), ("-1e9", "9999999999")]
    wb = open_shop(HEADER + "".join(LINE.replace("1,2.50", ",".join(each)) for each in large))
    assert aside(wb) == {"revenue too large": 4}


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 10**13), min_size=100, max_size=100))
def test_mapped_revenue_adds_up_to_the_last_digit(open_shop, amounts):
    columns = {column: column for column in ("order_id", "product_id", "ordered_at", "quantity", "revenue")}
    text = (
        ",".join(columns)
        + "\n"
        + "".join(f"{n},jam,2020-01-01,1,{Decimal(each) / 10_000:.4f}\n" for n, each in enumerate(amounts))
    )
    wb = open_shop(text, {"order_lines": columns})
    assert wb.table("order_lines").revenue.sum().execute() == Decimal(sum(amounts)) / 10_000


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(-(10**6), -1) | st.integers(1, 10**6), st.integers(1, 10**9)), min_size=100))
def test_products_of_quantity_and_price_add_up_to_the_last_digit(open_shop, pairs):
    # a quantity of three decimals and a price of one give an amount of four
    text = HEADER + "".join(
        f"{n},ann,jam,2020-01-01,{Decimal(quantity) / 1000:.3f},{Decimal(price) / 10:.1f}\n"
        for n, (quantity, price) in enumerate(pairs)
    )
    wb = open_shop(text)
    exact = sum(quantity * price for quantity, price in pairs)
    assert wb.table("order_lines").revenue.sum().execute() == Decimal(exact) / 10_000


@pytest.mark.parametrize(
    ("said", "options", "revenue"),
    [
        ("1.234,50", {}, "1234.5000"),  # a comma behind points can only be one
        ("1,234.50", {}, "1234.5000"),
        ("1 234,5", {}, "1234.5000"),
        ("1'234.50", {}, "1234.5000"),
        ("€ 12,99", {}, "12.9900"),
        ("1.234", {"decimal": ","}, "1234.0000"),
        ("1.234", {"decimal": "."}, "1.2340"),
        ("1,234", {"decimal": "."}, "1234.0000"),
        ("12.345.678,9", {}, "12345678.9000"),
    ],
)
def test_decimal_commas_and_thousands_points(open_shop, said, options, revenue):
    wb = open_shop((HEADER + LINE).replace(",", ";").replace("2.50", said), **options)
    assert table(wb, "order_lines", "revenue") == [(Decimal(revenue),)]


def test_a_decimal_sign_that_nobody_could_tell_is_asked_for(open_shop):
    text = HEADER.replace(",", ";") + "1;ann;jam;2020-01-01;1;1.234\n"
    assert refused(open_shop, text) == (
        "orders.csv: numbers such as '1.234' (in quantity, price) can be read with a decimal point or a decimal comma; "
        "none tells which: expected `decimal` in the settings of the source"
    )


# what words mean

EVENTS = {
    "event": "action",
    "occurred_at": "at",
    "device_id": "visitor",
    "product_id": "sku",
    "position": "place",
    "query": "words",
}


def test_names_of_events_are_translated_and_others_stay_as_they_are(open_shop):
    text = "action,at,visitor,sku,place,words\n" + "".join(
        f"{action},2020-01-0{day},v,jam,{day},\n"
        for day, action in enumerate(("purchased", "add to cart", "Purchased", "view", ""), start=1)
    )
    words = {"events": {"event": {"purchased": "purchase", "add to cart": "add_to_cart"}, "position": {"5": ""}}}
    wb = open_shop(text, {"events": EVENTS}, file="events.csv", values=words)
    assert table(wb, "events", "event", "position") == [
        ("purchase", 1),
        ("add_to_cart", 2),
        ("Purchased", 3),  # compared as it stands
        ("view", 4),
    ]
    assert aside(wb) == {"no event": 1}


def test_a_word_that_is_translated_to_nothing_is_a_missing_value(open_shop):
    words = {"order_lines": {"customer_id": {"GUEST": ""}, "unit_price": {"free": "0.01", "n/a": ""}}}
    text = HEADER + LINE.replace("ann", "GUEST") + LINE.replace("2.50", "free") + LINE.replace("2.50", "n/a")
    wb = open_shop(text, values=words)
    assert table(wb, "order_lines", "customer_id", "revenue") == [(None, Decimal("2.5000")), ("ann", Decimal("0.0100"))]
    assert aside(wb) == {"no revenue": 1}


def test_constants_fill_what_the_file_does_not_say(open_shop):
    tables = {"order_lines": {key: value for key, value in MAPPING["order_lines"].items() if key != "quantity"}}
    tables["order_lines"]["channel"] = "till"
    constants = {"order_lines": {"quantity": 3, "channel": "web", "discount": 0.5, "ordered_at": "1999-01-01"}}
    text = "order,customer,product,time,price,till\n1,ann,jam,2020-01-01,0.10,\n2,ann,jam,2020-01-02,0.20,shop\n"
    wb = open_shop(text, tables, constants=constants)
    assert table(wb, "order_lines", "quantity", "revenue", "channel", "discount") == [
        (3.0, Decimal("0.3000"), "web", Decimal("0.5000")),
        (3.0, Decimal("0.6000"), "shop", Decimal("0.5000")),
    ]
    assert [at.year for (at,) in table(wb, "order_lines", "ordered_at")] == [2020, 2020]


def test_a_constant_does_not_hide_what_cannot_be_read(open_shop):
    wb = open_shop(HEADER + LINE.replace(",1,", ",one,") + LINE, constants={"order_lines": {"quantity": 7}})
    assert table(wb, "order_lines", "quantity") == [(1.0,)]
    assert aside(wb) == {"quantity not readable": 1}


def test_yes_and_no_in_words(open_shop):
    said = ["Yes", " no ", "TRUE", "f", "1", "0", "Y", "ja", "nein", "", "perhaps"]
    tables = {"customers": {"customer_id": "id", "email_consent": "mail"}}
    text = "id,mail\n" + "".join(f"{number},{word}\n" for number, word in enumerate(said))
    words = {"customers": {"email_consent": {"ja": True, "nein": False}}}
    wb = open_shop(text, tables, file="customers.csv", values=words, constants={"customers": {"country": "DE"}})
    assert table(wb, "customers", "email_consent", "country") == [
        (consent, "DE") for consent in (True, False, True, False, True, False, True, True, False, None)
    ]
    assert aside(wb) == {"email_consent not readable": 1}


@pytest.mark.parametrize(
    ("said", "position"),
    [("3", 3), ("3.0", 3), (" 4 ", 4), ("3.5", None), ("third", None), ("3000000000", None), ("1e2", 100)],
)
def test_positions_are_whole_numbers(open_shop, said, position):
    text = f"action,at,visitor,sku,place,words\nview,2020-01-01,v,jam,{said},\n"
    wb = open_shop(text, {"events": EVENTS}, file="events.csv", decimal=".")
    assert table(wb, "events", "position") == ([(position,)] if position else [])
    assert aside(wb) == ({} if position else {"position not readable": 1})


def test_currencies_in_small_letters_or_none_at_all(open_shop):
    tables = {"order_lines": MAPPING["order_lines"] | {"currency": "currency"}}
    text = HEADER.replace("\n", ",currency\n") + "".join(
        LINE.replace("\n", f",{word}\n") for word in ("GBP", "gbp ", "", "pounds", "EUR")
    )
    wb = open_shop(text, tables)
    assert table(wb, "order_lines", "currency") == [("GBP",)] * 3
    assert aside(wb) == {"currency no ISO currency code": 1, "no rate to GBP for its currency": 1}
