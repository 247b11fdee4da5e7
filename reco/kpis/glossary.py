"""What every figure means: its formula, window and unit; captions are made from here, so that figures trace back."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import pandas as pd

from reco.errors import InputError
from reco.kpis.attribution import Rule
from reco.kpis.quality import BEST_SELLERS, CART_HOURS
from reco.kpis.summary import TOP


class Term(NamedTuple):
    """One figure.

    Attributes:
        title: what readers call it.
        formula: how it is computed, in words.
        unit: a format of `reco.report.text`; money has its currency put in.
        window: `log` (days of the log), `credit` (and orders within the attribution window after clicks), or other
            words.
    """

    title: str
    formula: str
    unit: str
    window: str = "log"


GLOSSARY: Final[dict[str, Term]] = {
    "impressions": Term("Impressions", "products shown in recommendations, each place once", "integer"),
    "clicks": Term("Clicks", "impressions that were clicked", "integer"),
    "orders": Term("Orders", "clicked impressions that led to an order", "integer", "credit"),
    "ctr": Term("CTR", "recommendation clicks / recommendation impressions × 100", "percent"),
    "conversion": Term(
        "Conversion rate", "recommendation purchases / recommendation clicks × 100", "percent", "credit"
    ),
    "orders_per_impression": Term(
        "Orders per impression", "recommendation purchases / recommendation impressions × 100", "percent", "credit"
    ),
    "revenue": Term(
        "Attributed revenue", "revenue of order lines credited to recommendations, less returns", "money", "credit"
    ),
    "share": Term("Share of all revenue", "attributed revenue / revenue of all orders × 100", "percent", "credit"),
    "revenue_per_thousand": Term("RPK", "attributed revenue / recommendation impressions × 1,000", "money", "credit"),
    "roi": Term("ROI", "attributed revenue / implementation cost", "number:1", "credit"),
    "lift": Term(
        "Revenue lift",
        "revenue per customer with recommendations / revenue per customer of the holdout − 1, × 100",
        "percent",
        "from each customer's assignment on",
    ),
    "incremental": Term(
        "Incremental revenue",
        "customers with recommendations × (their mean revenue − that of the holdout)",
        "money",
        "from each customer's assignment on",
    ),
    "relevance": Term("Relevance", f"clicks on positions 1 to {TOP} / clicks × 100", "percent"),
    "coverage": Term("Coverage", "products shown at least once / products that may be shown × 100", "percent"),
    "serendipity": Term(
        "Serendipity",
        f"clicks that led to an order of a product that is not among the {BEST_SELLERS} best sellers and that the "
        "customer had not bought before / clicks of known customers × 100",
        "percent",
        "credit",
    ),
    "novelty": Term(
        "Novelty",
        "clicks on products that the customer had not bought before / clicks of known customers × 100",
        "percent",
    ),
    "diversity": Term(
        "Diversity", "share of the pairs of products in a slate that differ in category, mean over slates", "percent"
    ),
    "add_to_cart_rate": Term(
        "Add-to-cart rate",
        f"clicks after which the customer put the product into the cart within {CART_HOURS} hours / clicks × 100",
        "percent",
    ),
    "average_order_value": Term("Average order value", "revenue / orders, before returns", "money"),
    "units_per_order": Term("Units per order", "pieces / orders, before returns", "number:2"),
}


def terms(names: Iterable[str]) -> list[Term]:
    """The entries of `names`; raises `InputError` for one that is not explained."""
    names = list(names)
    if unknown := [name for name in names if name not in GLOSSARY]:
        raise InputError(f"no {unknown[0]!r} in the glossary; it has {', '.join(GLOSSARY)}")
    return [GLOSSARY[name] for name in names]


def caption(names: Iterable[str], rule: Rule, days: int, **counts: int) -> str:
    """A caption that traces figures: their formulas, the window, how orders are credited, and row counts.

    >>> caption(["ctr"], Rule(), 28, impressions=1200)
    'CTR: recommendation clicks / recommendation impressions × 100. 28 days; 1,200 impressions.'
    """
    found = terms(names)
    said = [f"{term.title}: {term.formula}." for term in found]
    if any(term.window == "credit" for term in found):
        said.append(rule.words())
    other = {term.window: term.title for term in found if term.window not in ("log", "credit")}
    said += [f"{title} counts {window}." for window, title in other.items()]
    rows = "".join(f", {n:,} {name.replace('_', ' ')}" for name, n in counts.items())
    return " ".join([*said, f"{days:,} days{';' + rows[1:] if rows else ''}."])


def formats(names: Iterable[str], currency: str) -> dict[str, str]:
    """The unit of each figure as a format.

    >>> formats(["ctr", "revenue"], "USD")
    {'ctr': 'percent', 'revenue': 'money:USD'}
    """
    names = list(names)
    units = (term.unit for term in terms(names))
    return {name: f"money:{currency}" if unit == "money" else unit for name, unit in zip(names, units, strict=True)}


def explain(names: Iterable[str], rule: Rule) -> pd.DataFrame:
    """The glossary as a table: figure, formula, window, unit."""
    windows = {"log": "days of the log", "credit": f"days of the log; orders within {rule.days} days after the click"}
    units = {"money": "currency of the store", "percent": "percent", "integer": "count"}
    rows = [
        (term.title, term.formula, windows.get(term.window, term.window), units.get(term.unit, "number"))
        for term in terms(names)
    ]
    return pd.DataFrame(rows, columns=["figure", "formula", "window", "unit"])
