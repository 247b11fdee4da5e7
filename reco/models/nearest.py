"""Lists of what is nearest to each of n things, as sparse rows: made, and kept right when a few things change."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from implicit.nearest_neighbours import all_pairs_knn
from scipy import sparse

from reco.ranking import best_cells, place

#: Gives the similarities (len(numbers), n), CSR float32, of some things to all, each to itself among them.
Similar = Callable[[np.ndarray], sparse.csr_matrix]

#: Similarities computed at once: 16 MB of numbers and places, which the allocator hands out again and again.
CELLS: Final = 2**20

#: Similarities of touched things to all, dense: 128 MB of float32.
DENSE: Final = 2**25

#: Neighbours asked for beyond those that a list holds, to see who is as near as its last.
SPARE: Final = 16

#: Rows of a product below which neither a block of its own nor a thread is worth it.
ROWS: Final = 64


def nearest(similar: Similar, numbers: np.ndarray, n: int, k: int, itself: bool) -> sparse.csr_matrix:
    """The lists (len(numbers), n), CSR float32, of some of n things: the `k` most similar others above 0.

    Ties go to the lower number. `itself` says whether a thing stands in its own list, beside the `k` others.
    """
    step = max(ROWS, CELLS // max(n, 1))
    blocks = [numbers[start : start + step] for start in range(0, len(numbers), step)]
    found = [_best(similar(block), block, k, itself) for block in blocks]
    return sparse.vstack(found, format="csr") if found else sparse.csr_matrix((0, n), dtype="float32")


def nearest_columns(weighted: sparse.csr_matrix, k: int, threads: int) -> sparse.csr_matrix:
    """The lists (n, n) of all columns of `weighted` (CSR float64), by their products, each with itself.

    What `nearest` gives for `products(weighted)`, by implicit, which is faster but leaves to chance who of equals
    gets in. So more are asked for than the list holds; the few lists whose end is in a still longer tie are made anew.
    """
    n = weighted.shape[1]
    counts = np.bincount(weighted.indices, minlength=n)
    # implicit sets places aside for every column, empty or not; and what is used most is found sooner side by side
    filled = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)].astype("int32")
    packed = weighted[:, filled]
    packed.sort_indices()
    asked = k + 1 + SPARE
    pairs = all_pairs_knn(packed, asked, num_threads=threads, show_progress=False)
    values = pairs.data.astype("float32")
    others = np.flatnonzero((pairs.row != pairs.col) & (values > 0))
    rows, columns, values = pairs.row[others], filled[pairs.col[others]], values[others]
    ranked = np.zeros((len(filled), asked), "float32")
    ranked[rows, place(rows)] = values
    ranked.partition((1, asked - k), axis=1)  # without itself, the lowest of all that were found has place 1
    lowest, last = ranked[:, 1], ranked[:, asked - k]

    inside = values > last[rows]
    free = k - np.bincount(rows[inside], minlength=len(filled))
    ties = np.flatnonzero(values == last[rows])
    ties = ties[np.lexsort((columns[ties], rows[ties]))]
    inside[ties[place(rows[ties]) < free[rows[ties]]]] = True
    itself = np.bincount(weighted.indices, weighted.data**2, minlength=n).astype("float32")[filled]
    cells = np.append(filled[rows[inside]], filled), np.append(columns[inside], filled)
    lists = sparse.csr_matrix((np.append(values[inside], itself), cells), shape=(n, n))
    lists.eliminate_zeros()
    undecided = np.sort(filled[(lowest == last) & (last > 0)])
    return replace_rows(lists, undecided, nearest(products(weighted), undecided, n, k, itself=True))


def products(weighted: sparse.csr_matrix) -> Similar:
    """The products of columns of `weighted` as similarities."""
    columns = weighted.T.tocsr()

    def similar(numbers: np.ndarray) -> sparse.csr_matrix:
        found = columns[numbers] @ weighted
        found.data = found.data.astype("float32")
        return found

    return similar


def refreshed(
    lists: sparse.csr_matrix, similar: Similar, touched: np.ndarray, n: int, k: int, itself: bool
) -> sparse.csr_matrix:
    """The lists of all n things, those behind the old ones new, after similarities of the `touched` ones changed.

    The lists of touched things are made anew. In the others, similarities to touched things are replaced; where
    one no longer reaches the end of a list, or one from outside now does, that list is made anew. So all lists are
    what `nearest` gives, provided that the similarities among untouched things are what they were.
    """
    lengths = np.diff(lists.indptr)
    rows = np.repeat(np.arange(len(lengths), dtype="int32"), lengths)
    others = lists.indices != rows
    others_of = lengths - np.bincount(rows[~others], minlength=len(lengths))
    last = np.zeros(n, "float32")  # a list that is not full takes whatever is above 0
    has = np.flatnonzero(lengths)
    ends = np.minimum.reduceat(np.where(others, lists.data, np.float32(np.inf)), lists.indptr[has])
    last[has] = np.where(others_of[has] < k, 0, ends)

    data, stale = lists.data.copy(), np.zeros(n, bool)
    stale[touched] = True
    step = max(1, DENSE // max(n, 1))
    for block in (touched[start : start + step] for start in range(0, len(touched), step)):
        now = similar(block).toarray()
        number = np.full(n, -1, "int32")
        number[block] = np.arange(len(block))
        cells = np.flatnonzero(others & (number[lists.indices] >= 0))
        of, which = rows[cells], number[lists.indices[cells]]
        data[cells] = now[which, of]
        moves = (now >= last) & (now > 0)
        moves[which, of] = now[which, of] <= last[of]
        stale |= moves.any(axis=0)

    kept = sparse.csr_matrix((data, lists.indices, lists.indptr), shape=(len(lengths), n))
    anew = np.flatnonzero(stale)
    return replace_rows(kept, anew, nearest(similar, anew, n, k, itself))


def replace_rows(matrix: sparse.csr_matrix, rows: np.ndarray, new: sparse.csr_matrix) -> sparse.csr_matrix:
    """`matrix` with the rows `new` in place of those numbered `rows`, or behind it where the numbers go on.

    >>> matrix, new = sparse.csr_matrix([[1, 0], [0, 2]]), sparse.csr_matrix([[3, 3], [4, 4]])
    >>> replace_rows(matrix, np.array([1, 2]), new).toarray().tolist()
    [[1, 0], [3, 3], [4, 4]]
    """
    source = np.arange(max(matrix.shape[0], int(rows.max(initial=-1)) + 1))
    source[rows] = matrix.shape[0] + np.arange(len(rows))
    return sparse.vstack([matrix, new], format="csr")[source]


def multiplied(left: sparse.csr_matrix, right: sparse.csr_matrix, threads: int) -> np.ndarray:
    """The product as a dense float32 array, by blocks of rows on `threads` (0: all cores)."""
    product = np.empty((left.shape[0], right.shape[1]), "float32")
    threads = threads or os.cpu_count() or 1
    step = max(ROWS, -(-len(product) // threads))

    def multiply(start: int) -> None:
        (left[start : start + step] @ right).toarray(out=product[start : start + step])

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(multiply, range(0, len(product), step)))
    return product


def _best(scores: sparse.csr_matrix, numbers: np.ndarray, k: int, itself: bool) -> sparse.csr_matrix:
    """Of the similarities of things with these `numbers`, those that stand in their lists."""
    rows = np.repeat(np.arange(len(numbers)), np.diff(scores.indptr))
    own = np.flatnonzero(scores.indices == numbers[rows])
    others = scores.data.copy()
    others[own] = 0
    promising = np.flatnonzero((others > 0) & (others >= _bounds(scores.indptr, others, k)[rows]))
    cells = promising[best_cells(rows[promising], scores.indices[promising], others[promising], k)]
    if itself:
        cells = np.concatenate([cells, own[scores.data[own] > 0]])
    return sparse.csr_matrix((scores.data[cells], (rows[cells], scores.indices[cells])), shape=scores.shape)


def _bounds(indptr: np.ndarray, data: np.ndarray, k: int) -> np.ndarray:
    """A number for each row that at least `k` of its values reach; negative infinity where there are fewer.

    Values are taken in short runs. Where the highest of `k` runs reach a number, so many values do; and to look
    for the k-th of the runs takes far less time than for the k-th of all values.
    """
    lengths = np.diff(indptr)
    width = np.maximum(1, lengths // (4 * k))
    runs = -(-lengths // width)
    row = np.repeat(np.arange(len(lengths)), runs)
    within = place(row)
    highest = np.full((len(lengths), max(k, int(runs.max(initial=0)))), -np.inf, "float32")
    if len(row):
        highest[row, within] = np.maximum.reduceat(data, indptr[row] + within * width[row])
    return np.partition(highest, -k, axis=1)[:, -k]
