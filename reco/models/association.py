"""Association rules: what is in the same basket more often than chance would have it."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar, Final, Literal

import numpy as np
import pandas as pd
from scipy import sparse

from reco.columns import Columns
from reco.interactions import Interactions
from reco.itemsets import CELLS, derive_rules, frequent_itemsets, least_count, replace_within
from reco.models.base import Range, Recommender, check_choice, no_zeros, register

#: Columns of a table of rules.
SIDES: Final = ["antecedents", "consequents"]


def mine_rules(
    baskets: pd.DataFrame | Iterable[Iterable[str]],
    min_support: float = 0.001,
    min_confidence: float = 0.5,
    max_length: int | None = 3,
    item: str = Columns.ITEM,
) -> pd.DataFrame:
    """Rules "who buys the antecedents buys the consequents in the same basket", the highest lift first.

    `baskets` has one row an item with columns basket_id and item_id, or is one list of item ids a basket; repeated
    items count once. With `item="category"` the rules are between the categories of that column instead. A rule
    holds at most `max_length` items, both sides together; its items are together in at least the share
    `min_support` of all baskets, and of the baskets with the antecedents at least the share `min_confidence` holds
    the consequents. Baskets are counted, so that a rule exactly on a threshold is in. Ties in lift rank by
    confidence, then support, then item ids.

    Columns: antecedents and consequents (tuples of item ids, ascending), support, confidence, lift, leverage,
    conviction (float64; conviction is infinite where confidence is 1); `Rules.measures` gives the formulas.

    Raises `ValueError` for a missing column or id, without baskets, for shares outside (0, 1], and where there would
    be more itemsets than memory holds.

    >>> rules = mine_rules([["beer", "chips"], ["beer", "chips"], ["beer"], ["milk"]], min_support=0.5)
    >>> print(rules[["antecedents", "consequents", "support", "confidence"]].head(1).to_string(index=False))
    antecedents consequents  support  confidence
       (chips,)     (beer,)      0.5         1.0
    """
    _check_shares(min_support, min_confidence)
    lines = baskets if isinstance(baskets, pd.DataFrame) else _as_lines(baskets, item)
    for column in (Columns.BASKET, item):
        if column not in lines:
            raise ValueError(f"baskets have no column {column!r}; found {', '.join(map(str, lines.columns))}")
        if lines[column].isna().any():
            raise ValueError(f"column {column!r} of the baskets holds a missing id; leave such lines out")
    rows, known = pd.factorize(lines[Columns.BASKET])
    if not len(known):
        raise ValueError("no baskets to mine rules from")
    columns, items = pd.factorize(lines[item], sort=True)
    least = int(least_count(min_support, len(known)))
    itemsets = frequent_itemsets(_binary(rows, columns, len(items)), least, max_length)
    rules = derive_rules(itemsets, min_confidence)
    measures = rules.measures(len(known))
    best = [-measures[name] for name in ("support", "confidence", "lift")]
    order = np.lexsort([*rules.consequents.T[::-1], *rules.antecedents.T[::-1], *best])
    named = {side: _named(getattr(rules, side)[order], items) for side in SIDES}
    return pd.DataFrame(named | {name: values[order] for name, values in measures.items()})


@dataclass
class RuleRecommender(Recommender):
    """What rules between groups of items say about users and items; a group may be one item.

    Itemsets are kept as counted, so that new baskets change just the counts of sets that these baskets can hold.
    """

    updates: ClassVar[bool] = True
    explains: ClassVar[bool] = True
    space: ClassVar[Mapping[str, Range | tuple]] = {
        "min_support": Range(0.00002, 0.002, log=True),
        "min_confidence": Range(0.001, 0.2, log=True),
    }

    min_support: float = 0.0002
    min_baskets: int = 5
    min_confidence: float = 0.01
    max_length: int = 2
    similar_by: Literal["lift", "confidence"] = "lift"

    @classmethod
    def lacks(cls, interactions: Interactions) -> str | None:
        """The baskets, where these are not known."""
        log = interactions.log
        if Columns.BASKET not in log or not _in_baskets(log).any():
            return "needs the basket of every interaction"
        return None

    @abstractmethod
    def _group(self, x: Interactions) -> np.ndarray:
        """The number of each item's group, -1 for items in none."""

    def _train(self, x: Interactions) -> None:
        check_choice(self, "similar_by", ("lift", "confidence"))
        _check_shares(self.min_support, self.min_confidence)
        self._groups = self._group(x)
        self._n_groups = int(self._groups.max()) + 1
        baskets, groups = self._lines(x.log)
        rows, known = pd.factorize(baskets)
        self._n_baskets = len(known)
        self._itemsets = frequent_itemsets(_binary(rows, groups, self._n_groups), self._least(), self.max_length)
        self._derive()

    def _update(self, x: Interactions, rows: np.ndarray, first: int) -> None:
        baskets, groups = self._lines(x.log.iloc[first:])
        self._n_baskets += len(np.unique(baskets))  # events that come later are in baskets of their own
        changed = np.zeros(self._n_groups, bool)
        changed[groups] = True
        baskets, groups = self._lines(x.log, changed)
        few = _binary(pd.factorize(baskets)[0], groups, self._n_groups)
        recounted = frequent_itemsets(few, self._least(), self.max_length)
        self._itemsets = replace_within(self._itemsets, changed, recounted, self._least())
        self._derive()

    def _lines(self, log: pd.DataFrame, among: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Basket and group of each purchase, of those groups only that are `among` (bool)."""
        groups = self._groups[log["item"].to_numpy()]
        kept = _in_baskets(log) & (groups >= 0)
        if among is not None:
            kept &= among[groups]
        return log[Columns.BASKET].to_numpy()[kept], groups[kept]

    def _least(self) -> int:
        """The least number of baskets that a rule rests on."""
        return max(int(least_count(self.min_support, self._n_baskets)), self.min_baskets)

    def _derive(self) -> None:
        """Make the matrices of rules from the counted itemsets."""
        rules = derive_rules(self._itemsets, self.min_confidence, most_consequents=1)
        measures = rules.measures(self._n_baskets)
        ends, confidence = rules.consequents[:, 0], measures["confidence"].astype("float32")
        self._lengths = (rules.antecedents >= 0).sum(axis=1)
        shape = (self._n_groups, self._n_groups)
        single = self._lengths == 1
        cells = (rules.antecedents[single, 0], ends[single])
        self._pairs = sparse.csr_matrix((confidence[single], cells), shape)
        self._beside = sparse.csr_matrix((measures[self.similar_by][single].astype("float32"), cells), shape)
        # of rules with several antecedents: groups x rules, then the one consequent of each rule and its confidence
        several = rules.antecedents[~single]
        numbers, places = np.nonzero(several >= 0)
        self._left = sparse.csr_matrix(
            (np.ones(len(numbers), "float32"), (several[numbers, places], numbers)),
            shape=(self._n_groups, len(several)),
        )
        self._lengths, self._ends, self._confidence = self._lengths[~single], ends[~single], confidence[~single]

    def _has(self, rows: np.ndarray) -> sparse.csr_matrix:
        """Users x groups, 1 where a user has an item of the group."""
        has = self.interactions.matrix[rows].astype(bool)
        groups = self._groups[has.indices]
        of = np.repeat(np.arange(len(rows)), np.diff(has.indptr))[groups >= 0]
        return _binary(of, groups[groups >= 0], self._n_groups, len(rows)).astype("float32")

    def _held(self, has: sparse.csr_matrix) -> sparse.csr_matrix:
        """Users x rules with several antecedents, 1 where a user has all of them."""
        held = has @ self._left
        held.data = (held.data == self._lengths[held.indices]).astype("float32")
        held.eliminate_zeros()
        return held

    def _wants(self, rows: np.ndarray) -> np.ndarray:
        """Sum of confidences, (len(rows), n_groups)."""
        has = self._has(rows)
        wants = (has @ self._pairs).toarray()
        if n := len(self._ends):
            right = sparse.csr_matrix((self._confidence, (np.arange(n), self._ends)), (n, self._n_groups))
            step = max(CELLS // n, 1)
            for start in range(0, len(rows), step):
                wants[start : start + step] += (self._held(has[start : start + step]) @ right).toarray()
        return wants

    def _reasons(self, rows: np.ndarray, groups: np.ndarray) -> sparse.csr_matrix:
        """What each group of a user's history adds to what the user wants of one group: (pairs, n_groups).

        The confidence of a rule is split evenly between its antecedents.
        """
        has = self._has(rows)
        reasons = has.multiply(self._pairs.T.tocsr()[groups]).tocsr()
        if len(self._ends):
            held = self._held(has)
            of = np.repeat(np.arange(len(rows)), np.diff(held.indptr))
            split = np.where(
                self._ends[held.indices] == groups[of], (self._confidence / self._lengths)[held.indices], 0
            )
            held.data = split.astype("float32")
            reasons = reasons + held @ self._left.T
        return reasons.tocsr()


@register("association_rules", "Association rules")
@dataclass
class AssociationRules(RuleRecommender):
    """What goes into the same basket as the items that the user has.

    R. Agrawal, T. Imieliński, A. Swami, "Mining association rules between sets of items in large databases", SIGMOD
    1993. An item's score for a user is the sum of the confidences of the rules that end in it alone and whose
    antecedents the user all has (M. Deshpande, G. Karypis, "Item-based top-N recommendation algorithms", ACM TOIS
    2004). The highest confidence instead of the sum would put rare items first, whose confidence rests on few
    baskets and is high by luck.

    Items similar to one are the consequents of the rules that have it as their only antecedent, by `similar_by`.
    Needs the basket of every interaction; raises `ValueError` where no basket is known. New baskets are taken in
    exactly: only sets of their own items are counted again.

    Options:
        min_support: least share of baskets that hold a rule's items.
        min_baskets: least number of such baskets, whatever their share.
        min_confidence: least share of the baskets with the antecedents that hold the consequent too.
        max_length: most items in a rule, both sides together.
        similar_by: "lift" prefers what is bought with the item only, "confidence" what is bought with it most.
    """

    def _group(self, x: Interactions) -> np.ndarray:
        return np.arange(len(x.items))

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return no_zeros(self._wants(rows))

    def _resemble(self, columns: np.ndarray) -> np.ndarray:
        return no_zeros(self._beside[columns].toarray())

    def _contributions(self, rows: np.ndarray, columns: np.ndarray) -> sparse.csr_matrix:
        return self._reasons(rows, columns)


@register("category_rules", "Category rules")
@dataclass
class CategoryRules(RuleRecommender):
    """The most bought items of the categories that go into the same basket as those of the user's items.

    Rules between categories (R. Srikant, R. Agrawal, "Mining generalized association rules", VLDB 1995) rest on many
    more baskets than those between items. An item's score is the sum of the confidences of the rules that end in its
    category and whose antecedents the user all has something of, times the item's share of the category's buyers.
    Items similar to one are those of the consequents of its category's rules, by `similar_by` times that share.

    Needs the basket of every interaction and the products' categories. Options as those of `AssociationRules`.
    """

    @classmethod
    def lacks(cls, interactions: Interactions) -> str | None:
        """The baskets or the products' categories, where these are not known."""
        products = interactions.products
        if products is None or Columns.CATEGORY not in products or products[Columns.CATEGORY].isna().all():
            return "needs the products' categories"
        return super().lacks(interactions)

    def _group(self, x: Interactions) -> np.ndarray:
        return pd.factorize(x.products[Columns.CATEGORY], sort=True)[0]

    def _train(self, x: Interactions) -> None:
        super()._train(x)
        self._shares = self._share(x)

    def _update(self, x: Interactions, rows: np.ndarray, first: int) -> None:
        super()._update(x, rows, first)
        self._shares = self._share(x)

    def _share(self, x: Interactions) -> np.ndarray:
        """The part of each item in the purchases of its category, 0 for items without one."""
        grouped = self._groups >= 0
        buyers = np.where(grouped, x.customers_per_item, 0)
        whole = np.bincount(self._groups[grouped], buyers[grouped], minlength=self._n_groups)
        return (buyers / np.maximum(whole, 1)[self._groups]).astype("float32")

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return no_zeros(self._wants(rows)[:, self._groups] * self._shares)

    def _resemble(self, columns: np.ndarray) -> np.ndarray:
        beside = np.where(self._groups[columns, None] >= 0, self._beside[self._groups[columns]].toarray(), 0)
        return no_zeros(beside[:, self._groups] * self._shares)

    def _contributions(self, rows: np.ndarray, columns: np.ndarray) -> sparse.csr_matrix:
        reasons = self._reasons(rows, self._groups[columns]).toarray()
        has = self.interactions.matrix[rows]
        groups = self._groups[has.indices]
        known = groups >= 0
        of, items, groups = (
            np.repeat(np.arange(len(rows)), np.diff(has.indptr))[known],
            has.indices[known],
            groups[known],
        )
        # what speaks for the category is split between the user's items of the category that it comes from
        cells = of * self._n_groups + groups
        mates = np.bincount(cells, minlength=reasons.size)[cells]
        values = reasons[of, groups] / mates * self._shares[columns[of]]
        return sparse.csr_matrix((values, (of, items)), has.shape)


def _check_shares(min_support: float, min_confidence: float) -> None:
    for name, share in (("min_support", min_support), ("min_confidence", min_confidence)):
        if not 0 < share <= 1:
            raise ValueError(f"{name} is {share}; expected a share above 0 and at most 1")


def _as_lines(baskets: Iterable[Iterable[str]], item: str) -> pd.DataFrame:
    """Lists of item ids as one row an item; an empty list is no basket."""
    lists = [list(basket) for basket in baskets]
    numbers = np.repeat(np.arange(len(lists)), [len(basket) for basket in lists])
    return pd.DataFrame({Columns.BASKET: numbers, item: list(chain.from_iterable(lists))})


def _named(side: np.ndarray, items: pd.Index) -> pd.Series:
    """One side of rules as tuples of ids, from column numbers and -1 behind them."""
    ids = [items.take(np.maximum(column, 0)) for column in side.T]
    lengths = (side >= 0).sum(axis=1)
    named = pd.Series(index=range(len(side)), dtype="object")
    for length in range(1, side.shape[1] + 1):
        of = np.flatnonzero(lengths == length)
        named.iloc[of] = pd.Series(list(zip(*(column[of] for column in ids[:length]), strict=True)), dtype="object")
    return named


def _in_baskets(log: pd.DataFrame) -> np.ndarray:
    """Whether each interaction is a purchase in a known basket."""
    return ((log[Columns.BASKET] >= 0) & (log[Columns.WEIGHT] > 0)).to_numpy()


def _binary(rows: np.ndarray, columns: np.ndarray, n_columns: int, n_rows: int | None = None) -> sparse.csr_matrix:
    """Rows x columns, bool, from numbers of rows, without gaps where their number is not given."""
    shape = (int(rows.max(initial=-1)) + 1 if n_rows is None else n_rows, n_columns)
    matrix = sparse.csr_matrix((np.ones(len(rows), bool), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    return matrix
