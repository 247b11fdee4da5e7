"""All contexts filled at one moment, and looked at."""

import re
from typing import NamedTuple

import pandas as pd

from reco.columns import Columns
from reco.contexts.requests import Requests, standing_requests
from reco.contexts.slates import make_slates
from reco.contexts.snapshot import snapshot
from reco.contexts.strategies import remarks as of_strategies
from reco.errors import InputError
from reco.pipeline import sold
from reco.settings import Rules
from reco.workbook import Workbook


class Filled(NamedTuple):
    """One context with what was asked for, what it shows, and what the rules did (see `slates.Slates`)."""

    requests: Requests
    slates: pd.DataFrame
    report: pd.DataFrame


def fill(wb: Workbook, until: pd.Timestamp, rules: Rules | None = None) -> dict[str, Filled]:
    """The standing slates of every context in the settings, by context; under other `rules` where given."""
    filled = {}
    for name in wb.settings.contexts:
        requests = standing_requests(wb, name, until)
        filled[name] = Filled(requests, *make_slates(wb, name, requests, until, rules))
    return filled


def strategy_shares(wb: Workbook, filled: dict[str, Filled]) -> pd.DataFrame:
    """Which strategy fills which share of each context's places: context (title), strategy, places, share.

    Titles that name a category or a product count as one.
    """
    parts = []
    for name, one in filled.items():
        shown = one.slates[Columns.STRATEGY]
        for strategy in wb.settings.contexts[name].strategies:
            lead = re.split(r"\{(?:category|product)\}", strategy.title)[0]
            if lead and lead != strategy.title:
                shown = shown.where(~shown.str.startswith(lead), f"{lead.strip()} …")
        parts.append(shown.value_counts(sort=False).rename("places").rename_axis("strategy").reset_index())
        parts[-1].insert(0, Columns.CONTEXT, name)
    frame = pd.concat(parts, ignore_index=True)
    frame["share"] = frame["places"] / frame.groupby(Columns.CONTEXT)["places"].transform("sum")
    frame[Columns.CONTEXT] = frame[Columns.CONTEXT].map({n: c.title for n, c in wb.settings.contexts.items()})
    return frame[[Columns.CONTEXT, Columns.STRATEGY, "places", "share"]]


def reports(wb: Workbook, filled: dict[str, Filled]) -> pd.DataFrame:
    """What each rule did in all contexts together: rule (title), removed, moved, gave_way; the strongest first."""
    whole = pd.concat([one.report for one in filled.values()], ignore_index=True)
    summed = whole.groupby("rule", sort=False)[["removed", "moved", "gave_way"]].sum().reset_index()
    summed["rule"] = summed["rule"].map({rule.kind: rule.title for rule in wb.settings.rules.declared()})
    return summed


def remarks(wb: Workbook, until: pd.Timestamp) -> list[str]:
    """What the files read at fill time lack, and what strategies lack or pass over, in sentences, each once."""
    shop = snapshot(wb, until)
    strategies = [strategy for context in wb.settings.contexts.values() for strategy in context.strategies]
    return [*shop.remarks, *of_strategies(shop, strategies)]


class Example(NamedTuple):
    """Whom previews are for.

    Attributes:
        customer_id: never shown.
        item_id: the product this customer bought in most orders.
    """

    customer_id: str
    item_id: str


def example_customer(wb: Workbook, until: pd.Timestamp, place: int = 1) -> Example:
    """The customer with the `place`-th highest revenue before `until`, and this customer's usual product.

    Raises `InputError` where there are not so many customers.
    """
    lines = sold(wb).filter(lambda lines: lines.ordered_at < until)
    revenue = lines.group_by("customer_id").aggregate(revenue=lines.revenue.sum())
    best = revenue.order_by(revenue.revenue.desc(), "customer_id").limit(1, offset=place - 1).execute()
    if best.empty:
        count = revenue.count().execute()
        none = "" if count else f"; expected orders, and less under catalogue.exclude in {wb.settings.file.name}"
        raise InputError(f"no customer number {place} to show: {count:,} bought anything before {until:%Y-%m-%d}{none}")
    customer = best["customer_id"][0]
    own = lines.filter(lines.customer_id == customer).group_by("product_id").aggregate(n=lines.order_id.nunique())
    return Example(customer, own.order_by(own.n.desc(), "product_id").limit(1).execute()["product_id"][0])


def slate_of(filled: Filled, anchor: str, who: Example) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What `who` sees in one context, and the anchors (slate_id, item_id) that it stands beside."""
    requests, slates = filled.requests, filled.slates
    if anchor == "product":
        beside = requests.anchors[requests.anchors[Columns.ITEM] == who.item_id]
        return slates[slates[Columns.SLATE].isin(beside[Columns.SLATE])], beside
    mine = slates[slates[Columns.CUSTOMER] == who.customer_id]
    return mine, requests.anchors[requests.anchors[Columns.SLATE].isin(mine[Columns.SLATE])]


def one_slate(
    wb: Workbook,
    context: str,
    until: pd.Timestamp,
    customer_id: str | None = None,
    beside: tuple[str, ...] = (),
) -> pd.DataFrame:
    """The slate of one visitor: a known customer or an anonymous one, `beside` products that are being looked at.

    `beside` may name products that nobody knows, and be empty.
    """
    frame = pd.DataFrame({"slate_id": [context], "customer_id": [customer_id], "asked_at": [until]})
    anchors = pd.DataFrame({"slate_id": [context] * len(beside), "item_id": list(beside)}, dtype="str")
    return make_slates(wb, context, Requests(frame, anchors), until).frame
