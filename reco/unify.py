"""Sources to store: one set of unified tables, cleaned, with a count of everything that was set aside."""

from typing import NamedTuple

import ibis
import pandas as pd

from reco.settings import Settings
from reco.sources import SOURCES
from reco.sources.base import Shop
from reco.store import KEYS, SCHEMAS, UNREADABLE, conform


class Unified(NamedTuple):
    """Result of `unify`.

    Attributes:
        tables: unified tables by name, as Ibis expressions.
        set_aside: table, reason, rows: what was not kept and why.
    """

    tables: dict[str, ibis.Table]
    set_aside: pd.DataFrame


def unify(settings: Settings, connection: ibis.BaseBackend) -> Unified:
    """Read every source of the settings and bring their tables together.

    Rows without their key or with an unreadable value are set aside and counted, each for the first reason found. Of
    several rows for one customer, product or campaign, the most frequent value of each column stands (of equally
    frequent ones, the first in order). Customers and products that appear in orders only are added.
    """
    shop = Shop(connection, settings.root, settings.store.time_zone, settings.store.currency)
    parts: dict[str, list[ibis.Table]] = {}
    for source in settings.sources:
        for name, table in SOURCES[source.kind].read(source, shop).items():
            parts.setdefault(name, []).append(_with_reason(table, name))
    tables, counts = {}, []
    for name, found in parts.items():
        table = ibis.union(*found) if len(found) > 1 else found[0]
        refused = table.filter(table[UNREADABLE].notnull()).group_by(reason=UNREADABLE).aggregate(rows=ibis._.count())
        counts.append(connection.to_pandas(refused.order_by("reason")).assign(table=name))
        tables[name] = table.filter(table[UNREADABLE].isnull()).drop(UNREADABLE)
    for name in ("customers", "products", "campaigns"):
        if name in tables:
            tables[name] = _one_row_per_key(tables[name], KEYS[name][0], SCHEMAS[name].names)
    if "order_lines" in tables:
        tables["customers"] = _with_buyers(tables)
        tables["products"] = _with_sold_products(tables, settings)
    return Unified(tables, pd.concat(counts, ignore_index=True)[["table", "reason", "rows"]])


def _with_reason(table: ibis.Table, name: str) -> ibis.Table:
    """`table` with the first reason why a row is not fit to keep, null for those that are."""
    lacking = [ibis.ifelse(table[key].isnull(), f"no {key}", ibis.null("string")) for key in KEYS[name]]
    known = [table[UNREADABLE]] if UNREADABLE in table.columns else []
    return table.mutate(**{UNREADABLE: ibis.coalesce(*known, *lacking)})


def _one_row_per_key(table: ibis.Table, key: str, columns: list[str]) -> ibis.Table:
    """One row for each value of `key`: the most frequent known value of every other column, the least on a tie."""
    alike = table.group_by(columns).aggregate(rows=table.count())
    alike = alike.mutate(versions=alike.count().over(group_by=key))
    settled, disputed = alike.filter(alike.versions == 1), alike.filter(alike.versions > 1)
    others = [column for column in columns if column != key]
    disputed = disputed.mutate(
        **{f"{column}_votes": disputed.rows.sum().over(group_by=[key, column]) for column in others}
    )
    picked = {
        column: disputed[column].first(order_by=[disputed[f"{column}_votes"].desc(), disputed[column]])
        for column in others
    }
    return ibis.union(settled.select(*columns), disputed.group_by(key).aggregate(**picked).select(*columns))


def _with_buyers(tables: dict[str, ibis.Table]) -> ibis.Table:
    """Customers, with those added that only the orders know."""
    buyers = tables["order_lines"].filter(lambda lines: lines.customer_id.notnull())
    buyers = buyers.group_by("customer_id").aggregate(source=buyers.source.min())
    if "customers" not in tables:
        return conform(buyers, "customers")
    unknown = buyers.anti_join(tables["customers"], "customer_id")
    return ibis.union(tables["customers"], conform(unknown, "customers"))


def _with_sold_products(tables: dict[str, ibis.Table], settings: Settings) -> ibis.Table:
    """Products, with those added that only the orders know, a typical price, and whether they may be recommended."""
    lines = tables["order_lines"].filter(lambda lines: lines.quantity > 0)
    unit = (lines.revenue + lines.discount.fill_null(0)).cast("float64") / lines.quantity
    sold = lines.group_by("product_id").aggregate(
        typical_price=unit.median(), typical_currency=lines.currency.mode(), sold_by=lines.source.min()
    )
    products = tables.get("products")
    if products is None:
        products = conform(sold.select("product_id", source="sold_by"), "products")
    else:
        unknown = sold.anti_join(products, "product_id").select("product_id", source="sold_by")
        products = ibis.union(products, conform(unknown, "products"))
    joined = products.left_join(sold, "product_id")
    excluded = [joined[column].isin(values) for column, values in settings.catalogue.exclude.items() if values]
    joined = joined.mutate(
        title=joined.title.fill_null(ibis.literal("Product ") + joined.product_id),
        price=joined.price.fill_null(joined.typical_price.cast(joined.price.type())),
        currency=joined.currency.fill_null(joined.typical_currency),
        recommendable=joined.recommendable.fill_null(True) & ~ibis.or_(ibis.literal(False), *excluded).fill_null(False),
    )
    return joined.select(*SCHEMAS["products"].names)
