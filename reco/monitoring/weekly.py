"""The weekly figures of what was shown, by whom it was made, and of the shop around it, in one tidy table."""

from collections.abc import Mapping
from typing import Final

import ibis
import pandas as pd

from reco.columns import Columns
from reco.errors import InputError
from reco.monitoring.mixes import week_of

#: What each measure means, as captions say it; freshness goes by table and source behind a colon.
MEASURES: Final[dict[str, str]] = {
    "coverage": "share of the catalogue that was shown at least once",
    "gini": "inequality of impressions among the products of the catalogue, 0 all alike",
    "head_share": "share of impressions on the products that sold most before the log began",
    "novelty": "mean bits of surprise of a product shown: -log2(share of customers who had bought it before the log)",
    "full_slates": "share of slates with as many products as their context asks for",
    "fallback_rate": "share of impressions filled by the fallback",
    "give_ways": "share of slates in which a rule gave way",
    "cache_age_weeks": "mean age of the model behind an impression, in weeks",
    "products_in": "share of the products sold in the latest weeks that were not sold in as many weeks before",
    "products_out": "share of the products sold in those weeks before that were not sold since",
    "customers_in": "share of the customers of the latest weeks who did not buy in as many weeks before",
    "customers_out": "share of the customers of those weeks before who did not buy since",
    "ndcg": "accuracy of the hybrid in force by what was bought in the week, mean over customers",
    "days_since": "days from the latest row to the end of the week",
}

#: The column that says when a row happened, by table.
MOMENTS: Final = {
    "order_lines": "ordered_at",
    "events": "occurred_at",
    "engagement": "occurred_at",
    "impressions": "shown_at",
}

TIDY: Final = ["week", "measure", "value"]


def weekly_table(
    tables: Mapping[str, ibis.Table],
    end: pd.Timestamp,
    catalogue_size: int,
    sizes: Mapping[str, int] | None = None,
    head: float = 0.1,
    span: int = 4,
) -> pd.DataFrame:
    """Every measure of `MEASURES` that the tables can give, by week: week (0 ends at `end`), measure, value.

    `tables` are unified ones by name; `order_lines` must be among them, and of the whole history. `sizes` is the
    length of a slate by context. `head` is the share of the catalogue that counts as its head. A measure whose
    columns are not there (`fallback`, `gave_way`, `age_weeks` of impressions) is left out, never a zero.
    """
    if "order_lines" not in tables:
        raise InputError(f"weekly figures: expected the table order_lines, found {', '.join(tables) or 'none'}")
    lines = tables["order_lines"]
    lines = lines.filter(lines.quantity > 0)
    parts = [churn(lines, Columns.PRODUCT, end, span), churn(lines, Columns.CUSTOMER, end, span)]
    if "impressions" in tables:
        shown = tables["impressions"]
        parts += [
            variety(shown, end, catalogue_size),
            surprise(shown, lines, end, max(round(head * catalogue_size), 1)),
            slates(shown, end, sizes or {}),
        ]
    parts.append(freshness(tables, end))
    frame = pd.concat([part for part in parts if len(part)] or [pd.DataFrame(columns=TIDY)], ignore_index=True)
    return frame.sort_values(["measure", "week"], ignore_index=True)[TIDY]


def variety(impressions: ibis.Table, end: pd.Timestamp, catalogue_size: int) -> pd.DataFrame:
    """Coverage and Gini by week, tidy; products that were never shown count as the poorest."""
    counts = _weeks(impressions, Columns.SHOWN_AT, end).group_by("week", Columns.PRODUCT).aggregate(n=ibis._.count())
    rank = ibis.row_number().over(ibis.window(group_by="week", order_by=["n", Columns.PRODUCT])) + 1
    ranked = counts.mutate(rank=rank.cast("float64"))
    sums = ranked.group_by("week").aggregate(
        products=ibis._.count(), total=ranked.n.sum(), ranks=(ranked["rank"] * ranked.n).sum()
    )
    frame, size = sums.execute(), catalogue_size
    # shown products rank above the size - products that were not: Σ (2 (rank + size - products) - size - 1) n
    frame["gini"] = (2 * frame["ranks"] + (size - 2 * frame["products"] - 1) * frame["total"]) / (size * frame["total"])
    frame["coverage"] = frame["products"] / size
    return _tidy(frame[["week", "coverage", "gini"]])


def surprise(impressions: ibis.Table, lines: ibis.Table, end: pd.Timestamp, head: int) -> pd.DataFrame:
    """Novelty and the share of the `head` best-selling products by week, tidy; both by what sold before the log.

    A product that nobody had bought counts as if half a customer had. Nothing where no sale precedes the log.
    """
    first = impressions.aggregate(first=impressions.shown_at.min())
    before = lines.cross_join(first).filter(lambda t: t.ordered_at < t.first)
    owners = before.group_by(Columns.PRODUCT).aggregate(
        owners=before[Columns.CUSTOMER].nunique().cast("float64"), sold=ibis._.count()
    )
    place = ibis.row_number().over(ibis.window(order_by=[ibis.desc("sold"), Columns.PRODUCT]))
    owners = owners.mutate(head=place < head)
    customers = before.aggregate(customers=before[Columns.CUSTOMER].nunique().cast("float64"))
    shown = _weeks(impressions, Columns.SHOWN_AT, end).select("week", Columns.PRODUCT)
    joined = shown.left_join(owners, Columns.PRODUCT).cross_join(customers.filter(customers.customers > 0))
    bits = -(ibis.greatest(joined.owners.fill_null(0.0), 0.5) / joined.customers).log2()
    by_week = joined.group_by("week").aggregate(
        novelty=bits.mean(), head_share=joined["head"].fill_null(False).cast("float64").mean()
    )
    return _tidy(by_week.execute())


def slates(impressions: ibis.Table, end: pd.Timestamp, sizes: Mapping[str, int]) -> pd.DataFrame:
    """Full slates, fallback rate, give-ways of rules and age of the models by week, tidy, as far as there are columns.

    A slate counts in the week of its first impression; contexts that `sizes` does not name have no full slates.
    """
    found = set(impressions.columns)
    table = _weeks(impressions, Columns.SHOWN_AT, end)
    means = {"fallback": "fallback_rate", "age_weeks": "cache_age_weeks"}
    wanted = {name: table[column].cast("float64").mean() for column, name in means.items() if column in found}
    parts = [_tidy(table.group_by("week").aggregate(**wanted).execute())] if wanted else []
    known = table.filter(table[Columns.SLATE].notnull())
    gave = {"gave_way": (known["gave_way"].fill_null("") != "").any()} if "gave_way" in found else {}
    each = known.group_by(Columns.SLATE, Columns.CONTEXT).aggregate(
        week=known.week.min(), places=known[Columns.POSITION].nunique(), **gave
    )
    if sizes:
        full = each.filter(each[Columns.CONTEXT].isin(list(sizes)))
        asked = ibis.cases(*((full[Columns.CONTEXT] == name, size) for name, size in sizes.items()), else_=0)
        share = (full.places >= asked).cast("float64").mean()
        parts.append(_tidy(full.group_by("week").aggregate(full_slates=share).execute()))
    if gave:
        parts.append(_tidy(each.group_by("week").aggregate(give_ways=each.gave_way.cast("float64").mean()).execute()))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=TIDY)


def churn(lines: ibis.Table, who: str, end: pd.Timestamp, span: int = 4) -> pd.DataFrame:
    """Who or what came and went: the latest `span` weeks beside the `span` before them, for every week, tidy.

    `who` is `product_id` (of products sold, for stores keep no catalogue of the past) or `customer_id`. Weeks without
    2 * `span` weeks of history have no value; nor has a week before or after which nothing was sold.
    """
    name = {Columns.PRODUCT: "products", Columns.CUSTOMER: "customers"}[who]
    active = _weeks(lines.filter(lines[who].notnull()), Columns.ORDERED_AT, end).select("week", one=who).distinct()
    offsets = ibis.memtable(pd.DataFrame({"offset": range(2 * span)}))
    spread = active.cross_join(offsets).mutate(week=ibis._.week + ibis._.offset)
    spread = spread.filter(spread.week <= 0)
    each = spread.group_by("week", "one").aggregate(
        now=(spread.offset < span).any(), past=(spread.offset >= span).any()
    )
    sums = each.group_by("week").aggregate(both=(each.now & each.past).sum(), now=each.now.sum(), past=each.past.sum())
    frame, first = sums.execute(), active.week.min().execute()
    frame = frame[(frame["week"] >= (first or 0) + 2 * span - 1) & (frame["now"] > 0) & (frame["past"] > 0)]
    frame[f"{name}_in"] = 1 - frame["both"] / frame["now"]
    frame[f"{name}_out"] = 1 - frame["both"] / frame["past"]
    return _tidy(frame[["week", f"{name}_in", f"{name}_out"]])


def freshness(tables: Mapping[str, ibis.Table], end: pd.Timestamp) -> pd.DataFrame:
    """Days from the latest row of each table and source to the end of each week, tidy: `days_since:table:source`.

    Every week from a source's first row to week 0 has a value, those without rows too.
    """
    parts = []
    for name, column in MOMENTS.items():
        if name not in tables:
            continue
        table = tables[name]
        source = table["source"].fill_null(name) if "source" in table.columns else ibis.literal(name)
        dated = _weeks(table.filter(table[column].notnull()).mutate(kind=source), column, end)
        latest = dated.group_by("week", "kind").aggregate(latest=dated[column].epoch_seconds().max()).execute()
        if latest.empty:
            continue
        wide = latest.pivot(index="week", columns="kind", values="latest")
        wide = wide.reindex(pd.RangeIndex(wide.index.min(), 1, name="week")).ffill()
        ends = int(end.timestamp()) + wide.index.to_numpy() * 7 * 86_400
        days = (-wide).add(ends, axis=0) / 86_400
        parts.append(_tidy(days.add_prefix(f"days_since:{name}:").reset_index()))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=TIDY)


def _weeks(table: ibis.Table, column: str, end: pd.Timestamp) -> ibis.Table:
    """The rows before `end` with the number of their week."""
    numbered = table.mutate(week=week_of(table[column], end))
    return numbered.filter(numbered.week <= 0)


def _tidy(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.melt("week", var_name="measure").dropna(subset="value").astype({"measure": object, "value": float})
