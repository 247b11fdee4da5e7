"""What every model answers, and the registry they stand in."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import ClassVar, Final, Self, TypeVar

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.interactions import Interactions
from reco.ranking import place, top_k

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
    items beside a block of items). Scores are float32 (float64 where rounding would change the order), higher is
    better, NaN where the model has nothing to say. Ties rank by item id, ascending.
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
        # a fit that fails halfway must not leave a mixture of two fits behind
        for learned in set(vars(self)) - {field.name for field in fields(self)}:
            delattr(self, learned)
        self._train(interactions)
        self._unbought = np.flatnonzero(interactions.customers_per_item == 0)
        self.interactions = interactions
        return self

    def recommend(self, user_ids: Iterable[str], k: int = 10, exclude_seen: bool = True) -> pd.DataFrame:
        """The `k` best items of each user: user_id, rank (from 1), item_id, score (float32).

        Users appear in the order given; those unknown or without history only where the model knows new users.
        Users for whom the model can score fewer than `k` items get fewer rows. Raises `RuntimeError` before `fit`.
        """
        x = self._fitted()
        user_ids = _index(user_ids, x.users)
        rows = x.rows(user_ids)
        rows[np.diff(x.matrix.indptr)[rows] == 0] = -1  # known, but all weights add up to 0
        if not self.knows_new_users:
            user_ids, rows = user_ids[rows >= 0], rows[rows >= 0]

        def score_known(block: np.ndarray) -> np.ndarray:
            scores = self._score(block)
            if exclude_seen:
                seen = x.matrix[block]
                scores[np.repeat(np.arange(len(block)), np.diff(seen.indptr)), seen.indices] = np.nan
            return scores

        def score(block: np.ndarray) -> np.ndarray:
            known = block >= 0
            if known.all():
                return self._sold(score_known(block))
            scores = np.tile(self._score_newcomer(), (len(block), 1))
            if known.any():
                scores[known] = score_known(block[known])
            return self._sold(scores)

        return _ranked(rows, score, k, user_ids, x.items, Columns.USER, Columns.ITEM)

    def similar(self, item_ids: Iterable[str], k: int = 10) -> pd.DataFrame:
        """The `k` items that go best with each item: item_id, rank (from 1), similar_id, score (float32).

        An item is never its own neighbour; unknown items have no rows. Raises `RuntimeError` before `fit`.
        """
        x = self._fitted()
        item_ids = _index(item_ids, x.items)
        columns = x.columns(item_ids)
        item_ids, columns = item_ids[columns >= 0], columns[columns >= 0]

        def score(block: np.ndarray) -> np.ndarray:
            scores = self._resemble(block)
            scores[np.arange(len(block)), block] = np.nan
            return self._sold(scores)

        return _ranked(columns, score, k, item_ids, x.items, Columns.ITEM, Columns.SIMILAR)

    @abstractmethod
    def _train(self, x: Interactions) -> None:
        """Learn from `x`; `self.interactions` is set afterwards."""

    @abstractmethod
    def _score(self, rows: np.ndarray) -> np.ndarray:
        """Scores (len(rows), n_items) for known users, by row number; a new array, which the caller may change."""

    def _score_newcomer(self) -> np.ndarray:
        """Scores (n_items,) for a user without history; by popularity unless a model knows better."""
        return self.interactions.customers_per_item.astype("float32")

    def _resemble(self, columns: np.ndarray) -> np.ndarray:
        """Scores (len(columns), n_items) of what goes with known items, a new array.

        The cosine of who has them unless a model knows better.
        """
        if not hasattr(self, "_item_users"):
            # one row an item, of length 1, so that a product of rows is a cosine; made when first asked for
            users = self.interactions.matrix.T.tocsr().astype(bool).astype("float32")
            counts = np.diff(users.indptr)
            users.data /= np.repeat(np.sqrt(counts), counts)
            self._item_users = users
        return no_zeros((self._item_users[columns] @ self._item_users.T).toarray())

    def _sold(self, scores: np.ndarray) -> np.ndarray:
        """`scores`, without those of items nobody has unless the model knows these, in place."""
        if len(self._unbought) and not self.knows_new_items:
            scores[:, self._unbought] = np.nan
        return scores

    def _fitted(self) -> Interactions:
        if not hasattr(self, "interactions"):
            raise RuntimeError(f"{self.name}: call fit before asking for recommendations")
        return self.interactions


def check_choice(model: Recommender, option: str, choices: Iterable[str]) -> None:
    """Raise `ValueError` unless the model's `option` is one of `choices`."""
    value, choices = getattr(model, option), list(choices)
    if value not in choices:
        raise ValueError(f"{model.name}: {option} is {value!r}; expected one of {', '.join(choices)}")


def no_zeros(scores: np.ndarray) -> np.ndarray:
    """`scores` with NaN for 0, in place: no evidence is no recommendation."""
    scores[scores == 0] = np.nan
    return scores


def _index(ids: Iterable[str], like: pd.Index) -> pd.Index:
    """`ids` as an index; an empty one takes the type of `like`, since it has none of its own."""
    if isinstance(ids, str):
        raise TypeError(f"expected several ids, got the one string {ids!r}; put it into a list")
    index = pd.Index(ids if isinstance(ids, pd.Index) else list(ids))
    return index if len(index) else like[:0]


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
    parts = [(np.empty(0, "int64"), np.empty(0, "int64"), np.empty(0, "float32"))]
    for start in range(0, len(positions), BLOCK):
        scores = score(positions[start : start + BLOCK])
        rows, columns = top_k(scores, k)
        parts.append((rows + start, columns, scores[rows, columns]))
    rows, columns, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    return pd.DataFrame(
        {
            left: ids.take(rows),
            Columns.RANK: place(rows) + 1,
            right: items.take(columns),
            Columns.SCORE: values.astype("float32"),
        }
    )
