"""Lists of products that the shop's staff keep in a file."""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from reco import shop_files
from reco.contexts.snapshot import Snapshot

#: How many products a remark names.
NAMED: Final = 3


def read_picks(shop: Snapshot, file: Path) -> np.ndarray:
    """Numbers of the products that a CSV names and the shelf has, in the order of the file, each once, int64.

    Raises as `shop_files.picks` does.
    """
    numbers = shop.numbers(shop_files.picks(shop.wb.settings, file))
    return numbers[numbers >= 0]


def passed_over(shop: Snapshot, file: Path) -> list[str]:
    """Which products of the file cannot be shown, and why, in sentences; raises as `read_picks` does."""
    ids = shop_files.picks(shop.wb.settings, file)
    missing = ids[shop.numbers(ids) < 0]
    products = shop.wb.table("products")
    known = products.filter(products.product_id.isin(missing.tolist())).select("product_id")
    there = missing.isin(shop.wb.connection.to_pandas(known)["product_id"])
    reasons = {
        "that the catalogue does not have": missing[~there],
        "that are excluded by the settings or were bought by too few customers": missing[there],
    }
    return [f"{file.name} names {_named(some)} {why}; passed over" for why, some in reasons.items() if len(some)]


def _named(ids: pd.Index) -> str:
    """`2 products (a, b)`, naming the first ones."""
    more = f" and {len(ids) - NAMED:,} more" if len(ids) > NAMED else ""
    return f"{len(ids):,} product{'s' if len(ids) > 1 else ''} ({', '.join(ids[:NAMED])}{more})"
