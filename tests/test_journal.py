"""Acts found by customer and time, against a plain loop."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.journal import DAY, SECOND, Journal

moments = st.integers(-3 * DAY, 40 * DAY)
acts = st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 5), moments), max_size=30)
asked = st.lists(st.tuples(st.integers(-1, 3), moments), max_size=8)


def columns(rows: list[tuple[int, ...]], width: int) -> list[np.ndarray]:
    return list(np.array(rows, dtype="int64").reshape(-1, width).T)


@settings(max_examples=200, deadline=None)
@given(acts, asked, st.sampled_from([0, 0.5, 1, 7, 30, 10**9]))
def test_acts_of_the_days_before_in_order_of_time(rows, questions, days):
    journal = Journal.of(*columns(rows, 3))
    customers, at = columns(questions, 2)
    place, entry = journal.within(customers, at, days)
    found = list(zip(place.tolist(), journal.item[entry].tolist(), journal.at[entry].tolist(), strict=True))
    expected = [
        (number, item, moment)
        for number, (customer, until) in enumerate(questions)
        for who, item, moment in sorted(rows, key=lambda row: (row[2], row[1]))
        if who == customer >= 0 and item >= 0 and until - min(days * DAY, 2**62) <= moment < until
    ]
    assert found == expected


def test_the_moment_itself_is_not_before_and_the_last_of_the_days_is():
    journal = Journal.of(*columns([(0, 7, 5 * DAY + 1)], 3))
    for until, days, found in (
        (5 * DAY + 1, 30, 0),
        (5 * DAY + 2, 30, 1),
        (35 * DAY + 1, 30, 1),
        (35 * DAY + 2, 30, 0),
    ):
        assert len(journal.within(np.array([0]), np.array([until]), days)[0]) == found


def test_within_a_second_the_moment_decides():
    journal = Journal.of(*columns([(0, 1, 10 * SECOND + 5), (0, 2, 10 * SECOND + 9)], 3))
    _, entry = journal.within(np.array([0]), np.array([10 * SECOND + 7]), 1)
    assert journal.item[entry].tolist() == [1]


def test_a_journal_of_nothing():
    place, entry = Journal.of(*columns([], 3)).within(np.array([0, -1]), np.array([DAY, DAY]), 30)
    assert len(place) == len(entry) == 0
