"""Rules that move products forward within their strategy's list."""

from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from reco.rules.base import Fresh, Order, Shelf

Strength = Annotated[float, Field(ge=0, le=1)]


class Margin(Order):
    """Products that earn more move forward, by the rank of their margin; those of unknown cost stay."""

    kind: ClassVar[str] = "margin"
    title: ClassVar[str] = "Margin moves forward"

    strength: Strength = 0.1

    def lifts(self, shelf: Shelf) -> np.ndarray:
        """`strength` times the rank of the margin, in [0, 1]."""
        rank = pd.Series(shelf.numbers("margin")).rank(pct=True)
        return self.strength * rank.fillna(0).to_numpy()


class FreshForward(Order, Fresh):
    """New products move forward for a limited time, less with every day."""

    kind: ClassVar[str] = "fresh_forward"
    title: ClassVar[str] = "New products move forward"

    days: Annotated[int, Field(ge=1)] = 28
    strength: Strength = 0.2

    def lifts(self, shelf: Shelf) -> np.ndarray:
        """`strength` on the first day, falling to 0 after `days`."""
        age = shelf.numbers("age_days")
        return self.strength * np.nan_to_num(np.clip(1 - age / self.days, 0, 1))
