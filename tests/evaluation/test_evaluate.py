"""Evaluations of whole lists: every test user counts, whatever the lists hold."""

import numpy as np
import pandas as pd
import pytest

from reco.evaluation import bootstrap, evaluate, evaluate_at
from reco.interactions import Interactions

TRAIN = Interactions.from_frame(pd.DataFrame({"user_id": list("aabb"), "item_id": list("xyxz")}))
TEST = pd.DataFrame({"user_id": list("aabc"), "item_id": ["y", "w", "x", "x"]})
TOGETHER = ["coverage", "gini", "entropy", "personalization"]
LISTS = pd.DataFrame({"user_id": list("aab"), "rank": [1, 2, 1], "item_id": list("yxz")})


def test_users_without_a_list_score_zero_and_count():
    per_user = evaluate(LISTS, TEST, TRAIN, k=2).per_user
    assert per_user.index.tolist() == ["a", "b", "c"]
    assert per_user.loc["c", ["precision", "recall", "ndcg", "hit_rate"]].tolist() == [0, 0, 0, 0]
    assert np.isnan(per_user.loc["c", "novelty"])


def test_items_that_no_model_knows_count_as_misses():
    assert evaluate(LISTS, TEST, TRAIN, k=2).per_user.loc["a", "recall"] == 0.5


def test_users_who_are_not_tested_change_what_describes_all_lists_only():
    more = pd.concat([LISTS, pd.DataFrame({"user_id": ["z"], "rank": [1], "item_id": ["x"]})])
    one, other = evaluate(LISTS, TEST, TRAIN, k=1), evaluate(more, TEST, TRAIN, k=1)
    pd.testing.assert_frame_equal(one.per_user, other.per_user)
    assert one.summary.loc["coverage", "value"] == pytest.approx(2 / 3)
    assert other.summary.loc["coverage", "value"] == 1


def test_what_was_taken_twice_counts_once():
    twice = pd.concat([TEST, TEST])
    pd.testing.assert_frame_equal(evaluate(LISTS, twice, TRAIN).per_user, evaluate(LISTS, TEST, TRAIN).per_user)


def test_order_of_rows_does_not_matter():
    one = evaluate(LISTS, TEST, TRAIN)
    other = evaluate(LISTS[::-1], TEST[::-1], TRAIN)
    pd.testing.assert_frame_equal(one.per_user, other.per_user)
    pd.testing.assert_frame_equal(one.summary, other.summary)


def test_summary_holds_means_with_bootstrap_intervals():
    result = evaluate(LISTS, TEST, TRAIN, k=2, confidence=0.8, seed=5)
    assert result.summary.loc["recall", "value"] == pytest.approx((0.5 + 0 + 0) / 3)
    expected = bootstrap(result.per_user.to_numpy(), 0.8, seed=5)
    np.testing.assert_allclose(result.summary.drop(TOGETHER).T, expected)
    assert result.summary.index.tolist() == [*result.per_user, *TOGETHER]
    assert result.summary.loc[TOGETHER, ["low", "high"]].isna().all(axis=None)


def test_no_lists_at_all():
    summary = evaluate(LISTS.head(0), TEST, TRAIN).summary
    assert summary.loc[["precision", "ndcg", "coverage"], "value"].tolist() == [0, 0, 0]
    unknown = ["novelty", "personalized_hit_ratio", "duplicates", "gini", "entropy", "personalization"]
    assert summary.loc[unknown].isna().all(axis=None)


def test_nobody_to_test_leaves_nothing_to_say():
    result = evaluate(LISTS, TEST.head(0), TRAIN)
    assert result.per_user.empty
    assert result.summary.drop(TOGETHER).isna().all(axis=None)
    assert result.summary.loc["coverage", "value"] == 1


def test_several_lengths_are_what_each_alone_gives():
    rng = np.random.default_rng(0)
    lists = pd.DataFrame({"user_id": np.repeat([*"abcdefgh"], 12), "rank": np.tile(np.arange(1, 13), 8)})
    lists["item_id"] = np.concatenate([rng.permutation(40)[:12] for _ in range(8)])
    test = pd.DataFrame({"user_id": rng.choice([*"abcdefghi"], 60), "item_id": rng.integers(0, 40, 60)})
    train = pd.DataFrame({"user_id": rng.choice([*"abcdefgh"], 90), "item_id": rng.integers(0, 30, 90)})
    products = pd.DataFrame({"category": rng.integers(0, 3, 40), "price": rng.random(40)}, index=range(40))
    x = Interactions.from_frame(train, products=products)
    found = evaluate_at(lists, test, x, ks=(12, 1, 5), seed=3)
    assert list(found) == [12, 1, 5]
    for k, evaluation in found.items():
        alone = evaluate(lists[lists["rank"] <= k], test, x, k=k, seed=3)
        pd.testing.assert_frame_equal(evaluation.per_user, alone.per_user)
        pd.testing.assert_frame_equal(evaluation.summary, alone.summary)


def test_a_length_no_list_reaches():
    per_user = evaluate(LISTS, TEST, TRAIN, k=50).per_user
    assert per_user.loc["a", "precision"] == 1 / 50
    assert per_user["full_slates"].tolist() == [0, 0, 0]


def test_users_and_items_that_training_does_not_know():
    strangers = pd.DataFrame({"user_id": ["q"], "rank": [1], "item_id": ["new"]})
    result = evaluate(strangers, strangers, TRAIN, k=1)
    metrics = result.per_user.loc["q"]
    assert metrics[["recall", "serendipity", "unknown_items", "tail_recall"]].tolist() == [1, 1, 1, 1]
    assert metrics["novelty"] == 2  # half a user of two
    assert result.summary.loc["coverage", "value"] == 0


def test_training_without_any_item():
    nothing = Interactions.from_frame(TEST.head(0))
    result = evaluate(LISTS, TEST, nothing, k=1)
    assert result.per_user["hit_rate"].tolist() == [1, 0, 0]
    assert result.per_user["novelty"].isna().all()
    assert np.isnan(result.summary.loc["coverage", "value"])


@pytest.mark.parametrize("ks", [(0,), (5, -1), ()])
def test_lengths_that_are_none(ks):
    with pytest.raises(ValueError, match=r"list lengths are .*; expected at least one, each 1 or more"):
        evaluate_at(LISTS, TEST, TRAIN, ks)


def test_a_length_is_a_whole_number():
    with pytest.raises(ValueError, match="list lengths are"):
        evaluate(LISTS, TEST, TRAIN, k=0)
    with pytest.raises(TypeError):
        evaluate(LISTS, TEST, TRAIN, k=2.5)


def test_frames_are_left_as_they_were():
    before = [frame.copy() for frame in (LISTS, TEST)]
    evaluate(LISTS, TEST, TRAIN)
    for frame, copy in zip((LISTS, TEST), before, strict=True):
        pd.testing.assert_frame_equal(frame, copy)
