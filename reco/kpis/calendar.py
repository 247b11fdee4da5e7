"""The shop's own days as an expression that needs no function of the engine and no zone of its session."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

import ibis
import pandas as pd
from ibis.expr.types import StringValue, TimestampValue

#: A log may cover so many days at most; a moment far from the others is a mistake, not a log of centuries.
MOST_DAYS: Final = 4_000


def midnights(first: pd.Timestamp, last: pd.Timestamp, zone: str) -> tuple[list[str], list[pd.Timestamp]]:
    """The days of `zone` from `first` to `last` (instants) as ISO text, and the instant at which each begins.

    On nights when clocks change a day has 23 or 25 hours.

    >>> ends = (pd.Timestamp(day, tz="UTC") for day in ("2026-03-28", "2026-03-30"))
    >>> days, starts = midnights(*ends, "Europe/London")
    >>> days, [str(start)[:16] for start in starts]
    (['2026-03-28', '2026-03-29', '2026-03-30'], ['2026-03-28 00:00', '2026-03-29 00:00', '2026-03-29 23:00'])
    """
    place = ZoneInfo(zone)
    day, end = first.tz_convert(place).date(), last.tz_convert(place).date()
    count = (end - day).days + 1
    days = [day + timedelta(n) for n in range(min(count, MOST_DAYS))]
    return [str(day) for day in days], [_start(day, place) for day in days]


def _start(day: object, place: ZoneInfo) -> pd.Timestamp:
    """The first instant of a day; some zones leave out midnight when clocks go forward."""
    return pd.Timestamp(day).tz_localize(place, ambiguous=True, nonexistent="shift_forward").tz_convert("UTC")


def day_of(moment: TimestampValue, days: Sequence[str], starts: Sequence[pd.Timestamp]) -> StringValue:
    """The day a moment falls on, by halving; `""` for a missing moment and one outside of the days."""

    def find(low: int, high: int) -> StringValue:
        if high - low == 1:
            return ibis.literal(days[low])
        middle = (low + high) // 2
        return ibis.ifelse(moment < ibis.literal(starts[middle]), find(low, middle), find(middle, high))

    if not len(days):
        return ibis.literal("")
    end = starts[-1] + pd.Timedelta(hours=25)
    known = moment.notnull() & (moment >= ibis.literal(starts[0])) & (moment < ibis.literal(end))
    return ibis.ifelse(known, find(0, len(days)), ibis.literal(""))
