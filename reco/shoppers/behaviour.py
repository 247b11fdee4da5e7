"""What shoppers do with the slates that a policy shows them.

Positions are looked at in turn (the cascade of Craswell et al., WSDM 2008, with a chance to look on after a click as
in the dependent click model of Guo et al., WSDM 2009). Every policy is played to every shopper with the same luck, so
that the difference of two outcomes is caused by the policies alone.
"""

from typing import NamedTuple

import numpy as np

from reco.shoppers.settings import Shopping
from reco.shoppers.tastes import Array, Tastes
from reco.shoppers.visits import DAY, LUCK, MINUTE, SECOND, SLOTS, Block, Crowd

#: Later orders come at least so long after their slate was shown.
AFTER = 30 * MINUTE


class Luck(NamedTuple):
    """Uniform random numbers of a block, the same under every policy.

    Attributes:
        turn: where the list begins, a slate each; below `explore` anywhere, otherwise at its head.
        patience, wait, later, delay, returned: a slate each.
        swap: a visit each.
        click, buy: slates x positions.
    """

    turn: Array
    patience: Array
    wait: Array
    later: Array
    delay: Array
    returned: Array
    swap: Array
    click: Array
    buy: Array


class Lines(NamedTuple):
    """Order lines, each of one piece. Times are microseconds since the first day.

    Attributes:
        visit: during which the order was placed or, if later, the click made; counts within the block.
        item: the product.
        at: when.
        extra: whether nobody would have bought it without the recommendation.
        slate: of the click that caused a later order, within the block; -1 for those placed during the visit.
        returned: whether it comes back.
    """

    visit: Array
    item: Array
    at: Array
    extra: Array
    slate: Array
    returned: Array


class Acts(NamedTuple):
    """What a block of shoppers does under one policy.

    Attributes:
        items: slates x positions: products shown; None where nothing is.
        propensity: slates x positions: chance that the policy shows this product here.
        looked: slates x positions: whether the position was looked at.
        clicked: slates x positions.
        clicked_at: slates x positions: microseconds since the first day, of clicks only.
        lines: what is ordered.
    """

    items: Array | None
    propensity: Array | None
    looked: Array | None
    clicked: Array | None
    clicked_at: Array | None
    lines: Lines


def luck_of(block: Block, settings: Shopping) -> Luck:
    """The luck of a block."""
    rng = np.random.default_rng([settings.seed, LUCK, block.number])
    slates, cells = len(block.visit), (len(block.visit), settings.k)
    one = [rng.random(slates) for _ in range(6)]
    return Luck(*one, rng.random(len(block.at)), rng.random(cells, dtype="float32"), rng.random(cells, dtype="float32"))


def organic(block: Block, dropped: Array | None = None) -> Lines:
    """What is bought anyway; visits of `dropped` leave out the first product of their basket."""
    basket = block.basket
    kept = basket >= 0
    if dropped is not None:
        kept[dropped, 0] = False
    visit, slot = np.nonzero(kept)
    n = len(visit)
    return Lines(
        visit, basket[visit, slot], block.ends[visit], np.zeros(n, dtype=bool), np.full(n, -1),
        block.returned[visit, slot],
    )  # fmt: skip


def act(
    lists: Array, liking: Array, block: Block, luck: Luck, people: Crowd, tastes: Tastes, there: Array,
    settings: Shopping,
) -> Acts:  # fmt: skip
    """What shoppers do under a policy with these lists, liked as `reco.shoppers.tastes.liking` tells."""
    visit, m, k = block.visit, lists.shape[1], settings.k
    row = people.row[block.low + block.shopper[visit]]
    turned = luck.turn < settings.explore
    # luck below `explore`, scaled back to 0 to 1, is where the list begins
    begin = np.where(turned, luck.turn / max(settings.explore, 1e-12) * m, 0).astype("int64") % m
    place = (begin[:, None] + np.arange(k)) % m
    flat = row[:, None] * m + place
    items = lists.ravel()[flat]
    head = np.where(begin == 0, 1 - settings.explore, 0.0) + settings.explore / m
    propensity = np.repeat(head[:, None], k, axis=1)

    wanted = np.zeros(items.shape, dtype=bool)
    buyers = np.flatnonzero((block.basket >= 0).any(axis=1)[visit])
    for slot in range(SLOTS):
        wanted[buyers] |= items[buyers] == block.basket[visit[buyers], slot][:, None]
    fresh = np.maximum(settings.wear_floor, settings.wear ** np.minimum(block.earlier, 1000))
    intent = np.array([context.intent for context in settings.contexts])[block.context]
    eager = (fresh * intent).astype("float32")[:, None]
    chance = liking.ravel()[flat] * np.float32(settings.click_if_liked - settings.click_otherwise)
    chance += np.float32(settings.click_otherwise)
    chance[wanted] = settings.click_if_wanted
    chance *= eager

    looked, clicked = np.empty(items.shape, dtype=bool), np.empty(items.shape, dtype=bool)
    reach = np.ones(len(visit))
    for position in range(k):
        looked[:, position] = luck.patience < reach
        clicked[:, position] = looked[:, position] & (luck.click[:, position] < chance[:, position])
        reach *= settings.examination * np.where(clicked[:, position], 1 - settings.satisfied, 1.0)

    slate, position = np.nonzero(clicked)
    # within a minute of being shown, further down the list later
    wait = 2 * SECOND + ((position + luck.wait[slate]) / k * 57 * SECOND).astype("int64")
    moment = block.at[visit[slate]] + block.page[slate] * MINUTE + wait
    clicked_at = np.zeros(items.shape, dtype="int64")
    clicked_at[slate, position] = moment
    return Acts(items, propensity, looked, clicked, clicked_at, _bought(
        slate, position, items, wanted, intent, block, luck, tastes, there, settings
    ))  # fmt: skip


def _bought(
    slate: Array, position: Array, items: Array, wanted: Array, intent: Array, block: Block, luck: Luck,
    tastes: Tastes, there: Array, settings: Shopping,
) -> Lines:  # fmt: skip
    """The basket and what clicks added to it, each product once a visit."""
    item, visit = items[slate, position], block.visit[slate]
    extra = ~wanted[slate, position] & there[item, block.at[visit] // DAY]
    extra &= luck.buy[slate, position] < settings.order_after_click * intent[slate]
    slate, item, visit = slate[extra], item[extra], visit[extra]
    _, once = np.unique(visit * len(tastes.products) + item, return_index=True)
    slate, item, visit = slate[once], item[once], visit[once]
    later = luck.later[slate] < settings.later
    dropped = np.zeros(len(block.at), dtype=bool)
    dropped[visit[~later]] = True
    base = organic(block, dropped & (luck.swap < settings.substitution))
    delay = (-np.log1p(-luck.delay[slate]) * settings.later_days * DAY).astype("int64")
    shown = block.at[visit] + block.page[slate] * MINUTE  # all later orders of a slate are one
    at = np.where(later, shown + AFTER + delay, block.ends[visit])
    return Lines(
        np.concatenate([base.visit, visit]),
        np.concatenate([base.item, item]),
        np.concatenate([base.at, at]),
        np.concatenate([base.extra, np.ones(len(item), dtype=bool)]),
        np.concatenate([base.slate, np.where(later, slate, -1)]),
        np.concatenate([base.returned, luck.returned[slate] < settings.returns]),
    )
