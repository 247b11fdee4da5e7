"""A small shop to export, made by hand, with ids and titles that break careless writers."""

from datetime import datetime

import pandas as pd
import pyarrow as pa

from reco.exports.base import TABLES, Material
from reco.exports.nesting import lists

#: Leading zeros, Unicode, a sign, what looks like a number.
PRODUCTS = ("007", "Ünïcode-茶", "1e5", "-42", "p 5", "p6")
CUSTOMERS = ("0001", "ann", "Zoë", "42.0")
HOSTILE = '=HYPERLINK("http://evil.example","x") \'quoted\', <b>&amp;\nnext'


def slates(products=PRODUCTS, customers=CUSTOMERS, score: float = 0.5) -> pd.DataFrame:
    """An e-mail slate for every customer, each of another product first, and a product page for every product."""
    rows = []
    for number, customer in enumerate(customers):
        shown = [products[(number + place) % len(products)] for place in range(4)]
        rows += [(f"email-{number}", "email", customer, place + 1, one) for place, one in enumerate(shown)]
    for number in range(len(products)):
        shown = [products[(number + place) % len(products)] for place in (1, 2, 3)]
        rows += [(f"product_page-{number}", "product_page", None, place + 1, one) for place, one in enumerate(shown)]
    frame = pd.DataFrame(rows, columns=["slate_id", "context", "customer_id", "position", "item_id"])
    return frame.astype({"position": "int32", "customer_id": "str"}).assign(
        score=pd.Series(score - frame["position"] / 16, dtype="float32"),
        strategy="Similar products",
        reason=["+1 for you, " + HOSTILE if one % 3 == 0 else "You bought tea" for one in frame.index],
        fallback=False,
        propensity=[None if one % 2 else 0.875 for one in frame.index],
    )


def anchors(products=PRODUCTS) -> pd.DataFrame:
    return pd.DataFrame({"slate_id": [f"product_page-{n}" for n in range(len(products))], "item_id": list(products)})


def products(ids=PRODUCTS) -> pa.Table:
    count = len(ids)
    return table(
        "products",
        product_id=list(ids),
        title=[HOSTILE, "Tea 茶", "+Plus", "Oatcakes, plain", "'=odd", "Plain"][:count],
        description="Good",
        department="FOOD",
        category=["Tea", "Tea", "Oats & more", "Oats & more", "Milk", "Milk"][:count],
        brand="Own|brand",
        sku=[f"SKU,{n}" for n in range(count)],
        url=[f"https://shop.example/p/{n}" for n in range(count)],
        image_url=[f"https://shop.example/i/{n}.jpg" for n in range(count)],
        price=[1.5, 2.0, 10.25, 0.1, 3.0, 1234.5][:count],
        currency="EUR",
        stock=[0.0, 5.0, None, 2.0, 1.0, 9.0][:count],
        recommendable=True,
    )


def table(name: str, **columns: object) -> pa.Table:
    """A table of `TABLES`: lists are columns, one value fills a column, the others are empty."""
    count = max(len(values) for values in columns.values() if isinstance(values, list))
    filled = {
        field.name: pa.array(
            columns[field.name] if isinstance(columns.get(field.name), list) else [columns.get(field.name)] * count,
            field.type,
        )
        for field in TABLES[name]
    }
    return pa.table(filled)


def material(**changed: object) -> Material:
    """The whole shop; tables by name take the place of its own."""
    now = datetime(2026, 11, 24, 12)
    tables = {
        "lists": lists(slates(), anchors()),
        "contexts": table(
            "contexts",
            context=["email", "product_page"],
            title=["E-mail", "Product page"],
            anchor=["customer", "product"],
            channel=["email", "on_site"],
        ),
        "products": products(),
        "customers": table("customers", customer_id=list(CUSTOMERS), country="DE", age="35-44", mail=True),
        "interactions": table(
            "interactions",
            customer_id=["0001", "0001", "ann", "Zoë"],
            product_id=["007", "1e5", "Ünïcode-茶", "007"],
            event=["Purchase", "View", "Purchase", "Purchase"],
            occurred_at=[now] * 4,
            order_id=["o1", None, "o2", "o3"],
            price=[1.5, None, 2.0, 1.5],
            quantity=[2.0, None, 1.0, 1.0],
        ),
        "contacts": table("contacts", customer_id=["ann", "Zoë"], email=["ann@shop.example", "zoe@shop.example"]),
        "impressions": table(
            "impressions",
            slate_id=["s1", "s1", "s2"],
            customer_id=["ann", "ann", "0001"],
            context="product_page",
            strategy="Similar products",
            product_id=["007", "1e5", "007"],
            position=[1, 2, 1],
            shown_at=[now, now, now],
            clicked_at=[None, now, None],
        ),
        "devices": table("devices", customer_id=["ann"], client_id=["1146540.1921992520"]),
        "goes_with": table("goes_with", product_id=["007", "p6"], items=[["1e5", "p6"], ["1e5", "p6", "007", "-42"]]),
        "segments": table("segments", customer_id=["ann"], segment=["Tea"]),
        **changed,
    }
    return Material({name: lambda one=one: one for name, one in tables.items()}, "EUR", "2026-11-24T12:00:00Z")
