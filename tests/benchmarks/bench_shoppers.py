"""How fast shoppers are simulated, and how often the lift against a holdout covers what is true of them.

python tests/benchmarks/bench_shoppers.py                    10 million impressions, written, on one core
python tests/benchmarks/bench_shoppers.py --millions 100
python tests/benchmarks/bench_shoppers.py --runs 1000        worlds of 1,000 shoppers, a new seed each
python tests/benchmarks/bench_shoppers.py --store workbook.yaml     tastes from a store's baskets
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from reco.kpis import incremental
from reco.shoppers import Shopping, Tastes, holdout, personal, popular, potential, shop, tastes_of


def made_up(customers: int = 2_500, products: int = 5_000, seed: int = 0) -> Tastes:
    """Baskets of a shop of the default one's size: 60 products a customer, some far more popular than others."""
    rng = np.random.default_rng(seed)
    pairs = pd.DataFrame(
        {
            "customer_id": rng.integers(customers, size=60 * customers).astype(str),
            "product_id": (rng.random(60 * customers) ** 2.5 * products).astype(int).astype(str),
        }
    )
    baskets = pairs.value_counts().rename("frequency").reset_index()
    prices = np.round(rng.gamma(2, 3, products) + 0.5, 2)
    return tastes_of(baskets, pd.DataFrame({"product_id": np.arange(products).astype(str), "price": prices}))


def speed(tastes: Tastes, millions: float) -> None:
    """Time and memory of a world with so many impressions in two arms and a holdout of a tenth."""
    policies, shares = (
        [holdout(), popular(tastes), personal(tastes)],
        {"holdout": 0.1, "popular": 0.45, "personal": 0.45},
    )
    usual = Shopping()
    a_shopper = usual.visits_per_week * usual.weeks * usual.pages * usual.k * 0.9 / (1 - usual.bots)
    settings = Shopping(shoppers=round(millions * 1e6 / a_shopper))
    with tempfile.TemporaryDirectory() as folder:
        start, worked = time.perf_counter(), time.process_time()
        book = shop(tastes, policies, settings, Path(folder), shares)
        took, worked = time.perf_counter() - start, time.process_time() - worked
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{book.impressions:,} impressions of {settings.shoppers:,} shoppers in {took:.1f} s", end=", ")
    print(f"{worked:.1f} s of one core, {size:.0f} MB written, {peak:.0f} MB at most")
    print(book.policies.to_string(index=False))


def coverage(tastes: Tastes, runs: int, shoppers: int) -> None:
    """Share of worlds whose interval holds their own truth."""
    policies, held, start = [holdout(), personal(tastes)], [], time.perf_counter()
    for seed in range(runs):
        book = potential(tastes, policies, Shopping(seed=seed, shoppers=shoppers))
        customers, truth = book.customers, book.policies.set_index("variant").loc["personal"]
        shown = customers["variant"] == "personal"
        revenue = np.where(shown, customers["revenue_personal"], customers["revenue_holdout"])
        found = incremental(
            customers.assign(revenue=revenue, attributed=0.0)[["customer_id", "variant", "revenue", "attributed"]],
            holdout="holdout",
        )
        added = found.table.set_index("what").loc["incremental"]
        held.append(
            (
                found.lift_low <= truth["lift"] <= found.lift_high,
                added["low"] <= truth["added_revenue"] <= added["high"],
                truth["lift"],
            )
        )
    lift, added, true = np.mean(held, axis=0)
    print(f"{runs} worlds of {shoppers} shoppers, {time.perf_counter() - start:.0f} s: true lift {true:.2%} on average")
    print(f"covered by the interval of the lift in {lift:.1%}, of the incremental revenue in {added:.1%}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=float, default=10)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--shoppers", type=int, default=1_000)
    parser.add_argument("--store")
    args = parser.parse_args()
    if args.store:
        from reco import Workbook
        from reco.shoppers import of_store

        tastes = of_store(Workbook.load(args.store))
    else:
        tastes = made_up()
    if args.runs:
        coverage(tastes, args.runs, args.shoppers)
    else:
        speed(tastes, args.millions)
