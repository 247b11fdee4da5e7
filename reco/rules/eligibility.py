"""Rules that take products out of a slate's choice."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from reco.journal import DAY
from reco.rules.base import Filter, Pool

#: The calendar months of each season, by hemisphere.
SEASONS = {
    "north": {"winter": (12, 1, 2), "summer": (6, 7, 8)},
    "south": {"winter": (6, 7, 8), "summer": (12, 1, 2)},
}


class Consent(Filter):
    """Nothing personal for customers who did not agree to it."""

    kind: ClassVar[str] = "consent"
    title: ClassVar[str] = "Nothing personal without consent"

    def refuses(self, pool: Pool) -> np.ndarray:
        """Personal proposals for slates whose customer did not agree."""
        return pool.personal & ~pool.agreed[pool.slate]


class Banned(Filter):
    """Products, categories and brands that are never shown."""

    kind: ClassVar[str] = "banned"
    title: ClassVar[str] = "Banned products"

    products: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()

    def refuses(self, pool: Pool) -> np.ndarray:
        """Proposals of a banned product, category or brand."""
        out = np.zeros(len(pool.shelf.ids), bool)
        if self.products:
            out |= pool.shelf.ids.isin(self.products)
        for values, column in ((self.categories, "category"), (self.brands, "brand")):
            if values:
                out |= pool.shelf.named(values, column)
        return out[pool.item]


class InStock(Filter):
    """Nothing that is sold out, by a stock file read when slates are filled, else by the shop's own export.

    `file` is a CSV of product_id and stock; one older than `max_age_minutes` is used with a warning, since what it
    says is sold out has rarely come back. A product that neither tells of counts as in stock.
    """

    kind: ClassVar[str] = "in_stock"
    title: ClassVar[str] = "Only what is in stock"

    file: Path | None = None
    max_age_minutes: Annotated[int, Field(ge=1)] = 60

    def refuses(self, pool: Pool) -> np.ndarray:
        """Proposals of which nothing is left."""
        return (pool.shelf.numbers("stock") <= 0)[pool.item]


class NotEnded(Filter):
    """Nothing before it starts or after it ends: promotions and products with an end.

    `file` is a CSV of product_id, starts_at and ends_at; either moment may be missing.
    """

    kind: ClassVar[str] = "not_ended"
    title: ClassVar[str] = "Nothing past its end date"

    file: Path | None = None

    def refuses(self, pool: Pool) -> np.ndarray:
        """Proposals that are not, or no longer, on sale when the slate is asked for."""
        starts, ends = (pool.shelf.moments(column) for column in ("starts_at", "ends_at"))
        at = pool.at[pool.slate]
        return (starts[pool.item] > at) | (ends[pool.item] <= at)


class NotBoughtWithin(Filter):
    """Nothing that the customer bought in the last `days`.

    With `except_due`, a product that customers buy again sooner (the median time between purchases of it has passed
    since this customer's last one) may be shown.
    """

    kind: ClassVar[str] = "not_bought_within"
    title: ClassVar[str] = "Nothing bought lately"
    gives_way: ClassVar[bool] = True

    days: Annotated[int, Field(ge=0)] = 30
    except_due: bool = False

    def refuses(self, pool: Pool) -> np.ndarray:
        """Proposals of what the slate's customer bought lately."""
        place, entry = pool.bought.within(pool.customer, pool.at, self.days)
        item, age = pool.bought.item[entry], pool.at[place] - pool.bought.at[entry]
        if self.except_due:
            usual = pool.shelf.numbers("repurchase_days")[item] * DAY
            pairs = pd.DataFrame({"pair": place * len(pool.shelf.ids) + item, "waiting": ~(age >= usual)})
            # by time: of several purchases the last one tells
            waiting = pairs.drop_duplicates("pair", keep="last").query("waiting")["pair"]
        else:
            waiting = place * len(pool.shelf.ids) + item
        return ~pool.own & pd.Index(pool.slate * len(pool.shelf.ids) + pool.item).isin(waiting)


class InSeason(Filter):
    """No winter products in summer and no summer products in winter.

    `winter` and `summer` list categories or product ids; where the store has a year of orders, products whose sales
    in the month are below `least_index` of the year's mean are out of season, too.
    """

    kind: ClassVar[str] = "in_season"
    title: ClassVar[str] = "Nothing out of season"
    gives_way: ClassVar[bool] = True

    hemisphere: Literal["north", "south"] = "north"
    winter: tuple[str, ...] = ()
    summer: tuple[str, ...] = ()
    least_index: Annotated[float, Field(ge=0, le=1)] = 0.2

    def refuses(self, pool: Pool) -> np.ndarray:
        """Proposals out of season in the month in which the slate is asked for."""
        shelf, months = pool.shelf, SEASONS[self.hemisphere]
        month = pd.DatetimeIndex(pool.at.astype("datetime64[us]")).month.to_numpy()[pool.slate]
        out = (shelf.numbers("season_index") < self.least_index)[pool.item]
        for listed, other in ((self.winter, "summer"), (self.summer, "winter")):
            if listed:
                named = shelf.ids.isin(listed) | shelf.named(listed, "category")
                out |= named[pool.item] & np.isin(month, months[other])
        return out
