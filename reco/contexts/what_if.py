"""What a change of the rules would cost: slates that change, accuracy and margin, on weeks that followed."""

import pandas as pd
import yaml
from pydantic import ValidationError

from reco.columns import Columns
from reco.contexts.requests import Requests, standing_requests
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
    rows = []
    for name in contexts:
        asked = standing_requests(wb, name, periods(wb).test)
        rows.append(_compared(wb, name, asked, _made(wb, name, asked), _made(wb, name, asked, other), seed))
    return pd.DataFrame(rows, columns=COLUMNS)


def price_of_rules(wb: Workbook, context: str, seed: int = 0) -> pd.DataFrame:
    """What each rule costs in one context: `what_if` without it, a row a rule (title) in the place of the context."""
    asked = standing_requests(wb, context, periods(wb).test)
    ours, rows = _made(wb, context, asked), []
    for kind in wb.settings.rules.order:
        theirs = _made(wb, context, asked, wb.settings.rules.changed(**{kind: None}))
        rows.append((getattr(wb.settings.rules, kind).title, *_compared(wb, context, asked, ours, theirs, seed)[1:]))
    return pd.DataFrame(rows, columns=["rule", *COLUMNS[1:]])


def _made(wb: Workbook, name: str, asked: Requests, rules: Rules | None = None) -> pd.DataFrame:
    """The slates of one context at the start of the test weeks, under the settings' rules or others."""
    return make_slates(wb, name, asked, periods(wb).test, rules, explained=False).frame


def _compared(
    wb: Workbook, name: str, asked: Requests, ours: pd.DataFrame, theirs: pd.DataFrame, seed: int
) -> tuple[object, ...]:
    """A row of `COLUMNS`: what `theirs` change of `ours`."""
    context = wb.settings.contexts[name]
    about = snapshot(wb, periods(wb).test).shelf.frame[["price", "margin"]].astype("float64")
    pairs = [pd.MultiIndex.from_frame(one[[Columns.SLATE, Columns.ITEM]]) for one in (ours, theirs)]
    lists = [
        pd.Series(list(zip(one["position"], one[Columns.ITEM], strict=True))).groupby(one[Columns.SLATE]).agg(tuple)
        for one in (ours, theirs)
    ]
    either = lists[0].index.union(lists[1].index)
    same = lists[0].reindex(either).eq(lists[1].reindex(either))
    found = _accuracy(wb, name, ours, theirs, seed) if context.anchor == "customer" else [None] * 5
    prices, margins = zip(*(about.loc[one[Columns.ITEM]].mean() for one in (ours, theirs)), strict=True)
    changed = (1 - same.mean(), 1 - pairs[0].isin(pairs[1]).mean())
    return (context.title, len(asked.frame), *changed, *found, *prices, *margins)


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
