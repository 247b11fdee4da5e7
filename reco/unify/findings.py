"""What was noticed of rows that were kept, and may still explain a figure that looks odd."""

from collections.abc import Mapping, Sequence

import pandas as pd
from ibis.expr.types import Table

from reco.store import FILE, LINE
from reco.unify.identities import Identities
from reco.unify.merging import DELETED
from reco.unify.references import Match


def notice(
    tables: Mapping[str, Table], identities: Identities | None, matches: Sequence[Match], currency: str
) -> pd.DataFrame:
    """What was noticed: what, rows. `currency` is the store's; `identities` and `matches` are what unifying found."""
    found = [
        *(_of_lines(tables["order_lines"], currency) if "order_lines" in tables else ()),
        *(_of_products(tables["products"]) if "products" in tables else ()),
        *(_of_events(tables["events"]) if "events" in tables else ()),
        *(_of_customers(identities) if identities else ()),
        *(
            (f"product ids of {one.source} read as {one.kind}, {one.known:.1%} of them known", one.ids)
            for one in matches
        ),
    ]
    return pd.DataFrame(found, columns=["what", "rows"]).fillna(0).astype({"rows": "int64"})


def _of_lines(lines: Table, currency: str) -> list[tuple[str, int]]:
    back = lines.quantity < 0
    return _counted(
        lines,
        {
            "returned lines matched to the order they take back": back & lines.returned_order_id.notnull(),
            "returned lines without such an order": back & lines.returned_order_id.isnull(),
            "order lines converted from another currency": lines.original_currency != currency,
        },
    )


def _of_products(products: Table) -> list[tuple[str, int]]:
    return _counted(
        products,
        {
            "products sold but not in the catalogue, kept and marked": ~products.in_catalogue,
            "products gone from the latest catalogue, kept and not recommended": products.status == DELETED,
        },
    )


def _of_events(events: Table) -> list[tuple[str, int]]:
    """Events that stand in their file behind a later one of the same session."""
    before = events.occurred_at.lag().over(group_by=["source", FILE, "session_id"], order_by=LINE)
    late = events.filter(events.session_id.notnull()).mutate(before=before)
    return _counted(
        late, {"events out of order in their file, put in the order of time": late.occurred_at < late.before}
    )


def _of_customers(identities: Identities) -> list[tuple[str, int]]:
    return [
        ("accounts joined to another by their e-mail address", identities.joined_accounts),
        ("devices joined to the customer who logged in", identities.joined_devices),
        ("devices shared by several customers, left apart", identities.shared_devices),
        ("devices on which nobody logged in", identities.anonymous_devices),
    ]


def _counted(table: Table, conditions: Mapping[str, object]) -> list[tuple[str, int]]:
    counts = {f"n{number}": table.count(where=condition) for number, condition in enumerate(conditions.values())}
    row = table.aggregate(**counts).to_pyarrow().to_pylist()[0]
    return list(zip(conditions, row.values(), strict=True))
