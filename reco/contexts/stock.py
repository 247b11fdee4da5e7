"""What files read when slates are filled say of products: what is in stock, and from when to when it is on sale."""

from pathlib import Path
from typing import Final

import pandas as pd

from reco import shop_files
from reco.workbook import Workbook

#: How many unknown ids a remark names.
NAMED: Final = 3


def with_stock(wb: Workbook, products: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """`products` (index product_id) with the stock of the rule's file, where it names one, and remarks about it.

    Raises as `shop_files.stock` does.
    """
    frame, rule = shop_files.stock(wb.settings), wb.settings.rules.in_stock
    if frame is None:
        return products, []
    age = pd.Timestamp.now("UTC") - pd.Timestamp((wb.settings.root / rule.file).stat().st_mtime, unit="s", tz="UTC")
    minutes = age.total_seconds() / 60
    remarks = _unknown(wb, rule.file, frame["product_id"])
    if minutes > rule.max_age_minutes:
        remarks.append(
            f"{rule.file.name} is {minutes:,.0f} minutes old, the limit is {rule.max_age_minutes}: what it calls sold "
            "out is left out, but may be wrong"
        )
    told = frame.groupby("product_id")["stock"].last()
    return products.assign(stock=told.reindex(products.index).fillna(products["stock"])), remarks


def with_dates(wb: Workbook, products: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """`products` with starts_at and ends_at of the rule's file, where it names one, and remarks about it.

    Raises as `shop_files.dates` does.
    """
    missing = pd.Series(pd.NaT, index=products.index, dtype="datetime64[us, UTC]")
    products = products.assign(starts_at=missing, ends_at=missing)
    frame = shop_files.dates(wb.settings)
    if frame is None:
        return products, []
    for column in ("starts_at", "ends_at"):
        told = frame.groupby("product_id")[column].last()
        products[column] = told.reindex(products.index)
    return products, _unknown(wb, wb.settings.rules.not_ended.file, frame["product_id"])


def _unknown(wb: Workbook, file: Path, ids: pd.Series) -> list[str]:
    """A remark where the file names products that the catalogue does not have."""
    known = wb.connection.to_pandas(wb.table("products").select("product_id"))["product_id"]
    unknown = ids[~ids.isin(known)].unique()
    if not len(unknown):
        return []
    named = ", ".join(unknown[:NAMED]) + (f" and {len(unknown) - NAMED:,} more" if len(unknown) > NAMED else "")
    return [f"{file.name} names {len(unknown):,} products that the catalogue does not have: {named}"]
