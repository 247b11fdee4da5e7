"""Slates asked for, as numbers of the snapshot's customers and products."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from reco.contexts.requests import Requests
from reco.contexts.snapshot import Snapshot


class Asked(NamedTuple):
    """Slates asked for, by number.

    Attributes:
        count: how many.
        customer: number of each slate's customer, int64; -1 where nobody knows who it is.
        at: when each is asked for, microseconds since 1970, int64.
        anchors: slate and item (int64) of what each slate stands beside; products that no model knows are replaced
            by the established ones that stand for them.
        shown: slate and item of the anchors that are on the shelf themselves.
        context: key of the context that asks, where it may have weights of its own.
    """

    count: int
    customer: np.ndarray
    at: np.ndarray
    anchors: pd.DataFrame
    shown: pd.DataFrame
    context: str | None = None


def code(shop: Snapshot, requests: Requests, context: str | None = None) -> Asked:
    """The requests of a context as numbers; anchors of unknown slates are left out."""
    frame, anchors = requests.frame, requests.anchors
    slate = pd.Index(frame["slate_id"]).get_indexer(anchors["slate_id"])
    return Asked(
        len(frame),
        shop.customers.get_indexer(pd.Index(frame["customer_id"], dtype=object)),
        pd.DatetimeIndex(frame["asked_at"]).as_unit("us").asi8,
        _pairs(slate, shop.standing_for(anchors["item_id"])),
        _pairs(slate, shop.numbers(anchors["item_id"])),
        context,
    )


def _pairs(slate: np.ndarray, item: np.ndarray) -> pd.DataFrame:
    known = (slate >= 0) & (item >= 0)
    pairs = pd.DataFrame({"slate": slate[known].astype("int64"), "item": item[known].astype("int64")})
    return pairs.drop_duplicates(ignore_index=True)
