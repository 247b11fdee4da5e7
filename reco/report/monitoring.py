"""The tables and pictures of notebook 07, each with the formulas, window and row counts that its figures come from."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.ticker import MaxNLocator, PercentFormatter

from reco.evaluation import Interval
from reco.impressions import Log
from reco.monitoring import MEASURES, Delivery, trend
from reco.monitoring.measured import Challenge
from reco.report import HAIR, QUIET, charts, display
from reco.report.display import PALETTE
from reco.report.kpi import Kpi
from reco.report.privacy import LEAST
from reco.report.text import Format
from reco.settings import Monitoring

#: How each weekly measure is headed and written; freshness goes by table and source.
WEEKLY: Final[dict[str, tuple[str, str]]] = {
    "coverage": ("Coverage", "percent"),
    "gini": ("Gini", "number:3"),
    "head_share": ("Share of head products", "percent"),
    "novelty": ("Novelty, bits", "number:2"),
    "full_slates": ("Full slates", "percent"),
    "fallback_rate": ("Filled by fallback", "percent"),
    "give_ways": ("Slates in which a rule gave way", "percent"),
    "cache_age_weeks": ("Age of models, weeks", "number:1"),
    "ndcg": ("NDCG of the hybrid in force", "number:3"),
    "products_in": ("Products that came", "percent"),
    "products_out": ("Products that went", "percent"),
    "customers_in": ("Customers who came", "percent"),
    "customers_out": ("Customers who went", "percent"),
}
#: Measures that come from the log of impressions.
LOGGED: Final = (
    "coverage", "gini", "head_share", "novelty", "full_slates", "fallback_rate", "give_ways", "cache_age_weeks",
)  # fmt: skip


class Page(NamedTuple):
    """What all tables of one report share.

    Attributes:
        log: the impressions, and whether they are simulated.
        end: the moment at which week 0 ends.
        zone: of the shop, for days.
        limits: the settings' section.
        impressions: rows of the log.
        lines: order lines of the store.
        products: products that the models know.
    """

    log: Log
    end: pd.Timestamp
    zone: str
    limits: Monitoring
    impressions: int
    lines: int
    products: int

    def day(self, week: int) -> str:
        """The last day of a week, as tables head it."""
        last = (self.end + pd.Timedelta(weeks=week) - pd.Timedelta(hours=12)).tz_convert(self.zone)
        return f"{last:%-d %b}"

    @property
    def of_log(self) -> str:
        """Window and rows of what comes from the log."""
        return f"{self.log.days} days of the log{self.log.mark}, {self.impressions:,} impressions."


def to_do(alerts: pd.DataFrame, tuned: Challenge) -> list[str]:
    """What the meeting should decide, a sentence each."""
    found = [f"{one.about} ({one.found:.3g}, limit {one.limit:.3g}): {one.action}." for one in alerts.itertuples()]
    if tuned.trial.verdict == "promote":
        found.append("Weights of the hybrid: put the challenger in force, it did better on weeks it had not seen.")
    return found


def cards(
    page: Page, aged: pd.DataFrame, lost: Interval, customers: int, drift: pd.DataFrame, weeks: pd.DataFrame, k: int
) -> None:
    """Show the figures to decide by; what age costs was judged by so many `customers`."""
    fresh = aged.sort_values(["week", "age_weeks"], ascending=[False, True]).iloc[0]
    mix = drift[(drift["name"] == "purchase mix") & (drift["measure"] == "psi")].iloc[0]
    last, half = weeks.reindex(range(max(len(weeks), 1))).iloc[-1], page.limits.accuracy_loss / 2
    judged = int(aged.loc[aged["week"] == fresh.week, "customers"].iloc[0])
    display.cards(
        [
            Kpi(name=f"NDCG@{k}, latest week", value=fresh.value, low=fresh.low, high=fresh.high, n=judged,
                of="customers", better="higher",
                definition="Accuracy of the newest hybrid in the latest finished week, by what was really bought."),
            Kpi(name="Accuracy lost to a fresh model", value=lost.value, low=lost.low, high=lost.high, format="percent",
                n=customers, of="customers",
                better="lower", target=half, act_at=page.limits.accuracy_loss,
                definition="NDCG that a hybrid lacks that was not retrained before the test weeks."),
            Kpi.counted(name="Drift of the purchase mix", value=mix.effect, better="lower", target=mix.watch,
                        act_at=mix.act, definition="Stability index of the latest week, what chance brings taken off."),
            Kpi(name="CTR, latest week", value=last.ctr, low=last.ctr_low, high=last.ctr_high,
                n=int(last.fillna(0).impressions), of="impressions", format="percent:2", simulated=page.log.simulated,
                definition="Clicks by impressions; Wilson's interval."),
            Kpi.counted(name="Coverage, latest week", value=last.coverage, format="percent",
                        simulated=page.log.simulated, definition="Products the models know that were shown."),
        ]
    )  # fmt: skip


def alerts(page: Page, table: pd.DataFrame) -> None:
    """Show what asks for attention, or that nothing does."""
    quarter = f"by chance, all checks together speak {page.limits.false_alarms:g} times a quarter at most"
    if table.empty:
        display.note(f"Nothing asks for attention; {quarter}.")
        return
    display.table(
        table,
        "Alerts",
        f"From drift, triggers of retraining and control limits below; {quarter}.",
        {"found": "number:3", "limit": "number:3"},
        labels={"about": "About", "cause": "Likely cause", "action": "To do"},
    )


def told(deliveries: Sequence[Delivery]) -> None:
    """Show what became of every way in which alerts are sent."""
    if not deliveries:
        display.note("Nobody was told: runs send alerts where the settings name a command, a mail server or a webhook.")
        return
    display.table(pd.DataFrame(deliveries), "Who was told", "Of alerts, by this run.")


def weekly(page: Page, table: pd.DataFrame, most: int = 8) -> None:
    """Show the weekly figures: a measure a line, a week a column, the latest last."""
    wide = table.pivot(index="measure", columns="week", values="value")
    wide = wide.reindex(columns=range(1 - most, 1))
    fresh = [name for name in wide.index if name.startswith("days_since:")]
    names = [name for name in WEEKLY if name in wide.index] + fresh
    rows, told = [], []
    for name in names:
        title, form = WEEKLY[name] if name in WEEKLY else (_source(name), "number:1")
        mark = page.log.mark if name in LOGGED or ":impressions:" in name else ""
        rows.append([title + mark, *map(Format.parse(form), wide.loc[name])])
        told.append(f"{title}: {MEASURES[name]}." if name in MEASURES else "")
    frame = pd.DataFrame(rows, columns=["measure", *(f"to {page.day(week)}" for week in wide.columns)])
    lacking = "" if "give_ways" in names else " The log does not tell where rules gave way."
    display.table(
        frame,
        "The weeks in figures",
        f"{' '.join(filter(None, told))} Days since: {MEASURES['days_since']}.{lacking} {page.of_log} "
        f"{page.lines:,} order lines of the whole history; the catalogue are the {page.products:,} products that the "
        "models know.",
        subtitle=f"the latest {most} weeks; a dash where a week tells nothing",
    )


def _source(measure: str) -> str:
    """`days_since:table:source` in words."""
    _, table, source = measure.split(":", 2)
    by = f" ({source.replace('_', ' ')})" if source != table else ""
    return f"Days since latest {table.replace('_', ' ')}{by}"


def course(page: Page, table: pd.DataFrame) -> None:
    """Show coverage, inequality, head and novelty by week, a small picture each."""
    names = [name for name in ("coverage", "gini", "head_share", "novelty") if name in set(table["measure"])]
    if not names:
        display.note("The log tells nothing of what was shown in these weeks.")
        return
    fig, axes = plt.subplots(2, 2, figsize=(7.2, 4.6), sharex=True)
    ends = []
    for ax, name in zip(axes.flat, names, strict=False):
        one = table[table["measure"] == name]
        title, form = WEEKLY[name]
        ax.plot(one["week"], one["value"], marker="o", markersize=4, color=PALETTE[0])
        if form.startswith("percent"):
            ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
        ax.margins(y=0.25)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(axis="y", color=HAIR)
        ax.set_title(title)
        said = Format.parse(form)
        ends.append(f"{title.lower()} from {said(one['value'].iloc[0])} to {said(one['value'].iloc[-1])}")
    for ax in axes.flat[len(names) :]:
        ax.set_axis_off()
    fig.suptitle("What was shown, by week" + page.log.mark, x=0.01, ha="left", fontsize="medium")
    display.figure(
        fig,
        alt=f"By week: {'; '.join(ends)}.",
        caption=f"Axes do not begin at zero. Week 0 ends on {page.day(0)}. {page.of_log}",
        data=table[table["measure"].isin(names)].pivot(index="week", columns="measure", values="value"),
        title="What was shown, by week" + page.log.mark,
    )


#: Formula of each charted rate, and what it is a share of.
CHARTED: Final = {
    "CTR": ("Clicks / impressions", "impressions"),
    "Conversion": ("Orders credited to clicks / clicks, of days whose attribution window is over", "clicks"),
}


def control(page: Page, rates: Mapping[str, pd.DataFrame], name: str) -> None:
    """Show a rate by day within its control limits; days that are out are marked."""
    if name not in rates:
        display.note(f"{name}: the log has too few days for control limits; five weeks are needed.")
        return
    table, (formula, trials) = rates[name], CHARTED[name]
    fig, ax = plt.subplots()
    ax.fill_between(table["day"], table["low"], table["high"], color=PALETTE[0], alpha=0.15, linewidth=0)
    ax.plot(table["day"], table["expected"], color=QUIET, linewidth=1, linestyle="--", label="expected")
    ax.plot(table["day"], table["rate"], color=PALETTE[0], marker="o", markersize=3, label=name)
    out = table[table["verdict"].isin(["above", "below"])]
    ax.plot(out["day"], out["rate"], "o", color=PALETTE[1], markersize=8, fillstyle="none", label="outside")
    first = table.loc[~table["learned"], "day"].min()
    if pd.notna(first):
        ax.axvline(first - pd.Timedelta(hours=12), color=QUIET, linewidth=1)
        ax.annotate("judged", (first, 0.02), xycoords=("data", "axes fraction"), color=QUIET, fontsize="small")
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    ax.xaxis.set_major_formatter(lambda value, _: f"{pd.Timestamp(value, unit='D'):%-d %b}")
    ax.grid(axis="y", color=HAIR)
    ax.legend(ncols=3)
    ax.set(title=f"{name} by day{page.log.mark}")
    judged = table[~table["learned"]]
    outside = int(judged["verdict"].isin(["above", "below"]).sum())
    season = "weekday and the turn of the year" if table["learned"].sum() >= 400 else "weekday"
    display.figure(
        fig,
        alt=f"{name} by day: {outside} of the latest {len(judged)} days lie outside the limits.",
        caption=f"{formula}. The band is where a day is expected to lie by its {season}, learned from "
        f"{int(table['learned'].sum())} days; {int(table['trials'].sum()):,} {trials}{page.log.mark}. Fewer than 400 "
        "days tell no season of the year apart from a trend.",
        data=table[["day", "trials", "rate", "expected", "low", "high", "verdict"]],
        title=f"{name} by day{page.log.mark}",
        formats=dict.fromkeys(("rate", "expected", "low", "high"), "percent:2"),
    )


def judged(page: Page, rates: Mapping[str, pd.DataFrame]) -> None:
    """Show the judged days of every rate beside their limits."""
    if not rates:
        return
    frames = [one[~one["learned"]].assign(rate_of=name) for name, one in rates.items()]
    table = pd.concat(frames, ignore_index=True)
    table["day"] = table["day"].dt.strftime("%-d %b %Y")
    display.table(
        table[["rate_of", "day", "trials", "rate", "expected", "low", "high", "verdict"]],
        "The latest days against their control limits" + page.log.mark,
        "Conversion is judged only on days whose attribution window is over. Limits: quasi-binomial with weekday "
        f"effects, so wide that all charts together give {page.limits.false_alarms / 2:g} false alarms a quarter. "
        f"{page.of_log}",
        dict.fromkeys(("rate", "expected", "low", "high"), "percent:2"),
        labels={"rate_of": "Rate", "rate": "Found", "low": "Lower limit", "high": "Upper limit", "trials": "Of"},
    )


def drift(page: Page, table: pd.DataFrame) -> None:
    """Show drift by what is watched: effect less noise, limits, likely cause, action."""
    names = {"psi": "stability index", "js": "Jensen-Shannon, bits"}
    frame = table.assign(measure=table["measure"].map(names))
    told = {"cause": "Likely cause", "action": "To do"}
    if (frame["cause"] == "").all():
        frame, told = frame.drop(columns=["cause", "action"]), {}
    else:
        frame[["cause", "action"]] = frame[["cause", "action"]].replace("", "–")
    display.table(
        frame,
        "Drift of the latest week",
        "Effect: distance of the latest week from the weeks before, less what chance alone brings on average, from "
        "1,000 draws, so that it does not grow with the shop. Stability index: Σ (found − before) · ln(found / before) "
        f"of shares. {page.limits.baseline_weeks} weeks before; {page.lines:,} order lines in the store.",
        dict.fromkeys(("effect", "raw", "noise", "watch", "act"), "number:3") | {"change": "percent+:1"},
        subtitle=f"week to {page.day(0)}; an alarm must also exceed what chance brings",
        labels={"name": "Of", "raw": "Distance", "noise": "By chance", "watch": "Watch from", "act": "Act from"}
        | {"mover": "Moved most", "change": "Share by"}
        | told,
    )


def course_of_drift(found: pd.Series, limits: Monitoring) -> None:
    """Show the raw drift of the purchase mix by week beside its limits."""
    levels = {"watch": limits.drift_watch, "act": limits.drift_act}
    figure = charts.lines(found.index, {"Drift": found}, "Stability index of the purchase mix", "week", limits=levels)
    alt = f"Stability index by week; the latest is {found.iloc[-1]:.3f}, the largest {found.max():.3f}."
    caption = f"Each week against the {limits.baseline_weeks} before it, by category, chance not taken off."
    display.figure(figure, alt=alt, caption=caption, data=found.rename("index").reset_index(), title="Drift by week")


def movers(table: pd.DataFrame, lines: int, weeks: int) -> None:
    """Show the categories whose share moved most."""
    display.table(
        table,
        "Categories that moved most in the latest week",
        f"Share of order lines: latest week against the {weeks} before; {lines:,} lines in the latest.",
        {"before": "percent:2", "latest": "percent:2", "change": "percent+:2"},
    )


def bubble(page: Page, table: pd.DataFrame) -> None:
    """Show how varied what customers were shown is, by week."""
    if table.empty:
        display.note("Variety is not known: no customer was shown ten products in one week.")
        return
    slope, low, high = trend(table)
    band = {"bits": (table["low"], table["high"])}
    figure = charts.lines(
        table["week"], {"bits": table["entropy"]}, "Variety shown to a customer" + page.log.mark, "week", bands=band
    )
    told = "too few weeks for a trend" if np.isnan(slope) else f"{slope:+.4f} bits a week ({low:+.4f} to {high:+.4f})"
    word = "narrower" if high < 0 else "wider" if low > 0 else "neither narrower nor wider"
    last = table.iloc[-1]
    display.figure(
        figure,
        alt=f"Entropy by week; the latest is {last.entropy:.2f} bits, as varied as {last.reach:.0f} categories shown "
        f"equally often. Trend: {told}.",
        caption=f"Entropy in bits of the categories one customer was shown in a week, mean over customers with ten "
        f"impressions or more and 95% interval ({int(last.customers):,} customers in the latest). Trend: {told}, "
        f"customers see {word} week by week. {page.of_log}",
        data=table,
        title="Variety by week" + page.log.mark,
        intervals={"entropy": ("low", "high")},
    )


def exploration(page: Page, table: pd.DataFrame, share: float, currency: str) -> None:
    """Show what exploring took and earned by week."""
    frame = table.assign(week=[f"to {page.day(week)}" for week in table["week"]])
    display.table(
        frame,
        "Explored and exploited" + page.log.mark,
        f"Explored: shown to learn, told by a propensity below 1 − {share:g}. CTR with its 95% interval over customers "
        f"(delta method); RPK: credited revenue per thousand impressions. {page.of_log}",
        dict.fromkeys(("ctr", "low", "high"), "percent:2") | {"share": "percent"}
        | ({"per_thousand": f"money:{currency}"} if "per_thousand" in frame else {}),
        intervals={"ctr": ("low", "high")},
        labels={"ctr": "CTR"} | ({"per_thousand": "RPK"} if "per_thousand" in frame else {}),
    )  # fmt: skip


def newcomers(page: Page, table: pd.DataFrame, days: int, most: int = 12) -> None:
    """Show how newcomers went on, by the week of their first order."""
    frame = table[table["week"] > -most].assign(finished=lambda t: t["finished"].map({True: "yes", False: "not yet"}))
    weeks = [f"to {page.day(week)}" for week in frame["week"]]
    whole = frame[["newcomers", "shown", "clicked", "returned"]].sum().to_dict() | {"week": "all", "finished": ""}
    frame = frame.assign(week=weeks)
    if frame["newcomers"].between(1, LEAST - 1).sum() != 1:  # of a single small week the sum would tell its number
        frame = pd.concat([frame, pd.DataFrame([whole])], ignore_index=True)
    display.table(
        frame,
        "Newcomers by the week of their first order",
        "Counts of newcomers who were shown a recommendation, clicked one, or ordered again within "
        f"{days} days of that order; the last column says whether all have had these days. Of fewer than ten newcomers "
        f"no number is shown. {page.lines:,} order lines of the whole history.",
        labels={"week": "First order, week", "finished": f"{days} days over"}
        | {name: f"{name.capitalize()}{page.log.mark}" for name in ("shown", "clicked")},
        subtitle=f"the latest {most} weeks; a week without newcomers has no line",
    )
