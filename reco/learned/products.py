"""What a learned blend knows of a product: how it sells to everybody, when, and at what price."""

from typing import Final

import numpy as np
import pandas as pd

from reco.interactions import Interactions
from reco.learned.candidates import Pairs
from reco.learned.history import DAY, History, local
from reco.learned.timeline import Timeline

#: Hours before and after one that are the same time of day.
HOURS: Final = 2

#: Sales that a product is taken to have had by everybody's clock, beside its own.
FEW: Final = 5


def of_products(
    x: Interactions, past: History, pairs: Pairs, now: np.ndarray, asked_at: pd.Series
) -> dict[str, np.ndarray]:
    """How each pair's product sells to everybody, now and before, and what it costs."""
    column, at = pairs.column, now[pairs.row]
    line, all_sales = Timeline(past.item, past.time), Timeline(np.zeros_like(past.item), past.time)
    everything, start = np.zeros_like(now), np.zeros_like(at)

    def share(from_days: int, to_days: int = 0) -> np.ndarray:
        total = all_sales.count(everything, now - from_days * DAY, now - to_days * DAY)[pairs.row]
        return line.count(column, at - from_days * DAY, at - to_days * DAY) / np.maximum(total, 1)

    times, buyers = line.count(column, start, at), x.customers_per_item[column]
    now_7, now_91, a_year = share(7), share(91), at > 393 * DAY
    gaps, repeats = _gaps(x, past)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {
            "product_buyers": buyers,
            "product_times": times,
            "product_again": times / np.maximum(buyers, 1),
            "product_gap": np.where(repeats > 0, gaps / repeats, np.nan)[column],
            "product_now_3": share(3),
            "product_now_7": now_7,
            "product_now_28": share(28),
            "product_now_91": now_91,
            "product_trend": np.where(now_91 > 0, now_7 / now_91, np.nan),
            # what sold in the four weeks that began a year ago, beside what sold in the year
            "product_season": np.where(a_year, share(365, 337) / share(365), np.nan)
            if a_year.any()
            else a_year * np.nan,
            "product_age": np.where(times > 0, (at - line.first(column)) / DAY, np.nan),
        }
        price = None if x.products is None or "price" not in x.products else x.products["price"].to_numpy("float64")
        found |= _by_the_clock(x, past, pairs, asked_at)
        if price is not None:
            known = np.isfinite(price[past.item])
            spent = np.bincount(past.user[known], price[past.item[known]], minlength=len(x.users))
            usual = spent / np.bincount(past.user[known], minlength=len(x.users))
            found["price"] = price[column]
            found["price_distance"] = price[column] / usual[x.rows(pairs.users)][pairs.row]
    return found


def _by_the_clock(x: Interactions, past: History, pairs: Pairs, asked_at: pd.Series) -> dict[str, np.ndarray]:
    """How much of the product's sales falls at such an hour and on such a day, beside all sales (1: as much)."""
    when = pd.DatetimeIndex(asked_at)
    events, found = local(past, when), {}
    for name, of, now, wide, count in [
        ("product_this_hour", events.hour, when.hour, HOURS, 24),
        ("product_this_weekday", events.day_of_week, when.day_of_week, 0, 7),
    ]:
        cells = np.bincount(past.item * count + of.to_numpy("int64"), minlength=len(x.items) * count)
        sales = cells.reshape(-1, count).astype("float64")
        near = sum(np.roll(sales, shift, axis=1) for shift in range(-wide, wide + 1))
        usual = near.sum(axis=0) / max(sales.sum(), 1)
        at = now.to_numpy("int64")[pairs.row]
        expected = (sales.sum(axis=1)[pairs.column] + FEW) * usual[at]
        found[name] = np.where(expected > 0, (near[pairs.column, at] + FEW * usual[at]) / np.maximum(expected, 1e-9), 1)
    return found


def _gaps(x: Interactions, past: History) -> tuple[np.ndarray, np.ndarray]:
    """Days between two purchases of one product by one customer: their sum and their number for each product."""
    line = Timeline(past.user * len(x.items) + past.item, past.time)
    again = line.code[1:] == line.code[:-1]
    item = past.item[line.order][1:][again]
    days = np.diff(line.time)[again] / DAY
    return np.bincount(item, days, minlength=len(x.items)), np.bincount(item, minlength=len(x.items))
