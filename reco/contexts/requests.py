"""Which slates are asked for: by whom, when, beside what."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from pandas.util import hash_array

from reco.pipeline import history, sold, without_consent
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

    Customers without personalization consent ask only where the context is anchored in the customer; no model knows
    them, so their slates hold what is popular. Nobody is sent mail who refused it.
    """
    anchor = wb.settings.contexts[context].anchor
    if anchor == "product":
        items = history(wb, until).items
        ids = context + "-" + items.to_series(index=range(len(items))).astype(str)
        frame = pd.DataFrame({"slate_id": ids, "customer_id": None, "asked_at": until})
        return Requests(frame, pd.DataFrame({"slate_id": ids, "item_id": items}))
    baskets = latest_baskets(wb, until)
    if wb.settings.contexts[context].channel == "email":
        baskets = baskets[~baskets["customer_id"].isin(refused_mail(wb))]
    baskets = baskets.assign(slate_id=opaque_ids(wb, context, baskets["customer_id"], until))
    frame = baskets[["slate_id", "customer_id"]].drop_duplicates(ignore_index=True).assign(asked_at=until)
    if anchor == "customer":
        unknown = buyers_without_consent(wb, until)
        unknown = (
            unknown[~unknown.isin(refused_mail(wb))] if wb.settings.contexts[context].channel == "email" else unknown
        )
        ids = opaque_ids(wb, context, unknown, until)
        others = pd.DataFrame({"slate_id": ids, "customer_id": unknown, "asked_at": until})
        frame = pd.concat([frame, others], ignore_index=True) if len(others) else frame
        return Requests(frame, pd.DataFrame({"slate_id": [], "item_id": []}, dtype="str"))
    return Requests(frame, baskets[["slate_id", "item_id"]])


def opaque_ids(wb: Workbook, kind: str, customers: pd.Series, at: pd.Timestamp) -> pd.Series:
    """Slate ids for customers that tell nobody who they are: the same kind, customer and moment give the same id.

    SipHash (Aumasson, Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012; 64 bits) under a key of the store's
    own data: without these, nobody can try which customer gives an id. Slates keep customer_id beside it, for joins.
    """
    told = f"{kind}\0{at.isoformat()}\0" + customers.astype("str")
    hashed = hash_array(told.to_numpy(object), hash_key=wb.secret("slates"), categorize=False)
    return pd.Series(np.char.mod(f"{kind.replace('%', '%%')}-%016x", hashed), index=customers.index, dtype="str")


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


def buyers_without_consent(wb: Workbook, until: pd.Timestamp) -> pd.Series:
    """customer_id of those who ordered before `until` and may not be recommended to in person, ascending."""
    lines = wb.table("order_lines")
    ids = lines.filter(lines.ordered_at < until).select("customer_id").distinct()
    ids = ids.semi_join(without_consent(wb), "customer_id").order_by("customer_id")
    return wb.connection.to_pandas(ids)["customer_id"].astype("str")


def refused_mail(wb: Workbook) -> pd.Series:
    """customer_id of those who said no to e-mail."""
    customers = wb.table("customers")
    return wb.connection.to_pandas(customers.filter(~customers.email_consent).select("customer_id"))["customer_id"]
