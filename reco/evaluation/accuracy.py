"""Metrics of what a list found: from hits (bool, users x k, the place of every hit) for all users at once.

`relevant` is how many items each user took, at least 1. A place left empty is a miss, and a user without a list has
nothing but misses.
"""

import numpy as np

from reco.ranking import place


def precision(hit: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """Hits / k: the share of the k places that hold a relevant item.

    The divisor is k, also where fewer items are listed or relevant.

    >>> precision(np.array([[True, False]]), np.array([3])).tolist()
    [0.5]
    """
    return hit.mean(axis=1)


def recall(hit: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """Hits / number of relevant items: the share of what the user took that is among the k.

    The divisor is the number of relevant items, also where it passes k; some take min(relevant, k).

    >>> recall(np.array([[True, False]]), np.array([4])).tolist()
    [0.25]
    """
    return hit.sum(axis=1) / relevant


def ndcg(hit: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """Normalized discounted cumulative gain with binary relevance.

    The sum of 1 / log2(rank + 1) over hits, divided by that of the best list possible: min(relevant, k) hits first.
    K. Järvelin, J. Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 2002, with the discount
    of C. Burges et al., "Learning to rank using gradient descent", ICML 2005.

    >>> ndcg(np.array([[False, True]]), np.array([1])).round(4).tolist()
    [0.6309]
    """
    discount = 1 / np.log2(np.arange(2, hit.shape[1] + 2))
    best = np.concatenate([[0.0], np.cumsum(discount)])
    rows, places = np.nonzero(hit)
    return np.bincount(rows, discount[places], minlength=len(hit)) / best[np.minimum(relevant, hit.shape[1])]


def average_precision(hit: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """Average precision; its mean over users is MAP.

    The sum over hits of the precision down to their rank, divided by min(relevant, k), so that a list of nothing but
    hits has 1. TREC divides by the number of relevant items even where they cannot all be listed, some libraries by
    the number of hits. C. Buckley, E. Voorhees, "Evaluating evaluation measure stability", SIGIR 2000.

    >>> average_precision(np.array([[True, False, True]]), np.array([2])).round(4).tolist()
    [0.8333]
    """
    rows, places = np.nonzero(hit)
    precisions = (place(rows) + 1) / (places + 1)
    return np.bincount(rows, precisions, minlength=len(hit)) / np.minimum(relevant, hit.shape[1])


def reciprocal_rank(hit: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """1 / rank of the first hit, 0 without one; its mean over users is MRR.

    E. Voorhees, "The TREC-8 question answering track report", TREC 1999.

    >>> reciprocal_rank(np.array([[False, True], [False, False]]), np.array([1, 1])).tolist()
    [0.5, 0.0]
    """
    return hit.any(axis=1) / (hit.argmax(axis=1) + 1)


def hit_rate(hit: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """1 where at least one of the k is relevant, else 0; success@k at TREC.

    The mean is over all users, those without a list among them.

    >>> hit_rate(np.array([[False, True]]), np.array([1])).tolist()
    [1.0]
    """
    return hit.any(axis=1).astype(float)


def personalized_hit_ratio(hit: np.ndarray, listed: np.ndarray) -> np.ndarray:
    """The hit rate of users who were given a list (`listed`, bool), NaN for the others.

    It tells how good the lists are that exist, where the hit rate also counts those that the model owes. A model that
    serves a few users well has a high ratio and a low rate; where everyone has a list, both are equal.

    >>> personalized_hit_ratio(np.array([[True], [False], [False]]), np.array([True, True, False])).tolist()
    [1.0, 0.0, nan]
    """
    return np.where(listed, hit.any(axis=1), np.nan)


def weighted_recall(users: np.ndarray, amounts: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Amount of the hits / amount of everything the user took: recall in which items weigh what they are worth.

    `users` holds the row of the user of each hit, `amounts` what it is worth, at least 0, and `totals` the divisor of
    each user; NaN where that is 0.

    >>> weighted_recall(np.array([0, 0]), np.array([3.0, 1.0]), np.array([5.0, 0.0])).tolist()
    [0.8, nan]
    """
    found = np.bincount(users, amounts, minlength=len(totals))
    return np.divide(found, totals, out=np.full(len(totals), np.nan), where=totals > 0)
