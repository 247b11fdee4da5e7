"""Looks at the past: what was known at a moment, and what was bought after it, to learn from and to rank by."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from reco.interactions import Interactions
from reco.learned.candidates import NAMED, Pairs, gather, labels, lists
from reco.learned.features import describe
from reco.learned.ranker import Examples, Ranker, train
from reco.models.base import Among, Recommender

#: Trees of a ranker; on the basket before the last, accuracy grew up to about so many.
TREES: Final = 600


class Look(NamedTuple):
    """Customers' candidates as they were at a moment each.

    Attributes:
        x: the interactions before it.
        pairs: the candidates.
        features: a row a candidate (`reco.learned.features.FEATURES`).
    """

    x: Interactions
    pairs: Pairs
    features: pd.DataFrame

    def chosen(self, among: Among) -> np.ndarray:
        """Which candidates lists of a kind may hold: all, those the customer does not have, or those they have."""
        had = self.pairs.had
        return {"all": np.ones_like(had), "new": ~had, "seen": had}[among]


def look(x: Interactions, models: Mapping[str, Recommender], asked_at: pd.Series, named: int = NAMED) -> Look:
    """The candidates of the users in the index of `asked_at`, each as of their moment there.

    `x` holds nothing of a user at or after that moment; `models` are fitted to it. Users without history are left out.
    """
    pairs = gather(x, models, asked_at.index, named)
    return Look(x, pairs, describe(x, pairs, asked_at.loc[pairs.users]))


def learn(
    looks: Iterable[tuple[Look, pd.DataFrame]], among: Among = "all", trees: int = TREES, seed: int = 0
) -> Ranker:
    """A ranker of candidates of a kind, from looks and what was bought (user_id, item_id) after each.

    Raises `ValueError` where none of the candidates was bought.
    """
    examples = []
    for seen, taken in looks:
        chosen = seen.chosen(among)
        bought = labels(seen.x, seen.pairs, taken)
        examples.append(Examples(seen.features[chosen], seen.pairs.row[chosen], bought[chosen]))
    return train(examples, trees, seed)


def rank(seen: Look, ranker: Ranker, k: int, among: Among = "all") -> pd.DataFrame:
    """The `k` best candidates of each user: user_id, rank, item_id, score."""
    score = np.full(len(seen.features), np.nan, "float32")
    chosen = seen.chosen(among)
    score[chosen] = ranker.score(seen.features[chosen])
    return lists(seen.x, seen.pairs, score, k)
