"""What rules know of products and of the slates that are filled, and what every rule is."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from reco.journal import Journal


@dataclass(frozen=True, eq=False)
class Shelf:
    """What is on sale: products by number, those that the models know first.

    Attributes:
        ids: product ids; the first `established` are the models' items, in their order.
        frame: one row a product, in the order of `ids`: title, department, category, subcategory, brand, price_band
            (text), price, margin (share of the price), age_days (since it came to the shop), repurchase_days,
            season_index (of the month, 1 is even), stock (floats, NaN is unknown), starts_at, ends_at (moments).
        established: how many of the products the models know.
    """

    ids: pd.Index
    frame: pd.DataFrame
    established: int

    @cached_property
    def _kept(self) -> dict[tuple[str, str], np.ndarray]:
        return {}

    def _once(self, what: str, column: str, make: Callable[[pd.Series], np.ndarray]) -> np.ndarray:
        """An array made of a column when it is first asked for."""
        if (what, column) not in self._kept:
            self._kept[what, column] = make(self.frame[column])
        return self._kept[what, column]

    def texts(self, column: str) -> np.ndarray:
        """A column of text as an array of objects, None where unknown."""
        return self._once("texts", column, lambda one: one.astype(object).where(one.notna(), None).to_numpy(object))

    def codes(self, column: str) -> np.ndarray:
        """Number of each product's value in a column of text, int64; -1 where it is unknown."""
        return self._once("codes", column, lambda one: pd.factorize(one)[0].astype("int64"))

    def names(self, column: str) -> np.ndarray:
        """The values that `codes` number, in the order of these numbers."""
        return self._once("names", column, lambda one: np.asarray(pd.factorize(one)[1], dtype=object))

    def numbers(self, column: str) -> np.ndarray:
        """A column of numbers as float64, NaN where unknown."""
        return self._once("numbers", column, lambda one: one.to_numpy("float64", na_value=np.nan))

    def moments(self, column: str) -> np.ndarray:
        """A column of moments as microseconds in float64, NaN where unknown, so that no comparison holds."""
        return self._once("moments", column, _microseconds)

    def named(self, values: Collection[str], column: str) -> np.ndarray:
        """Whether each product's value in a column of text is among `values`, bool."""
        return np.isin(self.codes(column), np.flatnonzero(np.isin(self.names(column), list(values))))


class Pool(NamedTuple):
    """Proposals for slates, one entry each, and what rules ask about them.

    Attributes:
        slate: number of the slate, int64.
        item: number of the product on the shelf, int64.
        personal: whether the strategy knows the customer, bool.
        own: whether it is what the customer has put in the cart, bool.
        shelf: the products.
        customer: number of each slate's customer, int64; -1 is unknown.
        at: when each slate is asked for, microseconds, int64.
        agreed: whether each slate's customer may be shown anything personal, bool; unknown visitors may not.
        bought: what customers bought; numbers as here.
    """

    slate: np.ndarray
    item: np.ndarray
    personal: np.ndarray
    own: np.ndarray
    shelf: Shelf
    customer: np.ndarray
    at: np.ndarray
    agreed: np.ndarray
    bought: Journal


def _microseconds(moments: pd.Series) -> np.ndarray:
    known = pd.to_datetime(moments, utc=True).dt.as_unit("us")
    return np.where(known.isna(), np.nan, known.astype("int64").to_numpy("float64"))


class Rule(BaseModel):
    """A rule as data of the settings: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    #: key in the settings, and what reports call it
    kind: ClassVar[str]
    title: ClassVar[str]


class Filter(Rule):
    """A rule that takes proposals away.

    One that `gives_way` hands them back to a slate that has nothing left; the others never do.
    """

    gives_way: ClassVar[bool] = False

    def refuses(self, pool: Pool) -> np.ndarray:
        """Which proposals must not be shown, bool."""
        raise NotImplementedError


class Order(Rule):
    """A rule that moves products forward."""

    def lifts(self, shelf: Shelf) -> np.ndarray:
        """How far each product moves within its strategy's list, as a share of the list, float64."""
        raise NotImplementedError


class Composition(Rule):
    """A rule about all products of one slate, by groups that the products belong to (-1: none).

    No group has more than `at_most` products, and at least `at_least` groups are there.
    """

    def groups(self, shelf: Shelf) -> np.ndarray:
        """Number of each product's group, int64."""
        raise NotImplementedError

    def at_most(self, size: int) -> int:
        """How many products of one group a slate of `size` may show."""
        return size

    def at_least(self, size: int) -> int:
        """How many groups a slate of `size` shows."""
        return 0


class Fresh(Rule):
    """A rule about products that came in less than `days` ago."""

    days: int
