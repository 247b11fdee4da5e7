"""What the auditor asks of whole slates: their length, their order and the mix of what they show."""

import re
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.contexts.auditing.case import Case
from reco.contexts.auditing.products import YIELDING, may_show

#: A check of all slates of a case: which of them break it, bool by number of the slate.
SlateCheck = Callable[[Case], np.ndarray]


def asked(case: Case) -> np.ndarray:
    """Slates that nobody asked for, or that show another customer or context than was asked for."""
    broken = np.arange(case.count) >= case.requested
    shown = case.shown
    wanted = case.asked[Columns.CUSTOMER].to_numpy(object)[shown["slate"]]
    given = shown[Columns.CUSTOMER].to_numpy(object)
    other = ~((given == wanted) | (pd.isna(given) & pd.isna(wanted)))
    other |= (shown[Columns.CONTEXT] != case.name).to_numpy(bool)
    broken[shown["slate"].to_numpy()[other]] = True
    return broken


def positions(case: Case) -> np.ndarray:
    """Slates whose positions are not 1, 2, … without a hole."""
    position, slate = case.shown[Columns.POSITION].to_numpy("float64"), case.shown["slate"].to_numpy()
    order = np.lexsort((position, slate))
    starts = np.cumsum(case.lengths) - case.lengths
    wanted = np.arange(len(order)) - starts[slate[order]] + 1
    return _any(case, slate[order], position[order] != wanted)


def size(case: Case) -> np.ndarray:
    """Slates with more products than their context has places."""
    return case.lengths > case.context.size


def empty(case: Case) -> np.ndarray:
    """Slates that show nothing though there was something trending or popular to show."""
    return _short(case, 1, leniently=True)


def min_size(case: Case) -> np.ndarray:
    """Slates below their least size though there was something trending or popular to show."""
    return _short(case, case.context.min_size) & (case.lengths > 0)


def fallback(case: Case) -> np.ndarray:
    """Slates with fewer products than the fallback fills up to, though there was something trending or popular."""
    return _short(case, min(case.rules.fallback.below, case.context.size)) & (case.lengths > 0)


def mail(case: Case) -> np.ndarray:
    """Mail to customers who refused it."""
    if case.context.channel != "email":
        return np.zeros(case.count, bool)
    return case.asked[Columns.CUSTOMER].isin(case.facts.no_mail).to_numpy() & (case.lengths > 0)


def claims(case: Case) -> np.ndarray:
    """Slates that say that something gave way which is no declared rule, never gives way, or holds; or say two things.

    A rule about single products may have given way for one that was not shown in the end.
    """
    able = {kind for kind in case.rules.order if kind in (*YIELDING, "pinned", *MIXES)}
    fine = {way: set(way.split(", ")) <= able | {""} for way in case.ways.unique()}
    slate = case.shown["slate"].to_numpy()
    other = (case.shown["gave_way"].fillna("") != case.ways.to_numpy()[slate]).to_numpy(bool)
    untrue = ~case.ways.map(fine).to_numpy(bool) | _any(case, slate, other)
    for kind in able & set(MIXES):
        said = case.declares(kind)
        if said.any():
            untrue |= said & ~MIXES[kind](case)
    return untrue


def needless(case: Case) -> np.ndarray:
    """Slates in which a rule about single products gave way though something trending or popular broke none."""
    gave_way = np.zeros(case.count, bool)
    for kind in YIELDING:
        gave_way |= case.declares(kind)
    return _passed_over(case, gave_way, strict=True)


def pinned(case: Case) -> np.ndarray:
    """Slates where a pinned product that may be shown is not at its position."""
    places = case.rules.pinned.places.get(case.name, {})
    pairs = pd.DataFrame(
        {
            "slate": np.repeat(np.arange(case.count), len(places)),
            Columns.ITEM: np.tile(np.array(list(places), dtype=object), case.count),
            Columns.POSITION: np.tile(np.array(list(places.values()), "int64"), case.count),
        }
    )
    columns = ["slate", Columns.ITEM, Columns.POSITION]
    there = pd.MultiIndex.from_frame(case.shown[columns])
    missed = pairs[~pd.MultiIndex.from_frame(pairs[columns]).isin(there)].reset_index(drop=True)
    return _any(case, missed["slate"].to_numpy("int64"), may_show(case, missed))


def min_categories(case: Case) -> np.ndarray:
    """Slates of fewer categories than asked for, or than they have products."""
    return _fewer(case, "category", case.rules.min_categories.least)


def price_mix(case: Case) -> np.ndarray:
    """Slates of fewer price bands than asked for, or than they have products."""
    return _fewer(case, "band", case.rules.price_mix.least)


def category_share(case: Case) -> np.ndarray:
    """Slates with a category over its share of the context's places; one product of each is always allowed."""
    return _most(case, "category") > max(1, np.floor(case.rules.category_share.most * case.context.size + 1e-9))


def category_cap(case: Case) -> np.ndarray:
    """Slates with more products of one category than allowed."""
    return _most(case, "category") > case.rules.category_cap.most


def brand_cap(case: Case) -> np.ndarray:
    """Slates with more products of one brand than allowed."""
    return _most(case, "brand") > case.rules.brand_cap.most


def new_products(case: Case) -> np.ndarray:
    """Slates without a new product, in contexts with room for one."""
    rule = case.rules.new_products
    if case.context.size < rule.from_size:
        return np.zeros(case.count, bool)
    age = case.facts.of(case.shown[Columns.ITEM], "age_days").astype("float64")
    return ~_any(case, case.shown["slate"].to_numpy(), age < rule.days) & (case.lengths > 0)


#: What holds whatever the settings say.
ALWAYS: Final[dict[str, SlateCheck]] = {
    "asked": asked,
    "positions": positions,
    "size": size,
    "min_size": min_size,
    "mail": mail,
    "claims": claims,
}
#: Rules of what a slate mixes; each may give way where the slate says so.
MIXES: Final[dict[str, SlateCheck]] = {
    "min_categories": min_categories,
    "category_share": category_share,
    "category_cap": category_cap,
    "brand_cap": brand_cap,
    "price_mix": price_mix,
    "new_products": new_products,
}
#: The column of products that each needs; where no product has a value there, the rule says nothing.
NEEDS: Final = {
    **dict.fromkeys(("min_categories", "category_share", "category_cap"), "category"),
    "brand_cap": "brand",
    "price_mix": "band",
    "new_products": "age_days",
}
#: How a reason starts that speaks of what the shopper did or likes.
PERSONAL_WORDS: Final = re.compile(r"(because you|you|\w+ for you|for you)\b", re.I)


def consent(case: Case) -> np.ndarray:
    """Products shown by personal strategies, or for personal reasons, to customers without consent; by row shown."""
    customer = case.asked[Columns.CUSTOMER].iloc[case.shown["slate"]]
    reason = case.shown[Columns.REASON].fillna("").astype(str)
    worded = {one: PERSONAL_WORDS.match(one) is not None for one in reason.unique()}
    return customer.isin(case.facts.not_personal).to_numpy() & (case.personal | reason.map(worded).to_numpy(bool))


def _any(case: Case, slate: np.ndarray, broken: np.ndarray) -> np.ndarray:
    """Whether anything of each slate is broken."""
    return np.bincount(slate[broken], minlength=case.count) > 0


def _groups(case: Case, column: str) -> pd.Series:
    """How many products each slate shows of each group; products of none are left out."""
    group = pd.Series(case.facts.of(case.shown[Columns.ITEM], column))
    frame = pd.DataFrame({"slate": case.shown["slate"].to_numpy(), "group": group}).dropna()
    return frame.groupby(["slate", "group"], observed=True).size()


def _most(case: Case, column: str) -> np.ndarray:
    """How many products each slate shows of its largest group."""
    return _groups(case, column).groupby("slate").max().reindex(range(case.count), fill_value=0).to_numpy()


def _fewer(case: Case, column: str, least: int) -> np.ndarray:
    """Whether each slate shows fewer groups than `least` and than products."""
    found = _groups(case, column).groupby("slate").size().reindex(range(case.count), fill_value=0).to_numpy()
    return found < np.minimum(least, case.lengths)


def _short(case: Case, least: int, leniently: bool = False) -> np.ndarray:
    """Whether each slate shows fewer than `least` products though one more was standing by for it."""
    return _passed_over(case, case.lengths < least, without=YIELDING if leniently else ())


def _passed_over(case: Case, slates: np.ndarray, strict: bool = False, without: Sequence[str] = ()) -> np.ndarray:
    """For which of `slates` (bool) something trending or popular was fit to show that they do not show."""
    some = np.flatnonzero(slates & (np.arange(case.count) < case.requested))
    if not len(some):
        return np.zeros(case.count, bool)
    standby = case.facts.standby
    columns = ["slate", Columns.ITEM]
    pairs = pd.DataFrame(
        {"slate": np.repeat(some, len(standby)), Columns.ITEM: np.tile(standby.to_numpy(object), len(some))}
    )
    there = pd.MultiIndex.from_frame(case.shown[columns])
    pairs = pairs[~pd.MultiIndex.from_frame(pairs).isin(there)].reset_index(drop=True)
    return _any(case, pairs["slate"].to_numpy("int64"), may_show(case, pairs, without, strict))
