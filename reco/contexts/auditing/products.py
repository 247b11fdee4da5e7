"""What the auditor asks of each product shown: whether this slate may show it at all."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.contexts.auditing.case import Case

#: Longest look back at purchases, in days; more than any store has.
LONGEST: Final = 36_500
#: Months of winter in the north, which are those of summer in the south; and the other way round.
COLD, WARM = frozenset({12, 1, 2}), frozenset({6, 7, 8})

#: A check of pairs of slate (number) and item_id: which of them break it, bool.
PairCheck = Callable[[Case, pd.DataFrame], np.ndarray]


def known(case: Case, pairs: pd.DataFrame) -> np.ndarray:
    """Products that the catalogue does not have."""
    return case.facts.products.index.get_indexer(pairs[Columns.ITEM]) < 0


def recommendable(case: Case, pairs: pd.DataFrame) -> np.ndarray:
    """Products of the catalogue that are never recommended."""
    allowed = case.facts.of(pairs[Columns.ITEM], "recommendable")
    return ~known(case, pairs) & ~(allowed == True)  # noqa: E712 it may be missing


def at_hand(case: Case, pairs: pd.DataFrame) -> np.ndarray:
    """Products that the slate stands beside."""
    anchors = pd.MultiIndex.from_frame(case.anchors[["slate", Columns.ITEM]])
    return pd.MultiIndex.from_frame(pairs[["slate", Columns.ITEM]]).isin(anchors)


def banned(case: Case, pairs: pd.DataFrame) -> np.ndarray:
    """Banned products, and those of a banned category or brand."""
    rule, ids = case.rules.banned, pairs[Columns.ITEM]
    broken = ids.isin(rule.products).to_numpy()
    for column, names in (("category", rule.categories), ("brand", rule.brands)):
        broken = broken | pd.Series(case.facts.of(ids, column)).isin(names).to_numpy()
    return broken


def in_stock(case: Case, pairs: pd.DataFrame) -> np.ndarray:
    """Products of which nothing is left."""
    return case.facts.of(pairs[Columns.ITEM], "stock").astype("float64") <= 0


def not_ended(case: Case, pairs: pd.DataFrame) -> np.ndarray:
    """Products not yet or no longer on sale when the slate is asked for."""
    asked, ids = _asked_at(case, pairs), pairs[Columns.ITEM]
    starts, ends = (case.facts.products[name].reindex(ids).reset_index(drop=True) for name in ("starts_at", "ends_at"))
    return ((starts > asked) | (ends <= asked)).to_numpy(bool)


def not_bought_within(case: Case, pairs: pd.DataFrame) -> np.ndarray:
    """Products that the customer bought so many days ago or less, but for those that are due again, if so set.

    What customers without consent bought is not looked at; no rule may know it.
    """
    rule, asked = case.rules.not_bought_within, _asked_at(case, pairs)
    frame = pd.DataFrame(
        {
            "pair": np.arange(len(pairs)),
            "customer_id": case.asked[Columns.CUSTOMER].to_numpy(object)[pairs["slate"]],
            "item_id": pairs[Columns.ITEM].to_numpy(object),
            "asked_at": asked,
            "since": asked - pd.Timedelta(days=min(rule.days, LONGEST)),
        }
    )
    frame = frame[frame["customer_id"].notna() & asked.notna() & ~frame["customer_id"].isin(case.facts.not_personal)]
    broken = np.zeros(len(pairs), bool)
    if frame.empty or rule.days == 0:
        return broken
    last = case.facts.last_bought(frame.astype({"customer_id": "str", "item_id": "str"}))
    places = last.index.to_numpy("int64")
    broken[places] = True
    if rule.except_due and len(last):
        ids = pairs[Columns.ITEM].iloc[places]
        usual = case.facts.usual_days(pd.Index(ids.unique())).reindex(ids).fillna(np.inf).to_numpy()
        waited = (asked.iloc[places].to_numpy() - last.dt.tz_convert("UTC").to_numpy()) / np.timedelta64(1, "D")
        broken[places[waited >= usual]] = False
    return broken


def in_season(case: Case, pairs: pd.DataFrame) -> np.ndarray:
    """Winter products in summer, summer products in winter, and those that hardly sell in this month."""
    rule, ids = case.rules.in_season, pairs[Columns.ITEM]
    month = _asked_at(case, pairs).dt.tz_convert(case.facts.zone).dt.month
    winter, summer = (COLD, WARM) if rule.hemisphere == "north" else (WARM, COLD)
    category = pd.Series(case.facts.of(ids, "category"))
    broken = case.facts.of(ids, "season_index").astype("float64") < rule.least_index
    for listed, wrong in ((rule.winter, summer), (rule.summer, winter)):
        named = ids.isin(listed).to_numpy() | category.isin(listed).to_numpy()
        broken = broken | (named & month.isin(wrong).to_numpy())
    return broken


#: What holds whatever the settings say.
ALWAYS: Final[dict[str, PairCheck]] = {"known": known, "recommendable": recommendable, "at_hand": at_hand}
#: What holds where the rule of this name is declared.
BY_RULE: Final[dict[str, PairCheck]] = {
    "banned": banned,
    "in_stock": in_stock,
    "not_ended": not_ended,
    "not_bought_within": not_bought_within,
    "in_season": in_season,
}
#: Rules that let a slate show what they refuse, where it had nothing else and says so.
YIELDING: Final = ("not_bought_within", "in_season")


def may_show(case: Case, pairs: pd.DataFrame, without: Sequence[str] = (), strict: bool = False) -> np.ndarray:
    """Which pairs of slate and item_id break none of these checks, bool.

    Rules that the slate says gave way do not count there, unless `strict`; those of `without` count nowhere.
    """
    fine = np.ones(len(pairs), bool)
    for check in ALWAYS.values():
        fine &= ~check(case, pairs)
    for kind in (kind for kind in case.rules.order if kind in BY_RULE and kind not in without):
        spared = case.declares(kind)[pairs["slate"]] & (kind in YIELDING and not strict)
        fine &= ~BY_RULE[kind](case, pairs) | spared
    return fine


def _asked_at(case: Case, pairs: pd.DataFrame) -> pd.Series:
    return case.asked["asked_at"].iloc[pairs["slate"]].reset_index(drop=True)
