"""What the store holds, by hand on a tiny shop and in the requirement's numbers."""

import numpy as np
import pandas as pd
import pytest

from reco import quality
from reco.interactions import Interactions
from tests.conftest import MAPPING

TEXT = """\
order,customer,product,time,quantity,price
1,ann,jam,2020-01-31 23:30,1,2
1,ann,tea,2020-01-31 23:30,1,3
2,,jam,2020-03-31 23:30,2,2
3,bob,jam,2020-04-02,-1,2
"""


@pytest.fixture
def shop(open_shop):
    tables = MAPPING | {"campaigns": {"campaign_id": "order"}}
    return open_shop(TEXT, tables, zone="Europe/London")


def test_inventory_by_hand(shop):
    found = quality.inventory(shop).astype(object).set_index("table")
    found = found.where(found.notna(), None)
    assert found["rows"].to_dict() == {
        "customers": 2, "products": 2, "order_lines": 4, "events": 0, "engagement": 0, "impressions": 0, "campaigns": 3,
        "identities": 0,
    }  # fmt: skip
    # the last line is of midnight London time, when it is eleven in UTC, the day before
    assert found.loc["order_lines", ["first", "last"]].tolist() == ["2020-01-31", "2020-04-02"]
    assert found.loc["events"].tolist() == [0, None, None, "no source fills this table"]
    assert found.loc["order_lines", "remark"] == "empty: discount, original_currency, channel, returned_order_id"
    assert found.loc["campaigns", ["first", "last"]].tolist() == [None, None]  # nothing dates them


def test_missing_values_by_hand(shop):
    shares = quality.missing_values(shop.table("order_lines")).set_index("column")["missing"]
    assert shares.to_dict() == {
        "order_id": 0, "customer_id": 0.25, "product_id": 0, "ordered_at": 0, "quantity": 0, "revenue": 0,
        "discount": 1, "currency": 0, "original_currency": 1, "channel": 1, "returned_order_id": 1,
        "source": 0, "file": 0, "line": 0,
    }  # fmt: skip
    assert quality.missing_columns(shop).to_dict("records") == [
        {"table": "order_lines", "column": "customer_id", "missing": 0.25}
    ]


def test_monthly_revenue_is_by_the_shops_own_months(shop):
    found = quality.monthly_revenue(shop.table("order_lines"), "Europe/London")
    assert found["month"].dt.strftime("%Y-%m").tolist() == ["2020-01", "2020-03", "2020-04"]
    assert found[["revenue", "orders", "customers"]].to_numpy().tolist() == [[5, 1, 1], [4, 1, 0], [-2, 1, 1]]
    # the same lines at noon's other side of the world
    east = quality.monthly_revenue(shop.table("order_lines"), "Asia/Tokyo")
    assert east["month"].dt.strftime("%Y-%m").tolist() == ["2020-02", "2020-04"]


def interactions(baskets: list[str]) -> Interactions:
    rows = [(f"u{number}", item, number) for number, basket in enumerate(baskets) for item in basket]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "basket"])
    return Interactions.from_frame(frame, basket="basket")


def test_pairs_of_an_item_count_the_others_of_its_orders():
    pairs = quality._pairs_per_item(interactions(["abc", "ab", "a", "d"]))
    assert pairs.tolist() == [3, 3, 2, 0]
    assert pairs.sum() == 3 * 2 + 2 * 1  # each order of n items holds n(n - 1) ordered pairs


@pytest.mark.parametrize(("rows", "words"), [(999, "too little"), (1000, "enough")])
def test_user_based_needs_a_thousand_interactions(rows, words):
    found = quality.sufficiency(interactions(["a"] * rows))[0]
    assert (found.required, found.found, found.verdict) == (1000, rows, words)


@pytest.mark.parametrize(("rows", "words"), [(9_999, "too little"), (10_000, "enough")])
def test_deep_models_need_ten_thousand_interactions(rows, words):
    found = quality.sufficiency(interactions(["a"] * rows))[2]
    assert (found.required, found.found, found.verdict) == (10_000, rows, words)


@pytest.mark.parametrize(
    ("baskets", "found", "words"),
    [
        (["ab"] * 499 + ["c"], 499, "too little: 0% of 3 items reach it"),
        (["ab"] * 500 + ["c"], 500, "enough: 67% of 3 items reach it"),
        (["a", "b"], 0, "too little: 0% of 2 items reach it"),
    ],
)
def test_item_based_needs_500_pairs_of_the_median_item(baskets, found, words):
    check = quality.sufficiency(interactions(baskets))[1]
    assert (check.required, check.found, check.verdict) == (500, found, words)


def test_a_store_without_interactions_suffices_for_nothing():
    empty = interactions(["a"])
    empty = Interactions.from_frame(pd.DataFrame({"user_id": [], "item_id": [], "b": []}, dtype=str), basket="b")
    checks = quality.sufficiency(empty)
    assert [check.found for check in checks] == [0, 0, 0]
    assert all(check.verdict.startswith("too little") for check in checks)


def test_sample_of_the_real_store(wb):
    found = quality.inventory(wb).set_index("table")
    assert found.loc["order_lines", "first"] == "2017-01-01"
    assert found.loc["campaigns", "rows"] == 27
    months = quality.monthly_revenue(wb.table("order_lines"), "America/New_York")
    assert months["month"].tolist() == pd.date_range("2017-01-01", periods=12, freq="MS").tolist()
    total = float(wb.table("order_lines").revenue.sum().execute())
    assert months["revenue"].sum() == pytest.approx(total, rel=1e-12)
    assert np.isfinite(months["revenue"]).all()
