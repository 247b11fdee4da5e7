"""From frames to numbers: the same as looking up pair by pair, whatever the ids; and what is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from reco.evaluation import lists as module
from reco.evaluation.lists import EMPTY, Lists
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


def test_hits_by_rank_and_user():
    found = Lists.of(ranked(a="xqy", b="yx", other="z"), taken(a="yx", b="z", c="x"), TRAIN, 3)
    assert found.users.tolist() == ["a", "b", "c"]
    assert found.users.name == "user_id"
    assert found.hit.tolist() == [[True, False, True], [False, False, False], [False, False, False]]
    assert found.relevant.tolist() == [2, 1, 1]
    assert len(found.items) == 4
    assert found.listed.tolist() == [[True, True, True], [True, True, False], [False, False, False]]


def test_ranks_may_leave_places_empty():
    frame = ranked(a="xy").assign(rank=[1, 3])
    assert Lists.of(frame, taken(a="y"), TRAIN, 3).judged.tolist() == [[0, EMPTY, 1]]


def test_items_unknown_to_training_can_hit():
    found = Lists.of(ranked(a="qwx", b="q"), taken(a="q", b="r"), TRAIN, 3)
    assert found.hit.tolist() == [[True, False, False], [False, False, False]]
    assert found.judged[0, 0] == found.judged[1, 0] >= 3
    assert found.judged[0, 1] not in (found.judged[0, 0], EMPTY)


def test_an_item_listed_twice_counts_at_its_better_rank():
    found = Lists.of(ranked(a="yxyy"), taken(a="y"), TRAIN, 4)
    assert found.hit.tolist() == [[True, False, False, False]]
    assert found.repeated.tolist() == [[False, False, True, True]]
    assert found.listed.tolist() == [[True, True, False, False]]


def test_cut_is_what_a_shorter_list_gives():
    train = with_products(category=["tea", "tea", "soap"], brand=["p", "q", "q"])
    frame, test = ranked(a="xyzqx", b="zx"), taken(a="yq", b="x")
    whole, short = Lists.of(frame, test, train, 5).first(2), Lists.of(frame, test, train, 2)
    for name in ("items", "repeated", "taken", "owned", "alike", "categories", "hit", "relevant"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(short, name), err_msg=name)
    assert whole.k == 2


def test_owned_tells_of_hits_only():
    found = Lists.of(ranked(a="xz", b="zx", c="x"), taken(a="xz", b="x", c="x"), TRAIN, 2)
    assert found.owned.tolist() == [[True, False], [False, True], [False, False]]


def test_alike_counts_equal_attributes_higher_up():
    train = with_products(
        department=["d"] * 3, category=["tea", "tea", "soap"], subcategory=[None] * 3, title=list("abc")
    )
    found = Lists.of(ranked(a="xyz", b="zy"), taken(a="x", b="x"), train, 3)
    assert found.attributes == 2  # nobody has a subcategory, and a title is no attribute
    assert found.alike.tolist() == [[0, 2, 2], [0, 1, 0]]
    assert found.categories.tolist() == [[True, False, True], [True, True, False]]


def test_missing_attributes_are_one_more_value_but_no_category():
    train = with_products(category=[None, None, "soap"])
    found = Lists.of(ranked(a="xzyq"), taken(a="x"), train, 4)
    assert found.alike.tolist() == [[0, 0, 1, 2]]
    assert found.categories.tolist() == [[False, True, False, False]]


def test_more_values_than_two_bytes_hold():
    n = 70_000
    items = pd.Index([f"{number:05}" for number in range(n)])
    train = Interactions.from_frame(
        pd.DataFrame({"user_id": "a", "item_id": items}), products=pd.DataFrame({"brand": items}, index=items)
    )
    frame = pd.DataFrame({"user_id": "a", "rank": [1, 2, 4, 5], "item_id": ["00000", "65536", "65537", "q"]})
    assert Lists.of(frame, pd.DataFrame({"user_id": ["a"], "item_id": ["00000"]}), train, 6).alike.tolist() == [[0] * 6]


def test_lists_longer_than_a_byte_counts():
    items = [f"{number:03}" for number in range(300)]
    train = Interactions.from_frame(
        pd.DataFrame({"user_id": "a", "item_id": items}), products=pd.DataFrame({"brand": "same"}, index=items)
    )
    frame = pd.DataFrame({"user_id": "a", "rank": range(1, 301), "item_id": items})
    assert Lists.of(frame, frame.head(1), train, 300).alike.tolist() == [list(range(300))]


def test_without_products_there_is_nothing_to_be_alike_in():
    found = Lists.of(ranked(a="x"), taken(a="x"), TRAIN, 1)
    assert (found.alike, found.attributes, found.categories) == (None, 0, None)


def test_amounts_add_up_by_pair_and_losses_weigh_nothing():
    test = taken(a="xxy", b="zz").assign(revenue=[1.0, 2.0, np.nan, 5.0, -7.0], margin=[0.5, 0.25, 1, -1, 0.5])
    pairs = Lists.of(ranked(a="x"), test, TRAIN, 1).pairs
    assert pairs["revenue"].tolist() == [3, 0, 0]
    assert pairs["margin"].tolist() == [0.75, 1, 0]


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
    found = Lists.of(frame, test, train, k)
    expected = {(row.user_id, row.rank) for row in frame.itertuples() if (row.user_id, row.item_id) in set(bought)}
    places = zip(*np.nonzero(found.hit), strict=True)
    assert {(found.users[row], place + 1) for row, place in places} == {hit for hit in expected if hit[1] <= k}


def test_blocks_of_users_fit_together(monkeypatch):
    rng = np.random.default_rng(0)
    train = Interactions.from_frame(
        pd.DataFrame({"user_id": rng.integers(0, 30, 200), "item_id": rng.integers(0, 20, 200)}),
        products=pd.DataFrame({"brand": rng.integers(0, 3, 20)}, index=range(20)),
    )
    frame = pd.DataFrame({"user_id": np.repeat(np.arange(30), 8), "rank": np.tile(np.arange(1, 9), 30)})
    frame["item_id"] = np.concatenate([rng.permutation(20)[:8] for _ in range(30)])
    test = pd.DataFrame({"user_id": rng.integers(0, 30, 99), "item_id": rng.integers(0, 20, 99)})
    whole = Lists.of(frame, test, train, 8)
    monkeypatch.setattr(module, "CELLS", 50)
    monkeypatch.setattr(module, "BLOCK", 7)
    parts = Lists.of(frame, test, train, 8)
    for name in ("taken", "alike"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


@pytest.mark.parametrize("to", ["str", "object", "category", "int64", "float64", "Int64"])
def test_any_type_of_id_gives_the_same(to):
    def recast(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.astype(dict.fromkeys(["user_id", "item_id"], "str" if to in {"object", "category"} else to))
        return frame.astype(dict.fromkeys(["user_id", "item_id"], to))

    frame = pd.DataFrame({"user_id": [2, 2, 1, 3], "rank": [1, 2, 1, 1], "item_id": [7, 8, 9, 7]})
    test = pd.DataFrame({"user_id": [1, 2, 2], "item_id": [9, 8, 5]})
    train = Interactions.from_frame(recast(pd.DataFrame({"user_id": [1, 2], "item_id": [9, 7]})))
    found = Lists.of(recast(frame), recast(test), train, 2)
    assert found.hit.tolist() == [[True, False], [False, True]]
    assert (found.judged < 2).tolist() == [[True, True], [True, False]]


def test_a_million_items_need_no_table_of_them_all():
    items = pd.RangeIndex(1_000_000)
    log = pd.DataFrame({"user": [0, 1], "item": [5, 999_999], "weight": 1.0})
    matrix = sparse.csr_matrix((log["weight"], (log["user"], log["item"])), shape=(2, len(items)), dtype="float32")
    frame = pd.DataFrame({"user_id": np.arange(2000), "rank": 1, "item_id": np.arange(2000) * 500})
    found = Lists.of(frame, frame, Interactions(matrix, pd.RangeIndex(2), items, log), 1)
    assert found.hit.all()
    assert found.width == 1_000_000


@pytest.mark.parametrize("kind", ["int64", "object"])
def test_numbers_here_and_text_there(kind):
    frame = pd.DataFrame({"user_id": ["a"], "rank": [1], "item_id": pd.Series([7], dtype=kind)})
    with pytest.raises(
        ValueError, match=r"'item_id' holds numbers \(.*\) in the recommendations, text \(str\) in the test"
    ):
        Lists.of(frame, pd.DataFrame({"user_id": ["a"], "item_id": ["7"]}), TRAIN, 1)
    both = pd.DataFrame({"user_id": [1], "rank": [1], "item_id": ["x"]})
    with pytest.raises(ValueError, match=r"'user_id' holds numbers .* in the test, text \(str\) in training"):
        Lists.of(both, both, TRAIN, 1)


def test_empty_frames_have_no_type_to_disagree():
    nothing = pd.DataFrame({"user_id": pd.Series(dtype="int64"), "rank": [], "item_id": pd.Series(dtype=object)})
    assert Lists.of(nothing, taken(a="x"), TRAIN, 2).judged.tolist() == [[EMPTY, EMPTY]]
    assert len(Lists.of(ranked(a="x"), nothing, TRAIN, 2).users) == 0
    assert Lists.of(nothing, nothing, TRAIN, 2).items.shape == (0, 2)


@pytest.mark.parametrize("ranks", [[0, 1], [-1, 1], [1.5, 2], ["1", "2"], [np.inf, 1]])
def test_ranks_that_are_none(ranks):
    with pytest.raises(ValueError, match="'rank' of the recommendations must hold whole numbers from 1"):
        Lists.of(ranked(a="xy").assign(rank=ranks), taken(a="x"), TRAIN, 2)


def test_two_items_at_one_rank():
    frame = pd.concat([ranked(b="x", a="xy"), ranked(a="z")])
    with pytest.raises(ValueError, match="user 'a' has several items at rank 1"):
        Lists.of(frame, taken(a="x"), TRAIN, 2)


@pytest.mark.parametrize("column", ["user_id", "rank", "item_id"])
def test_absent_and_missing(column):
    with pytest.raises(ValueError, match=f"the recommendations have no column '{column}'"):
        Lists.of(ranked(a="x").drop(columns=column), taken(a="x"), TRAIN, 1)
    holes = ranked(a="xy").astype({column: "object"})
    holes.loc[1, column] = None
    with pytest.raises(ValueError, match=f"column '{column}' of the recommendations holds a missing value in row 1"):
        Lists.of(holes, taken(a="x"), TRAIN, 1)


def test_missing_user_of_the_test():
    with pytest.raises(ValueError, match="column 'user_id' of the test holds a missing value in row 0"):
        Lists.of(ranked(a="x"), pd.DataFrame({"user_id": [None], "item_id": ["x"]}), TRAIN, 1)


def test_infinite_amounts():
    with pytest.raises(ValueError, match="column 'revenue' of the test holds an infinite amount"):
        Lists.of(ranked(a="x"), taken(a="x").assign(revenue=np.inf), TRAIN, 1)
