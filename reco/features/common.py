"""What features of customers and products share: unified tables as of a moment, and days between."""

from collections.abc import Mapping

import ibis
import pandas as pd
from ibis.expr.types import FloatingValue, StringValue, TimestampValue

from reco.clock import to_local
from reco.store import SCHEMAS

Tables = Mapping[str, ibis.Table]


def unified(tables: Tables, name: str) -> ibis.Table:
    """Unified table `name`, or one without rows where the store has none."""
    return tables[name] if name in tables else ibis.memtable(SCHEMAS[name].empty_table())


def lines_before(tables: Tables, end: pd.Timestamp) -> ibis.Table:
    """Order lines before `end`, so that nothing later leaks into a feature."""
    lines = unified(tables, "order_lines")
    return lines.filter(lines.ordered_at < end)


def known_lines(tables: Tables, end: pd.Timestamp) -> ibis.Table:
    """Order lines of known customers before `end`."""
    lines = lines_before(tables, end)
    return lines.filter(lines.customer_id.notnull())


def total(money: ibis.Value, where: ibis.Value | None = None) -> FloatingValue:
    """Sum of amounts as float64: added up exactly first, so that the order of rows cannot change it."""
    return money.sum(where=where).cast("float64")


def unit_price(revenue: ibis.Value, quantity: ibis.Value) -> FloatingValue:
    """Revenue by unit, to nine decimals, so that prices that differ by the order of adding up alone are equal."""
    return (revenue.cast("float64") / quantity).round(9)


def days_before(end: pd.Timestamp, moment: TimestampValue) -> FloatingValue:
    """Days from `moment` to `end`, with fractions."""
    return ibis.literal(end).delta(moment, unit="microsecond") / 86_400_000_000


def local_day(time_zone: str, moment: TimestampValue) -> ibis.Value:
    """The shop's own calendar day of a moment."""
    return to_local(time_zone, moment).date()


def beside(table: ibis.Table, part: ibis.Table, key: str) -> ibis.Table:
    """`table` with the columns of `part`, which has a row for some values of `key` and never two."""
    return table.left_join(part, key).drop(f"{key}_right")


def top(table: ibis.Table, group: str | list[str], order: list[ibis.Value]) -> ibis.Table:
    """`table` with `rank`, from 1 in each group in the given order, which must leave no ties."""
    place = ibis.row_number().over(ibis.window(group_by=group, order_by=order))
    return table.mutate(rank=place + 1)


def band(price: ibis.Value, lower: ibis.Value, upper: ibis.Value) -> StringValue:
    """`budget` below the lower tercile, `premium` above the upper one, else `mid`; null without a price."""
    return ibis.cases((price < lower, "budget"), (price > upper, "premium"), (price.notnull(), "mid"))
