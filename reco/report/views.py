"""The tables and pictures of notebooks 01, 04 and 06: each shows one result in the look it always has."""

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from reco.columns import Columns
from reco.contexts import Example, Filled, slate_of
from reco.features import FEATURES
from reco.impressions import Log
from reco.kpis import named
from reco.quality import Sufficiency
from reco.report import charts, display
from reco.report.gallery import frame, shown_of
from reco.settings import Context
from reco.widgets import addressed, widget
from reco.workbook import Workbook

#: How widgets look where no script runs, no container is asked for its width and a report keeps simple styles only.
STILL = """
.reco .reco-heading, .sheet .head { font-family: system-ui, sans-serif; font-size: 1.15rem; }
.reco .reco-items { display: flex; flex-wrap: wrap; width: auto; gap: 20px 16px; grid-template-columns: none; }
.reco .reco-item { flex: none; width: 8rem; }
.reco .reco-picture { height: 5rem; background-color: #f1ece4; }
.reco .reco-offer { background-color: #eef5ee; }
.reco .reco-track { overflow-x: visible; }
.sheet table { width: 100%; }
"""


# 01, unified data


def inventory(tables: pd.DataFrame, store: str, time_zone: str) -> None:
    """Show what each unified table holds."""
    labels = {"first": "First day", "last": "Last day"}
    note = f"Days of the shop's own time, {time_zone}."
    display.table(tables, "What the store holds", note, labels=labels, subtitle=store)


def files(read: pd.DataFrame) -> None:
    """Show what was read, and what became of its rows."""
    note = "Accepted and quarantined add up to read, file by file. Times are UTC."
    labels = {"read_at": "First read", "refused_share": "Refused", "file": "File"}
    display.table(read, "What was read", note, formats={"refused_share": "percent"}, labels=labels)


def refusals(aside: pd.DataFrame) -> None:
    """Show why rows were set aside."""
    if aside.empty:
        display.note("Nothing was set aside: every row that was read is in the store.")
        return
    subtitle = f"{aside['rows'].sum():,} rows in quarantine; an example tells where to look, not what stands there"
    display.table(aside.head(20), "What was set aside, and why", subtitle, labels={"kind": "Refused or by rule"})


def findings(found: pd.DataFrame) -> None:
    """Show what was noticed of rows that were kept."""
    seen = found[found["rows"] > 0]
    if seen.empty:
        display.note("Nothing else was noticed: no returns, no unknown products, no shared devices.")
        return
    display.table(seen.reset_index(drop=True), "Kept, but worth knowing", labels={"what": "What was noticed"})


def identities(table: pd.DataFrame) -> None:
    """Show identifiers before and customers after identity resolution, or say that nothing was joined."""
    if (table["before"] == table["after"]).all() and not table["shared"].any():
        known = " and ".join(f"{row.before:,} {row.kind}" for row in table.itertuples() if row.kind != "all")
        display.note(f"Nothing was joined: {known or 'no identifiers'} were read, and each is a customer of its own.")
        return
    labels = {"before": "Identifiers read", "after": "Customers they belong to", "shared": "Known in several ways"}
    display.table(table, "Who is who", "Identifiers and the customers that they were joined into", labels=labels)


def freshness(newest: pd.DataFrame) -> None:
    """Show how old the newest row of each source is."""
    frame = newest.assign(newest=newest["newest"].dt.strftime("%Y-%m-%d %H:%M"))
    labels = {"newest": "Newest row (UTC)", "age_days": "Days ago"}
    display.table(frame, "How fresh each source is", formats={"age_days": "integer"}, labels=labels)


def gaps(runs: pd.DataFrame) -> None:
    """Show days without any order."""
    if runs.empty:
        display.note("No gaps: every day on which the shop usually sells has orders.")
        return
    frame = runs.assign(start=runs["start"].dt.strftime("%Y-%m-%d"), end=runs["end"].dt.strftime("%Y-%m-%d"))
    display.table(
        frame.head(20), "Days without an order", f"{_some(int(runs['days'].sum()), 'day')} in {_some(len(runs), 'gap')}"
    )


def _some(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def funnel(steps: pd.DataFrame | None) -> None:
    """Show how many visits reach each step to an order, with intervals; None where the store has no events."""
    if steps is None:
        display.note("No funnel: no source tells of views and carts. A GA4 or Klaviyo export would fill it.")
        return
    rates = dict.fromkeys(("rate", "rate_low", "rate_high"), "percent")
    labels = {"visitors": "Visits", "rate": "Of the step before", "rate_low": "Low", "rate_high": "High"}
    display.table(steps, "From view to purchase", "Visits that reach each step, 95 % intervals", rates, labels=labels)


def lifecycle(features: pd.DataFrame, currency: str) -> None:
    """Show customers and what they are worth by stage of their lifecycle."""
    stages = features.groupby("lifecycle_stage", as_index=False).agg(
        customers=("customer_id", "size"),
        revenue=("monetary", "sum"),
        orders=("frequency", "median"),
        basket=("basket_value", "median"),
    )
    stages = stages.sort_values("revenue", ascending=False, ignore_index=True)
    stages["lifecycle_stage"] = stages["lifecycle_stage"].str.replace("_", " ")
    money = {"revenue": f"money:{currency}:0", "basket": f"money:{currency}"}
    labels = {"orders": "Median orders", "basket": "Median basket"}
    display.table(stages, "Where customers stand", formats={**money, "orders": "integer"}, labels=labels)


def glossary(table: str) -> None:
    """Show what each derived feature of a table means."""
    rows = [(one.name, one.meaning, one.unit) for one in FEATURES if one.table == table]
    display.table(pd.DataFrame(rows, columns=["feature", "meaning", "unit"]), f"What is derived: {table}")


def missing(columns: pd.DataFrame) -> None:
    """Show the share of missing values by column."""
    note = "Share of rows without a value; columns that are empty throughout are listed above."
    display.table(columns, "Columns with missing values", note, formats={"missing": "percent"})


def revenue(months: pd.DataFrame, currency: str) -> None:
    """Show revenue by month as bars."""
    names, low, high = months["month"].dt.strftime("%b %Y"), months["revenue"].min(), months["revenue"].max()
    figure = charts.bars(names, months["revenue"], f"Revenue by month, {currency}", "")
    display.figure(
        figure,
        alt=f"Bars of revenue by month; between {low:,.0f} and {high:,.0f} {currency}.",
        data=pd.DataFrame({"month": names, "revenue": months["revenue"]}),
        title=f"Revenue by month, {currency}",
        formats={"revenue": f"money:{currency}:0"},
    )


def revenue_table(months: pd.DataFrame, currency: str, time_zone: str) -> None:
    """Show revenue, orders and customers by month as a table."""
    frame = months.assign(month=months["month"].dt.strftime("%b %Y"))
    note = f"Months of the shop's own time, {time_zone}; returns are taken off."
    display.table(frame, "Revenue by month", note, formats={"revenue": f"money:{currency}"})


def segments(table: pd.DataFrame, currency: str) -> None:
    """Show customers and revenue by segment."""
    display.table(
        table,
        "Who brings the revenue",
        subtitle=f"{table['customers'].sum():,} known customers by recency and frequency, with all their revenue",
        formats={
            "revenue": f"money:{currency}",
            **dict.fromkeys(("customer_share", "revenue_share"), "percent"),
            **dict.fromkeys(("recency", "frequency"), "integer"),
        },
        labels={"recency": "Median days since order", "frequency": "Median orders"},
    )


def segment_shares(table: pd.DataFrame) -> None:
    """Show each segment's share of revenue as bars."""
    top = table.iloc[0]
    figure = charts.bars(table["segment"], table["revenue_share"], "Share of revenue by segment", "", percent=True)
    display.figure(
        figure,
        alt=f"Bars of revenue share by segment; {top.segment} lead with {top.revenue_share:.0%}.",
        data=table[["segment", "customers", "revenue_share"]],
        title="Share of revenue by segment",
        formats={"revenue_share": "percent"},
    )


def sufficiency(checks: Sequence[Sufficiency]) -> None:
    """Show the minima of data by family of algorithms."""
    note = (
        "Interactions: a product in an order of a known customer counts once. Pairs: other products in the same orders."
    )
    display.table(pd.DataFrame(checks), "Minimum of data by family of algorithms", note)


# 04, contexts


def strategies(shares: pd.DataFrame) -> None:
    """Show which strategies fill the places of each context."""
    shares = shares.assign(strategy=[addressed(title, None) for title in shares["strategy"]])
    display.table(shares, "Which strategies fill the places", formats={"share": "percent"})


def reach(table: pd.DataFrame, products: int) -> None:
    """Show which share of all `products` on the shelf each context shows to anyone."""
    shown = table["products_shown"] / products
    figure = charts.bars(table["title"], shown, "Share of the products on the shelf shown", "", percent=True)
    data = table[["title", "products_shown"]].assign(share=shown)
    alt = f"Bars of products shown by context, from {shown.min():.0%} to {shown.max():.0%}."
    display.figure(figure, alt, data=data, formats={"share": "percent"}, labels={"title": "Context"})


def slate(wb: Workbook, filled: Mapping[str, Filled], context: str, who: Example) -> None:
    """Show what `who` sees in one context, or say that the settings have no such context."""
    if context not in filled:
        display.note(f"The settings declare no context {context}.")
        return
    mine, beside = slate_of(filled[context], wb.settings.contexts[context].anchor, who)
    seen(wb, context, mine, beside[Columns.ITEM])


def seen(wb: Workbook, context: str, slate: pd.DataFrame, beside: Sequence[str] = ()) -> None:
    """Show one slate of a context as the widget that shoppers see; `beside` names the products that it stands beside.

    No name of a shopper is filled in.
    """
    products = shown_of(wb, [*slate[Columns.ITEM], *beside])
    display.display(as_seen(wb, context, slate, products, products[Columns.TITLE].reindex(beside).dropna().tolist()))


def as_seen(
    wb: Workbook, context: str, slate: pd.DataFrame, products: pd.DataFrame, titles: Sequence[str]
) -> display.Preview:
    """What `seen` shows; `products` are of `shown_of`, `titles` of what the slate stands beside."""
    place = wb.settings.contexts[context]
    more = f" and {len(titles) - 3} more" if len(titles) > 3 else ""
    stands = f", beside {'; '.join(titles[:3])}{more}" if titles else ""
    shown = frame("", widget(slate, products, place, wb.settings.store.currency), place)
    looks = STILL if shown.mail else shown.style + STILL
    inside = re.sub(r"<(/?)h[12]\b", r"<\1h4", str(shown.html))  # headings of a mail are none of the report's
    return display.Preview(f"<style>{looks}</style>{inside}", f"{place.title}: {len(slate)} products{stands}")


# 06, performance and pay


def target_dots(verdicts: pd.DataFrame, contexts: Mapping[str, Context], log: Log) -> None:
    """Show each context's click-through rate beside its target."""
    ctr = named(verdicts[verdicts["rate"] == "ctr"], contexts).dropna(subset="value")
    best, worst = ctr.loc[ctr["value"].idxmax()], ctr.loc[ctr["value"].idxmin()]
    figure = charts.dots(ctr, "context", "value", "low", "high", "Click-through rate" + log.mark, "", True, "target")
    highest, lowest = (f"{row.context} {row.value:.1%}" for row in (best, worst))
    display.figure(
        figure,
        alt=f"CTR by context with targets; highest {highest}, lowest {lowest}.",
        data=ctr[["context", "value", "low", "high", "target"]],
        title="Click-through rate" + log.mark,
        formats=dict.fromkeys(("value", "low", "high", "target"), "percent"),
        labels={"value": "CTR"},
        intervals={"value": ("low", "high")},
    )
