"""Instants and wall-clock times, where the data is; the engine's session knows `to_utc` and `to_local`.

A plain cast would take the session's zone, which differs from machine to machine.
"""

import re
from typing import Final, Literal

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import IntegerValue, StringValue, TimestampValue

Instant = dt.Timestamp(timezone="UTC", scale=6)
WallClock = dt.Timestamp(scale=6)

#: A moment as ISO 8601 writes it, with a space or a T, fractions and offset as may be.
ISO: Final = (
    r"^\s*(\d{4}-\d{2}-\d{2})(?:[ T](\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)\s*(Z|UTC|[+-]\d{2}(?::?\d{2})?)?)?\s*$"
)

#: strptime directives that `parse` knows, as patterns.
DIRECTIVES: Final = {
    "Y": r"\d{4}", "y": r"\d{2}", "m": r"\d{1,2}", "d": r"\d{1,2}", "H": r"[01]?\d|2[0-3]",
    "I": r"0?[1-9]|1[0-2]", "M": r"\d{2}", "S": r"\d{2}", "f": r"\d{1,9}", "p": r"[AaPp]\.?[Mm]\.?",
    "b": r"[A-Za-z]{3}", "B": r"[A-Za-z]+", "z": r"Z|UTC|[+-]\d{2}:?\d{2}",
}  # fmt: skip

#: The last second of the year 9999, counted from 1970; later ones are no dates on every engine.
LAST_SECOND: Final = 253_402_300_799

MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@ibis.udf.scalar.builtin(name="to_utc")
def to_utc(zone: str, moment: WallClock) -> Instant:
    """A wall-clock time in an IANA zone as an instant."""


@ibis.udf.scalar.builtin(name="to_local")
def to_local(zone: str, moment: Instant) -> WallClock:
    """An instant as the wall-clock time of an IANA zone."""


def parse(text: StringValue, zone: str, time_format: str | None = None) -> TimestampValue:
    """Texts as instants; null where a text is no moment, or one that the calendar does not have.

    Without `time_format` a text is ISO 8601. The format is one of strptime, of the directives in `DIRECTIVES`; white
    space stands for any. A time without an offset from UTC is the wall clock of `zone`.

    Raises `ValueError` for a directive that is not known.
    """
    if time_format is None:
        day, time, offset = (text.re_extract(ISO, group) for group in (1, 2, 3))
        return _instant(day, time, offset, zone)
    pattern, order = _pattern(time_format)
    group = {directive: text.re_extract(pattern, number) for number, directive in enumerate(order, start=1)}
    year = group["Y"] if "Y" in group else ibis.literal("20") + group["y"]
    month = _month(group["b"] if "b" in group else group["B"]) if {"b", "B"} & set(group) else group["m"].lpad(2, "0")
    day = year + "-" + month + "-" + group["d"].lpad(2, "0")
    hour = _hour_of_day(group) if "p" in group else group["H"].lpad(2, "0") if "H" in group else ibis.literal("00")
    minute, second = (group.get(part, ibis.literal("00")) for part in "MS")
    fraction = ibis.literal(".") + group["f"] if "f" in group else ibis.literal("")
    offset = group.get("z", ibis.literal(""))
    return _instant(
        ibis.ifelse(text.re_search(pattern), day, ""), hour + ":" + minute + ":" + second + fraction, offset, zone
    )


def check_format(time_format: str) -> str:
    """`time_format` itself; raises `ValueError` where `parse` could make no moment of it."""
    order = _pattern(time_format)[1]
    if not (set("Yy") & set(order) and set("mbB") & set(order) and "d" in order):
        raise ValueError("expected a time format with a year, a month and a day, such as %d.%m.%Y %H:%M")
    return time_format


def since_epoch(count: IntegerValue, unit: Literal["s", "us"]) -> TimestampValue:
    """Seconds or microseconds since 1970 in UTC as instants; null before that and after the year 9999."""
    per_second = {"s": 1, "us": 1_000_000}[unit]
    seconds = ibis.ifelse(count.between(0, LAST_SECOND * per_second), count // per_second, None)
    whole = seconds.as_timestamp("s").cast(Instant)
    return whole if per_second == 1 else whole + (count % per_second).as_interval("us")


def _instant(day: StringValue, time: StringValue, offset: StringValue, zone: str) -> TimestampValue:
    """ISO parts as an instant; a part that is not there is empty."""
    time = ibis.ifelse(time == "", "00:00:00", ibis.ifelse(time.re_search(r"^\d:"), ibis.literal("0") + time, time))
    time = ibis.ifelse(time.length() == 5, time + ":00", time).left(15)
    clock = ibis.ifelse(day == "", ibis.null("string"), day + " " + time).try_cast(WallClock)
    hours, minutes = offset.re_extract(r"(\d{2}):?(\d{2})?$", 1), offset.re_extract(r"(\d{2}):?(\d{2})?$", 2)
    seconds = hours.try_cast("int64") * 3600 + minutes.try_cast("int64").fill_null(0) * 60
    seconds = ibis.ifelse(offset.startswith("-"), -seconds, seconds).fill_null(0)
    absolute = clock.cast(Instant) - seconds.as_interval("s")
    return ibis.ifelse(offset == "", to_utc(zone, clock), absolute)


def _month(name: StringValue) -> StringValue:
    found = [(name.lower().left(3) == month, f"{number:02}") for number, month in enumerate(MONTHS, start=1)]
    return ibis.cases(*found, else_="")


def _hour_of_day(group: dict[str, StringValue]) -> StringValue:
    hour = group["I" if "I" in group else "H"].try_cast("int64") % 12
    hour = hour + ibis.ifelse(group["p"].lower().startswith("p"), 12, 0)
    return hour.cast("string").lpad(2, "0")


def _pattern(time_format: str) -> tuple[str, list[str]]:
    """A strptime format as a pattern of groups, and the directive of each group."""
    pattern, order = "", []
    for part in re.findall(r"%.|\s+|[^%\s]+", time_format):
        if part.isspace():
            pattern += r"\s+"
        elif part == "%%":
            pattern += "%"
        elif part.startswith("%"):
            if part[1:] not in DIRECTIVES:
                raise ValueError(
                    f"time format {time_format!r}: {part} is not known; expected %{', %'.join(DIRECTIVES)}"
                )
            pattern, order = pattern + f"({DIRECTIVES[part[1:]]})", [*order, part[1:]]
        else:
            pattern += re.escape(part)
    return rf"^\s*{pattern}\s*$", order
