"""Rules of their own kind: fixed places, exploration, fallback and the reset of what was learned."""

from typing import Annotated, ClassVar

import pandas as pd
from pydantic import Field

from reco.rules.base import Rule

Count = Annotated[int, Field(ge=1)]


class Pinned(Rule):
    """Products that have their place in a context's slates: position by product id, by context."""

    kind: ClassVar[str] = "pinned"
    title: ClassVar[str] = "Pinned products"

    places: dict[str, dict[str, Count]] = Field(default_factory=dict)


class Exploration(Rule):
    """Each place is given, with chance `share`, to any product that the other rules allow there, all alike.

    The propensity of what is shown is logged: with m allowed products it is share / m, and 1 - share more for the one
    that would have been shown anyway.
    """

    kind: ClassVar[str] = "exploration"
    title: ClassVar[str] = "Exploration"

    share: Annotated[float, Field(ge=0, le=1)] = 0.1
    seed: int = 20170101


class Fallback(Rule):
    """Slates with fewer eligible products are filled with trending, then popular ones, so that none is empty."""

    kind: ClassVar[str] = "fallback"
    title: ClassVar[str] = "Filled where too few"

    below: Count = 4


class Reset(Rule):
    """What models learned is forgotten every so often, but for the latest weeks, so that nobody is locked into a past.

    Counted from the store's first order: every `every_weeks`, what is older than `keep_weeks` is no longer learned
    from.
    """

    kind: ClassVar[str] = "reset"
    title: ClassVar[str] = "Preferences are reset"

    every_weeks: Count = 52
    keep_weeks: Count = 52

    def since(self, first: pd.Timestamp, until: pd.Timestamp) -> pd.Timestamp:
        """The moment from which models learn.

        >>> first, until = pd.Timestamp("2026-01-01"), pd.Timestamp("2026-06-01")
        >>> Reset(every_weeks=10, keep_weeks=4).since(first, until)
        Timestamp('2026-04-23 00:00:00')
        """
        every = pd.Timedelta(weeks=self.every_weeks)
        latest = first + ((until - first) // every) * every
        return first if latest <= first else max(first, latest - pd.Timedelta(weeks=self.keep_weeks))
