"""What the readers of all formats give: rows as they are read, part by part, and those that were refused."""

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

import pyarrow as pa

#: How many rows, and characters of them, are held at once.
ROWS: Final = 32_768
CHARACTERS: Final = 1 << 25

#: How much of a refused row is kept.
SHOWN: Final = 500
_LOOKED_AT: Final = 4 * SHOWN

_ADDRESS: Final = re.compile(r"[^\s,;|<>\"'@]{1,256}(?:@|%40|\\u0040)[^\s,;|<>\"']*", re.IGNORECASE)
_MOMENT_OR_DIGITS: Final = re.compile(
    r"((?<!\d)(?:19|20)\d\d-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?(?!\d))|\+?\(?\d(?:[\s().\-/]?\d){6,}"
)


class Refusal(NamedTuple):
    """A row that could not be read.

    Attributes:
        line: where it begins.
        reason: why, in plain words.
        row: its text, without addresses and long numbers.
    """

    line: int
    reason: str
    row: str


class Chunk(NamedTuple):
    """Rows of a file.

    Attributes:
        rows: the columns of the raw table as text, and `line`.
        refused: rows between them that could not be read.
        decimal: the sign of numbers that the texts themselves leave open, where the format settles it.
    """

    rows: pa.Table
    refused: list[Refusal]
    decimal: Literal[".", ","] | None = None


class Parsed(NamedTuple):
    """A file that is being read: what was found out first, and its rows."""

    chunks: Iterator[Chunk]
    encoding: str | None = None
    separator: str | None = None


def mask(text: str) -> str:
    """A text without addresses and telephone numbers."""
    return _MOMENT_OR_DIGITS.sub(lambda found: found[1] or "***", _ADDRESS.sub("***", text))


def refuse(line: int, reason: str, row: str) -> Refusal:
    """A refusal that keeps nobody's address or telephone number.

    >>> refuse(7, "cut off", "7,buyer1@example.com,+1 775 555 0154,2026-11-24")
    Refusal(line=7, reason='cut off', row='7,***,***,2026-11-24')
    """
    text = row[:_LOOKED_AT]
    if len(row) > _LOOKED_AT:
        # what is cut in two would not be known for what it is
        text = re.sub(r"[^\s,;|]{1,256}$", "", text)
    text = mask(text).encode(errors="replace").decode().replace("\0", "")
    return Refusal(line, reason, text.strip("\r\n")[:SHOWN])
