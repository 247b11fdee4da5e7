"""What every unified table promises: ranges row by row, and keys that occur once."""

from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

import ibis
import pandera.ibis as pandera
from ibis.expr.types import BooleanValue, StringValue, Table, Value

from reco.sources.base import first_reason
from reco.store import KEYS, SCHEMAS, UNIQUE


class Range(NamedTuple):
    """What the values of a column must be like; missing ones are the business of `reco.store.KEYS`.

    Attributes:
        holds: the condition on a column.
        otherwise: what a value that breaks it is called, behind the column's name.
    """

    holds: Callable[[Value], BooleanValue]
    otherwise: str


ID: Final = Range(lambda text: text.length().between(1, 256), "empty or longer than 256 characters")
AMOUNT: Final = Range(lambda amount: amount >= 0, "negative")
CURRENCY: Final = Range(lambda text: text.re_search("^[A-Z]{3}$"), "no ISO currency code")
MOMENT: Final = Range(lambda moment: moment >= ibis.timestamp("1995-01-01T00:00:00+00:00"), "before 1995")
COUNTED: Final = Range(lambda number: number.abs() <= 1e6, "beyond a million")
POSITION: Final = Range(lambda number: number >= 0, "negative")
PROPENSITY: Final = Range(lambda share: (share > 0) & (share <= 1), "outside 0 to 1")
WORD: Final = Range(lambda text: text.length().between(1, 100), "empty or longer than 100 characters")

#: Ranges by table and column; the ids of `KEYS` are held to `ID` besides.
RANGES: Final[dict[str, dict[str, Range]]] = {
    "customers": {"customer_id": ID, "joined_at": MOMENT},
    "products": {"product_id": ID, "price": AMOUNT, "cost": AMOUNT, "currency": CURRENCY},
    "order_lines": {
        "order_id": ID,
        "product_id": ID,
        "ordered_at": MOMENT,
        "quantity": COUNTED,
        "discount": AMOUNT,
        "currency": CURRENCY,
    },
    "events": {"event": WORD, "occurred_at": MOMENT, "position": POSITION},
    "engagement": {"event": WORD, "occurred_at": MOMENT},
    "impressions": {
        "impression_id": ID,
        "product_id": ID,
        "position": POSITION,
        "propensity": PROPENSITY,
        "shown_at": MOMENT,
    },
    "campaigns": {"campaign_id": ID},
    "identities": {"identifier": ID, "customer_id": ID},
}

#: Conditions over several columns of a table, with what a row that breaks one is called.
RELATIONS: Final[dict[str, tuple[tuple[Callable[[Table], BooleanValue], str], ...]]] = {
    "order_lines": (
        (
            lambda t: (t.quantity == 0) | ((t.quantity > 0) & (t.revenue >= 0)) | ((t.quantity < 0) & (t.revenue <= 0)),
            "price below zero",
        ),
    ),
    "impressions": ((lambda t: t.clicked_at >= t.shown_at, "clicked before it was shown"),),
}


def breach(table: Table, name: str) -> StringValue:
    """The first promise on rows of unified table `name` that a row breaks, in words; null where it keeps all."""
    lacking = [(table[key].isnull(), f"no {key}") for key in KEYS[name]]
    # a comparison with a missing value is neither true nor false, so it names nothing
    ranges = [(~one.holds(table[column]), f"{column} {one.otherwise}") for column, one in RANGES[name].items()]
    relations = [(~holds(table), words) for holds, words in RELATIONS.get(name, ())]
    return first_reason(*lacking, *ranges, *relations)


@cache
def contract(name: str) -> pandera.DataFrameSchema:
    """The pandera schema of a unified table: types, ranges, relations, and keys that are there and occur once.

    `contract("customers").validate(wb.table("customers"), lazy=True)` raises `pandera.errors.SchemaErrors` with every
    finding.
    """
    columns = {}
    for column, kind in ibis.Schema.from_pyarrow(SCHEMAS[name]).items():
        ranges = [RANGES[name][column]] if column in RANGES[name] else []
        columns[column] = pandera.Column(
            kind, [_check(one) for one in ranges], nullable=column not in KEYS[name], required=True
        )
    relations = [
        pandera.Check(lambda data, holds=holds: holds(data.table).fill_null(True), name=words, error=words)
        for holds, words in RELATIONS.get(name, ())
    ]
    return pandera.DataFrameSchema(columns, checks=relations, unique=list(UNIQUE[name]) or None, strict=True, name=name)


def _check(one: Range) -> pandera.Check:
    return pandera.Check(
        lambda data: one.holds(data.table[data.key]).fill_null(True), name=one.otherwise, error=one.otherwise
    )
