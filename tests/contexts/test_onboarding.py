"""Onboarding answers stand for a history."""

import numpy as np
import pandas as pd
import pytest

from reco import pipeline
from reco.contexts.asked import code
from reco.contexts.onboarding import answer_requests, onboarding_anchors
from reco.contexts.snapshot import Snapshot, snapshot
from reco.errors import InputError


@pytest.fixture(scope="module")
def shop(wb) -> Snapshot:
    return snapshot(wb, pipeline.periods(wb).test)


@pytest.fixture(scope="module")
def sold(shop) -> pd.DataFrame:
    frame = shop.shelf.frame.iloc[: shop.shelf.established].reset_index(drop=True)
    return frame.assign(buyers=shop.x.customers_per_item)


def test_best_sellers_of_the_categories_in_the_band_take_turns(shop, sold):
    categories = sold.loc[sold["price_band"] == "budget", "category"].value_counts().index[:2].tolist()
    found = onboarding_anchors(shop, categories, "budget", most=7)
    of = sold.loc[found]
    assert set(of["price_band"]) == {"budget"}
    assert of["category"].value_counts().tolist() == [4, 3]
    for category in categories:
        here = sold[(sold["category"] == category) & (sold["price_band"] == "budget")]
        best = here.sort_values("buyers", ascending=False, kind="stable").index[: (of["category"] == category).sum()]
        assert [one for one in found if sold.loc[one, "category"] == category] == best.tolist()


def test_any_price_where_no_band_is_preferred(shop, sold):
    category = sold["category"].value_counts().index[0]
    here = sold[sold["category"] == category].sort_values("buyers", ascending=False, kind="stable")
    assert onboarding_anchors(shop, [category], most=5).tolist() == here.index[:5].tolist()


def test_any_price_where_the_category_has_none_in_the_band(shop, sold):
    bands = sold.groupby("category")["price_band"].agg(lambda bands: set(bands.dropna()))
    category = next(name for name, held in bands.items() if held and "premium" not in held)
    found = onboarding_anchors(shop, [category], "premium", most=3)
    assert len(found)
    assert (sold.loc[found, "category"] == category).all()


def test_unknown_answers_are_named_with_what_was_expected(shop):
    with pytest.raises(InputError, match=r"answers: category 'CARS' is unknown; expected one of .+ more"):
        onboarding_anchors(shop, ["CARS"])
    category = shop.shelf.names("category")[0]
    with pytest.raises(InputError, match="price_band 'cheap' is unknown; expected one of budget, mid, premium"):
        onboarding_anchors(shop, [category], "cheap")


def test_requests_are_those_of_each_answer(shop):
    first, second = shop.shelf.names("category")[:2]
    answers = pd.DataFrame(
        {
            "customer_id": ["new1", "new2", "new3", "new1"],
            "categories": [[first], f" {second}; {first} ", [], [second]],
            "price_band": ["budget", None, "mid", None],
        }
    )
    requests = answer_requests(shop, "homepage", answers)
    assert requests.frame["customer_id"].tolist() == ["new2", "new3", "new1"]
    assert requests.frame["slate_id"].is_unique
    assert (requests.frame["asked_at"] == shop.until).all()
    beside = requests.anchors.merge(requests.frame, on="slate_id").groupby("customer_id")["item_id"].agg(list)
    assert "new3" not in beside
    assert beside["new1"] == shop.shelf.ids[onboarding_anchors(shop, [second])].tolist()
    assert beside["new2"] == shop.shelf.ids[onboarding_anchors(shop, [first, second])].tolist()
    asked = code(shop, requests)
    assert (asked.customer == -1).all()
    assert np.bincount(asked.anchors["slate"], minlength=3)[0] > 0


def test_answers_that_cannot_be_read(shop):
    with pytest.raises(InputError, match="found no price_band"):
        answer_requests(shop, "homepage", pd.DataFrame({"customer_id": ["a"], "categories": [[]]}))
    nameless = pd.DataFrame({"customer_id": ["a", None], "categories": [[], []], "price_band": None})
    with pytest.raises(InputError, match="row 2 has no customer_id"):
        answer_requests(shop, "homepage", nameless)
    nobody = nameless[:0]
    assert answer_requests(shop, "homepage", nobody).frame.empty
