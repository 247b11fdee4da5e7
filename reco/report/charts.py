"""The few kinds of picture that the notebooks use; each returns a matplotlib figure for `display.figure`."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from reco.report import HAIR, QUIET
from reco.report.display import PALETTE


def dots(
    frame: pd.DataFrame,
    label: str,
    value: str,
    low: str,
    high: str,
    title: str,
    axis: str,
    percent: bool = False,
    reference: str | None = None,
) -> Figure:
    """One line of `frame` as a dot with its interval, the first on top; `reference` is a column marked by a tick."""
    fig, ax = plt.subplots(figsize=(7.2, 0.9 + 0.34 * len(frame)))
    places = np.arange(len(frame))[::-1]
    ax.hlines(places, frame[low], frame[high], color=PALETTE[0], alpha=0.45, linewidth=5)
    ax.plot(frame[value], places, "o", color=PALETTE[0], markersize=6)
    if reference is not None:
        ax.plot(frame[reference], places, "|", color=PALETTE[1], markersize=14, markeredgewidth=2.5, label=reference)
        ax.legend(loc="lower right", bbox_to_anchor=(1, 1))
    ax.set_yticks(places, frame[label])
    ax.set_xlim(left=min(0, frame[low].min()))
    if percent:
        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.grid(axis="x")
    ax.set(title=title, xlabel=axis)
    ax.spines["left"].set_visible(False)
    return fig


def bars(labels: Sequence[str], values: Sequence[float], title: str, axis: str, percent: bool = False) -> Figure:
    """Horizontal bars, the first on top, each with its value at the end."""
    fig, ax = plt.subplots(figsize=(7.2, 0.9 + 0.34 * len(labels)))
    places = np.arange(len(labels))[::-1]
    drawn = ax.barh(places, values, color=PALETTE[0], height=0.7)
    ax.bar_label(drawn, fmt=(lambda v: f"{v:.0%}") if percent else (lambda v: f"{v:,.0f}"), padding=4, color=QUIET)
    ax.set_yticks(places, labels)
    ax.set_xticks([])
    ax.margins(x=0.12)
    ax.set(title=title, xlabel=axis)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    return fig


def lines(
    x: Sequence[object],
    series: dict[str, Sequence[float]],
    title: str,
    axis: str,
    percent: bool = False,
    limits: dict[str, float] | None = None,
    bands: dict[str, tuple[Sequence[float], Sequence[float]]] | None = None,
) -> Figure:
    """Series over `x`, named in a legend; `limits` are dashed levels, `bands` are intervals by series."""
    fig, ax = plt.subplots()
    for number, (name, values) in enumerate(series.items()):
        colour = PALETTE[number % len(PALETTE)]
        ax.plot(x, values, marker="o", markersize=4, color=colour, label=name)
        if bands and name in bands:
            ax.fill_between(x, *bands[name], color=colour, alpha=0.15, linewidth=0)
    for name, level in (limits or {}).items():
        ax.axhline(level, color=QUIET, linestyle="--", linewidth=1)
        ax.annotate(
            name, (0.005, level), xycoords=("axes fraction", "data"), va="bottom", color=QUIET, fontsize="small"
        )
    if len(series) > 1:
        ax.legend(ncols=min(len(series), 3))
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=1) if percent else FuncFormatter(lambda v, _: f"{v:,g}"))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(axis="y", color=HAIR)
    ax.set(title=title, xlabel=axis)
    return fig


def scatter(
    x: Sequence[float],
    y: Sequence[float],
    names: Sequence[str],
    title: str,
    axes: tuple[str, str],
    best: Literal["low", "high"] = "high",
    log: bool = False,
    percent: bool = False,
) -> Figure:
    """Points by two measures, the second the higher the better, the first the `low` or `high` one.

    Points that no other beats in both are joined and named; the others stand grey.
    """
    fig, ax = plt.subplots(figsize=(7.2, 4.6))
    x, y = np.asarray(x, "float64"), np.asarray(y, "float64")
    worth = -x if best == "low" else x
    beaten = ((worth > worth[:, None]) & (y >= y[:, None]) | (worth >= worth[:, None]) & (y > y[:, None])).any(axis=1)
    front = np.flatnonzero(~beaten)[np.argsort(x[~beaten], kind="stable")]
    ax.plot(x[beaten], y[beaten], "o", color=QUIET, alpha=0.5, markersize=5)
    ax.plot(x[front], y[front], "o-", color=PALETTE[0], markersize=7, linewidth=1)
    left, right = (np.nanmin(x), np.nanmax(x)) if len(x) else (0, 1)
    for point in front:
        late = x[point] > (np.sqrt(left * right) if log and left > 0 else (left + right) / 2)
        ax.annotate(
            names[point],
            (x[point], y[point]),
            xytext=(-6 if late else 6, 6),
            textcoords="offset points",
            ha="right" if late else "left",
            fontsize="small",
        )
    if log:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,g}"))
    if percent:
        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set_ylim(bottom=0)
    ax.margins(x=0.08)
    ax.grid(color=HAIR)
    ax.set(title=title, xlabel=axes[0], ylabel=axes[1])
    return fig


def ternary(frame: pd.DataFrame, value: str, title: str, marks: dict[str, Sequence[float]]) -> Figure:
    """`value` over three shares that add up to 1, the other columns of `frame` in their order; `marks` are named."""
    names = [column for column in frame if column != value]
    # each row a corner: the first on the left, the second on the right, the third on top
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])
    x, y = (frame[names].to_numpy() @ corners).T
    fig, ax = plt.subplots(figsize=(6.4, 5.6))
    filled = ax.tricontourf(x, y, frame[value], levels=12, cmap="Blues")
    ax.plot(x, y, ".", color=QUIET, markersize=2)
    ax.plot(*np.vstack([corners, corners[:1]]).T, color=QUIET, linewidth=1)
    for (place_x, place_y), name, side, below in zip(
        corners, names, ("left", "right", "center"), (-14, -14, 6), strict=True
    ):
        ax.annotate(f"all {name}", (place_x, place_y), (0, below), textcoords="offset points", ha=side)
    for number, (name, shares) in enumerate(marks.items()):
        at = np.asarray(shares) @ corners
        ax.plot(*at, "osD^"[number % 4], color=PALETTE[1], markeredgecolor="white", markersize=9, label=name)
    ax.legend(loc="upper left", bbox_to_anchor=(-0.05, 1))
    ax.set_title(title, pad=26)  # above the name of the corner on top
    ax.set_aspect("equal")
    ax.set_axis_off()
    fig.colorbar(filled, ax=ax, shrink=0.7, pad=0.02)
    return fig
