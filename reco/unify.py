"""Sources to store: one set of unified tables, cleaned, with a count of everything that was set aside."""

from collections.abc import Callable
from typing import NamedTuple

import ibis
import pandas as pd

from reco.settings import Settings
from reco.sources import SOURCES
from reco.sources.base import Shop
from reco.store import KEYS, SCHEMAS, conform


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

    Rows without their key are set aside and counted. Of several rows for one customer, product or campaign, the
    most frequent value of each column stands. Products that appear in orders only are added without a title.
    """
    shop = Shop(connection, settings.root, settings.store.time_zone, settings.store.currency)
    parts: dict[str, list[ibis.Table]] = {}
    for source in settings.sources:
        for name, table in SOURCES[source.kind].read(source, shop).items():
            parts.setdefault(name, []).append(table)
    tables, counts = {}, []
    for name, found in parts.items():
        table = ibis.union(*found) if len(found) > 1 else found[0]
        complete = ibis.and_(*(table[key].notnull() for key in KEYS[name]))
        read, kept = connection.to_pandas(table.aggregate(read=table.count(), kept=table.count(where=complete))).iloc[0]
        counts.append((name, f"no {' or '.join(KEYS[name])}", int(read - kept)))
        tables[name] = table.filter(complete)
    for name in ("customers", "products", "campaigns"):
        if name in tables:
            tables[name] = _one_row_per_key(tables[name], KEYS[name][0], SCHEMAS[name].names)
    if "order_lines" in tables:
        tables["customers"] = _with_buyers(tables)
        tables["products"] = _with_sold_products(tables, settings)
    set_aside = pd.DataFrame(counts, columns=["table", "reason", "rows"])
    return Unified(tables, set_aside[set_aside["rows"] > 0].reset_index(drop=True))


def _one_row_per_key(table: ibis.Table, key: str, columns: list[str]) -> ibis.Table:
    """One row for each value of `key`: the most frequent known value of every other column."""
    pick: Callable[[str], ibis.Value] = lambda column: table[column].mode().name(column)  # noqa: E731
    return table.group_by(key).aggregate([pick(column) for column in columns if column != key]).select(*columns)


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
