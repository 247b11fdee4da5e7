"""What a change of the rules would cost: slates that change, accuracy and margin, on weeks that followed."""

import pandas as pd
import yaml
from pydantic import ValidationError

from reco.columns import Columns
from reco.contexts.requests import standing_requests
from reco.contexts.slates import make_slates
from reco.contexts.snapshot import snapshot
from reco.errors import InputError
from reco.evaluation import Interval, paired_difference
from reco.pipeline import judge, periods
from reco.rules import RULES
from reco.settings import Rules
from reco.workbook import Workbook

COLUMNS = [
    "context", "slates", "changed", "places_changed", "ndcg", "ndcg_other", "difference", "low", "high",
    "price", "price_other", "margin", "margin_other",
]  # fmt: skip


def what_if(wb: Workbook, other: Rules, contexts: list[str], seed: int = 0) -> pd.DataFrame:
    """The slates at the start of the test weeks under the settings' rules and under `other` ones, a row a context.

    Columns: context (title), slates, changed (share of slates that show anything else), places_changed (share of
    places that hold another product), ndcg and ndcg_other (NDCG at the slate's size of what customers bought in the
    test weeks; contexts anchored in the customer), difference with low and high (other less settings', 95 % paired
    bootstrap), mean price and margin of the shown products, before and after (margin only where costs are known).
    """
    when, rows = periods(wb), []
    shelf = snapshot(wb, when.test).shelf
    about = shelf.frame[["price", "margin"]].astype("float64")
    for name in contexts:
        context = wb.settings.contexts[name]
        requests = standing_requests(wb, name, when.test)
        ours, theirs = (make_slates(wb, name, requests, when.test, rules).frame for rules in (None, other))
        pairs = [pd.MultiIndex.from_frame(one[[Columns.SLATE, Columns.ITEM]]) for one in (ours, theirs)]
        kept = pairs[0].isin(pairs[1])
        lists = [
            pd.Series(list(zip(one["position"], one[Columns.ITEM], strict=True))).groupby(one[Columns.SLATE]).agg(tuple)
            for one in (ours, theirs)
        ]
        same = (
            lists[0]
            .reindex(lists[1].index.union(lists[0].index))
            .eq(lists[1].reindex(lists[1].index.union(lists[0].index)))
        )
        found = _accuracy(wb, name, ours, theirs, seed) if context.anchor == "customer" else [None] * 5
        shown = [about.loc[one[Columns.ITEM]].mean() for one in (ours, theirs)]
        rows.append(
            (
                context.title,
                len(requests.frame),
                1 - same.mean(),
                1 - kept.mean(),
                *found,
                shown[0]["price"],
                shown[1]["price"],
                shown[0]["margin"],
                shown[1]["margin"],
            )
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def price_of_rules(wb: Workbook, context: str, seed: int = 0) -> pd.DataFrame:
    """What each rule costs in one context: `what_if` without it, a row a rule (title) in the place of the context."""
    parts = []
    for kind in wb.settings.rules.order:
        without = wb.settings.rules.changed(**{kind: None})
        parts.append(what_if(wb, without, [context], seed).assign(context=getattr(wb.settings.rules, kind).title))
    return pd.concat(parts, ignore_index=True).rename(columns={"context": "rule"})


def _accuracy(wb: Workbook, name: str, ours: pd.DataFrame, theirs: pd.DataFrame, seed: int) -> list[float]:
    """NDCG under both, and the difference with its interval."""
    when, size = periods(wb), wb.settings.contexts[name].size
    columns = {Columns.CUSTOMER: Columns.USER, "position": Columns.RANK}
    evaluated = [
        judge(
            wb,
            one.rename(columns=columns)[[Columns.USER, Columns.RANK, Columns.ITEM, Columns.SCORE]],
            "anything",
            when.test,
            when.end,
            k=size,
        )
        for one in (ours, theirs)
    ]
    ndcg = [one.per_user["ndcg"].to_numpy() for one in evaluated]
    difference: Interval = paired_difference(*ndcg[::-1], seed=seed)
    return [ndcg[0].mean(), ndcg[1].mean(), *difference]


def changed(wb: Workbook, words: str) -> Rules:
    """The settings' rules with one change in words, such as `min_categories.least: 5`, or `price_mix: null` without it.

    Raises `InputError` for a rule, an option or a value that there cannot be.
    """
    key, colon, value = words.partition(":")
    rule, dot, option = key.strip().partition(".")
    if not colon or rule not in RULES:
        raise InputError(f"change {words!r}: expected rule.option: value, the rule one of {', '.join(RULES)}")
    try:
        given = yaml.safe_load(value)
        now = getattr(wb.settings.rules, rule)
        whole = given if not dot else {**(now.model_dump() if now else {}), option: given}
        return wb.settings.rules.changed(**{rule: whole})
    except (ValidationError, yaml.YAMLError) as error:
        told = "; ".join(one["msg"] for one in error.errors()) if isinstance(error, ValidationError) else "no YAML"
        known = ", ".join(RULES[rule].model_fields) or "none"
        raise InputError(f"change {words!r}: {told}; options of {rule}: {known}") from None
