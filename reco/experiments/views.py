"""Tables and pictures of effects and of sample sizes."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from reco.experiments.design import plan
from reco.experiments.verdicts import points
from reco.report import QUIET, display


def show_effects(
    table: pd.DataFrame, lead: Sequence[str], title: str, subtitle: str | None = None, note: str | None = None
) -> None:
    """Show differences of rates with their intervals, verdicts last; `lead` names the columns that come first.

    The difference is in percentage points, the lift relative to the control.
    """
    bounds = {name: (f"{name}_low", f"{name}_high") for name in ("effect", "relative")}
    in_points = 100 * table[["effect", *bounds["effect"]]]
    columns = ["variant", "value", "control_value", "effect", "relative", "p_value", "p_adjusted", "verdict"]
    display.table(
        table.assign(**in_points)[[*lead, *columns, *bounds["effect"], *bounds["relative"]]],
        title,
        note,
        formats={
            **dict.fromkeys(["value", "control_value"], "percent:2"),
            "effect": "number+:2",
            "relative": "percent+:0",
            **dict.fromkeys(["p_value", "p_adjusted"], "number:3"),
        },
        labels={
            "value": "Rate",
            "control_value": "Control",
            "effect": "Difference, points",
            "relative": "Lift",
            "p_value": "p",
            "p_adjusted": "p, adjusted",
        },
        subtitle=subtitle,
        intervals=bounds,
    )


def describe_effects(table: pd.DataFrame, label: str) -> str:
    """What `draw_effects` shows, in words."""
    return "Differences from the control in percentage points: " + "; ".join(
        f"{row[label]} {points(row['effect'])}, from {points(row['effect_low'])} to {points(row['effect_high'])}, "
        f"{row['verdict']}"
        for row in table.to_dict("records")
    )


def show_effects_drawn(table: pd.DataFrame, label: str, caption: str) -> None:
    """Show `draw_effects` with its description, and the numbers behind it."""
    drawn = ["effect", "effect_low", "effect_high"]
    display.figure(
        draw_effects(table, label),
        alt=describe_effects(table, label),
        caption=caption,
        data=table[[label, "verdict"]].join(100 * table[drawn])[[label, *drawn, "verdict"]],
        title="Differences in percentage points",
        formats={"effect": "number+:2"},
        labels={"effect": "Difference, points"},
        intervals={"effect": ("effect_low", "effect_high")},
    )


def draw_effects(table: pd.DataFrame, label: str) -> Figure:
    """Differences of rates in percentage points: a dot and an interval for each row, beside the line of no effect.

    `label` is the column that names the rows.
    """
    figure, axes = plt.subplots(figsize=(7.2, 0.8 + 0.6 * len(table)))
    place, effect = np.arange(len(table)), 100 * table["effect"]
    axes.axvline(0, color=QUIET, linewidth=1)
    axes.hlines(place, 100 * table["effect_low"], 100 * table["effect_high"], color="C0", alpha=0.45, linewidth=5)
    axes.plot(effect, place, "o", color="C0", markersize=7)
    axes.set(yticks=place, yticklabels=table[label], ylim=(len(table) - 0.5, -0.5))
    axes.set_xlabel("difference in percentage points")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    for y, row in zip(place, table.to_dict("records"), strict=True):
        text, end = f"{points(row['effect'])}, {row['verdict']}", (100 * row["effect_high"], y)
        axes.annotate(text, end, (8, 0), textcoords="offset points", va="center", size="small")
    axes.margins(x=0.15)
    return figure


def draw_sample_size(baseline: float, lifts: Sequence[float], **options: float) -> Figure:
    """Units per arm against the smallest lift that a test is made to find, both axes logarithmic."""
    between = np.geomspace(min(lifts), max(lifts), 60)
    figure, axes = plt.subplots()
    axes.plot(between, [plan(baseline, lift, **options).units_per_arm for lift in between])
    units = [plan(baseline, lift, **options).units_per_arm for lift in lifts]
    axes.plot(lifts, units, "o", color="C0")
    for lift, n in zip(lifts, units, strict=True):
        axes.annotate(f"{n:,}", (lift, n), (6, 4), textcoords="offset points", size="small")
    axes.set(xscale="log", yscale="log", xlabel="smallest relative lift to find", ylabel="units per arm")
    axes.margins(x=0.1)
    axes.set_xticks(lifts)
    axes.set_xticks([], minor=True)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def show_arms(table: pd.DataFrame, confidence: float) -> None:
    """Show impressions and clicks by campaign and arm (see `logs.arms`)."""
    display.table(
        table,
        "Impressions and clicks by campaign and arm",
        subtitle=f"Click-through rate with its {confidence:.0%} interval (Wilson); days in UTC",
        formats={"rate": "percent:2", "first": "date", "last": "date"},
        intervals={"rate": ("rate_low", "rate_high")},
        labels={"context": "Campaign", "n": "Impressions", "hits": "Clicks", "rate": "Click-through rate"},
    )


def show_checks(checks: pd.DataFrame) -> None:
    """Show the checks of a log, passed or failed."""
    note = "A check with a p-value fails below 0.001."
    display.table(checks, "Checks", note, formats={"statistic": "number:2"}, labels={"p_value": "p"})


def show_plans(plans: pd.DataFrame, baseline: float, arms: int, power: float) -> None:
    """Show plans for several lifts (see `compare_plans`)."""
    display.table(
        plans[["mde", "units_per_arm", "total", "days", "decided_by"]],
        "Impressions by the smallest lift to find",
        subtitle=f"Rate of the control {baseline:.2%}, {arms} arms, power {power:.0%}",
        formats={"mde": "percent+:0"},
        labels={"mde": "Lift", "units_per_arm": "Impressions per arm", "total": "In all", "decided_by": "Days set by"},
    )


def show_sample_sizes(plans: pd.DataFrame, sizing: Mapping[str, float]) -> None:
    """Show how the impressions that a test needs fall with the lift that it is to find."""
    lifts, most, least = plans["mde"].tolist(), plans["units_per_arm"].max(), plans["units_per_arm"].min()
    display.figure(
        draw_sample_size(lifts=lifts, **sizing),
        alt=f"The larger the lift, the fewer impressions: {most:,} to {least:,}",
        caption=f"Impressions per arm by the smallest lift to find, power {sizing['power']:.0%}",
        data=plans[["mde", "units_per_arm"]],
        title="Impressions per arm by lift",
        formats={"mde": "percent+:0"},
        labels={"mde": "Lift", "units_per_arm": "Impressions per arm"},
    )
