"""How simulated shoppers behave."""

from dataclasses import dataclass, fields
from typing import Final, NamedTuple

import pandas as pd

from reco.errors import InputError

#: Settings that are chances or shares.
CHANCES: Final = (
    "explore", "examination", "satisfied", "click_if_wanted", "click_if_liked", "click_otherwise", "wear",
    "wear_floor", "order_rate", "surprise", "order_after_click", "later", "substitution", "returns", "out_of_stock",
)  # fmt: skip


class Context(NamedTuple):
    """A place where slates are shown.

    Attributes:
        name: what the log calls it.
        share: of the slates of a visit; shares add up to 1.
        intent: factor on the chances of clicks and of orders after them.
    """

    name: str
    share: float
    intent: float


@dataclass(frozen=True)
class Shopping:
    """How shoppers visit, look, click and buy; chances are per event, times are UTC.

    Attributes:
        seed: of everything random.
        shoppers: how many; each has the tastes of a customer of the baskets, drawn with replacement. None: those
            customers themselves.
        start: the first day.
        weeks: how long.
        visits_per_week: of the mean customer; others visit as they are more or less active in the baskets.
        unevenness: squared coefficient of variation of a gamma factor on each shopper's visits.
        weekdays: weights of Monday to Sunday.
        yearly: relative height of a sine over the year on visits, highest at the turn of the year.
        pages: mean number of slates of a visit, at least one.
        contexts: where slates are shown.
        k: products of a slate.
        explore: share of slates that begin at a random place of the policy's list.
        examination: chance to look at the next position, if nothing was clicked on this one.
        satisfied: share of shoppers who, having clicked, look no further.
        click_if_wanted: on a looked-at product that is in the visit's own basket anyway.
        click_if_liked: on another that is the favourite of the shopper; less in proportion for those bought less.
        click_otherwise: on all others.
        wear: factor on click chances with each earlier slate of the shopper, falling to `wear_floor`.
        wear_floor: what is left of click chances when all novelty has worn off.
        order_rate: share of visits that end in an order without any recommendation.
        basket: mean products of such an order, at most six.
        surprise: share of them drawn from what is popular and not from own tastes.
        order_after_click: on a product that was not wanted anyway: the causal effect. 0 is a world without one.
        later: share of these that are ordered days later, on average after `later_days`.
        later_days: see `later`; exponential, so that some fall outside any window of attribution.
        substitution: share of visits with such an extra order that leave out a product of their own basket for it.
        returns: share of order lines that come back whole, after 2 to 14 days.
        out_of_stock: share of days that a product cannot be bought; slates, made before, may still show it.
        outage_days: mean length of a stock-out.
        devices: mean number of devices of a shopper, at least one; each visit is made on one of them.
        bots: share of impressions made by programs, each making `bot_slates` slates a day, under no customer id.
        bot_slates: see `bots`.
        currency: of all prices.

    Raises `InputError` for a chance outside 0 to 1 or a size that is not positive.
    """

    seed: int = 0
    shoppers: int | None = None
    start: str = "2026-03-02"
    weeks: int = 8
    visits_per_week: float = 1.0
    unevenness: float = 0.5
    weekdays: tuple[float, ...] = (0.9, 0.85, 0.9, 0.95, 1.1, 1.25, 1.05)
    yearly: float = 0.1
    pages: float = 2.0
    contexts: tuple[Context, ...] = (
        Context("homepage", 0.4, 0.7), Context("product_page", 0.4, 1.0), Context("cart", 0.2, 1.5),
    )  # fmt: skip
    k: int = 10
    explore: float = 0.2
    examination: float = 0.85
    satisfied: float = 0.2
    click_if_wanted: float = 0.6
    click_if_liked: float = 0.08
    click_otherwise: float = 0.02
    wear: float = 0.9
    wear_floor: float = 0.5
    order_rate: float = 0.4
    basket: float = 2.5
    surprise: float = 0.2
    order_after_click: float = 0.2
    later: float = 0.3
    later_days: float = 3.0
    substitution: float = 0.1
    returns: float = 0.03
    out_of_stock: float = 0.03
    outage_days: float = 4.0
    devices: float = 1.6
    bots: float = 0.02
    bot_slates: int = 150
    currency: str = "USD"

    def __post_init__(self) -> None:
        for name in CHANCES:
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name}: expected a share from 0 to 1, found {getattr(self, name)}")
        if not 0 <= self.bots < 1:
            raise InputError(f"bots: expected a share from 0 to less than 1, found {self.bots}")
        if not 0 <= self.yearly < 1:
            raise InputError(f"yearly: expected 0 to less than 1, found {self.yearly}")
        positive = ("weeks", "visits_per_week", "k", "later_days", "outage_days", "bot_slates")
        for name in (*positive, *(("shoppers",) if self.shoppers is not None else ())):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}: expected more than 0, found {getattr(self, name)}")
        for name in ("pages", "devices", "basket"):
            if not getattr(self, name) >= 1:
                raise InputError(f"{name}: expected at least 1, found {getattr(self, name)}")
        if len(self.weekdays) != 7 or min(self.weekdays) < 0 or not sum(self.weekdays):
            raise InputError(f"weekdays: expected seven weights, Monday first, found {self.weekdays}")
        total = sum(context.share for context in self.contexts)
        if abs(total - 1) > 1e-9:
            raise InputError(f"contexts: expected shares that add up to 1, found {total:g}")

    @property
    def first(self) -> pd.Timestamp:
        """Midnight, UTC, of the first day."""
        return pd.Timestamp(self.start, tz="UTC")

    @property
    def days(self) -> int:
        """How many days shoppers visit."""
        return 7 * self.weeks

    def examined(self) -> "pd.Series":
        """Chance that each position is looked at by a shopper who clicks on nothing, by position from 1.

        >>> Shopping(k=3, examination=0.5).examined().tolist()
        [1.0, 0.5, 0.25]
        """
        places = range(1, self.k + 1)
        return pd.Series([self.examination ** (place - 1) for place in places], index=places, name="examined")

    def words(self) -> pd.DataFrame:
        """The settings as a table for readers: setting, value."""
        rows = [(field.name, getattr(self, field.name)) for field in fields(self)]
        return pd.DataFrame(rows, columns=["setting", "value"])
