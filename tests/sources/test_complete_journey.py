"""The default store: every line of the package arrives, to the cent. Counts: data/README.md and the package's page."""

from decimal import Decimal
from pathlib import Path

import ibis
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from reco.sources import complete_journey
from reco.sources.base import Shop
from reco.store import SCHEMAS

SETTINGS = complete_journey.Settings(kind="complete_journey")
ROOT = Path()
FILES = {path.stem: path for path in complete_journey.files(SETTINGS, ROOT)}


@pytest.fixture(scope="module")
def shop() -> Shop:
    connection = ibis.duckdb.connect()
    connection.raw_sql("SET TimeZone = 'UTC'")
    return Shop(connection, ROOT, "America/New_York", "USD")


@pytest.fixture(scope="module")
def tables(shop):
    return complete_journey.read(SETTINGS, shop)


@pytest.fixture(scope="module")
def counts(shop, tables):
    """Facts of all order lines, in one pass."""
    lines = tables["order_lines"]
    sums = lines.aggregate(
        lines=lines.count(),
        households=lines.customer_id.nunique(),
        products=lines.product_id.nunique(),
        orders=lines.order_id.nunique(),
        revenue=lines.revenue.sum(),
        discount=lines.discount.sum(),
        first=lines.ordered_at.min(),
        last=lines.ordered_at.max(),
    )
    return shop.connection.to_pandas(sums).iloc[0]


def cents(column: str) -> int:
    """Sum of a raw column of dollars in whole cents."""
    amounts = pq.read_table(FILES["transactions"], columns=[column])[column]
    return pc.sum(pc.cast(pc.round(pc.multiply(amounts, 100)), "int64")).as_py()


def test_every_line_arrives(counts):
    assert (counts.lines, counts.households, counts.products) == (1_469_307, 2_469, 68_509)


def test_revenue_equals_the_raw_sum_to_the_cent(counts):
    assert counts.revenue == Decimal(cents("sales_value")) / 100


def test_discount_is_the_sum_of_all_three_kinds(counts):
    kinds = ("retail_disc", "coupon_disc", "coupon_match_disc")
    assert counts.discount == Decimal(sum(cents(kind) for kind in kinds)) / 100


def test_the_year_is_2017_in_the_shops_own_time(counts):
    first, last = (counts[name].tz_convert("America/New_York") for name in ("first", "last"))
    assert (f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}") == ("2017-01-01", "2017-12-31")


def test_801_households_are_described_and_every_buyer_is_a_customer(shop, tables):
    customers = tables["customers"]
    found = customers.aggregate(rows=customers.count(), ids=customers.customer_id.nunique(), aged=customers.age.count())
    assert shop.connection.to_pandas(found).iloc[0].tolist() == [2_469, 2_469, 801]


def test_27_campaigns_and_their_mailings_and_redemptions(shop, tables):
    campaigns = shop.connection.to_pandas(tables["campaigns"])
    assert (len(campaigns), campaigns["campaign_id"].nunique()) == (27, 27)
    assert (campaigns["starts_at"] < campaigns["ends_at"]).all()
    events = shop.connection.to_pandas(tables["engagement"])["event"].value_counts()
    raw = {name: pq.read_metadata(FILES[name]).num_rows for name in ("campaigns", "coupon_redemptions")}
    assert events.to_dict() == {"sent": raw["campaigns"], "redeemed": raw["coupon_redemptions"]}


def test_products_have_ids_once_and_a_readable_title(shop, tables):
    products = shop.connection.to_pandas(tables["products"])
    assert len(products) == products["product_id"].nunique() == pq.read_metadata(FILES["products"]).num_rows
    titles = products.dropna(subset=["category"])["title"]
    assert titles.notna().all()
    assert titles.str.match(r"[A-Z0-9*#%&$(\"']").all()
    one = products.set_index("product_id").loc["951590"]
    assert (one["department"], one["brand"], one["currency"]) == (one["department"].upper(), one["brand"], "USD")


def test_tables_have_the_unified_columns_and_types(tables):
    for name, table in tables.items():
        assert table.schema() == ibis.Schema.from_pyarrow(SCHEMAS[name]), name


def test_a_part_of_the_households_keeps_their_lines_and_nobody_elses(wb):
    lines, engagement = wb.table("order_lines"), wb.table("engagement")
    kept = wb.connection.to_pandas(lines.select("customer_id").distinct())["customer_id"]
    raw = pq.read_table(FILES["transactions"], columns=["household_id", "sales_value"]).to_pandas()
    ids = raw["household_id"].drop_duplicates().sort_values().head(300)
    assert sorted(kept) == sorted(ids.astype(str))
    mine = raw[raw["household_id"].isin(ids)]
    assert lines.count().execute() == len(mine)
    assert lines.revenue.sum().execute() == Decimal(int((mine["sales_value"] * 100).round().sum())) / 100
    assert set(wb.connection.to_pandas(engagement.select("customer_id").distinct())["customer_id"]) <= set(kept)


def test_timestamps_keep_their_instant(shop, tables):
    raw = pq.read_table(FILES["transactions"], columns=["basket_id", "transaction_timestamp"]).to_pandas()
    basket = raw.iloc[0]
    lines = tables["order_lines"]
    found = shop.connection.to_pandas(lines.filter(lines.order_id == str(basket["basket_id"])).ordered_at)
    assert found.iloc[0] == pd.Timestamp(basket["transaction_timestamp"]).floor("us").tz_localize("UTC")
