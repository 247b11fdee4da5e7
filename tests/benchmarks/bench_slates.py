"""All slates of all contexts for all customers, and one visitor's slate, from models that are fitted already.

Run on demand, on a quiet machine with the default store:  python tests/benchmarks/bench_slates.py
"""

from time import perf_counter

import numpy as np
import pandas as pd

from reco import Workbook, pipeline
from reco.contexts import fill, one_slate, snapshot
from reco.contexts.strategies import resolve
from reco.pipeline import candidates, neighbours

#: Seconds for all slates, and milliseconds for the median of one.
WHOLE, ONE = 60, 20
#: Slates asked for one by one in each context.
ASKED = 100


def main() -> None:
    """Print both, and fail above the bounds."""
    wb = Workbook.load()
    until = pipeline.periods(wb).end
    shop = snapshot(wb, until)
    for context in wb.settings.contexts.values():  # fit what is not cached; the clock starts afterwards
        for strategy in (resolve(shop, one) for one in context.strategies):
            if strategy.model:
                by_customer = context.anchor == "customer" or strategy.by == "customer"
                (candidates if by_customer else neighbours)(wb, strategy.model, until)
    del shop
    snapshot.cache_clear()
    start = perf_counter()
    filled = fill(wb, until)
    seconds = perf_counter() - start
    slates = sum(len(one.requests.frame) for one in filled.values())
    places = sum(len(one.slates) for one in filled.values())
    strategies = sum(len(context.strategies) for context in wb.settings.contexts.values())
    print(
        f"{slates:,} slates of {places:,} products by {strategies} strategies and "
        f"{len(wb.settings.rules.order)} rules in {seconds:.1f} s; asked: {WHOLE} s"
    )

    shop = snapshot(wb, until)
    rng, rows = np.random.default_rng(0), []
    for name, (requests, _, _) in filled.items():
        chosen = requests.frame.iloc[rng.choice(len(requests.frame), ASKED, replace=False)]
        beside = requests.anchors.groupby("slate_id")["item_id"].agg(tuple)
        times = []
        for row in chosen.itertuples():
            customer = None if pd.isna(row.customer_id) else row.customer_id
            start = perf_counter()
            one_slate(wb, name, until, customer, beside.get(row.slate_id, ()))
            times.append((perf_counter() - start) * 1000)
        rows.append((name, np.median(times), np.quantile(times, 0.95)))
    products = wb.connection.to_pandas(wb.table("products").select("product_id"))["product_id"]
    unknown = products[~products.isin(shop.x.items)].sample(ASKED, random_state=0)
    for name in ("product_page", "cart"):  # each unknown product is met for the first time
        times = []
        for one in unknown:
            start = perf_counter()
            one_slate(wb, name, until, None, (one, *shop.x.items[:2]))
            times.append((perf_counter() - start) * 1000)
        rows.append((f"{name}, unknown product", np.median(times), np.quantile(times, 0.95)))
    table = pd.DataFrame(rows, columns=["context", "median_ms", "p95_ms"])
    print(table.to_string(index=False, float_format="%.1f"))
    slowest = table["median_ms"].max()
    if seconds > WHOLE or slowest > ONE:
        raise SystemExit(f"{seconds:.1f} s of {WHOLE}, {slowest:.1f} ms of {ONE}")


if __name__ == "__main__":
    main()
