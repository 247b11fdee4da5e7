"""JSON documents of any size: the elements of their lists, one after the other, whole or refused."""

import json
import re
from collections.abc import Iterator
from typing import Final, NamedTuple, TextIO

#: Characters that are read at once, and the most that one value may have.
PART: Final = 1 << 22
LONGEST: Final = 1 << 27

CUT_OFF: Final = "cut off"
NOT_JSON: Final = "not JSON"
TOO_LONG: Final = f"longer than {LONGEST:,} characters"
AFTER_END: Final = "stands after the end of the document"

_DECODER: Final = json.JSONDecoder(parse_int=str, parse_float=str)
_SPACE: Final = re.compile(r"[ \t\r\n\ufeff]*")
_TEXT_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\]]', re.DOTALL)


class Piece(NamedTuple):
    """The text of one record.

    Attributes:
        line: where it stands.
        text: what it is.
        reason: why it is refused before anyone looks at it; none for others.
        if_broken: why it is refused in case it is no JSON.
    """

    line: int
    text: str
    reason: str | None = None
    if_broken: str | None = None


class _BrokenError(Exception):
    """The value at hand cannot be read."""


class Document:
    """A text of JSON values that is read piece by piece; what has been used is let go."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._buffer = ""
        self._at = 0

    def keys(self, wanted: tuple[str, ...]) -> dict[str, str]:
        """Keys of the first object with how their values begin, up to the first of the `wanted` that has a list."""
        found: dict[str, str] = {}
        if self._next() != "{":
            return found
        self._at += 1
        try:
            while self._next() == '"':
                key = json.loads(self._value())
                self._take(":")
                found[key] = self._next()
                if found[key] == "[" and key in wanted:
                    break
                for _ in self._elements() if found[key] == "[" else [self._value()]:
                    pass
                if self._next() == ",":
                    self._at += 1
        except _BrokenError:
            pass
        return found

    def pieces(self, wanted: frozenset[str] | None) -> Iterator[Piece]:
        """Elements of lists, and objects that stand alone; of pages, elements of the lists under `wanted` keys."""
        while first := self._next():
            try:
                if first == "[":
                    yield from self._elements()
                elif first == "{" and wanted is not None:
                    yield from self._page(wanted)
                else:
                    yield self._piece()
            except _BrokenError as error:
                yield Piece(0, self._buffer[self._at :], str(error))
                return

    def _page(self, wanted: frozenset[str]) -> Iterator[Piece]:
        self._take("{")
        while (first := self._next()) != "}":
            if first != '"':
                raise _BrokenError(NOT_JSON if first else CUT_OFF)
            key = json.loads(self._value())
            self._take(":")
            if self._next() == "[":
                for piece in self._elements():
                    if key in wanted:
                        yield piece
            else:
                self._value()
            self._separator("}")
        self._take("}")

    def _elements(self) -> Iterator[Piece]:
        self._take("[")
        while (first := self._next()) != "]":
            if not first:
                raise _BrokenError(CUT_OFF)
            yield self._piece()
            self._separator("]")
        self._take("]")

    def _piece(self) -> Piece:
        """The record that begins here, refused where it cannot be read but its end can be seen."""
        try:
            return Piece(0, self._value())
        except _BrokenError as error:
            end = self._end_of_broken()
            if end is None or end == self._at:
                raise
            text = self._buffer[self._at : end]
            self._at = end
            return Piece(0, text, str(error))

    def _separator(self, end: str) -> None:
        """A comma, or the end before which none stands."""
        found = self._next()
        if found == ",":
            self._at += 1
        elif found != end:
            raise _BrokenError(NOT_JSON if found else CUT_OFF)

    def _take(self, sign: str) -> None:
        found = self._next()
        if found != sign:
            raise _BrokenError(NOT_JSON if found else CUT_OFF)
        self._at += 1

    def _next(self) -> str:
        """The next character that is no space, empty at the end."""
        while True:
            self._at = _SPACE.match(self._buffer, self._at).end()
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more():
                return ""

    def _more(self) -> bool:
        part = self._stream.read(PART)
        if part:
            self._buffer = self._buffer[self._at :] + part
            self._at = 0
        return bool(part)

    def _value(self) -> str:
        """The text of the value that begins here."""
        while True:
            try:
                _, end = _DECODER.raw_decode(self._buffer, self._at)
            except RecursionError:
                raise _BrokenError("nested too deeply") from None
            except json.JSONDecodeError as error:
                open_end = error.pos >= len(self._buffer) - 8 or error.msg.startswith(("Unterminated", "Invalid \\u"))
                if len(self._buffer) - self._at > LONGEST:
                    raise _BrokenError(TOO_LONG) from None
                if open_end and self._more():
                    continue
                raise _BrokenError(CUT_OFF if open_end else NOT_JSON) from None
            # a number may go on where the buffer ends
            if end < len(self._buffer) or not self._more():
                text = self._buffer[self._at : end]
                self._at = end
                return text

    def _end_of_broken(self) -> int | None:
        """Where a broken element ends, going by its brackets; none where no end is in sight."""
        while True:
            depth = 0
            for found in _TEXT_OR_BRACKET.finditer(self._buffer, self._at):
                depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(found[0], 0)
                if depth <= 0 and found[0] in "}]":
                    return found.end() if depth == 0 else found.start()
            if len(self._buffer) - self._at > LONGEST or not self._more():
                return None
