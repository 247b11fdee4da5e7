"""What each metric tells, in one sentence, for readers of reports; formulas stand in the metrics' docstrings."""

from typing import Final, NamedTuple


class Term(NamedTuple):
    """A metric of `evaluate`.

    Attributes:
        name: as in `per_user` and `summary`.
        title: as reports print it.
        meaning: what it tells, in one sentence.
        better: `higher`, `lower`, or empty where more is not better in itself.
    """

    name: str
    title: str
    meaning: str
    better: str


_TERMS: Final = (
    ("precision", "Precision", "Share of a list's places that hold something the customer went on to buy.", "higher"),
    ("recall", "Recall", "Share of what the customer went on to buy that the list held.", "higher"),
    (
        "ndcg",
        "NDCG",
        "Hits weighted by how near the top they stand, as a share of what the best possible list would reach.",
        "higher",
    ),
    (
        "map",
        "MAP",
        "Precision down to each hit, averaged over the hits that were possible, so that early hits count more.",
        "higher",
    ),
    ("mrr", "MRR", "One divided by the rank of the first hit, and 0 without any hit.", "higher"),
    ("hit_rate", "Hit rate", "Share of all customers who bought at least one thing their list held.", "higher"),
    (
        "personalized_hit_ratio",
        "Personalized hit ratio",
        "The hit rate among only those customers who were given a list at all.",
        "higher",
    ),
    (
        "revenue_recall",
        "Revenue recall",
        "Share of the money the customer went on to spend that went to things the list held.",
        "higher",
    ),
    (
        "margin_recall",
        "Margin recall",
        "Share of the margin on what the customer went on to buy that came from things the list held.",
        "higher",
    ),
    (
        "head_recall",
        "Recall, head",
        "Recall among the most bought products, which together make half of all purchases.",
        "higher",
    ),
    ("tail_recall", "Recall, tail", "Recall among all the other products, those bought less often.", "higher"),
    (
        "novelty",
        "Novelty, bits",
        "How rarely the listed products are owned: one bit more means half as many customers have them.",
        "",
    ),
    (
        "unexpectedness",
        "Unexpectedness",
        "Share of a list's products that a plain list of best-sellers would not have held.",
        "",
    ),
    (
        "serendipity",
        "Serendipity",
        "Share of a list's places with a hit that is neither a best-seller nor something the customer had before.",
        "higher",
    ),
    (
        "diversity",
        "Diversity",
        "Share of attributes, such as category and brand, in which two products of a list differ on average.",
        "",
    ),
    ("categories", "Categories", "Number of different categories in a list.", ""),
    (
        "price_percentile",
        "Price percentile",
        "Share of the catalogue that costs less than the average listed product; one half is the catalogue's own mix.",
        "",
    ),
    (
        "full_slates",
        "Full slates",
        "Share of customers whose list fills every place with a different product.",
        "higher",
    ),
    ("duplicates", "Duplicates", "Share of listed products that stand in the same list a second time.", "lower"),
    (
        "unknown_items",
        "Unknown products",
        "Share of listed products that the training data did not hold.",
        "",
    ),
    ("coverage", "Coverage", "Share of the catalogue that is on at least one customer's list.", "higher"),
    (
        "gini",
        "Gini",
        "How unequally the places are shared out among products: 0 if all get as many, near 1 if a few get all.",
        "lower",
    ),
    (
        "entropy",
        "Entropy, bits",
        "How varied the places are over all lists: one bit more is like twice as many products shown equally often.",
        "higher",
    ),
    (
        "personalization",
        "Personalization",
        "How little two customers' lists have in common: 0 if all see the same, 1 if no two share a product.",
        "",
    ),
)

#: Every metric that `evaluate` can give, in its order.
GLOSSARY: Final = tuple(Term(*term) for term in _TERMS)
