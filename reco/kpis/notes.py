"""Data notes: what in a log is not as it should be, how often, and what became of it. Nothing is dropped in silence."""

from collections.abc import Collection

import pandas as pd
from ibis import _
from ibis.expr.types import Table

from reco.kpis.attribution import Rule, judged, purchases, touches
from reco.kpis.summary import Summary


def notes(
    impressions: Table,
    order_lines: Table,
    summary: Summary,
    *,
    contexts: Collection[str] | None = None,
    products: Table | None = None,
    events: Table | None = None,
    every_id: bool = False,
) -> pd.DataFrame:
    """What a log holds that counts less or not at all: note, rows, treatment; a row a check, also where it found none.

    `contexts` are those the settings know; `events` are visitors' own, whose clicks on lists (`select`) should all
    have an impression; `every_id` looks for repeated ids among all impressions, not among clicks only (unified tables
    have none; on large logs it takes as long as all else).
    """
    rule = summary.rule
    found = [
        *_of_impressions(impressions, summary, contexts),
        *_of_clicks(impressions, summary.clicks, products, every_id),
    ]
    found += _of_lines(order_lines, rule)
    found += _of_pairs(summary, order_lines, products)
    if events is not None:
        found.append(_without_impression(impressions, events))
    return pd.DataFrame(found, columns=["note", "rows", "treatment"]).astype({"rows": "int64"})


def _of_impressions(
    impressions: Table, summary: Summary, contexts: Collection[str] | None
) -> list[tuple[str, int, str]]:
    cube = summary.cube
    rows = []
    if contexts is not None:
        strange = cube[~cube["context"].isin(contexts)]
        names = ", ".join(sorted(map(str, strange["context"].unique())))
        name = "impressions in contexts that the settings do not know" + (f": {names}" if names else "")
        rows.append((name, strange["impressions"].sum(), "counted under their own name, without targets"))
    if "position" in cube:
        rows.append(
            ("impressions without position", cube.loc[cube["position"] < 1, "impressions"].sum(), "counted at 0")
        )
    if "day" in cube:
        undated = cube.loc[cube["day"] == "", "impressions"].sum()
        rows.append(("impressions without time", undated, "counted, on no day"))
        days = pd.DatetimeIndex(cube.loc[cube["day"] != "", "day"].unique())
        missing = len(pd.date_range(days.min(), days.max())) - len(days) if len(days) else 0
        rows.append(("days without any impression", missing, "left out of daily rates"))
    return rows


def _of_clicks(impressions: Table, clicks: Table, products: Table | None, every_id: bool) -> list[tuple[str, int, str]]:
    sums = {
        "untimed": clicks.clicked_at.isnull().sum(),
        "guests": clicks.customer_id.isnull().sum(),
        "timed": clicks.clicked_at.count(),
        "clicks": clicks.count(),
        "ids": clicks.impression_id.nunique(),
    }
    if "shown_at" in clicks.columns:
        sums["early"] = (clicks.clicked_at < clicks.shown_at).sum()
        sums["unseen"] = clicks.shown_at.isnull().sum()
    found = clicks.aggregate(**sums).execute().iloc[0].fillna(0).astype("int64")
    stray = int(impressions.clicked_at.count().execute()) - found["timed"]
    notes = [
        ("clicks without time", found["untimed"], "counted as clicks, credited with nothing"),
        ("clicks without customer", found["guests"], "counted as clicks, credited with nothing"),
        ("times of clicks on impressions not clicked", stray, "not counted as clicks"),
        ("clicks with a repeated impression id", found["clicks"] - found["ids"], "counted; orders credited once"),
    ]
    if "early" in found:
        notes.append(("clicks before they were shown", found["early"], "counted and credited by the click's time"))
        notes.append(
            ("clicks on impressions without time", found["unseen"], "counted and credited by the click's time")
        )
    if every_id:
        ids = impressions.aggregate(n=impressions.count(), ids=impressions.impression_id.nunique()).execute().iloc[0]
        notes.append(("impressions with a repeated id", ids["n"] - ids["ids"], "counted; orders credited once"))
    if products is not None:
        lost = clicks.anti_join(products, "product_id").count().execute()
        notes.append(("clicks on products that the catalogue does not know", lost, "counted, of unknown category"))
    return notes


def _of_lines(lines: Table, rule: Rule) -> list[tuple[str, int, str]]:
    sold = lines.quantity > 0
    sums = {
        "guests": (sold & lines.customer_id.isnull()).sum(),
        "returns": (~sold & (lines.revenue < 0)).sum(),
        "nothing": (~sold & (lines.revenue >= 0)).sum(),
        "negative": (sold & (lines.revenue < 0)).sum(),
    }
    if rule.currency is not None and "currency" in lines.columns:
        sums["foreign"] = (lines.currency != rule.currency).sum()
    found = lines.aggregate(**sums).execute().iloc[0].fillna(0).astype("int64")
    every = ("order_id", "customer_id", "product_id", "ordered_at", "quantity", "revenue")
    keys = [name for name in every if name in lines.columns]
    alike = lines.group_by(keys).aggregate(n=_.count())
    alike = alike.filter(alike.n > 1).aggregate(more=(_.n - 1).sum()).execute()["more"].fillna(0).iloc[0]
    back = "taken back from what they return" if rule.refunds else "left aside"
    rows = [
        ("order lines without customer", found["guests"], "in all revenue, credited to nothing"),
        ("returned lines", found["returns"], back),
        ("order lines of no quantity and no refund", found["nothing"], "in all revenue, credited to nothing"),
        ("order lines with negative revenue that are no returns", found["negative"], "credited as nothing"),
        (
            "order lines like another in all that counts",
            alike,
            "each counted: `repeated_lines` in the settings drops them",
        ),
    ]
    if "foreign" in found:
        rows.append((f"order lines not in {rule.currency}", found["foreign"], "left out of all revenue and credit"))
    return rows


def _of_pairs(summary: Summary, order_lines: Table, products: Table | None) -> list[tuple[str, int, str]]:
    """Purchases of what their customer clicked that no click is credited with: all of them too late, or too early."""
    rule, each = summary.rule, summary.bought
    if rule.view_days is not None:
        rule = rule._replace(view_days=None, refunds=False)
        touched = touches(summary.clicks, rule)
        each = judged(touched, purchases(order_lines, touched, rule, products), rule, products)
    lost = each.filter(~each.inside)
    found = lost.aggregate(early=lost.lines.sum(where=~lost.after), late=lost.lines.sum(where=lost.after))
    found = found.execute().iloc[0].fillna(0)
    return [
        ("order lines bought before their first click", found["early"], "credited to nothing"),
        (f"order lines more than {rule.days} days after their click", found["late"], "credited to nothing"),
    ]


def _without_impression(impressions: Table, events: Table) -> tuple[str, int, str]:
    """Clicks in lists that the log does not show the customer."""
    picked = events.filter(events.event == "select", events.product_id.notnull(), events.customer_id.notnull())
    lost = picked.anti_join(impressions, ["customer_id", "product_id"]).count().execute()
    return ("clicks in lists without an impression", lost, "not counted")
