"""What every model answers, and the registry they stand in."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, Final, Self, TypeVar

import numpy as np
import pandas as pd
from scipy import sparse

from reco.columns import Columns
from reco.interactions import Interactions

#: Model classes by the name that settings and notebooks use.
MODELS: Final[dict[str, type["Recommender"]]] = {}

#: Users scored at once: 512 rows of 20,000 float32 scores are 40 MB.
BLOCK: Final = 512

Model = TypeVar("Model", bound=type["Recommender"])


def register(name: str, title: str) -> Callable[[Model], Model]:
    """Class decorator: put a model into `MODELS` under `name`, with the `title` that reports print."""

    def put(model: Model) -> Model:
        model.name, model.title = name, title
        MODELS[name] = model
        return model

    return put


@dataclass
class Recommender(ABC):
    """A model of what users want: `fit`, then `recommend` and `similar`.

    A subclass is a dataclass whose fields are its options. It writes `_train` (learn from interactions), `_score`
    (scores of all items for a block of users) and, where it has an own notion of it, `_resemble` (scores of all
    items beside a block of items). Scores are float32, higher is better, NaN where the model has nothing to say.
    Ties rank by item id, ascending.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    #: whether users without history get recommendations
    knows_new_users: ClassVar[bool] = False
    #: whether items nobody bought yet can be recommended
    knows_new_items: ClassVar[bool] = False

    def fit(self, interactions: Interactions) -> Self:
        """Learn from `interactions`, forgetting whatever was learned before.

        Raises `ValueError` when there are no interactions or a weight is not finite.
        """
        if interactions.matrix.nnz == 0:
            raise ValueError(f"{self.name}: no interactions to learn from")
        if not np.isfinite(interactions.matrix.data).all():
            raise ValueError(f"{self.name}: the matrix holds NaN or infinite weights")
        self.interactions = interactions
        self._train(interactions)
        return self

    def recommend(self, user_ids: Iterable[str], k: int = 10, exclude_seen: bool = True) -> pd.DataFrame:
        """The `k` best items of each user: user_id, rank (from 1), item_id, score (float32).

        Users appear in the order given; unknown users only where the model knows new users. Users for whom the
        model can score fewer than `k` items get fewer rows.
        """
        x = self._fitted()
        user_ids = pd.Index(user_ids)
        rows = x.rows(user_ids)
        if not self.knows_new_users:
            user_ids, rows = user_ids[rows >= 0], rows[rows >= 0]

        def score(block: np.ndarray) -> np.ndarray:
            scores = np.full((len(block), len(x.items)), np.nan, "float32")
            known = block >= 0
            if known.any():
                scores[known] = self._score(block[known])
                if exclude_seen:
                    scores[known] = _mask_seen(scores[known], x.matrix[block[known]])
            if not known.all():
                scores[~known] = self._score_newcomer()
            return scores

        return _ranked(rows, score, k, user_ids, x.items, Columns.USER, Columns.ITEM)

    def similar(self, item_ids: Iterable[str], k: int = 10) -> pd.DataFrame:
        """The `k` items that go best with each item: item_id, rank (from 1), similar_id, score (float32).

        An item is never its own neighbour; unknown items have no rows.
        """
        x = self._fitted()
        item_ids = pd.Index(item_ids)
        columns = x.columns(item_ids)
        item_ids, columns = item_ids[columns >= 0], columns[columns >= 0]

        def score(block: np.ndarray) -> np.ndarray:
            scores = np.array(self._resemble(block), "float32")
            scores[np.arange(len(block)), block] = np.nan
            return scores

        return _ranked(columns, score, k, item_ids, x.items, Columns.ITEM, Columns.SIMILAR)

    @abstractmethod
    def _train(self, x: Interactions) -> None:
        """Learn from `x`."""

    @abstractmethod
    def _score(self, rows: np.ndarray) -> np.ndarray:
        """Scores (len(rows), n_items) for known users, by row number."""

    def _score_newcomer(self) -> np.ndarray:
        """Scores (n_items,) for a user without history; by popularity unless a model knows better."""
        return self.interactions.customers_per_item.astype("float32")

    def _resemble(self, columns: np.ndarray) -> np.ndarray:
        """Scores (len(columns), n_items) of what goes with known items; cosine of who bought them by default."""
        if getattr(self, "_bought_by", None) is None or self._bought_by[0] is not self.interactions:
            bought = self.interactions.matrix.astype(bool).astype("float32").tocsc()
            self._bought_by = (self.interactions, bought / np.sqrt(self.interactions.customers_per_item))
        bought = self._bought_by[1].tocsc()
        return no_zeros((bought[:, columns].T @ bought).toarray())

    def _fitted(self) -> Interactions:
        if not hasattr(self, "interactions"):
            raise RuntimeError(f"{self.name}: call fit before asking for recommendations")
        return self.interactions


def no_zeros(scores: np.ndarray) -> np.ndarray:
    """`scores` with NaN for 0, in place: no evidence is no recommendation."""
    scores[scores == 0] = np.nan
    return scores


def _mask_seen(scores: np.ndarray, seen: sparse.csr_matrix) -> np.ndarray:
    scores[np.repeat(np.arange(len(scores)), np.diff(seen.indptr)), seen.indices] = np.nan
    return scores


def top_k(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and column numbers of the `k` highest scores of every row, best first, ties by lower column.

    A partial sort finds the k-th score of each row; only what reaches it is sorted. NaN is never chosen.

    >>> top_k(np.array([[1.0, 3.0, 3.0, np.nan]]), 2)
    (array([0, 0]), array([1, 2]))
    """
    k = min(k, scores.shape[1])
    if k <= 0 or not len(scores):
        return np.empty(0, "int64"), np.empty(0, "int64")
    filled = np.where(np.isnan(scores), -np.inf, scores)
    least = np.partition(filled, -k, axis=1)[:, [-k]]
    rows, columns = np.nonzero((filled >= least) & (filled > -np.inf))
    values = filled[rows, columns]
    order = np.lexsort((columns, -values, rows))
    rows, columns = rows[order], columns[order]
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)
    return rows[place < k], columns[place < k]


def _ranked(
    positions: np.ndarray,
    score: Callable[[np.ndarray], np.ndarray],
    k: int,
    ids: pd.Index,
    items: pd.Index,
    left: str,
    right: str,
) -> pd.DataFrame:
    """Blocks of scores as one long frame of ranks."""
    parts = []
    for start in range(0, len(positions), BLOCK):
        scores = score(positions[start : start + BLOCK])
        rows, columns = top_k(scores, k)
        parts.append((rows + start, columns, scores[rows, columns]))
    rows, columns, values = (
        (np.concatenate(part) for part in zip(*parts, strict=True)) if parts else (np.empty(0, "int64"),) * 3
    )
    return pd.DataFrame(
        {
            left: ids.take(rows),
            Columns.RANK: np.arange(len(rows)) - np.searchsorted(rows, rows) + 1,
            right: items.take(columns),
            Columns.SCORE: values.astype("float32"),
        }
    )
