"""Pictures of tests that are looked at before their end."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from reco.report import HAIR, QUIET, display
from reco.report.display import PALETTE

#: Words for what the end of a test says of an earlier claim.
AFTER = {True: "confirmed at the end", False: "not confirmed", None: "end unknown"}

#: How a test may be stopped, with the columns of the day and of whether the end agreed (see `snapshots.judge`).
WAYS = {"O'Brien-Fleming limits": ("decided", "held"), "Daily peeking at a fixed p-value": ("claimed", "stood")}


def show_course(course: pd.DataFrame, title: str, caption: str) -> None:
    """Show `draw_course` with its description, and the numbers behind it."""
    drawn = ["effect", "effect_low", "effect_high", "once_low", "once_high"]
    told = course[drawn].replace([np.inf, -np.inf], np.nan)  # the first looks may tell nothing at all
    display.figure(
        draw_course(course, title),
        alt=describe_course(course),
        caption=caption,
        data=course[["day", "verdict"]].join(told)[["day", *drawn, "verdict"]],
        title=title,
        formats={"day": "number:0"} | dict.fromkeys(drawn, "number+:4"),
        labels={"effect": "Effect so far", "once_low": "One look, low", "once_high": "One look, high"},
        intervals={"effect": ("effect_low", "effect_high")},
    )


def show_stops(table: pd.DataFrame, title: str, caption: str) -> None:
    """Show `draw_stops` with its description, and the counts behind it."""
    data = stops(table)
    display.figure(draw_stops(table, title), describe_stops(table), caption, data[data.iloc[:, 1:].any(axis=1)])


def stops(table: pd.DataFrame, bins: int = 20) -> pd.DataFrame:
    """Comparisons decided by share of their tests' days: up_to, then a column for each way and what the end said."""
    edges = np.linspace(0, 1, bins + 1)
    counts = {"up_to": [f"{edge:.0%}" for edge in edges[1:]]}
    for way, (day, confirmed) in WAYS.items():
        share = table[day] / table["days"]
        for word, rows in _outcomes(table[confirmed]).items():
            counts[f"{way}, {word}"] = np.histogram(share[rows].dropna(), edges)[0]
    return pd.DataFrame(counts)


def draw_course(course: pd.DataFrame, title: str) -> Figure:
    """One comparison over time (see `snapshots.follow`): the effect and two intervals around it.

    The wide one holds at all looks together and closes in as the planned end comes near; the narrow one is right for a
    single look. A dot marks the look that decides. The vertical axis is cut where the first looks tell next to nothing.
    """
    fig, ax = plt.subplots()
    day, effect = course["day"], course["effect"]
    reach = 1.15 * float(
        course[["effect_low", "effect_high"]].iloc[len(course) // 3 :].abs().stack().pipe(_finite).max()
    )
    reach = max(reach, 1.3 * float(course[["once_low", "once_high"]].iloc[-1].abs().max()))
    ax.fill_between(
        day,
        course["effect_low"].clip(lower=-9 * reach),
        course["effect_high"].clip(upper=9 * reach),
        color=PALETTE[0],
        alpha=0.15,
        linewidth=0,
        label="interval for all looks together",
    )
    for side in ("once_low", "once_high"):
        ax.plot(day, course[side], color=PALETTE[1], linewidth=1, linestyle="--", label="interval for one look")
    ax.plot(day, effect, color=PALETTE[0], linewidth=2, label="effect so far")
    ax.axhline(0, color=QUIET, linewidth=1)
    decided = course[course["verdict"].isin(["better", "worse"])].head(1)
    if len(decided):
        ax.plot(decided["day"], decided["effect"], "o", color=PALETTE[0], markersize=9, label="decided")
    handles, labels = ax.get_legend_handles_labels()
    named = dict(zip(labels, handles, strict=True))
    ax.legend(named.values(), named.keys(), loc="best", fontsize="small")
    ax.set_ylim(-reach, reach)
    ax.grid(axis="y", color=HAIR)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+.4g}" if value else "0"))
    ax.set(title=title, xlabel="days since the start")
    return fig


def describe_course(course: pd.DataFrame) -> str:
    """What `draw_course` shows, in words."""
    last = course.iloc[-1]
    decided = course[course["verdict"].isin(["better", "worse"])]
    said = {"better": "above", "worse": "below"}
    when = (
        f"it lies {said[decided['verdict'].iloc[0]]} zero from day {decided['day'].iloc[0]:g} on"
        if len(decided)
        else "it never leaves zero out"
    )
    return (
        f"Effect by day over {last['day']:g} days with the interval that holds at all looks together: {when}; "
        f"at the end {last['effect']:+.4g}, from {last['effect_low']:+.4g} to {last['effect_high']:+.4g}"
    )


def draw_stops(table: pd.DataFrame, title: str, bins: int = 20) -> Figure:
    """When comparisons were decided (see `snapshots.judge`), as shares of their tests' days, and whether it held.

    Above by O'Brien-Fleming limits, below by looking daily at a fixed p-value.
    """
    fig, panels = plt.subplots(2, 1, sharex=True, sharey=True, figsize=(7.2, 5.2), layout="constrained")
    for ax, (name, (day, confirmed)) in zip(panels, WAYS.items(), strict=True):
        _stack(ax, table[day] / table["days"], table[confirmed], bins)
        ax.set_title(f"{name}: {int(table[day].notna().sum())} of {len(table)}", loc="left", fontsize="medium")
    panels[0].legend(loc="upper left", fontsize="small")
    panels[1].xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    panels[1].set(xlabel="share of the test that was over", xlim=(0, 1))
    fig.supylabel("comparisons", fontsize="medium")
    fig.suptitle(title, x=0.01, ha="left", fontweight="bold")
    return fig


def describe_stops(table: pd.DataFrame) -> str:
    """What `draw_stops` shows, in words."""

    def told(day: str, confirmed: str) -> str:
        share = (table[day] / table["days"]).dropna()
        lost = int((table[confirmed] == False).sum())  # noqa: E712
        return f"{len(share)}, half of them by {share.median():.0%} of the test, {lost} not confirmed at its end"

    return (
        f"Of {len(table)} comparisons O'Brien-Fleming limits decide {told('decided', 'held')}; "
        f"daily peeking claims {told('claimed', 'stood')}"
    )


def _stack(ax: Axes, share: pd.Series, confirmed: pd.Series, bins: int) -> None:
    """Bars by share of the test, those that the end confirmed at the bottom."""
    edges, base = np.linspace(0, 1, bins + 1), np.zeros(bins)
    colours = (PALETTE[0], PALETTE[1], QUIET)
    for (label, rows), colour in zip(_outcomes(confirmed).items(), colours, strict=True):
        counts, _ = np.histogram(share[rows].dropna(), edges)
        if counts.any() or label != AFTER[None]:
            ax.bar(edges[:-1], counts, 0.9 / bins, base, align="edge", color=colour, label=label)
        base += counts
    ax.grid(axis="y", color=HAIR)
    ax.set_axisbelow(True)


def _outcomes(confirmed: pd.Series) -> dict[str, pd.Series]:
    """Which rows the end confirmed, did not, or tells nothing of, by the words of `AFTER`."""
    known = confirmed.notna()
    groups = (confirmed.fillna(value=False) & known, known & ~confirmed.fillna(value=True), ~known)
    return {word: rows.astype(bool) for word, rows in zip(AFTER.values(), groups, strict=True)}


def _finite(values: pd.Series) -> pd.Series:
    return values[np.isfinite(values)]
