"""What the customers of slates like, by what they did before they are asked for."""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from reco.contexts.asked import Asked
from reco.contexts.snapshot import Snapshot
from reco.features.customers import HALF_LIFE
from reco.journal import DAY
from reco.ranking import place

#: Days that reach back to the beginning.
EVER: Final = 36_500
#: What a view counts beside a purchase.
VIEW: Final = 0.2
#: The latest acts of a customer whom models do not know that stand for what is at hand.
LATEST: Final = 20


class Acts(NamedTuple):
    """What tells of the taste behind each slate.

    Attributes:
        slate: number of the slate, int64.
        item: number of the product, int64.
        weight: how much it tells, float64.
    """

    slate: np.ndarray
    item: np.ndarray
    weight: np.ndarray


def acts(shop: Snapshot, asked: Asked) -> Acts:
    """Purchases and views before each slate, halved in weight every `HALF_LIFE` days; the rest have their anchors."""
    parts = []
    for journal, worth in ((shop.bought, 1.0), (shop.viewed, VIEW)):
        slate, entry = journal.within(asked.customer, asked.at, EVER)
        age = (asked.at[slate] - journal.at[entry]) / DAY
        parts.append((slate, journal.item[entry], worth * 0.5 ** (age / HALF_LIFE)))
    known = np.zeros(asked.count, bool)
    known[np.concatenate([slate for slate, _, _ in parts])] = True
    session = asked.anchors[~known[asked.anchors["slate"].to_numpy()]]
    parts.append((session["slate"].to_numpy(), session["item"].to_numpy(), np.ones(len(session))))
    return Acts(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def shares(shop: Snapshot, told: Acts, count: int, column: str) -> sparse.csr_matrix:
    """Which share of the acts of each of `count` slates is in each value of a shelf's column, (count, values).

    Products of unknown value do not count; rows add up to 1, or to 0 where nothing is known.
    """
    codes = shop.shelf.codes(column)[told.item]
    known = codes >= 0
    shape = (count, len(shop.shelf.names(column)))
    found = sparse.coo_matrix((told.weight[known], (told.slate[known], codes[known])), shape).tocsr()
    whole = np.asarray(found.sum(axis=1)).ravel()
    found.data /= np.repeat(whole, np.diff(found.indptr))
    return found


def share_of(shares: sparse.csr_matrix, slate: np.ndarray, code: np.ndarray) -> np.ndarray:
    """The share of each pair of slate and value, float64; 0 where the value is unknown (-1)."""
    found, known = np.zeros(len(slate)), np.flatnonzero(code >= 0)
    if len(known) and shares.nnz:
        found[known] = np.asarray(shares[slate[known], code[known]]).ravel()
    return found


def session(shop: Snapshot, asked: Asked, slates: np.ndarray) -> pd.DataFrame:
    """What stands for the history of `slates` (bool) whose customer no model knows: slate, item.

    The products at hand, and the `LATEST` ones that the customer bought or viewed.
    """
    customer = np.where(slates, asked.customer, -1)
    parts = [asked.anchors[slates[asked.anchors["slate"].to_numpy()]]]
    for journal in (shop.bought, shop.viewed):
        slate, entry = journal.within(customer, asked.at, EVER)
        slate, entry = slate[::-1], entry[::-1]  # the latest first
        order = np.argsort(slate, kind="stable")
        slate, item = slate[order], journal.item[entry[order]]
        late = place(slate) < LATEST
        parts.append(pd.DataFrame({"slate": slate[late], "item": item[late]}))
    return pd.concat(parts, ignore_index=True).drop_duplicates(ignore_index=True)
