"""Slates: what one widget shows one customer, by the context's strategies and the rules."""

from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.contexts.asked import Asked, code
from reco.contexts.drafts import draft, personal, standby, strategies_of, titles
from reco.contexts.eligibility import Eligible, sift
from reco.contexts.reasons import told
from reco.contexts.requests import Requests
from reco.contexts.selection import Chosen, Demand, choose, kinds
from reco.contexts.snapshot import Snapshot, snapshot
from reco.rules import Composition, Filter, Fresh, Pool
from reco.settings import Context, Rules, Strategy
from reco.workbook import Workbook


class Slates(NamedTuple):
    """What a context shows, and what the rules did to it.

    Attributes:
        frame: slate_id, context, customer_id, position (from 1), item_id, score, strategy (title), reason, fallback,
            propensity, gave_way (keys of the rules that gave way in this slate, else "").
        report: context, rule, removed (proposals), moved (places), gave_way (slates); the strongest rule first.
    """

    frame: pd.DataFrame
    report: pd.DataFrame


def make_slates(
    wb: Workbook,
    name: str,
    requests: Requests,
    until: pd.Timestamp,
    rules: Rules | None = None,
    blocked: pd.DataFrame | None = None,
    explained: bool = True,
) -> Slates:
    """The slates of context `name`, made by models that know the history before `until`.

    `rules` are those of the settings unless given; `blocked` (slate_id, item_id) is what must not be shown besides,
    such as what the last mail showed. Where nobody reads the reasons, models need not be asked for theirs:
    not `explained`, what a model picked for a customer has the general one.
    """
    rules = wb.settings.rules if rules is None else rules
    shop, context = snapshot(wb, until), wb.settings.contexts[name]
    asked, strategies = code(shop, requests, name), strategies_of(shop, context)
    proposals = _without(shop, draft(shop, name, context, strategies, asked, rules), requests, blocked)
    proposals, sifted = _filled(shop, context, strategies, asked, proposals, rules)
    proposals = proposals[sifted.may].reset_index(drop=True)
    places = _places(context, strategies, proposals)
    demands = [*places, *_demands(shop, context, rules.declared(Composition), proposals)]
    chosen = _chosen(name, context, rules, asked.count, proposals, demands)
    chosen = chosen._replace(unmet=chosen.unmet[:, len(places) :], moved=chosen.moved[len(places) :])
    gave_way = _gave_way(name, rules, asked.count, proposals, sifted, chosen)
    frame = _described(shop, name, requests, strategies, proposals, chosen, gave_way, context, explained)
    return Slates(frame, _report(name, rules, sifted, chosen, gave_way))


def refused(
    wb: Workbook, name: str, requests: Requests, until: pd.Timestamp, rules: Rules | None = None
) -> pd.DataFrame:
    """What filters keep out of the slates that `make_slates` makes: slate_id, rule (key), item_id, strategy (title).

    A row a proposal and filter, whether or not another filter refuses it too, the strongest filter first; the counts
    by rule are `removed` in `Slates.report`.
    """
    rules = wb.settings.rules if rules is None else rules
    shop, context = snapshot(wb, until), wb.settings.contexts[name]
    asked, strategies = code(shop, requests, name), strategies_of(shop, context)
    proposals = draft(shop, name, context, strategies, asked, rules)
    whole, sifted = _filled(shop, context, strategies, asked, proposals, rules)
    rule, entry = np.nonzero(sifted.refused)
    kinds_of = np.array([one.kind for one in rules.declared(Filter)], dtype=object)
    named = np.array(titles(strategies), dtype=object)
    of = whole.iloc[entry]
    return pd.DataFrame(
        {
            Columns.SLATE: requests.frame["slate_id"].to_numpy()[of["slate"].to_numpy("int64")],
            "rule": kinds_of[rule],
            Columns.ITEM: shop.shelf.ids.take(of["item"].to_numpy("int64")),
            Columns.STRATEGY: named[of["strategy"].to_numpy("int64")],
        }
    )


def _without(shop: Snapshot, proposals: pd.DataFrame, requests: Requests, blocked: pd.DataFrame | None) -> pd.DataFrame:
    """`proposals` less the pairs of slate and product that are blocked."""
    if blocked is None or blocked.empty:
        return proposals
    slate = pd.Index(requests.frame["slate_id"]).get_indexer(blocked["slate_id"])
    pairs = slate * len(shop.shelf.ids) + shop.numbers(blocked["item_id"])
    found = proposals["slate"].to_numpy() * len(shop.shelf.ids) + proposals["item"].to_numpy()
    return proposals[~pd.Index(found).isin(pairs)]


def _filled(
    shop: Snapshot,
    context: Context,
    strategies: Sequence[Strategy],
    asked: Asked,
    proposals: pd.DataFrame,
    rules: Rules,
) -> tuple[pd.DataFrame, Eligible]:
    """All proposals, slates with too few or too little choice filled from the standby, and what the filters leave."""
    filters, count = rules.declared(Filter), asked.count

    def sifted(frame: pd.DataFrame) -> Eligible:
        agreed = np.where(asked.customer >= 0, shop.agreed[asked.customer], False) if len(shop.agreed) else None
        agreed = np.zeros(count, bool) if agreed is None else agreed
        slate, item, strategy = (frame[column].to_numpy("int64") for column in ("slate", "item", "strategy"))
        # an unknown visitor's own session is theirs to be served from
        knows = personal(strategies)[strategy] & (asked.customer >= 0)[slate]
        own = np.array([one.kind == "cart" for one in strategies] + [False] * 3)[strategy]
        return sift(Pool(slate, item, knows, own, shop.shelf, asked.customer, asked.at, agreed, shop.bought), filters)

    first = sifted(proposals)
    eligible = proposals[first.may]
    least = max(rules.fallback.below, context.min_size) if rules.fallback else 0
    short = np.bincount(eligible["slate"], minlength=count) < least
    # what is popular may bring another category or price; it is no place to look for what is new
    wanted = [rule for rule in rules.declared(Composition) if not isinstance(rule, Fresh)] if rules.fallback else []
    for demand in _demands(shop, context, wanted, eligible):
        short |= kinds(eligible["slate"].to_numpy(), demand.groups, count) < demand.at_least
    if not short.any():
        return proposals, first
    whole = pd.concat([proposals, standby(shop, np.flatnonzero(short), len(strategies) + 1)], ignore_index=True)
    whole = whole.sort_values("slate", kind="stable").drop_duplicates(["slate", "item"])
    beside = pd.MultiIndex.from_frame(asked.shown[["slate", "item"]])
    fallback = whole["strategy"].to_numpy() > len(strategies)
    shown = pd.MultiIndex.from_frame(whole[["slate", "item"]]).isin(beside)
    whole = whole[~(fallback & shown)]
    return whole, sifted(whole)


def _demands(shop: Snapshot, context: Context, rules: Sequence[Composition], proposals: pd.DataFrame) -> list[Demand]:
    """What rules of composition demand, the strongest first."""
    item = proposals["item"].to_numpy("int64")
    return [
        Demand(rule.groups(shop.shelf)[item], rule.at_most(context.size), rule.at_least(context.size)) for rule in rules
    ]


def _places(context: Context, strategies: Sequence[Strategy], proposals: pd.DataFrame) -> list[Demand]:
    """How many places each strategy has and, where a context shows sections, each of these: they share them alike."""
    number, size = proposals["strategy"].to_numpy("int64"), context.size
    own = Demand(number, np.array([*(one.places or size for one in strategies), *[size] * 3]), 0)
    if context.layout != "sections":
        return [own]
    section = _sections(strategies)
    firsts = pd.unique(section[: len(strategies)])
    members = [[one.places for one, of in zip(strategies, section, strict=False) if of == first] for first in firsts]
    caps = np.full(len(section), size)
    caps[firsts] = [sum(places) if all(places) else -(-size // len(firsts)) for places in members]
    shared = Demand(section[number], caps, 0)
    return [own, shared] if any(any(places) for places in members) else [shared]


def _sections(strategies: Sequence[Strategy]) -> np.ndarray:
    """The section of each strategy by number, the pins' and fallbacks' behind: strategies of one title share one."""
    names = [one.title for one in strategies]
    return np.array([*(names.index(name) for name in names), *range(len(names), len(names) + 3)])


def _chosen(
    name: str, context: Context, rules: Rules, count: int, proposals: pd.DataFrame, demands: Sequence[Demand]
) -> Chosen:
    explore = rules.exploration
    return choose(
        proposals["slate"].to_numpy("int64"),
        count,
        context.size,
        demands,
        proposals["pin"].to_numpy("int64"),
        explore.share if explore else 0.0,
        np.random.default_rng([explore.seed, crc32(name.encode())]) if explore else None,
    )


def _gave_way(
    name: str, rules: Rules, count: int, proposals: pd.DataFrame, sifted: Eligible, chosen: Chosen
) -> pd.DataFrame:
    """Whether each rule (column, the strongest first) gave way in each slate (row)."""
    columns = dict(zip((rule.kind for rule in rules.declared(Filter)), sifted.gave_way.T, strict=True))
    columns |= dict(zip((rule.kind for rule in rules.declared(Composition)), chosen.unmet.T, strict=True))
    if rules.pinned:
        pins = proposals["pin"].to_numpy("int64")[chosen.entries]
        held = proposals["slate"].to_numpy("int64")[chosen.entries[pins == chosen.position]]
        columns["pinned"] = np.bincount(held, minlength=count) < len(rules.pinned.places.get(name, {}))
    return pd.DataFrame({kind: columns.get(kind, np.zeros(count, bool)) for kind in rules.order}, index=range(count))


def _described(
    shop: Snapshot,
    name: str,
    requests: Requests,
    strategies: Sequence[Strategy],
    proposals: pd.DataFrame,
    chosen: Chosen,
    gave_way: pd.DataFrame,
    context: Context,
    explained: bool,
) -> pd.DataFrame:
    """Numbers back to ids and words; where a context shows sections, the products of each stand together."""
    shown = proposals.iloc[chosen.entries].assign(position=chosen.position, propensity=chosen.propensity)
    if context.layout == "sections":
        shown = shown.assign(section=_sections(strategies)[shown["strategy"]])
        shown = shown.sort_values(["slate", "section", "strategy", "position"], kind="stable")
        shown["position"] = shown.groupby("slate").cumcount() + 1
    slate, item = shown["slate"].to_numpy(), shown["item"].to_numpy()
    words = told(shop, name, strategies, shown, requests.frame["customer_id"].to_numpy(object)[slate], explained)
    ways = np.array([", ".join(gave_way.columns[row]) for row in gave_way.to_numpy()], dtype=object)
    return pd.DataFrame(
        {
            Columns.SLATE: requests.frame["slate_id"].to_numpy()[slate],
            Columns.CONTEXT: name,
            Columns.CUSTOMER: requests.frame["customer_id"].to_numpy()[slate],
            Columns.POSITION: shown["position"].to_numpy("int32"),
            Columns.ITEM: shop.shelf.ids.take(item),
            Columns.SCORE: shown["score"].to_numpy("float32"),
            Columns.STRATEGY: words.strategy,
            Columns.REASON: words.reason,
            "fallback": shown["strategy"].to_numpy() > len(strategies),
            Columns.PROPENSITY: shown["propensity"].to_numpy(),
            "gave_way": ways[slate] if len(ways) else ways,
        }
    )


def _report(name: str, rules: Rules, sifted: Eligible, chosen: Chosen, gave_way: pd.DataFrame) -> pd.DataFrame:
    """What each rule did: context, rule, removed, moved, gave_way."""
    removed = dict(zip((rule.kind for rule in rules.declared(Filter)), sifted.removed.tolist(), strict=True))
    moved = dict(zip((rule.kind for rule in rules.declared(Composition)), chosen.moved.tolist(), strict=True))
    rows = [(name, kind, removed.get(kind, 0), moved.get(kind, 0), int(gave_way[kind].sum())) for kind in rules.order]
    return pd.DataFrame(rows, columns=["context", "rule", "removed", "moved", "gave_way"])
