"""All contexts filled at one moment, and looked at."""

from typing import NamedTuple

import pandas as pd

from reco.columns import Columns
from reco.contexts.requests import Requests, standing_requests
from reco.contexts.slates import make_slates
from reco.pipeline import sold
from reco.workbook import Workbook


class Filled(NamedTuple):
    """One context with what was asked for and what it shows."""

    requests: Requests
    slates: pd.DataFrame


def fill(wb: Workbook, until: pd.Timestamp) -> dict[str, Filled]:
    """The standing slates of every context in the settings, by context."""
    filled = {}
    for name in wb.settings.contexts:
        requests = standing_requests(wb, name, until)
        filled[name] = Filled(requests, make_slates(wb, name, requests, until))
    return filled


def strategy_shares(wb: Workbook, filled: dict[str, Filled]) -> pd.DataFrame:
    """Which strategy fills which share of each context's places: context (title), strategy, places, share."""
    parts = [
        slates.groupby(Columns.STRATEGY).size().rename("places").reset_index().assign(context=name)
        for name, (_, slates) in filled.items()
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame["share"] = frame["places"] / frame.groupby(Columns.CONTEXT)["places"].transform("sum")
    frame[Columns.CONTEXT] = frame[Columns.CONTEXT].map({n: c.title for n, c in wb.settings.contexts.items()})
    return frame[[Columns.CONTEXT, Columns.STRATEGY, "places", "share"]]


class Example(NamedTuple):
    """Whom previews are for.

    Attributes:
        customer_id: never shown.
        item_id: the product this customer bought in most orders.
    """

    customer_id: str
    item_id: str


def example_customer(wb: Workbook, until: pd.Timestamp, place: int = 1) -> Example:
    """The customer with the `place`-th highest revenue before `until`, and this customer's usual product."""
    lines = sold(wb).filter(lambda lines: lines.ordered_at < until)
    revenue = lines.group_by("customer_id").aggregate(revenue=lines.revenue.sum())
    best = revenue.order_by(revenue.revenue.desc(), "customer_id").limit(1, offset=place - 1).execute()
    if best.empty:
        raise ValueError(f"no customer number {place}; the store has {revenue.count().execute()}")
    customer = best["customer_id"][0]
    own = lines.filter(lines.customer_id == customer).group_by("product_id").aggregate(n=lines.order_id.nunique())
    return Example(customer, own.order_by(own.n.desc(), "product_id").limit(1).execute()["product_id"][0])


def slate_of(filled: Filled, anchor: str, who: Example) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What `who` sees in one context, and the anchors (slate_id, item_id) that it stands beside."""
    requests, slates = filled
    if anchor == "product":
        beside = requests.anchors[requests.anchors[Columns.ITEM] == who.item_id]
        return slates[slates[Columns.SLATE].isin(beside[Columns.SLATE])], beside
    mine = slates[slates[Columns.CUSTOMER] == who.customer_id]
    return mine, requests.anchors[requests.anchors[Columns.SLATE].isin(mine[Columns.SLATE])]
