"""Metrics of what is listed, whoever takes it: novelty, surprise, variety within a list and among lists.

`listed` says which places of the lists (users x k) hold an item.
"""

import numpy as np
import pandas as pd

from reco.columns import Columns


def mean_listed(values: np.ndarray, listed: np.ndarray) -> np.ndarray:
    """Mean of `values` (users x k, 0 where nothing is listed) over the listed places; NaN for a list without any.

    >>> mean_listed(np.array([[1.0, 0.0], [2.0, 4.0], [0.0, 0.0]]), np.array([[1, 0], [1, 1], [0, 0]], bool)).tolist()
    [1.0, 3.0, nan]
    """
    return _share(values.sum(axis=1), listed.sum(axis=1))


def self_information(owners: np.ndarray, users: int) -> np.ndarray:
    """How unlikely it is in bits that a user has an item: -log2(users who have it / users).

    Its mean over a list is the list's novelty: 1 bit more is half as many owners. An item nobody has counts as if
    half a user had it. T. Zhou et al., "Solving the apparent diversity-accuracy dilemma of recommender systems",
    PNAS 2010.

    >>> self_information(np.array([8, 1, 0]), 8).tolist()
    [-0.0, 3.0, 4.0]
    """
    return -np.log2(np.maximum(owners, 0.5) / users) if users else np.full(len(owners), np.nan)


def popularity_ranks(owners: np.ndarray) -> np.ndarray:
    """Place of each item in the list that popularity makes, from 0: most owners first, ties by item number; int32.

    >>> popularity_ranks(np.array([1, 5, 3, 3])).tolist()
    [3, 0, 1, 2]
    """
    ranks = np.empty(len(owners), "int32")
    ranks[np.argsort(-owners, kind="stable")] = np.arange(len(owners))
    return ranks


def price_percentiles(products: pd.DataFrame | None) -> np.ndarray | None:
    """Share of the priced products that cost less than each, those of the same price half: between 0 and 1, mean 1/2.

    Its mean over a list is the list's price mix. NaN where a product has no price; None where none has.

    >>> price_percentiles(pd.DataFrame({"price": [10, 1, 1, None]})).round(3).tolist()
    [0.833, 0.333, 0.333, nan]
    """
    if products is None or Columns.PRICE not in products:
        return None
    prices = pd.to_numeric(products[Columns.PRICE], errors="coerce").astype("float64")
    return ((prices.rank() - 0.5) / prices.count()).to_numpy() if prices.count() else None


def unexpectedness(expected: np.ndarray, listed: np.ndarray) -> np.ndarray:
    """Share of the listed items that are not `expected` (bool, users x k); NaN for an empty list.

    Expected is what needs no model: `evaluate` takes the k most popular items for it. P. Adamopoulos, A. Tuzhilin,
    "On unexpectedness in recommender systems", ACM TIST 2014.

    >>> unexpectedness(np.array([[True, False, False]]), np.array([[True, True, False]])).tolist()
    [0.5]
    """
    return mean_listed(listed & ~expected, listed)


def serendipity(hit: np.ndarray, expected: np.ndarray, owned: np.ndarray) -> np.ndarray:
    """Share of the k places with a hit that is neither `expected` nor what the user `owned` before (bool, users x k).

    Precision of surprises; its divisor, too, is k, and a user without a list has 0. M. Ge, C. Delgado-Battenfeld,
    D. Jannach, "Beyond accuracy: evaluating recommender systems by coverage and serendipity", RecSys 2010, whose
    primitive model is popularity here; that the user must not know the item is J. Herlocker et al., "Evaluating
    collaborative filtering recommender systems", ACM TOIS 2004.

    >>> hit, expected = np.array([[True, True, False, True]]), np.array([[True, False, False, False]])
    >>> serendipity(hit, expected, owned=np.array([[False, False, False, True]])).tolist()
    [0.25]
    """
    return (hit & ~expected & ~owned).mean(axis=1)


def diversity(alike: np.ndarray, listed: np.ndarray, attributes: int) -> np.ndarray:
    """Intra-list diversity: the share of attributes in which two listed items differ, mean over all pairs of the list.

    1 - equal / (attributes · n (n - 1) / 2) for n listed items, where `alike` counts at each rank in how many
    attributes the item equals those above it (int, users x k). A missing value equals another. NaN for lists of fewer
    than two. C.-N. Ziegler et al., "Improving recommendation lists through topic diversification", WWW 2005, with the
    overlap of attributes for similarity.

    >>> # tea and tea of another brand, then soap of a third: (1/2 + 1 + 1) / 3
    >>> diversity(np.array([[0, 1, 0]]), np.ones((1, 3), bool), attributes=2).round(4).tolist()
    [0.8333]
    """
    lengths = listed.sum(axis=1)
    return 1 - _share(alike.sum(axis=1), attributes * lengths * (lengths - 1) / 2)


def categories(first: np.ndarray, listed: np.ndarray) -> np.ndarray:
    """Number of different categories in a list; `first` marks the first item of each (bool, users x k).

    Items without category do not count; NaN for an empty list.

    >>> categories(np.array([[True, False, True]]), np.ones((1, 3), bool)).tolist()
    [2.0]
    """
    return np.where(listed.any(axis=1), first.sum(axis=1), np.nan)


def coverage(counts: np.ndarray) -> float:
    """Share of the catalogue that is in at least one list; `counts` says how many lists hold each item of training.

    >>> coverage(np.array([3, 0, 1, 0]))
    0.5
    """
    return float(np.mean(counts > 0)) if len(counts) else float("nan")


def gini(counts: np.ndarray) -> float:
    """How unequally places are shared out among the items of the catalogue: 0 all alike, near 1 a few have all.

    Σ (2 i - n - 1) c_i / (n Σ c_i) over the n items by ascending count c, those never listed among them; at most
    1 - 1/n. NaN where nothing is listed. D. Fleder, K. Hosanagar, "Blockbuster culture's next rise or fall: the impact
    of recommender systems on sales diversity", Management Science 2009.

    >>> gini(np.array([2, 2])), gini(np.array([0, 0, 0, 8]))
    (0.0, 0.75)
    """
    n, total = len(counts), counts.sum()
    return float((2 * np.arange(1, n + 1) - n - 1) @ np.sort(counts) / (n * total)) if total else float("nan")


def entropy(counts: np.ndarray) -> float:
    """Shannon entropy in bits of which item fills a place: -Σ p log2 p, p an item's share of all places.

    2 to its power is the number of items that, all shown equally often, would be as varied. NaN where nothing is
    listed. C. Shannon, "A mathematical theory of communication", Bell System Technical Journal 1948.

    >>> entropy(np.array([2, 2, 0])), entropy(np.array([4, 0, 0]))
    (1.0, 0.0)
    """
    shares = counts[counts > 0] / max(counts.sum(), 1)
    return float(-(shares * np.log2(shares)).sum()) + 0.0 if len(shares) else float("nan")


def personalization(items: np.ndarray) -> float:
    """1 - mean overlap of two users' lists: 0 where all see the same, 1 where no item is shown to two of them.

    The overlap is the cosine |A ∩ B| / √(|A| |B|), for full lists the share of the k that is common. The mean over
    all pairs is exact: with every item of a list weighing 1 / √length, the pairs' overlaps add up to the squares of
    the items' sums, less each list with itself. `items` holds item numbers (lists x k, distinct in a list, -1 where
    empty); empty lists do not count, NaN with fewer than two others. After "personalization" of C. Longo's
    recmetrics, which takes all pairs one by one; "inter-user diversity" of T. Zhou et al., PNAS 2010.

    >>> personalization(np.array([[0, 1], [1, 2], [0, 3]])).__round__(4)
    0.6667
    """
    lengths = (items >= 0).sum(axis=1)
    n = np.count_nonzero(lengths)
    if n < 2:
        return float("nan")
    weights = np.tile(1 / np.sqrt(np.maximum(lengths, 1)), items.shape[1])
    sums = np.bincount((items + 1).ravel(order="F"), weights)[1:]  # the first is that of empty places
    return float(np.clip(1 - (sums @ sums - n) / (n * (n - 1)), 0, 1))  # rounding may pass the ends


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
