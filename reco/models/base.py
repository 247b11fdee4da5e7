"""What every model answers, and the registry they stand in."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar, Final, Literal, NamedTuple, Self, TypeVar

import numpy as np
import pandas as pd
from scipy import sparse

from reco.columns import Columns
from reco.interactions import Interactions
from reco.ranking import best_cells, place, top_k

#: Model classes by the name that settings and notebooks use.
MODELS: Final[dict[str, type["Recommender"]]] = {}

#: Users scored at once: 512 rows of 20,000 float32 scores are 40 MB.
BLOCK: Final = 512

#: Blocks of scores that are ranked while the next is computed.
AHEAD: Final = 2

#: Which items a list may hold: any, those that are new to the user, or those that the user has.
Among = Literal["all", "new", "seen"]

Result = TypeVar("Result")
Model = TypeVar("Model", bound=type["Recommender"])


class Range(NamedTuple):
    """Values of an option that tuning may try: whole numbers where both ends are, else any between them.

    Attributes:
        low: the least, inclusive.
        high: the most, inclusive.
        log: whether steps are factors rather than differences.
    """

    low: float
    high: float
    log: bool = False


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

    What is learned is arrays, sparse matrices, frames, indexes and small records of them, so that `save` can write
    it down without pickle.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    #: whether users without history get recommendations
    knows_new_users: ClassVar[bool] = False
    #: whether items nobody bought yet can be recommended
    knows_new_items: ClassVar[bool] = False
    #: whether lists hold only what the user has had before
    repeats_only: ClassVar[bool] = False
    #: whether `partial_fit` takes new interactions in without a full fit
    updates: ClassVar[bool] = False
    #: whether `explain` can tell which items of the user's history brought an item into the list
    explains: ClassVar[bool] = False
    #: what tuning may try, by option: a `Range` or a tuple of choices
    space: ClassVar[Mapping[str, Range | tuple]] = {}
    #: learned attributes that the model writes and reads itself, by `_save_extra` and `_load_extra`
    own_files: ClassVar[tuple[str, ...]] = ()
    #: options that name files of a model that was trained elsewhere, which `fit` reads, the first of all
    reads: ClassVar[tuple[str, ...]] = ()

    def fit(self, interactions: Interactions) -> Self:
        """Learn from `interactions`, forgetting whatever was learned before.

        Raises `ValueError` when there are no interactions, a weight is not finite, or the model lacks something.
        """
        if interactions.matrix.nnz == 0:
            raise ValueError(f"{self.name}: no interactions to learn from")
        if not np.isfinite(interactions.matrix.data).all():
            raise ValueError(f"{self.name}: the matrix holds NaN or infinite weights")
        # a fit that fails halfway must not leave a mixture of two fits behind
        for learned in self._learned():
            delattr(self, learned)
        if reason := self.lacks(interactions):
            raise ValueError(f"{self.name}: {reason}")
        self._train(interactions)
        self._settle(interactions, left_out=0)
        return self

    @classmethod
    def lacks(cls, interactions: Interactions) -> str | None:
        """Why the model cannot learn from these interactions, such as "needs the basket of every interaction"."""
        return None

    def partial_fit(self, events: pd.DataFrame) -> Self:
        """Take in what users did since the fit: user_id, item_id and, where the fit knew them, the log's columns.

        Users may be new. Events on items that the fit did not know wait for the next one; `left_out` counts them.
        Raises `NotImplementedError` where `updates` is False, and `ValueError` as `Interactions.extended` does.
        """
        if not self.updates:
            raise NotImplementedError(f"{self.name}: learns by a full fit only")
        before = self._fitted()
        x, rows, first = before.extended(events)
        if len(rows):
            self._update(x, rows, first)
        self._settle(x, left_out=self.left_out + len(events) - (len(x.log) - first))
        return self

    def recommend(
        self, user_ids: Iterable[str], k: int = 10, exclude_seen: bool = True, only_seen: bool = False
    ) -> pd.DataFrame:
        """The `k` best items of each user: user_id, rank (from 1), item_id, score (float32).

        Users appear in the order given; those unknown or without history only where the model knows new users.
        Users for whom the model can score fewer than `k` items get fewer rows. `only_seen` leaves what the user has.
        Raises `RuntimeError` before `fit` and `ValueError` for ids of another type than those of the fit.
        """
        among: Among = "seen" if only_seen else "new" if exclude_seen else "all"
        return self.lists(user_ids, k, (among,))[among]

    def lists(
        self, user_ids: Iterable[str], k: int = 10, among: Iterable[Among] = ("all", "new", "seen")
    ) -> dict[Among, pd.DataFrame]:
        """Several lists of each user from one pass over the scores, each as `recommend` gives it."""
        x, among = self._fitted(), tuple(among)
        user_ids = _index(user_ids, x.users)
        rows = x.rows(user_ids)
        rows[np.diff(x.matrix.indptr)[rows] == 0] = -1  # known, but all weights add up to 0
        if not self.knows_new_users:
            user_ids, rows = user_ids[rows >= 0], rows[rows >= 0]

        def best(start: int, block: np.ndarray, scores: np.ndarray) -> dict[Among, tuple]:
            of, has = _cells(x.matrix, block)
            seen, found = scores[of, has], {}
            for one in sorted(among):  # "new" spoils the scores for "all"
                if one == "seen":
                    chosen = best_cells(of, has, seen, k)
                    found[one] = (of[chosen] + start, has[chosen], seen[chosen])
                else:
                    if one == "new":
                        scores[of, has] = np.nan
                    places = top_k(scores, k)
                    found[one] = (places[0] + start, places[1], scores[places])
            return found

        blocks = ((start, rows[start : start + BLOCK]) for start in range(0, len(rows), BLOCK))
        found = beside(best, ((start, block, self._score_anyone(block)) for start, block in blocks))
        parts = {one: [part[one] for part in found] for one in among}
        return {one: _frame(part, user_ids, x.items, Columns.USER, Columns.ITEM) for one, part in parts.items()}

    def similar(self, item_ids: Iterable[str], k: int = 10) -> pd.DataFrame:
        """The `k` items that go best with each item: item_id, rank (from 1), similar_id, score (float32).

        An item is never its own neighbour; unknown items have no rows. Raises as `recommend` does.
        """
        x = self._fitted()
        item_ids = _index(item_ids, x.items)
        columns = x.columns(item_ids)
        item_ids, columns = item_ids[columns >= 0], columns[columns >= 0]

        def best(start: int, block: np.ndarray, scores: np.ndarray) -> tuple:
            scores[np.arange(len(block)), block] = np.nan
            rows, found = top_k(self._sold(scores), k)
            return rows + start, found, scores[rows, found]

        blocks = ((start, columns[start : start + BLOCK]) for start in range(0, len(columns), BLOCK))
        parts = beside(best, ((start, block, self._resemble(block)) for start, block in blocks))
        return _frame(parts, item_ids, x.items, Columns.ITEM, Columns.SIMILAR)

    def explain(self, lists: pd.DataFrame, most: int = 1) -> pd.DataFrame:
        """Which items of a user's history brought an item into the list: user_id, item_id, because_id, share.

        `lists` has user_id and item_id, as `recommend` gives them; each row gets its `most` strongest reasons, the
        strongest first, each with its share of what speaks for the item. Items for which nothing of the history
        speaks have no row. Raises `NotImplementedError` where `explains` is False.
        """
        if not self.explains:
            raise NotImplementedError(f"{self.name}: does not tell why")
        x = self._fitted()
        rows, columns = x.rows(lists[Columns.USER]), x.columns(lists[Columns.ITEM])
        known = np.flatnonzero((rows >= 0) & (columns >= 0))
        pairs, causes, shares = [known[:0]], [known[:0]], [np.empty(0)]
        for start in range(0, len(known), BLOCK):
            block = known[start : start + BLOCK]
            given = sparse.csr_matrix(self._contributions(rows[block], columns[block]))
            given.data = np.maximum(given.data, 0)
            given.eliminate_zeros()
            of = np.repeat(np.arange(len(block)), np.diff(given.indptr))
            whole = np.bincount(of, given.data, minlength=len(block))
            chosen = best_cells(of, given.indices, given.data, most)
            pairs.append(block[of[chosen]])
            causes.append(given.indices[chosen])
            shares.append(given.data[chosen] / whole[of[chosen]])
        told = np.concatenate(pairs)
        return pd.DataFrame(
            {
                Columns.USER: lists[Columns.USER].array[told],
                Columns.ITEM: lists[Columns.ITEM].array[told],
                Columns.BECAUSE: x.items.take(np.concatenate(causes)),
                Columns.SHARE: np.concatenate(shares),
            }
        )

    def save(self, folder: str | Path) -> None:
        """Write options, what was learned and the data's fingerprint into a folder, in place of one that is there.

        JSON, Parquet and npz, nothing that runs when it is read; `reco.models.load_model` reads it.
        """
        from reco.models.saving import save

        self._fitted()
        save(self, Path(folder))

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

    def _update(self, x: Interactions, rows: np.ndarray, first: int) -> None:
        """Take in new events: `x` holds them, from place `first` of its log; `rows` are the users they are of.

        `self.interactions` is still what was known before. Users that are new stand behind all others.
        """
        raise NotImplementedError

    def _contributions(self, rows: np.ndarray, columns: np.ndarray) -> sparse.csr_matrix:
        """What each item of a user's history adds to an item's score: (pairs, n_items), a row a pair."""
        raise NotImplementedError

    def _save_extra(self, folder: Path) -> None:  # noqa: B027 most models have none
        """Write `own_files`."""

    def _load_extra(self, folder: Path) -> None:  # noqa: B027
        """Read `own_files`."""

    def _score_anyone(self, rows: np.ndarray) -> np.ndarray:
        """Scores for users by row number, -1 for those without history."""
        known = rows >= 0
        if known.all():
            return self._sold(self._score(rows))
        scores = np.tile(self._score_newcomer(), (len(rows), 1))
        if known.any():
            scores[known] = self._score(rows[known])
        return self._sold(scores)

    def _sold(self, scores: np.ndarray) -> np.ndarray:
        """`scores`, without those of items nobody has unless the model knows these, in place."""
        if len(self._unbought) and not self.knows_new_items:
            scores[:, self._unbought] = np.nan
        return scores

    def _settle(self, x: Interactions, left_out: int) -> None:
        """Take `x` for what is known from now on."""
        self._unbought = np.flatnonzero(x.customers_per_item == 0)
        self.interactions, self.left_out = x, left_out
        vars(self).pop("_item_users", None)

    def _learned(self) -> list[str]:
        """Names of what the fit made."""
        return sorted(set(vars(self)) - {field.name for field in fields(self)})

    def _fitted(self) -> Interactions:
        if not hasattr(self, "interactions"):
            raise RuntimeError(f"{self.name}: call fit before asking for recommendations")
        return self.interactions


def beside(rank: Callable[..., Result], blocks: Iterable[tuple]) -> list[Result]:
    """`rank` of the arguments in each of `blocks`, in order: while one is ranked, the next is computed."""
    found: list[Result] = []
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(AHEAD) as pool:
        for block in blocks:
            waiting.append(pool.submit(rank, *block))
            if len(waiting) > AHEAD:  # so many blocks are held at most
                found.append(waiting.popleft().result())
        found.extend(future.result() for future in waiting)
    return found


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


def _cells(matrix: sparse.csr_matrix, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places in `rows` and columns of the stored cells of these rows; rows of -1 have none."""
    known = np.flatnonzero(rows >= 0)
    block = matrix[rows[known]]
    return np.repeat(known, np.diff(block.indptr)), block.indices


def _frame(parts: list, ids: pd.Index, items: pd.Index, left: str, right: str) -> pd.DataFrame:
    """Blocks of (place in `ids`, column, score), best first, as one long frame of ranks."""
    empty = (np.empty(0, "int64"), np.empty(0, "int64"), np.empty(0, "float32"))
    rows, columns, values = (np.concatenate(part) for part in zip(empty, *parts, strict=True))
    return pd.DataFrame(
        {
            left: ids.take(rows),
            Columns.RANK: place(rows) + 1,
            right: items.take(columns),
            Columns.SCORE: values.astype("float32"),
        }
    )
