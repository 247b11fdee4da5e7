"""From frames to numbers, whatever the ids; and what is refused."""

import numpy as np
import pandas as pd
import pytest

from reco.evaluation.lists import EMPTY, Lists
from reco.interactions import Interactions

TRAIN = Interactions.from_frame(pd.DataFrame({"user_id": list("aabb"), "item_id": list("xyxz")}))


def ranked(**of: str) -> pd.DataFrame:
    """Ranked lists by user, an item a letter."""
    rows = [(user, rank, item) for user, items in of.items() for rank, item in enumerate(items, 1)]
    return pd.DataFrame(rows, columns=["user_id", "rank", "item_id"]).astype({"rank": "int64"})


def taken(**by: str) -> pd.DataFrame:
    return ranked(**by).drop(columns="rank")


def test_judged_users_come_first():
    found = Lists.of(ranked(b="yx", other="z", a="xqy"), taken(a="yx", b="z", c="x"), TRAIN, 3)
    assert found.users.tolist() == ["a", "b", "c"]
    assert found.users.name == "user_id"
    unknown = len(TRAIN.items)
    assert found.judged.tolist() == [[0, unknown, 1], [1, 0, EMPTY], [EMPTY] * 3]
    assert found.items[3:].tolist() == [[2, EMPTY, EMPTY]]


def test_pairs_are_distinct_and_in_order():
    pairs = Lists.of(ranked(a="q"), taken(b="zz", a="yx"), TRAIN, 1).pairs
    assert pairs.to_numpy().tolist() == [[0, 0], [0, 1], [1, 2]]


def test_ranks_may_leave_places_empty():
    frame = ranked(a="xy").assign(rank=[1, 3])
    assert Lists.of(frame, taken(a="y"), TRAIN, 3).judged.tolist() == [[0, EMPTY, 1]]


def test_unknown_items_of_lists_and_test_share_their_numbers():
    found = Lists.of(ranked(a="qwx", b="q"), taken(a="q", b="r"), TRAIN, 3)
    numbers = {"q": found.judged[0, 0], "w": found.judged[0, 1], "r": found.pairs["item"].iloc[1]}
    assert found.judged[1, 0] == found.pairs["item"].iloc[0] == numbers["q"]
    assert sorted(numbers.values()) == [3, 4, 5]
    assert found.width == 6


def test_an_item_listed_twice_keeps_its_better_rank():
    found = Lists.of(ranked(a="yxyy"), taken(a="y"), TRAIN, 4)
    assert found.judged.tolist() == [[1, 0, EMPTY, EMPTY]]
    assert found.repeated.tolist() == [[False, False, True, True]]


def test_lists_in_pieces_are_put_together():
    whole = pd.concat([ranked(a="xyz"), ranked(b="zyx")])
    shuffled = whole.sample(frac=1, random_state=0)
    for frame in (whole, shuffled, whole[::-1]):
        assert Lists.of(frame, taken(a="x", b="x"), TRAIN, 3).items.tolist() == [[0, 1, 2], [2, 1, 0]]


def test_amounts_add_up_by_pair_and_losses_weigh_nothing():
    test = taken(a="xxy", b="zz").assign(revenue=[1.0, 2.0, np.nan, 5.0, -7.0], margin=[0.5, 0.25, 1, -1, 0.5])
    pairs = Lists.of(ranked(a="x"), test, TRAIN, 1).pairs
    assert pairs["revenue"].tolist() == [3, 0, 0]
    assert pairs["margin"].tolist() == [0.75, 1, 0]


@pytest.mark.parametrize("to", ["str", "object", "category", "int64", "float64", "Int64"])
def test_any_type_of_id_gives_the_same(to):
    def recast(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.astype(dict.fromkeys(["user_id", "item_id"], "str" if to in {"object", "category"} else to))
        return frame.astype(dict.fromkeys(["user_id", "item_id"], to))

    frame = pd.DataFrame({"user_id": [2, 2, 1, 3], "rank": [1, 2, 1, 1], "item_id": [7, 8, 9, 7]})
    test = pd.DataFrame({"user_id": [1, 2, 2], "item_id": [9, 8, 5]})
    train = Interactions.from_frame(recast(pd.DataFrame({"user_id": [1, 2], "item_id": [9, 7]})))
    found = Lists.of(recast(frame), recast(test), train, 2)
    assert found.judged.tolist() == [[1, EMPTY], [0, 2]]
    assert found.pairs.to_numpy().tolist() == [[0, 1], [1, 2], [1, 3]]


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
