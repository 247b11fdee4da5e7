"""Wall clocks and instants, against the zones and calendars of the standard library."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.clock import MONTHS, Instant, WallClock, check_format, parse, since_epoch, to_local, to_utc
from reco.engines import ENGINES

ZONES = ("Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")


@pytest.fixture(scope="module")
def evaluate():
    """A function that evaluates an expression in a session as stores are made in."""
    connection = ENGINES["duckdb"].connect(None)

    def value(expression: ibis.Value) -> object:
        found = connection.to_pyarrow(expression.name("value").as_table())["value"]
        return found.to_pylist() if len(found) > 1 else found[0].as_py()

    return value


def texts(*values: str | None) -> ibis.Column:
    return ibis.memtable(pa.table({"text": pa.array([*values, None], pa.string())}))["text"]


@pytest.fixture(scope="module")
def read(evaluate):
    """A function that reads one text as a moment."""
    return lambda text, zone="UTC", time_format=None: evaluate(parse(texts(text), zone, time_format))[0]


seconds = st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1)).map(lambda moment: moment.replace(microsecond=0))


# zones


@settings(max_examples=60)
@given(st.sampled_from(ZONES), seconds)
def test_local_time_is_that_of_the_zone(evaluate, zone, moment):
    moment = moment.replace(tzinfo=UTC)
    local = evaluate(to_local(zone, ibis.literal(moment, type=Instant)))
    assert local == moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


@settings(max_examples=60)
@given(st.sampled_from(ZONES), seconds)
def test_an_instant_is_found_again_unless_its_hour_comes_twice(evaluate, zone, moment):
    expected = moment.replace(tzinfo=ZoneInfo(zone), fold=1)
    assert evaluate(to_utc(zone, ibis.literal(moment, type=WallClock))) == expected.astimezone(UTC)


def test_the_hour_that_comes_twice_is_the_second_and_the_one_that_never_comes_is_as_after_it(read):
    assert read("2020-10-25 01:30", "Europe/London") == datetime(2020, 10, 25, 1, 30, tzinfo=UTC)
    assert read("2020-03-29 01:30", "Europe/London") == datetime(2020, 3, 29, 1, 30, tzinfo=UTC)


# ISO 8601


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-07-01", "2020-06-30T23:00:00"),  # London is an hour ahead in summer
        ("2020-07-01 10:05", "2020-07-01T09:05:00"),
        ("2020-07-01T10:05:06", "2020-07-01T09:05:06"),
        ("  2020-07-01 9:05:06\t", "2020-07-01T08:05:06"),
        ("2020-07-01 10:05:06.5", "2020-07-01T09:05:06.500000"),
        ("2020-07-01 10:05:06.123456789", "2020-07-01T09:05:06.123456"),
        ("2020-07-01T10:05:06Z", "2020-07-01T10:05:06"),
        ("2020-07-01 10:05:06 UTC", "2020-07-01T10:05:06"),
        ("2020-07-01T10:05:06+00:00", "2020-07-01T10:05:06"),
        ("2020-07-01T10:05:06-04:00", "2020-07-01T14:05:06"),
        ("2020-07-01 10:05:06 +0530", "2020-07-01T04:35:06"),
        ("2020-07-01T10:05:06.789+05", "2020-07-01T05:05:06.789000"),
        ("2020-02-29", "2020-02-29T00:00:00"),
    ],
)
def test_moments_as_iso_8601_writes_them(read, text, expected):
    assert read(text, "Europe/London") == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "soon", "2020", "2020-07", "2020-7-1", "20200701", "01.07.2020", "07/01/2020", "2020-07-01 10",
        "2020-07-01 24:01", "2020-07-01 10:61", "2020-13-01", "2020-02-30", "2019-02-29", "2020-07-01 10:05:06 EST",
        "2020-07-01 10:05:06 PM", "2020-07-01 10:05; DROP TABLE orders", "2020-07-01\n2020-07-02", "1593597600",
        "2020-07-01Z", "٢٠٢٠-٠٧-٠١",
    ],
)  # fmt: skip
def test_texts_that_are_no_moment_are_missing(read, text):
    assert read(text) is None


def test_a_missing_text_is_a_missing_moment(evaluate):
    assert evaluate(parse(texts("2020-07-01"), "UTC"))[1] is None
    assert evaluate(parse(texts("2020-07-01"), "UTC", "%Y-%m-%d"))[1] is None


offsets = st.none() | st.integers(-14 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), offsets), min_size=1, max_size=30),
    st.sampled_from(" T"),
)
def test_whatever_the_standard_library_writes_is_read_to_the_microsecond(evaluate, moments, between):
    moments = [moment.replace(tzinfo=zone) for moment, zone in moments]
    found = evaluate(parse(texts(*(moment.isoformat(between) for moment in moments)), "UTC"))
    assert found[:-1] == [
        (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC) for moment in moments
    ]


# formats


@pytest.mark.parametrize(
    ("time_format", "text", "expected"),
    [
        ("%d.%m.%Y %H:%M", "31.12.2020 10:00", "2020-12-31T10:00:00"),
        ("%d.%m.%Y %H:%M", " 1.2.2020  9:00 ", "2020-02-01T09:00:00"),
        ("%m/%d/%y %I:%M %p", "7/4/21 12:05 AM", "2021-07-04T00:05:00"),
        ("%m/%d/%y %I:%M %p", "7/4/21 12:05 PM", "2021-07-04T12:05:00"),
        ("%m/%d/%y %I:%M %p", "7/4/21 1:05 p.m.", "2021-07-04T13:05:00"),
        ("%b %d, %Y", "Feb 3, 2020", "2020-02-03T00:00:00"),
        ("%d %B %Y", "3 february 2020", "2020-02-03T00:00:00"),
        ("%Y%m%d%H%M%S", "20200203040506", "2020-02-03T04:05:06"),
        ("%Y-%m-%d %H:%M:%S.%f", "2020-02-03 04:05:06.25", "2020-02-03T04:05:06.250000"),
        ("%d/%m/%Y %H:%M %z", "31/12/2020 10:00 -0500", "2020-12-31T15:00:00"),
        ("%d/%m/%Y %H:%M %z", "31/12/2020 10:00 +05:30", "2020-12-31T04:30:00"),
        ("%d/%m/%Y %H:%M %z", "31/12/2020 10:00 Z", "2020-12-31T10:00:00"),
        ("100%% %Y|%m|%d", "100% 2020|02|03", "2020-02-03T00:00:00"),
    ],
)
def test_moments_by_a_format(read, time_format, text, expected):
    assert read(text, "UTC", time_format) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("time_format", "text"),
    [
        ("%d.%m.%Y %H:%M", "2020-12-31"),
        ("%d.%m.%Y %H:%M", "31.02.2020 10:00"),
        ("%d.%m.%Y %H:%M", "31.12.2020 25:00"),
        ("%d.%m.%Y %H:%M", "31.12.2020 10:00 and more"),
        ("%d.%m.%Y", "31x12x2020"),  # a point in a format is a point
        ("%d %b %Y", "3 Fbr 2020"),
        ("%d %B %Y", "3 Frimaire 2020"),
        ("%m/%d/%y %I:%M %p", "7/4/21 13:05 PM"),
        ("%m/%d/%y %I:%M %p", "7/4/21 0:05 PM"),
        ("%m/%d/%y %I:%M %p", "7/4/21 1:05"),
        ("%m/%d/%y %H:%M %p", "7/4/21 25:05 PM"),
    ],
)
def test_texts_that_do_not_follow_their_format_are_missing(read, time_format, text):
    assert read(text, "UTC", time_format) is None


def test_a_time_by_a_format_is_the_wall_clock_of_its_zone(read):
    assert read("1.7.2020 10:00", "America/New_York", "%d.%m.%Y %H:%M") == datetime(2020, 7, 1, 14, tzinfo=UTC)


#: Formats of which Python reads what it wrote.
FORMATS = (
    "%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%d %b %Y %H:%M:%S", "%B %d, %Y %H:%M:%S",
    "%Y%m%d%H%M%S", "%Y-%m-%dT%H:%M:%S.%f",
)  # fmt: skip


@settings(max_examples=60)
@given(st.sampled_from(FORMATS), st.lists(seconds, min_size=1, max_size=30))
def test_whatever_the_standard_library_writes_by_a_format_is_read(evaluate, time_format, moments):
    found = evaluate(parse(texts(*(moment.strftime(time_format) for moment in moments)), "UTC", time_format))
    assert found[:-1] == [moment.replace(tzinfo=UTC) for moment in moments]


def test_every_month_is_known_by_its_name(read):
    named = [read(f"1 {month} 2020", "UTC", "%d %b %Y") for month in MONTHS]
    assert [moment.month for moment in named] == list(range(1, 13))


@pytest.mark.parametrize("time_format", ["%Y-%m-%d", "%d.%m.%y %H:%M", "%b %d %Y", "%B %d %Y %I %p"])
def test_a_format_with_year_month_and_day_is_taken(time_format):
    assert check_format(time_format) == time_format


@pytest.mark.parametrize("time_format", ["", "%Y", "%Y-%m", "%H:%M", "%d.%m.", "time", "%%Y-%%m-%%d"])
def test_a_format_without_a_whole_date_is_refused(time_format):
    with pytest.raises(ValueError, match="expected a time format with a year, a month and a day"):
        check_format(time_format)


@pytest.mark.parametrize("directive", ["%j", "%s", "%q", "%Z", "%-d"])
def test_a_directive_that_is_not_known_is_named(directive):
    with pytest.raises(ValueError, match=rf"{directive[:2]} is not known; expected %Y, %y, %m"):
        check_format(f"%Y-%m-%d {directive}")


# counts since 1970


@settings(max_examples=60)
@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)))
def test_microseconds_since_1970(evaluate, moment):
    moment = moment.replace(tzinfo=UTC)
    count = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert evaluate(since_epoch(ibis.literal(count, type="int64"), "us")) == moment
    assert evaluate(since_epoch(ibis.literal(count // 1_000_000, type="int64"), "s")) == moment.replace(microsecond=0)


@pytest.mark.parametrize(("count", "unit"), [(-1, "s"), (-1, "us"), (253_402_300_800, "s"), (2**63 - 1, "us")])
def test_counts_beyond_the_calendar_are_missing(evaluate, count, unit):
    assert evaluate(since_epoch(ibis.literal(count, type="int64"), unit)) is None
