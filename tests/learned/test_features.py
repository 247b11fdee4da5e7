"""Features of a history small enough to follow, and what they must not know."""

import numpy as np
import pandas as pd
import pytest

from reco.interactions import Interactions
from reco.learned import looks, titles
from reco.learned.families import family, strongest_algorithm
from reco.models import make_model

LOG = [
    ("a", "milk", "2026-01-01 10:00", 1),
    ("a", "bread", "2026-01-01 10:00", 1),
    ("a", "milk", "2026-01-05 10:00", 2),
    ("a", "milk", "2026-01-11 10:00", 3),
    ("a", "tea", "2026-01-11 10:00", 3),
    ("b", "bread", "2026-01-02 10:00", 4),
    ("b", "jam", "2026-01-09 10:00", 5),
]
PRODUCTS = pd.DataFrame(
    {"category": ["bakery", "spreads", "dairy", "drinks"], "price": [2.0, 3.0, 1.0, 6.0]},
    index=["bread", "jam", "milk", "tea"],
)
ALGORITHMS = ("popularity", "item_knn")


def seen(rows=LOG, products=PRODUCTS, at="2026-01-15 10:00") -> looks.Look:
    log = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp", "basket_id"])
    log["timestamp"] = pd.to_datetime(log["timestamp"])
    x = Interactions.from_frame(log, timestamp="timestamp", basket="basket_id", products=products)
    models = {name: make_model(name).fit(x) for name in ALGORITHMS}
    return looks.look(x, models, pd.Series(pd.Timestamp(at), index=["a", "b", "nobody"]))


def features(look: looks.Look) -> pd.DataFrame:
    """The table by customer and product."""
    pairs = look.pairs
    index = pd.MultiIndex.from_arrays([pairs.users.take(pairs.row), look.x.items.take(pairs.column)])
    return look.features.set_index(index)


def test_what_is_known_of_a_product_bought_three_times():
    milk = features(seen()).loc[("a", "milk")]
    expected = {
        "times": 3, "times_7_days": 1, "times_14_days": 2 + 1, "in_1_baskets": 1, "in_2_baskets": 2,
        "basket_share": 1, "kept": 1 + 0.9 + 0.81, "fading_30": 1 + 0.5 ** (6 / 30) + 0.5 ** (10 / 30),
        "days_since": 4, "baskets_since": 0, "days_known": 14, "share_since_first": 1,
        "usual_days": 5, "usual_baskets": 1, "last_gap": 6, "due_days": 4 / 5, "due_baskets": 1,
        "product_buyers": 1, "product_times": 3, "product_again": 3, "product_gap": 5, "product_due": 4 / 5,
        "product_now_7": 1 / 3, "price": 1, "price_distance": 1 / 2.2,
        "category_times": 3, "category_share": 1, "category_loyalty": 1, "category_days_since": 4,
        "category_in_last_basket": 1, "customer_baskets": 3, "customer_size": 5 / 3, "customer_last_size": 2,
        "customer_gap": 5, "customer_variety": 3 / 5, "customer_away": 4, "customer_weekday": 3, "customer_hour": 10,
        "share_this_hour": 1, "share_this_weekday": 1,
    }  # fmt: skip
    assert milk[list(expected)].to_numpy() == pytest.approx(np.array(list(expected.values())), rel=1e-6)


def test_what_is_known_of_the_moment_and_of_the_kind():
    """Asked for on a Thursday at 10; milk was bought on a Thursday, a Monday and a Sunday at 10."""
    table = features(seen())
    milk, tea = table.loc[("a", "milk")], table.loc[("a", "tea")]
    clock = np.array([0.95**2, 0.95 * 0.4, 0.4])
    days = np.array([0.5, (5 / 5) ** 1.5, (5 / 7) ** 1.5])  # four days before now, and before the second; six
    assert milk[["share_fading", "share_by_clock", "share_like_now"]].tolist() == [1, 1, 1]
    assert tea["share_fading"] == pytest.approx(1 / (1 + 0.95 + 0.95**2), rel=1e-6)
    assert tea["share_by_clock"] == pytest.approx(clock[2] / clock.sum(), rel=1e-6)
    assert tea["share_like_now"] == pytest.approx((clock * days)[2] / (clock * days).sum(), rel=1e-6)
    assert tea["customer_size_like_now"] == pytest.approx((clock * days) @ [2, 1, 2] / (clock * days).sum(), rel=1e-6)
    assert tea["category_like_now"] == tea["share_like_now"]
    assert milk["category_fading_loyalty"] == 1
    assert milk["product_now_3"] == 0
    assert table.loc[("b", "milk"), "category_bought_since":"category_fading"].isna().tolist() == [True, False]
    assert milk["product_this_hour"] == pytest.approx(1)
    assert milk["score_of_best_popularity"] == 1 / 2  # one customer has milk, two have bread


def test_a_substitute_bought_since_is_counted():
    """Bread in basket 2 stands in for the cake of basket 1."""
    rows = [
        ("a", "cake", "2026-01-01 10:00", 1),
        ("a", "bread", "2026-01-05 10:00", 2),
        ("b", "tea", "2026-01-05 10:00", 3),
    ]
    kinds = pd.DataFrame({"category": ["bakery", "bakery", "drinks"]}, index=["bread", "cake", "tea"])
    table = features(seen(rows, kinds))
    assert table.loc[("a", ["cake", "bread"]), "category_bought_since"].tolist() == [1, 0]
    fading = 0.5 ** (4 / 45)
    assert table.loc[("a", "cake"), "category_fading_loyalty"] == pytest.approx(fading / (1 + fading), rel=1e-6)


def test_offers_are_those_before_the_moment():
    log = pd.DataFrame(LOG, columns=["user_id", "item_id", "timestamp", "basket_id"])
    log["timestamp"] = pd.to_datetime(log["timestamp"])
    log["off"] = [0.1, 0.0, 0.2, 0.6, 0.0, 0.3, np.nan]
    x = Interactions.from_frame(log, timestamp="timestamp", basket="basket_id", off="off")
    asked_at = pd.Series(LATER, index=["a"])
    milk = features(looks.look(x, {"popularity": make_model("popularity").fit(x)}, asked_at)).loc[("a", "milk")]
    told = ["product_off_7", "product_off_change", "product_off_beside_own", "own_off", "customer_off"]
    assert milk[told].tolist() == pytest.approx([0.6, 0.3, 0.3, 0.3, 0.9 / 5], rel=1e-6)
    assert "own_off" not in features(seen())


def test_what_was_never_bought_is_not_known_rather_than_zero():
    jam = features(seen()).loc[("a", "jam")]
    assert jam[["times", "basket_share", "kept"]].tolist() == [0, 0, 0]
    assert jam[["days_since", "usual_days", "due_days", "category_days_since", "last_gap"]].isna().all()


def test_together_is_the_cosine_with_the_rest_of_the_last_basket():
    """Bread is in baskets 1 and 4, milk in 1, 2 and 3, tea in 3; the last basket holds milk and tea."""
    together = features(seen())["with_last_basket"]
    assert together.loc[("a", "bread")] == pytest.approx(1 / np.sqrt(2 * 3), rel=1e-6)
    assert together.loc[("a", "tea")] == pytest.approx(1 / np.sqrt(3), rel=1e-6)
    assert together.loc[("b", "milk")] == 0


def test_later_events_of_others_change_nothing_that_is_counted_of_them():
    """In a test of last baskets, others go on shopping after a customer was asked for."""
    later = [*LOG, ("b", "milk", "2026-01-20 10:00", 6), ("c", "milk", "2026-01-21 10:00", 7)]
    counted = ["product_times", "product_now_7", "product_now_28", "product_trend", "days_since", "product_age"]
    both = [features(seen(rows)).loc[("a", "milk"), counted] for rows in (LOG, later)]
    pd.testing.assert_series_equal(*both)


def test_candidates_are_what_is_had_and_what_is_named():
    look = seen()
    assert look.pairs.users.tolist() == ["a", "b"]
    assert features(look).index.tolist() == [(user, item) for user in "ab" for item in ("bread", "jam", "milk", "tea")]
    assert look.pairs.had.tolist() == [True, False, True, True, True, True, False, False]
    assert look.chosen("new").tolist() == (~look.pairs.had).tolist()
    assert look.chosen("seen").tolist() == look.pairs.had.tolist()
    few = looks.look(look.x, {"popularity": make_model("popularity").fit(look.x)}, pd.Series(LATER, index=["b"]), 1)
    # bread, the most popular, is had already; of milk and tea, of one customer each, the lower id
    assert features(few).index.tolist() == [("b", "bread"), ("b", "jam"), ("b", "milk")]


LATER = pd.Timestamp("2026-01-15 10:00")


def test_without_attributes_and_baskets_less_is_known():
    log = pd.DataFrame(LOG, columns=["user_id", "item_id", "timestamp", "basket_id"]).drop(columns="basket_id")
    x = Interactions.from_frame(log.assign(timestamp=pd.to_datetime(log["timestamp"])), timestamp="timestamp")
    look = looks.look(x, {"popularity": make_model("popularity").fit(x)}, pd.Series(LATER, index=["a"]))
    assert not {"price", "category_times"} & set(look.features)
    assert features(look).loc[("a", "milk"), "customer_baskets"] == 3  # what was bought at one moment is a basket


def test_without_timestamps_nothing_can_be_told():
    x = Interactions.from_frame(pd.DataFrame({"user_id": ["a"], "item_id": ["x"]}))
    with pytest.raises(ValueError, match="timestamp of every interaction"):
        looks.look(x, {"popularity": make_model("popularity").fit(x)}, pd.Series(LATER, index=["a"]))


def test_every_feature_has_words():
    columns = [*seen().features]
    words = titles(columns, {"popularity": "Popular", "item_knn": "Item neighbours"})
    assert words["rank_item_knn"] == "Rank: Item neighbours"
    assert words["category_due"] == "Due: same category"
    assert len(set(words.values())) == len(columns)


def test_families_of_what_is_told_of_algorithms_offers_and_moments():
    names = ("score_of_best_tfidf", "score_of_best_tifu_knn", "again_product", "share_like_now", "category_like_now")
    assert [family(name) for name in names] == ["content", "history", "history", "history", "content"]
    assert [family(name) for name in ("product_off_7", "own_off", "customer_size_like_now")] == [None] * 3
    added = pd.DataFrame({"score_a": [0.1], "rank_a": [0.1], "score_of_best_a": [0.5], "score_b": [0.6]})
    assert strongest_algorithm(added, ["b", "a"]).tolist() == [1]
