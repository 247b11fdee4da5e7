"""The tables and pictures of the learned blend in notebook 03."""

from collections.abc import Mapping

import pandas as pd

from reco.report import charts, display


def gains(table: pd.DataFrame, title: str, most: int = 12) -> None:
    """Show the features that a ranker goes by most, by their share of its gain."""
    top = table.head(most)
    figure = charts.bars(top["feature"], top["gain"], title, "share of the gain in training", percent=True)
    first, left = top.iloc[0], 1 - top["gain"].sum()
    alt = f"{first.feature} has {first.gain:.0%} of the gain, all features not shown {left:.0%}."
    display.figure(figure, alt)


def contributions(table: pd.DataFrame) -> None:
    """Show what speaks for each product of one list."""
    note = (
        "In brackets: what the feature adds to the score, beside what it adds for the customer's candidates on average "
        "(Shapley values)."
    )
    labels = {column: f"Most by, {column[-1]}" for column in table if column.startswith("by_")}
    display.table(table, "Why one customer's list is as it is", note, {"score": "number:2"}, labels=labels)


def against_best(gains: Mapping[str, pd.DataFrame], k: int) -> None:
    """Show, for each task, what the learned blend finds more than each algorithm alone."""
    names = {"anything": "Anything next", "new": "New products"}
    parts = [
        table.assign(task=names[task], difference=-table["difference"], low=-table["high"], high=-table["low"])
        for task, table in gains.items()
    ]
    whole = pd.concat(parts, ignore_index=True)
    turned = {"better": "worse", "worse": "better", "tie": "tie"}
    whole["verdict"] = whole["verdict"].map(turned)
    display.table(
        whole[["task", "title", "difference", "low", "high", "verdict"]],
        f"The learned blend beside each algorithm alone, in NDCG@{k}",
        "Test weeks. Paired bootstrap intervals; p-values corrected by Holm for all algorithms of a task.",
        dict.fromkeys(("difference", "low", "high"), "number+:4"),
        intervals={"difference": ("low", "high")},
        labels={"title": "Beside", "difference": "The blend finds"},
    )
