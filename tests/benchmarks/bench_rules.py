"""Association rules on the default store: mlxtend's FP-growth and association_rules against `mine_rules`.

mlxtend gets its one-hot table sparse, the leanest it takes, of items frequent alone. Each way runs in a process of its
own that begins with the baskets; memory is what it takes on top. Run on demand, on a quiet machine:

    python tests/benchmarks/bench_rules.py
"""

import resource
import warnings
from collections.abc import Callable
from multiprocessing import get_context
from time import perf_counter
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

with warnings.catch_warnings():  # importing mlxtend turns on deprecation warnings for the whole process
    from mlxtend.frequent_patterns import association_rules, fpgrowth

from reco import Workbook
from reco.models.association import SIDES, mine_rules

CONFIDENCE, LENGTH = 0.1, 3
#: Least number of baskets, and whether mlxtend is asked, too: below, it takes longer than anyone waits.
PRODUCTS = {150: True, 25: True, 5: False}
CATEGORIES = {1500: True, 150: False}
LEAST_RATIO = 5


class Cost(NamedTuple):
    """What mining took: seconds, memory in GB, and the rules found."""

    seconds: float
    memory: float
    rules: pd.DataFrame


def mlxtend(lines: pd.DataFrame, least: int) -> pd.DataFrame:
    """The rules of mlxtend."""
    rows, baskets = pd.factorize(lines["basket_id"])
    columns, items = pd.factorize(lines["item_id"], sort=True)
    frequent = np.bincount(columns, minlength=len(items)) >= least
    onehot = sparse.csr_matrix((np.ones(len(rows), bool), (rows, columns)), (len(baskets), len(items)))[:, frequent]
    frame = pd.DataFrame.sparse.from_spmatrix(onehot, columns=items[frequent])
    itemsets = fpgrowth(frame, min_support=(least - 0.5) / len(baskets), use_colnames=True, max_len=LENGTH)
    found = association_rules(itemsets, metric="confidence", min_threshold=CONFIDENCE - 1e-12)
    return found.assign(**{side: found[side].map(lambda items: tuple(sorted(items))) for side in SIDES})


def ours(lines: pd.DataFrame, least: int) -> pd.DataFrame:
    """The rules of this package."""
    return mine_rules(lines, least / lines["basket_id"].nunique(), CONFIDENCE, LENGTH)


def measure(mine: Callable[[pd.DataFrame, int], pd.DataFrame], lines: pd.DataFrame, least: int) -> Cost:
    """One way in a process of its own, forked with the baskets in memory."""
    with get_context("fork").Pool(1) as pool:
        return pool.apply(_measured, (mine, lines, least))


def _measured(mine: Callable[[pd.DataFrame, int], pd.DataFrame], lines: pd.DataFrame, least: int) -> Cost:
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, perf_counter()
    rules = mine(lines, least)
    return Cost(perf_counter() - start, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e6, rules)


def main() -> None:
    """Print the table; fail where the rules differ or the ratio is too low."""
    wb = Workbook.load("workbook.yaml")
    lines = (
        wb.table("order_lines").join(wb.table("products"), "product_id").select("order_id", "product_id", "category")
    )
    lines = wb.connection.to_pandas(lines.distinct())
    products = lines.rename(columns={"order_id": "basket_id", "product_id": "item_id"})[["basket_id", "item_id"]]
    categories = lines.rename(columns={"order_id": "basket_id", "category": "item_id"})[["basket_id", "item_id"]]
    rows, ratios = [], []
    for level, baskets, asked in (
        ("products", products, PRODUCTS),
        ("categories", categories.dropna().drop_duplicates(), CATEGORIES),
    ):
        print(f"{baskets['basket_id'].nunique():,} baskets, {baskets['item_id'].nunique():,} {level}")
        for least, beside in asked.items():
            cost = measure(ours, baskets, least)
            row = {"level": level, "least baskets": least, "rules": len(cost.rules), "seconds": cost.seconds}
            row["GB"] = cost.memory
            if beside:
                other = measure(mlxtend, baskets, least)
                found, expected = (one.rules.sort_values(SIDES, ignore_index=True) for one in (cost, other))
                pd.testing.assert_frame_equal(found, expected[list(found)], rtol=1e-9)
                ratios.append(other.seconds / cost.seconds)
                row |= {"mlxtend seconds": other.seconds, "mlxtend GB": other.memory, "times as fast": ratios[-1]}
            rows.append(row)
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.3g}".format, na_rep=""))
    if min(ratios) < LEAST_RATIO:
        raise SystemExit(f"only {min(ratios):.1f} times as fast as mlxtend; expected at least {LEAST_RATIO}")


if __name__ == "__main__":
    main()
