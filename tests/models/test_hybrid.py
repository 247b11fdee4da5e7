"""The weighted hybrid on lists small enough to follow, and on any lists."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from reco.models.hybrid import SCALINGS, blend, comparable, simplex, strongest


def scored(**of: dict[str, float]) -> pd.DataFrame:
    """A list by user: scores by item, best first."""
    rows = [
        (user, item, score) for user, items in of.items() for item, score in sorted(items.items(), key=lambda i: -i[1])
    ]
    return pd.DataFrame(rows, columns=["user_id", "item_id", "score"]).astype({"score": "float32"})


A = scored(u={"x": 9, "y": 6, "z": 3}, v={"x": 1})
B = scored(u={"y": 0.5, "w": 0.1}, t={"z": 7, "y": 7})


def test_scores_made_comparable_by_hand():
    table = comparable({"a": A, "b": B}).set_index(["user_id", "item_id"])
    expected = {
        ("t", "y"): (0, 1), ("t", "z"): (0, 1),
        ("u", "w"): (0, 1 / 2), ("u", "x"): (1, 0), ("u", "y"): (2 / 3, 1), ("u", "z"): (1 / 3, 0),
        ("v", "x"): (1, 0),
    }  # fmt: skip
    assert list(table.index) == list(expected)
    np.testing.assert_allclose(table.to_numpy(), list(expected.values()), rtol=1e-12)


def test_blend_by_hand():
    # u: x 0.6, y 0.6 * 2/3 + 0.4 = 0.8, z 0.2, w 0.2
    found = blend({"a": A, "b": B}, {"a": 0.6, "b": 0.4}, 10)
    assert found[found["user_id"] == "u"]["item_id"].tolist() == ["y", "x", "w", "z"]
    assert found[found["user_id"] == "u"]["score"].tolist() == pytest.approx([0.8, 0.6, 0.2, 0.2], rel=1e-6)
    assert found[found["user_id"] == "u"]["rank"].tolist() == [1, 2, 3, 4]


def test_users_of_one_list_only_keep_it():
    found = blend({"a": A, "b": B}, {"a": 0.6, "b": 0.4}, 10)
    assert found[found["user_id"] == "t"]["item_id"].tolist() == ["y", "z"]
    assert found[found["user_id"] == "v"]["item_id"].tolist() == ["x"]


def test_ties_go_by_item_id():
    found = blend({"a": scored(u={"b": 1, "a": 1, "c": 1})}, {"a": 1}, 2)
    assert found["item_id"].tolist() == ["a", "b"]


def test_ties_that_rounding_would_break_go_by_item_id():
    # both items reach 0.1 + 0.2 + 0.4 of weights in another order
    lists = {str(n): scored(u={item: 1.0}) for n, item in enumerate("babbaa")}
    weights = {"0": 0.1, "1": 0.4, "2": 0.2, "3": 0.4, "4": 0.2, "5": 0.1}
    assert blend(lists, weights, 10)["item_id"].tolist() == ["a", "b"]


def test_k_best():
    assert blend({"a": A}, {"a": 1}, 2)["rank"].tolist() == [1, 2, 1]


def test_part_without_weight_proposes_nothing():
    assert_frame_equal(blend({"a": A, "b": B}, {"a": 1, "b": 0}, 10), blend({"a": A}, {"a": 1}, 10))


def test_lists_that_are_not_weighted_do_not_matter():
    assert_frame_equal(blend({"a": A, "b": B}, {"a": 1}, 10), blend({"a": A}, {"a": 1}, 10))


def test_empty_list_beside_another():
    assert_frame_equal(blend({"a": A, "b": B.head(0)}, {"a": 0.5, "b": 0.5}, 10)[["user_id", "rank", "item_id"]],
                       blend({"a": A}, {"a": 1}, 10)[["user_id", "rank", "item_id"]])  # fmt: skip


few = settings(max_examples=20, deadline=None)
any_list = st.dictionaries(
    st.sampled_from("uvw"), st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-100, 100, width=32)), min_size=1
).map(lambda of: scored(**of))


@few
@given(any_list, any_list)
def test_comparable_scores_lie_above_zero_where_listed_and_reach_one(a, b):
    table = comparable({"a": a, "b": b})
    for name, frame in (("a", a), ("b", b)):
        listed = pd.MultiIndex.from_frame(table[["user_id", "item_id"]]).isin(
            pd.MultiIndex.from_frame(frame.iloc[:, :2])
        )
        assert (table.loc[~listed, name] == 0).all()
        assert table.loc[listed, name].between(1e-9, 1 + 1e-12).all()
        assert np.allclose(table[listed].groupby("user_id")[name].max(), 1)


@few
@given(any_list)
def test_single_part_keeps_its_order(a):
    found = blend({"a": a}, {"a": 1}, 100).merge(a, on=["user_id", "item_id"])
    assert len(found) == len(a)
    for _, own in found.groupby("user_id"):
        assert (np.diff(own.sort_values("rank")["score_y"]) <= 1e-4).all()


@few
@given(any_list, any_list, st.sampled_from([0.25, 0.5, 2, 4, 1024]))
def test_only_the_proportion_of_weights_matters(a, b, factor):
    one = blend({"a": a, "b": b}, {"a": 0.7, "b": 0.3}, 5)
    other = blend({"a": a, "b": b}, {"a": 0.7 * factor, "b": 0.3 * factor}, 5)
    assert_frame_equal(one.assign(score=one["score"] * factor), other, check_dtype=False)


@few
@given(any_list, any_list, st.permutations(range(20)))
def test_order_of_rows_does_not_matter(a, b, order):
    shuffled = a.iloc[[n for n in order if n < len(a)] + list(range(20, len(a)))]
    assert_frame_equal(
        blend({"a": shuffled, "b": b}, {"a": 0.5, "b": 0.5}, 5), blend({"a": a, "b": b}, {"a": 0.5, "b": 0.5}, 5)
    )


@pytest.mark.parametrize(
    ("parts", "step", "rows"), [("ab", 0.5, 3), ("abc", 0.1, 66), ("a", 0.1, 1), ("abcd", 0.25, 35)]
)
def test_grid_of_weights(parts, step, rows):
    grid = simplex(list(parts), step)
    assert len(grid) == len(grid.drop_duplicates()) == rows
    assert np.allclose(grid.sum(axis=1), 1)
    assert ((grid >= 0) & (grid <= 1)).all(axis=None)


LONG = scored(u={"a": 10, "b": 4, "c": 4, "d": 0}, v={"e": 5, "f": 5})


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        ("minmax", [1, 0.55, 0.55, 0.25, 1, 1]),
        ("rank", [1, 0.75, 0.75, 0.25, 1, 1]),
        # mean 4.5, deviations 5.5, -0.5, -0.5, -4.5, so a variance of 51 / 4
        ("zscore", [10 / 12.75**0.5 + 0.25, 4 / 12.75**0.5 + 0.25, 4 / 12.75**0.5 + 0.25, 0.25, 1, 1]),
        ("reciprocal", [1 / 61, 1 / 62, 1 / 62, 1 / 64, 1 / 61, 1 / 61]),
    ],
)
def test_scalings_by_hand(scaling, expected):
    np.testing.assert_allclose(comparable({"a": LONG}, scaling)["a"], expected, rtol=1e-12)


def test_scaling_that_does_not_exist():
    with pytest.raises(ValueError, match="scaling is 'max'; expected one of minmax, rank, zscore, reciprocal"):
        comparable({"a": A}, "max")


@few
@given(any_list, st.sampled_from([*SCALINGS]))
def test_scaling_keeps_order_and_ties(a, scaling):
    table = comparable({"a": a}, scaling).merge(a, on=["user_id", "item_id"])
    for _, own in table.groupby("user_id"):
        before, after = (
            np.subtract.outer(own[c].to_numpy("float64"), own[c].to_numpy("float64")) for c in ("score", "a")
        )
        assert (after[before == 0] == 0).all()
        assert (after[before > 0] >= 0).all()
    assert (table["a"] > 0).all()


@few
@given(any_list, st.sampled_from(["minmax", "zscore"]), st.sampled_from([0.5, 2.0, 8.0]))
def test_units_of_the_scores_do_not_matter(a, scaling, factor):
    whole = a.assign(score=a["score"].round().astype("float64"))
    moved = whole.assign(score=whole["score"] * factor + 3)
    np.testing.assert_allclose(
        comparable({"a": moved}, scaling)["a"], comparable({"a": whole}, scaling)["a"], rtol=1e-9
    )


@few
@given(any_list, st.sampled_from(["rank", "reciprocal"]))
def test_distances_do_not_matter_to_ranks(a, scaling):
    whole = a.assign(score=a["score"].round().astype("float64"))
    bent = whole.assign(score=whole["score"] ** 3)
    assert_frame_equal(comparable({"a": bent}, scaling), comparable({"a": whole}, scaling))


def test_fusion_by_reciprocal_ranks():
    found = blend({"a": A, "b": B}, {"a": 0.5, "b": 0.5}, 10, "reciprocal")
    u = found[found["user_id"] == "u"].set_index("item_id")["score"]
    assert u["y"] == pytest.approx(0.5 / 62 + 0.5 / 61, rel=1e-6)
    assert u["x"] == pytest.approx(0.5 / 61, rel=1e-6)


def test_the_part_that_adds_most():
    scores = comparable({"a": A, "b": B})
    assert strongest(scores, {"a": 0.7, "b": 0.3}).tolist() == ["b", "b", "b", "a", "a", "a", "a"]
    assert strongest(scores, {"a": 1, "b": 0}).tolist() == [None, None, None, "a", "a", "a", "a"]
