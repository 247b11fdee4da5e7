"""The auditor's tables: what was looked at, what breaks which rule, and what slates say of themselves."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.contexts.auditing import exploring, products, whole
from reco.contexts.auditing.case import Case
from reco.contexts.auditing.facts import Facts, facts
from reco.settings import Rules
from reco.workbook import Workbook

if TYPE_CHECKING:
    from reco.contexts.filling import Filled

COLUMNS: Final = ["context", "rule", "of", "checked", "violations", "declared"]
#: What holds in every shop, in words.
TITLES: Final = {
    "asked": "Asked for by this customer",
    "claims": "Only what may gives way, and says so truly",
    "needless": "Gives way only where nothing else is left",
    "known": "In the catalogue",
    "recommendable": "Recommendable",
    "duplicates": "No product twice",
    "at_hand": "Not the product at hand",
    "cart": "In the cart where it says so",
    "positions": "Positions without holes",
    "size": "Not above its size",
    "min_size": "Not below its least size",
    "empty": "Never empty",
    "mail": "No mail to who refused it",
    "propensity": "A propensity that can be",
}


def audit(
    wb: Workbook, filled: "Mapping[str, Filled]", until: pd.Timestamp | None = None, rules: Rules | None = None
) -> pd.DataFrame:
    """How often the finished slates of each context break each rule: one row a context and rule.

    Columns: context (key), rule (key of a declared rule, or of `TITLES`), of (`slates` or `products`), checked (how
    many were looked at), violations, declared (breaches that the slate itself says came of a rule that gave way; no
    violations). Prices, ages and seasons are those of `until`, by default the latest moment that anything is asked
    for; `rules` are those of the settings unless given; stock and dates are read as they are now.
    """
    rules = wb.settings.rules if rules is None else rules
    moments = [one.requests.frame["asked_at"].max() for one in filled.values() if len(one.requests.frame)]
    until = max(moments, default=None) if until is None else until
    if until is None:
        return pd.DataFrame(columns=COLUMNS)
    known = facts(wb, until, rules)
    parts = [
        look(Case.of(name, wb.settings.contexts[name], rules, known, *one.requests, one.slates))
        for name, one in filled.items()
    ]
    return pd.concat(parts, ignore_index=True)


def look(case: Case) -> pd.DataFrame:
    """The rows of `audit` for one context."""
    return pd.DataFrame(_rows(case), columns=COLUMNS)


def violations(table: pd.DataFrame) -> int:
    """How many breaches of any rule that no slate declares, over all contexts."""
    return int(table["violations"].sum())


def by_rule(wb: Workbook, table: pd.DataFrame) -> pd.DataFrame:
    """The table of `audit` with a row a rule: rule (title), violations by context (title), and sums of all contexts.

    The sums are checked, violations and declared; a context that a rule does not concern has no number.
    """
    contexts = {name: context.title for name, context in wb.settings.contexts.items()}
    order = table["rule"].drop_duplicates()
    cells = table.pivot(index="rule", columns="context", values="violations").reindex(index=order)
    cells = cells[[name for name in contexts if name in cells]].rename(columns=contexts).astype("Int64")
    sums = table.groupby("rule")[["checked", "violations", "declared"]].sum().reindex(order)
    titles = [TITLES[kind] if kind in TITLES else getattr(wb.settings.rules, kind).title for kind in order]
    found = pd.concat([cells, sums], axis=1).reset_index(drop=True)
    found.insert(0, "rule", titles)
    return found.rename_axis(columns=None)


def coverage(wb: Workbook, filled: "Mapping[str, Filled]") -> pd.DataFrame:
    """How full slates are: title, slates (asked for), empty, full, products_shown (different), fallback (slates)."""
    rows = []
    for name, one in filled.items():
        context, slates = wb.settings.contexts[name], one.slates
        lengths = slates.groupby(Columns.SLATE).size()
        with_fallback = slates.loc[slates["fallback"].astype(bool), Columns.SLATE].nunique()
        asked = len(one.requests.frame)
        full = int((lengths >= context.size).sum())
        rows.append((context.title, asked, asked - len(lengths), full, slates[Columns.ITEM].nunique(), with_fallback))
    return pd.DataFrame(rows, columns=["title", "slates", "empty", "full", "products_shown", "fallback"])


def _rows(case: Case) -> Iterator[tuple]:
    pairs = case.shown[["slate", Columns.ITEM]]
    for name, check in whole.ALWAYS.items():
        yield _of_slates(case, name, check(case))
    yield _of_products(case, "duplicates", pairs.duplicated().to_numpy())
    beside = products.at_hand(case, pairs)
    cart = case.of_cart & beside  # a strategy that does nothing else shows the cart itself, whenever that was bought
    yield _of_products(case, "cart", case.of_cart & ~beside)
    for name, check in products.ALWAYS.items():
        yield _of_products(case, name, check(case, pairs) & ~(cart & (name == "at_hand")))
    yield _of_products(case, "propensity", exploring.impossible(case))
    if case.rules.fallback:
        yield _of_slates(case, "empty", whole.empty(case))
        yield _of_slates(case, "needless", whole.needless(case))
    by_product = products.BY_RULE | {"consent": lambda case, _: whole.consent(case)}
    by_product |= {"exploration": lambda case, _: exploring.untrue(case)}
    by_slate = whole.MIXES | {"pinned": whole.pinned, "fallback": whole.fallback}
    for kind in case.rules.order:
        if kind in by_product:
            broken = by_product[kind](case, pairs) & ~(cart & (kind == "not_bought_within"))
            yield _of_products(case, kind, broken, kind in products.YIELDING)
        elif kind in by_slate and _tells(case.facts, kind):
            yield _of_slates(case, kind, by_slate[kind](case), kind != "fallback")


def _tells(known: Facts, kind: str) -> bool:
    """Whether the store has what the rule is about: no store without categories shows too few."""
    return kind not in whole.NEEDS or known.products[whole.NEEDS[kind]].notna().any()


def _of_slates(case: Case, kind: str, broken: np.ndarray, yields: bool = False) -> tuple:
    return _row(case, kind, "slates", broken, case.declares(kind) & yields)


def _of_products(case: Case, kind: str, broken: np.ndarray, yields: bool = False) -> tuple:
    return _row(case, kind, "products", broken, case.declares(kind)[case.shown["slate"]] & yields)


def _row(case: Case, kind: str, of: str, broken: np.ndarray, said: np.ndarray) -> tuple:
    return case.name, kind, of, len(broken), int((broken & ~said).sum()), int((broken & said).sum())
