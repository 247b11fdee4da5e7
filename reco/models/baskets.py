"""The baskets of every customer in order of time, and the arithmetic that models of the next basket share."""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from reco.columns import Columns
from reco.interactions import Interactions
from reco.ranking import place, top_k

#: Cells of a users x users block that are in memory at once: 64 MB of float32.
CELLS: Final = 1 << 24


class Baskets(NamedTuple):
    """What was bought together: users ascending, the baskets of each in order of time, then of the log.

    Attributes:
        items: baskets x items, CSR float32 of ones.
        user: whose each basket is, as a place in the rows asked for.
        place: of each basket among those of its user, from 0.
        of: how many baskets its user has, for each basket.
    """

    items: sparse.csr_matrix
    user: np.ndarray
    place: np.ndarray
    of: np.ndarray


def order_baskets(x: Interactions, rows: np.ndarray) -> Baskets:
    """The baskets of users by row number, ascending; returns are no part of them."""
    log = log_of(x, rows, x.log[Columns.WEIGHT].to_numpy() > 0)
    user, number = np.searchsorted(rows, log["user"]), log[Columns.BASKET].to_numpy("int64")
    width = number.max(initial=0) + 1
    basket, known = pd.factorize(user * width + number)
    began = np.full(len(known), np.iinfo("int64").max)
    np.minimum.at(began, basket, moments(log))
    owner, number = np.divmod(known, width)
    order = np.lexsort((number, began, owner))
    rank = np.empty(len(order), "int64")
    rank[order] = np.arange(len(order))
    shape = (len(known), len(x.items))
    items = sparse.csr_matrix((np.ones(len(log), "float32"), (rank[basket], log["item"])), shape)
    items.data[:] = 1
    owner = owner[order]
    return Baskets(items, owner, place(owner), np.bincount(owner, minlength=len(rows))[owner])


def sum_baskets(baskets: Baskets, weights: np.ndarray, n_users: int) -> sparse.csr_matrix:
    """The weighted sum of each user's baskets, (n_users, n_items)."""
    indptr = np.searchsorted(baskets.user, np.arange(n_users + 1))
    chosen = sparse.csr_matrix((weights, np.arange(len(weights)), indptr), (n_users, len(weights)))
    return chosen @ baskets.items


def without_returned(amounts: sparse.csr_matrix, x: Interactions, rows: np.ndarray) -> sparse.csr_matrix:
    """`amounts` as float32, without what the users, by row number, have given back since."""
    kept = amounts.multiply(owned(x, rows)).tocsr().astype("float32")
    kept.eliminate_zeros()
    return kept


def owned(x: Interactions, rows: np.ndarray) -> sparse.csr_matrix:
    """1 where a user, by row number, has an item; float32."""
    return (x.matrix[rows] > 0).astype("float32")


def log_of(x: Interactions, rows: np.ndarray, chosen: np.ndarray) -> pd.DataFrame:
    """The `chosen` part of the log that is of users by row number."""
    if len(rows) < len(x.users):
        asked = np.zeros(len(x.users), bool)
        asked[rows] = True
        chosen = chosen & asked[x.log["user"].to_numpy()]
    return x.log if chosen.all() else x.log[chosen]


def moments(log: pd.DataFrame) -> np.ndarray:
    """Timestamps as nanoseconds since 1970, in UTC where they have a zone."""
    return pd.DatetimeIndex(log[Columns.TIMESTAMP]).as_unit("ns").asi8


def replace_rows(matrix: sparse.csr_matrix, rows: np.ndarray, new: sparse.csr_matrix) -> sparse.csr_matrix:
    """`matrix` with `new` in place of its `rows`, some of which may follow its last one."""
    known = matrix.shape[0]
    order = np.arange(max(known, rows[-1] + 1))
    order[rows] = known + np.arange(len(rows))
    return sparse.vstack([matrix, new], format="csr")[order]


def find_nearest(
    rows: np.ndarray, nearness: Callable[[np.ndarray], np.ndarray], neighbours: int, n_users: int
) -> sparse.csr_matrix:
    """The `neighbours` highest values of `nearness` (n_users, len(block)) for blocks of `rows`: (len(rows), n_users).

    Blocks are cut so that no more than `CELLS` values are in memory. Ties go to the lower user number; minus
    infinity is never chosen.
    """
    step, parts = max(1, CELLS // n_users), []
    for start in range(0, len(rows), step):
        near = nearness(rows[start : start + step]).T
        of, users = top_k(near, neighbours)
        indptr = np.searchsorted(of, np.arange(len(near) + 1))
        parts.append(sparse.csr_matrix((near[of, users], users, indptr), near.shape))
    return sparse.vstack(parts, format="csr")


def missing(x: Interactions, *columns: str) -> str | None:
    """What is wrong where the log does not tell the timestamp or the basket of every interaction."""
    nouns = {Columns.TIMESTAMP: "timestamp", Columns.BASKET: "basket"}
    lacking = [nouns[column] for column in columns if column not in x.log or x.log[column].isna().any()]
    return f"needs the {' and the '.join(lacking)} of every interaction" if lacking else None
