"""Itemsets: which items are together in many baskets, counted by sparse products, and the rules between them."""

from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
from scipy import sparse

#: Cells that one block of itemsets may meet while it is counted: a few times 8 bytes each.
CELLS: Final = 4_000_000

#: Most itemsets that are kept; low support and long sets can make more than any memory holds.
MOST: Final = 10_000_000


class Itemsets(NamedTuple):
    """Sets of equally many items.

    Attributes:
        items: (sets, items in each), column numbers, ascending in each row; rows in lexicographic order.
        counts: (sets,), int64, the number of baskets that hold all items of the set.
    """

    items: np.ndarray
    counts: np.ndarray


class Rules(NamedTuple):
    """Rules "baskets with the antecedents hold the consequents too", from counted itemsets.

    Attributes:
        antecedents: (rules, most antecedents), column numbers, ascending, then -1 where a rule has fewer.
        consequents: (rules, most consequents), likewise.
        both: (rules,), int64, the number of baskets that hold all items of the rule.
        left: those that hold the antecedents.
        right: those that hold the consequents.
    """

    antecedents: np.ndarray
    consequents: np.ndarray
    both: np.ndarray
    left: np.ndarray
    right: np.ndarray

    def measures(self, n_baskets: int) -> dict[str, np.ndarray]:
        """support, confidence, lift, leverage and conviction (float64) by name.

        With P the share of baskets: support = P(A and C), confidence = P(C | A), lift = P(C | A) / P(C), leverage =
        P(A and C) - P(A) P(C), conviction = (1 - P(C)) / (1 - P(C | A)), infinite where the confidence is 1. Equal
        ratios of counts are equal numbers: none is a quotient of quotients.
        """
        both, left, right = (count.astype("float64") for count in (self.both, self.left, self.right))
        with np.errstate(divide="ignore", invalid="ignore"):
            conviction = (n_baskets - right) * left / (n_baskets * (left - both))
        return {
            "support": both / n_baskets,
            "confidence": both / left,
            "lift": both * n_baskets / (left * right),
            "leverage": both / n_baskets - left * right / n_baskets**2,
            "conviction": np.where(both == left, np.inf, conviction),
        }


def least_count(share: float, of: np.ndarray | int) -> np.ndarray:
    """The least whole number that is at least `share` of each number, whatever rounding makes of the product.

    >>> 0.07 * 100, int(least_count(0.07, 100))
    (7.000000000000001, 7)
    """
    return np.maximum(np.ceil(np.multiply(share, of) * (1 - 1e-12)), 1).astype("int64")


def frequent_itemsets(baskets: sparse.csr_matrix, least: int, longest: int | None = None) -> list[Itemsets]:
    """All sets of at most `longest` items that at least `least` baskets share, by number of items from 1.

    `baskets` is baskets x items, each stored cell an item in a basket. Level by level and depth first: the baskets
    of a set are searched only for items that make a frequent set with the rest of it (R. Agrawal, R. Srikant, "Fast
    algorithms for mining association rules", VLDB 1994; M. Zaki, "Scalable algorithms for association mining", IEEE
    TKDE 2000). A block of sets is counted by one sparse product, so that neither time nor memory grows with what
    could be together, only with what is.

    Raises `ValueError` where there are more than `MOST` sets.

    >>> baskets = sparse.csr_matrix([[1, 1, 0], [1, 1, 1], [0, 0, 1]])
    >>> [level.items.tolist() for level in frequent_itemsets(baskets, least=2)]
    [[[0], [1], [2]], [[0, 1]]]
    """
    found: list[list[Itemsets]] = []
    later = baskets.astype("int32")
    later.sum_duplicates()
    later.data[:] = 1
    everywhere = sparse.csr_matrix(np.ones((1, baskets.shape[0]), "int32"))
    _grow(np.empty((1, 0), "int32"), everywhere, later, max(least, 1), longest, found)
    return [Itemsets(*(np.concatenate(parts) for parts in zip(*level, strict=True))) for level in found]


def _grow(
    sets: np.ndarray,
    within: sparse.csr_matrix,
    later: sparse.csr_matrix,
    least: int,
    longest: int | None,
    found: list[list[Itemsets]],
) -> None:
    """Add to `found` the frequent sets that begin with one of `sets`, (sets, items), all of them frequent.

    `later` has one row for each place in a basket where an itemset stands that the sets were made from: the items
    behind it. `within` is sets x these rows, 1 where the row's basket holds the set.
    """
    length, n_items = sets.shape[1], later.shape[1]
    if length == longest:
        return
    first = sets[:, -1].min() + 1 if length else 0  # no item before it extends a set
    together = within @ later[:, first:]
    frequent = np.flatnonzero(together.data >= least)
    of = np.searchsorted(together.indptr, frequent, side="right") - 1
    items, counts = together.indices[frequent] + first, together.data[frequent]
    order = np.lexsort((items, of))
    if length:
        order = order[items[order] > sets[of[order], -1]]
    if not len(order):
        return
    of, items = of[order], items[order]
    longer = np.column_stack([sets[of], items.astype("int32")])
    if length == len(found):
        found.append([])
    found[length].append(Itemsets(longer, counts[order].astype("int64")))
    if sum(len(part.counts) for level in found for part in level) > MOST:
        raise ValueError(f"more than {MOST:,} itemsets; expected a higher support or shorter sets")
    if length + 1 == longest:
        return

    # what stands behind each set in each of its baskets, as far as it makes a frequent set with it
    later = _only(later, np.bincount(items, minlength=n_items)[later.indices] > 0)
    within = within[np.unique(of)]
    keys = np.unique(of, return_inverse=True)[1] * n_items + items
    later = later[within.indices]
    rows = np.repeat(np.arange(later.shape[0]), np.diff(later.indptr))
    sought = np.repeat(np.arange(within.shape[0]), np.diff(within.indptr))[rows] * n_items + later.indices
    numbers = np.searchsorted(keys, sought)
    kept = keys[np.minimum(numbers, len(keys) - 1)] == sought
    later = _only(later, kept)
    within = sparse.csr_matrix(
        (np.ones(later.nnz, "int32"), (numbers[kept], rows[kept])), shape=(len(longer), later.shape[0])
    )
    work = np.cumsum(within @ np.diff(later.indptr))
    starts = np.flatnonzero(np.diff(work // CELLS, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(longer)], strict=True):
        _grow(longer[start:end], within[start:end], later, least, longest, found)


def _only(matrix: sparse.csr_matrix, kept: np.ndarray) -> sparse.csr_matrix:
    """The stored cells of a matrix that are to be `kept`."""
    ends = np.concatenate([[0], np.cumsum(kept)])[matrix.indptr]
    return sparse.csr_matrix((matrix.data[kept], matrix.indices[kept], ends), matrix.shape)


def derive_rules(itemsets: list[Itemsets], min_confidence: float, most_consequents: int | None = None) -> Rules:
    """The rules between the parts of each itemset that hold in at least the share `min_confidence` of their baskets."""
    n_items = max((level.items.max(initial=-1) for level in itemsets), default=-1) + 1
    find = _Finder(itemsets, int(n_items))
    parts = []
    for level in itemsets[1:]:
        places = range(level.items.shape[1])
        for size in places[1:]:
            if most_consequents is not None and len(places) - size > most_consequents:
                continue
            for kept in combinations(places, size):
                sides = level.items[:, kept], level.items[:, [place for place in places if place not in kept]]
                left = find(sides[0])
                strong = level.counts >= least_count(min_confidence, left)
                sides = tuple(side[strong] for side in sides)
                parts.append((*sides, level.counts[strong], left[strong], find(sides[1])))
    widths = [max((part[side].shape[1] for part in parts if len(part[side])), default=1) for side in (0, 1)]
    none = [np.empty((0, 1), "int32")] * 2 + [np.empty(0, "int64")] * 3
    antecedents, consequents, *counts = zip(none, *(part for part in parts if len(part[0])), strict=True)
    return Rules(_padded(antecedents, widths[0]), _padded(consequents, widths[1]), *map(np.concatenate, counts))


class _Finder:
    """Counts of itemsets by their items."""

    def __init__(self, itemsets: list[Itemsets], n_items: int) -> None:
        self.itemsets, self.n_items = itemsets, n_items
        self.keys: list[np.ndarray] = []
        for level in itemsets:
            self.keys.append(self.numbers(level.items[:, :-1]) * n_items + level.items[:, -1])

    def numbers(self, sets: np.ndarray) -> np.ndarray:
        """Place of each set, all of them frequent, among those of its length: the place of all but its last item,
        then that of the last item behind them."""
        numbers = np.zeros(len(sets), "int64")
        for keys, items in zip(self.keys, sets.T, strict=False):
            numbers = np.searchsorted(keys, numbers * self.n_items + items)
        return numbers

    def __call__(self, sets: np.ndarray) -> np.ndarray:
        return self.itemsets[sets.shape[1] - 1].counts[self.numbers(sets)]


def _padded(sides: tuple[np.ndarray, ...], width: int) -> np.ndarray:
    """One side of all rules, with -1 where there are fewer items than `width`."""
    wide = np.full((sum(map(len, sides)), width), -1, "int32")
    start = 0
    for side in sides:
        wide[start : start + len(side), : side.shape[1]] = side
        start += len(side)
    return wide


def replace_within(
    itemsets: list[Itemsets], among: np.ndarray, recounted: list[Itemsets], least: int
) -> list[Itemsets]:
    """Itemsets with those of items `among` only (bool) replaced by `recounted`, and without counts below `least`."""
    replaced = []
    for number in range(max(len(itemsets), len(recounted))):
        parts = [level[number] for level in (recounted,) if number < len(level)]
        if number < len(itemsets):
            items, counts = itemsets[number]
            kept = (counts >= least) & ~among[items].all(axis=1)
            parts.append(Itemsets(items[kept], counts[kept]))
        items, counts = (np.concatenate(part) for part in zip(*parts, strict=True))
        order = np.lexsort(items.T[::-1])
        replaced.append(Itemsets(items[order], counts[order]))
    return [level for level in replaced if len(level.counts)]
