"""Baskets like the one that is asked for: the customer's own, weighted by how close they are to now."""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from reco.interactions import Interactions
from reco.learned.history import DAY, History

#: Share of its weight that a basket keeps with every basket after it.
KEPT: Final = 0.95

#: Hours apart within which a basket keeps 1/e of its weight.
HOURS: Final = 2.5

#: Weight of a basket of another weekday, and of a first one, before which no days can be counted.
OTHER_DAY: Final = 0.4
FIRST: Final = 0.5

#: A basket counts (ratio of its days since the one before, to those up to now) to the power of minus this.
POWER: Final = 1.5


class Likeness(NamedTuple):
    """What counts as much as it is like the basket that is asked for.

    Attributes:
        events: weight of the basket of each event, by kind of likeness, float64.
        total: weight of all baskets of each user of the interactions, by kind of likeness, float64.
        size: usual size of such baskets of each user, by the nearness of all, float64; NaN without baskets.
        once: places of the first event of each basket.
    """

    events: dict[str, np.ndarray]
    total: dict[str, np.ndarray]
    size: np.ndarray
    once: np.ndarray


def liken(x: Interactions, past: History, asked: np.ndarray, now: np.ndarray, asked_at: pd.Series) -> Likeness:
    """Weights of baskets by age, by the clock, by the days since the one before, and by all of these together.

    `asked` are row numbers of users, `now` and `asked_at` their moments (seconds of `past`, and timestamps). A basket
    of k baskets ago weighs `KEPT` ** k; by the clock exp(-hours apart / `HOURS`), and less on another weekday; by days
    the lesser to the greater of the days before it and before now (each with one more), to the power of `POWER`.
    """
    width = past.number.max(initial=0) + 1
    keys, once, basket = np.unique(past.user * width + past.number, return_index=True, return_inverse=True)
    owner, number = np.divmod(keys, width)
    began = np.full(len(keys), np.iinfo("int64").max)
    np.minimum.at(began, basket, past.time)
    fading = KEPT ** (past.baskets[owner] - 1 - number)
    clock = _by_the_clock(x, past, owner, began, asked, asked_at)
    days = _by_days(x, owner, began, asked, now)
    weights = {"fading": fading, "clock": fading * clock, "days": fading * days, "now": fading * clock * days}
    total = {kind: np.bincount(owner, weight, len(x.users)) for kind, weight in weights.items()}
    sizes = np.bincount(owner, weights["now"] * np.bincount(basket, minlength=len(keys)), len(x.users))
    with np.errstate(invalid="ignore", divide="ignore"):
        size = sizes / total["now"]
    return Likeness({kind: weight[basket] for kind, weight in weights.items()}, total, size, once)


def _by_the_clock(
    x: Interactions, past: History, owner: np.ndarray, began: np.ndarray, asked: np.ndarray, asked_at: pd.Series
) -> np.ndarray:
    when = pd.DatetimeIndex(asked_at)
    then = pd.to_datetime(began + past.first - 1, unit="s", utc=True).tz_convert(when.tz or "UTC")
    hour, weekday = np.zeros(len(x.users)), np.zeros(len(x.users))
    hour[asked], weekday[asked] = when.hour, when.day_of_week
    apart = np.abs(then.hour.to_numpy() - hour[owner])
    same_day = then.day_of_week.to_numpy() == weekday[owner]
    return np.exp(-np.minimum(apart, 24 - apart) / HOURS) * np.where(same_day, 1, OTHER_DAY)


def _by_days(x: Interactions, owner: np.ndarray, began: np.ndarray, asked: np.ndarray, now: np.ndarray) -> np.ndarray:
    latest, away = np.zeros(len(x.users), "int64"), np.zeros(len(x.users))
    np.maximum.at(latest, owner, began)
    away[asked] = np.maximum(now - latest[asked], 0) / DAY
    gap = np.diff(began, prepend=0) / DAY
    first = np.diff(owner, prepend=-1) > 0
    near = np.exp(-POWER * np.abs(np.log1p(np.where(first, 0, gap)) - np.log1p(away[owner])))
    return np.where(first, FIRST, near)
