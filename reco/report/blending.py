"""The tables and pictures of the weighted hybrid in notebook 03: weights tried, weights of contexts."""

from collections.abc import Mapping

import pandas as pd

from reco.report import charts, display
from reco.settings import Hybrid

#: What each scaling does, in words.
SCALINGS = {
    "minmax": "Min-max",
    "rank": "Rank",
    "zscore": "Standard deviations",
    "reciprocal": "Reciprocal-rank fusion",
}
TASKS = {"anything": "Anything bought next", "new": "Products new to the customer"}


def ternaries(tried: Mapping[str, pd.DataFrame], default: Mapping[str, float], k: int) -> None:
    """Show NDCG over the weights of three parts, a picture a task; nothing where there are not three parts."""
    for task, table in tried.items():
        parts = [column for column in table if column != "ndcg"]
        if len(parts) != 3:
            display.note(f"Weights of {len(parts)} parts make no triangle; the table above has the best of them.")
            return
        best = table.loc[0, parts]
        marks = {"default": [default[part] for part in parts], "best": best.tolist()}
        figure = charts.ternary(table, "ndcg", f"{TASKS[task]}: NDCG@{k}", marks)
        mix = ", ".join(f"{share:.0%} {part}" for part, share in best.items())
        worst = table["ndcg"].min()
        display.figure(
            figure,
            alt=f"A triangle of weights: NDCG from {worst:.3f} up to {table.loc[0, 'ndcg']:.3f} at {mix}.",
            data=table,
            title=f"{TASKS[task]}: weights tried",
            formats={"ndcg": "number:4"} | dict.fromkeys(parts, "percent:0"),
            labels={"ndcg": f"NDCG@{k}"},
        )


def contexts(hybrid: Hybrid, titles: Mapping[str, str]) -> None:
    """Show the weights that contexts have of their own, or say that none has."""
    if not hybrid.contexts:
        display.note("No context has weights of its own: hybrid.contexts in the settings would give it some.")
        return
    rows = [{"context": titles[name], **weights} for name, weights in hybrid.contexts.items()]
    display.table(pd.DataFrame(rows), "Weights of contexts", formats=dict.fromkeys(hybrid.parts, "percent:0"))
