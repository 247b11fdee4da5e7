"""Association rules: what is in the same basket more often than chance would have it."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from math import ceil
from typing import Final, Literal

import numpy as np
import pandas as pd
from scipy import sparse

with warnings.catch_warnings():  # importing mlxtend turns on deprecation warnings for the whole process
    from mlxtend.frequent_patterns import association_rules, fpgrowth

from reco.columns import Columns
from reco.interactions import Interactions
from reco.models.base import Recommender, check_choice, no_zeros, register

#: Measures of a rule, in the order of the columns.
MEASURES: Final = ["support", "confidence", "lift", "leverage", "conviction"]


def mine_rules(
    baskets: pd.DataFrame | Iterable[Iterable[str]],
    min_support: float = 0.001,
    min_confidence: float = 0.5,
    max_length: int | None = 3,
) -> pd.DataFrame:
    """Rules "who buys the antecedents buys the consequents in the same basket", the highest lift first.

    `baskets` has one row an item with columns basket_id and item_id, or is one list of item ids a basket; repeated
    items count once. A rule holds at most `max_length` items, both sides together; its items are together in at
    least the share `min_support` of all baskets, and of the baskets with the antecedents at least the share
    `min_confidence` holds the consequents. Ties in lift rank by confidence, then support, then item ids.

    Columns: antecedents and consequents (tuples of item ids, ascending), support, confidence, lift, leverage,
    conviction (float64; conviction is infinite where confidence is 1).

    Raises `ValueError` for a missing column or id, without baskets, and for shares outside (0, 1].

    >>> rules = mine_rules([["beer", "chips"], ["beer", "chips"], ["beer"], ["milk"]], min_support=0.5)
    >>> print(rules[["antecedents", "consequents", "support", "confidence"]].head(1).to_string(index=False))
    antecedents consequents  support  confidence
       (chips,)     (beer,)      0.5         1.0
    """
    lines = baskets if isinstance(baskets, pd.DataFrame) else _as_lines(baskets)
    for column in (Columns.BASKET, Columns.ITEM):
        if column not in lines:
            raise ValueError(f"baskets have no column {column!r}; found {', '.join(map(str, lines.columns))}")
        if lines[column].isna().any():
            raise ValueError(f"column {column!r} of the baskets holds a missing id")
    rows, _ = pd.factorize(lines[Columns.BASKET])
    columns, items = pd.factorize(lines[Columns.ITEM], sort=True)
    rules = _rules(_binary(rows, columns, len(items)), min_support, min_confidence, max_length)
    for side in ("antecedents", "consequents"):
        named = [tuple(items[column] for column in columns) for columns in rules[side]]
        rules[side] = pd.Series(named, dtype="object")
    return rules


@register("association_rules", "Association rules")
@dataclass
class AssociationRules(Recommender):
    """What goes into the same basket as the items that the user has.

    R. Agrawal, T. Imieliński, A. Swami, "Mining association rules between sets of items in large databases", SIGMOD
    1993; mined by FP-growth (J. Han, J. Pei, Y. Yin, SIGMOD 2000) in mlxtend's implementation. An item's score for a
    user is the sum of the confidences of the rules that end in it alone and whose antecedents the user all has
    (M. Deshpande, G. Karypis, "Item-based top-N recommendation algorithms", ACM TOIS 2004). The highest confidence
    instead of the sum would put rare items first, whose confidence rests on few baskets and is high by luck.

    Items similar to one are the consequents of the rules that have it as their only antecedent, by `similar_by`.
    Needs the basket of every interaction; raises `ValueError` where no basket is known.

    Options:
        min_support: least share of baskets that hold a rule's items.
        min_baskets: least number of such baskets, whatever their share.
        min_confidence: least share of the baskets with the antecedents that hold the consequent too.
        max_length: most items in a rule, both sides together.
        similar_by: "lift" prefers what is bought with the item only, "confidence" what is bought with it most.
    """

    min_support: float = 0.0002
    min_baskets: int = 5
    min_confidence: float = 0.01
    max_length: int = 2
    similar_by: Literal["lift", "confidence"] = "lift"

    def _train(self, x: Interactions) -> None:
        check_choice(self, "similar_by", ("lift", "confidence"))
        if Columns.BASKET not in x.log:
            raise ValueError("association_rules: needs the basket of every interaction")
        log = x.log[(x.log[Columns.BASKET] >= 0) & (x.log[Columns.WEIGHT] > 0)]
        if log.empty:
            raise ValueError("association_rules: no interaction has a basket")
        baskets = _binary(pd.factorize(log[Columns.BASKET])[0], log["item"].to_numpy(), len(x.items))
        support = min(max(self.min_support, self.min_baskets / baskets.shape[0]), 1.0)
        rules = _rules(baskets, support, self.min_confidence, self.max_length)
        rules = rules[_lengths(rules["consequents"]) == 1]
        antecedents, consequents = rules["antecedents"], _flat(rules["consequents"])
        self._lengths = _lengths(antecedents)
        numbers, n_items = np.arange(len(rules)), len(x.items)
        self._antecedents = sparse.csr_matrix(
            (
                np.ones(self._lengths.sum(), "float32"),
                (_flat(antecedents), np.repeat(numbers, self._lengths)),
            ),
            shape=(n_items, len(rules)),
        )
        self._consequents = sparse.csr_matrix(
            (rules["confidence"].to_numpy("float32"), (numbers, consequents)), shape=(len(rules), n_items)
        )
        pairs = self._lengths == 1
        self._pairs = sparse.csr_matrix(
            (
                rules.loc[pairs, self.similar_by].to_numpy("float32"),
                (_flat(antecedents[pairs]), consequents[pairs]),
            ),
            shape=(n_items, n_items),
        )

    def _score(self, rows: np.ndarray) -> np.ndarray:
        has = self.interactions.matrix[rows].astype(bool).astype("float32")
        held = has @ self._antecedents
        # a rule applies where the user holds all its antecedents
        held.data = (held.data == self._lengths[held.indices]).astype("float32")
        return no_zeros((held @ self._consequents).toarray())

    def _resemble(self, columns: np.ndarray) -> np.ndarray:
        return no_zeros(self._pairs[columns].toarray())


def _as_lines(baskets: Iterable[Iterable[str]]) -> pd.DataFrame:
    """Lists of item ids as one row an item; an empty list is no basket."""
    lists = [list(basket) for basket in baskets]
    numbers = np.repeat(np.arange(len(lists)), [len(basket) for basket in lists])
    return pd.DataFrame({Columns.BASKET: numbers, Columns.ITEM: list(chain.from_iterable(lists))})


def _binary(rows: np.ndarray, columns: np.ndarray, n_items: int) -> sparse.csr_matrix:
    """Baskets x items, bool, from row numbers without gaps."""
    shape = (int(rows.max(initial=-1)) + 1, n_items)
    baskets = sparse.csr_matrix((np.ones(len(rows), bool), (rows, columns)), shape=shape)
    baskets.sum_duplicates()
    return baskets


def _flat(sides: pd.Series) -> np.ndarray:
    """The column numbers of one side of all rules, one after the other."""
    return np.fromiter(chain.from_iterable(sides), "int64")


def _lengths(sides: pd.Series) -> np.ndarray:
    """The number of items on one side of each rule."""
    return np.fromiter(map(len, sides), "int64", len(sides))


def _rules(
    baskets: sparse.csr_matrix, min_support: float, min_confidence: float, max_length: int | None
) -> pd.DataFrame:
    """The rules of `mine_rules`, with tuples of column numbers for items."""
    for name, share in (("min_support", min_support), ("min_confidence", min_confidence)):
        if not 0 < share <= 1:
            raise ValueError(f"{name} is {share}; expected a share above 0 and at most 1")
    n = baskets.shape[0]
    if n == 0:
        raise ValueError("no baskets to mine rules from")
    # rounding must cost no rule that reaches a threshold exactly: 0.07 · 100 is 7.000000000000001
    least = max(ceil(min_support * n - 1e-9), 1)
    pairs = _frequent_pairs(baskets, least)
    kept = np.unique(pairs.row)
    found = pd.DataFrame(columns=["antecedents", "consequents", *MEASURES])
    if len(kept):
        if max_length == 2:
            itemsets = _singles_and_pairs(baskets, pairs, kept)
        else:
            frame = pd.DataFrame.sparse.from_spmatrix(baskets[:, kept])
            itemsets = fpgrowth(frame, min_support=(least - 0.5) / n, max_len=max_length)
        found = association_rules(
            itemsets, metric="confidence", min_threshold=min_confidence - 1e-12, return_metrics=MEASURES
        )
    for side in ("antecedents", "consequents"):
        found[side] = pd.Series([tuple(kept[sorted(items)].tolist()) for items in found[side]], dtype="object")
    found = found.astype(dict.fromkeys(MEASURES, "float64"))
    # lifts that are equal but for rounding are ties
    order = found.assign(**found[["lift", "confidence", "support"]].round(9)).sort_values(
        ["lift", "confidence", "support", "antecedents", "consequents"],
        ascending=[False, False, False, True, True],
    )
    return found.loc[order.index].reset_index(drop=True)


def _frequent_pairs(baskets: sparse.csr_matrix, least: int) -> sparse.coo_matrix:
    """How many baskets two different items share, both ways round, where these are at least `least`.

    No other item can be in a rule, and most items that are frequent alone are in no frequent pair: leaving them
    out makes mining several times faster, and mlxtend's dense copy of the baskets as much smaller.
    """
    frequent = np.flatnonzero(np.bincount(baskets.indices, minlength=baskets.shape[1]) >= least)
    counted = baskets[:, frequent].astype("int32")
    together = (counted.T @ counted).tocoo()
    paired = (together.data >= least) & (together.row != together.col)
    rows, columns = frequent[together.row[paired]], frequent[together.col[paired]]
    return sparse.coo_matrix((together.data[paired], (rows, columns)), shape=(baskets.shape[1],) * 2)


def _singles_and_pairs(baskets: sparse.csr_matrix, pairs: sparse.coo_matrix, kept: np.ndarray) -> pd.DataFrame:
    """Frequent itemsets of one and two items as FP-growth would return them: support and itemsets (of places in kept).

    The counts are those of the pairs already: no tree is needed.
    """
    once = pairs.row < pairs.col
    left, right = (np.searchsorted(kept, side[once]).tolist() for side in (pairs.row, pairs.col))
    singles = np.bincount(baskets.indices, minlength=baskets.shape[1])[kept]
    itemsets = [frozenset([place]) for place in range(len(kept))]
    itemsets += [frozenset(pair) for pair in zip(left, right, strict=True)]
    return pd.DataFrame(
        {"support": np.concatenate([singles, pairs.data[once]]) / baskets.shape[0], "itemsets": itemsets}
    )
