"""A shelf of six products and two slates that propose all of them."""

import numpy as np
import pandas as pd
import pytest

from reco.journal import DAY, Journal
from reco.rules import Pool, Shelf

IDS = ["a", "b", "c", "d", "e", "f"]
NOON = 20_000 * DAY + DAY // 2  # 4 October 2024


def shelf_of(**columns: list) -> Shelf:
    """A shelf with some columns; the others are unknown."""
    text = ("title", "department", "category", "subcategory", "brand", "price_band")
    numbers = ("price", "margin", "age_days", "repurchase_days", "season_index", "stock")
    frame = pd.DataFrame(
        {column: columns.get(column, [None] * len(IDS)) for column in text}
        | {column: columns.get(column, [np.nan] * len(IDS)) for column in numbers},
        index=pd.Index(IDS, name="product_id"),
    )
    for column in ("starts_at", "ends_at"):
        frame[column] = pd.to_datetime(columns.get(column, [None] * len(IDS)), utc=True)
    return Shelf(pd.Index(IDS), frame, len(IDS))


def pool_of(
    shelf: Shelf,
    bought: list[tuple[int, int, int]] = (),
    at: int = NOON,
    agreed: bool = True,
    personal: bool = False,
    own: bool = False,
) -> Pool:
    """Two slates that propose all six products; the first is customer 0's, the second nobody's.

    `bought` has (customer, item, days before noon).
    """
    rows = np.array([(who, item, NOON - days * DAY) for who, item, days in bought], dtype="int64").reshape(-1, 3).T
    return Pool(
        np.repeat([0, 1], 6),
        np.tile(np.arange(6), 2),
        np.full(12, personal),
        np.full(12, own),
        shelf,
        np.array([0, -1]),
        np.array([at, at]),
        np.array([agreed, False]),
        Journal.of(*rows),
    )


@pytest.fixture
def refused():
    """A function that gives the ids refused to the first slate and to the second."""

    def ids(rule, pool: Pool) -> list[str]:
        found = rule.refuses(pool)
        return ["".join(pool.shelf.ids[pool.item[found & (pool.slate == slate)]]) for slate in (0, 1)]

    return ids
