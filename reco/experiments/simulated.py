"""A test of three algorithms whose true effect is known, since every simulated visitor is shown every arm.

The visits and baskets of the test weeks are real, the lists are those of the workbook's own models, clicks and stray
orders are simulated (see `reco.simulation.behave`) with the same luck under each arm. A customer's arm only decides
which of the three outcomes the log shows. Whatever is computed from it is simulated and must say so.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from reco import pipeline
from reco.columns import Columns
from reco.errors import InputError
from reco.experiments import plans
from reco.experiments.analysis import Analysis
from reco.experiments.assignment import assign
from reco.experiments.judgement import Judged, judge
from reco.experiments.metrics import Ratio
from reco.simulation import behave, visits
from reco.workbook import Workbook

#: What each arm shows: a model of the registry or a blend.
ARMS: Final = {"A": "ease", "B": "tfidf", "C": "hybrid"}
#: How readers call the arms.
NAMES: Final = {"A": "collaborative", "B": "content", "C": "hybrid"}
CONTROL: Final = "A"
#: What the test is judged by, in preferred order: click-through rate, conversion and revenue per session.
METRICS: Final = (Ratio("clicked"), Ratio("converted", "session"), Ratio("revenue", "session"))
#: Total revenue per session, which recommendations must not lower.
GUARDRAIL: Final = Ratio("spent", "session")
#: How readers call the metrics.
TITLES: Final = {
    "clicked / rows": "clicks per impression", "converted / session": "sessions with a recommended order",
    "revenue / session": "recommended revenue per session", "spent / session": "total revenue per session",
}  # fmt: skip
#: Columns of a log.
LOG: Final = (
    Columns.CUSTOMER, Columns.VARIANT, Columns.SLATE, Columns.CONTEXT, Columns.SHOWN_AT, Columns.POSITION,
    Columns.ITEM, Columns.CLICKED, "ordered", "revenue", "session", "converted", "spent", "before",
)  # fmt: skip


class Simulated(NamedTuple):
    """A simulated test.

    Attributes:
        log: one row an impression of the customer's own arm: customer_id, variant, slate_id, context, shown_at,
            position, item_id, clicked, ordered (after a click), revenue (of that order line), and on the first row of
            each session: session (1), converted (any order after a click) and spent (the whole basket's revenue and
            that of stray orders), all 0 on the others; before: the customer's revenue in all time before the test.
        truth: metric, variant, value, effect, relative: what all customers together do under each arm.
    """

    log: pd.DataFrame
    truth: pd.DataFrame


def run(wb: Workbook, seed: int = 0, k: int = 10) -> Simulated:
    """The test of `seed`, which fixes who gets which arm and how visitors behave; slates have `k` products."""
    everyone = potential(wb, seed, k)
    return Simulated(draw(everyone, seed), truth(everyone))


def potential(wb: Workbook, seed: int = 0, k: int = 10) -> pd.DataFrame:
    """What every visitor does under every arm: the columns of a log, `variant` being the arm shown.

    Found in the cache when nothing changed. Visits of customers that the models do not know are left out. Raises
    `InputError` where no visit is left.
    """
    until = pipeline.periods(wb).test
    depends = {arm: pipeline.depends(wb, model, until) for arm, model in ARMS.items()}
    simulation = wb.settings.simulation.model_dump(mode="json")
    return wb.cached(
        "simulated-test", lambda: _play(wb, seed, k), arms=depends, simulation=simulation, seed=seed, k=k,
        split=wb.settings.split.model_dump(mode="json"),
    )  # fmt: skip


def draw(everyone: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """The log of a test: of each visit, what it did under the arm that its customer was given."""
    arms = assign(everyone[Columns.CUSTOMER], f"simulated-{seed}", dict.fromkeys(ARMS, 1.0))
    return everyone[(arms == everyone[Columns.VARIANT]).to_numpy()].reset_index(drop=True)


def truth(everyone: pd.DataFrame) -> pd.DataFrame:
    """The metrics of all customers under each arm and their differences from the control's."""
    rows = []
    for metric in (*METRICS, GUARDRAIL):
        above = everyone.groupby(Columns.VARIANT)[metric.numerator].sum()
        below = everyone.groupby(Columns.VARIANT)[metric.denominator or metric.numerator].agg(
            "sum" if metric.denominator else "size"
        )
        value = above / below
        for arm in ARMS:
            effect = value[arm] - value[CONTROL]
            rows.append((metric.name, arm, value[arm], effect, effect / value[CONTROL] if value[CONTROL] else np.nan))
    return pd.DataFrame(rows, columns=["metric", Columns.VARIANT, "value", "effect", "relative"])


def beside(analysis: Analysis, known: pd.DataFrame) -> pd.DataFrame:
    """Estimates beside the truth: metric, variant, effect, effect_low, effect_high, true_effect, covered, verdict.

    An estimate adjusted by the past has the truth of the metric itself.
    """
    table = analysis.table.assign(plain=analysis.table["metric"].str.split(", adjusted by ").str[0])
    named = known.rename(columns={"metric": "plain", "effect": "true_effect", "value": "true_value"})
    both = table.merge(named[["plain", Columns.VARIANT, "true_value", "true_effect"]], on=["plain", Columns.VARIANT])
    if len(both) < len(table):
        lost = ", ".join(sorted(set(table["metric"]) - set(both["metric"])))
        raise InputError(f"no truth is known of {lost}; expected {', '.join(known['metric'].unique())}")
    covered = both["true_effect"].between(both["effect_low"], both["effect_high"])
    columns = ["metric", Columns.VARIANT, "effect", "effect_low", "effect_high", "true_effect", "covered", "verdict"]
    return both.assign(covered=covered)[columns]


def by_spending(log: pd.DataFrame, groups: Sequence[str] = ("little", "medium", "much")) -> pd.DataFrame:
    """The log with `spent_before`: the third (of the customers) that a customer's revenue before the test is in."""
    before = log.groupby(Columns.CUSTOMER)["before"].first()
    third = pd.qcut(before.rank(method="first"), len(groups), labels=list(groups)).astype("str")
    return log.assign(spent_before=log[Columns.CUSTOMER].map(third))


def judge_test(wb: Workbook, log: pd.DataFrame, test: str = "algorithm") -> Judged:
    """The simulated log decided as `test` of the settings would be: by its rule, lift and power, on clicks first.

    Total revenue per session must not be lower by more than the margin that the settings give it, 5 % by default.
    """
    margins = wb.settings.experiments.tests[test].guardrails
    return judge(
        log,
        METRICS,
        control=CONTROL,
        rule=plans.rule(wb.settings, test),
        reading=plans.reading(wb.settings, test),
        unit=Columns.CUSTOMER,
        conversions=METRICS[1].quotient.above,
        time=Columns.SHOWN_AT,
        guardrails={GUARDRAIL: margins.get("revenue_per_session", 0.05)},
        names=NAMES,
    )


def _play(wb: Workbook, seed: int, k: int) -> pd.DataFrame:
    """Show the same visits to every arm."""
    when = pipeline.periods(wb)
    seen = visits(wb, when.test, when.end, np.random.default_rng([wb.settings.simulation.seed, seed]))
    lists = {arm: _lists(wb, model, when.test, k) for arm, model in ARMS.items()}
    known = sorted(set.intersection(*(set(one.index) for one in lists.values())))
    sessions = seen.orders[seen.orders[Columns.CUSTOMER].isin(known)]
    if sessions.empty:
        raise InputError(f"no known customer bought from {when.test:%Y-%m-%d} on; nobody visits the simulated test")
    slate = "test-" + sessions["order_id"].astype("str")
    baskets = seen.lines.assign(slate_id=seen.lines["order"].map(slate)).dropna(subset=[Columns.SLATE])
    products = wb.table("products")
    prices = wb.connection.to_pandas(products.select("product_id", price=products.price.cast("float64")))
    prices = prices.set_index("product_id")["price"].fillna(0.0)
    shown = pd.DataFrame(
        {
            Columns.CUSTOMER: np.repeat(sessions[Columns.CUSTOMER].to_numpy(object), k),
            Columns.SLATE: np.repeat(slate.to_numpy(object), k),
            Columns.CONTEXT: "homepage",
            "asked_at": np.repeat(sessions["ordered_at"].to_numpy("datetime64[us]"), k),
            Columns.POSITION: np.tile(np.arange(1, k + 1), len(sessions)),
        }
    )
    shown["asked_at"] = shown["asked_at"].dt.tz_localize("UTC")
    parts = []
    for arm, one in lists.items():
        items = one.loc[sessions[Columns.CUSTOMER]].to_numpy(object).ravel()
        luck = np.random.default_rng([wb.settings.simulation.seed, seed, 1])  # the same for every arm
        wanted = baskets[[Columns.SLATE, Columns.ITEM]]
        acted = behave(shown.assign(variant=arm, item_id=items), wanted, wb.settings.simulation, luck)
        parts.append(_outcomes(acted, baskets, prices))
    everyone = pd.concat(parts, ignore_index=True).rename(columns={"asked_at": Columns.SHOWN_AT})
    everyone["before"] = everyone[Columns.CUSTOMER].map(_revenue_before(wb, when.test)).fillna(0.0)
    return everyone[list(LOG)]


def _outcomes(acted: pd.DataFrame, baskets: pd.DataFrame, prices: pd.Series) -> pd.DataFrame:
    """What visitors ordered after their clicks, from the basket or astray, and what they spent in all."""
    lines = baskets.set_index([Columns.SLATE, Columns.ITEM])["revenue"]
    line = lines.reindex(pd.MultiIndex.from_frame(acted[[Columns.SLATE, Columns.ITEM]])).to_numpy()
    stray = np.where(acted["stray_order"], acted[Columns.ITEM].map(prices).fillna(0.0), 0.0)
    ordered = acted["clicked"] & ~np.isnan(line) | acted["stray_order"]
    first = acted[Columns.POSITION] == 1
    by_slate = acted.assign(ordered=ordered, stray=stray).groupby(Columns.SLATE, sort=False)
    any_order, all_stray = by_slate["ordered"].transform("max"), by_slate["stray"].transform("sum")
    basket = acted[Columns.SLATE].map(baskets.groupby(Columns.SLATE)["revenue"].sum())
    return acted.assign(
        ordered=ordered,
        revenue=np.where(acted["clicked"], np.nan_to_num(line), 0.0) + stray,
        session=first.astype("int8"),
        converted=(any_order & first).astype("int8"),
        spent=np.where(first, basket + all_stray, 0.0),
    )


def _lists(wb: Workbook, model: str, until: pd.Timestamp, k: int) -> pd.DataFrame:
    """The first k products for each customer: a row a customer, a column a place; those with fewer are left out."""
    lists = pipeline.candidates(wb, model, until)
    lists = lists[lists[Columns.RANK] <= k]
    wide = lists.pivot(index=Columns.USER, columns=Columns.RANK, values=Columns.ITEM)
    return wide.dropna() if wide.shape[1] == k else wide.head(0)


def _revenue_before(wb: Workbook, until: pd.Timestamp) -> pd.Series:
    """What each customer paid in all time before `until`."""
    lines = pipeline.sold(wb).filter(lambda lines: lines.ordered_at < until)
    paid = lines.group_by("customer_id").aggregate(revenue=lines.revenue.cast("float64").sum())
    return wb.connection.to_pandas(paid).set_index("customer_id")["revenue"]
