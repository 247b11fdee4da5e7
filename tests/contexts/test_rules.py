"""The rules on random proposals, against plain loops and brute force."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.contexts.rules import Limits, choose, short_slates, take_turns, without

#: Categories of items 0 … 9; two are unknown.
CATEGORIES = np.array([0, 0, 0, 0, 1, 1, 2, 3, -1, -1])

items = st.integers(0, len(CATEGORIES) - 1)
slates = st.lists(st.lists(items, max_size=7, unique=True), max_size=4)
some = settings(max_examples=50, deadline=None)
sizes, kinds = st.integers(1, 8), st.integers(0, 4)


def ordered(of: list[list[int]]) -> pd.DataFrame:
    """Proposals in the order given, a list for each slate."""
    rows = [(slate, item) for slate, proposed in enumerate(of) for item in proposed]
    return pd.DataFrame(rows, columns=["slate", "item"], dtype="int64")


def varied(of: list[int]) -> int:
    return len({CATEGORIES[item] for item in of} - {-1})


def chosen(of: list[list[int]], size: int, min_categories: int) -> list[list[int]]:
    frame = choose(ordered(of), CATEGORIES, size, min_categories)
    return [frame.loc[frame["slate"] == slate, "item"].tolist() for slate in range(len(of))]


def test_a_better_product_gives_way_to_a_third_category():
    # four of category 0 first, then 1 and 2: two of the four stay
    assert chosen([[0, 1, 2, 3, 4, 6]], size=4, min_categories=3) == [[0, 1, 4, 6]]


def test_first_ones_stand_when_they_vary_enough():
    assert chosen([[4, 0, 6, 7, 1]], size=3, min_categories=3) == [[4, 0, 6]]


def test_without_a_minimum_the_first_ones_stand():
    assert chosen([[0, 1, 2, 3, 4, 6]], size=4, min_categories=0) == [[0, 1, 2, 3]]


def test_unknown_categories_do_not_count_but_may_fill():
    assert chosen([[8, 9, 0, 4]], size=3, min_categories=2) == [[8, 0, 4]]


@some
@given(slates, sizes, kinds)
def test_at_most_size_and_all_of_them_where_there_are_enough(of, size, min_categories):
    found = chosen(of, size, min_categories)
    assert [len(slate) for slate in found] == [min(size, len(proposed)) for proposed in of]


@some
@given(slates, sizes, kinds)
def test_nothing_twice_nothing_invented_order_kept(of, size, min_categories):
    for proposed, slate in zip(of, chosen(of, size, min_categories), strict=True):
        assert slate == [item for item in proposed if item in set(slate)]


@some
@given(slates, sizes, kinds)
def test_as_many_categories_as_asked_for_or_available(of, size, min_categories):
    for proposed, slate in zip(of, chosen(of, size, min_categories), strict=True):
        assert varied(slate) >= min(min_categories, size, varied(proposed))


@some
@given(slates, sizes, kinds)
def test_positions_count_from_one(of, size, min_categories):
    frame = choose(ordered(of), CATEGORIES, size, min_categories)
    assert (frame["position"] == frame.groupby("slate").cumcount() + 1).all()


@some
@given(slates, sizes, kinds)
def test_no_other_choice_with_so_many_categories_is_better_ordered(of, size, min_categories):
    for proposed, slate in zip(of, chosen(of, size, min_categories), strict=True):
        enough = min(min_categories, size, varied(proposed))
        places = [
            choice
            for choice in combinations(range(len(proposed)), len(slate))
            if varied([proposed[place] for place in choice]) >= enough
        ]
        ours = tuple(proposed.index(item) for item in slate)
        assert ours == min(places)
        assert sum(ours) == min(map(sum, places))


def test_nothing_proposed_nothing_chosen():
    assert choose(ordered([[]]), CATEGORIES, 4, 3).empty


@some
@given(slates, slates)
def test_without_leaves_out_just_the_blocked_pairs(of, blocked):
    pairs = set(ordered(blocked).itertuples(index=False, name=None))
    expected = [pair for pair in ordered(of).itertuples(index=False, name=None) if pair not in pairs]
    assert list(without(ordered(of), ordered(blocked)).itertuples(index=False, name=None)) == expected


def test_without_keeps_the_other_columns():
    proposals = ordered([[1, 2]]).assign(score=[0.5, 0.25])
    assert without(proposals, ordered([[1]])).to_dict("records") == [{"slate": 0, "item": 2, "score": 0.25}]


def proposals(*rows: tuple[int, int, int, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["slate", "strategy", "item", "score"])


def test_strategies_take_turns():
    found = take_turns(proposals((0, 0, 1, 0.9), (0, 0, 2, 0.8), (0, 0, 3, 0.7), (0, 1, 4, 0.1), (0, 1, 5, 0.2)))
    assert found["item"].tolist() == [1, 5, 2, 4, 3]
    assert found["strategy"].tolist() == [0, 1, 0, 1, 0]


def test_item_of_two_strategies_stands_once_where_it_comes_first():
    found = take_turns(proposals((0, 0, 1, 0.9), (0, 0, 2, 0.8), (0, 1, 2, 0.9), (0, 1, 3, 0.1)))
    assert found[["strategy", "item"]].to_numpy().tolist() == [[0, 1], [1, 2], [1, 3]]


def test_ties_within_a_strategy_go_to_the_lower_item():
    assert take_turns(proposals((0, 0, 7, 0.5), (0, 0, 3, 0.5), (0, 0, 5, 0.5)))["item"].tolist() == [3, 5, 7]


def test_slates_do_not_mix():
    found = take_turns(proposals((1, 0, 1, 0.1), (0, 1, 1, 0.2), (1, 1, 2, 0.9), (0, 0, 2, 0.1)))
    assert found[["slate", "item"]].to_numpy().tolist() == [[0, 2], [0, 1], [1, 1], [1, 2]]


def test_nobody_proposes():
    assert take_turns(proposals()).empty


scored = st.tuples(st.integers(0, 2), st.integers(0, 2), items, st.sampled_from([0.0, 0.5, 1.0]))


@some
@given(st.lists(scored, max_size=25, unique_by=lambda row: row[:3]))
def test_turns_against_a_plain_loop(rows):
    expected = []
    for slate in range(3):
        queues = [
            [item for _, _, item, score in sorted(queue, key=lambda row: (-row[3], row[2]))]
            for queue in ([row for row in rows if row[:2] == (slate, strategy)] for strategy in range(3))
        ]
        said = [queue[turn] for turn in range(25) for queue in queues if turn < len(queue)]
        expected += [(slate, item) for item in dict.fromkeys(said)]
    found = take_turns(proposals(*rows))[["slate", "item"]]
    assert list(found.itertuples(index=False, name=None)) == expected


@pytest.mark.parametrize(
    ("proposed", "limits", "is_short"),
    [
        ([0, 4, 6, 1], Limits(3, 4), False),
        ([0, 4, 6], Limits(3, 4), True),  # too few products
        ([0, 1, 2, 4], Limits(3, 4), True),  # too few categories
        ([0, 4, 8, 9], Limits(3, 4), True),  # unknown categories are none
        ([0, 1, 2, 3], Limits(0, 4), False),  # a store without categories
        ([], Limits(0, 1), True),
    ],
)
def test_which_slates_need_a_fallback(proposed, limits, is_short):
    assert short_slates(ordered([proposed]), 1, CATEGORIES, limits).tolist() == ([0] if is_short else [])
