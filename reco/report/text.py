"""Numbers, dates and tables as readers see them, in plain text."""

import os
import re
import sys
import sysconfig
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

import pandas as pd
from babel.numbers import format_currency
from pandas.api import types

#: What stands where there is no value.
MISSING: Final = "–"

_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")

#: Folders whose names say something about the machine, longest first, and what readers see instead.
PLACES: Final = [
    (path, name)
    for path, name in (
        (str(Path(__file__).resolve().parents[2]) + os.sep, ""),
        (sysconfig.get_paths()["purelib"] + os.sep, ""),
        (sys.prefix, "<environment>"),
        (sys.base_prefix + os.sep, "<python>" + os.sep),
        (str(Path.home()), "~"),
    )
    if len(path) > 1
]

_SPEC: Final = re.compile(r"(integer|number|percent|money|date|text)(\+?)(?::(\w+))?(?::(\d))?")
_DECIMALS: Final = {"integer": 0, "number": 3, "percent": 1}


class Format(NamedTuple):
    """How one column is written; without decimals, money has as many as its currency.

    >>> Format.parse("percent+")(0.0213), Format.parse("money:GBP")(1234.5), Format.parse("money:GBP:0")(1234.5)
    ('+2.1%', '£1,234.50', '£1,234')
    >>> Format.parse("integer")(None)
    '–'
    """

    kind: str
    signed: bool = False
    decimals: int | None = 0
    currency: str = ""

    @classmethod
    def parse(cls, spec: str) -> "Format":
        """A format from its short name; raises `ValueError` when there is no such format."""
        match = _SPEC.fullmatch(spec)
        kind, sign, detail, decimals = match.groups() if match else ("", "", None, None)
        if kind == "money" and detail and re.fullmatch("[A-Z]{3}", detail):
            return cls(kind, bool(sign), int(decimals) if decimals else None, detail)
        if kind in _DECIMALS and (detail is None or detail.isdigit()) and not decimals:
            return cls(kind, bool(sign), int(detail) if detail else _DECIMALS[kind])
        if kind in {"date", "text"} and not sign and detail is None:
            return cls(kind)
        raise ValueError(
            f"no format {spec!r}; expected integer, number, percent, money:USD, date or text, "
            "as in percent+:2 with sign and decimals"
        )

    @classmethod
    def of(cls, column: pd.Series) -> "Format":
        """The format that suits a column's type."""
        if types.is_bool_dtype(column):
            return cls("text")
        if types.is_integer_dtype(column):
            return cls("integer")
        if types.is_float_dtype(column) or any(isinstance(value, Decimal) for value in column):
            return cls("number", decimals=_DECIMALS["number"])
        return cls("date" if types.is_datetime64_any_dtype(column) else "text")

    @property
    def numeric(self) -> bool:
        """Whether such a column aligns right."""
        return self.kind in {"integer", "number", "percent", "money"}

    def __call__(self, value: object) -> str:
        """`value` as text, or a dash when there is none."""
        if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
            return MISSING
        if self.kind == "money":
            pattern = None if self.decimals is None else "¤#,##0" + f".{'0' * self.decimals}".rstrip(".")
            text = format_currency(
                abs(value), self.currency, pattern, locale="en", currency_digits=self.decimals is None
            )
        elif self.numeric:
            unit = "%" if self.kind == "percent" else ""
            text = f"{abs(value) * (100 if unit else 1):,.{self.decimals}f}{unit}"
        elif isinstance(value, datetime):
            return f"{value:%Y-%m-%d}" if self.kind == "date" else f"{value:%Y-%m-%d %H:%M}"
        elif isinstance(value, date):
            return value.isoformat()
        elif value is True or value is False or type(value).__name__ == "bool":
            return "yes" if value else "no"
        else:
            return str(value)
        positive, negative = ("+" if self.signed else ""), "−"
        return (negative if value < 0 else positive if value > 0 else "") + text


def label(column: str) -> str:
    """A heading from a column's name.

    >>> label("customer_id")
    'Customer id'
    """
    words = column.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def plain_table(
    cells: pd.DataFrame, numeric: set[str], title: str, subtitle: str | None = None, note: str | None = None
) -> str:
    """A table of formatted cells in plain text, columns two blanks apart, numbers to the right."""
    columns = [[heading, *map(str, cells[heading])] for heading in cells.columns]
    aligned = []
    for heading, column in zip(cells.columns, columns, strict=True):
        width = max(map(len, column))
        aligned.append([text.rjust(width) if heading in numeric else text.ljust(width) for text in column])
    lines = ["  ".join(row).rstrip() for row in zip(*aligned, strict=True)]
    rule = "-" * max(map(len, lines))
    return "\n".join(filter(None, [title, subtitle, "", lines[0], rule, *lines[1:], note and f"Note: {note}"]))


def scrub(text: str) -> str:
    """`text` without terminal colours and without this machine's paths."""
    text = _COLOURS.sub("", text)
    for path, name in PLACES:
        text = text.replace(path, name)
    return text
