"""A customer's new basket taken in by `partial_fit`, and the new list, against a full fit, on the default store.

    python tests/benchmarks/bench_updates.py

Prints, for every algorithm that takes in new events: milliseconds for both steps (the median of nine), how many times
a full fit takes as long, and whether the list changed.
"""

import time
from pathlib import Path
from statistics import median

import pandas as pd

from reco import Workbook, pipeline
from reco.models import MODELS, make_model

ROOT = Path(__file__).resolve().parents[2]
TIMES = 9


def main() -> None:
    """Print the table."""
    wb = Workbook.load(ROOT / "workbook.yaml")
    x = pipeline.history(wb, pipeline.periods(wb).test)
    customer, bought = x.users[100], x.items[x.matrix[100].indices]
    fresh = x.items.difference(bought)
    print(f"{'algorithm':<22} {'fit s':>7} {'new events ms':>14} {'list ms':>8} {'fit / new':>10}  list changed")
    for name, model in MODELS.items():
        if not model.updates or model.lacks(x):
            continue
        start = time.perf_counter()
        fitted = make_model(name).fit(x)
        fit = time.perf_counter() - start
        before = fitted.recommend([customer], exclude_seen=False)
        updates, lists = [], []
        for number in range(TIMES):
            moment = x.log["timestamp"].max() + pd.Timedelta(days=number + 1)
            items = [bought[number], *fresh[number * 3 : number * 3 + 3]]
            events = pd.DataFrame({"user_id": customer, "item_id": items, "timestamp": moment, "basket_id": 0})
            start = time.perf_counter()
            fitted.partial_fit(events)
            middle = time.perf_counter()
            after = fitted.recommend([customer], exclude_seen=False)
            updates.append(middle - start)
            lists.append(time.perf_counter() - middle)
        new, told = median(updates), median(lists)
        changed = "yes" if not before.equals(after) else "no"
        print(f"{name:<22} {fit:>7.2f} {1e3 * new:>14.1f} {1e3 * told:>8.1f} {fit / new:>10.0f}  {changed}", flush=True)


if __name__ == "__main__":
    main()
