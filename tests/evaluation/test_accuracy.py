"""Accuracy against numbers worked out by hand, scikit-learn, and what must hold for any hits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score, ndcg_score

from reco.evaluation.accuracy import (
    average_precision,
    hit_rate,
    ndcg,
    personalized_hit_ratio,
    precision,
    recall,
    reciprocal_rank,
    weighted_recall,
)

METRICS = (precision, recall, ndcg, average_precision, reciprocal_rank, hit_rate)
HIT = np.array([[True, False, True, False], [False, False, False, True], [False, False, False, False]])
RELEVANT = np.array([3, 1, 2])


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (precision, [2 / 4, 1 / 4, 0]),
        (recall, [2 / 3, 1, 0]),
        # (1 + 1/2) / (1 + 1/log2(3) + 1/2), and 1/log2(5) of the 1 that rank 1 would give
        (ndcg, [1.5 / 2.1309297535714573, 0.43067655807339306, 0]),
        (average_precision, [(1 + 2 / 3) / 3, 1 / 4, 0]),
        (reciprocal_rank, [1, 1 / 4, 0]),
        (hit_rate, [1, 1, 0]),
    ],
)
def test_by_hand(metric, expected):
    assert metric(HIT, RELEVANT) == pytest.approx(expected, rel=1e-12)


def test_example_of_jarvelin_and_kekalainen_in_binary():
    # https://en.wikipedia.org/wiki/Discounted_cumulative_gain, relevances 3,2,3,0,1,2 read as 1,1,1,0,1,1:
    # gains 1, 0.631, 0.5, 0, 0.387, 0.356 of at most 1, 0.631, 0.5, 0.431, 0.387
    hit = np.array([[True, True, True, False, True, True]])
    expected = (1 + 0.63093 + 0.5 + 0.38685 + 0.35621) / (1 + 0.63093 + 0.5 + 0.43068 + 0.38685)
    assert ndcg(hit, np.array([5]))[0] == pytest.approx(expected, rel=1e-5)


def test_example_of_the_stanford_course_on_average_precision():
    # Manning, Raghavan, Schütze, "Introduction to Information Retrieval", 2008, section 8.4: the mean of the precisions
    # at each relevant document; here ranks 1, 3 and 6 of 6
    hit = np.array([[True, False, True, False, False, True]])
    assert average_precision(hit, np.array([3]))[0] == pytest.approx((1 / 1 + 2 / 3 + 3 / 6) / 3, rel=1e-12)


@pytest.mark.parametrize("k", [1, 5, 20])
def test_as_scikit_learn(k):
    rng = np.random.default_rng(0)
    truth = rng.random((30, 20)) < 0.2
    truth[:, 0] = True  # scikit-learn gives 0, not an error, to users without any relevant item
    scores = rng.permuted(np.tile(np.arange(20.0), (30, 1)), axis=1)
    order = np.argsort(-scores, axis=1)[:, :k]
    hit, relevant = np.take_along_axis(truth, order, axis=1), truth.sum(axis=1)
    theirs = [ndcg_score(truth[[row]].astype(int), scores[[row]], k=k) for row in range(30)]
    assert ndcg(hit, relevant) == pytest.approx(theirs, rel=1e-12)
    if k == 20:  # scikit-learn knows no cut
        theirs = [average_precision_score(truth[row], scores[row]) for row in range(30)]
        assert average_precision(hit, relevant) == pytest.approx(theirs, rel=1e-12)


def test_nothing_but_hits_is_perfect_however_many_more_were_taken():
    hit = np.ones((1, 10), bool)
    assert [metric(hit, np.array([200]))[0] for metric in METRICS] == [1, 0.05, 1, 1, 1, 1]


def test_personalized_hit_ratio_leaves_out_who_has_no_list():
    listed = np.array([True, True, False])
    ratio = personalized_hit_ratio(HIT, listed)
    assert ratio[:2].tolist() == [1, 1]
    assert np.isnan(ratio[2])
    assert np.nanmean(ratio) == 1
    assert hit_rate(HIT, RELEVANT).mean() == pytest.approx(2 / 3)


def test_recall_weighted_alike_is_recall():
    rows, _ = np.nonzero(HIT)
    weighted = weighted_recall(rows, np.full(len(rows), 7.0), 7.0 * RELEVANT)
    assert weighted == pytest.approx(recall(HIT, RELEVANT), rel=1e-12)


hit_matrices = st.tuples(st.integers(1, 6), st.integers(1, 12)).flatmap(lambda shape: hnp.arrays(bool, shape))


@settings(deadline=None)
@given(hit_matrices, st.integers(0, 20))
def test_bounds(hit, more):
    relevant = np.maximum(hit.sum(axis=1) + more, 1)
    for metric in METRICS:
        values = metric(hit, relevant)
        assert values.shape == (len(hit),)
        assert ((values >= 0) & (values <= 1 + 1e-12)).all()


@settings(deadline=None)
@given(hit_matrices, st.data())
def test_one_more_hit_never_lowers(hit, data):
    relevant = hit.sum(axis=1) + 1
    more = hit.copy()
    more[data.draw(st.integers(0, hit.shape[0] - 1)), data.draw(st.integers(0, hit.shape[1] - 1))] = True
    for metric in METRICS:
        assert (metric(more, relevant) >= metric(hit, relevant) - 1e-12).all()


@settings(deadline=None)
@given(hit_matrices)
def test_hits_nearer_the_top_never_lower(hit):
    relevant = np.maximum(hit.sum(axis=1), 1)
    earlier = -np.sort(-hit.astype(int), axis=1) > 0
    for metric in METRICS:
        assert (metric(earlier, relevant) >= metric(hit, relevant) - 1e-12).all()
