"""Tables and pictures of where an effect comes from: funnel, positions, days, segments."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from reco.experiments.funnel import Decomposition, Funnel
from reco.experiments.novelty import AGE, Novelty
from reco.experiments.positions import Positions
from reco.experiments.segments import WARNING, Segments
from reco.experiments.verdicts import points
from reco.report import PALETTE, QUIET, display

_TESTS = {"p_value": "number:3", "p_adjusted": "number:3"}
_LABELS = {"value": "Rate", "control_value": "Control", "effect": "Difference, points", "p_adjusted": "p, adjusted"}


def show_funnel(result: Funnel) -> None:
    """Show the rate of each step of all exposed, then how many of a step went on, which is no test."""
    _rates(result.table, "step", "How far each arm gets, of all that were exposed", f"Correction: {result.correction}")
    display.table(
        result.description.pivot(index=["step", "given"], columns="variant", values="value"),
        "Of those who reached the step before",
        "A description: the variant itself chooses who reaches a step, so no verdict rests on these rates.",
        formats=dict.fromkeys(result.description["variant"].unique(), "percent:1"),
    )


def show_decomposition(result: Decomposition) -> None:
    """Show what the difference of the whole consists of, with the picture."""
    parts = result.parts[["variant", "factor", "value", "control_value", "relative", "relative_low", "relative_high"]]
    note = " ".join(["The factors multiply to the last row. They describe; only the whole is judged.", *result.notes])
    display.table(
        parts,
        "Where the difference comes from",
        note,
        formats={"relative": "percent+:1", "value": "number:3", "control_value": "number:3"},
        labels={"control_value": "Control", "relative": "Lift"},
        intervals={"relative": ("relative_low", "relative_high")},
    )
    if len(parts):
        drawn = (_named(parts, "factor"), *(100 * parts[f"relative{end}"] for end in ("", "_low", "_high")))
        display.figure(
            _dots(*drawn, "lift in %"),
            _words("Lift in %", *drawn),
            "Lift of each factor and, last, of the whole",
            **_behind(*drawn, "Lift in %"),
        )


def show_positions(result: Positions, position: str = "position") -> None:
    """Show click-through rate by position, the share of clicks in the top ones, and the picture."""
    _rates(result.table, position, "Click-through rate by position", note=" ".join(result.notes) or None)
    if len(result.top):
        _rates(result.top, "metric", "Share of clicks in the top positions", note="Where clicks fall is no verdict.")
    if len(result.table):
        label = _named(result.table, position, "position ")
        _show_points(result.table, label, "Difference in click-through rate by position")


def show_novelty(result: Novelty, period: str = "day") -> None:
    """Show the trend of an effect over time since first exposure, and the effect in each period as a picture."""
    if len(result.trend):
        trend = result.trend[["variant", "slope", "slope_low", "slope_high", "p_adjusted", "early", "late", "reading"]]
        names = ["slope", "slope_low", "slope_high", "early", "late"]
        display.table(
            trend.assign(**100 * trend[names]),
            f"Does the effect last? Change of the difference, points per {period}",
            " ".join(result.notes) or None,
            formats={**dict.fromkeys(["slope", "early", "late"], "number+:2"), "p_adjusted": "number:3"},
            labels={"p_adjusted": "p, adjusted", "early": f"First {period}", "late": f"Last {period}"},
            intervals={"slope": ("slope_low", "slope_high")},
        )
    display.figure(
        draw_novelty(result, period),
        describe_novelty(result, period),
        f"Difference by {period}s since",
        data=result.table[["variant", AGE]].join(100 * result.table[["effect", "effect_low", "effect_high"]]),
        title=f"Difference in points by {period}s since first exposure",
        formats={"effect": "number+:2"},
        labels={"effect": "Difference, points", AGE: f"{period.capitalize()}s since"},
        intervals={"effect": ("effect_low", "effect_high")},
    )


def draw_novelty(result: Novelty, period: str = "day") -> Figure:
    """Differences in percentage points by time since first exposure, with intervals and the fitted line."""
    figure, axes = plt.subplots()
    axes.axhline(0, color=QUIET, linewidth=1)
    for number, (arm, rows) in enumerate(result.table.groupby("variant", sort=False)):
        colour = PALETTE[number % len(PALETTE)]
        at = rows[AGE] + 0.12 * number
        axes.vlines(at, 100 * rows["effect_low"], 100 * rows["effect_high"], color=colour, alpha=0.45, linewidth=5)
        axes.plot(at, 100 * rows["effect"], "o", color=colour, label=_plain(arm))
        for row in result.trend[result.trend["variant"] == arm].to_dict("records"):
            axes.plot(at.iloc[[0, -1]], [100 * row["early"], 100 * row["late"]], color=colour, linestyle="--")
    axes.set(xlabel=f"{period}s since first exposure", ylabel="difference in points")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(loc="best")
    return figure


def describe_novelty(result: Novelty, period: str = "day") -> str:
    """What `draw_novelty` shows, in words."""
    found = [
        f"{row['variant']} from {points(row['early'])} in the first {period} to {points(row['late'])} in the last, "
        f"{row['reading']}"
        for row in result.trend.to_dict("records")
    ]
    return f"Differences in percentage points by {period}s since first exposure: {'; '.join(found) or 'no trend'}"


def show_segments(result: Segments, by: str, rate: bool = True) -> None:
    """Show raw and shrunken effects by segment, in points where the metric is a `rate`, and the forest plot."""
    times = 100 if rate else 1
    names = ["effect", "effect_low", "effect_high", "shrunken", "shrunken_low", "shrunken_high"]
    display.table(
        result.table.assign(**times * result.table[names])[[by, "variant", *names, "p_adjusted", "verdict"]],
        f"Effect by {by}, as measured and drawn together",
        " ".join([WARNING, *result.notes]),
        formats={"effect": "number+:2", "shrunken": "number+:2", "p_adjusted": "number:3"},
        labels={"effect": "Measured", "shrunken": "Shrunken", "p_adjusted": "p, adjusted"},
        intervals={"effect": ("effect_low", "effect_high"), "shrunken": ("shrunken_low", "shrunken_high")},
        subtitle="Differences from the control" + (" in percentage points" if rate else ""),
    )
    if len(result.table):
        table = result.table.assign(segment=_named(result.table, by), **times * result.table[names])
        drawn = (table[name] for name in ("segment", "shrunken", "shrunken_low", "shrunken_high"))
        display.figure(
            draw_segments(result, by, times),
            _words("Shrunken differences from the control", *drawn),
            "Effect by segment: measured (grey) and shrunken (blue)",
            data=table[["segment", *names]],
            title=f"Effect by {by}",
            formats={"effect": "number+:2", "shrunken": "number+:2"},
            labels={"effect": "Measured"},
            intervals={"effect": ("effect_low", "effect_high"), "shrunken": ("shrunken_low", "shrunken_high")},
        )


def draw_segments(result: Segments, by: str, times: float = 100) -> Figure:
    """A forest plot: shrunken effects above those measured, beside the line of no effect."""
    table, label = result.table, _named(result.table, by)
    raw, drawn = ([times * table[f"{n}{end}"] for end in ("", "_low", "_high")] for n in ("effect", "shrunken"))
    figure = _dots(label, *drawn, "difference in points" if times == 100 else "difference")
    axes, place = figure.axes[0], np.arange(len(table)) + 0.25
    axes.hlines(place, raw[1], raw[2], color=QUIET, alpha=0.45, linewidth=3)
    axes.plot(raw[0], place, "o", color=QUIET, markersize=4)
    return figure


def _rates(table: pd.DataFrame, lead: str, title: str, subtitle: str | None = None, note: str | None = None) -> None:
    bounds = ["effect_low", "effect_high"]
    columns = [lead, "variant", "value", "control_value", "effect", *bounds, "p_value", "p_adjusted"]
    columns += [name for name in ("verdict",) if name in table]
    display.table(
        table.assign(**100 * table[["effect", *bounds]])[columns],
        title,
        note,
        formats={"value": "percent:2", "control_value": "percent:2", "effect": "number+:2", **_TESTS},
        labels=_LABELS | {"p_value": "p"},
        subtitle=subtitle,
        intervals={"effect": ("effect_low", "effect_high")},
    )


def _show_points(table: pd.DataFrame, label: pd.Series, caption: str) -> None:
    drawn = (label, *(100 * table[name] for name in ("effect", "effect_low", "effect_high")))
    alt = _words("Differences in percentage points", *drawn)
    behind = _behind(*drawn, "Difference, points")
    display.figure(_dots(*drawn, "difference in percentage points"), alt, caption, **behind)


def _behind(label: pd.Series, value: pd.Series, low: pd.Series, high: pd.Series, heading: str) -> dict[str, Any]:
    """The numbers behind `_dots`, as `display.figure` takes them."""
    return {
        "data": pd.DataFrame({"of": label, "value": value, "low": low, "high": high}),
        "formats": {"value": "number+:2"},
        "labels": {"value": heading},
        "intervals": {"value": ("low", "high")},
    }


def _named(table: pd.DataFrame, column: str, prefix: str = "") -> pd.Series:
    """What a row is called: its variant too where there are several."""
    names = prefix + table[column].astype("str")
    return names if table["variant"].nunique() == 1 else table["variant"].astype("str") + ", " + names


def _words(opening: str, label: pd.Series, value: pd.Series, low: pd.Series, high: pd.Series) -> str:
    rows = zip(label, value, low, high, strict=True)
    return f"{opening}: " + "; ".join(f"{n} {v:+.2f}, from {a:+.2f} to {b:+.2f}" for n, v, a, b in rows)


def _dots(label: pd.Series, value: pd.Series, low: pd.Series, high: pd.Series, axis: str) -> Figure:
    figure, axes = plt.subplots(figsize=(7.2, 0.9 + 0.5 * len(label)))
    place = np.arange(len(label))
    axes.axvline(0, color=QUIET, linewidth=1)
    axes.hlines(place, low, high, color=PALETTE[0], alpha=0.45, linewidth=5)
    axes.plot(value, place, "o", color=PALETTE[0], markersize=7)
    axes.set_yticks(place, [_plain(text) for text in label])
    axes.set(ylim=(len(label) - 0.5, -0.5), xlabel=axis)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return figure


def _plain(text: object) -> str:
    """Names come from other people: a dollar sign is no mathematics."""
    return str(text).replace("$", r"\$")
