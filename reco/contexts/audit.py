"""Do the slates obey the rules? Counted from the finished slates, not believed."""

import pandas as pd

from reco.contexts.requests import Requests
from reco.pipeline import sold
from reco.workbook import Workbook


def audit(wb: Workbook, context: str, slates: pd.DataFrame, requests: Requests) -> dict[str, object]:
    """One context's slates against the rules, by an independent count over the finished slates.

    Keys: context, slates (asked for), empty, full, products_shown, duplicates, recently_bought, in_basket,
    few_categories (None where the store has no categories), fallback (slates that hold a trending product).
    """
    rules, size = wb.settings.rules, wb.settings.contexts[context].size
    products = wb.connection.to_pandas(wb.table("products").select("product_id", "category"))
    shown = slates.merge(products, left_on="item_id", right_on="product_id", how="left")
    by_slate = shown.groupby("slate_id").agg(
        length=("item_id", "size"), categories=("category", "nunique"), fallback=("fallback", "any")
    )
    asked = len(requests.frame)
    has_categories = products["category"].notna().any()
    return {
        "context": context,
        "slates": asked,
        "empty": asked - len(by_slate),
        "full": int((by_slate["length"] == size).sum()),
        "products_shown": slates["item_id"].nunique(),
        "duplicates": int(slates.duplicated(["slate_id", "item_id"]).sum()),
        "recently_bought": _recently_bought(wb, slates, requests),
        "in_basket": len(slates.merge(requests.anchors, on=["slate_id", "item_id"])),
        "few_categories": int((by_slate["categories"] < rules.min_categories).sum()) if has_categories else None,
        "fallback": int(by_slate["fallback"].sum()),
    }


def _recently_bought(wb: Workbook, slates: pd.DataFrame, requests: Requests) -> int:
    """How many shown products their customer bought within the days of the rule."""
    days = wb.settings.rules.not_bought_within_days
    asked = slates.merge(requests.frame[["slate_id", "asked_at"]], on="slate_id").dropna(subset="customer_id")
    if asked.empty or days == 0:
        return 0
    bought = wb.connection.to_pandas(sold(wb).select("customer_id", "ordered_at", item_id="product_id"))
    pairs = asked[["customer_id", "item_id", "asked_at"]].merge(bought, on=["customer_id", "item_id"])
    age = pairs["asked_at"] - pairs["ordered_at"]
    return int(((age > pd.Timedelta(0)) & (age <= pd.Timedelta(days=days))).sum())
