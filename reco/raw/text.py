"""How the text of a file is encoded, found out from all of its bytes."""

import codecs
import io
import re
from collections.abc import Callable
from typing import Final, NamedTuple

from reco.errors import InputError
from reco.raw.files import PART, Found, check_magic, opened

#: Marks at the head of a file; the longer ones first, since one begins another.
MARKS: Final = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

#: Bytes that cp1252 has no character for; Latin-1 has one for each.
NOT_IN_CP1252: Final = b"\x81\x8d\x8f\x90\x9d"

#: How much of a file's head tells UTF-16 without a mark.
HEAD: Final = 4096


class Encoding(NamedTuple):
    """How a file's text is encoded.

    Attributes:
        name: what Python calls it.
        errors: what becomes of bytes that are no text.
        damage: finds what stands in the text for such bytes, and NUL characters; none where there are none.
    """

    name: str
    errors: str = "strict"
    damage: re.Pattern[str] | None = None


def detect(one: Found, given: str | None = None) -> Encoding:
    """The encoding of a file: by its mark, else UTF-8 where all bytes are that, else the one of Windows.

    In a file that is mostly UTF-8, broken bytes are damage. `given` is not doubted. Raises `InputError` where the
    bytes are no text, or not of the encoding given.
    """
    with opened(one) as stream:
        head = stream.read(HEAD)
    check_magic(head, one.label)
    name = given or next((name for mark, name in MARKS.items() if head.startswith(mark)), None) or _unmarked(head)
    if name is None or name == "utf-8-sig":
        return _eight_bits(one, name or "utf-8")
    try:
        "".encode(name)  # raises for what is known but encodes no text
        decoder = codecs.getincrementaldecoder(name)()
        nul = _scan(one, lambda part: "\0" in decoder.decode(part))
        cut = bool(decoder.getstate()[0])
    except LookupError:
        raise InputError(f"{one.label}: no encoding is called {name!r}; expected a name such as cp1250") from None
    except UnicodeError as error:
        raise InputError(f"{one.label}: is not {name} text ({error}); expected another encoding") from None
    return Encoding(name, "replace" if cut else "strict", re.compile("[\0\ufffd]") if cut or nul else None)


def open_text(one: Found, encoding: Encoding) -> io.TextIOWrapper:
    """A file as text, line ends as they are."""
    return io.TextIOWrapper(opened(one), encoding=encoding.name, errors=encoding.errors, newline="")


def _unmarked(head: bytes) -> str | None:
    """UTF-16 without a mark shows in the zero bytes of every other place."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) * 10 < len(head) or max(even, odd) < 10 * min(even, odd) or not head:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _eight_bits(one: Found, name: str) -> Encoding:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    counts = {"characters": 0, "broken": 0, "nul": 0, "undefined": 0}

    def count(part: bytes, final: bool = False) -> bool:
        counts["nul"] += b"\0" in part
        text = decoder.decode(part, final)
        if not text.isascii():
            broken = len(re.findall("[\udc80-\udcff]", text))
            counts["broken"] += broken
            counts["characters"] += len(re.findall("[^\0-\x7f]", text)) - broken
            counts["undefined"] += any(byte in part for byte in NOT_IN_CP1252)
        return False

    _scan(one, count)
    cut = len(decoder.getstate()[0])
    nul = "\0" if counts["nul"] else ""
    if counts["broken"] > counts["characters"] and name == "utf-8":
        windows = "latin-1" if counts["undefined"] else "cp1252"
        return Encoding(windows, damage=re.compile(nul) if nul else None)
    if counts["broken"] or cut:
        return Encoding(name, "surrogateescape", re.compile(f"[\udc80-\udcff{nul}]"))
    return Encoding(name, damage=re.compile(nul) if nul else None)


def _scan(one: Found, look: Callable[[bytes], bool]) -> bool:
    """Whether `look` finds what it looks for in any part of a file; all parts are looked at."""
    found = False
    with opened(one) as stream:
        while part := stream.read(PART):
            found |= look(part)
    return found
