"""Metrics of the output itself: what would be wrong with a list before anybody sees it."""

import numpy as np

from reco.evaluation.beyond_accuracy import mean_listed


def full_slate(listed: np.ndarray) -> np.ndarray:
    """1 where all k places hold an item, each another one, else 0 (`listed`: bool, users x k, repeats left out).

    >>> full_slate(np.array([[True, True], [True, False], [False, False]])).tolist()
    [1.0, 0.0, 0.0]
    """
    return listed.all(axis=1).astype(float)


def duplicates(repeated: np.ndarray, listed: np.ndarray) -> np.ndarray:
    """Share of a list's items that stand higher up already (`repeated`, bool, users x k); NaN for an empty list.

    >>> duplicates(np.array([[False, False, True]]), np.array([[True, True, False]])).round(4).tolist()
    [0.3333]
    """
    return mean_listed(repeated, listed | repeated)


def unknown_items(unknown: np.ndarray, listed: np.ndarray) -> np.ndarray:
    """Share of a list's items that are `unknown` to training (bool, users x k); NaN for an empty list.

    Wanted where a model knows new items from their attributes, else a sign of lists and catalogue out of step.

    >>> unknown_items(np.array([[False, True], [False, False]]), np.array([[True, True], [False, False]])).tolist()
    [0.5, nan]
    """
    return mean_listed(unknown, listed)
