"""What every slate obeys, as data of the settings: one small class a rule, by the key that settings use."""

from typing import Final

from reco.rules.base import Composition, Filter, Fresh, Order, Pool, Rule, Shelf
from reco.rules.composition import BrandCap, CategoryCap, CategoryShare, MinCategories, NewProducts, PriceMix
from reco.rules.eligibility import Banned, Consent, InSeason, InStock, NotBoughtWithin, NotEnded
from reco.rules.ordering import FreshForward, Margin
from reco.rules.special import Exploration, Fallback, Pinned, Reset

#: Rules by their key.
RULES: Final[dict[str, type[Rule]]] = {
    rule.kind: rule
    for rule in (
        Consent,
        Banned,
        InStock,
        NotEnded,
        NotBoughtWithin,
        InSeason,
        Pinned,
        MinCategories,
        CategoryShare,
        CategoryCap,
        BrandCap,
        PriceMix,
        NewProducts,
        FreshForward,
        Margin,
        Exploration,
        Fallback,
        Reset,
    )
}

__all__ = [
    "RULES",
    "Composition",
    "Exploration",
    "Fallback",
    "Filter",
    "Fresh",
    "InStock",
    "NotEnded",
    "Order",
    "Pinned",
    "Pool",
    "Reset",
    "Rule",
    "Shelf",
]
