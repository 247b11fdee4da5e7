"""Tuned weights are what blending and evaluating one by one would find."""

import pandas as pd
import pytest

from reco import pipeline
from reco.evaluation import evaluate
from reco.models.hybrid import blend
from reco.tuning import try_weights


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
