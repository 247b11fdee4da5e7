"""Top 10 of every user from a fitted Surprise SVD: Surprise's own recipe against one blocked product.

Surprise's recipe estimates every unseen pair with `test` and sorts. Run on demand, on a quiet machine:

    python tests/benchmarks/bench_svd.py
"""

from collections import defaultdict
from collections.abc import Callable
from time import perf_counter

import numpy as np
import pandas as pd
import surprise
from scipy import sparse

from reco.models.base import BLOCK, top_k
from reco.models.rating_factorization import Factors
from reco.models.ratings import build_trainset

USERS, ITEMS, RATINGS, K = 943, 1682, 100_000, 10
LEAST_RATIO = 50


def synthetic_ratings(seed: int = 0) -> sparse.csr_matrix:
    """About 100,000 ratings from 1 to 5 in the shape of MovieLens 100K, popular items rated more often."""
    rng = np.random.default_rng(seed)
    popularity = 1 / np.arange(1, ITEMS + 1) ** 0.5
    cells = pd.DataFrame(
        {
            "user": rng.integers(0, USERS, 2 * RATINGS),
            "item": rng.choice(ITEMS, 2 * RATINGS, p=popularity / popularity.sum()),
        }
    )
    cells = cells.drop_duplicates().head(RATINGS)
    liking = rng.normal(0, 0.5, USERS)[cells["user"]] + rng.normal(0, 0.5, ITEMS)[cells["item"]]
    stars = np.clip(np.rint(3.5 + liking + rng.normal(0, 0.8, len(cells))), 1, 5)
    return sparse.csr_matrix((stars, (cells["user"], cells["item"])), shape=(USERS, ITEMS))


def recipe(algorithm: surprise.SVD) -> np.ndarray:
    """Surprise's recipe, ties by item: (users, K) item numbers."""
    lists = defaultdict(list)
    for prediction in algorithm.test(algorithm.trainset.build_anti_testset()):
        lists[prediction.uid].append((-prediction.est, prediction.iid))
    return np.array([[item for _, item in sorted(lists[user])[:K]] for user in range(USERS)])


def blocked(algorithm: surprise.SVD, ratings: sparse.csr_matrix) -> np.ndarray:
    """The same from blocks of users: one product and one partial sort each."""
    factors, parts = Factors.of(algorithm), []
    for rows in np.split(np.arange(USERS), range(BLOCK, USERS, BLOCK)):
        scores = factors.estimates(rows)
        seen = ratings[rows]
        scores[np.repeat(np.arange(len(rows)), np.diff(seen.indptr)), seen.indices] = np.nan
        parts.append(top_k(scores, K)[1].reshape(len(rows), K))
    return np.concatenate(parts)


def timed(call: Callable[[], np.ndarray], repeats: int) -> tuple[float, np.ndarray]:
    """Shortest of some runs in seconds, and the result."""
    seconds = []
    for _ in range(repeats):
        start = perf_counter()
        result = call()
        seconds.append(perf_counter() - start)
    return min(seconds), result


def main() -> None:
    """Print the table; fail where the lists differ or the ratio is too low."""
    ratings = synthetic_ratings()
    algorithm = surprise.SVD(random_state=0).fit(build_trainset(ratings))
    slow, expected = timed(lambda: recipe(algorithm), repeats=2)
    fast, found = timed(lambda: blocked(algorithm, ratings), repeats=5)
    np.testing.assert_array_equal(found, expected)
    rows = [("Surprise: test, sort", slow, 1.0), ("reco: product, partial sort", fast, slow / fast)]
    print(f"Top {K} of {USERS} users x {ITEMS:,} items from {ratings.nnz:,} ratings; the lists are identical.")
    print(
        pd.DataFrame(rows, columns=["recipe", "seconds", "times as fast"]).to_string(
            index=False, float_format="{:.3g}".format
        )
    )
    if slow / fast < LEAST_RATIO:
        raise SystemExit(f"only {slow / fast:.0f} times as fast; expected at least {LEAST_RATIO}")


if __name__ == "__main__":
    main()
