"""The greedy choice of slates on random proposals, against a plain loop and against all possible choices."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.contexts import selection
from reco.contexts.selection import Chosen, Demand, choose

#: Categories and price bands of items 0 … 9; two have no category.
CATEGORIES = np.array([0, 0, 0, 0, 1, 1, 2, 3, -1, -1])
BANDS = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])

slates = st.lists(st.lists(st.integers(0, 9), max_size=8, unique=True), min_size=1, max_size=5)
some = settings(max_examples=60, deadline=None)
sizes = st.integers(1, 8)


def flat(of: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    slate = np.repeat(np.arange(len(of)), [len(one) for one in of])
    return slate, np.array([item for one in of for item in one], dtype="int64")


def chosen(of: list[list[int]], size: int, least: int = 0, most: int = 99, **options) -> list[list[int]]:
    slate, item = flat(of)
    found = choose(slate, len(of), size, [Demand(CATEGORIES[item], most, least)], **options)
    return shown(of, found)


def shown(of: list[list[int]], found: Chosen) -> list[list[int]]:
    slate, item = flat(of)
    return [item[found.entries[slate[found.entries] == number]].tolist() for number in range(len(of))]


def kinds(of: list[int]) -> int:
    return len({CATEGORIES[item] for item in of} - {-1})


def test_a_better_product_gives_way_to_a_third_category():
    # four of category 0 first, then 1 and 2: two of the four stay
    assert chosen([[0, 1, 2, 3, 4, 6]], size=4, least=3) == [[0, 1, 4, 6]]


def test_first_ones_stand_when_they_vary_enough():
    assert chosen([[4, 0, 6, 7, 1]], size=3, least=3) == [[4, 0, 6]]


def test_without_a_demand_the_first_ones_stand():
    assert chosen([[0, 1, 2, 3, 4, 6]], size=4) == [[0, 1, 2, 3]]


def test_unknown_groups_do_not_count_but_may_fill():
    assert chosen([[8, 9, 0, 4]], size=3, least=2) == [[8, 0, 4]]


def test_no_group_over_its_cap():
    assert chosen([[0, 1, 2, 4, 5, 8, 9]], size=5, most=1) == [[0, 4, 8, 9, 1]]  # the last place: the cap gives way
    assert chosen([[0, 1, 2, 4, 5, 8, 9]], size=4, most=1) == [[0, 4, 8, 9]]


def test_caps_by_group():
    slate, item = flat([[0, 1, 2, 4, 5]])
    caps = np.array([1, 2, 1, 1])
    found = choose(slate, 1, 3, [Demand(CATEGORIES[item], caps, 0)])
    assert shown([[0, 1, 2, 4, 5]], found) == [[0, 4, 5]]


def test_a_section_keeps_its_last_place_for_what_only_it_can_show():
    # items of two sections in turns, two places each; only the first one has item 4, which is new
    item, section = np.arange(6), np.array([0, 1, 0, 1, 0, 1])
    demands = [Demand(section, np.array([2, 2]), 0), Demand(np.where(item == 4, 0, -1), 4, 1)]
    found = choose(np.zeros(6, "int64"), 1, 4, demands)
    assert item[found.entries].tolist() == [0, 1, 3, 4]
    assert not found.unmet.any()
    # where the other section has one as well, the first one's last place may go to another
    demands[1] = Demand(np.where(item >= 4, 0, -1), 4, 1)
    assert item[choose(np.zeros(6, "int64"), 1, 4, demands).entries].tolist() == [0, 1, 2, 5]


def test_the_later_demand_gives_way_and_says_so():
    slate, item = flat([[0, 1, 3]])  # one category, and two bands
    demands = [Demand(BANDS[item], 3, 2), Demand(CATEGORIES[item], 3, 2)]
    found = choose(slate, 1, 2, demands)
    assert shown([[0, 1, 3]], found) == [[0, 1]]
    assert found.unmet.tolist() == [[False, True]]
    # a cap that cannot hold: three of one category, two allowed
    found = choose(slate, 1, 3, [Demand(CATEGORIES[item], 2, 0)])
    assert found.unmet.tolist() == [[True]]


def test_a_strong_demand_stands_against_a_weak_one():
    # three places: three categories leave no room for a second band, since 0, 6 and 3 are of band 0
    slate, item = flat([[0, 3, 6, 1]])
    band, category = Demand(BANDS[item], 4, 2), Demand(CATEGORIES[item], 4, 2)
    both = choose(slate, 1, 2, [category, band])
    assert shown([[0, 3, 6, 1]], both) == [[0, 6]]
    assert both.unmet.tolist() == [[False, True]]
    other = choose(slate, 1, 2, [band, category])
    assert shown([[0, 3, 6, 1]], other) == [[0, 1]]
    assert other.unmet.tolist() == [[False, True]]


def test_what_demands_moved_is_counted():
    slate, item = flat([[0, 1, 2, 3, 4, 6], [0, 4, 6]])
    found = choose(slate, 2, 4, [Demand(CATEGORIES[item], 4, 3)])
    assert found.moved.tolist() == [2]


def test_a_pinned_product_has_its_place():
    slate, item = flat([[0, 1, 4, 6]])
    pins = np.array([0, 0, 0, 2])
    found = choose(slate, 1, 3, [Demand(CATEGORIES[item], 9, 0)], pins)
    assert shown([[0, 1, 4, 6]], found) == [[0, 6, 1]]
    assert shown([[0, 1, 4, 6]], choose(slate, 1, 1, [], pins)) == [[0]]


@some
@given(slates, sizes, st.integers(0, 4), st.integers(1, 3))
def test_full_nothing_twice_nothing_invented(of, size, least, most):
    for proposed, slate in zip(of, chosen(of, size, least, most), strict=True):
        assert len(slate) == min(size, len(proposed))
        assert len(set(slate)) == len(slate)
        assert set(slate) <= set(proposed)


@some
@given(slates, sizes, st.integers(0, 4))
def test_as_many_groups_as_asked_for_or_available(of, size, least):
    for proposed, slate in zip(of, chosen(of, size, least), strict=True):
        assert kinds(slate) >= min(least, size, kinds(proposed))


@some
@given(slates, sizes, st.integers(0, 4))
def test_no_other_choice_with_so_many_groups_is_better_ordered(of, size, least):
    for proposed, slate in zip(of, chosen(of, size, least), strict=True):
        enough = min(least, size, kinds(proposed))
        places = [
            choice
            for choice in combinations(range(len(proposed)), len(slate))
            if kinds([proposed[place] for place in choice]) >= enough
        ]
        ours = tuple(sorted(proposed.index(item) for item in slate))
        assert ours == min(places)


@some
@given(slates, sizes, st.integers(0, 3), st.integers(1, 3), st.integers(0, 3))
def test_what_is_unmet_is_what_a_count_of_the_slate_finds(of, size, least, most, bands):
    slate, item = flat(of)
    demands = [Demand(CATEGORIES[item], most, least), Demand(BANDS[item], 9, bands)]
    found = choose(slate, len(of), size, demands)
    for number, held in enumerate(shown(of, found)):
        known = [CATEGORIES[one] for one in held if CATEGORIES[one] >= 0]
        over = any(known.count(one) > most for one in known)
        assert found.unmet[number, 0] == (over or len(set(known)) < min(least, len(held)))
        assert found.unmet[number, 1] == (len({BANDS[one] for one in held}) < min(bands, len(held)))


@some
@given(slates, sizes)
def test_positions_count_from_one_in_every_slate(of, size):
    slate, _ = flat(of)
    found = choose(slate, len(of), size, [])
    for number in range(len(of)):
        mine = found.position[slate[found.entries] == number]
        assert mine.tolist() == list(range(1, len(mine) + 1))


def test_blocks_do_not_change_what_is_chosen(monkeypatch):
    rng = np.random.default_rng(3)
    of = [rng.permutation(10)[: rng.integers(0, 9)].tolist() for _ in range(20)]
    whole = chosen(of, 4, 2, 2)
    monkeypatch.setattr(selection, "BLOCK", 3)
    assert chosen(of, 4, 2, 2) == whole


def test_propensities_are_the_chances_of_the_draws():
    # 4,000 slates alike, all categories different: each place is explored with chance 0.3
    of = [[0, 4, 6, 7]] * 4000
    slate, item = flat(of)
    found = choose(slate, len(of), 2, [Demand(CATEGORIES[item], 1, 0)], explore=0.3, rng=np.random.default_rng(1))
    first = found.position == 1
    assert set(np.round(found.propensity[first], 9)) == {0.775, 0.075}
    second = found.position == 2
    assert set(np.round(found.propensity[second], 9)) == {0.8, 0.1}
    share = np.mean(item[found.entries[first]] == 0)
    assert share == pytest.approx(0.775, abs=4 * np.sqrt(0.775 * 0.225 / 4000))
    # weights by propensity give every product its due: each item's expected weight is one
    for product in (4, 6, 7):
        mine = first & (item[found.entries] == product)
        assert (mine / found.propensity).sum() / 4000 == pytest.approx(1, abs=0.25)


def test_exploring_keeps_the_demands():
    of = [[0, 1, 2, 4, 6]] * 200
    held = chosen(of, 3, 3, 1, explore=0.9, rng=np.random.default_rng(2))
    assert all(kinds(one) == 3 for one in held)


def test_nothing_asked_nothing_chosen():
    assert chosen([[]], 4, 3) == [[]]
    nothing = np.empty(0, "int64")
    assert len(choose(nothing, 0, 4, []).entries) == 0
