"""Do the slates obey the rules? Counted from the finished slates, not believed."""

import pandas as pd

from reco.contexts.filling import Filled
from reco.contexts.requests import Requests
from reco.pipeline import sold
from reco.workbook import Workbook


def audit(wb: Workbook, filled: dict[str, Filled]) -> pd.DataFrame:
    """One row a context: its slates against the rules, counted from the finished slates.

    Columns: title, slates (asked for), empty, full, products_shown, duplicates, recently_bought, in_basket,
    few_categories (of the most that the size allows; missing
    where the store has none), fallback (slates that hold a trending product).
    """
    return pd.DataFrame([_audit(wb, name, slates, requests) for name, (requests, slates) in filled.items()])


def violations(audited: pd.DataFrame) -> int:
    """How many shown products or slates break a rule, over all contexts."""
    broken = audited[["duplicates", "recently_bought", "in_basket", "few_categories"]]
    return int(broken.fillna(0).to_numpy().sum())


def _audit(wb: Workbook, context: str, slates: pd.DataFrame, requests: Requests) -> dict[str, object]:
    rules, size = wb.settings.rules, wb.settings.contexts[context].size
    products = wb.connection.to_pandas(wb.table("products").select("product_id", "category"))
    shown = slates.merge(products, left_on="item_id", right_on="product_id", how="left")
    by_slate = shown.groupby("slate_id").agg(
        length=("item_id", "size"), categories=("category", "nunique"), fallback=("fallback", "any")
    )
    asked, kinds = len(requests.frame), min(rules.min_categories, size)
    has_categories = products["category"].notna().any()
    return {
        "title": wb.settings.contexts[context].title,
        "slates": asked,
        "empty": asked - len(by_slate),
        "full": int((by_slate["length"] == size).sum()),
        "products_shown": slates["item_id"].nunique(),
        "duplicates": int(slates.duplicated(["slate_id", "item_id"]).sum()),
        "recently_bought": _recently_bought(wb, slates, requests),
        "in_basket": len(slates.merge(requests.anchors, on=["slate_id", "item_id"])),
        "few_categories": int((by_slate["categories"] < kinds).sum()) if has_categories else None,
        "fallback": int(by_slate["fallback"].sum()),
    }


def _recently_bought(wb: Workbook, slates: pd.DataFrame, requests: Requests) -> int:
    """How many shown products their customer bought within the days of the rule."""
    days = wb.settings.rules.not_bought_within_days
    asked = slates.merge(requests.frame[["slate_id", "asked_at"]], on="slate_id").dropna(subset="customer_id")
    if asked.empty or days == 0:
        return 0
    bought = wb.connection.to_pandas(sold(wb).select("customer_id", "ordered_at", item_id="product_id"))
    shown = asked.reset_index(names="shown")[["shown", "customer_id", "item_id", "asked_at"]]
    pairs = shown.merge(bought, on=["customer_id", "item_id"])
    age = pairs["asked_at"] - pairs["ordered_at"]
    return pairs.loc[(age > pd.Timedelta(0)) & (age <= pd.Timedelta(days=days)), "shown"].nunique()
