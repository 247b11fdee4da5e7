"""All metrics at five list lengths for 100,000 customers, and against trec_eval on a part of them.

pytrec_eval runs trec_eval's C code, five metrics that both have, on dictionaries that are made from frames first; ours
gives all metrics with their bootstrap intervals. Seconds are the shortest of some runs. Run on demand, on a quiet
machine:

    python tests/benchmarks/bench_metrics.py
"""

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from pytrec_eval import RelevanceEvaluator

from reco.evaluation import evaluate_at
from reco.interactions import Interactions

CUSTOMERS, ITEMS, LENGTH, KS = 100_000, 20_000, 50, (5, 10, 20, 30, 50)
PART = 10_000  # customers that trec_eval is timed on
MOST_SECONDS, LEAST_RATIO = 2.0, 2.0

#: Our metrics by trec_eval's name for them at a cut.
SHARED = {"P": "precision", "recall": "recall", "ndcg_cut": "ndcg", "success": "hit_rate"}


def ids(prefix: str, numbers: np.ndarray) -> np.ndarray:
    """Numbers as text of eight characters."""
    return np.array([f"{prefix}{number:07}" for number in range(numbers.max() + 1)])[numbers]


def purchases(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """About `n` purchases, popular items bought more often."""
    popularity = 1 / np.arange(1, ITEMS + 1) ** 0.7
    frame = pd.DataFrame(
        {
            "user_id": ids("c", np.append(rng.integers(0, CUSTOMERS, n), np.arange(CUSTOMERS))),
            "item_id": ids("p", rng.choice(ITEMS, n + CUSTOMERS, p=popularity / popularity.sum())),
        }
    )
    return frame.assign(revenue=rng.lognormal(1, 1, len(frame)), margin=rng.lognormal(0, 1, len(frame)))


def catalogue(rng: np.random.Generator) -> pd.DataFrame:
    """Products with the attributes of a grocer."""
    values = {"department": 20, "category": 250, "subcategory": 1250, "brand": 1500}
    frame = pd.DataFrame({name: ids(name, rng.integers(0, n, ITEMS)) for name, n in values.items()})
    return frame.assign(price=rng.lognormal(1, 1, ITEMS)).set_axis(ids("p", np.arange(ITEMS)))


def recommendations(rng: np.random.Generator) -> pd.DataFrame:
    """`LENGTH` different items for every customer, by turns of the thousand most popular and of the others."""
    starts, half = rng.integers(0, ITEMS, (CUSTOMERS, 1)), np.arange(LENGTH // 2)
    top, others = (starts + 7 * half) % 1000, 1000 + (starts + 401 * half) % (ITEMS - 1000)
    return pd.DataFrame(
        {
            "user_id": ids("c", np.repeat(np.arange(CUSTOMERS), LENGTH)),
            "rank": np.tile(np.arange(1, LENGTH + 1), CUSTOMERS),
            "item_id": ids("p", np.stack([top, others], axis=2).ravel()),
        }
    )


def nested(frame: pd.DataFrame, values: Iterable[float]) -> dict[str, dict[str, float]]:
    """`values` by user and item, as trec_eval takes them."""
    result: dict[str, dict[str, float]] = {}
    for user, item, value in zip(frame["user_id"], frame["item_id"], values, strict=True):
        result.setdefault(user, {})[item] = value
    return result


def timed(call: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Shortest of some runs in seconds, and the result."""
    seconds = []
    for _ in range(repeats):
        start = perf_counter()
        result = call()
        seconds.append(perf_counter() - start)
    return min(seconds), result


def main() -> None:
    """Print the table; fail where the metrics differ, where ours take too long, or where the ratio is too low."""
    rng = np.random.default_rng(0)
    train = Interactions.from_frame(purchases(rng, 2_000_000), products=catalogue(rng))
    test, lists = purchases(rng, 900_000), recommendations(rng)
    last = f"c{PART:07}"
    few_lists, few_test = lists[lists["user_id"] < last], test[test["user_id"] < last]

    cuts = ",".join(map(str, KS))
    measures = {f"{name}.{cuts}" for name in SHARED} | {"recip_rank"}

    def convert() -> tuple[dict[str, dict[str, int]], dict[str, dict[str, float]]]:
        ones, scores = np.ones(len(few_test), int), -few_lists["rank"].astype(float)
        return nested(few_test, ones.tolist()), nested(few_lists, scores.tolist())

    converting, (wanted, run) = timed(convert, repeats=2)
    slow, expected = timed(lambda: RelevanceEvaluator(wanted, measures).evaluate(run), repeats=2)
    fast, found = timed(lambda: evaluate_at(few_lists, few_test, train, KS), repeats=5)
    theirs = pd.DataFrame.from_dict(expected, orient="index").sort_index()
    for k, evaluation in found.items():
        for name, ours in SHARED.items():
            np.testing.assert_allclose(evaluation.per_user[ours], theirs[f"{name}_{k}"], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found[LENGTH].per_user["mrr"], theirs["recip_rank"], rtol=1e-12)

    whole, found = timed(lambda: evaluate_at(lists, test, train, KS), repeats=5)
    ours, theirs = f"reco, {len(found[LENGTH].summary)} metrics", f"trec_eval, {len(measures)} metrics"
    whole_of_theirs = converting + slow
    rows = [
        (f"{theirs}, from frames", PART, whole_of_theirs, 1.0),
        (f"{theirs}, from dictionaries", PART, slow, whole_of_theirs / slow),
        (f"{ours}, from frames", PART, fast, whole_of_theirs / fast),
        (f"{ours}, from frames", CUSTOMERS, whole, whole_of_theirs * CUSTOMERS / PART / whole),
    ]
    print(f"Lists of {LENGTH} of {ITEMS:,} items at k = {cuts}; the metrics that both have are identical.")
    print(
        pd.DataFrame(rows, columns=["measured", "customers", "seconds", "as fast a customer"]).to_string(
            index=False, formatters={"customers": "{:,}".format}, float_format="{:.3g}".format
        )
    )
    if rows[-1][-1] < LEAST_RATIO:
        raise SystemExit(f"only {rows[-1][-1]:.1f} times as fast; expected at least {LEAST_RATIO:g}")
    if whole > MOST_SECONDS:
        raise SystemExit(f"{whole:.2f} seconds for {CUSTOMERS:,} customers; expected at most {MOST_SECONDS:g}")


if __name__ == "__main__":
    main()
