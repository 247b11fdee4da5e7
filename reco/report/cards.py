"""The key figures of each notebook, from its results: what its readers decide on, the same words in every run."""

from collections.abc import Mapping, Sequence

import pandas as pd

from reco.contexts import violations
from reco.evaluation import Evaluation
from reco.experiments.judgement import Judged
from reco.kpis import Incremental, Pay
from reco.quality import Sufficiency
from reco.report.kpi import Kpi
from reco.report.kpis import Page
from reco.workbook import Workbook

_TASKS = {"anything": "anything bought next", "new": "products new to the customer", "repeat": "products bought before"}

_NDCG = (
    "How well a list of {k} ranks what the customer then bought ({task}), from 0 to 1 (perfect); mean over customers "
    "in the test weeks."
)


def unify_data(wb: Workbook, checks: Sequence[Sufficiency]) -> list[Kpi]:
    """What the store holds, what was refused, and whether it suffices; `checks` is of `quality.sufficiency`."""
    lines = wb.table("order_lines")
    counts = lines.aggregate(lines=lines.count(), customers=lines.customer_id.nunique()).execute().iloc[0]
    files = wb.reading.drop_duplicates(["source", "file"])
    read, refused = int(files["read"].sum()), int(files["refused"].sum())
    found = {check.minimum: check for check in checks}
    pairs, most = found.pop("co-purchase pairs of the median item"), max(found.values(), key=lambda one: one.required)
    needed = {"better": "higher", "format": "integer"}
    return [
        Kpi.counted(
            name="Order lines",
            value=counts["lines"],
            format="integer",
            definition="Lines of orders in the store, after what was set aside.",
        ),
        Kpi.counted(
            name="Known customers",
            value=counts["customers"],
            format="integer",
            definition="Customers with an order, each counted once however many accounts or devices they have.",
        ),
        Kpi.counted(
            name="Rows refused",
            value=refused / read if read else None,
            n=read,
            of="rows read",
            format="percent:2",
            better="lower",
            target=wb.settings.cleaning.max_refused,
            definition="Share of the rows read that broke a promise of their table; the target is what the settings "
            "allow a single file.",
        ),
        Kpi.counted(
            name="Interactions",
            value=most.found,
            target=most.required,
            definition="Pairs of known customer, order and product that models learn from; the target is the minimum "
            "of the most demanding family of algorithms.",
            **needed,
        ),
        Kpi.counted(
            name="Pairs of the median product",
            value=pairs.found,
            target=pairs.required,
            definition="Other products in the same orders as a product, of the product in the middle; the target is "
            "the minimum of item-based algorithms.",
            **needed,
        ),
    ]


def compare_algorithms(
    boards: Mapping[str, Mapping[str, Evaluation]],
    best: Mapping[str, str],
    rivals: Mapping[str, pd.DataFrame],
    k: int,
    confidence: float,
) -> list[Kpi]:
    """The accuracy of the best algorithm of each task, and its lead over showing everybody the best sellers.

    `best` is the name of it by task, `rivals` the others set against it (of `leaderboard.differences`).
    """
    accuracy = [
        ndcg(
            f"NDCG@{k}, {_TASKS[task]}",
            boards[task][model],
            confidence,
            f"{_NDCG.format(k=k, task=_TASKS[task])} Of the algorithm that leads.",
        )
        for task, model in best.items()
    ]
    leads = [
        Kpi(
            name=f"Lead over best sellers, {_TASKS[task]}",
            value=-row["difference"],
            low=-row["high"],
            high=-row["low"],
            level=confidence,
            n=len(boards[task][best[task]].per_user),
            of="customers",
            better="higher",
            target=0.0,
            definition=f"NDCG@{k} of the algorithm that leads, less that of the same best sellers for everybody; "
            "same customers, paired.",
        )
        for task in ("anything", "new")
        for _, row in rivals[task].query("model == 'popularity'").iterrows()
    ]
    return [*accuracy, *leads]


def blend_hybrid(
    boards: Mapping[str, Mapping[str, Evaluation]], gains: Mapping[str, pd.DataFrame], k: int, confidence: float
) -> list[Kpi]:
    """The accuracy of the tuned hybrid on each task, and what tuning gained over the weights of the settings."""
    accuracy = [
        ndcg(
            f"NDCG@{k}, {_TASKS[task]}",
            board["tuned"],
            confidence,
            f"{_NDCG.format(k=k, task=_TASKS[task])} Of the hybrid with tuned weights.",
        )
        for task, board in boards.items()
    ]
    gained = [
        Kpi(
            name=f"Gain by tuning, {_TASKS[task]}",
            value=row["difference"],
            low=row["low"],
            high=row["high"],
            level=confidence,
            n=len(boards[task]["tuned"].per_user),
            of="customers",
            format="number+:4",
            better="higher",
            target=0.0,
            definition=f"NDCG@{k} of the hybrid with tuned weights, less that with the weights of the settings; same "
            "customers, paired.",
        )
        for task, board in gains.items()
        for _, row in board.query("model == 'tuned'").iterrows()
    ]
    return [*accuracy, *gained]


def fill_contexts(covered: pd.DataFrame, audit: pd.DataFrame) -> list[Kpi]:
    """Whether slates are full and obey the rules; `covered` and `audit` are of `reco.contexts`."""
    slates = int(covered["slates"].sum())
    shares = {"format": "percent", "n": slates, "of": "slates", "better": "higher"}
    fallbacks = shares | {"better": "lower"}
    return [
        Kpi.counted(
            name="Full slates",
            value=covered["full"].sum() / slates if slates else None,
            target=1.0,
            act_at=0.95,
            definition="Share of the slates asked for that hold as many products as their context has places.",
            **shares,
        ),
        Kpi.counted(
            name="Breaches of rules",
            value=violations(audit),
            format="integer",
            better="lower",
            target=0,
            definition="Times that a slate breaks a rule without saying so, as counted by an auditor of its own.",
        ),
        Kpi.counted(
            name="Rules that gave way",
            value=int(audit["declared"].sum()),
            format="integer",
            definition="Times that a weaker rule gave way to a stronger one, which the slate says.",
        ),
        Kpi.counted(
            name="Slates with a fallback",
            value=covered["fallback"].sum() / slates if slates else None,
            definition="Share of the slates that needed trending or popular products to fill up.",
            **fallbacks,
        ),
    ]


def analyze_experiments(judged: Judged, names: Mapping[str, str], confidence: float, impressions: int) -> list[Kpi]:
    """What the real test, of so many `impressions`, found by its last look, and how far it is."""
    row = judged.analysis.table.iloc[0]
    last = row if judged.course.empty else judged.course[judged.course["variant"] == row["variant"]].iloc[-1]
    planned = {} if judged.course.empty else {"n": round(last["units"] / last["time"]), "of": "planned"}
    shape = {"level": confidence, "n": impressions, "of": "impressions"}
    who = f"{names.get(row['variant'], row['variant'])} and the control"
    return [
        Kpi(
            name="Clicks gained per 1,000 impressions",
            value=1000 * last["effect"],
            low=1000 * last["effect_low"],
            high=1000 * last["effect_high"],
            format="number+:1",
            better="higher",
            target=0.0,
            definition=f"Difference between {who}; the interval is made for looking more than once.",
            **shape,
        ),
        Kpi(
            name="Lift of clicks, by one look",
            value=row["relative"],
            low=row["relative_low"],
            high=row["relative_high"],
            format="percent+",
            definition="The same difference relative to the control, as if the test had been looked at this once only: "
            "nothing is decided by it.",
            **shape,
        ),
        Kpi.counted(
            name="Impressions so far",
            value=impressions,
            format="integer",
            definition="Impressions of both variants.",
            **planned,
        ),
    ]


def report_kpis(rated: pd.DataFrame, pay: Pay, found: Incremental | None, page: Page, lift: float) -> list[Kpi]:
    """Rates and revenue of the whole log, and what a holdout says was added; `lift` is the least that is expected."""
    total, simulated = rated.iloc[-1], page.log.simulated
    ctr, conversion = (
        Kpi(
            name=name,
            value=total[rate],
            low=total[f"{rate}_low"],
            high=total[f"{rate}_high"],
            level=page.confidence,
            n=int(total[of]),
            of=of,
            format="percent",
            definition=definition,
            simulated=simulated,
        )
        for name, rate, of, definition in (
            ("Click-through rate", "ctr", "impressions", "Clicks per impression, all contexts together."),
            ("Conversion rate", "conversion", "clicks", "Clicks after which the product was ordered in time."),
        )
    )
    added = Kpi(
        name="Revenue lift by the holdout",
        value=None if found is None else found.lift,
        low=None if found is None else found.lift_low,
        high=None if found is None else found.lift_high,
        level=page.confidence,
        n=None if found is None else found.customers,
        of="customers",
        format="percent+",
        better="higher",
        target=lift,
        act_at=0.0,
        definition="Revenue per customer who saw recommendations over that of customers held out at random: what "
        "recommendations really added. Without a holdout nobody knows.",
        simulated=simulated,
    )
    return [
        added,
        Kpi.counted(
            name="Attributed revenue",
            value=pay.attributed_revenue,
            format=f"money:{page.currency}:0",
            definition="Revenue of orders credited to a click before them; most would have come anyway.",
            simulated=simulated,
        ),
        ctr,
        conversion,
        Kpi.counted(
            name="Return on cost",
            value=pay.roi,
            format="number:1",
            better="higher",
            target=1.0,
            definition="Attributed revenue over the cost that the settings assume, before the cost of goods.",
            simulated=simulated,
        ),
    ]


def ndcg(name: str, found: Evaluation, confidence: float, definition: str) -> Kpi:
    """The NDCG of one evaluation."""
    value, low, high = found.summary.loc["ndcg", ["value", "low", "high"]]
    shape = {"n": len(found.per_user), "of": "customers", "better": "higher", "level": confidence}
    return Kpi(name=name, value=value, low=low, high=high, definition=definition, **shape)
