"""What the small shops of these tests have in common."""

from typing import Final

import pandas as pd

from reco import Workbook

STORE: Final = {"name": "corner", "title": "Corner shop", "path": "store", "time_zone": "UTC", "currency": "GBP"}
KPIS: Final = {
    "implementation_cost": 1,
    "targets": {
        "on_site": {"ctr_benchmark": [0.05, 0.15], "ctr": 0.1, "conversion_benchmark": [0.1, 0.3], "conversion": 0.15}
    },
}

#: A file of order lines, and how it is read.
ORDERS: Final = "order,customer,product,time,quantity,price\n"
LINES: Final = {
    "order_id": "order",
    "customer_id": "customer",
    "product_id": "product",
    "ordered_at": "time",
    "quantity": "quantity",
    "unit_price": "price",
}

#: A file of a visitor's events, likewise.
EVENTS: Final = "visitor,account,agent,event,time,product\n"
VISITS: Final = {
    "device_id": "visitor",
    "customer_id": "account",
    "user_agent": "agent",
    "event": "event",
    "occurred_at": "time",
    "product_id": "product",
}

#: A catalogue, likewise.
CATALOGUE: Final = "sku,name,price\n"
PRODUCTS: Final = {"product_id": "sku", "title": "name", "price": "price"}


def orders(path: str | list[str] = "orders.csv", **more: object) -> dict:
    """The settings of a source of order lines; columns beside those of `LINES` in `columns`."""
    columns = more.pop("columns", {})
    return {"path": path, "tables": {"order_lines": LINES | columns}, **more}


def events(path: str = "events.csv", **more: object) -> dict:
    """The settings of a source of events; columns beside those of `VISITS` in `columns`."""
    columns = more.pop("columns", {})
    return {"path": path, "tables": {"events": VISITS | columns}, **more}


def catalogue(path: str | list[str] = "products.csv", **more: object) -> dict:
    """The settings of a source of products; columns beside those of `PRODUCTS` in `columns`."""
    columns = more.pop("columns", {})
    return {"path": path, "tables": {"products": PRODUCTS | columns}, **more}


def rows(wb: Workbook, table: str, *columns: str) -> list[tuple]:
    """Values of `columns` in the order of file and line, None where nothing is."""
    order = dict.fromkeys(("file", "line", *columns))
    found = wb.connection.to_pyarrow(wb.table(table).order_by(*order)).to_pylist()
    return [tuple(row[column] for column in columns) for row in found]


def aside(wb: Workbook, source: str = "tabular") -> list[tuple[str, int, str]]:
    """File, line and reason of every row in quarantine, in order."""
    found = wb.connection.to_pyarrow(wb.quarantine(source)).to_pylist()
    return sorted((row["file"], row["line"], row["reason"]) for row in found)


def counted(frame: pd.DataFrame, of: str = "what") -> dict[str, int]:
    """Findings, or what was set aside, as numbers of rows by words."""
    return {getattr(row, of): row.rows for row in frame.itertuples()}
