"""One's own data by column mapping: nothing is lost in silence, nothing is guessed."""

from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import MAPPING
from tests.sources.own_files import HEADER, LINE, aside, lines

# what is set aside, and counted


def test_unreadable_values_are_set_aside_and_counted_by_reason(open_shop):
    text = HEADER + LINE
    text += "2,ann,jam,31/12/2020,1,1\n" * 2  # no ISO date
    text += "3,ann,jam,2020-02-30,1,1\n"  # no such day
    text += '4,ann,jam,2020-01-01,1,"1,50"\n' + "4,ann,jam,2020-01-01,1,one\n" + "4,ann,jam,2020-01-01,1,nan\n"
    text += "5,ann,jam,2020-01-01,two,1\n" + "5,ann,jam,2020-01-01,nan,1\n" + "5,ann,jam,2020-01-01,inf,1\n"
    text += "6,ann,,2020-01-01,1,1\n" + "7,ann,jam,,1,1\n" + "8,ann,jam,2020-01-01,1, \n"
    wb = open_shop(text, decimal=".")
    assert [line["order_id"] for line in lines(wb)] == ["1"]
    assert aside(wb) == {
        "no ordered_at": 1,
        "no product_id": 1,
        "no revenue": 1,
        "ordered_at not readable": 3,
        "quantity not readable": 3,
        "unit_price not readable": 3,
    }


def test_an_unreadable_value_outside_the_key_is_not_passed_over(open_shop):
    columns = {column: column for column in ("order_id", "product_id", "ordered_at", "quantity", "revenue", "discount")}
    text = ",".join(columns) + "\n1,jam,2020-01-01,1,2,0.50\n2,jam,2020-01-01,1,2,half\n"
    wb = open_shop(text, {"order_lines": columns})
    assert [line["discount"] for line in lines(wb)] == [Decimal("0.5000")]
    assert aside(wb) == {"discount not readable": 1}


def test_guests_stay_and_are_no_loss_of_customers(open_shop):
    tables = MAPPING | {"customers": {"customer_id": "customer"}}
    wb = open_shop(HEADER + LINE + '2,,jam,2020-01-01,1,1\n3,"",jam,2020-01-01,1,1\n', tables)
    assert [line["customer_id"] for line in lines(wb)] == ["ann", None, None]
    assert wb.table("customers").customer_id.execute().tolist() == ["ann"]
    assert wb.set_aside.empty


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


# two sources, and the second store


def test_one_title_a_product_the_most_frequent_and_the_first_of_equals(open_shop):
    titles = ["JAM", "Jam", "Jam", "?", "tea", "Tea", None]
    products = ["jam"] * 4 + ["tea"] * 2 + ["gin"]
    frame = pd.DataFrame(
        {
            "product": products,
            "name": titles,
            "order": "1",
            "customer": "a",
            "time": "2020-01-01",
            "quantity": 1,
            "price": 1,
        }
    )
    tables = MAPPING | {"products": {"product_id": "product", "title": "name"}}
    found = open_shop(frame, tables, file="orders.parquet").table("products").order_by("product_id").execute()
    assert dict(zip(found["product_id"], found["title"], strict=True)) == {
        "gin": "Product gin",
        "jam": "Jam",
        "tea": "Tea",
    }
