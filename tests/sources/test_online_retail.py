"""The second store, as its settings file reads it: the published figures, and an account of every line."""

from decimal import Decimal
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from reco import Workbook, raw
from reco.engines import ENGINES
from reco.settings import load
from reco.sources import tabular
from reco.sources.base import Shop

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wb(tmp_path_factory) -> Workbook:
    """The store of online_retail.yaml, in a folder of its own."""
    settings = load(ROOT / "online_retail.yaml")
    store = settings.store.model_copy(update={"path": tmp_path_factory.mktemp("retail")})
    moved = settings.model_copy(update={"store": store})
    moved._file = settings.file
    return Workbook(moved)


@pytest.fixture(scope="module")
def before(wb) -> ibis.Table:
    """Order lines as the source gives them, before any cleaning."""
    (settings,) = wb.settings.sources
    tables = raw.tables(wb.raw_files[0], tabular.raw_tables(settings), wb.connection, ENGINES["duckdb"])
    return tabular.unify(tables, settings, Shop("Europe/London", "GBP"))["order_lines"]


@pytest.fixture(scope="module")
def invoices() -> pa.Table:
    """The file itself."""
    return pq.read_table(ROOT / "data" / "online_retail.parquet")


def one(wb: Workbook, table: ibis.Table, **figures: ibis.Value) -> dict:
    return wb.connection.to_pyarrow(table.aggregate(**figures)).to_pylist()[0]


def aside(wb: Workbook) -> pd.DataFrame:
    return wb.connection.to_pandas(wb.quarantine("tabular"))


def test_the_source_gives_every_line_and_the_published_totals(wb, before, invoices):
    found = one(
        wb,
        before,
        lines=before.count(),
        revenue=before.revenue.sum(),
        quantity=before.quantity.sum(),
        invoices=before.order_id.nunique(),
        customers=before.customer_id.nunique(),
        products=before.product_id.nunique(),
        guests=before.customer_id.isnull().sum(),
        returns=(before.quantity < 0).sum(),
        refused=before.reason.count(),
    )
    # 541,909 lines, 25,900 invoices, 4,070 stock codes, 4,372 customers: Chen, Sain and Guo, 2012, and UCI id 352
    assert found == {
        "lines": 541_909,
        "revenue": Decimal("9747747.9340"),
        "quantity": pc.sum(invoices["Quantity"]).as_py(),
        "invoices": 25_900,
        "customers": 4_372,
        "products": 4_070,
        "guests": 135_080,
        "returns": pc.sum(pc.less(invoices["Quantity"], 0)).as_py(),
        "refused": 0,
    }
    mills = np.rint(invoices["UnitPrice"].to_numpy() * 1000).astype(
        "int64"
    )  # no price is finer than a tenth of a penny
    assert mills / 1000 == pytest.approx(invoices["UnitPrice"].to_numpy(), rel=1e-12)
    exact = Decimal(int((invoices["Quantity"].to_numpy().astype("int64") * mills).sum())) / 1000
    assert found["revenue"] == exact
    assert found["guests"] == invoices["CustomerID"].null_count


def test_sales_to_known_customers_are_those_that_are_published(wb):
    lines = wb.table("order_lines")
    sales = lines.filter(
        lines.customer_id.notnull(), ~lines.order_id.startswith("C"), lines.quantity > 0, lines.revenue > 0
    )
    found = one(wb, sales, lines=sales.count(), revenue=sales.revenue.sum(), customers=sales.customer_id.nunique())
    assert found == {"lines": 397_884, "revenue": Decimal("8911407.9040"), "customers": 4_338}


def test_every_line_is_accounted_for(wb, before):
    (file,) = wb.reading.to_dict("records")
    counts = {name: file[name] for name in ("read", "accepted", "quarantined", "refused", "forgotten")}
    assert counts == {"read": 541_909, "accepted": 539_392, "quarantined": 2_517, "refused": 2, "forgotten": 0}
    assert wb.set_aside.to_dict("records") == [
        {"table": "order_lines", "reason": "price below zero", "refusal": True, "rows": 2},
        {"table": "order_lines", "reason": "price of zero", "refusal": False, "rows": 2_515},
    ]
    kept = wb.table("order_lines").select("file", "line")
    assert kept.count().execute() == kept.distinct().count().execute() == file["accepted"]
    assert len(aside(wb).drop_duplicates(["file", "line"])) == file["quarantined"]
    assert before.anti_join(kept, "line").count().execute() == file["quarantined"]
    # nothing that was set aside is worth anything but the two adjustments of bad debt
    lost = before.anti_join(kept, "line").revenue.sum().execute()
    kept_revenue = wb.table("order_lines").revenue.sum().execute()
    assert (lost, kept_revenue) == (Decimal("-22124.1200"), Decimal("9747747.9340") + Decimal("22124.1200"))


def test_what_is_set_aside_can_be_read_in_the_quarantine(wb, invoices):
    rows = aside(wb)
    bad = rows[rows["reason"] == "price below zero"].sort_values("line")
    frame = invoices.to_pandas()
    assert (bad["line"] - 1).tolist() == frame.index[frame["UnitPrice"] < 0].tolist()
    assert bad["row"].str.contains(r"InvoiceNo: A56318[67]; .*StockCode: B; .*-11062\.06").all()
    free = rows[rows["reason"] == "price of zero"]
    assert sorted(free["line"] - 1) == frame.index[frame["UnitPrice"] == 0].tolist()
    # of these most are stock taking: nobody's, and without a sale
    mine = frame.iloc[free["line"] - 1]
    assert mine["CustomerID"].notna().sum() == 40
    assert (mine["Quantity"] < 0).sum() == 1_336


def test_returns_are_matched_to_the_customer_s_latest_order_of_the_product_before(wb):
    found = wb.findings.set_index("what")["rows"]
    assert found["returned lines matched to the order they take back"] == 7_599
    assert found["returned lines without such an order"] == 1_689
    lines = wb.connection.to_pandas(
        wb.table("order_lines").select(
            "order_id", "customer_id", "product_id", "ordered_at", "quantity", "returned_order_id"
        )
    )
    returns = lines[lines["quantity"] < 0]
    assert len(returns) == 7_599 + 1_689
    assert lines.loc[lines["quantity"] >= 0, "returned_order_id"].isna().all()
    sales = lines.loc[lines["quantity"] > 0, ["customer_id", "product_id", "ordered_at", "order_id"]].dropna()
    # the slow way: each return against all sales of its customer and product
    pairs = returns.dropna(subset="customer_id").merge(sales, on=["customer_id", "product_id"], suffixes=("", "_sale"))
    pairs = pairs[pairs["ordered_at_sale"] <= pairs["ordered_at"]]
    keys = ["customer_id", "product_id", "ordered_at", "order_id"]
    latest = pairs.groupby(keys)["ordered_at_sale"].max()
    matched = returns.dropna(subset="returned_order_id")
    assert set(matched[keys].itertuples(index=False, name=None)) == set(latest.index)
    # of all sales before a return, one of those at the latest moment belongs to the order that was found
    found = matched.merge(pairs, on=keys).query("order_id_sale == returned_order_id_x")
    found = found.groupby(keys)["ordered_at_sale"].max()
    assert found[latest.index].tolist() == latest.tolist()


def test_times_are_london_s(wb):
    table = wb.table("order_lines")
    span = wb.connection.to_pandas(table.aggregate(first=table.ordered_at.min(), last=table.ordered_at.max())).iloc[0]
    assert (span["first"], span["last"]) == (pd.Timestamp("2010-12-01 08:26Z"), pd.Timestamp("2011-12-09 12:50Z"))
    july = wb.connection.to_pandas(
        table.filter(table.order_id == "558638").select("ordered_at").distinct()
    )  # 2011-07-01 08:16 on the invoice, in summer time
    assert july["ordered_at"].tolist() == [pd.Timestamp("2011-07-01 07:16Z")]


def test_titles_are_the_most_frequent_descriptions(wb, invoices):
    frame = invoices.select(["StockCode", "Description"]).to_pandas().dropna()
    counts = frame.value_counts().rename("n").reset_index()
    counts = counts.sort_values(["StockCode", "n", "Description"], ascending=[True, False, True])
    expected = counts.drop_duplicates("StockCode").set_index("StockCode")["Description"]
    found = wb.connection.to_pandas(wb.table("products")).set_index("product_id")["title"]
    assert len(found) == 4_070
    assert found[expected.index].tolist() == expected.tolist()
    assert (found.drop(expected.index) == "Product " + found.drop(expected.index).index).all()


def test_a_line_can_be_traced_to_its_row_of_the_file(wb, invoices):
    found = wb.trace("order_lines", "536365")
    assert found["file"].unique().tolist() == ["online_retail.parquet"]
    rows = invoices.take(pa.array(found["line"] - 1)).to_pydict()
    assert rows["InvoiceNo"] == ["536365"] * len(found)
    assert rows["StockCode"] == found["product_id"].tolist()
