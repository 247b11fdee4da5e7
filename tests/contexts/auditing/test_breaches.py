"""Each kind of breach, planted in slates that break nothing, is what the auditor counts, and nothing else."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco.contexts import auditing
from reco.contexts.auditing import explored
from reco.contexts.auditing.case import Case
from reco.contexts.auditing.facts import Facts
from reco.contexts.auditing.tables import look
from reco.settings import Context, Rules
from tests.contexts.auditing.corner import CONTEXTS, RULES, UNTIL, put, right


@pytest.mark.parametrize("context", ["cart", "email"])
def test_right_slates_break_nothing(broken, context):
    assert broken(right(context), context=context) == {}
    assert broken(right(context), context=context, column="declared") == {}


def test_everything_is_looked_at(broken):
    checked = broken(right(), column="checked")
    assert set(RULES) <= set(checked)
    assert set(checked) - set(RULES) == set(auditing.tables.TITLES)
    assert {checked[rule] for rule in ("duplicates", "banned", "consent", "exploration")} == {12}
    assert {checked[rule] for rule in ("positions", "min_categories", "pinned", "empty")} == {3}


def test_rules_that_are_not_declared_are_not_checked(broken):
    slates = put([1], "item_id", "gone")
    assert "in_stock" in broken(slates)
    assert "in_stock" not in broken(slates, {"in_stock": None}, column="checked")


BREACHES = {
    "a product twice": (
        put([1, 2], "item_id", "p00"),
        {"duplicates": 2, "min_categories": 1, "category_share": 1, "category_cap": 1, "brand_cap": 1, "price_mix": 1},
    ),
    "a product of the basket": (put([1], "item_id", "p07"), {"at_hand": 1}),
    "a product that does not exist": (put([9], "item_id", "nobody's"), {"known": 1, "min_categories": 1}),
    "a product never recommended": (put([1], "item_id", "fuel"), {"recommendable": 1}),
    "a sold out product": (put([1], "item_id", "gone"), {"in_stock": 1}),
    "a hole in the positions": (put([2, 3], "position", [4, 5]), {"positions": 1}),
    "a position twice": (put([2], "position", 2), {"positions": 1}),
    "another customer": (put([4, 5, 6, 7], "customer_id", "c3"), {"asked": 1}),
    "another context": (put([8], "context", "email"), {"asked": 1}),
    "an unknown slate": (put([8, 9, 10, 11], "slate_id", "cart-9"), {"asked": 1, "empty": 1}),
    "no chance": (put([0, 1, 4], "propensity", [0.0, np.nan, 1.1]), {"propensity": 3, "exploration": 3}),
    "a chance of nothing whole": (put([0], "propensity", 0.07), {"exploration": 1}),
    "two categories": (put([1], "item_id", "p06"), {"min_categories": 1}),
    "two prices": (put([2], "item_id", "p06"), {"price_mix": 1}),
    "three of a brand": (put([1, 3], "item_id", ["p06", "p09"]), {"brand_cap": 1, "new_products": 1}),
    "nothing new": (put([3], "item_id", "p04"), {"new_products": 1}),
    "what yields without being able to": (put([0, 1, 2, 3], "gave_way", "in_stock"), {"claims": 1}),
    "what yields though it holds": (put([0, 1, 2, 3], "gave_way", "price_mix"), {"claims": 1}),
    "two stories": (put([1], "gave_way", "not_bought_within"), {"claims": 1}),
    "a rule that yields needlessly": (put([0, 1, 2, 3], "gave_way", "in_season"), {"needless": 1}),
    "an empty slate": (right().iloc[4:], {"empty": 1}),
    "a short slate": (right().drop(index=1).assign(position=[1, 2, 3, *[1, 2, 3, 4] * 2]),
                      {"fallback": 1, "min_categories": 1}),
}  # fmt: skip


@pytest.mark.parametrize("what", BREACHES)
def test_planted_breach(broken, known, what):
    slates, expected = BREACHES[what]
    found = broken(slates, facts=replace(known, find_standby=lambda: pd.Index(["p04", "p06", "p08"])))
    assert found == expected


def test_banned(broken):
    assert broken(right(), {"banned": {"products": ["p05", "p99"]}}) == {"banned": 3}
    assert broken(right(), {"banned": {"categories": ["tea"]}}) == {"banned": 6}
    assert broken(right(), {"banned": {"brands": ["d"], "products": ["young", "p00"]}}) == {"banned": 6}


def test_caps(broken):
    assert broken(right(), {"category_cap": {"most": 1}}) == {"category_cap": 3}
    assert broken(right(), {"category_share": {"most": 0.49}}) == {"category_share": 3}
    assert broken(right(), {"brand_cap": {"most": 1}}) == {}
    assert broken(put([2], "item_id", "p03"), {"brand_cap": {"most": 1}})["brand_cap"] == 1


def test_mixes_ask_no_more_of_a_short_slate_than_it_has_places(broken, known):
    nothing = replace(known, find_standby=lambda: pd.Index([]))
    two = right().drop(index=[2, 3])
    assert broken(two, facts=nothing) == {"new_products": 1}
    two.loc[1, "item_id"] = "p04"
    assert broken(two, facts=nothing) == {"new_products": 1, "min_categories": 1}
    two.loc[1, "item_id"] = "p02"
    assert broken(two, facts=nothing) == {"new_products": 1, "price_mix": 1}


def test_small_contexts_need_no_new_product(broken):
    old = put([3, 7, 11], "item_id", "p04")
    assert broken(old) == {"new_products": 3}
    assert broken(old, {"new_products": {"days": 28, "from_size": 5}}) == {}
    assert broken(right(), {"new_products": {"days": 11, "from_size": 4}}) == {"new_products": 3}


def test_what_slates_declare_is_counted_apart(broken):
    slates = put([3], "item_id", "p04")
    slates.loc[:3, "gave_way"] = "new_products"
    assert broken(slates) == {}
    assert broken(slates, column="declared") == {"new_products": 1}
    slates.loc[:3, "gave_way"] = "price_mix, new_products"
    assert broken(slates) == {"claims": 1}


def test_what_never_yields_is_a_violation_whatever_is_said(broken):
    slates = put([1], "item_id", "gone")
    slates.loc[:3, "gave_way"] = "in_stock"
    assert broken(slates) == {"in_stock": 1, "claims": 1}
    assert broken(slates, column="declared") == {}


def test_sizes(broken, known):
    assert broken(right(), {"category_share": None}, size=3) == {"size": 3}
    one = right().drop(index=[1, 2, 3])
    assert broken(one, min_size=1)["fallback"] == 1
    found = broken(one, {"fallback": None}, facts=replace(known, find_standby=lambda: pd.Index(["p01", "p02"])))
    assert found == {"min_size": 1, "new_products": 1}


@pytest.mark.parametrize(
    ("standby", "expected"),
    [
        (["p04"], {"min_size": 1, "fallback": 1}),
        (["p01"], {}),  # c1 bought it yesterday
        (["gone", "fuel", "p03", "young", "nobody's"], {}),
        ([], {}),
    ],
)
def test_short_slates_are_right_where_nothing_stands_by(broken, known, standby, expected):
    facts = replace(known, find_standby=lambda: pd.Index(standby))
    short = right().iloc[3:].assign(position=[1, *[1, 2, 3, 4] * 2])
    assert broken(short, facts=facts) == expected
    rest = right().iloc[4:]
    assert broken(rest, facts=facts) == ({"empty": 1} if {"p04", "p01", "young"} & set(standby) else {})


def test_pins(broken, known):
    def pins(slates: pd.DataFrame, **places: int) -> dict[str, int]:
        return broken(slates, {"pinned": {"places": {"cart": places, "email": {"p04": 1}}}})

    assert pins(right(), p05=2, young=4) == {}
    assert pins(right(), p05=1) == {"pinned": 3}
    assert pins(right(), p04=2, p05=1) == {"pinned": 3}
    assert pins(right(), gone=1, fuel=2, p03=3) == {}  # none of them may be shown
    assert pins(right(), p01=1) == {"pinned": 2}  # c1 bought it yesterday
    declared = right().assign(gave_way=["pinned"] * 4 + [""] * 8)
    assert pins(declared, p05=1) == {"pinned": 2}


def test_without_exploration_nothing_is_left_to_chance(broken):
    assert broken(right(), {"exploration": None}) == {"propensity": 9}
    assert broken(right().assign(propensity=1.0), {"exploration": None}) == {}
    assert broken(right().assign(propensity=1.0), {"exploration": {"share": 0}}) == {}


def test_explored_places_are_counted(shop):
    rng = np.random.default_rng(1)
    choices = rng.integers(2, 50, 20_000)
    other = rng.random(20_000) < 0.1 * (1 - 1 / choices)
    chance = np.where(other, 0.1 / choices, 0.9 + 0.1 / choices)
    found = explored(shop, {"cart": pd.DataFrame({"propensity": [*chance, 1.0]})}).iloc[0]
    assert found[["context", "places", "explored"]].tolist() == ["Cart", 20_000, other.sum()]
    assert found["expected"] == pytest.approx((0.1 * (1 - 1 / choices)).sum())
    assert found["p_value"] > 0.01
    rigged = np.where(other, 0.9 + 0.1 / choices, chance)
    assert explored(shop, {"cart": pd.DataFrame({"propensity": rigged})}).iloc[0]["p_value"] < 1e-9
    assert explored(shop, {"cart": right()}, shop.settings.rules.changed(exploration=None)).empty


PRODUCTS = pd.DataFrame(
    {
        "recommendable": True,
        "category": ["a", "a", "a", "b", "b", "c", None, "d"],
        "brand": ["x", "x", "y", "y", "y", None, "x", "z"],
        "stock": np.nan,
        "band": ["budget", "mid", "premium", "budget", None, "mid", "mid", "premium"],
        "age_days": 100.0,
        "season_index": np.nan,
        "starts_at": pd.Series(pd.NaT, range(8), dtype="datetime64[us, UTC]"),
        "ends_at": pd.Series(pd.NaT, range(8), dtype="datetime64[us, UTC]"),
    }
).set_index(pd.Index([f"i{n}" for n in range(8)], dtype=object))


@given(st.lists(st.lists(st.integers(0, 7), max_size=6), min_size=1, max_size=5), st.integers(0, 7))
def test_random_slates_against_loops(drawn, anchor):
    """Duplicates, the product at hand, bans, sizes and mixes, one slate after the other."""
    nobody = pd.Index([], dtype=object)
    known = Facts("UTC", PRODUCTS, nobody, nobody, None, None, lambda: nobody)
    rules = Rules.model_validate(
        {"banned": {"brands": ["z"]}, "min_categories": {"least": 2}, "category_share": {"most": 0.5}}
        | {"brand_cap": {"most": 2}, "price_mix": {"least": 3}}
    )
    context = Context.model_validate(CONTEXTS["cart"] | {"size": 5})
    rows = [(f"s{n}", None, place + 1, f"i{item}") for n, items in enumerate(drawn) for place, item in enumerate(items)]
    slates = pd.DataFrame(rows, columns=["slate_id", "customer_id", "position", "item_id"]).assign(
        context="cart", strategy="Goes with it", reason="", fallback=False, propensity=1.0, gave_way=""
    )
    slates = slates.astype({"position": "int32"}).sample(frac=1, random_state=0)
    ids = [f"s{n}" for n in range(len(drawn))]
    frame = pd.DataFrame({"slate_id": ids, "customer_id": None, "asked_at": UNTIL})
    anchors = pd.DataFrame({"slate_id": ids, "item_id": f"i{anchor}"})
    table = look(Case.of("cart", context, rules, known, frame, anchors, slates)).set_index("rule")["violations"]

    expected = dict.fromkeys(
        ["duplicates", "at_hand", "banned", "size", "min_categories", "category_share", "brand_cap", "price_mix"], 0
    )
    for items in drawn:
        values = {name: [PRODUCTS[name].iloc[item] for item in items] for name in ("category", "brand", "band")}
        kinds = {name: [one for one in found if pd.notna(one)] for name, found in values.items()}
        expected["duplicates"] += len(items) - len(set(items))
        expected["at_hand"] += items.count(anchor)
        expected["banned"] += kinds["brand"].count("z")
        expected["size"] += len(items) > 5
        expected["min_categories"] += len(set(kinds["category"])) < min(2, len(items))
        expected["category_share"] += any(kinds["category"].count(one) > 2 for one in kinds["category"])
        expected["brand_cap"] += any(kinds["brand"].count(one) > 2 for one in kinds["brand"])
        expected["price_mix"] += len(set(kinds["band"])) < min(3, len(items))
    assert table[list(expected)].to_dict() == expected
    assert table["positions"] == 0
