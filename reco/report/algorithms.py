"""The tables and pictures of notebooks 02 and 03: algorithms and blends side by side."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from reco.evaluation import GLOSSARY, Interval
from reco.report import charts, display
from reco.report.kpi import Kpi
from reco.search import Search

#: What the leaderboard shows of accuracy, what of everything else, and what of it folded away; those that a store
#: lacks are left out.
ACCURACY = ("ndcg", "recall", "precision", "map", "mrr", "hit_rate", "revenue_recall", "margin_recall")
BEYOND = ("coverage", "gini", "novelty", "serendipity", "diversity", "tail_recall")
BEYOND_THESE = (
    "personalization", "unexpectedness", "categories", "price_percentile", "head_recall", "full_slates",
)  # fmt: skip

#: A share of the purchases of the tail that is next to nothing.
_LITTLE: Final = 0.01

#: Metrics that are not shares.
FORMATS = {"novelty": "number:1", "categories": "number:1", "entropy": "number:1"}

LABELS = {term.name: term.title for term in GLOSSARY}

#: Customers below which nothing is told of a group, as of a key figure.
LEAST: Final = Kpi.model_fields["least"].default


def protocol(periods: pd.DataFrame) -> None:
    """Show the periods of training, validation and test."""
    note = "Purchases: distinct customer and product. Times are midnights of the shop's own time."
    display.table(periods, "Periods and sizes", note)


def entrants(table: pd.DataFrame) -> None:
    """Show every algorithm, what it declares, and why it takes no part where it does not."""
    yes = {True: "yes", False: "no"}
    flags = ["new_customers", "new_products", "updates", "explains"]
    shown = table[["title", "family", *flags]].assign(**{flag: table[flag].map(yes) for flag in flags})
    shown["takes_part"] = table["reason"].fillna(table["trained"]).fillna("yes")
    labels = {
        "title": "Algorithm",
        "new_customers": "Serves unknown customers",
        "new_products": "Knows unsold products",
        "updates": "Takes in new events",
        "explains": "Tells why",
    }
    note = "Unknown customers get popular products from the fallback where an algorithm does not serve them."
    display.table(shown, "Algorithms and cold start", note, labels=labels)


def ranking(table: pd.DataFrame, title: str, customers: int, confidence: float) -> None:
    """Show models ranked by NDCG with what they find."""
    _board(
        table, ACCURACY, title, f"{customers:,} customers; intervals at {confidence:.0%}", intervals=("ndcg", "recall")
    )


def beyond_accuracy(table: pd.DataFrame, title: str) -> None:
    """Show what models' lists are like apart from what they find."""
    _board(table, BEYOND, title, "in the order of their NDCG", (), BEYOND_THESE, _of_the_tail(table))


def _of_the_tail(table: pd.DataFrame) -> str | None:
    """What lists find of the products that are bought less often, in words."""
    if "tail_recall" not in table or table["tail_recall"].isna().all():
        return None
    leader, best = table.iloc[0], table.loc[table["tail_recall"].idxmax()]
    own = f"{leader.title}, which leads, finds {leader.tail_recall:.2%} of what customers buy there"
    said = f"Recall, tail: of the less bought products, which make half of all purchases. {own}"
    if best.tail_recall < _LITTLE:
        return f"{said}; no algorithm finds as much as {_LITTLE:.0%}: what few customers bought teaches little."
    most = "the most" if best.name == leader.name else f"and {best.title} most, {best.tail_recall:.2%}"
    return f"{said}, {most}."


def _board(
    table: pd.DataFrame,
    metrics: Sequence[str],
    title: str,
    subtitle: str,
    intervals: Sequence[str],
    rest: Sequence[str] = (),
    note: str | None = None,
) -> None:
    shown = [metric for metric in (*metrics, *rest) if metric in table and table[metric].notna().any()]
    bounds = {metric: (f"{metric}_low", f"{metric}_high") for metric in intervals}
    columns = ["title", *(column for metric in shown for column in (metric, *bounds.get(metric, ())))]
    display.table(
        table[columns],
        title,
        note,
        subtitle=subtitle,
        formats={column: FORMATS.get(column, "number") for column in columns[1:]},
        intervals=bounds,
        labels={"title": "Algorithm"} | {metric: LABELS.get(metric, metric) for metric in shown},
        rest=[metric for metric in rest if metric in shown],
    )


def ranking_dots(table: pd.DataFrame, title: str, k: int) -> None:
    """Show models ranked by NDCG as dots with intervals."""
    first, second = table.iloc[0], table.iloc[1]
    figure = charts.dots(table, "title", "ndcg", "ndcg_low", "ndcg_high", title, f"NDCG@{k}")
    lead = f"NDCG by algorithm; {first.title} leads with {first.ndcg:.3f}"
    display.figure(
        figure,
        alt=f"{lead}, {second.title} follows with {second.ndcg:.3f}.",
        data=table[["title", "ndcg", "ndcg_low", "ndcg_high"]],
        title=title,
        labels={"title": "Algorithm", "ndcg": f"NDCG@{k}"},
        intervals={"ndcg": ("ndcg_low", "ndcg_high")},
    )


def differences(table: pd.DataFrame, title: str, label: str = "Algorithm") -> None:
    """Show paired differences with their verdicts; `label` says what is compared."""
    numbers = dict.fromkeys(("difference", "low", "high"), "number+:4")
    display.table(
        table.drop(columns=["model", "p_value"], errors="ignore"),
        title,
        "A difference whose interval holds zero, or that Holm's correction for so many comparisons leaves above the "
        "level, is a tie.",
        formats=numbers | ({"p_adjusted": "number:4"} if "p_adjusted" in table else {}),
        intervals={"difference": ("low", "high")},
        labels={"title": label} | ({"p_adjusted": "p, by Holm"} if "p_adjusted" in table else {}),
    )


def against_coverage(table: pd.DataFrame, k: int) -> None:
    """Show accuracy against the share of the catalogue that is shown to anyone."""
    axes = ("Share of the modelled products shown to anyone", f"NDCG@{k}")
    figure = charts.scatter(
        table["coverage"], table["ndcg"], table["title"], "Accuracy and coverage", axes, percent=True
    )
    widest = table.loc[table["coverage"].idxmax()]
    display.figure(
        figure,
        alt=f"Algorithms by coverage and NDCG; {table.title[0]} finds most, {widest.title} shows most products.",
        caption="Named are the algorithms that no other beats in both.",
        data=table[["title", "ndcg", "coverage"]],
        title="Accuracy and coverage",
        formats={"coverage": "percent"},
        labels={"title": "Algorithm", "ndcg": f"NDCG@{k}"},
    )


def costs(table: pd.DataFrame) -> None:
    """Show what algorithms cost in time and memory."""
    display.table(
        table.drop(columns="model"),
        "What they cost",
        "Measured once on the machine that ran it. Memory: the highest while fitting and recommending, beyond what was "
        "held before. Seconds to recommend: lists for all three tasks.",
        formats={
            "ndcg": "number",
            "fit_seconds": "number:2",
            "recommend_seconds": "number:2",
            "memory_mb": "integer",
            "size_mb": "number:1",
        },
        labels={
            "title": "Algorithm",
            "ndcg": "NDCG",
            "fit_seconds": "Seconds to fit",
            "recommend_seconds": "Seconds for 1,000 customers",
            "memory_mb": "Memory, MB",
            "size_mb": "Model, MB",
        },
    )


def against_cost(table: pd.DataFrame, k: int) -> None:
    """Show accuracy against the seconds that fitting and a thousand customers' lists take."""
    seconds = table["fit_seconds"] + table["recommend_seconds"]
    axes = ("Seconds to fit and to serve 1,000 customers", f"NDCG@{k}")
    figure = charts.scatter(seconds, table["ndcg"], table["title"], "Accuracy and cost", axes, best="low", log=True)
    dearest = table.loc[seconds.idxmax()]
    display.figure(
        figure,
        alt=f"Algorithms by seconds and NDCG; {dearest.title} takes longest with {seconds.max():,.0f} seconds.",
        caption="Named are the algorithms that no other beats in both.",
        data=table[["title", "ndcg"]].assign(seconds=seconds),
        title="Accuracy and cost",
        formats={"seconds": "number:2"},
        labels={"title": "Algorithm", "ndcg": f"NDCG@{k}"},
    )


def by_segment(table: pd.DataFrame, title: str, measure: str = "NDCG") -> None:
    """Show a metric by segment of customers or of products: a line a model and segment."""
    told, note = _told(table, ["value", "low", "high"])
    display.table(
        told.drop(columns="model"),
        title,
        note,
        formats=dict.fromkeys(("value", "low", "high"), "number:4"),
        intervals={"value": ("low", "high")},
        labels={"title": "Algorithm", "value": measure},
    )


def swap(table: pd.DataFrame, title: str) -> None:
    """Show who gains and who loses when one algorithm takes another's place."""
    told, note = _told(table, ["better", "equal", "worse", "change", "low", "high"])
    signs = [told["low"] > 0, told["high"] < 0, told["change"].isna()]
    told["reading"] = np.select(signs, ["gains", "loses", "not enough data"], "tie")
    display.table(
        told,
        title,
        " ".join(filter(None, ["Better, equal and worse are shares of the segment's customers.", note])),
        formats=dict.fromkeys(("better", "equal", "worse"), "percent:0")
        | dict.fromkeys(("change", "low", "high"), "number+:4"),
        intervals={"change": ("low", "high")},
        labels={"change": "Change in NDCG"},
    )


def _told(table: pd.DataFrame, numbers: Sequence[str]) -> tuple[pd.DataFrame, str | None]:
    """The table without the numbers of groups that are too small to tell, and a note where there is one."""
    small = table["users"] < LEAST
    told = table.assign(**table[[*numbers]].astype(float).mask(small))
    return told, f"Groups of fewer than {LEAST} customers: not enough data." if small.any() else None


def learning_curve(table: pd.DataFrame, k: int) -> None:
    """Show accuracy by weeks of history, with intervals as bands."""
    if table.empty:
        display.note("The history is too short for a learning curve.")
        return
    wide = {bound: table.pivot(index="weeks", columns="title", values=bound) for bound in ("ndcg", "low", "high")}
    names = table["title"].unique()
    figure = charts.lines(
        wide["ndcg"].index,
        {name: wide["ndcg"][name] for name in names},
        f"NDCG@{k} by weeks of history",
        "Weeks before the test weeks that were learned from",
        bands={name: (wide["low"][name], wide["high"][name]) for name in names},
    )
    first, last = wide["ndcg"].iloc[0], wide["ndcg"].iloc[-1]
    told = "; ".join(f"{name} {first[name]:.3f} to {last[name]:.3f}" for name in names)
    span = f"{wide['ndcg'].index[0]} to {wide['ndcg'].index[-1]} weeks"
    display.figure(
        figure,
        alt=f"NDCG from {span} of history: {told}.",
        data=table[["title", "weeks", "ndcg", "low", "high"]],
        title=f"NDCG@{k} by weeks of history",
        labels={"title": "Algorithm", "weeks": "Weeks of history", "ndcg": f"NDCG@{k}"},
        intervals={"ndcg": ("low", "high")},
    )


def tuning(found: Search, title: str, gain: Interval, k: int) -> None:
    """Show the trials of a search, the best first, what the best gains on the test weeks, and its settings."""
    trials = found.trials.drop(columns=["seconds", "reason"]).sort_values("ndcg", ascending=False, kind="stable")
    display.table(
        trials.head(5).reset_index(drop=True),
        f"Options of {title} tried on the validation weeks",
        f"The best five of {len(found.trials)}; trial 0 is what the settings say.",
        formats={"ndcg": "number:4", "low": "number:4", "high": "number:4"},
        intervals={"ndcg": ("low", "high")},
        labels={"ndcg": f"NDCG@{k}"},
    )
    display.note(
        f"On the test weeks, which no trial has seen, the best options change NDCG@{k} by {gain.value:+.4f} "
        f"({gain.low:+.4f} to {gain.high:+.4f})."
    )


def examples(frames: Sequence[pd.DataFrame], titles: Mapping[str, str]) -> None:
    """Show customers' history, what each algorithm shows them, and what they bought then."""
    labels = {"before": "Bought most before", "after": "Bought then", "place": "Place"} | dict(titles)
    for number, frame in enumerate(frames, start=1):
        display.table(
            frame,
            f"Example {number}",
            "✓ was bought in the test weeks.",
            labels={name: label for name, label in labels.items() if name in frame},
        )


def glossary(metrics: Sequence[str]) -> None:
    """Show what each metric means, in a sentence."""
    rows = [(term.title, term.meaning) for term in GLOSSARY if term.name in metrics]
    display.table(pd.DataFrame(rows, columns=["metric", "meaning"]), "What the metrics mean")


def weights(tried: Mapping[str, pd.DataFrame], k: int, most: int = 5) -> None:
    """Show the best weights of each task on the validation weeks."""
    best = pd.concat({task: table.head(most) for task, table in tried.items()}, names=["task"])
    parts = [column for column in best if column != "ndcg"]
    display.table(
        best.droplevel(1).reset_index(),
        "Best weights on the validation weeks",
        formats={"ndcg": "number:4"} | dict.fromkeys(parts, "percent:0"),
        labels={"ndcg": f"NDCG@{k}"},
    )
