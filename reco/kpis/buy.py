"""Build or buy: whether a shop should make its own recommendations or rent them, and when the one has paid."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from reco.settings import BuildOrBuy


class Choice(NamedTuple):
    """What speaks for which.

    Attributes:
        verdict: `buy`, `build` or `either`.
        reasons: criterion, found, speaks_for (buy, build, either): one row a criterion.
        break_even: months after which building is cheaper than buying, of the cheapest build against the dearest
            service, the middle of both, and the dearest build against the cheapest service: case, build, monthly,
            upkeep (a month), months (infinite where the fee is below the upkeep).
        costs: month, and what has been spent until its end: buy_low, buy_high, build_low, build_high.
        sentence: the verdict in words.
    """

    verdict: str
    reasons: pd.DataFrame
    break_even: pd.DataFrame
    costs: pd.DataFrame
    sentence: str


def build_or_buy(products: int, needs: BuildOrBuy, monthly_gain: float | None = None) -> Choice:
    """The requirement's decision for a catalogue of `products`.

    Buy below `buy_below` products, with a small team or where it must be soon; build above `build_above`, with a
    dedicated team and logic of one's own. Each of the four criteria speaks for one side or neither; the side with
    more of them is the verdict. `monthly_gain`, what recommendations add a month, tells whether either pays at all.
    """
    size = "buy" if products < needs.buy_below else "build" if products > needs.build_above else "either"
    rows = [
        ("catalogue", f"{products:,} products", size),
        ("team", f"{needs.team} in machine learning", "build" if needs.team >= 2 else "buy"),
        ("time to market", "soon" if needs.soon else "may wait", "buy" if needs.soon else "either"),
        ("logic", "of its own" if needs.own_logic else "usual", "build" if needs.own_logic else "either"),
    ]
    reasons = pd.DataFrame(rows, columns=["criterion", "found", "speaks_for"])
    votes = reasons["speaks_for"].value_counts()
    lead = votes.get("build", 0) - votes.get("buy", 0)
    verdict = "build" if lead > 0 else "buy" if lead < 0 else "either"
    cases = break_even(needs)
    months = np.arange(12 * needs.years + 1)
    costs = pd.DataFrame({"month": months})
    for end, fee, build in zip(("low", "high"), needs.saas_monthly, needs.build_cost, strict=True):
        costs[f"buy_{end}"] = fee * months
        costs[f"build_{end}"] = build * (1 + needs.upkeep * months / 12)
    return Choice(verdict, reasons, cases, costs, _sentence(verdict, votes, cases, monthly_gain))


def break_even(needs: BuildOrBuy) -> pd.DataFrame:
    """Months m with build + m · upkeep = m · fee, for the ends and the middle of both ranges."""
    (fee_low, fee_high), (build_low, build_high) = needs.saas_monthly, needs.build_cost
    cases = [
        ("cheap to build, dear to buy", build_low, fee_high),
        ("middle", (build_low + build_high) / 2, (fee_low + fee_high) / 2),
        ("dear to build, cheap to buy", build_high, fee_low),
    ]
    table = pd.DataFrame(cases, columns=["case", "build", "monthly"])
    table["upkeep"] = table["build"] * needs.upkeep / 12
    saved = table["monthly"] - table["upkeep"]
    table["months"] = np.where(saved > 0, table["build"] / saved.where(saved > 0, 1.0), np.inf)
    return table


def _sentence(verdict: str, votes: pd.Series, cases: pd.DataFrame, monthly_gain: float | None) -> str:
    best, middle = cases["months"].iloc[0], cases["months"].iloc[1]
    lead = {"buy": "Buy", "build": "Build", "either": "Neither stands out"}[verdict]
    said = f"{lead}: {votes.get('buy', 0)} criteria speak for buying, {votes.get('build', 0)} for building"
    if np.isinf(best):
        said += "; building never becomes cheaper than a service at these prices."
    else:
        said += f"; building is cheaper after {best:.0f} months at the earliest"
        said += ", in the middle of the ranges never." if np.isinf(middle) else f", {middle:.0f} in the middle."
    if monthly_gain is not None:
        cheap = cases["monthly"].iloc[-1]
        word = "more" if monthly_gain > cheap else "no more"
        said += f" What recommendations bring a month is {word} than the cheapest service costs."
    return said
