"""Instants and wall-clock times, where the data is: DuckDB's timezone() in both directions.

A plain cast would take the session's zone, which differs from machine to machine.
"""

import ibis
import ibis.expr.datatypes as dt

Instant = dt.Timestamp(timezone="UTC", scale=6)
WallClock = dt.Timestamp(scale=6)


@ibis.udf.scalar.builtin(name="timezone")
def to_utc(zone: str, moment: WallClock) -> Instant:
    """A wall-clock time in an IANA zone as an instant."""


@ibis.udf.scalar.builtin(name="try_strptime")
def parse_local(text: str, time_format: str) -> WallClock:
    """A wall-clock time by a strptime format without zone; null where the text does not follow it."""


@ibis.udf.scalar.builtin(name="try_strptime")
def parse_instant(text: str, time_format: str) -> Instant:
    """An instant by a strptime format with %z or %Z; null where the text does not follow it."""


@ibis.udf.scalar.builtin(name="timezone")
def to_local(zone: str, moment: Instant) -> WallClock:
    """An instant as the wall-clock time of an IANA zone."""
