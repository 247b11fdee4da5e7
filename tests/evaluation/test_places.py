"""What is known of each place: the same as looking up pair by pair and comparing two by two."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from reco.evaluation import places as module
from reco.evaluation.lists import Lists
from reco.evaluation.places import Places, head
from reco.interactions import Interactions

TRAIN = Interactions.from_frame(pd.DataFrame({"user_id": list("aabb"), "item_id": list("xyxz")}))


def ranked(**of: str) -> pd.DataFrame:
    """Ranked lists by user, an item a letter."""
    rows = [(user, rank, item) for user, items in of.items() for rank, item in enumerate(items, 1)]
    return pd.DataFrame(rows, columns=["user_id", "rank", "item_id"]).astype({"rank": "int64"})


def taken(**by: str) -> pd.DataFrame:
    return ranked(**by).drop(columns="rank")


def with_products(**columns: list) -> Interactions:
    products = pd.DataFrame(columns, index=["x", "y", "z"])
    return Interactions.from_frame(pd.DataFrame({"user_id": list("aabb"), "item_id": list("xyxz")}), products=products)


def places(recommendations: pd.DataFrame, test: pd.DataFrame, train: Interactions, k: int) -> Places:
    return Places.of(Lists.of(recommendations, test, train, k))


def test_hits_by_rank_and_user():
    found = places(ranked(a="xqy", b="yx", other="z"), taken(a="yx", b="z", c="x"), TRAIN, 3)
    assert found.hit.tolist() == [[True, False, True], [False, False, False], [False, False, False]]
    assert found.listed.tolist() == [[True, True, True], [True, True, False], [False, False, False]]
    assert found.unknown.tolist() == [[False, True, False], [False, False, False], [False, False, False]]
    assert found.relevant.tolist() == [2, 1, 1]


def test_items_unknown_to_training_can_hit():
    found = places(ranked(a="qwx", b="q"), taken(a="q", b="r"), TRAIN, 3)
    assert found.hit.tolist() == [[True, False, False], [False, False, False]]


def test_an_item_listed_twice_hits_once():
    found = places(ranked(a="yxyy"), taken(a="y"), TRAIN, 4)
    assert found.hit.tolist() == [[True, False, False, False]]
    assert found.listed.tolist() == [[True, True, False, False]]


@pytest.mark.parametrize("k", [1, 2, 4])
def test_cut_is_what_a_shorter_list_gives(k):
    train = with_products(category=["tea", "tea", "soap"], brand=["p", "q", "q"], price=[1.0, 2.0, None])
    frame, test = ranked(a="xyzqx", b="zx"), taken(a="yq", b="x")
    cut, short = places(frame, test, train, 5).first(k), places(frame, test, train, k)
    for field in fields(Places):
        np.testing.assert_array_equal(getattr(cut, field.name), getattr(short, field.name), err_msg=field.name)
    assert cut.hit.tolist() == short.hit.tolist()


def test_places_know_their_items():
    train = with_products(price=[1.0, None, 3.0])
    found = places(ranked(a="yqxz", b="z"), taken(a="x", b="x"), train, 4)
    most = np.iinfo("int32").max
    assert found.popularity.tolist() == [[1, most, 0, 2], [2, 0, 0, 0]]
    assert found.bits.tolist() == [[1, 2, 0, 1], [1, 0, 0, 0]]
    assert found.priced.tolist() == [[False, False, True, True], [True, False, False, False]]
    assert found.price.tolist() == [[0, 0, 0.25, 0.75], [0.75, 0, 0, 0]]


def test_owned_tells_of_hits_only():
    found = places(ranked(a="xz", b="zx", c="x"), taken(a="xz", b="x", c="x"), TRAIN, 2)
    assert found.owned.tolist() == [[True, False], [False, True], [False, False]]


def test_alike_counts_equal_attributes_higher_up():
    train = with_products(
        department=["d"] * 3, category=["tea", "tea", "soap"], subcategory=[None] * 3, title=list("abc")
    )
    found = places(ranked(a="xyz", b="zy"), taken(a="x", b="x"), train, 3)
    assert found.attributes == 2  # nobody has a subcategory, and a title is no attribute
    assert found.alike.tolist() == [[0, 2, 2], [0, 1, 0]]
    assert found.categories.tolist() == [[True, False, True], [True, True, False]]


def test_missing_attributes_are_one_more_value_but_no_category():
    train = with_products(category=[None, None, "soap"])
    found = places(ranked(a="xzyq"), taken(a="x"), train, 4)
    assert found.alike.tolist() == [[0, 0, 1, 2]]
    assert found.categories.tolist() == [[False, True, False, False]]


def test_more_values_than_two_bytes_hold():
    n = 70_000
    items = pd.Index([f"{number:05}" for number in range(n)])
    train = Interactions.from_frame(
        pd.DataFrame({"user_id": "a", "item_id": items}), products=pd.DataFrame({"brand": items}, index=items)
    )
    frame = pd.DataFrame({"user_id": "a", "rank": [1, 2, 4, 5], "item_id": ["00000", "65536", "65537", "q"]})
    assert places(frame, pd.DataFrame({"user_id": ["a"], "item_id": ["00000"]}), train, 6).alike.tolist() == [[0] * 6]


def test_lists_longer_than_a_byte_counts():
    items = [f"{number:03}" for number in range(300)]
    train = Interactions.from_frame(
        pd.DataFrame({"user_id": "a", "item_id": items}), products=pd.DataFrame({"brand": "same"}, index=items)
    )
    frame = pd.DataFrame({"user_id": "a", "rank": range(1, 301), "item_id": items})
    assert places(frame, frame.head(1), train, 300).alike.tolist() == [list(range(300))]


def test_without_products_there_is_nothing_to_be_alike_in():
    found = places(ranked(a="x"), taken(a="x"), TRAIN, 1)
    assert (found.alike, found.attributes, found.categories) == (None, 0, None)


rows = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=40)


@settings(deadline=None, max_examples=60)
@given(rows, rows, st.integers(1, 5), st.randoms())
def test_as_looking_up_pair_by_pair(listed, bought, k, random):
    random.shuffle(listed)
    distinct = list(dict.fromkeys(listed))
    frame = pd.DataFrame(distinct, columns=["user_id", "item_id"], dtype="int64")
    frame["rank"] = frame.groupby("user_id").cumcount() + 1
    test = pd.DataFrame(bought, columns=["user_id", "item_id"], dtype="int64")
    train = Interactions.from_frame(pd.DataFrame({"user_id": [0, 1, 1], "item_id": [0, 0, 7]}))
    lists = Lists.of(frame, test, train, k)
    found = Places.of(lists)
    expected = {(row.user_id, row.rank) for row in frame.itertuples() if (row.user_id, row.item_id) in set(bought)}
    at = zip(*np.nonzero(found.hit), strict=True)
    assert {(lists.users[row], place + 1) for row, place in at} == {hit for hit in expected if hit[1] <= k}


def test_blocks_of_users_fit_together(monkeypatch):
    rng = np.random.default_rng(0)
    train = Interactions.from_frame(
        pd.DataFrame({"user_id": rng.integers(0, 30, 200), "item_id": rng.integers(0, 20, 200)}),
        products=pd.DataFrame({"brand": rng.integers(0, 3, 20)}, index=range(20)),
    )
    frame = pd.DataFrame({"user_id": np.repeat(np.arange(30), 8), "rank": np.tile(np.arange(1, 9), 30)})
    frame["item_id"] = np.concatenate([rng.permutation(20)[:8] for _ in range(30)])
    test = pd.DataFrame({"user_id": rng.integers(0, 30, 99), "item_id": rng.integers(0, 20, 99)})
    whole = places(frame, test, train, 8)
    monkeypatch.setattr(module, "CELLS", 50)
    monkeypatch.setattr(module, "BLOCK", 7)
    parts = places(frame, test, train, 8)
    for name in ("taken", "alike"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_a_million_items_need_no_table_of_them_all():
    items = pd.RangeIndex(1_000_000)
    log = pd.DataFrame({"user": [0, 1], "item": [5, 999_999], "weight": 1.0})
    matrix = sparse.csr_matrix((log["weight"], (log["user"], log["item"])), shape=(2, len(items)), dtype="float32")
    frame = pd.DataFrame({"user_id": np.arange(2000), "rank": 1, "item_id": np.arange(2000) * 500})
    assert places(frame, frame, Interactions(matrix, pd.RangeIndex(2), items, log), 1).hit.all()


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=20).map(np.array))
def test_head_is_the_smallest_half(purchases):
    chosen = head(purchases)
    assert purchases[chosen].sum() >= purchases.sum() / 2
    if chosen.any():
        assert purchases[chosen].sum() - purchases[chosen].min() < purchases.sum() / 2
        assert purchases[chosen].min() >= purchases[~chosen].max(initial=0)
