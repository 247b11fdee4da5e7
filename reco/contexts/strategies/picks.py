"""Lists of products that the shop's staff keep in a file."""

import csv
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from reco.contexts.snapshot import Snapshot
from reco.errors import InputError
from reco.settings import Settings, Strategy, place

#: How many products a remark names.
NAMED: Final = 3


def read_picks(shop: Snapshot, file: Path) -> np.ndarray:
    """Numbers of the products that a CSV names and the shelf has, in the order of the file, each once, int64.

    The CSV has a column product_id (and a note, which is not read). Raises `InputError` where there is no such file,
    it cannot be read, or it names no product.
    """
    numbers = shop.numbers(_ids(shop.wb.settings, file))
    return numbers[numbers >= 0]


def passed_over(shop: Snapshot, file: Path) -> list[str]:
    """Which products of the file cannot be shown, and why, in sentences; raises as `read_picks` does."""
    ids = _ids(shop.wb.settings, file)
    missing = ids[shop.numbers(ids) < 0]
    products = shop.wb.table("products")
    known = products.filter(products.product_id.isin(missing.tolist())).select("product_id")
    there = missing.isin(shop.wb.connection.to_pandas(known)["product_id"])
    reasons = {
        "that the catalogue does not have": missing[~there],
        "that are excluded by the settings or were bought by too few customers": missing[there],
    }
    return [f"{file.name} names {_named(some)} {why}; passed over" for why, some in reasons.items() if len(some)]


def _ids(settings: Settings, file: Path) -> pd.Index:
    """The product ids of the file, each once, in its order."""
    path = settings.root / file
    if not path.is_file():
        raise InputError(f"{_declared(settings, file)}: no such file {file}; expected a CSV of product_id and note")
    try:
        lines = list(csv.reader(StringIO(path.read_text(encoding="utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}:1: not readable as CSV in UTF-8 ({error}); expected product_id and note") from None
    header = [name.strip() for name in lines[0]] if lines else []
    if "product_id" not in header:
        found = ", ".join(header) or "nothing"
        raise InputError(f"{file}:1: expected a column product_id, found {found}")
    column = header.index("product_id")
    ids = []
    for number, line in enumerate(lines[1:], start=2):
        if any(cell.strip() for cell in line):
            if len(line) <= column or not line[column].strip():
                raise InputError(f"{file}:{number}: product_id is missing; expected the id of a product")
            ids.append(line[column].strip())
    if not ids:
        raise InputError(f"{file}:{len(lines) + 1}: no products; expected a product_id a line below the header")
    return pd.Index(dict.fromkeys(ids), dtype=object)


def _declared(settings: Settings, file: Path) -> str:
    """Where the settings name the file."""
    for name, context in settings.contexts.items():
        for number, strategy in enumerate(context.strategies):
            for keys, one in _with_instead(strategy):
                if one.file == file:
                    return place(settings, "contexts", name, "strategies", number, *keys, "file")
    return settings.file.name


def _with_instead(strategy: Strategy) -> Iterator[tuple[tuple[str, ...], Strategy]]:
    """A strategy and what would take its place, with the keys that lead there."""
    keys: tuple[str, ...] = ()
    one: Strategy | None = strategy
    while one is not None:
        yield keys, one
        keys, one = (*keys, "instead"), one.instead


def _named(ids: pd.Index) -> str:
    """`2 products (a, b)`, naming the first ones."""
    more = f" and {len(ids) - NAMED:,} more" if len(ids) > NAMED else ""
    return f"{len(ids):,} product{'s' if len(ids) > 1 else ''} ({', '.join(ids[:NAMED])}{more})"
