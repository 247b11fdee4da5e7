"""The tables and pictures of the learned blend in notebook 03."""

import pandas as pd

from reco.report import charts, display


def gains(table: pd.DataFrame, title: str, most: int = 12) -> None:
    """Show the features that a ranker goes by most, by their share of its gain."""
    top = table.head(most)
    figure = charts.bars(top["feature"], top["gain"], title, "share of the gain in training", percent=True)
    first, left = top.iloc[0], 1 - top["gain"].sum()
    alt = f"{first.feature} has {first.gain:.0%} of the gain, all features not shown {left:.0%}."
    display.figure(figure, alt, data=top[["feature", "gain"]], title=title, formats={"gain": "percent"})


def contributions(table: pd.DataFrame) -> None:
    """Show what speaks for each product of one list."""
    note = (
        "In brackets: what the feature adds to the score, beside what it adds for the customer's candidates on average "
        "(Shapley values)."
    )
    labels = {column: f"Most by, {column[-1]}" for column in table if column.startswith("by_")}
    display.table(table, "Why one customer's list is as it is", note, {"score": "number:2"}, labels=labels)
