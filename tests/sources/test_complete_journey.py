"""The default store: every line of the package arrives, to the cent. Counts: data/README.md and the package's page."""

from decimal import Decimal
from pathlib import Path

import ibis
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from reco import raw
from reco.engines import ENGINES
from reco.sources import complete_journey
from reco.sources.base import TRAIL, Shop
from reco.store import SCHEMAS
from reco.unify.merging import with_buyers

SETTINGS = complete_journey.Settings(kind="complete_journey")
RAW_TABLES = complete_journey.raw_tables(SETTINGS)
FILES = {name: table.files[0] for name, table in RAW_TABLES.items()}
ENGINE = ENGINES["duckdb"]


@pytest.fixture(scope="module")
def connection() -> ibis.BaseBackend:
    return ENGINE.connect(None)


@pytest.fixture(scope="module")
def read(connection, tmp_path_factory) -> dict[str, ibis.Table]:
    """The raw tables."""
    files = raw.read("complete_journey", RAW_TABLES, Path(), tmp_path_factory.mktemp("raw"))
    return raw.tables(files, RAW_TABLES, connection, ENGINE)


@pytest.fixture(scope="module")
def tables(read):
    return complete_journey.unify(read, SETTINGS, Shop("America/New_York", "USD"))


@pytest.fixture(scope="module")
def counts(connection, tables):
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
    return connection.to_pandas(sums).iloc[0]


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


def test_801_households_are_described_and_every_buyer_is_a_customer(connection, tables):
    customers = with_buyers(tables["customers"], tables["order_lines"])
    found = customers.aggregate(rows=customers.count(), ids=customers.customer_id.nunique(), aged=customers.age.count())
    assert connection.to_pandas(found).iloc[0].tolist() == [2_469, 2_469, 801]


def test_27_campaigns_and_their_mailings_and_redemptions(connection, tables):
    campaigns = connection.to_pandas(tables["campaigns"])
    assert (len(campaigns), campaigns["campaign_id"].nunique()) == (27, 27)
    assert (campaigns["starts_at"] < campaigns["ends_at"]).all()
    events = connection.to_pandas(tables["engagement"])["event"].value_counts()
    rows = {name: pq.read_metadata(FILES[name]).num_rows for name in ("campaigns", "coupon_redemptions")}
    assert events.to_dict() == {"sent": rows["campaigns"], "redeemed": rows["coupon_redemptions"]}


def test_products_have_ids_once_and_a_readable_title(connection, tables):
    products = connection.to_pandas(tables["products"])
    assert len(products) == products["product_id"].nunique() == pq.read_metadata(FILES["products"]).num_rows
    titles = products.dropna(subset=["category"])["title"]
    assert titles.notna().all()
    assert titles.str.match(r"[A-Z0-9*#%&$(\"']").all()
    one = products.set_index("product_id").loc["951590"]
    assert (one["department"], one["brand"], one["currency"]) == (one["department"].upper(), one["brand"], "USD")


def test_tables_have_the_unified_columns_and_types(tables):
    for name, table in tables.items():
        assert table.schema() == ibis.Schema.from_pyarrow(SCHEMAS[name]), name


@pytest.mark.parametrize("name", RAW_TABLES)
def test_every_raw_row_gives_just_one_row_of_the_table_that_it_fills(connection, read, tables, name):
    rows = tables[RAW_TABLES[name].fills]
    told = connection.to_pandas(read[name].aggregate(file=ibis._.file.max(), rows=ibis._.count())).iloc[0]
    found = rows.filter(rows.file == told["file"]).select(*TRAIL)
    assert told["rows"] == pq.read_metadata(FILES[name]).num_rows
    assert found.count().execute() == told["rows"]
    assert found.distinct().count().execute() == told["rows"]


def test_a_part_of_the_households_keeps_their_lines_and_nobody_elses(wb):
    lines, engagement = wb.table("order_lines"), wb.table("engagement")
    kept = wb.connection.to_pandas(lines.select("customer_id").distinct())["customer_id"]
    whole = pq.read_table(FILES["transactions"], columns=["household_id", "sales_value"]).to_pandas()
    ids = whole["household_id"].drop_duplicates().sort_values().head(300)
    assert sorted(kept) == sorted(ids.astype(str))
    mine = whole[whole["household_id"].isin(ids)]
    assert lines.count().execute() + wb.set_aside["rows"].sum() == len(mine)
    assert lines.revenue.sum().execute() == Decimal(int((mine["sales_value"] * 100).round().sum())) / 100
    assert set(wb.connection.to_pandas(engagement.select("customer_id").distinct())["customer_id"]) <= set(kept)


def test_timestamps_keep_their_instant(connection, tables):
    whole = pq.read_table(FILES["transactions"], columns=["basket_id", "transaction_timestamp"]).to_pandas()
    basket = whole.iloc[0]
    lines = tables["order_lines"]
    found = connection.to_pandas(lines.filter(lines.order_id == str(basket["basket_id"])).ordered_at)
    assert found.iloc[0] == pd.Timestamp(basket["transaction_timestamp"]).floor("us").tz_localize("UTC")
