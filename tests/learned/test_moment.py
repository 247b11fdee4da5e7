"""Baskets weighted by how close they are to the one that is asked for."""

import numpy as np
import pandas as pd
import pytest

from reco.interactions import Interactions
from reco.learned import moment
from reco.learned.history import read


def likeness(baskets: list[tuple[str, list[str]]], at: str) -> moment.Likeness:
    """Of one customer with these baskets (when, what), asked for at a moment."""
    rows = [("a", item, when, number) for number, (when, items) in enumerate(baskets) for item in items]
    log = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp", "basket_id"])
    log["timestamp"] = pd.to_datetime(log["timestamp"])
    x = Interactions.from_frame(log, timestamp="timestamp", basket="basket_id")
    past, asked_at = read(x), pd.Series(pd.Timestamp(at), index=["a"])
    return moment.liken(x, past, np.array([0]), past.seconds(asked_at), asked_at)


def test_each_kind_of_nearness_by_hand():
    """Thursdays at 10 and 9; asked for on a Thursday at 11, a week after the last."""
    like = likeness(
        [("2026-01-01 10:00", ["x", "y"]), ("2026-01-08 09:00", ["x"]), ("2026-01-11 23:00", ["z"])], "2026-01-15 11:00"
    )
    fading = np.array([0.95**2, 0.95**2, 0.95, 1])
    hours = np.exp(-np.array([1, 1, 2, 12]) / 2.5) * [1, 1, 1, 0.4]  # the last was on a Sunday, at night
    away, gaps = 3.5, np.array([6 + 23 / 24, 3 + 14 / 24])  # days before now, and before the second and the third
    days = np.array([0.5, 0.5, *(np.minimum((1 + gaps) / (1 + away), (1 + away) / (1 + gaps)) ** 1.5)])
    assert like.events["fading"] == pytest.approx(fading)
    assert like.events["clock"] == pytest.approx(fading * hours)
    assert like.events["days"] == pytest.approx(fading * days)
    assert like.events["now"] == pytest.approx(fading * hours * days)
    once = (fading * hours * days)[[0, 2, 3]]
    assert like.total["now"] == pytest.approx([once.sum()])
    assert like.size == pytest.approx([(once * [2, 1, 1]).sum() / once.sum()])


def test_hours_go_around_the_clock():
    late = likeness([("2026-01-01 23:00", ["x"])], "2026-01-09 01:00")
    early = likeness([("2026-01-01 03:00", ["x"])], "2026-01-09 01:00")
    assert late.events["clock"] == pytest.approx(early.events["clock"])
