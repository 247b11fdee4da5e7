"""Weights of the hybrid that a context has of its own reach its slates, and their reasons."""

import pytest

from reco import Workbook, blends, pipeline
from reco.contexts import make_slates, snapshot, standing_requests
from reco.contexts.asked import code
from reco.contexts.strategies import propose
from reco.models.hybrid import blend
from reco.settings import Strategy

OWN = {"collaborative": 0.0, "content": 1.0, "rules": 0.0}


@pytest.fixture(scope="module")
def weighing(wb: Workbook) -> Workbook:
    """The sample with weights of its own for e-mail: content alone."""
    hybrid = wb.settings.hybrid.model_copy(update={"contexts": {"email": OWN}})
    return Workbook(wb.settings.model_copy(update={"hybrid": hybrid}))


def test_a_strategy_on_the_hybrid_proposes_what_the_context_s_weights_do(weighing, until):
    shop, strategy = snapshot(weighing, until), Strategy(title="For you", model="hybrid", by="customer")
    parts, hybrid = pipeline.parts(weighing, until), weighing.settings.hybrid
    users = shop.x.users[:20]
    for context, weights in {"email": OWN, "homepage": hybrid.weights}.items():
        requests = standing_requests(weighing, context, until)
        some = requests._replace(frame=requests.frame[requests.frame["customer_id"].isin(users)])
        found = propose(shop, code(shop, some, context), strategy)
        expected = blend(parts, weights, pipeline.CANDIDATES, hybrid.scaling)
        for slate, customer in enumerate(some.frame["customer_id"]):
            own = expected[expected["user_id"] == customer].sort_values("rank")["item_id"].head(20).tolist()
            mine = found[found["slate"] == slate].sort_values(["score", "item"], ascending=[False, True])
            assert set(own[:10]) <= set(shop.shelf.ids[mine["item"].head(20)])


def test_other_contexts_and_models_keep_their_lists(weighing, until):
    shop = snapshot(weighing, until)
    assert shop.customer_lists("hybrid", "homepage") is shop.customer_lists("hybrid")
    assert shop.customer_lists("ease", "email") is shop.customer_lists("ease")
    assert shop.customer_lists("hybrid", "email") is not shop.customer_lists("hybrid")


def test_slates_differ_where_the_weights_do(wb, weighing, until):
    rules = wb.settings.rules.changed(exploration=None)
    for context, same in {"email": False, "homepage": True}.items():
        requests = standing_requests(wb, context, until)
        ours, theirs = (make_slates(one, context, requests, until, rules).frame for one in (wb, weighing))
        assert ours["item_id"].equals(theirs["item_id"]) == same


def test_reasons_are_those_of_the_context_s_own_blend(weighing, until):
    told = blends.reasons(weighing, "hybrid", until, "email")
    assert set(told["part"]) == {"content"}
    others = blends.reasons(weighing, "hybrid", until, "homepage")
    assert set(others["part"]) > {"content"}
    assert others.equals(blends.reasons(weighing, "hybrid", until))
    slates = make_slates(weighing, "email", standing_requests(weighing, "email", until), until).frame
    own = slates[slates["strategy"] == "Recommended for you"].merge(
        told.rename(columns={"user_id": "customer_id"}), on=["customer_id", "item_id"]
    )
    titles = weighing.connection.to_pandas(weighing.table("products").select("product_id", "title"))
    because = own["because_id"].map(titles.set_index("product_id")["title"])
    said = own["reason"].str.startswith("Because you bought ")
    assert said.sum() > 20
    assert (own["reason"] == "Because you bought " + because)[said].all()
