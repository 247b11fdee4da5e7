"""One context's slates as the auditor looks at them, by number of the slate."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.contexts.auditing.facts import Facts
from reco.settings import Context, Rules, Strategy

#: Kinds of strategies that know who they are for; a model does where it is asked by customer.
PERSONAL = ("because_you_bought", "new_in_category", "trending_in_interests", "resume")
#: Models that tell every customer the same.
FOR_ALL = ("trending", "popularity", "random")


@dataclass(frozen=True, eq=False)
class Case:
    """One context's finished slates beside what was asked for.

    Attributes:
        name: key of the context.
        context: its settings.
        rules: what its slates obey.
        facts: what they are held against.
        asked: one row a slate, those that were not asked for at the end: slate_id, customer_id, asked_at.
        requested: how many were asked for.
        shown: the products shown: slate (number in `asked`), item_id, and the columns of finished slates.
        anchors: slate (number), item_id.
    """

    name: str
    context: Context
    rules: Rules
    facts: Facts
    asked: pd.DataFrame
    requested: int
    shown: pd.DataFrame
    anchors: pd.DataFrame

    @classmethod
    def of(
        cls,
        name: str,
        context: Context,
        rules: Rules,
        facts: Facts,
        frame: pd.DataFrame,
        anchors: pd.DataFrame,
        slates: pd.DataFrame,
    ) -> "Case":
        """The case of requests (`frame`, `anchors`) and finished `slates`."""
        asked = frame[[Columns.SLATE, Columns.CUSTOMER, "asked_at"]].drop_duplicates(Columns.SLATE)
        more = slates.drop_duplicates(Columns.SLATE)
        more = more.loc[~more[Columns.SLATE].isin(asked[Columns.SLATE]), [Columns.SLATE, Columns.CUSTOMER]]
        requested = len(asked)
        asked = pd.concat([asked, more], ignore_index=True) if len(more) else asked.reset_index(drop=True)
        asked["asked_at"] = pd.to_datetime(asked["asked_at"], utc=True).dt.as_unit("us")
        ids = pd.Index(asked[Columns.SLATE], dtype=object)
        beside = pd.DataFrame(
            {
                "slate": ids.get_indexer(anchors[Columns.SLATE].astype(object)),
                Columns.ITEM: anchors[Columns.ITEM].to_numpy(),
            }
        )
        shown = slates.reset_index(drop=True).assign(slate=ids.get_indexer(slates[Columns.SLATE].astype(object)))
        return cls(name, context, rules, facts, asked, requested, shown, beside.drop_duplicates())

    @property
    def count(self) -> int:
        """How many slates were asked for or shown."""
        return len(self.asked)

    @cached_property
    def lengths(self) -> np.ndarray:
        """How many products each slate shows."""
        return np.bincount(self.shown["slate"], minlength=self.count)

    @cached_property
    def ways(self) -> pd.Series:
        """What each slate says gave way, in the words of its first row; "" where it says nothing or is empty."""
        first = self.shown.drop_duplicates("slate").set_index("slate")["gave_way"].fillna("")
        return first.reindex(range(self.count), fill_value="")

    def declares(self, kind: str) -> np.ndarray:
        """Whether each slate says that this rule gave way in it, bool."""
        says = {way: kind in way.split(", ") for way in self.ways.unique()}
        return self.ways.map(says).to_numpy(bool)

    def strategies(self) -> Iterator[Strategy]:
        """The strategies that may stand behind the context's products, and those in their place."""
        for strategy in self.context.strategies:
            while strategy is not None:
                yield strategy
                strategy = strategy.instead

    def titled(self, strategies: list[Strategy]) -> np.ndarray:
        """Whether each shown product stands under the title of one of `strategies`, bool."""
        if not strategies:
            return np.zeros(len(self.shown), bool)
        pattern = re.compile("|".join(f"(?:{_pattern(one.title)})" for one in strategies))
        title = self.shown[Columns.STRATEGY].astype(str)
        fits = {one: pattern.fullmatch(one) is not None for one in title.unique()}
        return title.map(fits).to_numpy(bool) & ~self.shown["fallback"].to_numpy(bool)

    @cached_property
    def personal(self) -> np.ndarray:
        """Whether each shown product comes of a strategy that knows the customer, bool."""
        return self.titled([one for one in self.strategies() if self._knows_customer(one)])

    @cached_property
    def of_cart(self) -> np.ndarray:
        """Whether each shown product comes of a strategy that shows the cart itself, bool."""
        return self.titled([one for one in self.strategies() if one.kind == "cart"])

    def _knows_customer(self, strategy: Strategy) -> bool:
        by_customer = strategy.by == "customer" or self.context.anchor == "customer" or strategy.model == "hybrid"
        personal_model = strategy.kind == "model" and strategy.model not in FOR_ALL
        return strategy.kind in PERSONAL or (personal_model and by_customer)


def _pattern(title: str) -> str:
    """What a title looks like when its product or category is filled in, or left out with the word before it."""
    first, *others = (re.escape(part) for part in re.split(r"(?:\s+in)?\s*\{(?:category|product)\}", title))
    named = r"(?:\W(?s:.*))?" if first else "(?s:.*)"
    return named.join([first, *others])
