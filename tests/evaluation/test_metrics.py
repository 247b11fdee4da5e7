"""Metrics against numbers worked out by hand, scikit-learn, and what must hold for any lists."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import ndcg_score

from reco.evaluation import metrics
from reco.interactions import Interactions

USERS = pd.Index(["a", "b", "c"])


def lists(**of: str) -> pd.DataFrame:
    """Ranked lists by user, an item a letter."""
    rows = [(user, rank, item) for user, items in of.items() for rank, item in enumerate(items, 1)]
    return pd.DataFrame(rows, columns=["user_id", "rank", "item_id"]).astype({"rank": "int64"})


def train() -> Interactions:
    """Four users: x has all of them, y two, z one."""
    pairs = [("a", "x"), ("b", "x"), ("c", "x"), ("d", "x"), ("a", "y"), ("b", "y"), ("a", "z")]
    return Interactions.from_frame(pd.DataFrame(pairs, columns=["user_id", "item_id"]))


def test_hits_by_rank_and_user():
    taken = lists(a="yx", b="z")
    found = metrics.hits(lists(a="xqy", b="yx", unasked="z"), taken, USERS, 3)
    assert found.tolist() == [[True, False, True], [False, False, False], [False, False, False]]


def test_hit_of_another_user_does_not_count():
    assert not metrics.hits(lists(a="x"), lists(b="x"), USERS, 1).any()


def test_hits_beyond_k_do_not_count():
    assert metrics.hits(lists(a="qx"), lists(a="x"), USERS, 1).tolist() == [[False], [False], [False]]


def test_by_hand():
    hit = np.array([[True, False, True, False], [False, False, False, True]])
    relevant = np.array([3, 1])
    assert metrics.precision(hit, relevant).tolist() == [0.5, 0.25]
    assert metrics.recall(hit, relevant) == pytest.approx([2 / 3, 1])
    assert metrics.hit_rate(hit, relevant).tolist() == [1, 1]
    # first user: (1 + 1/2) / (1 + 1/log2(3) + 1/2); second: 1/log2(5) of the 1 that rank 1 would give
    assert metrics.ndcg(hit, relevant) == pytest.approx([1.5 / 2.1309297535714573, 0.43067655807339306], rel=1e-12)


def test_example_of_jarvelin_and_kekalainen_in_binary():
    # https://en.wikipedia.org/wiki/Discounted_cumulative_gain, relevances 3,2,3,0,1,2 read as 1,1,1,0,1,1:
    # gains 1, 0.631, 0.5, 0, 0.387, 0.356 of at most 1, 0.631, 0.5, 0.431, 0.387
    hit = np.array([[True, True, True, False, True, True]])
    expected = (1 + 0.63093 + 0.5 + 0.38685 + 0.35621) / (1 + 0.63093 + 0.5 + 0.43068 + 0.38685)
    assert metrics.ndcg(hit, np.array([5]))[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("k", [1, 5, 20])
def test_ndcg_as_scikit_learn(k):
    rng = np.random.default_rng(0)
    truth = rng.random((30, 20)) < 0.2
    truth[:, 0] = True  # scikit-learn gives 0, not an error, to users without any relevant item
    scores = rng.permuted(np.tile(np.arange(20.0), (30, 1)), axis=1)
    order = np.argsort(-scores, axis=1)[:, :k]
    ours = metrics.ndcg(np.take_along_axis(truth, order, axis=1), truth.sum(axis=1))
    theirs = [ndcg_score(truth[[row]].astype(int), scores[[row]], k=k) for row in range(30)]
    assert ours == pytest.approx(theirs, rel=1e-12)


def test_list_equal_to_what_was_taken_is_perfect():
    hit = metrics.hits(lists(a="xyz"), lists(a="zyx"), pd.Index(["a"]), 3)
    for metric in (metrics.precision, metrics.recall, metrics.ndcg, metrics.hit_rate):
        assert metric(hit, np.array([3])).tolist() == [1.0]


def test_all_hits_are_perfect_ndcg_however_many_more_were_taken():
    assert metrics.ndcg(np.ones((1, 10), bool), np.array([200])).tolist() == [1.0]


hit_matrices = st.tuples(st.integers(1, 6), st.integers(1, 12)).flatmap(lambda shape: hnp.arrays(bool, shape))


@settings(deadline=None)
@given(hit_matrices, st.integers(0, 20))
def test_bounds(hit, more):
    relevant = np.maximum(hit.sum(axis=1) + more, 1)
    for metric in (metrics.precision, metrics.recall, metrics.ndcg, metrics.hit_rate):
        values = metric(hit, relevant)
        assert ((values >= 0) & (values <= 1 + 1e-12)).all()


@settings(deadline=None)
@given(hit_matrices, st.data())
def test_one_more_hit_never_lowers(hit, data):
    relevant = hit.sum(axis=1) + 1
    more = hit.copy()
    more[data.draw(st.integers(0, hit.shape[0] - 1)), data.draw(st.integers(0, hit.shape[1] - 1))] = True
    for metric in (metrics.precision, metrics.recall, metrics.ndcg, metrics.hit_rate):
        assert (metric(more, relevant) >= metric(hit, relevant)).all()


@settings(deadline=None)
@given(hit_matrices)
def test_a_hit_nearer_the_top_never_lowers_ndcg(hit):
    relevant = np.maximum(hit.sum(axis=1), 1)
    earlier = -np.sort(-hit.astype(int), axis=1)
    assert (metrics.ndcg(earlier.astype(bool), relevant) >= metrics.ndcg(hit, relevant) - 1e-12).all()


def test_novelty_by_hand():
    # x: all 4 of 4 users, 0 bits; y: 2 of 4, 1 bit; z: 1 of 4, 2 bits; new: half a user of 4, 3 bits
    novelty = metrics.novelty(lists(a="xy", b=["z", "new"]), train(), USERS, 10)
    assert novelty[:2] == pytest.approx([0.5, 2.5], rel=1e-12)
    assert np.isnan(novelty[2])


def test_novelty_looks_at_the_first_k_only():
    assert metrics.novelty(lists(a="xz"), train(), pd.Index(["a"]), 1).tolist() == [0.0]


def test_coverage_by_hand():
    assert metrics.coverage(lists(a="xy", b="x"), train(), 10) == pytest.approx(2 / 3)
    assert metrics.coverage(lists(a="xy", b="x"), train(), 1) == pytest.approx(1 / 3)


def test_coverage_of_unknown_items_and_of_no_lists():
    assert metrics.coverage(lists(a=["new"]), train(), 10) == 0
    assert metrics.coverage(lists(), train(), 10) == 0
