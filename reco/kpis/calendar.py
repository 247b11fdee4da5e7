"""The shop's own days as a cheap expression that needs no zone of the engine's session."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pandas as pd
from ibis.expr import datatypes as dt
from ibis.expr.types import IntegerValue, TimestampValue

#: A log may cover so many days at most; a moment far from the others is a mistake, not a log of centuries.
MOST_DAYS: Final = 4_000

_EPOCH: Final = pd.Timestamp(0, tz="UTC")
_MICRO: Final = timedelta(microseconds=1)


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


@ibis.udf.scalar.builtin
def unix_micros(moment: dt.timestamp) -> int:
    """Microseconds since 1970, as both engines tell them whatever the zone of their session."""


def day_number(moment: TimestampValue, starts: Sequence[pd.Timestamp]) -> IntegerValue:
    """How many days after the first of `starts` (as `midnights` gives them) a moment falls; missing for a missing one.

    The moment's distance by whole days of 24 hours, once for each stretch of days between two nights on which clocks
    change: a log of 100 million rows has a few of these. A day may be longer or shorter, or missing altogether.
    """
    day = timedelta(days=1) // _MICRO
    if not len(starts):
        return ibis.null("int64")
    micros = np.array([(start - _EPOCH) // _MICRO for start in starts])
    late = micros - (micros[0] + day * np.arange(len(micros)))
    time, origin = unix_micros(moment), ibis.literal(int(micros[0]))
    for n in np.flatnonzero(np.diff(late)) + 1:
        # after its 24 hours a longer day goes on by the count of the next one
        since = micros[n] - day if late[n] > late[n - 1] else micros[n]
        origin = ibis.ifelse(time < int(since), origin, int(micros[0] + late[n]))
    return ((time - origin) // day).cast("int64")
