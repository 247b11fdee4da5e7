"""Ratings and what learns from them in Surprise: its data, made from frames and matrices, and its ten algorithms."""

from inspect import signature
from itertools import pairwise
from typing import Final, Literal, Self

import numpy as np
import pandas as pd
import surprise
from scipy import sparse
from surprise import AlgoBase, Dataset, Reader, Trainset

from reco.columns import Columns

#: The column of ratings beside user_id and item_id.
RATING: Final = "rating"

#: How weights become ratings.
Ratings = Literal["log", "weight"]
RATINGS: Final = ("log", "weight")


def as_ratings(matrix: sparse.csr_matrix, ratings: Ratings = "log") -> sparse.csr_matrix:
    """The weights of `matrix` as ratings (CSR, float64, the same cells).

    "log" turns amounts into ratings from 1 to 5: log2(1 + weight), clipped; 1 for one purchase, 2 for three, 3
    for seven, 5 for 31 and more. "weight" takes weights that are ratings already as they are.

    >>> as_ratings(sparse.csr_matrix([[1.0, 3.0, 7.0, 100.0]])).data.tolist()
    [1.0, 2.0, 3.0, 5.0]
    """
    data = matrix.data.astype("float64")
    if ratings == "log":
        data = np.clip(np.log2(1 + np.maximum(data, 0)), 1, 5)
    return sparse.csr_matrix((data, matrix.indices, matrix.indptr), matrix.shape)


def build_trainset(ratings: sparse.csr_matrix) -> Trainset:
    """`ratings` as Surprise's training data: ids are row and column numbers, the scale is the lowest to the highest.

    Built from the arrays at once; Surprise's own way reads and translates one rating after the other.

    >>> build_trainset(sparse.csr_matrix([[0.0, 4.0], [3.0, 5.0]])).ir
    {0: [(1, 3.0)], 1: [(0, 4.0), (1, 5.0)]}
    """
    n_users, n_items = ratings.shape
    return Trainset(
        ur=_pairs(ratings),
        ir=_pairs(ratings.tocsc()),
        n_users=n_users,
        n_items=n_items,
        n_ratings=ratings.nnz,
        rating_scale=(float(ratings.data.min()), float(ratings.data.max())),
        raw2inner_id_users={row: row for row in range(n_users)},
        raw2inner_id_items={column: column for column in range(n_items)},
    )


def _pairs(matrix: sparse.csr_matrix | sparse.csc_matrix) -> dict[int, list[tuple[int, float]]]:
    """For each row (or column, if CSC) its (index, rating) pairs."""
    pairs = list(zip(matrix.indices.tolist(), matrix.data.tolist(), strict=True))
    return {number: pairs[start:end] for number, (start, end) in enumerate(pairwise(matrix.indptr.tolist()))}


def as_dataset(frame: pd.DataFrame, scale: tuple[float, float] | None = None) -> Dataset:
    """A frame of ratings (user_id, item_id, rating), a row each, as Surprise's data, in the order of the rows.

    `scale` is the lowest and the highest rating that can be given, into which estimates are clipped; without it those
    that were given. Raises `ValueError` where a column is absent, an id is missing, a rating is not a finite number or
    outside the scale, or a user has rated an item twice.

    >>> frame = pd.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "x"], "rating": [3, 5]})
    >>> as_dataset(frame).raw_ratings
    [('a', 'x', 3.0, None), ('b', 'x', 5.0, None)]
    """
    pair = [Columns.USER, Columns.ITEM]
    for column in (*pair, RATING):
        if column not in frame:
            raise ValueError(f"no column {column!r}; found {', '.join(map(str, frame.columns))}")
    if frame.empty:
        raise ValueError("no ratings")
    ratings = frame[RATING].to_numpy("float64", na_value=np.nan)
    low, high = scale or (np.nanmin(ratings, initial=np.inf), np.nanmax(ratings, initial=-np.inf))
    for bad, what in (
        (frame[pair].isna().any(axis=1).to_numpy(), "a missing id"),
        (~np.isfinite(ratings), "a rating that is not a finite number"),
        ((ratings < low) | (ratings > high), f"a rating outside the scale from {low:g} to {high:g}"),
        (frame.duplicated(pair).to_numpy(), "a second rating of an item by the same user"),
    ):
        if bad.any():
            raise ValueError(f"row {int(bad.argmax())} holds {what}")
    rows = frame[pair].assign(rating=ratings)
    return Dataset.load_from_df(rows, Reader(rating_scale=(float(low), float(high))))


def user_vectors(algorithm: AlgoBase) -> np.ndarray:
    """The user factors (n_users, n_factors) of a fitted factorization; with SVD++, what the user's items add included.

    That is p_u + |I_u|^-1/2 · the sum of y_j over the items I_u which the user has rated.
    """
    if not hasattr(algorithm, "yj"):
        return algorithm.pu
    rated = algorithm.trainset.ur
    columns = [[item for item, _ in rated[user]] for user in range(len(algorithm.pu))]
    counts = np.array([len(items) for items in columns])
    items = np.concatenate(columns).astype("int64")
    history = sparse.csr_matrix(
        (np.ones(len(items)), items, np.append(0, counts.cumsum())), (len(counts), len(algorithm.yj))
    )
    return algorithm.pu + (history @ algorithm.yj) / np.sqrt(np.maximum(counts, 1))[:, None]


class SVDpp(surprise.SVDpp):
    """Surprise's SVD++; the factors of a user's items are added up once, not again for every estimate."""

    def fit(self, trainset: Trainset) -> Self:
        super().fit(trainset)
        self.vectors = user_vectors(self)
        return self

    def estimate(self, u: int | str, i: int | str) -> float:
        knows_user, knows_item = self.trainset.knows_user(u), self.trainset.knows_item(i)
        known = self.trainset.global_mean + (self.bu[u] if knows_user else 0) + (self.bi[i] if knows_item else 0)
        return known + (self.qi[i] @ self.vectors[u] if knows_user and knows_item else 0)


class NormalPredictor(surprise.NormalPredictor):
    """Surprise's random ratings from a generator of its own, which no fit sets back, instead of the global one."""

    def __init__(self, random_state: int | None = None) -> None:
        super().__init__()
        # the legacy generator: the figures that Surprise publishes were drawn from it
        self.generator = np.random.RandomState(random_state)

    def estimate(self, *_: int | str) -> float:
        return self.generator.normal(self.trainset.global_mean, self.sigma)


#: Surprise's algorithms, in the order of the table in its README.
ALGORITHMS: Final[dict[str, type[AlgoBase]]] = {
    "svd": surprise.SVD,
    "svdpp": SVDpp,
    "nmf": surprise.NMF,
    "slope_one": surprise.SlopeOne,
    "knn": surprise.KNNBasic,
    "knn_means": surprise.KNNWithMeans,
    "knn_baseline": surprise.KNNBaseline,
    "co_clustering": surprise.CoClustering,
    "baseline": surprise.BaselineOnly,
    "random": NormalPredictor,
}


def make_algorithm(name: str, seed: int = 0, **options: object) -> AlgoBase:
    """An unfitted algorithm by its name in `ALGORITHMS`, with Surprise's defaults but for `options` (its own names).

    Silent, and deterministic for its seed. With r the rating of item i by user u, I_u the items of u, U_i the users
    of i, m the mean of all ratings and N the (up to) k users nearest to u among U_i, the estimates are:

    - svd: m + b_u + b_i + q_i · p_u (Y. Koren, R. Bell, C. Volinsky, IEEE Computer 2009).
    - svdpp: m + b_u + b_i + q_i · (p_u + |I_u|^-1/2 sum of y_j over I_u) (Y. Koren, KDD 2008).
    - nmf: q_i · p_u, none negative (X. Luo et al., IEEE Transactions on Industrial Informatics 2014).
    - slope_one: mean_u + mean over j in I_u of dev_ij, the mean of r_i - r_j over the users of both; items j without
      such users do not count (D. Lemire, A. Maclachlan, SDM 2005).
    - knn: sum of sim_uv r_vi over N / sum of sim_uv over N (P. Resnick et al., CSCW 1994).
    - knn_means: mean_u + sum of sim_uv (r_vi - mean_v) / sum of sim_uv.
    - knn_baseline: the same with b_ui = m + b_u + b_i and b_vi for mean_u and mean_v (Y. Koren, TKDD 2010).
    - co_clustering: mean of the co-cluster + (mean_u - mean of u's cluster) + (mean_i - mean of i's cluster)
      (T. George, S. Merugu, ICDM 2005).
    - baseline: m + b_u + b_i, by alternating least squares (Y. Koren, TKDD 2010).
    - random: drawn from the normal distribution with the mean and the standard deviation of the ratings.

    Raises `ValueError` for an unknown name or option.

    >>> make_algorithm("svd", n_factors=20).n_factors
    20
    """
    if name not in ALGORITHMS:
        raise ValueError(f"no algorithm {name!r}; expected one of {', '.join(ALGORITHMS)}")
    known = set(signature(ALGORITHMS[name]).parameters)
    if "kwargs" in known:  # for the base class, which reads this one and drops the rest
        known = known - {"kwargs"} | {"bsl_options"}
    for option in options:
        if option not in known:
            raise ValueError(f"algorithm {name!r} has no option {option!r}; expected one of {', '.join(sorted(known))}")
    defaults = {"random_state": seed, "verbose": False, "cache_ratings": True}
    return ALGORITHMS[name](**{option: value for option, value in defaults.items() if option in known} | options)
