"""Weights of the hybrid, tuned on the validation weeks."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import FloatDistribution
from optuna.trial import create_trial

from reco.columns import Columns
from reco.evaluation.metrics import ndcg
from reco.models.hybrid import comparable, simplex, weighted
from reco.ranking import place, top_k

#: A weight w is exp(-w) before it is normalized: uniform numbers then give weights uniform on the simplex.
LEAST: Final = float(np.exp(-8))


def try_weights(
    lists: Mapping[str, pd.DataFrame],
    taken: pd.DataFrame,
    step: float = 0.1,
    k: int = 10,
    scaling: str = "minmax",
    trials: int = 0,
    seed: int = 0,
) -> pd.DataFrame:
    """Mean NDCG@k of blends of `lists`, best first: one column of weights a part, and ndcg.

    All weights on a grid of `step` are tried, then so many `trials` more, in hundredths, where Optuna's tree-structured
    Parzen estimator expects the best of what it has seen. `taken` (user_id, item_id) is what users took in the weeks
    after the lists were made; only its users count, and those without any list count as zero. Equal means go to the
    weights nearest to equal shares.
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

    def mean(weights: Mapping[str, float]) -> float:
        block[rows, places] = weighted(scores, weights)
        return float(pd.Series(ndcg(_hits(block, taken_block, k), counts.to_numpy())).mean())

    tried = simplex(parts, step)
    tried["ndcg"] = [mean(weights) for weights in tried.to_dict("records")]
    if trials and len(parts) > 1 and tried["ndcg"].notna().all():
        tried = pd.concat([tried, _closer(tried, mean, trials, seed)]).drop_duplicates(parts)
    spread = ((tried[parts] - 1 / len(parts)) ** 2).sum(axis=1)
    tried = tried.assign(spread=spread).sort_values(["ndcg", "spread"], ascending=[False, True], ignore_index=True)
    return tried.drop(columns="spread")


def _closer(tried: pd.DataFrame, mean: Callable[[Mapping[str, float]], float], trials: int, seed: int) -> pd.DataFrame:
    """So many more rows like those of `tried`, chosen by Optuna."""
    parts = [column for column in tried if column != "ndcg"]
    space = dict.fromkeys(parts, FloatDistribution(LEAST, 1.0))
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    for *weights, value in tried.itertuples(index=False, name=None):
        params = dict(zip(parts, np.exp(-np.array(weights)).tolist(), strict=True))
        study.add_trial(create_trial(params=params, distributions=space, value=value))
    rows = []
    for _ in range(trials):
        trial = study.ask(space)
        weights = _hundredths(-np.log([trial.params[part] for part in parts]))
        rows.append((*weights, mean(dict(zip(parts, weights, strict=True)))))
        study.tell(trial, rows[-1][-1])
    return pd.DataFrame(rows, columns=[*parts, "ndcg"])


def _hundredths(shares: np.ndarray) -> list[float]:
    """Shares that add up to 1, in whole hundredths; the largest takes what rounding leaves. All zero are equal."""
    shares = shares if shares.sum() > 0 else np.ones_like(shares)
    whole = np.round(100 * shares / shares.sum()).astype("int64")
    whole[whole.argmax()] += 100 - whole.sum()
    return (whole / 100).tolist()


def _hits(total: np.ndarray, taken: np.ndarray, k: int) -> np.ndarray:
    rows, columns = top_k(total, k)
    hit = np.zeros((len(total), k), bool)
    hit[rows, place(rows)] = taken[rows, columns]
    return hit
