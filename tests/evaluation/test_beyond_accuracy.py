"""Novelty, surprise and variety against slow ways of counting them and numbers worked out by hand."""

from decimal import Decimal
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reco.evaluation.beyond_accuracy import (
    coverage,
    diversity,
    entropy,
    gini,
    personalization,
    popularity_ranks,
    price_percentiles,
    self_information,
    serendipity,
    unexpectedness,
)

counts = st.lists(st.integers(0, 20), min_size=1, max_size=12).map(np.array)


def test_self_information_by_hand():
    # all 4 of 4 users, 0 bits; 2 of 4, 1 bit; 1 of 4, 2 bits; nobody counts as half a user, 3 bits
    assert self_information(np.array([4, 2, 1, 0]), 4).tolist() == [0, 1, 2, 3]


def test_nothing_is_known_of_items_without_users():
    assert np.isnan(self_information(np.array([0]), 0)).all()


@settings(deadline=None)
@given(counts)
def test_popularity_ranks_by_owners_and_then_by_number(owners):
    order = sorted(range(len(owners)), key=lambda item: (-owners[item], item))
    assert np.argsort(popularity_ranks(owners)).tolist() == order


def test_best_sellers_are_expected_and_nothing_else():
    listed = np.array([[True, True, True, False], [False, False, False, False]])
    expected = np.array([[True, False, False, False], [False, False, False, False]])
    values = unexpectedness(expected, listed)
    assert values[0] == pytest.approx(2 / 3)
    assert np.isnan(values[1])


def test_serendipity_is_precision_less_what_was_expected_or_owned():
    hit = np.array([[True, True, True, False]])
    none = np.zeros_like(hit)
    assert serendipity(hit, none, none).tolist() == [0.75]
    assert serendipity(hit, hit, none).tolist() == [0]
    assert serendipity(hit, none, hit).tolist() == [0]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=7))
def test_diversity_as_the_mean_over_pairs(products):
    alike = np.array(
        [[sum(a == b for q in products[:n] for a, b in zip(p, q, strict=True)) for n, p in enumerate(products)]]
    )
    value = diversity(alike, np.ones(alike.shape, bool), attributes=3)[0]
    pairs = [np.mean([a != b for a, b in zip(p, q, strict=True)]) for p, q in combinations(products, 2)]
    if pairs:
        assert value == pytest.approx(np.mean(pairs), abs=1e-12)
    else:
        assert np.isnan(value)


def test_coverage_of_nothing():
    assert np.isnan(coverage(np.array([], int)))
    assert coverage(np.array([0, 0])) == 0


@settings(deadline=None)
@given(counts)
def test_gini_as_half_the_mean_absolute_difference(counts):
    if counts.sum() == 0:
        assert np.isnan(gini(counts))
        return
    by_pairs = np.abs(counts[:, None] - counts[None]).mean() / (2 * counts.mean())
    assert gini(counts) == pytest.approx(by_pairs, abs=1e-12)
    assert gini(np.sort(counts)[::-1]) == gini(counts)


@settings(deadline=None)
@given(counts)
def test_entropy_as_scipy(counts):
    if counts.sum() == 0:
        assert np.isnan(entropy(counts))
    else:
        assert entropy(counts) == pytest.approx(stats.entropy(counts, base=2), abs=1e-12)


lists = st.lists(st.sets(st.integers(0, 6), max_size=5), min_size=0, max_size=8)


def padded(of: list[set[int]], k: int = 5) -> np.ndarray:
    return np.array([[*sorted(items), *[-1] * (k - len(items))] for items in of], int).reshape(len(of), k)


@settings(deadline=None)
@given(lists)
def test_personalization_as_the_mean_over_pairs(lists):
    some = [items for items in lists if items]
    overlaps = [len(a & b) / np.sqrt(len(a) * len(b)) for a, b in combinations(some, 2)]
    if overlaps:
        assert personalization(padded(lists)) == pytest.approx(1 - np.mean(overlaps), abs=1e-12)
    else:
        assert np.isnan(personalization(padded(lists)))


def test_personalization_of_equal_and_of_disjoint_lists():
    assert personalization(padded([{1, 2}, {1, 2}, {1, 2}])) == pytest.approx(0, abs=1e-12)
    assert personalization(padded([{1, 2}, {3}, {4, 5, 6}])) == pytest.approx(1, abs=1e-12)


def test_prices_in_any_type():
    frame = pd.DataFrame({"price": ["4", "1", Decimal("4.0"), None]})
    assert price_percentiles(frame).tolist() == pytest.approx([2 / 3, 1 / 6, 2 / 3, float("nan")], nan_ok=True)
    assert price_percentiles(frame[["price"]].head(0)) is None
    assert price_percentiles(frame.rename(columns={"price": "cost"})) is None
    assert price_percentiles(None) is None
