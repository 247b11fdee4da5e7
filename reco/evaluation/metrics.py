"""Every metric by the name that `evaluate` gives it, from what is known of each place."""

import numpy as np
import pandas as pd

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
    serendipity,
    unexpectedness,
)
from reco.evaluation.places import Places
from reco.evaluation.quality import duplicates, full_slate, unknown_items

__all__ = ["measure_lists", "measure_users", "ndcg"]


def measure_users(places: Places) -> pd.DataFrame:
    """Metrics of each judged user: one row a user, one column a metric, float64.

    Metrics that need what is not known are absent: the recall of revenue and of margin without these columns of the
    test; diversity, categories and price_percentile without these attributes of the products.
    """
    hit, relevant, listed = places.hit, places.relevant, places.listed
    expected = places.popularity < hit.shape[1]
    metrics = {
        "precision": precision(hit, relevant),
        "recall": recall(hit, relevant),
        "ndcg": ndcg(hit, relevant),
        "map": average_precision(hit, relevant),
        "mrr": reciprocal_rank(hit, relevant),
        "hit_rate": hit_rate(hit, relevant),
        "personalized_hit_ratio": personalized_hit_ratio(hit, listed.any(axis=1)),
        **_weighted(places),
        "novelty": mean_listed(places.bits, listed),
        "unexpectedness": unexpectedness(expected, listed),
        "serendipity": serendipity(hit, expected, places.owned),
    }
    if places.alike is not None:
        metrics["diversity"] = diversity(places.alike, listed, places.attributes)
    if places.categories is not None:
        metrics["categories"] = categories(places.categories, listed)
    if places.price is not None:
        metrics["price_percentile"] = mean_listed(places.price, places.priced)
    metrics["full_slates"] = full_slate(listed)
    metrics["duplicates"] = duplicates(places.repeated, listed)
    metrics["unknown_items"] = unknown_items(places.unknown, listed)
    return pd.DataFrame(metrics)


def measure_lists(items: np.ndarray, catalogue: int) -> pd.Series:
    """Metrics of all lists together: one value a metric; `items` holds item numbers as in `Lists`.

    They describe what is handed out, not a sample of it. A bootstrap sample of users holds lists several times, so
    that it covers less and repeats more by construction; these metrics have no interval.
    """
    counts = np.bincount((items + 1).ravel(order="F"), minlength=catalogue + 1)[1 : catalogue + 1]
    return pd.Series(
        {
            "coverage": coverage(counts),
            "gini": gini(counts),
            "entropy": entropy(counts),
            "personalization": personalization(items),
        }
    )


def _weighted(places: Places) -> dict[str, np.ndarray]:
    """Recall by everything that purchases can weigh."""
    users, rows = places.hits
    return {
        name: weighted_recall(users, worth.to_numpy()[rows], places.totals[name].to_numpy())
        for name, worth in places.worth.items()
    }
