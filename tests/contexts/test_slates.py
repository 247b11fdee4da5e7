"""Slates of real customers, counted here by other means than the code's; the rules have tests of their own."""

import numpy as np
import pandas as pd
import pytest

from reco import Workbook
from reco.contexts import Requests, fill, make_slates, one_slate, snapshot, standing_requests
from reco.pipeline import candidates

CONTEXTS = ["product_page", "cart", "email", "homepage", "post_purchase", "abandoned_cart"]
NOTHING = pd.DataFrame({"slate_id": [], "item_id": []}, dtype="str")


@pytest.fixture(scope="module")
def bought(lines) -> pd.DataFrame:
    return lines[["customer_id", "product_id", "ordered_at"]].drop_duplicates()


@pytest.fixture(scope="module")
def products(wb) -> pd.DataFrame:
    return wb.table("products").select("product_id", "title", "category").execute().set_index("product_id")


@pytest.fixture(scope="module")
def plain(wb):
    """The settings' rules without exploration and without what moves products."""
    return wb.settings.rules.changed(exploration=None, fresh_forward=None, margin=None)


@pytest.fixture(params=CONTEXTS)
def context(request) -> str:
    return request.param


def test_size_positions_and_no_duplicates(wb, filled, context):
    slates, settings = filled[context].slates, wb.settings.contexts[context]
    assert (slates["position"] == slates.groupby("slate_id").cumcount() + 1).all()
    lengths = slates.groupby("slate_id").size()
    assert lengths.between(settings.min_size, settings.size).all()
    assert not slates.duplicated(["slate_id", "item_id"]).any()
    assert (slates["context"] == context).all()


def test_everyone_who_asks_is_shown_something(filled, context):
    assert set(filled[context].slates["slate_id"]) == set(filled[context].requests.frame["slate_id"])


def test_nothing_of_the_basket_or_page_but_in_the_cart_itself(filled, context):
    slates = filled[context].slates
    slates = slates[slates["strategy"] != "Still in your cart"]
    assert slates.merge(filled[context].requests.anchors, on=["slate_id", "item_id"]).empty


def test_the_cart_shows_the_cart(filled):
    requests, slates, _ = filled["abandoned_cart"]
    own = slates[slates["strategy"] == "Still in your cart"]
    assert len(own) > 100
    assert len(own.merge(requests.anchors, on=["slate_id", "item_id"])) == len(own)
    assert own.groupby("slate_id").size().max() == 4  # the places that the settings give it, though others have fewer


def test_three_categories_or_the_slate_says_that_they_gave_way(filled, context, products):
    slates = filled[context].slates
    kinds = slates["item_id"].map(products["category"]).groupby(slates["slate_id"]).nunique()
    said = slates.groupby("slate_id")["gave_way"].first().str.contains("min_categories")
    assert (kinds[~said] >= 3).all()
    assert (kinds[said] < 3).all()


def test_product_pages_have_no_customer(filled):
    assert filled["product_page"].slates["customer_id"].isna().all()


def test_a_context_with_sections_keeps_strategies_together(filled):
    slates = filled["homepage"].slates
    runs = slates["strategy"].ne(slates.groupby("slate_id")["strategy"].shift()).groupby(slates["slate_id"]).sum()
    assert (runs == slates.groupby("slate_id")["strategy"].nunique()).all()
    # twelve places for three strategies: four each, where each has so many
    assert slates.groupby(["slate_id", "strategy"]).size().median() == 4


def test_exploration_is_as_frequent_as_the_settings_say_and_logged(wb, filled):
    slates = pd.concat([one.slates for one in filled.values()])
    share = wb.settings.rules.exploration.share
    assert slates["propensity"].between(0, 1, inclusive="right").all()
    explored = slates["propensity"] < 0.5
    assert explored.mean() == pytest.approx(share, rel=0.15)  # a draw may hit what would have been shown anyway


def test_without_exploration_every_propensity_is_one(wb, until, filled, plain):
    slates = make_slates(wb, "cart", filled["cart"].requests, until, plain).frame
    assert (slates["propensity"] == 1).all()


def test_reason_names_the_product_beside_which_it_stands(filled, products):
    requests, slates, _ = filled["product_page"]
    page = requests.anchors.set_index("slate_id")["item_id"].map(products["title"])
    own = slates[~slates["fallback"]]
    assert (own["reason"] == "Goes with " + own["slate_id"].map(page)).all()


def test_reasons_name_no_namesake_and_do_not_shout(filled, context, products):
    slates = filled[context].slates
    titles = slates["item_id"].map(products["title"]).astype("str")
    assert not (slates["reason"] == "Because you bought " + titles).any()
    named = slates[slates["reason"].str.startswith(("Popular in ", "New in "))]
    category = named["item_id"].map(products["category"]).astype("str")
    assert (named["reason"].str.split(" in ", n=1).str[1] == category.str.lower().where(category.str.len() > 3)).all()


def test_fallbacks_are_named_and_only_they(filled, context):
    slates = filled[context].slates
    assert (slates["fallback"] == slates["strategy"].isin(["Trending now", "Popular"])).all()
    assert set(slates.loc[slates["fallback"], "reason"]) <= {"Popular right now", "Popular with our customers"}


def test_same_slates_again(wb, until, filled):
    requests, slates, report = filled["cart"]
    again = make_slates(wb, "cart", requests, until)
    pd.testing.assert_frame_equal(again.frame, slates)
    pd.testing.assert_frame_equal(again.report, report)


def test_slates_do_not_depend_on_who_else_asks_but_for_exploration(wb, until, filled, plain):
    requests = filled["cart"].requests
    whole = make_slates(wb, "cart", requests, until, plain).frame
    frame = requests.frame.iloc[[5]]
    alone = make_slates(wb, "cart", Requests(frame, requests.anchors), until, plain).frame
    expected = whole[whole["slate_id"] == frame["slate_id"].iloc[0]].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, expected)


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("customer", [None, "nobody"])
@pytest.mark.parametrize("beside", [(), ("no such product",)])
def test_strangers_and_unknown_products_are_served_everywhere(wb, until, context, customer, beside):
    slate = one_slate(wb, context, until, customer, beside)
    assert len(slate) >= wb.settings.contexts[context].min_size
    assert slate["item_id"].isin(snapshot(wb, until).shelf.ids).all()


@pytest.mark.parametrize("context", CONTEXTS)
def test_an_anonymous_session_is_served_from_what_it_looked_at(wb, until, context, plain):
    popular = candidates(wb, "popularity", until)["item_id"].iloc[:2].tolist()
    frame = pd.DataFrame({"slate_id": ["s"], "customer_id": [None], "asked_at": [until]})
    anchors = pd.DataFrame({"slate_id": ["s", "s"], "item_id": popular})
    slate = make_slates(wb, context, Requests(frame, anchors), until, plain).frame
    assert not slate["fallback"].all()


def test_nobody_asks(wb, until):
    requests = standing_requests(wb, "email", until)
    nobody = Requests(requests.frame.head(0), requests.anchors)
    assert make_slates(wb, "email", nobody, until).frame.empty


def test_what_is_blocked_is_not_shown(wb, until, filled):
    requests, slates, _ = filled["email"]
    first = slates[slates["position"] == 1][["slate_id", "item_id"]]
    again = make_slates(wb, "email", requests, until, blocked=first).frame
    assert again.merge(first, on=["slate_id", "item_id"]).empty


def test_purchase_after_the_cutoff_but_before_asking_is_not_shown(wb, until, bought, plain):
    strict = plain.changed(not_bought_within={"days": 30})
    shelf = snapshot(wb, until).shelf
    later = bought[(bought["ordered_at"] >= until + pd.Timedelta(days=7)) & bought["product_id"].isin(shelf.ids)]
    asked = later.groupby("customer_id")["ordered_at"].max() + pd.Timedelta(days=1)
    frame = pd.DataFrame({"slate_id": asked.index, "customer_id": asked.index, "asked_at": asked.to_numpy()})
    frame["asked_at"] = pd.to_datetime(frame["asked_at"], utc=True)
    slates = make_slates(wb, "homepage", Requests(frame, NOTHING), until, strict).frame
    pairs = slates.merge(frame, on=["slate_id", "customer_id"]).merge(
        bought.rename(columns={"product_id": "item_id"}), on=["customer_id", "item_id"]
    )
    age = pairs["asked_at"] - pairs["ordered_at"]
    assert len(pairs) > 0
    assert not ((age > pd.Timedelta(0)) & (age <= pd.Timedelta(days=30))).any()


def test_a_pinned_product_stands_where_it_is_pinned(wb, until, filled, plain):
    product = snapshot(wb, until).shelf.ids[7]
    rules = plain.changed(pinned={"places": {"email": {product: 2}}}, not_bought_within=None, in_season=None)
    slates = make_slates(wb, "email", filled["email"].requests, until, rules).frame
    place = slates.loc[slates["item_id"] == product, "position"]
    assert len(place) == slates["slate_id"].nunique()
    assert (place == 2).all()


def test_a_ban_beats_a_pin(wb, until, filled, plain):
    product = snapshot(wb, until).shelf.ids[7]
    rules = plain.changed(pinned={"places": {"email": {product: 2}}}, banned={"products": [product]})
    slates = make_slates(wb, "email", filled["email"].requests, until, rules).frame
    assert product not in set(slates["item_id"])
    assert slates["gave_way"].str.contains("pinned").all()


def test_when_everything_is_banned_nothing_is_shown(wb, until, filled, plain):
    every = snapshot(wb, until).shelf.ids.tolist()
    slates = make_slates(wb, "email", filled["email"].requests, until, plain.changed(banned={"products": every}))
    assert slates.frame.empty
    assert slates.report.set_index("rule").loc["banned", "removed"] > 0


def test_what_was_bought_comes_back_before_a_slate_stays_empty(wb, until, filled, plain, bought):
    """Only what the customer bought yesterday is left: the rule gives way and the slate says so."""
    requests = filled["email"].requests
    customer = requests.frame["customer_id"].iloc[0]
    shelf = snapshot(wb, until).shelf
    lately = bought[(bought["customer_id"] == customer) & (bought["ordered_at"] < until)]
    lately = lately[lately["ordered_at"] >= until - pd.Timedelta(days=30)]
    own = candidates(wb, "hybrid", until).query("user_id == @customer")["item_id"]
    kept = own[own.isin(lately["product_id"])].tolist()
    assert kept
    rules = plain.changed(
        banned={"products": [one for one in shelf.ids if one not in kept]},
        in_season=None,
        not_bought_within={"days": 30},
    )
    frame = requests.frame.head(1)
    slate = make_slates(wb, "email", Requests(frame, NOTHING), until, rules).frame
    assert set(slate["item_id"]) <= set(kept)
    assert len(slate) > 0
    assert slate["gave_way"].str.contains("not_bought_within").all()


def test_store_without_categories_fills_every_slate_it_can(bare):
    # 12 products; none of the 24 places can be filled with more than what is left of these
    until = pd.Timestamp("2026-06-15", tz="UTC")
    for requests, slates, _ in fill(bare, until).values():
        assert slates["slate_id"].nunique() == len(requests.frame)
        assert slates.groupby("slate_id").size().max() <= 12
        assert not slates.duplicated(["slate_id", "item_id"]).any()


def test_the_report_counts_what_the_slates_say(filled, context):
    slates, report = filled[context].slates, filled[context].report.set_index("rule")
    said = slates.groupby("slate_id")["gave_way"].first().str.split(", ").explode()
    counted = said[said != ""].value_counts()
    assert report["gave_way"].to_dict() == counted.reindex(report.index, fill_value=0).to_dict()
    assert np.issubdtype(report["removed"].dtype, np.integer)
    assert report.loc["not_bought_within", "removed"] > 0 or context == "product_page"


def test_other_settings_other_slates(wb, until, filled):
    small = wb.settings.contexts["cart"].model_copy(update={"size": 2})
    other = Workbook(wb.settings.model_copy(update={"contexts": {"cart": small}}))
    slates = make_slates(other, "cart", filled["cart"].requests, until).frame
    assert slates.groupby("slate_id").size().max() == 2
