"""Which slates are asked for, against the order lines themselves."""

import pandas as pd
import pytest

from reco.contexts import standing_requests
from reco.contexts.requests import latest_baskets, opaque_ids
from reco.pipeline import history


def test_product_page_for_every_known_product_and_no_customer(wb, until):
    frame, anchors = standing_requests(wb, "product_page", until)
    assert frame["customer_id"].isna().all()
    assert anchors["item_id"].tolist() == history(wb, until).items.tolist()
    assert anchors["slate_id"].tolist() == frame["slate_id"].tolist()
    assert frame["slate_id"].is_unique


@pytest.mark.parametrize("context", ["email", "homepage"])
def test_one_slate_for_every_customer(wb, until, lines, context):
    frame, anchors = standing_requests(wb, context, until)
    known = lines.loc[lines["ordered_at"] < until, "customer_id"]
    assert sorted(frame["customer_id"]) == sorted(known.unique())
    assert frame["slate_id"].is_unique
    assert (frame["asked_at"] == until).all()
    assert anchors.empty


@pytest.mark.parametrize("context", ["cart", "post_purchase", "abandoned_cart"])
def test_baskets_are_the_latest_orders(wb, until, lines, context):
    frame, anchors = standing_requests(wb, context, until)
    lines = lines[lines["ordered_at"] < until]
    newest = lines.sort_values(["ordered_at", "order_id"]).groupby("customer_id")["order_id"].last()
    expected = lines[lines["order_id"] == lines["customer_id"].map(newest)]
    found = anchors.merge(frame, on="slate_id")
    pairs = set(found[["customer_id", "item_id"]].itertuples(index=False, name=None))
    assert pairs == set(expected[["customer_id", "product_id"]].itertuples(index=False, name=None))
    assert len(found) == len(pairs)


def test_of_two_orders_at_the_same_moment_the_higher_id_counts(bare):
    baskets = latest_baskets(bare, pd.Timestamp("2026-01-01 13:00", tz="UTC"))
    lines = bare.table("order_lines").select("order_id", "customer_id", "product_id").execute()
    expected = lines.loc[lines["order_id"] == "o0-0-again", "product_id"]
    assert baskets.loc[baskets["customer_id"] == "c00", "item_id"].tolist() == sorted(expected)


def test_a_guest_gets_no_slate_of_their_own(bare):
    frame, _ = standing_requests(bare, "basket", pd.Timestamp("2026-06-01", tz="UTC"))
    assert sorted(frame["customer_id"]) == [f"c{n:02}" for n in range(20)]


def test_slate_ids_tell_nobody_who_is_shown_it(bare):
    at, later = pd.Timestamp("2026-06-01", tz="UTC"), pd.Timestamp("2026-06-02", tz="UTC")
    customers = pd.Series([f"c{n:02}" for n in range(20)])
    ids = opaque_ids(bare, "basket", customers, at)
    assert ids.str.fullmatch("basket-[0-9a-f]{16}").all()
    assert ids.is_unique
    assert ids.equals(opaque_ids(bare, "basket", customers, at))
    assert (
        ids[::-1].reset_index(drop=True).equals(opaque_ids(bare, "basket", customers[::-1].reset_index(drop=True), at))
    )
    for other in (opaque_ids(bare, "basket", customers, later), opaque_ids(bare, "customer", customers, at)):
        assert not set(other.str[-16:]) & set(ids.str[-16:])


def test_the_key_of_slate_ids_is_the_store_s_own_data(bare, wb):
    at, customers = pd.Timestamp("2026-06-01", tz="UTC"), pd.Series(["c00"])
    assert opaque_ids(bare, "cart", customers, at)[0] != opaque_ids(wb, "cart", customers, at)[0]


def test_slates_join_their_customers(filled):
    for name in ("email", "cart"):
        requests, slates, _ = filled[name]
        whose = slates.merge(requests.frame, on="slate_id", suffixes=("", "_asked"))
        assert (whose["customer_id"] == whose["customer_id_asked"]).all()
        assert len(whose) == len(slates)
