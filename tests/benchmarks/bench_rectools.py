"""Item-kNN, ALS and EASE on the Complete Journey, fitted, recommended and scored by RecTools and by reco.

Both get the same matrix, that of the 24,538 products which most households bought, the same options and the same
threads, in one process. RecTools scores by recall and NDCG; `evaluate` gives these among all its metrics, with their
bootstrap intervals. Item-kNN gives the same lists but for ties. ALS starts from other random factors, since RecTools
numbers items by first appearance. RecTools' EASE multiplies by the transposed item weights, and ranks less well.

EASE of RecTools inverts a row for every product: at its most it holds ten such matrices, 24 GB for 24,538 products,
and takes a quarter of an hour on two cores. Where that is more than is free, both are compared on as many products,
the most bought, as fit, and ours is timed on all of them as well.

RecTools is no dependency. It names older numpy and pandas than the workbook runs on, and works with ours as long as
ids are numbers. Run on demand, on a quiet machine with the default store:

    pip install --no-deps --target /tmp/rectools "rectools==0.19.*" "typeguard>=4.1,<5"
    PYTHONPATH=.:/tmp/rectools python tests/benchmarks/bench_rectools.py [item_knn] [als] [ease]
"""

import math
import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter
from typing import NamedTuple

import numpy as np
import pandas as pd
import psutil
from implicit.cpu.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender
from rectools import Columns as Names
from rectools.dataset import Dataset
from rectools.metrics import NDCG, Recall, calc_metrics
from rectools.models import EASEModel, ImplicitALSWrapperModel, ImplicitItemKNNWrapperModel
from rectools.models.base import ModelBase
from threadpoolctl import threadpool_limits

from reco import Workbook, pipeline
from reco.evaluation import evaluate
from reco.interactions import Interactions
from reco.models import Recommender, make_model

ITEMS, K = 24_538, 10
#: ALS is fitted by the same compiled code on both sides, which is all but a twentieth of its time; the rest is noise.
LEAST_RATIO = 0.95
STEPS = ["fit", "recommend", "score"]
METRICS = {"recall": Recall(K), "ndcg": NDCG(K, divide_by_achievable=True)}


class Contender(NamedTuple):
    """One algorithm on both sides.

    Attributes:
        ours: a new model.
        theirs: a new model with the same options.
        weights: what theirs is given as weights, made of numbers of orders.
        implicit: whether theirs is implicit's, which wants the linear algebra library in one thread.
        repeats: runs of each side, of which the shortest counts.
        matrices: how many dense float32 matrices of products x products RecTools holds at its most.
    """

    ours: Callable[[], Recommender]
    theirs: Callable[[], ModelBase]
    weights: Callable[[np.ndarray], np.ndarray]
    implicit: bool
    repeats: int
    matrices: int = 0


CONTENDERS = {
    "item_knn": Contender(
        lambda: make_model("item_knn", neighbours=100, weights="log"),
        lambda: ImplicitItemKNNWrapperModel(CosineRecommender(K=101)),  # an item is its own first neighbour
        lambda orders: np.log2(1 + orders),
        implicit=True,
        repeats=3,
    ),
    "als": Contender(
        lambda: make_model("als", factors=64, regularization=3.0, alpha=0.3, weights="log", iterations=15),
        lambda: ImplicitALSWrapperModel(
            AlternatingLeastSquares(factors=64, regularization=3.0, alpha=1.0, iterations=15, random_state=0)
        ),
        lambda orders: 1 + 0.3 * np.log2(1 + orders),
        implicit=True,
        repeats=3,
    ),
    "ease": Contender(
        lambda: make_model("ease", l2=300.0),
        lambda: EASEModel(regularization=300.0),
        np.ones_like,
        implicit=False,
        repeats=1,
        matrices=10,
    ),
}


def history(wb: Workbook) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Orders before the test weeks, and what customers bought in these; ids are numbers."""
    when = pipeline.periods(wb)
    lines = pipeline.sold(wb).filter(lambda lines: lines.ordered_at < when.test)
    bought = lines.select(user_id="customer_id", item_id="product_id", basket_id="order_id").distinct()
    frame = wb.connection.to_pandas(bought).astype({"user_id": "int64", "item_id": "int64"})
    taken = pipeline.purchases(wb, when.test, when.end).astype({"user_id": "int64", "item_id": "int64"})
    return frame, taken[taken["user_id"].isin(frame["user_id"])].reset_index(drop=True)


def most_bought(frame: pd.DataFrame, n: int) -> Interactions:
    """The interactions with the `n` products that most households bought."""
    households = frame.groupby("item_id")["user_id"].nunique().sort_values(ascending=False, kind="stable")
    return Interactions.from_frame(frame[frame["item_id"].isin(households.index[:n])], basket="basket_id")


def dataset(x: Interactions, weights: Callable[[np.ndarray], np.ndarray]) -> Dataset:
    """The matrix as RecTools holds it."""
    cells = x.matrix.tocoo()
    frame = {Names.User: x.users[cells.row], Names.Item: x.items[cells.col], Names.Weight: weights(cells.data)}
    return Dataset.construct(pd.DataFrame(frame).assign(**{Names.Datetime: pd.Timestamp("2017-01-01")}))


class Run(NamedTuple):
    """Seconds by step, recall and NDCG, and the lists."""

    seconds: np.ndarray
    metrics: dict[str, float]
    lists: pd.DataFrame


def run(steps: Iterable[Callable[[], object]]) -> Run:
    """Time three steps, of which the second gives the lists and the third their metrics."""
    moments, results = [perf_counter()], []
    for step in steps:
        results.append(step())
        moments.append(perf_counter())
    return Run(np.diff(moments), results[2], results[1])


def run_theirs(contender: Contender, data: Dataset, x: Interactions, taken: pd.DataFrame) -> Run:
    """RecTools, once."""
    model, lists = contender.theirs(), []
    limit: AbstractContextManager = threadpool_limits(1, "blas") if contender.implicit else nullcontext()

    def recommend() -> pd.DataFrame:
        lists.append(model.recommend(x.users.to_numpy(), data, K, filter_viewed=False))
        return lists[0]

    with limit:
        return run((lambda: model.fit(data), recommend, lambda: calc_metrics(METRICS, lists[0], taken)))


def run_ours(contender: Contender, x: Interactions, taken: pd.DataFrame) -> Run:
    """Reco, once."""
    model, lists = contender.ours(), []

    def recommend() -> pd.DataFrame:
        lists.append(model.recommend(x.users, K, exclude_seen=False))
        return lists[0]

    def score() -> dict[str, float]:
        return evaluate(lists[0], taken, x, K).summary.loc[list(METRICS), "value"].to_dict()

    return run((lambda: model.fit(x), recommend, score))


def compare(name: str, frame: pd.DataFrame, taken: pd.DataFrame) -> pd.DataFrame:
    """Seconds of both sides by step, and how many times as fast ours is."""
    contender, n = CONTENDERS[name], ITEMS
    if contender.matrices:
        free = 0.8 * psutil.virtual_memory().available
        n = min(n, math.isqrt(int(free / (4 * contender.matrices))))
    x = most_bought(frame, n)
    data = dataset(x, contender.weights)
    theirs, ours = [], []
    for _ in range(contender.repeats):  # by turns, so that a busy moment of the machine is one for both
        ours.append(run_ours(contender, x, taken))
        theirs.append(run_theirs(contender, data, x, taken))
    first = ours[0]
    for metric, value in calc_metrics(METRICS, first.lists, taken).items():
        np.testing.assert_allclose(first.metrics[metric], value, rtol=1e-9)
    shared = first.lists.merge(theirs[0].lists, on=["user_id", "item_id"])
    print(
        f"{name}: {len(x.users):,} customers x {n:,} products, {x.matrix.nnz:,} cells; recall "
        f"{first.metrics['recall']:.4f}, RecTools {theirs[0].metrics['recall']:.4f}; "
        f"{len(shared) / len(first.lists):.1%} of the items are on both lists"
    )
    slow, fast = (np.min([one.seconds for one in side], axis=0) for side in (theirs, ours))
    columns = {"RecTools": slow, "reco": fast}
    if n < ITEMS:
        columns[f"reco, {ITEMS:,} products"] = run_ours(contender, most_bought(frame, ITEMS), taken).seconds
    table = pd.DataFrame(columns, index=pd.MultiIndex.from_product([[name], STEPS]))
    table.loc[(name, "all"), :] = table.sum()
    table["times as fast"] = table["RecTools"] / table["reco"]
    return table


def main() -> None:
    """Print the table; fail where metrics differ or ours takes longer."""
    warnings.filterwarnings("ignore", module="rectools")
    frame, taken = history(Workbook.load("workbook.yaml"))
    table = pd.concat([compare(name, frame, taken) for name in sys.argv[1:] or CONTENDERS])
    print(f"Top {K} of every customer, seconds:")
    print(table.to_string(float_format="{:.3g}".format, na_rep=""))
    least = table.xs("all", level=1)["times as fast"].min()
    if least < LEAST_RATIO:
        raise SystemExit(f"only {least:.2f} times as fast; expected at least {LEAST_RATIO}")


if __name__ == "__main__":
    main()
