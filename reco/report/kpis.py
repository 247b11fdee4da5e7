"""The tables and pictures of notebook 06, each with the formulas, window and row counts that its figures come from."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from reco.errors import InputError
from reco.impressions import Log
from reco.kpis import GLOSSARY, Choice, Pay, Rule, Summary, algorithms, explain, fits, last_periods, named, rates
from reco.kpis import caption as formulas
from reco.kpis import formats as units
from reco.report import HAIR, QUIET, charts, display
from reco.report.display import PALETTE
from reco.report.text import Format
from reco.settings import Context
from reco.widgets import addressed

#: Columns of every table by place, and what of them is a rate with an interval.
FIGURES: Final = ("impressions", "clicks", "orders", "revenue", "ctr", "conversion", "revenue_per_thousand")
RATES: Final = ("ctr", "conversion")


class Page(NamedTuple):
    """What all tables of one report share.

    Attributes:
        log: the impressions, and whether they are simulated.
        summary: what was counted of them.
        contexts: the settings' contexts, for titles.
        currency: of all money.
        confidence: level of the intervals.
    """

    log: Log
    summary: Summary
    contexts: Mapping[str, Context]
    currency: str
    confidence: float = 0.95

    def caption(self, *names: str, **counts: int) -> str:
        """Formulas of the figures `names`, their window, and how many rows they were counted from."""
        total = self.summary.total()
        rows = {"impressions": int(total["impressions"]), "clicks": int(total["clicks"])} | counts
        return formulas(names, self.summary.rule, self.log.days, **rows)


def untold(summary: Summary, contexts: Mapping[str, Context]) -> Summary:
    """`summary` with the strategies as the settings name them, and the algorithm behind each.

    A log has `Because you bought Milk` where the settings have `Because you bought {product}`. What fits no strategy
    of its context, such as what rules and fallbacks put in, keeps its name and an algorithm that is not told.
    """
    if "strategy" not in summary.cube:
        return summary
    pairs = summary.cube[["context", "strategy"]].drop_duplicates()
    behind = algorithms(contexts)
    found = [_named(*pair, behind) for pair in pairs.itertuples(index=False)]
    pairs[["title", "by"]] = pd.DataFrame(found, index=pairs.index, columns=["title", "by"])
    both = summary.cube.merge(pairs, on=["context", "strategy"], how="left")
    logged = both["algorithm"] if "algorithm" in both else both["by"]
    cube = both.assign(strategy=both["title"], algorithm=logged).drop(columns=["title", "by"])
    first = ["context", "strategy", "algorithm"]
    return summary._replace(cube=cube[first + [column for column in cube if column not in first]])


def _named(context: str, name: str, behind: Mapping[tuple[str, str], str]) -> tuple[str, str]:
    """The settings' title of a logged strategy, and what stands behind it; the very title goes before one with gaps."""
    titles = [title for where, title in behind if where == context and fits(name, title)]
    title = name if name in titles else next(iter(titles), None)
    return (name, "rules and fallbacks") if title is None else (title, behind[context, title])


def dashboard(page: Page, rated: pd.DataFrame, verdicts: pd.DataFrame) -> None:
    """Show impressions, clicks, orders, revenue and rates by context, with the rates' targets as words."""
    words = {"on target": "above", "below target": "below", "at target": "around"}
    said = [f"{words.get(row.verdict, row.verdict)}\u00a0{row.target:.0%}" for row in verdicts.itertuples()]
    said = verdicts.assign(words=said).pivot(index="context", columns="rate", values="words")
    table = rated.merge(said.reindex(columns=list(RATES)).add_suffix("_target").reset_index(), on="context", how="left")
    columns = ["context", "impressions", "clicks", "orders", "revenue", "ctr", "ctr_target", "conversion"]
    table = named(table, page.contexts)[[*columns, "conversion_target", "revenue_per_thousand"]]
    display.table(
        table,
        "Recommendations by context" + page.log.mark,
        page.caption("revenue", *RATES, "revenue_per_thousand", credited_purchases=_credited(page)),
        units(FIGURES, page.currency) | {"revenue": f"money:{page.currency}:0"},
        subtitle=f"against targets by the whole interval at {page.confidence:.0%}; the next table has the intervals",
        labels={"ctr": "CTR", "ctr_target": "Target", "conversion": "Conversion", "revenue_per_thousand": "RPK"}
        | {"conversion_target": "Its target"},
    )


def targets(page: Page, verdicts: pd.DataFrame, orders: pd.DataFrame, lifted: pd.DataFrame) -> None:
    """Show each context's rates against benchmark and target, in words; last the revenue lift of the programme.

    `verdicts` is from `against_benchmarks`, `orders` from `compare_orders`, `lifted` from `lift`.
    """
    benchmarks = orders.rename(columns={"verdict": "benchmark"}).assign(verdict="no target, a benchmark only")
    rows = [row for frame in (verdicts, benchmarks, lifted) for row in frame.to_dict("records")]
    table = pd.DataFrame(rows, columns=verdicts.columns)
    names = [name for name in ("ctr", "conversion", "orders_per_impression", "lift") if name in set(table["rate"])]
    numbers = ("value", "low", "high", "target", "benchmark_low", "benchmark_high")
    display.table(
        named(table.assign(rate=table["rate"].map({name: GLOSSARY[name].title for name in names})), page.contexts),
        "Rates against targets" + page.log.mark,
        page.caption(*names),
        dict.fromkeys(numbers, "percent"),
        subtitle=f"intervals at {page.confidence:.0%}; on or below target: the whole interval is",
        intervals={"value": ("low", "high")},
        labels={
            "value": "Found",
            "benchmark_low": "Benchmark from",
            "benchmark_high": "to",
            "benchmark": "By benchmark",
        },
    )


def pay(page: Page, earned: Pay) -> None:
    """Show attributed revenue against all revenue and the assumed cost."""
    row = {
        "revenue": earned.attributed_revenue,
        "all": earned.all_revenue,
        "share": earned.share,
        "revenue_per_thousand": earned.revenue_per_thousand,
        "cost": earned.cost,
        "roi": earned.roi,
    }
    names = ("revenue", "share", "revenue_per_thousand", "roi")
    display.table(
        pd.DataFrame([row]),
        "Pay" + page.log.mark,
        page.caption(*names, credited_purchases=_credited(page)),
        units(names, page.currency) | dict.fromkeys(("all", "cost"), f"money:{page.currency}"),
        labels=_titles(names) | {"all": "All revenue", "cost": "Cost (assumed in the settings)"},
    )


def by(page: Page, column: str, title: str, most: int | None = None) -> None:
    """Show counts and rates by one of the summary's dimensions: all of it, or the `most` that earn most."""
    table = page.summary.by(column, confidence=page.confidence)
    if column == "context":
        table = named(table, page.contexts)
    if column == "strategy":
        table["strategy"] = [addressed(title, None) for title in table["strategy"]]
    if column == "algorithm":
        table["algorithm"] = table["algorithm"].str.replace("_", " ")
    rest = f"the {most} of {len(table):,} that earn most" if most is not None and len(table) > most else ""
    _show(page, table.head(most) if most is not None else table, title, rest)


def extremes(page: Page, table: pd.DataFrame, titles: pd.Series, least: int) -> None:
    """Show the products of `Summary.extremes` by name; `titles` are by product_id."""
    names = ("revenue_per_thousand", "impressions", "clicks", "orders", "revenue")
    shown = pd.DataFrame(
        {
            "product": table["product_id"].map(titles).fillna(table["product_id"]),
            "earns": table["end"].map({"top": "most", "bottom": "least"}),
        }
    )
    display.table(
        shown.join(table[[*names, "ctr", "ctr_low", "ctr_high"]]),
        "Products that earn most and least per thousand impressions" + page.log.mark,
        page.caption("revenue_per_thousand", "revenue", "ctr", credited_purchases=_credited(page)),
        units(names, page.currency) | dict.fromkeys(("ctr", "ctr_low", "ctr_high"), "percent"),
        subtitle=f"of products with {least:,} impressions or more; intervals at {page.confidence:.0%}",
        intervals={"ctr": ("ctr_low", "ctr_high")},
        labels={"revenue_per_thousand": "RPK", "ctr": "CTR"},
    )


def quality(page: Page, table: pd.DataFrame) -> None:
    """Show what clicks say about what is shown, each measure with the counts that it divides."""
    names = table["metric"].tolist()
    display.table(
        table.assign(metric=table["metric"].map(_titles(names)))[["metric", "value", "low", "high", "part", "whole"]],
        "Quality of what was shown" + page.log.mark,
        page.caption(*names) + " Diversity counts the slates it is the mean of.",
        dict.fromkeys(("value", "low", "high"), "percent") | dict.fromkeys(("part", "whole"), "integer"),
        subtitle=f"intervals at {page.confidence:.0%}; coverage is a count and has none",
        intervals={"value": ("low", "high")},
        labels={"part": "Counted", "whole": "Of"},
    )


def baskets(page: Page, table: pd.DataFrame) -> None:
    """Show orders with a recommended product beside those without."""
    names = ("average_order_value", "units_per_order")
    display.table(
        table,
        "Orders with and without a recommended product" + page.log.mark,
        page.caption(*names, orders=int(table["orders"].sum())),
        {"orders": "integer", "revenue": f"money:{page.currency}"}
        | {f"{name}{end}": unit for name, unit in units(names, page.currency).items() for end in ("", "_low", "_high")},
        subtitle=f"products that may be recommended, before returns; intervals at {page.confidence:.0%}",
        intervals={name: (f"{name}_low", f"{name}_high") for name in names},
        labels=_titles(names) | {"recommended": "Recommended product"},
    )


def course(page: Page) -> None:
    """Show attributed revenue and clicks by day."""
    days = page.summary.by("day")
    days = days[days["day"] != ""]
    x = pd.to_datetime(days["day"]).dt.strftime("%-d %b")
    figure = charts.lines(x, {"revenue": days["revenue"]}, "Attributed revenue by day" + page.log.mark, "")
    least, most = days.loc[days["revenue"].idxmin()], days.loc[days["revenue"].idxmax()]
    money = Format.parse(f"money:{page.currency}:0")
    display.figure(
        figure,
        alt=f"Attributed revenue by day: from {money(least.revenue)} on {least.day} to {money(most.revenue)} on "
        f"{most.day}.",
        caption=page.caption("revenue", days_with_impressions=len(days)) + f" In {page.currency}.",
        data=days[["day", "revenue"]],
        title="Attributed revenue by day" + page.log.mark,
        formats={"revenue": f"money:{page.currency}:0"},
    )


def moves(page: Page, moved: pd.DataFrame | None, days: int) -> None:
    """Show the bridge since the period before, or that the log is too short for one."""
    if moved is None:
        display.note(f"The log is too short for two periods of {days} days.")
    else:
        bridge(moved, page.currency, days, page.log.mark)


def periods(page: Page, both: tuple[pd.DataFrame, pd.DataFrame] | None, days: int) -> None:
    """Show the last period beside the one before, context by context; nothing without two periods."""
    if both is None:
        return
    before, after = both
    one, two = (rates(_by_context(frame)).set_index("context") for frame in (before, after))
    names = ["revenue", "impressions", *RATES]
    both = one[names].add_suffix("_before").join(two[names].add_suffix("_after"), how="outer").reset_index()
    both = both[["context", *(f"{name}_{end}" for name in names for end in ("before", "after"))]]
    both.insert(3, "change", both["revenue_after"].fillna(0) - both["revenue_before"].fillna(0))
    rows = [*named(both, page.contexts).sort_values("change").to_dict("records")]
    form = {f"{name}_{end}": unit for name, unit in units(names, page.currency).items() for end in ("before", "after")}
    form |= dict.fromkeys(("revenue_before", "revenue_after"), f"money:{page.currency}:0")
    counts = {name: int(one[name].sum() + two[name].sum()) for name in ("impressions", "clicks")}
    spans = [f"{frame['day'].min()} to {frame['day'].max()}" for frame in (before, after)]
    display.table(
        pd.DataFrame(rows, columns=both.columns),
        "The last period and the one before" + page.log.mark,
        formulas(("revenue", *RATES), page.summary.rule, 2 * days, **counts)
        + f" Days with impressions: before from {spans[0]}, now from {spans[1]}.",
        form | {"change": f"money+:{page.currency}:0"},
        subtitle="what lost most comes first",
        labels={
            f"{name}_{end}": f"{name.upper() if name == 'ctr' else name.capitalize()} {word}"
            for name in names
            for end, word in (("before", "before"), ("after", "now"))
        },
    )


def _show(page: Page, table: pd.DataFrame, title: str, subtitle: str = "") -> None:
    """Show counts and rates with their intervals, under the caption that says where they come from."""
    bounds = dict.fromkeys((f"{rate}_{end}" for rate in RATES for end in ("low", "high")), "percent")
    display.table(
        table,
        title + page.log.mark,
        page.caption("revenue", *RATES, "revenue_per_thousand", credited_purchases=_credited(page)),
        units(FIGURES, page.currency) | bounds | {"revenue": f"money:{page.currency}:0"},
        subtitle="; ".join(filter(None, [subtitle, f"intervals at {page.confidence:.0%}"])),
        intervals={rate: (f"{rate}_low", f"{rate}_high") for rate in RATES},
        labels={"ctr": "CTR", "conversion": "Conversion", "revenue_per_thousand": "RPK"},
    )


def _titles(names: Sequence[str]) -> dict[str, str]:
    return {name: GLOSSARY[name].title for name in names}


def _credited(page: Page) -> int:
    return int(page.summary.claims.count().execute())


def _by_context(cube: pd.DataFrame) -> pd.DataFrame:
    return cube.groupby("context", as_index=False)[["impressions", "clicks", "orders", "revenue"]].sum()


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


def counted(page: Page) -> str:
    """How many rows of the log the data notes look through."""
    lines = int(page.log.order_lines.count().execute())
    return f"{page.log.days:,} days; {int(page.summary.total()['impressions']):,} impressions, {lines:,} order lines."


def compared(page: Page, days: int) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """The rows of the last `days` days and of those before them; None where the log is too short for two periods."""
    try:
        return last_periods(page.summary.cube, days)
    except InputError:
        return None


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
        data=table[["step", "change"]],
        title=f"What moved attributed revenue{mark}",
        formats={"change": f"money:{currency}"},
        labels={"change": "Revenue"},
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
        data=choice.costs,
        title="What has been spent until a month",
        formats=dict.fromkeys([name for name in choice.costs if name != "month"], f"money:{currency}:0"),
    )


def build_or_buy(choice: Choice) -> None:
    """Show what speaks for building and what for buying."""
    display.table(choice.reasons, "Build or buy", choice.sentence)


def notes(table: pd.DataFrame, mark: str = "", counted: str = "") -> None:
    """Show what in the log counts less or not at all; checks that found nothing are told in one line.

    `counted` says what was looked through.
    """
    found = table[table["rows"] > 0]
    clean = len(table) - len(found)
    said = " ".join(filter(None, [f"{clean} further checks found nothing." if clean else "", counted])) or None
    display.table(found, "Data notes" + mark, said, {"rows": "integer"})


def glossary(names: Sequence[str], rule: Rule) -> None:
    """Show what figures mean."""
    display.table(explain(names, rule), "What the figures mean", rule.words())
