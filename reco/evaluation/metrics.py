"""Every metric by the name that `evaluate` gives it, from lists whose ids are numbers already."""

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.evaluation.accuracy import (
    average_precision,
    hit_rate,
    ndcg,
    personalized_hit_ratio,
    precision,
    recall,
    reciprocal_rank,
    weighted_recall,
)
from reco.evaluation.beyond_accuracy import (
    categories,
    coverage,
    diversity,
    entropy,
    gini,
    mean_listed,
    personalization,
    popular,
    self_information,
    serendipity,
    unexpectedness,
)
from reco.evaluation.lists import AMOUNTS, EMPTY, Lists
from reco.evaluation.quality import duplicates, full_slate, unknown_items

__all__ = ["head", "measure_lists", "measure_users", "ndcg", "price_percentiles"]


def measure_users(lists: Lists) -> pd.DataFrame:
    """Metrics of each judged user: one row a user, one column a metric, float64.

    Metrics that need what is not known are absent: the recall of revenue and of margin without these columns of the
    test; diversity, categories and price_percentile without these attributes of the products.
    """
    hit, relevant, listed, owners = lists.hit, lists.relevant, lists.listed, lists.owners
    expected = _of_items(lists, popular(owners, lists.k))
    bits = self_information(np.append(owners, 0), len(lists.train.users))
    metrics = {
        "precision": precision(hit, relevant),
        "recall": recall(hit, relevant),
        "ndcg": ndcg(hit, relevant),
        "map": average_precision(hit, relevant),
        "mrr": reciprocal_rank(hit, relevant),
        "hit_rate": hit_rate(hit, relevant),
        "personalized_hit_ratio": personalized_hit_ratio(hit, listed.any(axis=1)),
        **_weighted(lists),
        "novelty": mean_listed(_of_items(lists, bits[:-1], unknown=bits[-1]), listed),
        "unexpectedness": unexpectedness(expected, listed),
        "serendipity": serendipity(hit, expected, lists.owned),
    }
    if lists.alike is not None:
        metrics["diversity"] = diversity(lists.alike, listed, lists.attributes)
    if lists.categories is not None:
        metrics["categories"] = categories(lists.categories, listed)
    prices = price_percentiles(lists.train.products)
    if prices is not None:
        priced = _of_items(lists, ~np.isnan(prices))
        metrics["price_percentile"] = mean_listed(_of_items(lists, np.nan_to_num(prices)), priced)
    metrics["full_slates"] = full_slate(listed)
    metrics["duplicates"] = duplicates(lists.repeated[: len(listed)], listed)
    metrics["unknown_items"] = unknown_items(lists.judged, len(owners))
    return pd.DataFrame(metrics, index=lists.users)


def measure_lists(lists: Lists) -> pd.Series:
    """Metrics of all lists together, those of users who took nothing among them: one value a metric.

    They describe what is handed out, not a sample of it. A bootstrap sample of users holds lists several times, so
    that it covers less and repeats more by construction; these metrics have no interval.
    """
    catalogue = len(lists.train.items)
    counts = np.bincount((lists.items + 1).ravel(), minlength=catalogue + 1)[1 : catalogue + 1]
    return pd.Series(
        {
            "coverage": coverage(counts),
            "gini": gini(counts),
            "entropy": entropy(counts),
            "personalization": personalization(lists.items),
        }
    )


def head(purchases: np.ndarray) -> np.ndarray:
    """Whether an item is in the head: the fewest items that make half of all purchases; the others are the tail.

    >>> head(np.array([1, 5, 1, 3])).tolist()
    [False, True, False, False]
    """
    order = np.argsort(-purchases, kind="stable")
    before = np.cumsum(purchases[order]) - purchases[order]
    chosen = np.zeros(len(purchases), bool)
    chosen[order[before < purchases.sum() / 2]] = True
    return chosen


def price_percentiles(products: pd.DataFrame | None) -> np.ndarray | None:
    """Share of the priced products that cost less than each, those of the same price half: between 0 and 1, mean 1/2.

    NaN where a product has no price; None where none has.

    >>> price_percentiles(pd.DataFrame({"price": [10, 1, 1, None]})).round(3).tolist()
    [0.833, 0.333, 0.333, nan]
    """
    if products is None or Columns.PRICE not in products:
        return None
    prices = pd.to_numeric(products[Columns.PRICE], errors="coerce").astype("float64")
    return ((prices.rank() - 0.5) / prices.count()).to_numpy() if prices.count() else None


def _weighted(lists: Lists) -> dict[str, np.ndarray]:
    """Recall by what the items are worth, and of the items of the head and of the tail."""
    users, rows = lists.hits
    bought = lists.pairs["user"].to_numpy()
    popular_items = head(np.bincount(lists.train.log["item"], minlength=len(lists.train.items)))
    in_head = np.append(popular_items, np.zeros(lists.width - len(popular_items), bool))[lists.pairs["item"]]
    weights = {f"{name}_recall": lists.pairs[name].to_numpy() for name in AMOUNTS if name in lists.pairs}
    weights |= {"head_recall": in_head.astype(float), "tail_recall": (~in_head).astype(float)}
    return {
        name: weighted_recall(users, weight[rows], np.bincount(bought, weight, minlength=len(lists.users)))
        for name, weight in weights.items()
    }


def _of_items(lists: Lists, values: np.ndarray, unknown: float = 0) -> np.ndarray:
    """The value of the item at each rank for the judged users: `unknown` for those unknown to training, 0 for none."""
    padded = np.full(lists.width + 1, unknown, values.dtype)
    padded[: len(values)], padded[EMPTY] = values, 0
    return padded[lists.judged]
