"""Evaluations of whole lists: every test user counts, whatever the lists hold."""

import numpy as np
import pandas as pd
import pytest

from reco.evaluation import bootstrap, evaluate
from reco.interactions import Interactions

TRAIN = Interactions.from_frame(pd.DataFrame({"user_id": list("aabb"), "item_id": list("xyxz")}))
TEST = pd.DataFrame({"user_id": list("aabc"), "item_id": ["y", "w", "x", "x"]})
LISTS = pd.DataFrame({"user_id": list("aab"), "rank": [1, 2, 1], "item_id": list("yxz")})


def test_users_without_a_list_score_zero_and_count():
    per_user = evaluate(LISTS, TEST, TRAIN, k=2).per_user
    assert per_user.index.tolist() == ["a", "b", "c"]
    assert per_user.loc["c", ["precision", "recall", "ndcg", "hit_rate"]].tolist() == [0, 0, 0, 0]
    assert np.isnan(per_user.loc["c", "novelty"])


def test_items_that_no_model_knows_count_as_misses():
    assert evaluate(LISTS, TEST, TRAIN, k=2).per_user.loc["a", "recall"] == 0.5


def test_users_who_are_not_tested_change_coverage_only():
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
    np.testing.assert_allclose(result.summary.drop("coverage").T, expected)
    assert result.summary.loc["coverage", ["low", "high"]].isna().all()


def test_no_lists_at_all():
    summary = evaluate(LISTS.head(0), TEST, TRAIN).summary
    assert summary.loc[["precision", "ndcg", "coverage"], "value"].tolist() == [0, 0, 0]
    assert summary.loc["novelty"].isna().all()


def test_nobody_to_test_leaves_nothing_to_say():
    result = evaluate(LISTS, TEST.head(0), TRAIN)
    assert result.per_user.empty
    assert result.summary.drop("coverage").isna().all(axis=None)
