"""The past as the learned blend reads it: events as arrays of numbers, in seconds and in baskets."""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.interactions import Interactions
from reco.models.baskets import moments
from reco.ranking import place

DAY: Final = 86_400  # seconds
SECOND: Final = 1_000_000_000  # nanoseconds


class History(NamedTuple):
    """Purchases in the order of the log, without returns.

    Attributes:
        user, item: row and column numbers, int64.
        time: seconds since the first event, from 1, int64.
        number: place of the event's basket among its user's, from 0, int64.
        baskets: number of baskets of each user of the interactions, int64.
        first: the first event's time in seconds since 1970.
    """

    user: np.ndarray
    item: np.ndarray
    time: np.ndarray
    number: np.ndarray
    baskets: np.ndarray
    first: int

    def seconds(self, asked_at: pd.Series) -> np.ndarray:
        """Moments as seconds since the first event, from 1."""
        at = pd.DatetimeIndex(asked_at).as_unit("ns").asi8 // SECOND
        return np.maximum(at - self.first + 1, 1)


def read(x: Interactions) -> History:
    """The log of `x` as numbers; what was bought at one moment is a basket where the log names none.

    Raises `ValueError` where the log has no timestamps.
    """
    if Columns.TIMESTAMP not in x.log:
        raise ValueError("a learned blend needs the timestamp of every interaction")
    log = x.log[x.log[Columns.WEIGHT] > 0]
    user, time = log["user"].to_numpy("int64"), moments(log) // SECOND
    first = int(time.min(initial=np.iinfo("int64").max))
    time = time - first + 1
    basket = log[Columns.BASKET].to_numpy("int64") if Columns.BASKET in log else time
    # a basket is as old as its first event, and of one user
    code = pd.factorize(user * (basket.max(initial=0) + 1) + basket)[0]
    began = np.full(code.max(initial=-1) + 1, np.iinfo("int64").max)
    np.minimum.at(began, code, time)
    owner = np.zeros(len(began), "int64")
    owner[code] = user
    order = np.lexsort((np.arange(len(began)), began, owner))
    number = np.empty(len(began), "int64")
    number[order] = place(owner[order])
    counts = np.bincount(owner, minlength=len(x.users))
    return History(user, log["item"].to_numpy("int64"), time, number[code], counts, first)


def local(past: History, when: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """When each event was, by the clock of `when`."""
    return pd.DatetimeIndex(pd.to_datetime(past.time + past.first - 1, unit="s", utc=True)).tz_convert(when.tz or "UTC")
