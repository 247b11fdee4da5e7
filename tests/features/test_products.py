"""Features of products and seasons: by hand, by property, and on real households."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.features import products, seasons
from reco.features.products import PRICED_PRODUCTS, SEASON_PURCHASES, SMOOTHING

YEAR_END = pd.Timestamp("2018-01-01 05:00", tz="UTC")
DAYS_IN_2021 = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


def line(product, moment, quantity=1, revenue=1, customer="ann", order=None):
    order = order or f"{customer} {moment}"
    return {
        "order_id": order, "customer_id": customer, "product_id": product, "ordered_at": moment,
        "quantity": quantity, "revenue": revenue,
    }  # fmt: skip


def by_product(frame, *columns):
    found = frame.set_index("product_id")[list(columns)].astype(object)
    return found.where(found.notna(), None).apply(tuple, axis=1).to_dict()


def test_sales_stock_and_returns_by_hand(derive):
    goods = [
        {"product_id": "tea", "stock": 6, "published_at": 400},
        {"product_id": "cup", "stock": 5},
        {"product_id": "owed", "stock": -3},
        {"product_id": "soon", "published_at": "2021-08-01T00:00Z"},
    ]
    lines = [
        line("tea", 28, 4, 12), line("tea", 28.5, 10, 30), line("tea", 90, 2, 8), line("tea", 91, 4, 9, None),
        line("tea", 1, -1, -3), line("tea", 0, 7, 70),  # at the end is too late
        line("cup", 50.5, 2, 6), line("cup", 40, -3, -9),
        line("owed", 2, 1, 1), line("unlisted", 7, 1, 2.5),
    ]  # fmt: skip
    found = derive(products, order_lines=lines, products=goods)
    recent = by_product(found, "units_28_days", "revenue_28_days", "units_90_days", "revenue_90_days")
    assert recent == {
        "tea": (3, 9, 15, 47), "cup": (0, 0, -1, -3), "owed": (1, 1, 1, 1), "soon": (0, 0, 0, 0),
        "unlisted": (1, 2.5, 1, 2.5),
    }  # fmt: skip
    assert by_product(found, "stock", "stock_days", "return_rate", "product_age_days") == {
        "tea": (6, 6 / (3 / 28), 1 / 20, 400), "cup": (5, None, 1.5, 50.5), "owed": (-3, 0, 0, 2),
        "soon": (None, None, None, None), "unlisted": (None, None, 0, 7),
    }  # fmt: skip


def test_margin_needs_a_cost_and_a_price(derive):
    goods = [
        {"product_id": "tea", "price": 4, "cost": 3}, {"product_id": "loss", "price": 4, "cost": 5},
        {"product_id": "free", "price": 0, "cost": 1}, {"product_id": "cup", "price": 4},
        {"product_id": "pan", "cost": 1},
    ]  # fmt: skip
    found = by_product(derive(products, order_lines=[], products=goods), "margin")
    assert found == {"tea": (0.25,), "loss": (-0.25,), "free": (None,), "cup": (None,), "pan": (None,)}


def test_unit_price_is_what_was_paid_else_the_list_price(derive):
    goods = [{"product_id": "tea", "price": 4}, {"product_id": "cup", "price": 9}, {"product_id": "pan"}]
    lines = [line("tea", 9, 2, 6), line("tea", 8, 1, 3.5), line("tea", 8, -1, -4), line("tea", 7, 5, 0)]
    found = by_product(derive(products, order_lines=lines, products=goods), "unit_price", "price_band")
    assert found == {"tea": (3.166666667, "budget"), "cup": (9.0, "premium"), "pan": (None, None)}


def test_prices_are_held_against_the_category_where_enough_have_one(derive):
    wines = [{"product_id": f"wine{n}", "category": "wine", "price": 100 + n} for n in range(PRICED_PRODUCTS)]
    pens = [{"product_id": f"pen{n}", "category": "pens", "price": 1 + n} for n in range(PRICED_PRODUCTS - 1)]
    found = by_product(derive(products, order_lines=[], products=wines + pens), "price_band")
    bands = {"budget": 0, "mid": 0, "premium": 0}
    for n in range(PRICED_PRODUCTS):
        bands[found[f"wine{n}"][0]] += 1
    assert bands == {"budget": 4, "mid": 4, "premium": 4}
    assert found["wine0"] == ("budget",)
    # of 23 products the 7 cheapest are budget: all pens are held against wines too
    assert [found[f"pen{n}"][0] for n in range(PRICED_PRODUCTS - 1)] == ["budget"] * 8 + ["mid"] * 3


def test_repurchase_is_the_median_of_a_customers_days_between(derive):
    def bought(product, customer, *days):
        return [line(product, day, customer=customer) for day in days]

    lines = [
        *bought("tea", "ann", 100, 90, 70, 69.9),  # 10 and 20; the last two are one day
        *bought("tea", "bob", 50, 20, 13),  # 30 and 7
        *bought("tea", "cid", 9, 5),  # 4
        *bought("tea", None, 80, 1),  # guests are nobody's next purchase
        *bought("cup", "ann", 40, 30, 20, 10, 1),  # one interval too few
        line("tea", 3, -1, -1, "cid"),  # no purchase
    ]
    found = by_product(derive(products, order_lines=lines), "repurchase_interval_days", "repurchase_intervals")
    assert found == {"tea": (10.0, 5), "cup": (None, 4)}


def test_days_of_repurchase_are_the_shops_own(derive):
    # 23:30 and 00:30 in New York are two days, though one in UTC
    lines = [
        line("tea", f"2021-03-0{day}T{time}Z", customer=f"c{n}")
        for n in range(5)
        for day, time in ((3, "04:30"), (3, "05:30"))
    ]
    found = derive(products, "America/New_York", order_lines=lines)
    assert found["repurchase_interval_days"].tolist() == [1.0]
    assert derive(products, order_lines=lines)["repurchase_intervals"].tolist() == [0]


def year(product, revenues, count=1):
    """So many equal purchases on the first of each month, whose revenue adds up to what is given."""
    return [
        line(product, f"2021-{month:02}-01T12:00Z", 1, revenue / count, order=f"{month}-{n}")
        for month, revenue in enumerate(revenues, start=1)
        for n in range(count)
        if revenue
    ]


@pytest.fixture
def by_value(derive):
    def make(lines, goods=(), end="2022-01-01"):
        found = derive(seasons, end=pd.Timestamp(end, tz="UTC"), order_lines=lines, products=list(goods))
        table = found.pivot(index=["kind", "value"], columns="month", values="season_index")
        return found, {pair: row.tolist() for pair, row in zip(table.index, table.to_numpy(), strict=True)}

    return make


#: What makes the data a year.
BOTH_ENDS = [line("other", f"2021-{day}T12:00Z", 1, 1) for day in ("01-01", "12-31")]


def test_a_season_is_revenue_a_day_shrunk_to_even(by_value):
    goods = [{"product_id": "tree", "category": "garden"}, {"product_id": "other"}]
    revenues = [0] * 11 + [31 * 4]
    _, found = by_value([*year("tree", revenues, 40), *BOTH_ENDS], goods)
    weight = 40 / (40 + SMOOTHING)
    assert found["category", "garden"] == pytest.approx([1 - weight] * 11 + [12 * weight + 1 - weight])
    assert ("product", "tree") not in found  # too few purchases of its own


def test_a_month_is_measured_by_its_days(by_value):
    goods = [{"product_id": "bread", "category": "food"}]
    _, found = by_value([*year("bread", DAYS_IN_2021, 10), *BOTH_ENDS], goods)
    assert found["category", "food"] == pytest.approx([1] * 12)


def test_a_product_leans_on_its_category(by_value):
    goods = [{"product_id": name, "category": "food"} for name in ("bread", "cake")]
    cake = [0] * 6 + [2 * days for days in DAYS_IN_2021[6:]]
    _, found = by_value([*year("bread", DAYS_IN_2021, 10), *year("cake", cake, 10), *BOTH_ENDS], goods)
    # the category sells 1 a day, then 3: 180 purchases; the cake 0, then 2: 60
    category = [(180 * raw + SMOOTHING) / (180 + SMOOTHING) for raw in (0.5, 1.5)]
    assert found["category", "food"] == pytest.approx([category[0]] * 6 + [category[1]] * 6)
    own = [(60 * raw + SMOOTHING * above) / (60 + SMOOTHING) for raw, above in zip((0, 2), category, strict=True)]
    assert found["product", "cake"] == pytest.approx([own[0]] * 6 + [own[1]] * 6)


def test_less_than_a_year_has_no_seasons_and_says_so(by_value):
    goods = [{"product_id": "bread", "category": "food"}]
    lines = year("bread", [1] * 12, 10)
    found, _ = by_value(lines, goods, end="2021-12-01")
    assert found["season_index"].isna().all()
    assert set(found["remark"]) == {"less than a year of data: 305 days"}
    assert len(found) == 24


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 420), st.integers(1, 99)), min_size=1, max_size=40))
def test_seasons_average_one(derive, rows):
    lines = [line(str(what), days, 1, cost) for what, days, cost in rows for _ in range(SEASON_PURCHASES // 10)]
    ends = [line("first", 430), line("first", 1)]
    goods = [{"product_id": str(n), "category": f"c{n % 3}" if n else None} for n in range(10)]
    found = derive(seasons, order_lines=lines + ends, products=goods)
    assert found.groupby(["kind", "value"])["season_index"].agg(["mean", "size"]).apply(
        lambda row: row["mean"] == pytest.approx(1) and row["size"] == 12, axis=1
    ).all()  # fmt: skip
    assert (found["season_index"] > 0).all()


@pytest.fixture(scope="module")
def lines(engine, sample):
    return engine.to_pandas(sample["order_lines"]).astype({"revenue": float})


def test_every_product_is_there_once_with_all_that_was_sold(engine, sample, lines):
    found = engine.to_pandas(products(sample, YEAR_END, "America/New_York"))
    assert found["product_id"].is_unique
    catalogue = engine.to_pandas(sample["products"].product_id)
    assert set(found["product_id"]) == set(catalogue) | set(lines["product_id"])
    recent = lines[lines["ordered_at"] >= YEAR_END - pd.Timedelta(days=90)]
    assert found["units_90_days"].sum() == recent["quantity"].sum()
    assert found["revenue_90_days"].sum() == pytest.approx(recent["revenue"].sum())


def test_repurchase_of_real_households_agrees_with_pandas(engine, sample, lines):
    found = engine.to_pandas(products(sample, YEAR_END, "America/New_York")).set_index("product_id")
    bought = lines[lines["quantity"] > 0]
    days = bought[["customer_id", "product_id"]].assign(
        day=bought["ordered_at"].dt.tz_convert("America/New_York").dt.tz_localize(None).dt.normalize()
    )
    days = days.drop_duplicates().sort_values("day")
    gaps = days.groupby(["customer_id", "product_id"])["day"].diff().dt.days
    by_product = gaps.groupby(days["product_id"]).agg(["median", "count"])
    expected = by_product.loc[by_product["count"] >= 5, "median"]
    assert len(expected) > 100
    assert found["repurchase_interval_days"].dropna().to_dict() == expected.to_dict()
