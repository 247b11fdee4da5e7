"""What is wrong with lists before anybody sees them."""

import numpy as np

from reco.evaluation.quality import duplicates, full_slate, unknown_items


def test_a_slate_is_full_or_not():
    assert full_slate(np.array([[True, True], [True, False], [False, False]])).tolist() == [1, 0, 0]


def test_duplicates_are_shares_of_what_was_listed():
    repeated = np.array([[False, True, True, True], [False, False, False, False], [False, False, False, False]])
    listed = np.array([[True, False, False, False], [True, True, False, False], [False, False, False, False]])
    assert duplicates(repeated, listed)[:2].tolist() == [0.75, 0]
    assert np.isnan(duplicates(repeated, listed)[2])


def test_unknown_items_are_shares_of_what_was_listed():
    unknown = np.array([[False, False, True], [True, True, False], [False, False, False]])
    listed = np.array([[True, True, True], [True, True, False], [False, False, False]])
    assert unknown_items(unknown, listed)[:2].tolist() == [1 / 3, 1]
    assert np.isnan(unknown_items(unknown, listed)[2])
