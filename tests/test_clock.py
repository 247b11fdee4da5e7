"""Wall clocks and instants, against the zones of the standard library."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.clock import Instant, WallClock, parse_instant, parse_local, to_local, to_utc

ZONES = ("Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")


@pytest.fixture(scope="module")
def evaluate():
    """A function that evaluates an expression in a session whose own zone is a third one."""
    connection = ibis.duckdb.connect()
    connection.raw_sql("SET TimeZone = 'Asia/Tokyo'")
    return lambda expression: connection.raw_sql(f"SELECT ({ibis.to_sql(expression)})::VARCHAR").fetchone()[0]


def instant(moment: datetime):
    return ibis.literal(moment, type=Instant)


def wall_clock(moment: datetime):
    return ibis.literal(moment, type=WallClock)


def read(text: str) -> datetime:
    return datetime.fromisoformat(text)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1)).map(lambda moment: moment.replace(microsecond=0)),
)
def test_local_time_is_that_of_the_zone_whatever_the_session(evaluate, zone, moment):
    moment = moment.replace(tzinfo=UTC)
    assert read(evaluate(to_local(zone, instant(moment)))) == moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1)).map(lambda moment: moment.replace(microsecond=0)),
)
def test_an_instant_is_found_again_unless_its_hour_comes_twice(evaluate, zone, moment):
    expected = moment.replace(tzinfo=ZoneInfo(zone), fold=1)
    assert read(evaluate(to_utc(zone, wall_clock(moment)))) == expected.astimezone(UTC)


def test_the_hour_that_comes_twice_and_the_one_that_never_comes(evaluate):
    twice, never = datetime(2020, 10, 25, 1, 30), datetime(2020, 3, 29, 1, 30)
    assert read(evaluate(to_utc("Europe/London", wall_clock(twice)))) == datetime(2020, 10, 25, 1, 30, tzinfo=UTC)
    assert read(evaluate(to_utc("Europe/London", wall_clock(never)))) == datetime(2020, 3, 29, 1, 30, tzinfo=UTC)


def test_text_that_does_not_follow_its_format_is_null(evaluate):
    assert read(evaluate(parse_local("31.12.2020 10:00", "%d.%m.%Y %H:%M"))) == datetime(2020, 12, 31, 10)
    assert evaluate(parse_local("2020-12-31", "%d.%m.%Y %H:%M")) is None
    assert evaluate(parse_local("31.02.2020 10:00", "%d.%m.%Y %H:%M")) is None
    found = read(evaluate(parse_instant("31.12.2020 10:00 -0500", "%d.%m.%Y %H:%M %z")))
    assert found == datetime(2020, 12, 31, 15, tzinfo=UTC)
