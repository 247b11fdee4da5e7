"""Weights of the hybrid, tuned on the validation weeks."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.evaluation.metrics import ndcg
from reco.models.hybrid import comparable, simplex, weighted
from reco.ranking import place, top_k


def try_weights(
    lists: Mapping[str, pd.DataFrame],
    taken: pd.DataFrame,
    step: float = 0.1,
    k: int = 10,
    scaling: str = "minmax",
) -> pd.DataFrame:
    """Mean NDCG@k of every blend of `lists` on a grid of weights, best first: one column a part, and ndcg.

    `taken` (user_id, item_id) is what users took in the weeks after the lists were made; only its users count, and
    those without any list count as zero. Equal means go to the weights nearest to equal shares.
    """
    relevant = taken[[Columns.USER, Columns.ITEM]].drop_duplicates()
    counts = relevant.groupby(Columns.USER).size()
    parts = list(lists)
    scores = comparable({part: lists[part][lists[part][Columns.USER].isin(counts.index)] for part in parts}, scaling)
    found = pd.MultiIndex.from_frame(scores[[Columns.USER, Columns.ITEM]]).isin(pd.MultiIndex.from_frame(relevant))

    # a dense block users x longest list: scores are sorted by item, so a lower place is a lower item id
    rows = counts.index.get_indexer(scores[Columns.USER])
    places = place(rows)
    block = np.full((len(counts), places.max(initial=-1) + 1), np.nan, "float32")
    taken_block = np.zeros(block.shape, bool)
    taken_block[rows, places] = found

    grid, means = simplex(parts, step), []
    for weights in grid.to_dict("records"):
        block[rows, places] = weighted(scores, weights)
        means.append(pd.Series(ndcg(_hits(block, taken_block, k), counts.to_numpy())).mean())
    spread = ((grid - 1 / len(parts)) ** 2).sum(axis=1)
    tried = grid.assign(ndcg=means, spread=spread)
    return tried.sort_values(["ndcg", "spread"], ascending=[False, True], ignore_index=True).drop(columns="spread")


def _hits(total: np.ndarray, taken: np.ndarray, k: int) -> np.ndarray:
    rows, columns = top_k(total, k)
    hit = np.zeros((len(total), k), bool)
    hit[rows, place(rows)] = taken[rows, columns]
    return hit
