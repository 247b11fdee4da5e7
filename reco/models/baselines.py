"""Baselines: what any other model has to beat."""

from dataclasses import dataclass

import numpy as np

from reco.columns import Columns
from reco.interactions import Interactions
from reco.models.base import Recommender, register


@register("popularity", "Popularity")
@dataclass
class Popularity(Recommender):
    """The items that most users have, for everyone."""

    knows_new_users = True

    def _train(self, x: Interactions) -> None:
        self._popularity = x.customers_per_item.astype("float32")

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return np.tile(self._popularity, (len(rows), 1))


@register("trending", "Trending")
@dataclass
class Trending(Recommender):
    """Items that sell more of late than their longer record lets expect, for everyone.

    Score: (recent - expected) / sqrt(expected + 1), where recent counts the interactions of the last
    `recent_days` and expected is the item's rate before them over as many days; the Poisson z-value.
    """

    recent_days: int = 14
    knows_new_users = True

    def _train(self, x: Interactions) -> None:
        if Columns.TIMESTAMP not in x.log:
            raise ValueError("trending: needs the timestamp of every interaction")
        log = x.log[x.log[Columns.WEIGHT] > 0]  # a return is no demand
        times = log[Columns.TIMESTAMP]
        start = times.max() - np.timedelta64(self.recent_days, "D")
        recent = times > start
        n = len(x.items)
        now = np.bincount(log["item"][recent], minlength=n)
        before = np.bincount(log["item"][~recent], minlength=n)
        days_before = max((start - times.min()) / np.timedelta64(1, "D"), 1.0)
        expected = before * self.recent_days / days_before
        self._trend = ((now - expected) / np.sqrt(expected + 1)).astype("float32")

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return np.tile(self._trend, (len(rows), 1))

    def _score_newcomer(self) -> np.ndarray:
        return self._trend


@register("personal_frequency", "Personal frequency")
@dataclass
class PersonalFrequency(Recommender):
    """What the user bought most often before: the baseline that next-basket models often fail to beat.

    M. Li, S. Jullien, M. Ariannezhad, M. de Rijke, "A next basket recommendation reality check", ACM TOIS 2023.
    """

    def _train(self, x: Interactions) -> None:
        """Nothing to learn: the matrix is the model."""

    def _score(self, rows: np.ndarray) -> np.ndarray:
        scores = self.interactions.matrix[rows].toarray()
        scores[scores <= 0] = np.nan
        return scores
