"""Seasons of categories: indices learned from history or supplied, as a part of the score, and what that gains."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.errors import InputError
from reco.evaluation.accuracy import ndcg
from reco.evaluation.bootstrap import Interval, paired_difference, verdict
from reco.models.hybrid import comparable
from reco.ranking import place

MONTHS: Final = range(1, 13)

#: Sales that a category's month must be expected to have before it counts as much as the guess that it is like others.
PRIOR: Final = 50.0

#: Strengths that are tried on the validation weeks.
STRENGTHS: Final = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)


def seasonal_indices(sales: pd.DataFrame, prior: float = PRIOR) -> pd.DataFrame:
    """How much more than usual a category sells in each month: categories x months 1 to 12, 1 as usual.

    `sales` has `category`, `year`, `month` and `count`. The index is the category's share of that month's sales over
    its share of the whole years' (Σ count + prior) / (Σ expected + prior): what the whole shop does in a month, and
    how it grew, is not a category's season. Only months that at least two years hold are learned, for with one a
    trend looks like a season; the others are 1. `prior` draws what is expected to sell little towards 1.

    >>> months = [(y, m) for y in (2024, 2025) for m in range(1, 13)]
    >>> sales = pd.DataFrame([("ice", y, m, 300 if m == 7 else 100) for y, m in months] +
    ...     [("tea", y, m, 100 if m == 7 else 300) for y, m in months], columns=["category", "year", "month", "count"])
    >>> seasonal_indices(sales, prior=0).loc["ice", [6, 7]].round(2).tolist()
    [0.86, 2.57]
    """
    by_month = sales.groupby(["category", "year", "month"], observed=True)["count"].sum()
    counts = by_month.unstack("category", fill_value=0).astype(float)
    if counts.empty:
        return pd.DataFrame(columns=MONTHS, dtype=float)
    totals = counts.sum(axis=1)
    share = counts.sum() / totals.sum()
    expected = pd.DataFrame(np.outer(totals, share), counts.index, counts.columns)
    month = counts.index.get_level_values("month")
    index = (counts.groupby(month).sum() + prior) / (expected.groupby(month).sum() + prior).replace(0, np.nan)
    years = totals[totals > 0].groupby("month").size()
    index = index.reindex(MONTHS)
    index.loc[years.reindex(MONTHS, fill_value=0) < 2] = 1.0
    return index.fillna(1.0).T.rename_axis(columns="month")


def supplied(indices: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Indices from the settings as `seasonal_indices` gives them, each category's mean brought to 1.

    >>> supplied({"ice": [2.0] * 6 + [4.0] * 6}).loc["ice", [1, 12]].round(3).tolist()
    [0.667, 1.333]
    """
    frame = pd.DataFrame.from_dict(dict(indices), orient="index", columns=MONTHS, dtype=float)
    return frame.div(frame.mean(axis=1), axis=0).rename_axis(index="category", columns="month")


def component(categories: pd.Series, indices: pd.DataFrame, month: int) -> pd.Series:
    """log2 of each item's seasonal index in `month`: 1 where its category sells twice as usual, 0 where as usual.

    `categories` holds the category of each item (index); an unknown category has no season.

    >>> component(pd.Series({"i1": "ice", "x": "?"}), pd.DataFrame({7: [2.0]}, ["ice"]), 7).tolist()
    [1.0, 0.0]
    """
    if month not in indices.columns:
        raise InputError(f"seasonal index: expected a month from 1 to 12, found {month!r}")
    return np.log2(categories.map(indices[month]).astype(float)).fillna(0.0)


def adjusted(lists: pd.DataFrame, seasons: pd.Series, strength: float, k: int = 10) -> pd.DataFrame:
    """The lists with the season as a part of the score, the best `k` of each user: user_id, rank, item_id, score.

    The score is that of the list, scaled to 1/n … 1 within a user, plus `strength` times the component; candidates
    beyond `k` are needed for anything to move up. With a strength of 0 the order stays.
    """
    scores = comparable({"own": lists})
    season = scores[Columns.ITEM].map(seasons).astype(float).fillna(0.0)
    scores[Columns.SCORE] = scores.pop("own") + strength * season
    scores = scores.sort_values([Columns.USER, Columns.SCORE], ascending=[True, False], kind="stable")
    scores[Columns.RANK] = place(scores[Columns.USER].astype("category").cat.codes.to_numpy()) + 1
    kept = scores[scores[Columns.RANK] <= k].reset_index(drop=True)
    return kept[[Columns.USER, Columns.RANK, Columns.ITEM, Columns.SCORE]]


class Weeks(NamedTuple):
    """Weeks to judge by.

    Attributes:
        lists: candidates made before them: user_id, item_id, score.
        taken: what users took in them: user_id, item_id.
        month: their month, 1 to 12.
        indices: seasonal indices from sales before them.
    """

    lists: pd.DataFrame
    taken: pd.DataFrame
    month: int
    indices: pd.DataFrame


class Gain(NamedTuple):
    """What the season as part of the score gains.

    Attributes:
        strength: chosen on the validation weeks.
        before: mean NDCG@k on the test weeks without it.
        after: with it.
        difference: after less before, with its paired interval.
        users: customers judged.
        verdict: `better`, `worse`, `tie`, or `no season known` where no index differs from 1.
    """

    strength: float
    before: float
    after: float
    difference: Interval
    users: int
    verdict: str


def accuracy(weeks: Weeks, categories: pd.Series, strength: float, k: int = 10) -> pd.Series:
    """NDCG@k of the adjusted lists by user, of those who took anything; without a list it is 0."""
    relevant = weeks.taken[[Columns.USER, Columns.ITEM]].drop_duplicates()
    counts = relevant.groupby(Columns.USER, observed=True).size()
    lists = weeks.lists[weeks.lists[Columns.USER].isin(counts.index)]
    hit = np.zeros((len(counts), k), bool)
    if len(lists):
        shown = adjusted(lists, component(categories, weeks.indices, weeks.month), strength, k)
        found = pd.MultiIndex.from_frame(shown[[Columns.USER, Columns.ITEM]]).isin(pd.MultiIndex.from_frame(relevant))
        hit[counts.index.get_indexer(shown[Columns.USER]), shown[Columns.RANK].to_numpy() - 1] = found
    return pd.Series(ndcg(hit, counts.to_numpy()), counts.index)


def back_test(
    validation: Weeks,
    test: Weeks,
    categories: pd.Series,
    k: int = 10,
    strengths: Sequence[float] = STRENGTHS,
    seed: int = 0,
) -> Gain:
    """Choose the strength that is best on the validation weeks, and judge it on the test weeks.

    `categories` holds the category of each item (index). Among strengths that are as good, the first is taken.
    """
    known = [bool((weeks.indices[weeks.month] != 1).any()) for weeks in (validation, test)]
    means = [accuracy(validation, categories, strength, k).mean() for strength in strengths]
    strength = float(strengths[int(np.argmax(means))])
    before, after = (accuracy(test, categories, one, k) for one in (0.0, strength))
    difference = paired_difference(after.to_numpy(), before.to_numpy(), seed=seed)
    word = verdict(difference) if all(known) else "no season known"
    return Gain(strength, float(before.mean()), float(after.mean()), difference, len(before), word)
