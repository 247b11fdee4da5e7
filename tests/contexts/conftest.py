"""The sample's slates at the start of its test weeks, and a bare store: no categories, no titles, 12 products."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from reco import Workbook, pipeline
from reco.contexts import Filled, fill

LINES = {
    "order_id": "order",
    "customer_id": "customer",
    "product_id": "product",
    "ordered_at": "at",
    "quantity": "pieces",
    "revenue": "paid",
}


@pytest.fixture(scope="session")
def until(wb: Workbook) -> pd.Timestamp:
    return pipeline.periods(wb).test


@pytest.fixture(scope="session")
def filled(wb: Workbook, until: pd.Timestamp) -> dict[str, Filled]:
    return fill(wb, until)


@pytest.fixture(scope="session")
def lines(wb: Workbook) -> pd.DataFrame:
    """What known customers bought of recommendable products, picked by hand: no money."""
    products = wb.connection.to_pandas(wb.table("products").select("product_id", "recommendable"))
    columns = ["customer_id", "order_id", "product_id", "ordered_at", "quantity"]
    frame = wb.connection.to_pandas(wb.table("order_lines").select(*columns))
    known = frame["product_id"].isin(products.loc[products["recommendable"], "product_id"])
    return frame[known & frame["customer_id"].notna() & (frame["quantity"] > 0)]


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Workbook:
    """20 customers who bought 3 of 12 products on each of 4 days, 40 days apart.

    c00 ordered twice on the first day, both at noon; a guest ordered once.
    """
    folder, rng = tmp_path_factory.mktemp("bare"), np.random.default_rng(0)
    rows = [
        (f"o{day}-{customer}", f"c{customer:02}", f"p{product:02}", f"2026-0{1 + day}-{1 + 9 * day:02} 12:00", 1, 2.5)
        for day in range(4)
        for customer in range(20)
        for product in rng.choice(12, 3, replace=False)
    ]
    rows += [("o0-0-again", "c00", f"p{product:02}", "2026-01-01 12:00", 1, 2.5) for product in (3, 7, 11)]
    rows.append(("o9", None, "p00", "2026-04-30 12:00", 1, 2.5))
    pd.DataFrame(rows, columns=list(LINES.values())).to_csv(folder / "lines.csv", index=False)
    strategies = [{"title": "Also bought", "model": "item_knn"}]
    contexts = {
        anchor: {"title": anchor, "channel": "on_site", "anchor": anchor, "size": 24, "strategies": strategies}
        for anchor in ("product", "basket", "customer")
    }
    settings = {
        "store": {"name": "bare", "title": "Bare", "time_zone": "Europe/London", "currency": "GBP"},
        "sources": [{"kind": "tabular", "path": "lines.csv", "tables": {"order_lines": LINES}}],
        "catalogue": {"min_customers": 1},
        "split": {"validation_weeks": 1, "test_weeks": 1},
        "contexts": contexts,
        "kpis": {"implementation_cost": 1, "targets": {}},
    }
    file = Path(folder / "workbook.yaml")
    file.write_text(yaml.safe_dump(settings))
    return Workbook.load(file)
