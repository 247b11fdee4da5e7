"""The audit sees every kind of breach that is put before it."""

import pandas as pd
import pytest

from reco import Workbook
from reco.contexts import Filled, Requests, audit, fill, make_slates, violations
from reco.contexts.filling import example_customer, strategy_shares

BREACHES = ["duplicates", "recently_bought", "in_basket", "few_categories"]


def audited(wb, slates: pd.DataFrame, requests: Requests, context: str = "cart") -> pd.Series:
    return audit(wb, {context: Filled(requests, slates)}).iloc[0]


def slate_of(customer: str, product: str) -> pd.DataFrame:
    shown = {"slate_id": "s", "customer_id": customer, "position": 1, "item_id": product, "fallback": False}
    return pd.DataFrame([shown])


def asked_at(moment: pd.Timestamp) -> Requests:
    nothing = pd.DataFrame({"slate_id": [], "item_id": []}, dtype="str")
    return Requests(pd.DataFrame({"slate_id": ["s"], "asked_at": [moment]}), nothing)


@pytest.fixture
def cart(filled) -> Filled:
    return filled["cart"]


def test_real_slates_break_no_rule(wb, filled):
    table = audit(wb, filled)
    assert (table[BREACHES] == 0).all(axis=None)
    assert violations(table) == 0
    assert table["title"].tolist() == [context.title for context in wb.settings.contexts.values()]
    assert table["slates"].tolist() == [len(requests.frame) for requests, _ in filled.values()]


def test_product_twice(wb, cart):
    slates = cart.slates.copy()
    slates.loc[[1, 2], "item_id"] = slates.loc[0, "item_id"]
    assert slates.loc[[0, 1, 2], "slate_id"].nunique() == 1
    assert audited(wb, slates, cart.requests)["duplicates"] == 2


def test_product_of_the_basket(wb, cart):
    slates = cart.slates.copy()
    anchor = cart.requests.anchors.set_index("slate_id").loc[slates.loc[0, "slate_id"], "item_id"]
    slates.loc[0, "item_id"] = anchor.iloc[0]
    assert audited(wb, slates, cart.requests)["in_basket"] == 1


@pytest.fixture(scope="module")
def last_of_two(lines) -> pd.Series:
    """A purchase whose customer had bought the same product a week or less before, and not since."""
    ordered = lines.sort_values("ordered_at", kind="stable")
    before = ordered.groupby(["customer_id", "product_id"])["ordered_at"].diff()
    last = ~ordered.duplicated(["customer_id", "product_id"], keep="last")
    return ordered[last & (before > pd.Timedelta(0)) & (before <= pd.Timedelta(days=7))].iloc[0]


@pytest.mark.parametrize(("days", "counted"), [(1, 1), (20, 1), (30, 1), (31, 0)])
def test_product_bought_days_ago_is_one_breach_however_often(wb, last_of_two, days, counted):
    slates = slate_of(last_of_two["customer_id"], last_of_two["product_id"])
    requests = asked_at(last_of_two["ordered_at"] + pd.Timedelta(days=days))
    assert audited(wb, slates, requests)["recently_bought"] == counted


def test_what_is_bought_when_asked_or_later_is_no_breach(wb, lines):
    first = lines.sort_values("ordered_at").iloc[0]
    slates = slate_of(first["customer_id"], first["product_id"])
    for moment in (first["ordered_at"], first["ordered_at"] - pd.Timedelta(days=1)):
        assert audited(wb, slates, asked_at(moment))["recently_bought"] == 0


def test_slate_of_one_category(wb, cart):
    slates = cart.slates.copy()
    products = wb.table("products").select("product_id", "category").execute()
    alike = products[products["category"] == products["category"].value_counts().index[0]]["product_id"]
    first = slates.index[slates["slate_id"] == slates.loc[0, "slate_id"]]
    slates.loc[first, "item_id"] = alike.tolist()[: len(first)]
    assert audited(wb, slates, cart.requests)["few_categories"] == 1


def test_empty_and_full_slates(wb, cart):
    whole = audited(wb, cart.slates, cart.requests)
    first, second = cart.slates["slate_id"].unique()[:2]
    slates = cart.slates[cart.slates["slate_id"] != first]
    slates = slates.drop(slates.index[slates["slate_id"] == second][-1])
    found = audited(wb, slates, cart.requests)
    assert found["empty"] == whole["empty"] + 1
    assert found["full"] == whole["full"] - 2


def test_breaches_add_up(wb, cart):
    slates = cart.slates.copy()
    slates.loc[1, "item_id"] = slates.loc[0, "item_id"]
    table = audit(wb, {"cart": Filled(cart.requests, slates)})
    assert violations(table) == table[BREACHES].to_numpy().sum() >= 1


def test_store_without_categories_cannot_break_their_rule(bare):
    table = audit(bare, fill(bare, pd.Timestamp("2026-06-15", tz="UTC")))
    assert table["few_categories"].isna().all()
    assert violations(table) == 0


def test_shares_of_strategies_add_up(wb, filled):
    shares = strategy_shares(wb, filled)
    assert shares.groupby("context")["share"].sum().tolist() == pytest.approx([1.0] * len(filled))
    assert shares["places"].sum() == sum(len(slates) for _, slates in filled.values())


def test_example_is_the_customer_with_the_highest_revenue(wb, until, lines):
    revenue = wb.table("order_lines").filter(lambda t: t.quantity > 0)
    revenue = revenue.select("order_id", "product_id", paid=revenue.revenue.cast("float64")).execute()
    before = lines[lines["ordered_at"] < until]
    paid = before.merge(revenue, on=["order_id", "product_id"]).groupby("customer_id")["paid"].sum()
    best = paid.sort_values(ascending=False).index
    assert [example_customer(wb, until, place).customer_id for place in (1, 2, 3)] == best[:3].tolist()
    own = before[before["customer_id"] == best[0]].groupby("product_id")["order_id"].nunique()
    assert example_customer(wb, until).item_id == own[own == own.max()].index.min()


def test_no_such_example(wb, until):
    with pytest.raises(ValueError, match="no customer number 301"):
        example_customer(wb, until, place=301)


def test_slates_of_two_vary_as_far_as_two_can(wb, filled, until):
    small = wb.settings.contexts["cart"].model_copy(update={"size": 2})
    other = Workbook(wb.settings.model_copy(update={"contexts": {"cart": small}}))
    requests = filled["cart"].requests
    assert audited(other, make_slates(other, "cart", requests, until), requests)["few_categories"] == 0
