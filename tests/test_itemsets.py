"""Itemsets against counting every set there can be."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from reco import itemsets
from reco.itemsets import derive_rules, frequent_itemsets, least_count, replace_within

ITEMS = 6
SOME_BASKETS = st.lists(st.sets(st.integers(0, ITEMS - 1)), min_size=1, max_size=12)


def as_matrix(baskets: list[set[int]]) -> sparse.csr_matrix:
    dense = np.zeros((len(baskets), ITEMS), bool)
    for row, basket in enumerate(baskets):
        dense[row, list(basket)] = True
    return sparse.csr_matrix(dense)


def counted(baskets: list[set[int]], least: int, longest: int | None) -> list[dict[tuple[int, ...], int]]:
    """By length: every set of items that enough baskets hold, in order, with their number."""
    levels = []
    for length in range(1, (longest or ITEMS) + 1):
        sets = combinations(range(ITEMS), length)
        counts = {items: sum(basket >= set(items) for basket in baskets) for items in sets}
        levels.append({items: count for items, count in counts.items() if count >= least})
    return [level for level in levels if level]


def listed(levels: list[itemsets.Itemsets]) -> list[dict[tuple[int, ...], int]]:
    return [dict(zip(map(tuple, items.tolist()), counts.tolist(), strict=True)) for items, counts in levels]


@given(baskets=SOME_BASKETS, least=st.integers(1, 5), longest=st.sampled_from([1, 2, 3, None]))
def test_every_frequent_set_is_counted_once_and_in_order(baskets, least, longest):
    found = listed(frequent_itemsets(as_matrix(baskets), least, longest))
    expected = counted(baskets, least, longest)
    assert found == expected
    assert [list(level) for level in found] == [list(level) for level in expected]


@pytest.mark.parametrize("cells", [1, 7, 50])
def test_blocks_do_not_matter(monkeypatch, cells):
    baskets = as_matrix([set(row) for row in np.random.default_rng(0).integers(0, ITEMS, (60, 4))])
    whole = listed(frequent_itemsets(baskets, 2))
    assert [len(level) for level in whole] == [6, 15, 19, 3]
    monkeypatch.setattr(itemsets, "CELLS", cells)
    assert listed(frequent_itemsets(baskets, 2)) == whole


def test_an_item_twice_in_a_basket_counts_once():
    twice = sparse.csr_matrix((np.ones(3, bool), [1, 1, 4], [0, 3]), shape=(1, ITEMS))
    assert listed(frequent_itemsets(twice, 1)) == [{(1,): 1, (4,): 1}, {(1, 4): 1}]


def test_more_sets_than_memory_holds(monkeypatch):
    monkeypatch.setattr(itemsets, "MOST", 20)
    with pytest.raises(ValueError, match="more than 20 itemsets; expected a higher support or shorter sets"):
        frequent_itemsets(as_matrix([set(range(ITEMS))]), 1)


@given(
    before=SOME_BASKETS, after=SOME_BASKETS, least=st.integers(1, 4), more=st.integers(0, 1), longest=st.integers(1, 3)
)
def test_sets_of_few_items_counted_again(before, after, least, more, longest):
    changed = np.isin(np.arange(ITEMS), [item for basket in after for item in basket])
    everything = before + after
    few = as_matrix([basket & set(np.flatnonzero(changed)) for basket in everything])
    again = frequent_itemsets(few, least + more, longest)
    found = replace_within(frequent_itemsets(as_matrix(before), least, longest), changed, again, least + more)
    assert listed(found) == counted(everything, least + more, longest)


def test_rules_with_few_consequents():
    found = frequent_itemsets(as_matrix([{0, 1, 2}, {0, 1, 2}, {0}]), 2)
    every, single = derive_rules(found, 0.1), derive_rules(found, 0.1, most_consequents=1)
    assert len(every.both) == 12  # 6 between two items, 3 of two and one, 3 of one and two
    assert single.consequents.shape == (9, 1)
    assert sorted(single.antecedents.tolist()) == [
        [0, -1],
        [0, -1],
        [0, 1],
        [0, 2],
        [1, -1],
        [1, -1],
        [1, 2],
        [2, -1],
        [2, -1],
    ]
    assert single.left[(single.antecedents == [0, -1]).all(axis=1)].tolist() == [3, 3]


@pytest.mark.parametrize(("share", "of", "expected"), [(0.07, 100, 7), (0.0701, 100, 8), (5 / 7, 7, 5), (1e-9, 5, 1)])
def test_least_count(share, of, expected):
    assert least_count(share, of) == expected
