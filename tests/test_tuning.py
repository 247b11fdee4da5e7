"""Tuned weights are what blending and evaluating one by one would find."""

import numpy as np
import pandas as pd
import pytest

from reco import pipeline
from reco.evaluation import evaluate
from reco.models.hybrid import blend
from reco.tuning import _hundredths, try_weights


@pytest.mark.parametrize(("task", "k"), [("anything", 10), ("new", 3)])
def test_every_weight_as_blended_and_evaluated(wb, task, k):
    when = pipeline.periods(wb)
    train = pipeline.history(wb, when.validation)
    users = train.users[::12]
    lists = {
        part: frame[frame["user_id"].isin(users)] for part, frame in pipeline.parts(wb, when.validation, task).items()
    }
    taken = pipeline.TASKS[task](wb, when.validation, when.test)
    taken = taken[taken["user_id"].isin(users)]
    tried = try_weights(lists, taken, step=0.1, k=k)
    assert len(tried) == 66
    for row in tried.to_dict("records"):
        ndcg = row.pop("ndcg")
        expected = evaluate(blend(lists, row, k), taken, train, k=k).summary.loc["ndcg", "value"]
        assert ndcg == pytest.approx(expected, rel=1e-12)
    assert tried["ndcg"].is_monotonic_decreasing


A = pd.DataFrame({"user_id": ["u", "u", "v"], "item_id": ["x", "y", "x"], "score": [2.0, 1.0, 1.0]})
B = pd.DataFrame({"user_id": ["u"], "item_id": ["z"], "score": [1.0]})


def test_the_part_that_finds_things_gets_the_weight():
    tried = try_weights({"a": A, "b": B}, pd.DataFrame({"user_id": ["u"], "item_id": ["z"]}), step=0.5, k=1)
    assert tried.to_dict("list") == {"a": [0.0, 0.5, 1.0], "b": [1.0, 0.5, 0.0], "ndcg": [1.0, 0.0, 0.0]}


def test_optuna_looks_closer_than_the_grid():
    """z of b must pass y of a, but not x: only weights of a between the grid's 0.5 and 1 rank x, z, y."""
    lists = {
        "a": pd.DataFrame({"user_id": "u", "item_id": ["x", "y"], "score": [2.0, 1.0]}),
        "b": pd.DataFrame({"user_id": "u", "item_id": ["z"], "score": [1.0]}),
    }  # x gets a, y a/2, z 1 - a: x before z before y for a between 1/2 and 2/3
    taken = pd.DataFrame({"user_id": "u", "item_id": ["x", "z"]})
    coarse = try_weights(lists, taken, step=1, k=2)
    assert coarse["ndcg"].max() < 1
    fine = try_weights(lists, taken, step=1, k=2, trials=30)
    assert fine.loc[0, "ndcg"] == 1
    assert 0.5 <= fine.loc[0, "a"] <= 0.67
    assert fine[["a", "b"]].sum(axis=1).tolist() == pytest.approx([1] * len(fine), rel=1e-12)
    assert not fine.duplicated(["a", "b"]).any()
    pd.testing.assert_frame_equal(fine, try_weights(lists, taken, step=1, k=2, trials=30))
    assert not fine.equals(try_weights(lists, taken, step=1, k=2, trials=30, seed=1))


@pytest.mark.parametrize(
    ("shares", "weights"), [([1, 1, 1], [0.34, 0.33, 0.33]), ([0, 0], [0.5, 0.5]), ([3, 1, 2.02], [0.49, 0.17, 0.34])]
)
def test_hundredths_add_up_to_one(shares, weights):
    assert _hundredths(np.array(shares, "float64")) == weights


def test_what_is_found_closer_is_as_blended_and_evaluated(wb):
    when = pipeline.periods(wb)
    train, lists = pipeline.history(wb, when.validation), pipeline.parts(wb, when.validation, "new")
    taken = pipeline.new_purchases(wb, when.validation, when.test)
    for row in try_weights(lists, taken, step=1, trials=3).to_dict("records"):
        ndcg = row.pop("ndcg")
        expected = evaluate(blend(lists, row, 10), taken, train, k=10).summary.loc["ndcg", "value"]
        assert ndcg == pytest.approx(expected, rel=1e-12)


def test_ties_go_to_even_weights():
    tried = try_weights({"a": A, "b": A}, pd.DataFrame({"user_id": ["u"], "item_id": ["x"]}), step=0.5, k=1)
    assert tried["ndcg"].tolist() == [1, 1, 1]
    assert tried.loc[0, ["a", "b"]].tolist() == [0.5, 0.5]


def test_users_without_a_list_count_as_zero():
    taken = pd.DataFrame({"user_id": ["u", "nobody"], "item_id": ["x", "x"]})
    assert try_weights({"a": A}, taken, k=1)["ndcg"].tolist() == [0.5]


def test_what_was_taken_twice_counts_once():
    taken = pd.DataFrame({"user_id": ["u"], "item_id": ["y"]})
    lists = {"a": A, "b": B}
    pd.testing.assert_frame_equal(try_weights(lists, pd.concat([taken, taken])), try_weights(lists, taken))


def test_nobody_has_a_list():
    taken = pd.DataFrame({"user_id": ["nobody"], "item_id": ["x"]})
    assert try_weights({"a": A, "b": B}, taken, step=0.5)["ndcg"].tolist() == [0, 0, 0]


def test_nobody_took_anything():
    assert try_weights({"a": A}, pd.DataFrame({"user_id": [], "item_id": []}, dtype="str"))["ndcg"].isna().all()
