"""Rules against numbers counted by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlxtend.frequent_patterns import association_rules, fpgrowth
from pandas.testing import assert_frame_equal

from reco.interactions import Interactions
from reco.models import MODELS, make_model
from reco.models.association import SIDES, mine_rules
from tests.models.contract import RecommenderContract, as_interactions, toy_frame

MEASURES = ["support", "confidence", "lift", "leverage", "conviction"]


class TestAssociationRules(RecommenderContract):
    model = "association_rules"
    options = {"min_baskets": 2}  # noqa: RUF012


class TestCategoryRules(RecommenderContract):
    model = "category_rules"


class TestCategoryRulesOfThree(RecommenderContract):
    model = "category_rules"
    options = {"max_length": 3, "similar_by": "confidence"}  # noqa: RUF012


class TestAssociationRulesOfThree(RecommenderContract):
    model = "association_rules"
    options = {"min_baskets": 2, "max_length": 3, "similar_by": "confidence"}  # noqa: RUF012


# bread 4, butter 3, jam 2, milk 1 of 5 baskets; bread & butter 3, bread & jam 2, butter & jam 2, all three 2
BASKETS = [
    ["bread", "butter", "jam"],
    ["jam", "butter", "bread", "bread"],
    ["bread", "butter"],
    ["bread"],
    ["milk"],
]


def rule(rules: pd.DataFrame, antecedents: tuple[str, ...], consequents: tuple[str, ...]) -> pd.Series:
    found = rules[(rules["antecedents"] == antecedents) & (rules["consequents"] == consequents)]
    assert len(found) == 1
    return found.iloc[0]


def test_measures_counted_by_hand():
    rules = mine_rules(BASKETS, min_support=0.4, min_confidence=0.5)
    assert list(rules) == ["antecedents", "consequents", "support", "confidence", "lift", "leverage", "conviction"]
    assert rules.dtypes.iloc[2:].eq("float64").all()
    found = rule(rules, ("butter",), ("jam",))
    assert found["support"] == pytest.approx(2 / 5)
    assert found["confidence"] == pytest.approx(2 / 3)
    assert found["lift"] == pytest.approx((2 / 3) / (2 / 5))
    assert found["leverage"] == pytest.approx(2 / 5 - (3 / 5) * (2 / 5))
    assert found["conviction"] == pytest.approx((1 - 2 / 5) / (1 - 2 / 3))
    assert rule(rules, ("bread", "jam"), ("butter",))["conviction"] == np.inf
    assert rule(rules, ("jam",), ("bread", "butter"))["confidence"] == 1


def by_mlxtend(baskets: list[set[str]], min_support: float, min_confidence: float) -> pd.DataFrame:
    """The rules of mlxtend's FP-growth with sides as sorted tuples, in the order of these."""
    items = sorted(set().union(*baskets))
    onehot = pd.DataFrame([[item in basket for item in items] for basket in baskets], columns=items, dtype=bool)
    itemsets = fpgrowth(onehot, min_support=min_support, use_colnames=True)
    rules = pd.DataFrame(columns=[*SIDES, *MEASURES])
    if len(itemsets):
        rules = association_rules(itemsets, metric="confidence", min_threshold=min_confidence, return_metrics=MEASURES)
    for side in SIDES:
        rules[side] = pd.Series([tuple(sorted(items)) for items in rules[side]], dtype="object")
    return rules.sort_values(SIDES, ignore_index=True).astype(dict.fromkeys(MEASURES, "float64"))


@given(
    baskets=st.lists(st.sets(st.sampled_from("abcdef"), min_size=1), min_size=1, max_size=15),
    least=st.integers(1, 4),
    confidence=st.sampled_from([1, 4, 10, 20, 25, 50, 60, 75, 80, 90, 100]),
)
@settings(max_examples=50, deadline=None)
def test_rules_are_those_of_mlxtend(baskets, least, confidence):
    least = min(least, len(baskets))
    # mlxtend is asked for a little less, so that its rounding costs no rule on a threshold
    expected = by_mlxtend(baskets, (least - 0.5) / len(baskets), confidence / 100 - 1e-9)
    found = mine_rules(baskets, least / len(baskets), confidence / 100, max_length=None)
    assert_frame_equal(found.sort_values(SIDES, ignore_index=True), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("baskets", "min_support", "min_confidence", "by"),
    [
        # 7 of 100 baskets are 7 %, and 0.07 * 100 is 7.000000000000001
        ([{"a", "b"}] * 7 + [{"c"}] * 93, 0.07, 0.5, "support"),
        # 4 of 5 are 80 %, and (4 / 6) / (5 / 6) is 0.7999999999999999
        ([{"a", "b"}] * 4 + [{"a"}, {"c"}], 0.5, 0.8, "confidence"),
    ],
)
def test_rules_exactly_on_a_threshold_that_mlxtend_drops(baskets, min_support, min_confidence, by):
    found = mine_rules(baskets, min_support, min_confidence)
    assert found.loc[found["antecedents"] == ("a",), "consequents"].tolist() == [("b",)]
    assert found.loc[found["antecedents"] == ("a",), by].item() == {"support": min_support}.get(by, min_confidence)
    dropped = by_mlxtend(baskets, min_support, min_confidence)
    assert ("a",) not in dropped["antecedents"].tolist()


def test_rules_between_categories():
    lines = pd.DataFrame(
        {
            "basket_id": [1, 1, 1, 2, 2, 3, 4],
            "item_id": list("abcadbe"),
            "category": ["fruit", "fruit", "milk", "fruit", "milk", "fruit", "bread"],
        }
    )
    rules = mine_rules(lines, 0.5, 0.5, item="category")
    assert rules["antecedents"].tolist() == [("milk",), ("fruit",)]
    assert rule(rules, ("fruit",), ("milk",))["confidence"] == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="'category' of the baskets holds a missing id; leave such lines out"):
        mine_rules(lines.assign(category=[None, *lines["category"][1:]]), item="category")


def test_whole_catalogue_at_a_support_of_few_baskets():
    # a dense table of these baskets and items would be 10 GB
    n = 100_000
    bought = np.random.default_rng(0).integers(0, n, (n, 3))
    bought[:4] = [n, n + 1, n + 2]
    lines = pd.DataFrame({"basket_id": np.repeat(np.arange(n), 3), "item_id": bought.ravel()})
    found = mine_rules(lines, 4 / n, 0.4)
    assert len(found) == 12  # 6 between two, 3 of two and one, 3 of one and two
    assert set(found["antecedents"].explode()) == {n, n + 1, n + 2}
    assert found["support"].eq(4 / n).all()
    assert found["lift"].eq(n / 4).all()


def test_ids_of_mixed_types():
    assert mine_rules([[1, "a"], ["a", 1]])["antecedents"].tolist() == [(1,), ("a",)]


def test_order():
    rules = mine_rules(BASKETS, min_support=0.4, min_confidence=0.5, max_length=2)
    # lift 5/3 twice, then 5/4 four times
    assert list(zip(rules["antecedents"], rules["consequents"], strict=True)) == [
        (("jam",), ("butter",)),  # confidence 1
        (("butter",), ("jam",)),  # 2/3
        (("butter",), ("bread",)),  # 1, support 3/5
        (("jam",), ("bread",)),  # 1, support 2/5
        (("bread",), ("butter",)),  # 3/4
        (("bread",), ("jam",)),  # 1/2
    ]


@pytest.mark.parametrize(("min_support", "min_confidence", "n"), [(0.4, 0.5, 6), (0.41, 0.5, 2), (0.4, 0.51, 5)])
def test_thresholds_are_inclusive(min_support, min_confidence, n):
    assert len(mine_rules(BASKETS, min_support, min_confidence, max_length=2)) == n


def test_frame_and_lists_agree():
    lines = [(f"b{number}", item) for number, basket in enumerate(BASKETS) for item in basket]
    frame = pd.DataFrame(lines, columns=["basket_id", "item_id"]).sample(frac=1, random_state=0)
    assert_frame_equal(mine_rules(frame, 0.2, 0.1), mine_rules(BASKETS, 0.2, 0.1))


def test_longer_rules_on_request():
    assert mine_rules(BASKETS, 0.4, max_length=2)["antecedents"].str.len().max() == 1
    four = [["a", "b", "c", "d"]] * 2 + [["e"]]
    assert mine_rules(four, 0.4)["antecedents"].str.len().max() == 2
    assert mine_rules(four, 0.4, max_length=None)["antecedents"].str.len().max() == 3


def test_no_rules_is_an_empty_table():
    rules = mine_rules([["a"], ["b"]], min_support=0.5)
    assert rules.empty
    assert_frame_equal(rules, mine_rules(BASKETS, 0.4).head(0), check_index_type=False)
    assert mine_rules([["a", "b"], ["a"], ["a"], ["b"], ["b"]], 0.2, min_confidence=0.9).empty


@pytest.mark.parametrize(
    ("baskets", "options", "message"),
    [
        ([], {}, "no baskets"),
        (pd.DataFrame({"item_id": ["a"]}), {}, "no column 'basket_id'; found item_id"),
        (pd.DataFrame({"basket_id": ["b"], "item_id": [None]}), {}, "column 'item_id' of the baskets"),
        (BASKETS, {"min_support": 0}, "min_support is 0; expected a share"),
        (BASKETS, {"min_confidence": 1.5}, "min_confidence is 1.5; expected a share"),
    ],
)
def test_what_cannot_be_mined(baskets, options, message):
    with pytest.raises(ValueError, match=message):
        mine_rules(baskets, **options)


def interactions(baskets: list[list[str]], users: str) -> Interactions:
    rows = [(users[n], item, f"b{n}") for n, basket in enumerate(baskets) for item in basket]
    return Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "basket_id"]), basket="basket_id")


def test_score_is_the_sum_of_confidences():
    x = interactions([*BASKETS, ["butter", "jam"]], users="aabcde")
    # baskets: bread 4, butter 4, jam 3; bread & butter 3, bread & jam 2, butter & jam 3, all 2
    pairs = make_model("association_rules", min_baskets=2).fit(x)
    lists = pairs.recommend(["e"])  # has butter and jam
    assert lists["item_id"].tolist() == ["bread"]
    assert lists["score"].tolist() == pytest.approx([3 / 4 + 2 / 3])
    triples = make_model("association_rules", min_baskets=2, max_length=3).fit(x)
    assert triples.recommend(["e"])["score"].tolist() == pytest.approx([3 / 4 + 2 / 3 + 2 / 3])
    assert triples.recommend(["c"])["score"].tolist() == pytest.approx([3 / 4, 2 / 4])  # bread only


@pytest.mark.parametrize(("by", "order"), [("lift", ["jam", "bread"]), ("confidence", ["bread", "jam"])])
def test_similar_by(by, order):
    x = interactions(BASKETS, users="abcde")
    similar = make_model("association_rules", min_baskets=2, similar_by=by).fit(x).similar(["butter", "milk"])
    assert similar["similar_id"].tolist() == order
    assert similar["item_id"].eq("butter").all()


def test_a_rule_rests_on_min_baskets():
    x = interactions(BASKETS, users="abcde")
    similar = make_model("association_rules", min_baskets=3).fit(x).similar(x.items)
    assert similar["similar_id"].tolist() == ["butter", "bread"]


def test_no_rules_no_recommendations():
    x = as_interactions(toy_frame())
    assert make_model("association_rules", min_baskets=100).fit(x).recommend(x.users).empty


def test_baskets_are_needed():
    frame = pd.DataFrame({"user_id": ["a"], "item_id": ["x"], "basket_id": [None]})
    with pytest.raises(ValueError, match="needs the basket"):
        make_model("association_rules").fit(Interactions.from_frame(frame))
    with pytest.raises(ValueError, match="missing id"):
        make_model("association_rules").fit(Interactions.from_frame(frame, basket="basket_id"))


def test_unknown_choice():
    with pytest.raises(ValueError, match="similar_by is 'odd'; expected one of lift, confidence"):
        make_model("association_rules", similar_by="odd").fit(as_interactions(toy_frame()))


@pytest.mark.parametrize("model", ["association_rules", "category_rules"])
@pytest.mark.parametrize("max_length", [2, 3])
def test_new_baskets_change_what_a_full_fit_would(model, max_length):
    frame = toy_frame()
    known = frame.loc[frame["basket_id"].isin(frame["basket_id"].unique()[:140]), "item_id"]
    frame = frame[frame["item_id"].isin(known)].rename(columns={"quantity": "weight"})
    late = ~frame["basket_id"].isin(frame["basket_id"].unique()[:140])
    options = {"min_support": 0.02, "min_baskets": 1, "max_length": max_length}
    x, whole = (as_interactions(part.rename(columns={"weight": "quantity"})) for part in (frame[~late], frame))
    updated, full = make_model(model, **options).fit(x), make_model(model, **options).fit(whole)
    assert full._least() == updated._least() + 1  # some rules come, and some go
    for _, events in frame[late].groupby(frame.loc[late, "basket_id"].isin(["b150", "b155", "b158"])):
        updated.partial_fit(events)
    for lists in (lambda model: model.recommend(whole.users), lambda model: model.similar(whole.items)):
        key = list(lists(full).columns[[0, 2]])
        found, expected = (lists(one).sort_values(key, ignore_index=True) for one in (updated, full))
        assert_frame_equal(found[[*key, "score"]], expected[[*key, "score"]], rtol=1e-5)


def test_reasons_are_the_confidences_split_between_antecedents():
    x = interactions([*BASKETS, ["butter", "jam"]], users="aabcde")
    triples = make_model("association_rules", min_baskets=2, max_length=3).fit(x)
    told = triples.explain(triples.recommend(["e"]), most=2)
    # jam > bread 2/3, butter > bread 3/4, and both > bread 2/3, half of it each
    assert told["because_id"].tolist() == ["butter", "jam"]
    assert told["share"].tolist() == pytest.approx([(3 / 4 + 1 / 3) / (25 / 12), 1 / (25 / 12)])


def with_categories(baskets: list[list[str]], users: str) -> Interactions:
    categories = {"milk": "drinks", "tea": "drinks", "bread": "food", "jam": "food", "thing": None}
    products = pd.DataFrame({"category": categories})
    rows = [(users[n], item, f"b{n}") for n, basket in enumerate(baskets) for item in basket]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "basket_id"])
    return Interactions.from_frame(frame, basket="basket_id", products=products)


def test_category_rules_recommend_what_is_bought_most_in_the_category():
    baskets = [["milk", "bread"], ["tea", "bread", "jam"], ["milk", "thing"], ["jam", "thing"], ["thing"]]
    x = with_categories(baskets, users="abcde")
    model = make_model("category_rules", min_baskets=2).fit(x)
    # of four baskets with a category, drinks are in 3, food in 3, both in 2
    lists = model.recommend(["c"])  # has milk and a thing of no category
    assert lists["item_id"].tolist() == ["bread", "jam"]
    assert lists["score"].tolist() == pytest.approx([2 / 3 * 2 / 4, 2 / 3 * 2 / 4])
    assert model.recommend(["e"]).empty
    similar = model.similar(["bread", "thing"])
    assert similar["similar_id"].tolist() == ["milk", "tea"]
    assert similar["score"].tolist() == pytest.approx([(2 / 3) / (3 / 4) * 2 / 3, (2 / 3) / (3 / 4) * 1 / 3])


def test_category_rules_tell_which_items_stand_for_the_category():
    x = with_categories([["milk", "bread"], ["tea", "bread", "jam"], ["milk", "tea", "thing"]], users="abc")
    model = make_model("category_rules", min_baskets=2).fit(x)
    told = model.explain(model.recommend(["c"]).head(1), most=3)
    assert told["because_id"].tolist() == ["milk", "tea"]
    assert told["share"].tolist() == pytest.approx([1 / 2, 1 / 2])
    parts = model._contributions(x.rows(["c"]), x.columns(["bread"])).toarray()[0]
    assert parts.sum() == pytest.approx(model.recommend(["c"])["score"].iloc[0])


@pytest.mark.parametrize("products", [None, pd.DataFrame({"title": ["milk"]}, index=["milk"])])
def test_categories_are_needed(products):
    frame = pd.DataFrame({"user_id": ["a"], "item_id": ["milk"], "basket_id": ["b"]})
    x = Interactions.from_frame(frame, basket="basket_id", products=products)
    assert MODELS["category_rules"].lacks(x) == "needs the products' categories"
    with pytest.raises(ValueError, match="category_rules: needs the products' categories"):
        make_model("category_rules").fit(x)
