"""A ranker learned from earlier weeks: LightGBM's LambdaMART over candidates of several algorithms."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import lightgbm
import numpy as np
import pandas as pd

#: What LightGBM is told; chosen on the basket before the last of the Complete Journey's households.
OPTIONS: Final = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": 15,
    "learning_rate": 0.03,
    "num_leaves": 15,
    "min_data_in_leaf": 300,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10,
    "max_bin": 127,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}

#: Candidates of a list that were not taken, of which so large a share is learned from.
KEPT: Final = 0.5


class Examples(NamedTuple):
    """Candidates at one moment of the past, and what became of them.

    Attributes:
        features: a row each, float32 (`reco.learned.features.describe`).
        row: number of the customer of each, ascending.
        taken: whether it was bought in the time that followed, bool.
    """

    features: pd.DataFrame
    row: np.ndarray
    taken: np.ndarray


@dataclass(frozen=True)
class Ranker:
    """Trees that score candidates by their features.

    C. J. C. Burges, "From RankNet to LambdaRank to LambdaMART: an overview", Microsoft Research MSR-TR-2010-82.

    Attributes:
        booster: the trees.
    """

    booster: lightgbm.Booster

    @property
    def features(self) -> list[str]:
        """Names of the features, in the order of the trees."""
        return self.booster.feature_name()

    def text(self) -> str:
        """The trees in LightGBM's own words, for `from_text`."""
        return self.booster.model_to_string()

    @classmethod
    def from_text(cls, text: str) -> "Ranker":
        """A ranker of its `text`."""
        return cls(lightgbm.Booster(model_str=text))

    def score(self, features: pd.DataFrame) -> np.ndarray:
        """A score for each row, float32; higher is better within a customer."""
        return self.booster.predict(features[self.features].to_numpy()).astype("float32")

    def gain(self) -> pd.Series:
        """Share of what each feature's splits gained in training, by name, largest first; they sum to 1."""
        gain = pd.Series(self.booster.feature_importance("gain"), index=self.features)
        return (gain / (gain.sum() or 1.0)).sort_values(ascending=False, kind="stable")

    def contributions(self, features: pd.DataFrame) -> pd.DataFrame:
        """What each feature adds to each row's score: a column a feature, and `start`, the same for all; rows sum up.

        Exact Shapley values of trees: S. M. Lundberg et al., "From local explanations to global understanding with
        explainable AI for trees", Nature Machine Intelligence 2, 2020.
        """
        values = self.booster.predict(features[self.features].to_numpy(), pred_contrib=True)
        return pd.DataFrame(values, columns=[*self.features, "start"], index=features.index)


def train(examples: list[Examples], trees: int = 500, seed: int = 0) -> Ranker:
    """Learn to put what was taken before what was not, within each customer at each moment.

    Customers who took nothing among their candidates teach nothing and are left out; of what was not taken, a random
    share of `KEPT` is learned from. Raises `ValueError` where nothing was taken at all.
    """
    rng = np.random.default_rng(seed)
    tables, labels, groups = [], [], []
    for one in examples:
        took = np.zeros(one.row.max(initial=-1) + 1, bool)
        took[one.row[one.taken]] = True
        chosen = np.flatnonzero(took[one.row] & (one.taken | (rng.random(len(one.row)) < KEPT)))
        tables.append(one.features.iloc[chosen].to_numpy("float32"))
        labels.append(one.taken[chosen])
        groups.append(np.unique(one.row[chosen], return_counts=True)[1])
    if not any(label.any() for label in labels):
        raise ValueError("nothing was taken of any candidate, so that there is nothing to learn from")
    names = [*examples[0].features]
    options = OPTIONS | {"seed": seed}
    data = lightgbm.Dataset(
        np.concatenate(tables),
        np.concatenate(labels).astype("int8"),
        group=np.concatenate(groups),
        feature_name=names,
        params=options,
    )
    return Ranker(lightgbm.train(options, data, trees))
