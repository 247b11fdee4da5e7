"""Pictures of effects and of sample sizes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from reco.experiments.design import plan
from reco.experiments.verdicts import points


def draw_effects(table: pd.DataFrame, label: str) -> Figure:
    """Differences of rates in percentage points: a dot and an interval for each row, beside the line of no effect.

    `label` is the column that names the rows.
    """
    figure, axes = plt.subplots(figsize=(7.2, 0.8 + 0.6 * len(table)))
    place, effect = np.arange(len(table)), 100 * table["effect"]
    margins = [effect - 100 * table["effect_low"], 100 * table["effect_high"] - effect]
    axes.axvline(0, color=plt.rcParams["axes.labelcolor"], linewidth=1)
    axes.errorbar(effect, place, xerr=margins, fmt="o", markersize=7)
    axes.set(yticks=place, yticklabels=table[label], ylim=(len(table) - 0.5, -0.5))
    axes.set_xlabel("difference in percentage points")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    for y, row in zip(place, table.to_dict("records"), strict=True):
        text = f"{points(row['effect'])} ({row['verdict']})"
        axes.annotate(text, (100 * row["effect"], y), (0, 9), textcoords="offset points", ha="center", size="small")
    return figure


def draw_sample_size(baseline: float, mdes: Sequence[float], **options: float) -> Figure:
    """Units per arm against the smallest lift that a test is made to find, both axes logarithmic."""
    lifts = np.geomspace(min(mdes), max(mdes), 60)
    figure, axes = plt.subplots()
    axes.plot(lifts, [plan(baseline, lift, **options).units_per_arm for lift in lifts])
    marked = [plan(baseline, mde, **options).units_per_arm for mde in mdes]
    axes.plot(mdes, marked, "o", color="C0")
    for mde, units in zip(mdes, marked, strict=True):
        axes.annotate(f"{units:,}", (mde, units), (6, 4), textcoords="offset points", size="small")
    axes.set(xscale="log", yscale="log", xlabel="smallest relative lift to find", ylabel="units per arm")
    axes.set_xticks(mdes, minor=False)
    axes.set_xticks([], minor=True)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure
