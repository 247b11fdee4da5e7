"""Which column of a file holds which column of a raw table."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa

from reco.errors import InputError
from reco.raw.chunks import mask
from reco.sources.base import Column
from reco.store import LINE, TEXT

#: The text in a header's last pair of parentheses.
KEY: Final = re.compile(r"\(([^()]*)\)[^()]*$")

#: A cell that is an e-mail address and nothing else.
ADDRESS: Final = re.compile(r"\s*[^\s@]{1,64}@[^\s@]{1,255}\.[^\s@.]{2,63}\s*")

#: How many of a file's headers an error tells.
TOLD: Final = 40


def fold(header: str) -> str:
    """A header as it is compared: without case, outer spaces and marks."""
    return header.replace("\ufeff", "").strip().casefold()


def match(headers: Sequence[str], columns: Mapping[str, Column]) -> dict[str, list[int]]:
    """Places of the headers that each column goes by; several where a header stands there several times.

    >>> match(["SKU ", "Farbe (shop.color)"], {"sku": Column(("sku",)), "colour": Column(("[shop.color]",))})
    {'sku': [0], 'colour': [1]}
    """
    plain: dict[str, list[int]] = {}
    keyed: dict[str, list[int]] = {}
    for place, header in enumerate(headers):
        plain.setdefault(fold(header), []).append(place)
        if key := KEY.search(header):
            keyed.setdefault(f"[{fold(key[1])}]", []).append(place)
    found = {
        name: next((known[fold(each)] for each in column.names for known in (plain, keyed) if fold(each) in known), [])
        for name, column in columns.items()
    }
    return {name: places for name, places in found.items() if places}


def told(headers: Sequence[str]) -> str:
    """Headers for an error, not more than anyone reads."""
    # a file without a header shows its first row here
    names = [mask(header.strip()[:60]) for header in headers if header.strip()]
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    return (", ".join(names[:TOLD]) + more) or "none"


def check_required(
    found: Mapping[str, object], columns: Mapping[str, Column], headers: Sequence[str], label: str
) -> None:
    """Raise `InputError` where a column that a file must have is not there."""
    for name, column in columns.items():
        if column.required and name not in found and not column.by_content:
            names = " or ".join(repr(each) for each in column.names)
            raise InputError(f"{label}: no column {names}; found: {told(headers)}")


class Layout:
    """How rows of cells become columns of a raw table.

    Raises `InputError` where a required column is missing, or one that is asked for stands there twice and differs.
    """

    def __init__(self, headers: Sequence[str], columns: Mapping[str, Column], label: str) -> None:
        self._headers, self._columns, self._label = headers, columns, label
        self._places = match(headers, columns)
        self._by_content = {name for name, one in columns.items() if one.by_content and name not in self._places}
        check_required(self._places, columns, headers, label)

    def table(self, rows: list[list[str]], lines: list[int]) -> pa.Table:
        """The columns asked for, all null where the file lacks one, and the line of each row."""
        if self._by_content and rows:
            self._look_inside(rows)
        arrays = {name: self._column(name, rows, lines) for name in self._columns}
        return pa.table({**arrays, LINE: pa.array(lines, pa.int64())})

    def numbers(self) -> list[int]:
        """Places of the columns that hold numbers."""
        return [places[0] for name, places in self._places.items() if self._columns[name].kind == "number"]

    def _column(self, name: str, rows: list[list[str]], lines: list[int]) -> pa.Array:
        places, kind = self._places.get(name, []), self._columns[name].type
        if not places or kind != TEXT:
            return pa.nulls(len(rows), kind)
        first, *others = places
        for other in others:
            differs = next((n for n, row in enumerate(rows) if row[first] != row[other]), None)
            if differs is not None:
                header = self._headers[first]
                raise InputError(
                    f"{self._label}: two columns are called {header!r} and differ in line {lines[differs]}; "
                    "expected one"
                )
        return pa.array([row[first] for row in rows], TEXT)

    def _look_inside(self, rows: list[list[str]]) -> None:
        """Take for addresses the unclaimed column where at least half of what is said are some."""
        claimed = {place for places in self._places.values() for place in places}
        shares = {}
        for place in set(range(len(self._headers))) - claimed:
            said = [row[place] for row in rows if row[place]]
            addresses = sum(bool(ADDRESS.fullmatch(cell)) for cell in said if len(cell) < 400)
            if addresses and addresses * 2 >= len(said):
                shares[place] = addresses
        for name in self._by_content:
            if shares:
                self._places[name] = [max(shares, key=lambda place: (shares[place], -place))]
            elif self._columns[name].required:
                names = " or ".join(repr(each) for each in self._columns[name].names)
                raise InputError(
                    f"{self._label}: no column {names}, and none that holds e-mail addresses; "
                    f"found: {told(self._headers)}"
                )
        self._by_content = set()
