"""The tables and pictures of what recommendations earn: bridge, attributed beside incremental, build or buy, notes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from reco.kpis import Choice, Incremental, Rule, explain
from reco.report import HAIR, QUIET, display
from reco.report.display import PALETTE
from reco.report.text import Format


def bridge_figure(table: pd.DataFrame, currency: str, title: str) -> Figure:
    """The steps of `reco.kpis.bridge` as bars that hang from one another, each with its amount and its sign."""
    fig, ax = plt.subplots(figsize=(7.2, 0.9 + 0.42 * len(table)))
    places = np.arange(len(table))[::-1]
    ends = table["step"].isin(["before", "after"]).to_numpy()
    rises = (table["change"] >= 0).to_numpy()
    colours = np.where(ends, QUIET, np.where(rises, PALETTE[0], PALETTE[1]))
    ax.barh(places, table["high"] - table["low"], left=table["low"], color=colours, height=0.62)
    for place, end, row in zip(places, ends, table.itertuples(index=False), strict=True):
        text = Format.parse(f"money{'' if end else '+'}:{currency}:0")(row.change)
        ax.annotate(text, (row.high, place), (5, 0), textcoords="offset points", va="center", fontsize="small")
    ax.set_yticks(places, table["step"])
    money = Format.parse(f"money:{currency}:0")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: money(value)))
    ax.margins(x=0.15)
    ax.set_xlim(left=0)
    ax.grid(axis="x", color=HAIR)
    ax.set(title=title)
    ax.spines["left"].set_visible(False)
    return fig


def bridge(table: pd.DataFrame, currency: str, days: int, mark: str = "") -> None:
    """Show what moved attributed revenue since the period before."""
    steps = table[~table["step"].isin(["before", "after"])]
    money = Format.parse(f"money+:{currency}:0")
    moved = ", ".join(f"{row.step} {money(row.change)}" for row in steps.itertuples(index=False))
    display.figure(
        bridge_figure(table, currency, f"What moved attributed revenue{mark}"),
        alt=f"Attributed revenue from one period to the next: {moved}.",
        caption=f"The last {days} days against the {days} before. Logarithmic-mean Divisia decomposition by context; "
        "the steps add up to the difference to the cent.",
    )


def break_even_figure(choice: Choice, currency: str) -> Figure:
    """What building and buying have cost by month, each as the band of its range."""
    fig, ax = plt.subplots()
    costs, money = choice.costs, Format.parse(f"money:{currency}:0")
    for number, (name, label) in enumerate((("buy", "buy a service"), ("build", "build"))):
        colour = PALETTE[number]
        ax.fill_between(costs["month"], costs[f"{name}_low"], costs[f"{name}_high"], color=colour, alpha=0.2)
        ax.plot(costs["month"], (costs[f"{name}_low"] + costs[f"{name}_high"]) / 2, color=colour, label=label)
    for row in choice.break_even[np.isfinite(choice.break_even["months"])].itertuples(index=False):
        if row.months <= costs["month"].max():
            ax.plot(row.months, row.monthly * row.months, "o", color=QUIET, markersize=6)
            ax.annotate(
                f"{row.case}: {row.months:.0f} months",
                (row.months, row.monthly * row.months),
                (8, -8),
                textcoords="offset points",
                va="top",
                fontsize="small",
            )
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: money(value)))
    ax.set_xlim(0, costs["month"].max())
    ax.set_ylim(bottom=0)
    ax.legend(loc="upper left")
    ax.grid(axis="y", color=HAIR)
    ax.set(title="What has been spent until a month", xlabel="months")
    return fig


def break_even(choice: Choice, currency: str) -> None:
    """Show when building has paid against buying."""
    months = [f"{row.case} {row.months:.0f} months" for row in choice.break_even.itertuples(index=False)]
    display.figure(
        break_even_figure(choice, currency),
        alt="Cost of building and of buying by month; break-even: " + "; ".join(months).replace("inf months", "never"),
        caption="Ranges of the settings: the fee a month, against the build and its upkeep. Points are break-evens.",
    )


def build_or_buy(choice: Choice) -> None:
    """Show what speaks for building and what for buying."""
    display.table(choice.reasons, "Build or buy", choice.sentence)


def incremental(found: Incremental, currency: str, mark: str = "", confidence: float = 0.95) -> None:
    """Show attributed beside incremental revenue."""
    display.table(
        found.table,
        "Attributed and incremental revenue" + mark,
        found.sentence,
        dict.fromkeys(("revenue", "low", "high"), f"money:{currency}:0")
        | dict.fromkeys(("share", "share_low", "share_high"), "percent"),
        subtitle=f"intervals at {confidence:.0%}",
        intervals={"revenue": ("low", "high"), "share": ("share_low", "share_high")},
    )


def notes(table: pd.DataFrame, mark: str = "") -> None:
    """Show what in the log counts less or not at all; checks that found nothing are told in one line."""
    found = table[table["rows"] > 0]
    clean = len(table) - len(found)
    said = f"{clean} further checks found nothing." if clean else None
    display.table(found, "Data notes" + mark, said, {"rows": "integer"})


def glossary(names: Sequence[str], rule: Rule) -> None:
    """Show what figures mean."""
    display.table(explain(names, rule), "What the figures mean", rule.words())
