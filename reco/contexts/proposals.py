"""Lists of the models, gathered for many slates at once."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.pipeline import BLENDS, NEIGHBOURS, candidates, history, neighbours
from reco.workbook import Workbook


class Lists(NamedTuple):
    """Ranked lists of items, one after the other.

    Attributes:
        starts: where each list begins, int64, one more than there are lists.
        items: item numbers, best first within each list.
        scores: float32.
    """

    starts: np.ndarray
    items: np.ndarray
    scores: np.ndarray

    def gather(self, lists: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The lists with these numbers: place in `lists`, item and score of every entry."""
        lengths = np.diff(self.starts)[lists]
        ends = np.cumsum(lengths)
        entries = np.arange(ends[-1] if len(ends) else 0) + np.repeat(self.starts[lists] - (ends - lengths), lengths)
        return np.repeat(np.arange(len(lists)), lengths), self.items[entries], self.scores[entries]


@lru_cache(maxsize=16)
def customer_lists(wb: Workbook, model: str, until: pd.Timestamp, context: str | None = None) -> Lists:
    """The candidates of every known customer, in the order of the history's users (see `pipeline.candidates`)."""
    x, frame = history(wb, until), candidates(wb, model, until, context=context)
    return _lists(x.rows(frame[Columns.USER]), x.columns(frame[Columns.ITEM]), frame[Columns.SCORE], len(x.users))


@lru_cache(maxsize=16)
def item_lists(wb: Workbook, model: str, until: pd.Timestamp, k: int | None = None) -> Lists:
    """The neighbours of every item, in the order of the history's items; `NEIGHBOURS` of each unless `k` is given."""
    x, frame = history(wb, until), neighbours(wb, model, until, k or NEIGHBOURS)
    return _lists(x.columns(frame[Columns.ITEM]), x.columns(frame[Columns.SIMILAR]), frame[Columns.SCORE], len(x.items))


def own_weights(wb: Workbook, model: str | None, context: str | None) -> str | None:
    """The context where the settings give it weights of its own for the model, else None."""
    return context if model in BLENDS and context in wb.settings.hybrid.contexts else None


def _lists(owners: np.ndarray, items: np.ndarray, scores: pd.Series, count: int) -> Lists:
    order = np.argsort(owners, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=count))])
    return Lists(starts, items[order].astype("int32"), scores.to_numpy("float32")[order])
