"""Slates of real customers obey every rule, counted here by other means than the code's."""

import pandas as pd
import pytest

from reco import Workbook, pipeline
from reco.contexts import Requests, fill, make_slates, standing_requests
from reco.pipeline import candidates, history

CONTEXTS = ["product_page", "cart", "email", "homepage", "post_purchase", "abandoned_cart"]


@pytest.fixture(scope="module")
def bought(lines) -> pd.DataFrame:
    return lines[["customer_id", "product_id", "ordered_at"]].drop_duplicates()


@pytest.fixture(scope="module")
def products(wb) -> pd.DataFrame:
    return wb.table("products").select("product_id", "title", "category").execute().set_index("product_id")


@pytest.fixture(params=CONTEXTS)
def context(request) -> str:
    return request.param


def test_size_positions_and_no_duplicates(wb, filled, context):
    slates = filled[context].slates
    assert (slates["position"] == slates.groupby("slate_id").cumcount() + 1).all()
    assert slates["position"].max() <= wb.settings.contexts[context].size
    assert not slates.duplicated(["slate_id", "item_id"]).any()
    assert (slates["context"] == context).all()


def test_nothing_bought_within_30_days(filled, context, bought, until):
    recent = bought[(bought["ordered_at"] >= until - pd.Timedelta(days=30)) & (bought["ordered_at"] < until)]
    slates = filled[context].slates.rename(columns={"item_id": "product_id"})
    assert slates.merge(recent, on=["customer_id", "product_id"]).empty


def test_what_was_bought_before_these_days_may_come_again(filled, bought, until):
    older = bought[bought["ordered_at"] < until - pd.Timedelta(days=30)]
    slates = filled["email"].slates.rename(columns={"item_id": "product_id"})
    assert len(slates.merge(older, on=["customer_id", "product_id"]))


def test_nothing_of_the_basket_or_page(filled, context):
    assert filled[context].slates.merge(filled[context].requests.anchors, on=["slate_id", "item_id"]).empty


def test_three_categories(filled, context, products):
    slates = filled[context].slates
    assert slates["item_id"].map(products["category"]).groupby(slates["slate_id"]).nunique().ge(3).all()


def test_only_products_that_the_models_know(wb, filled, context, until):
    assert filled[context].slates["item_id"].isin(history(wb, until).items).all()


def test_product_pages_have_no_customer(filled):
    assert filled["product_page"].slates["customer_id"].isna().all()


def test_the_first_place_is_the_best_of_the_first_strategy(wb, filled, until, bought):
    slates = filled["email"].slates
    first = slates[slates["position"] == 1].set_index("customer_id")["item_id"]
    recent = bought[(bought["ordered_at"] >= until - pd.Timedelta(days=30)) & (bought["ordered_at"] < until)]
    recent = set(recent[["customer_id", "product_id"]].itertuples(index=False, name=None))
    lists = candidates(wb, "hybrid", until)
    allowed = [(user, item) not in recent for user, item in zip(lists["user_id"], lists["item_id"], strict=True)]
    best = lists[allowed].drop_duplicates("user_id").set_index("user_id")["item_id"]
    assert first[first.index.isin(best.index)].to_dict() == best[best.index.isin(first.index)].to_dict()


def test_fallback_stands_last_and_is_named(filled, context):
    slates = filled[context].slates
    assert (slates["fallback"] == (slates["strategy"] == "Trending")).all()
    later = slates.groupby("slate_id")["fallback"].cummax()
    assert (later == slates["fallback"]).all()


def test_reason_names_the_product_beside_which_it_stands(filled, products):
    requests, slates = filled["product_page"]
    page = requests.anchors.set_index("slate_id")["item_id"].map(products["title"])
    own = slates[~slates["fallback"]]
    assert (own["reason"] == "Goes with " + own["slate_id"].map(page)).all()


def test_reason_is_the_title_of_a_strategy_that_looks_at_the_customer(filled):
    slates = filled["email"].slates
    assert slates.loc[~slates["fallback"], "reason"].unique().tolist() == ["Recommended for you"]


def test_same_slates_again(wb, until, filled):
    requests, slates = filled["cart"]
    pd.testing.assert_frame_equal(make_slates(wb, "cart", requests, until), slates)


def test_slates_do_not_depend_on_who_else_asks(wb, until, filled):
    requests, slates = filled["cart"]
    frame = requests.frame.iloc[[5]]
    alone = make_slates(wb, "cart", Requests(frame, requests.anchors), until)
    expected = slates[slates["slate_id"] == frame["slate_id"].iloc[0]].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, expected)


def test_unknown_customer_gets_what_is_trending(wb, until):
    frame = pd.DataFrame({"slate_id": ["s"], "customer_id": ["nobody"], "asked_at": [until]})
    slates = make_slates(
        wb, "email", Requests(frame, pd.DataFrame({"slate_id": [], "item_id": []}, dtype="str")), until
    )
    trending = candidates(wb, "trending", until)["item_id"]
    assert slates["item_id"].iloc[0] == trending.iloc[0]
    assert slates["fallback"].all()
    assert len(slates) == wb.settings.contexts["email"].size


def test_unknown_anchor_gets_what_is_trending(wb, until):
    frame = pd.DataFrame({"slate_id": ["s"], "customer_id": [None], "asked_at": [until]})
    anchors = pd.DataFrame({"slate_id": ["s"], "item_id": ["no such product"]})
    assert make_slates(wb, "product_page", Requests(frame, anchors), until)["fallback"].all()


def test_nobody_asks(wb, until):
    requests = standing_requests(wb, "email", until)
    nobody = Requests(requests.frame.head(0), requests.anchors)
    assert make_slates(wb, "email", nobody, until).empty


def test_purchase_after_the_cutoff_but_before_asking_is_not_shown(wb, until, bought):
    later = bought[bought["ordered_at"] >= until + pd.Timedelta(days=7)]
    row = later[later["product_id"].isin(history(wb, until).items)].iloc[0]
    asked = row["ordered_at"] + pd.Timedelta(days=1)
    frame = pd.DataFrame({"slate_id": ["s"], "customer_id": [row["customer_id"]], "asked_at": [asked]})
    nothing = pd.DataFrame({"slate_id": [], "item_id": []}, dtype="str")
    slates = make_slates(wb, "homepage", Requests(frame, nothing), until)
    recent = bought[(bought["customer_id"] == row["customer_id"]) & (bought["ordered_at"] < asked)]
    recent = recent[recent["ordered_at"] >= asked - pd.Timedelta(days=30)]
    assert row["product_id"] in set(recent["product_id"])
    assert not slates["item_id"].isin(recent["product_id"]).any()


def test_store_without_categories_fills_every_slate_it_can(bare):
    # 12 products; none of the 24 places can be filled with more than what is left of these
    until = pd.Timestamp("2026-06-15", tz="UTC")
    for requests, slates in fill(bare, until).values():
        assert slates["slate_id"].nunique() == len(requests.frame)
        assert slates.groupby("slate_id").size().max() <= 12
        assert not slates.duplicated(["slate_id", "item_id"]).any()


@pytest.mark.parametrize(("pool", "length", "helped"), [(5, 5, False), (4, 4, False), (3, 11, True)])
def test_fallback_only_below_four_products(bare, monkeypatch, pool, length, helped):
    # 24 places; each of the 12 products has `pool` neighbours, and trending ones fill up all but the page's own
    monkeypatch.setattr(pipeline, "NEIGHBOURS", pool)
    until, other = pd.Timestamp("2026-06-15", tz="UTC"), Workbook(bare.settings)
    slates = make_slates(other, "product", standing_requests(other, "product", until), until)
    assert slates.groupby("slate_id").size().tolist() == [length] * 12
    assert (slates["fallback"] == (slates["position"] > pool)).all()
    assert slates["fallback"].any() == helped
