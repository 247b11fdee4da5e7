"""The tables and pictures of notebook 07 on retraining, seasons and tuning, with what their figures rest on."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.ticker import MaxNLocator

from reco.monitoring import Advice, Check, Decay
from reco.monitoring.measured import Challenge, listing
from reco.monitoring.seasonal import Gain
from reco.report import HAIR, display
from reco.report.display import PALETTE
from reco.report.monitoring import Page
from reco.report.text import Format
from reco.settings import Monitoring


def triggers(checks: Sequence[Check]) -> None:
    """Show what asks for retraining and what does not."""
    display.table(
        pd.DataFrame(checks),
        "Triggers of retraining",
        "Due: at or beyond the limit of the settings; watch: of accuracy from half of it on, of drift from its own "
        "drift_watch on.",
        dict.fromkeys(("found", "limit"), "number:2"),
    )


def ages(page: Page, table: pd.DataFrame, k: int) -> None:
    """Show the accuracy of hybrids of several ages by week."""
    fig, ax = plt.subplots()
    for number, (trained, one) in enumerate(table.groupby("trained")):
        colour, name = PALETTE[number % len(PALETTE)], f"trained {trained.tz_convert(page.zone):%-d %b}"
        ax.plot(one["week"], one["value"], marker="o", markersize=4, color=colour, label=name)
        ax.fill_between(one["week"], one["low"], one["high"], color=colour, alpha=0.1, linewidth=0)
    ax.set_ylim(bottom=0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(axis="y", color=HAIR)
    ax.legend(ncols=3)
    ax.set(title="Accuracy of hybrids of several ages", xlabel="week", ylabel=f"NDCG@{k}")
    latest = table[table["week"] == table["week"].max()].sort_values("age_weeks")
    said = ", ".join(f"{row.age_weeks} weeks old {row.value:.3f}" for row in latest.itertuples())
    display.figure(
        fig,
        alt=f"NDCG by week and training; in the latest week: {said}.",
        caption="Bands are 95% bootstrap intervals over that week's customers; weeks differ, so compare within a week.",
        data=table.assign(trained=table["trained"].dt.tz_convert(page.zone).dt.strftime("%Y-%m-%d")),
        title="Accuracy by week and training",
        labels={"value": f"NDCG@{k}"},
        intervals={"value": ("low", "high")},
    )


def by_age(page: Page, table: pd.DataFrame, found: Decay, k: int) -> None:
    """Show accuracy by age: a week a line, an age a column."""
    frame = table.assign(week=[f"to {page.day(week)}" for week in table["week"]], at=table["week"])
    counts = frame.groupby(["at", "week"])["customers"].max().rename("customers").reset_index()
    wide = frame.pivot(index=["at", "week"], columns="age_weeks", values="value").add_prefix("age ").reset_index()
    wide = counts.merge(wide, on=["at", "week"]).drop(columns="at")
    interval = "no interval, too few weeks" if np.isnan(found.low) else f"95% {found.low:.2%} to {found.high:.2%}"
    display.table(
        wide,
        f"NDCG@{k} by age of the model, in weeks",
        f"Lost in a week of age: {found.per_week:.2%} ({interval}), least squares of ln NDCG on age with a constant "
        f"for every week, HC3 errors; {found.judgements} judgements in {found.weeks} weeks with more than one age.",
        subtitle="weeks that the model had not seen, judged by what was really bought",
    )


def advised(advice: Advice, limits: Monitoring, currency: str) -> None:
    """Show the advice with its reason and what retraining costs."""
    cost = "not told (monitoring.training_cost of the settings)" if limits.training_cost is None else ""
    cost = cost or Format.parse(f"money:{currency}:0")(limits.training_cost)
    rows = [("Advice", advice.verdict), ("Reason", advice.reason), ("Cost of one retraining", cost)]
    if advice.every_weeks is not None:
        rows.append(("Pays every", f"{advice.every_weeks:.1f} weeks"))
    if advice.loss_now is not None:
        rows.append(("Accuracy lost by now, best guess", f"{advice.loss_now:.1%}"))
    display.table(pd.DataFrame(rows, columns=["what", "found"]), "Retrain or wait")


def season(gain: Gain | None, years: float, k: int) -> None:
    """Show what the season in the score gains, or why nobody can tell."""
    if gain is None:
        display.note(
            f"No season is known: the history holds {years:.1f} years, and a month must have come twice before its "
            "season can be told from a trend. The settings can supply indices, twelve a category, under "
            "monitoring.seasonal."
        )
        return
    row = gain._asdict() | dict(zip(("difference", "low", "high"), gain.difference, strict=True))
    display.table(
        pd.DataFrame([row]).drop(columns="users"),
        "Season as part of the score",
        f"NDCG@{k} on the test weeks; the strength is chosen on the validation weeks. {gain.users:,} customers.",
        dict.fromkeys(("before", "after"), "number:4") | dict.fromkeys(("difference", "low", "high"), "number+:4"),
        intervals={"difference": ("low", "high")},
        labels={"before": "Without", "after": "With"},
    )


def weights(found: Challenge, k: int) -> None:
    """Show the weights in force beside the challenger's, on weeks that the search never saw."""
    trial = found.trial
    rows = [
        {"contender": "in force", **found.champion, "ndcg": trial.champion},
        {"contender": "challenger", **found.challenger, "ndcg": trial.challenger}
        | dict(zip(("difference", "low", "high"), trial.difference, strict=True))
        | {"verdict": trial.verdict},
    ]  # fmt: skip
    display.table(
        pd.DataFrame(rows),
        "Champion against challenger",
        f"NDCG@{k} of the same {trial.users:,} customers, {found.evidence['judged_on']} as a whole; {found.tried} "
        f"weights were tried on {found.evidence['tuned_on']}. Paired bootstrap interval; "
        f"paired t-test p = {trial.p_value:.2g}.",
        dict.fromkeys(found.champion, "percent:0") | {"ndcg": "number:4"}
        | dict.fromkeys(("difference", "low", "high"), "number+:4"),
        intervals={"difference": ("low", "high")},
        labels={"ndcg": f"NDCG@{k}"},
    )  # fmt: skip


def promotion(found: Challenge) -> None:
    """Show the lines that put a promoted challenger in force, or that the champion stays."""
    if found.trial.verdict != "promote":
        display.note(f"The weights in force stay. {found.trial.reason}")
        return
    display.note(f"{found.trial.reason} In force with these lines of workbook.yaml; the old ones take it back:")
    display.listing(listing(found.challenger))


def decisions(table: pd.DataFrame) -> None:
    """Show what was decided until now, the oldest first."""
    if table.empty:
        display.note("No decision is on record yet: each run records its own with the evidence, opening this does not.")
        return
    display.table(
        table.assign(moment=pd.to_datetime(table["moment"], utc=True).dt.strftime("%Y-%m-%d %H:%M")),
        "Decisions on record",
        "Difference of NDCG, challenger less champion, with its 95% interval; moments are UTC. The record,"
        " champions.json beside the runs, holds weights and evidence.",
        dict.fromkeys(("difference", "low", "high"), "number+:4") | {"users": "integer"},
        intervals={"difference": ("low", "high")},
    )
