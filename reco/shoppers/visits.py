"""Who comes when, to buy what: all that happens whatever is recommended.

Shoppers are drawn in blocks, each from its own random numbers, so that a world of any size takes little memory.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from reco.shoppers.settings import Shopping
from reco.shoppers.tastes import Tastes

Array = np.ndarray

DAY, HOUR, MINUTE, SECOND = 86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000
#: Slates that a block of shoppers sees, about.
SLATES = 60_000
#: Most products of an order that nobody recommended.
SLOTS = 6
#: Random streams: what each is drawn for.
CROWD, VISITS, LUCK, STOCK, BOTS = range(5)


class Crowd(NamedTuple):
    """All shoppers.

    Attributes:
        row: of the tastes each has.
        rate: expected visits in the whole time.
        arm: number of the policy that each is assigned to.
        devices: how many each has.
        device: number of the first device of each; one more at the end, the number of all devices.
    """

    row: Array
    rate: Array
    arm: Array
    devices: Array
    device: Array


class Block(NamedTuple):
    """The visits of some shoppers, by shopper and time. Times are microseconds since the first day.

    Attributes:
        number: of the block.
        low: the first shopper; `shopper` counts from it.
        high: the last shopper, exclusive.
        shopper: of each visit.
        at: when each visit begins.
        ends: when each visit's order is placed, after its last slate.
        device: number of the device of each visit.
        first: number of the first visit, in the whole world.
        basket: visits x `SLOTS`: products bought without any recommendation, -1 for none.
        returned: visits x `SLOTS`: whether they come back.
        visit: of each slate.
        page: of each slate within its visit, from 0.
        context: number of the context of each slate.
        earlier: slates that the shopper saw before this one.
        slate: number of the first slate, in the whole world.
    """

    number: int
    low: int
    high: int
    shopper: Array
    at: Array
    ends: Array
    device: Array
    first: int
    basket: Array
    returned: Array
    visit: Array
    page: Array
    context: Array
    earlier: Array
    slate: int


def crowd(tastes: Tastes, settings: Shopping, shares: Array) -> Crowd:
    """Shoppers with their tastes, their arms by `shares` and their devices."""
    rng = np.random.default_rng([settings.seed, CROWD])
    n = settings.shoppers or len(tastes.customers)
    row = np.arange(n) if settings.shoppers is None else rng.integers(len(tastes.customers), size=n)
    uneven = rng.gamma(1 / settings.unevenness, settings.unevenness, n) if settings.unevenness > 0 else np.ones(n)
    rate = settings.visits_per_week * settings.weeks * tastes.activity[row] * uneven
    arm = np.searchsorted(np.cumsum(shares) / np.sum(shares), rng.random(n), side="right").astype("int8")
    devices = 1 + rng.poisson(settings.devices - 1, n)
    return Crowd(row, rate, arm, devices, np.concatenate([[0], np.cumsum(devices)]))


def stock(tastes: Tastes, settings: Shopping) -> Array:
    """Products x days: whether each can be bought. Outages come and go as a Markov chain."""
    rng = np.random.default_rng([settings.seed, STOCK])
    n, out = len(tastes.products), settings.out_of_stock
    back = min(1.0, 1 / settings.outage_days)
    lost = min(1.0, back * out / (1 - out)) if out < 1 else 1.0
    luck = rng.random((n, settings.days))
    there = np.empty((n, settings.days), dtype=bool)
    state = luck[:, 0] >= out
    for day in range(settings.days):  # few
        if day:
            state = np.where(state, luck[:, day] >= lost, luck[:, day] < back)
        there[:, day] = state
    return there


def calendar(settings: Shopping) -> Array:
    """Share of visits on each day."""
    days = np.arange(settings.days)
    weekday = np.asarray(settings.weekdays)[(settings.first.weekday() + days) % 7]
    season = 1 + settings.yearly * np.cos(2 * np.pi * (settings.first.day_of_year - 1 + days) / 365.25)
    return weekday * season / (weekday * season).sum()


def blocks(tastes: Tastes, settings: Shopping, people: Crowd, there: Array) -> Iterator[Block]:
    """The visits of all, some shoppers at a time."""
    ahead = np.cumsum(people.rate * settings.pages) // SLATES
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(ahead)) + 1, [len(people.row)]])
    likes, popular, days = np.cumsum(tastes.shares.data), np.cumsum(tastes.popularity), np.cumsum(calendar(settings))
    first = slate = 0
    for number, (low, high) in enumerate(pairwise(bounds)):
        rng = np.random.default_rng([settings.seed, VISITS, number])
        times = rng.poisson(people.rate[low:high])
        shopper = np.repeat(np.arange(high - low), times)
        day = np.searchsorted(days, rng.random(len(shopper)) * days[-1], side="right")
        hour = (rng.triangular(6, 19, 24, len(shopper)) * HOUR).astype("int64")
        at = np.sort(shopper * (settings.days + 1) * DAY + day * DAY + hour) - shopper * (settings.days + 1) * DAY
        pages = 1 + rng.poisson(settings.pages - 1, len(at))
        device = people.device[low + shopper] + (rng.random(len(at)) * people.devices[low + shopper]).astype("int64")
        basket = _baskets(tastes, settings, people.row[low + shopper], at // DAY, there, likes, popular, rng)
        visit = np.repeat(np.arange(len(at)), pages)
        page = np.arange(len(visit)) - np.repeat(np.cumsum(pages) - pages, pages)
        seen = np.bincount(shopper[visit], minlength=high - low)
        earlier = np.arange(len(visit)) - np.repeat(np.cumsum(seen) - seen, seen)
        shares = np.cumsum([context.share for context in settings.contexts])
        context = np.minimum(np.searchsorted(shares, rng.random(len(visit)), side="right"), len(shares) - 1)
        yield Block(
            number, int(low), int(high), shopper, at, at + (pages + 1) * MINUTE, device, first, basket,
            rng.random(basket.shape, dtype="float32") < settings.returns, visit, page, context.astype("int8"), earlier,
            slate,
        )  # fmt: skip
        first, slate = first + len(at), slate + len(visit)


def _baskets(
    tastes: Tastes, settings: Shopping, row: Array, day: Array, there: Array, likes: Array, popular: Array,
    rng: np.random.Generator,
) -> Array:  # fmt: skip
    """Different products in stock, from own tastes or, by surprise, from what is popular."""
    orders = np.flatnonzero(rng.random(len(row)) < settings.order_rate)
    size = np.minimum(1 + rng.poisson(settings.basket - 1, len(orders)), SLOTS)
    taken = np.arange(SLOTS) < size[:, None]
    luck = rng.random((len(orders), SLOTS))
    ends = tastes.shares.indptr[row[orders]]
    # shares of each customer add up to 1, so the running sum of all tells customer and product at once
    begin = np.where(ends > 0, likes[ends - 1], 0.0)
    last = tastes.shares.indptr[row[orders] + 1] - 1
    width = likes[last] - begin
    at = np.searchsorted(likes, begin[:, None] + luck * width[:, None], side="right")
    own = tastes.shares.indices[np.clip(at, ends[:, None], last[:, None])]
    other = np.searchsorted(popular, rng.random((len(orders), SLOTS)) * popular[-1], side="right")
    items = np.where(rng.random((len(orders), SLOTS)) < settings.surprise, other, own)
    kept = taken & there[items, day[orders][:, None]]
    for slot in range(1, SLOTS):
        kept[:, slot] &= (items[:, :slot] != items[:, slot : slot + 1]).all(axis=1)
    basket = np.full((len(row), SLOTS), -1, dtype="int32")
    basket[orders] = np.where(kept, items, -1)
    return basket
