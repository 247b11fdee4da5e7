"""Which slates are asked for: by whom, when, beside what."""

from functools import lru_cache
from typing import NamedTuple

import pandas as pd

from reco.pipeline import history, sold
from reco.workbook import Workbook


class Requests(NamedTuple):
    """Slates asked for in one context.

    Attributes:
        frame: one row a slate: slate_id, customer_id (may be missing), asked_at.
        anchors: slate_id, item_id: the product on the page or the products in the basket.
    """

    frame: pd.DataFrame
    anchors: pd.DataFrame


def standing_requests(wb: Workbook, context: str, until: pd.Timestamp) -> Requests:
    """What the shop would ask for at `until`, for everyone.

    A product page for each product that the models know, without a customer; for each customer one slate, beside
    the basket of the latest order where the context is anchored in a basket (which stands in for an open cart).
    """
    anchor = wb.settings.contexts[context].anchor
    if anchor == "product":
        items = history(wb, until).items
        ids = context + "-" + items.to_series(index=range(len(items))).astype(str)
        frame = pd.DataFrame({"slate_id": ids, "customer_id": None, "asked_at": until})
        return Requests(frame, pd.DataFrame({"slate_id": ids, "item_id": items}))
    baskets = latest_baskets(wb, until)
    baskets = baskets.assign(slate_id=context + "-" + baskets["customer_id"])
    frame = baskets[["slate_id", "customer_id"]].drop_duplicates(ignore_index=True).assign(asked_at=until)
    if anchor == "customer":
        return Requests(frame, pd.DataFrame({"slate_id": [], "item_id": []}, dtype="str"))
    return Requests(frame, baskets[["slate_id", "item_id"]])


@lru_cache(maxsize=4)
def latest_baskets(wb: Workbook, until: pd.Timestamp) -> pd.DataFrame:
    """The products of every customer's latest order before `until`: customer_id, item_id.

    Of two orders at the same moment, the one with the higher id.
    """
    lines = sold(wb).filter(lambda lines: lines.ordered_at < until)
    newest = lines.order_id.last(order_by=[lines.ordered_at, lines.order_id])
    orders = lines.group_by("customer_id").aggregate(order_id=newest)
    latest = lines.semi_join(orders, ["customer_id", "order_id"])
    latest = latest.select("customer_id", item_id="product_id").distinct().order_by("customer_id", "item_id")
    return wb.connection.to_pandas(latest)
