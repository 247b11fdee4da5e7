"""Top 10 from fitted Surprise models: Surprise's own recipe against `recommend`, on MovieLens 100K.

Surprise's recipe estimates every unseen pair with `test` and sorts. Where that takes minutes, both sides list the same
few users. MovieLens lies in the recbole package (`pip install --no-deps recbole`). Run on demand, on a quiet machine:

    python tests/benchmarks/bench_surprise.py
"""

from collections import defaultdict
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
import surprise

from reco.interactions import Interactions
from reco.models import MODELS, Recommender, make_model
from reco.models.ratings import as_ratings, build_trainset

K: Final = 10
LEAST_RATIO: Final = 100


class Row(NamedTuple):
    """A model of ours and the same in Surprise's words.

    Attributes:
        model: name of ours, with its default options.
        algorithm: Surprise's class.
        options: those defaults by Surprise's names; of neighbours they are read from our model.
        users: how many are listed; None for all.
        tolerance: estimates that differ by less are ties, which either side may order as it likes.
    """

    model: str
    algorithm: type[surprise.AlgoBase]
    options: dict[str, Any]
    users: int | None = None
    tolerance: float = 0.0


ROWS: Final = (
    Row("svd", surprise.SVD, {"n_factors": 50, "random_state": 0}),
    Row("svdpp", surprise.SVDpp, {"n_factors": 5, "n_epochs": 3, "random_state": 0}, users=100),
    Row("nmf", surprise.NMF, {"random_state": 0}),
    # means of a few equal ratings differ in their last digits only, and only by how they are summed
    Row("user_knn", surprise.KNNBasic, {}, users=100, tolerance=1e-5),
    Row("user_knn_means", surprise.KNNWithMeans, {}, users=100, tolerance=1e-5),
    Row("user_knn_baseline", surprise.KNNBaseline, {}, users=100, tolerance=1e-5),
)


def movielens() -> Interactions:
    """MovieLens 100K; ratings are the weights."""
    folder = Path(find_spec("recbole").submodule_search_locations[0])
    frame = pd.read_csv(folder / "dataset_example/ml-100k/ml-100k.inter", sep="\t")
    frame.columns = [column.split(":")[0] for column in frame]
    return Interactions.from_frame(frame, weight="rating")


def neighbours(model: Recommender) -> dict[str, Any]:
    """The options of a model of neighbours by Surprise's names."""
    similarity = {"name": model.similarity, "user_based": True, "min_support": model.min_common}
    return {"k": model.neighbours, "min_k": model.min_neighbours, "sim_options": similarity, "verbose": False}


def recipe(algorithm: surprise.AlgoBase, x: Interactions, users: int) -> np.ndarray:
    """Surprise's recipe for the first `users`, ties by item: (users, K) item numbers."""
    seen = [set(row) for row in np.split(x.matrix.indices, x.matrix.indptr[1:-1])]
    pairs = [(user, item, None) for user in range(users) for item in range(len(x.items)) if item not in seen[user]]
    lists = defaultdict(list)
    for prediction in algorithm.test(pairs):
        lists[prediction.uid].append((-prediction.est, prediction.iid))
    return np.array([[item for _, item in sorted(lists[user])[:K]] for user in range(users)])


def recommended(model: Recommender, x: Interactions, users: int) -> np.ndarray:
    """The same by `recommend`."""
    return x.columns(model.recommend(x.users[:users], K)["item_id"]).reshape(users, K)


def exchanged(algorithm: surprise.AlgoBase, found: np.ndarray, expected: np.ndarray, tolerance: float) -> int:
    """At how many places the lists differ; raises `SystemExit` where the two estimates there are no tie."""
    users, places = np.nonzero(found != expected)
    for user, place in zip(users.tolist(), places.tolist(), strict=True):
        ours, theirs = (algorithm.predict(user, int(lists[user, place])).est for lists in (found, expected))
        if not abs(ours - theirs) < tolerance:
            raise SystemExit(f"user {user}, rank {place + 1}: estimated {ours}, should be {theirs}")
    return len(users)


def timed(call: Callable[[], np.ndarray], repeats: int) -> tuple[float, np.ndarray]:
    """Shortest of some runs in seconds, and the result."""
    seconds = []
    for _ in range(repeats):
        start = perf_counter()
        result = call()
        seconds.append(perf_counter() - start)
    return min(seconds), result


def measure(row: Row, x: Interactions) -> dict[str, Any]:
    """Fit both, list, compare."""
    users = row.users or len(x.users)
    model = make_model(row.model, ratings="weight").fit(x)
    options = row.options or neighbours(model)
    algorithm = row.algorithm(**options).fit(build_trainset(as_ratings(x.matrix, "weight")))
    slow, expected = timed(lambda: recipe(algorithm, x, users), repeats=1)
    fast, found = timed(lambda: recommended(model, x, users), repeats=7)
    different = exchanged(algorithm, found, expected, row.tolerance)
    return {
        "model": row.model,
        "users": users,
        "Surprise, s": slow,
        "reco, s": fast,
        "times as fast": slow / fast,
        "ties exchanged": different,
    }


def main() -> None:
    """Print the table; fail where lists differ or a ratio is too low."""
    x = movielens()
    table = pd.DataFrame([measure(row, x) for row in ROWS if row.model in MODELS])
    print(f"Top {K} among {len(x.items):,} items from {len(x.log):,} ratings; the lists are identical but for ties.")
    print(table.to_string(index=False, float_format="{:.3g}".format))
    slow = table[table["times as fast"] < LEAST_RATIO]
    if len(slow):
        raise SystemExit(f"below {LEAST_RATIO} times as fast: {', '.join(slow['model'])}")


if __name__ == "__main__":
    main()
