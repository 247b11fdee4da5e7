"""Slates: what one widget shows one customer, by the context's strategies and the rules."""

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.contexts.requests import Requests
from reco.contexts.rules import Limits, choose, short_slates, take_turns, without
from reco.pipeline import candidates, history, neighbours, sold
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
    anchors = _coded(requests.anchors, frame, x.items)
    proposals = [
        _propose(wb, context, strategy, frame, anchors, until).assign(strategy=np.int8(number))
        for number, strategy in enumerate(context.strategies)
    ]
    blocked = pd.concat([anchors, _recent(wb, frame, until)], ignore_index=True)
    ordered = take_turns(without(pd.concat(proposals, ignore_index=True), blocked))

    categories, limits = _categories(wb, x.products)
    short = short_slates(ordered, len(frame), categories, limits)
    ordered = pd.concat([ordered, without(_standby(wb, short, len(context.strategies), until), blocked)])
    ordered = ordered.sort_values("slate", kind="stable").drop_duplicates(["slate", "item"])
    chosen = choose(ordered, categories, context.size, limits.min_categories)
    return _described(chosen, frame, name, context, x.items, x.products[Columns.TITLE].to_numpy(object))


def _propose(
    wb: Workbook,
    context: Context,
    strategy: Strategy,
    frame: pd.DataFrame,
    anchors: pd.DataFrame,
    until: pd.Timestamp,
) -> pd.DataFrame:
    """One strategy's proposals: slate, item, score, because (the anchor that speaks most for the item, or -1)."""
    x = history(wb, until)
    if context.anchor == "customer" or strategy.by == "customer":
        lists = candidates(wb, strategy.model, until, exclude_seen=False)
        lists = pd.DataFrame(
            {
                "user": x.rows(lists[Columns.USER]),
                "item": x.columns(lists[Columns.ITEM]),
                "score": lists[Columns.SCORE],
            }
        )
        asked = pd.DataFrame({"slate": frame.index, "user": x.rows(frame["customer_id"])})
        found = asked[asked["user"] >= 0].merge(lists, on="user").drop(columns="user")
        return found.assign(because=-1)
    pairs = neighbours(wb, strategy.model, until)
    pairs = pd.DataFrame(
        {
            "anchor": x.columns(pairs[Columns.ITEM]),
            "item": x.columns(pairs[Columns.SIMILAR]),
            "score": pairs[Columns.SCORE],
        }
    )
    found = anchors.rename(columns={"item": "anchor"}).merge(pairs, on="anchor")
    found = found.sort_values(["slate", "item", "score"], ascending=[True, True, False], kind="stable")
    return found.groupby(["slate", "item"], as_index=False).agg(score=("score", "sum"), because=("anchor", "first"))


def _coded(anchors: pd.DataFrame, frame: pd.DataFrame, items: pd.Index) -> pd.DataFrame:
    """Anchors as numbers (slate, item), without products that the models do not know."""
    slates = pd.Index(frame["slate_id"]).get_indexer(anchors["slate_id"])
    coded = pd.DataFrame({"slate": slates, "item": items.get_indexer(anchors["item_id"])})
    return coded[coded["item"] >= 0]


def _recent(wb: Workbook, frame: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """What each slate's customer bought in the days before asking, as numbers (slate, item)."""
    days = wb.settings.rules.not_bought_within_days
    known = frame[frame["customer_id"].notna()]
    if days == 0 or known.empty:
        return pd.DataFrame({"slate": [], "item": []}, dtype="int64")
    since = known["asked_at"].min() - pd.Timedelta(days=days)
    lines = sold(wb).filter(lambda lines: lines.ordered_at >= since)
    bought = wb.connection.to_pandas(lines.select("customer_id", "product_id", "ordered_at").distinct())
    pairs = known.reset_index(names="slate")[["slate", "customer_id", "asked_at"]].merge(bought, on="customer_id")
    age = pairs["asked_at"] - pairs["ordered_at"]
    pairs = pairs[(age > pd.Timedelta(0)) & (age <= pd.Timedelta(days=days))]
    items = history(wb, until).columns(pairs["product_id"])
    return pd.DataFrame({"slate": pairs["slate"].to_numpy(), "item": items})[items >= 0].drop_duplicates()


def _standby(wb: Workbook, short: np.ndarray, strategy: int, until: pd.Timestamp) -> pd.DataFrame:
    """Trending products for the slates that need them, after all strategies."""
    x = history(wb, until)
    trending = candidates(wb, "trending", until, exclude_seen=False)
    items = x.columns(trending[Columns.ITEM].iloc[:STANDBY])
    return pd.DataFrame(
        {
            "slate": np.repeat(short, len(items)),
            "item": np.tile(items, len(short)),
            "score": np.tile(trending[Columns.SCORE].iloc[:STANDBY], len(short)),
            "because": -1,
            "strategy": np.int8(strategy),
        }
    )


def _categories(wb: Workbook, products: pd.DataFrame) -> tuple[np.ndarray, Limits]:
    """Category number of each item, and the rules' numbers; a store without categories cannot vary them."""
    rules = wb.settings.rules
    codes, names = pd.factorize(products[Columns.CATEGORY])
    return codes, Limits(rules.min_categories if len(names) else 0, rules.fallback_below)


def _described(
    chosen: pd.DataFrame, frame: pd.DataFrame, name: str, context: Context, items: pd.Index, titles: np.ndarray
) -> pd.DataFrame:
    """Numbers back to ids and words."""
    labels = np.array([*(strategy.title for strategy in context.strategies), "Trending"], dtype=object)
    because = chosen["because"].to_numpy()
    strategy = labels[chosen["strategy"]]
    reason = np.where(because >= 0, "Goes with " + titles[np.maximum(because, 0)], strategy)
    asked = frame.iloc[chosen["slate"].to_numpy()]
    return pd.DataFrame(
        {
            Columns.SLATE: asked["slate_id"].to_numpy(),
            Columns.CONTEXT: name,
            Columns.CUSTOMER: asked["customer_id"].to_numpy(),
            Columns.POSITION: chosen["position"].to_numpy("int32"),
            Columns.ITEM: items.take(chosen["item"].to_numpy()),
            Columns.SCORE: chosen["score"].to_numpy("float32"),
            Columns.STRATEGY: strategy,
            Columns.REASON: reason,
            "fallback": chosen["strategy"].to_numpy() == len(context.strategies),
        }
    )
