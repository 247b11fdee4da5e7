"""Slates: what one widget shows one customer, by the context's strategies and the rules."""

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.contexts.proposals import by_anchor, by_customer, customer_lists, item_lists, strongest_anchor
from reco.contexts.requests import Requests
from reco.contexts.rules import Limits, choose, short_slates, take_turns, without
from reco.pipeline import candidates, history, sold
from reco.settings import Context, Strategy
from reco.workbook import Workbook

#: How many trending products stand by as fallback.
STANDBY = 50


def make_slates(wb: Workbook, name: str, requests: Requests, until: pd.Timestamp) -> pd.DataFrame:
    """The slates of context `name`, made by models that know the history before `until`.

    Columns: slate_id, context, customer_id, position (from 1), item_id, score, strategy (title), reason, fallback.
    """
    context, x = wb.settings.contexts[name], history(wb, until)
    frame = requests.frame.reset_index(drop=True)
    anchors, users = _coded(requests.anchors, frame, x.items), x.rows(frame["customer_id"])
    proposals = []
    for number, strategy in enumerate(context.strategies):
        if _asks_customer(context, strategy):
            found = by_customer(customer_lists(wb, strategy.model, until), users)
        else:
            found = by_anchor(item_lists(wb, strategy.model, until), anchors, len(frame))
        proposals.append(found.assign(strategy=np.int8(number)))
    blocked = pd.concat([anchors, _recent(wb, frame, until)], ignore_index=True)
    ordered = take_turns(without(pd.concat(proposals, ignore_index=True), blocked))

    categories, limits = _categories(wb, x.products)
    short = short_slates(ordered, len(frame), categories, limits)
    standby = without(_standby(wb, short, len(context.strategies), until), blocked)
    ordered = pd.concat([ordered, standby]).sort_values("slate", kind="stable").drop_duplicates(["slate", "item"])
    chosen = choose(ordered, categories, context.size, limits.min_categories).reset_index(drop=True)
    return _described(wb, chosen, frame, anchors, name, until)


def _asks_customer(context: Context, strategy: Strategy) -> bool:
    return context.anchor == "customer" or strategy.by == "customer"


def _coded(anchors: pd.DataFrame, frame: pd.DataFrame, items: pd.Index) -> pd.DataFrame:
    """Anchors as numbers (slate, item), without products that the models do not know."""
    slates = pd.Index(frame["slate_id"]).get_indexer(anchors["slate_id"])
    coded = pd.DataFrame({"slate": slates, "item": items.get_indexer(anchors["item_id"])})
    return coded[(coded >= 0).all(axis=1)].drop_duplicates(ignore_index=True)


def _recent(wb: Workbook, frame: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """What each slate's customer bought in the days before asking, as numbers (slate, item)."""
    days = wb.settings.rules.not_bought_within_days
    known = frame[frame["customer_id"].notna()]
    if days == 0 or known.empty:
        return pd.DataFrame({"slate": [], "item": []}, dtype="int64")
    since = known["asked_at"].min() - pd.Timedelta(days=days)
    lines = sold(wb).filter(lambda lines: lines.ordered_at >= since)
    bought = wb.connection.to_pandas(lines.select("customer_id", "product_id", "ordered_at").distinct())
    customers = pd.Index(known["customer_id"].unique())
    bought = pd.DataFrame(
        {
            "customer": customers.get_indexer(bought["customer_id"]),
            "item": history(wb, until).columns(bought["product_id"]),
            "ordered_at": bought["ordered_at"],
        }
    )
    asked = pd.DataFrame(
        {"slate": known.index, "customer": customers.get_indexer(known["customer_id"]), "asked_at": known["asked_at"]}
    )
    pairs = asked.merge(bought[(bought["item"] >= 0) & (bought["customer"] >= 0)], on="customer")
    age = pairs["asked_at"] - pairs["ordered_at"]
    recent = (age > pd.Timedelta(0)) & (age <= pd.Timedelta(days=days))
    return pairs.loc[recent, ["slate", "item"]].drop_duplicates()


def _standby(wb: Workbook, short: np.ndarray, strategy: int, until: pd.Timestamp) -> pd.DataFrame:
    """Trending products for the slates that need them, after all strategies."""
    trending = candidates(wb, "trending", until).iloc[:STANDBY]
    items = history(wb, until).columns(trending[Columns.ITEM])
    return pd.DataFrame(
        {
            "slate": np.repeat(short, len(items)),
            "item": np.tile(items, len(short)),
            "score": np.tile(trending[Columns.SCORE], len(short)),
            "strategy": np.int8(strategy),
        }
    )


def _categories(wb: Workbook, products: pd.DataFrame) -> tuple[np.ndarray, Limits]:
    """Category number of each item (-1 unknown), and the rules' numbers; a store without categories cannot vary."""
    rules = wb.settings.rules
    codes, names = pd.factorize(products[Columns.CATEGORY])
    return codes, Limits(rules.min_categories if len(names) else 0, rules.fallback_below)


def _described(
    wb: Workbook, chosen: pd.DataFrame, frame: pd.DataFrame, anchors: pd.DataFrame, name: str, until: pd.Timestamp
) -> pd.DataFrame:
    """Numbers back to ids and words."""
    context, x = wb.settings.contexts[name], history(wb, until)
    labels = np.array([*(strategy.title for strategy in context.strategies), "Trending"], dtype=object)
    reasons, titles = labels[chosen["strategy"]], x.products[Columns.TITLE].to_numpy(object)
    for number, strategy in enumerate(context.strategies):
        if not _asks_customer(context, strategy):
            mine = chosen[chosen["strategy"] == number]
            because = strongest_anchor(item_lists(wb, strategy.model, until), anchors, mine)
            reasons[mine.index] = "Goes with " + titles[because]
    asked = frame.iloc[chosen["slate"].to_numpy()]
    return pd.DataFrame(
        {
            Columns.SLATE: asked["slate_id"].to_numpy(),
            Columns.CONTEXT: name,
            Columns.CUSTOMER: asked["customer_id"].to_numpy(),
            Columns.POSITION: chosen["position"].to_numpy("int32"),
            Columns.ITEM: x.items.take(chosen["item"].to_numpy()),
            Columns.SCORE: chosen["score"].to_numpy("float32"),
            Columns.STRATEGY: labels[chosen["strategy"]],
            Columns.REASON: reasons,
            "fallback": chosen["strategy"].to_numpy() == len(context.strategies),
        }
    )
