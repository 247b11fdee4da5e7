"""A corner shop, and finished slates of it that break nothing until something is put into them."""

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from reco import Workbook
from reco.contexts import Requests

CATEGORIES = ["tea", "cup", "jam", "toy"]
UNTIL = pd.Timestamp("2026-07-01", tz="UTC")
DAY = pd.Timedelta(days=1)
RULES = {
    "consent": {},
    "banned": {},
    "in_stock": {},
    "not_ended": {},
    "not_bought_within": {"days": 30, "except_due": True},
    "in_season": {},
    "pinned": {},
    "min_categories": {"least": 3},
    "category_share": {"most": 0.5},
    "category_cap": {"most": 3},
    "brand_cap": {"most": 2},
    "price_mix": {"least": 3},
    "new_products": {"days": 28, "from_size": 4},
    "exploration": {"share": 0.1},
    "fallback": {"below": 4},
}
CONTEXTS = {
    "cart": {
        "title": "Cart",
        "channel": "on_site",
        "anchor": "basket",
        "min_size": 2,
        "size": 4,
        "strategies": [
            {"title": "Goes with it", "model": "item_knn"},
            {"title": "Picked for you", "model": "hybrid", "by": "customer"},
            {"title": "Still in your cart", "kind": "cart"},
        ],
    },
    "email": {
        "title": "E-mail",
        "channel": "email",
        "anchor": "customer",
        "min_size": 2,
        "size": 4,
        "strategies": [
            {"title": "Recommended", "model": "hybrid"},
            {"title": "New in {category}", "kind": "new_in_category"},
            {"title": "Our bestsellers", "model": "popularity"},
        ],
    },
}
#: What every slate of the corner shop shows: three categories, two brands twice, all price bands, a new product.
SHOWN = ["p00", "p05", "p10", "young"]


def corner_shop(folder: Path) -> Workbook:
    """A corner shop of twelve products at 1 to 12 pounds, a new one, one that is sold out and one never recommended.

    c1 buys p01 every five days until the day before, c0 bought p00, p01 and p02 six days ago; the others' purchases
    are two months old. c4 wants nothing personal, c5 no mail.
    """
    products = [(f"p{n:02}", CATEGORIES[n % 4], "abc"[n % 3], n + 1, 5, "2025-01-01") for n in range(12)]
    products += [("young", "tea", "d", 6, 5, "2026-06-20"), ("gone", "toy", "e", 2, 0, "2025-01-01")]
    products.append(("fuel", "toy", "e", 2, 5, "2025-01-01"))
    lines = [(f"o{n}", f"c{n % 6}", f"p{n % 12:02}", UNTIL - 60 * DAY - n * DAY) for n in range(36)]
    lines += [(f"often{n}", "c1", "p01", UNTIL - DAY - 5 * n * DAY) for n in range(7)]
    lines += [(f"late{n}", "c0", f"p0{n}", UNTIL - 6 * DAY) for n in range(3)]
    price = {one[0]: one[3] for one in products}
    frames = {
        "products": pd.DataFrame(
            products, columns=["product_id", "category", "brand", "price", "stock", "published_at"]
        ),
        "customers": pd.DataFrame(
            {
                "customer_id": [f"c{n}" for n in range(6)],
                "personalization_consent": ["yes"] * 4 + ["no", ""],
                "email_consent": ["yes"] * 4 + ["", "no"],
            }
        ),
        "order_lines": pd.DataFrame(lines, columns=["order_id", "customer_id", "product_id", "ordered_at"]).assign(
            quantity=1, revenue=lambda frame: frame["product_id"].map(price)
        ),
    }
    sources = []
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
        columns = {column: column for column in frame.columns}
        sources.append({"kind": "tabular", "path": f"{name}.csv", "tables": {name: columns}})
    settings = {
        "store": {"name": "corner", "title": "Corner", "time_zone": "Europe/London", "currency": "GBP"},
        "sources": sources,
        "catalogue": {"min_customers": 1, "exclude": {"product_id": ["fuel"]}},
        "split": {"validation_weeks": 1, "test_weeks": 1},
        "contexts": CONTEXTS,
        "rules": RULES,
        "kpis": {"implementation_cost": 1, "targets": {}},
    }
    (folder / "workbook.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    return Workbook.load(folder / "workbook.yaml")


def requests(context: str = "cart") -> Requests:
    """Slates for c1, for nobody known and for c2, or mails for c1, c2 and c4; the basket is p03 and p07."""
    customers = ["c1", None, "c2"] if context == "cart" else ["c1", "c2", "c4"]
    ids = [f"{context}-{n}" for n in range(3)]
    frame = pd.DataFrame({"slate_id": ids, "customer_id": customers, "asked_at": UNTIL})
    anchors = [(one, item) for one in ids for item in ("p03", "p07")] if context == "cart" else []
    return Requests(frame, pd.DataFrame(anchors, columns=["slate_id", "item_id"]))


def right(context: str = "cart") -> pd.DataFrame:
    """Finished slates that break nothing; rows 0 to 3 are the first slate's."""
    asked = requests(context).frame
    frame = asked.loc[np.repeat(asked.index, 4), ["slate_id", "customer_id"]].reset_index(drop=True)
    return frame.assign(
        context=context,
        position=np.tile(np.arange(1, 5), 3),
        item_id=SHOWN * 3,
        score=np.float32(1),
        strategy="Goes with it" if context == "cart" else "Our bestsellers",
        reason="Popular with our customers",
        fallback=False,
        propensity=[0.92, 0.92, 0.02, 1.0] * 3,
        gave_way="",
    )


def put(rows: object, column: str, value: object, context: str = "cart") -> pd.DataFrame:
    """The right slates with `value` in a column of some rows."""
    slates = right(context)
    slates.loc[rows, column] = value
    return slates
