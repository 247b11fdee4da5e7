"""Shoppers set loose on policies: the log that a shop would have, and the truth that it would not."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from reco.errors import InputError
from reco.shoppers.behaviour import Acts, Lines, act, luck_of, organic
from reco.shoppers.book import Book, Tally, Touches, credited
from reco.shoppers.settings import Shopping
from reco.shoppers.tables import AGENTS, SOURCE, Writers, coded, money, same, texts, times, writing
from reco.shoppers.tastes import Array, Policy, Tastes, liking
from reco.shoppers.visits import BOTS, DAY, LUCK, MINUTE, SECOND, SLATES, Block, Crowd, blocks, crowd, stock
from reco.store import TEXT


class Played(NamedTuple):
    """A block of visits with what happens under every policy, and the shoppers' own arms."""

    block: Block
    acts: list[Acts]
    arm: Array


def shop(
    tastes: Tastes,
    policies: Sequence[Policy],
    settings: Shopping,
    folder: Path,
    shares: Mapping[str, float] | None = None,
    against: str | None = None,
) -> Book:
    """Simulate a test of `policies` and write its tables as Parquet into `folder`; the truth is in the book.

    Tables: impressions, order_lines, events (`select`, a click in a list) and identities, in the columns
    of the store, impressions and events with device_id and user_agent beside them; exposures: one row a visit, also
    of those who are shown nothing: customer_id, variant, session_id, assigned_at. Orders placed and returns made
    after the last day are written, too. The same seed gives the same bytes.

    Args:
        shares: of shoppers assigned to each policy; equal by default.
        against: the policy that lifts are over; the first by default.
    """
    people, names, base = _cast(tastes, policies, settings, shares, against)
    tally, rows = Tally(names), 0
    with writing(folder) as writers:
        for played in _play(tastes, policies, settings, people):
            customers = _ids(tastes, settings, people, played.block)
            _count(tally, played, customers, tastes)
            for policy in range(len(policies)):
                rows += _log(writers, tally, played, policy, names, customers, people, tastes, settings)
        bots, more = _bots(writers, rows, policies, people, tastes, settings)
    return tally.book(base, bots, rows + more)


def potential(
    tastes: Tastes,
    policies: Sequence[Policy],
    settings: Shopping,
    shares: Mapping[str, float] | None = None,
    against: str | None = None,
) -> Book:
    """The book of a world of which nothing is written: no attribution, but all outcomes under every policy."""
    people, names, base = _cast(tastes, policies, settings, shares, against)
    tally = Tally(names)
    for played in _play(tastes, policies, settings, people):
        _count(tally, played, _ids(tastes, settings, people, played.block), tastes)
    return tally.book(base, pd.Index([], dtype=object), 0)


def _cast(
    tastes: Tastes, policies: Sequence[Policy], settings: Shopping, shares: Mapping[str, float] | None,
    against: str | None,
) -> tuple[Crowd, list[str], int]:  # fmt: skip
    names = [policy.name for policy in policies]
    if len(set(names)) < len(names) or not names:
        raise InputError(f"policies: expected different names, found {', '.join(names) or 'none'}")
    if shares is not None and set(shares) != set(names):
        raise InputError(f"shares: expected one for each of {', '.join(names)}, found {', '.join(shares)}")
    if against is not None and against not in names:
        raise InputError(f"against: expected one of {', '.join(names)}, found {against!r}")
    for policy in policies:
        if policy.lists is not None:
            rows, size = policy.lists.shape
            if rows != len(tastes.customers) or size < settings.k or policy.lists.min() < 0:
                raise InputError(
                    f"policy {policy.name}: expected {len(tastes.customers)} full lists of at least {settings.k}, "
                    f"found {rows} of {size}"
                )
    weights = np.array([1.0 if shares is None else shares[name] for name in names])
    return crowd(tastes, settings, weights), names, names.index(against) if against else 0


def _play(tastes: Tastes, policies: Sequence[Policy], settings: Shopping, people: Crowd) -> Iterator[Played]:
    there = stock(tastes, settings)
    liked = [None if policy.lists is None else liking(tastes, policy) for policy in policies]
    for block in blocks(tastes, settings, people, there):
        luck = luck_of(block, settings)
        acts = [
            Acts(None, None, None, None, None, organic(block))
            if policy.lists is None
            else act(policy.lists, likes, block, luck, people, tastes, there, settings)
            for policy, likes in zip(policies, liked, strict=True)
        ]
        yield Played(block, acts, people.arm[block.low : block.high])


def _ids(tastes: Tastes, settings: Shopping, people: Crowd, block: Block) -> pa.Array:
    """Customer ids of a block: those of the tastes where these are the shoppers."""
    if settings.shoppers is None:
        return pa.array(tastes.customers[block.low : block.high], TEXT)
    return texts(np.arange(block.low, block.high), "c")


def _count(tally: Tally, played: Played, customers: pa.Array, tastes: Tastes) -> None:
    """What each shopper would bring under each policy."""
    block, size = played.block, played.block.high - played.block.low
    columns: dict[str, object] = {
        "customer_id": customers.to_numpy(zero_copy_only=False),
        "variant": np.array(tally.names, dtype=object)[played.arm],
        "visits": np.bincount(block.shopper, minlength=size),
    }
    for policy, acts in enumerate(played.acts):
        lines, name = acts.lines, tally.names[policy]
        shopper = block.shopper[lines.visit]
        net = np.where(lines.returned, 0, tastes.cents[lines.item])
        columns[f"revenue_{name}"] = np.bincount(shopper, net, minlength=size).astype("int64")
        # an order is a visit with lines, or the later order of a slate
        order = np.where(lines.slate < 0, lines.visit, len(block.at) + lines.slate)
        _, once = np.unique(order, return_index=True)
        columns[f"orders_{name}"] = np.bincount(shopper[once], minlength=size)
        if acts.clicked is not None:
            tally.add("all_clicks", policy, acts.clicked.sum())
            tally.add("all_cells", policy, acts.clicked.size)
    tally.parts.append(pd.DataFrame(columns))


def _log(
    writers: Writers, tally: Tally, played: Played, policy: int, names: list[str], customers: pa.Array, people: Crowd,
    tastes: Tastes, settings: Shopping,
) -> int:  # fmt: skip
    """Write what the shoppers of one arm did and credit their orders; how many impressions that were."""
    block, acts, lines = played.block, played.acts[policy], played.acts[policy].lines
    mine = played.arm[block.shopper] == policy
    visits = np.flatnonzero(mine)
    writers.put(
        "exposures", len(visits), customer_id=coded(block.shopper[visits], customers),
        variant=same(names[policy], len(visits)), session_id=texts(block.first + visits, "v"),
        assigned_at=times(settings.first, block.at[visits]),
    )  # fmt: skip
    _identities(writers, played, policy, customers, people)
    lines = Lines(*(column[mine[lines.visit]] for column in lines))
    shopper = block.shopper[lines.visit]
    _orders(writers, lines, shopper, block, customers, tastes, settings)
    if acts.items is None:
        return 0
    slates = np.flatnonzero(mine[block.visit])
    clicked = acts.clicked[slates]
    at, position = np.nonzero(clicked)
    clicks = slates[at]
    touched = Touches(block.shopper[block.visit[clicks]], acts.items[clicks, position].astype("int64"),
                      acts.clicked_at[clicks, position])  # fmt: skip
    given = credited(touched, Touches(shopper, lines.item.astype("int64"), lines.at)) & ~lines.returned
    cents = tastes.cents[lines.item]
    tally.add("attributed", policy, cents[given].sum())
    tally.add("anyway", policy, cents[given & ~lines.extra].sum())
    tally.add("impressions", policy, clicked.size)
    tally.add("clicks", policy, len(at))
    visit = block.visit[slates]
    devices = texts(np.arange(people.device[block.low], people.device[block.high]), "device-")
    _impressions(
        writers, block.slate + slates, coded(np.repeat(block.shopper[visit], settings.k), customers),
        block.context[slates], np.full(len(slates), policy), names, acts.items[slates], acts.propensity[slates],
        block.at[visit] + block.page[slates] * MINUTE, clicked, acts.clicked_at[slates],
        coded(np.repeat(block.device[visit] - people.device[block.low], settings.k), devices), block.first + visit,
        0, tastes, settings,
    )  # fmt: skip
    return clicked.size


def _identities(writers: Writers, played: Played, policy: int, customers: pa.Array, people: Crowd) -> None:
    """All devices of the shoppers of an arm."""
    block = played.block
    owner = np.repeat(np.arange(block.high - block.low), people.devices[block.low : block.high])
    own = np.flatnonzero(played.arm[owner] == policy)
    writers.put(
        "identities", len(own), kind=same("device", len(own)), customer_id=coded(owner[own], customers),
        identifier=texts(people.device[block.low] + own, "device-"),
    )  # fmt: skip


def _orders(
    writers: Writers, lines: Lines, shopper: Array, block: Block, customers: pa.Array, tastes: Tastes,
    settings: Shopping,
) -> None:  # fmt: skip
    """Write order lines, then what comes back of them."""
    visit, slate = texts(block.first + lines.visit, "o"), texts(block.slate + lines.slate, "l")
    order = pa.array(lines.slate < 0)
    order = pa.compute.if_else(order, visit, slate)
    rng = np.random.default_rng([settings.seed, LUCK, block.number, 1])
    delay = ((2 + 12 * rng.random(len(lines.at))) * DAY).astype("int64")
    back = np.flatnonzero(lines.returned)
    for rows, sign in ((np.arange(len(lines.at)), 1), (back, -1)):
        n, taken = len(rows), order.take(pa.array(rows))
        returned = taken.dictionary_encode() if sign < 0 else None
        order_id = pa.compute.binary_join_element_wise("r", taken, "") if sign < 0 else taken
        writers.put(
            "order_lines", n, order_id=order_id, customer_id=coded(shopper[rows], customers),
            product_id=coded(lines.item[rows], pa.array(tastes.products, TEXT)),
            ordered_at=times(settings.first, lines.at[rows] + (delay[rows] if sign < 0 else 0)),
            quantity=pa.array(np.full(n, float(sign))), revenue=money(sign * tastes.cents[lines.item[rows]]),
            discount=money(np.zeros(n, dtype="int64")), currency=same(settings.currency, n),
            channel=same("online", n), returned_order_id=returned, source=same(SOURCE, n),
        )  # fmt: skip


def _impressions(
    writers: Writers, slates: Array, customers: pa.Array, context: Array, policy: Array, names: list[str],
    items: Array, propensity: Array, shown_at: Array, clicked: Array, clicked_at: Array, devices: pa.Array,
    session: Array, agent: int, tastes: Tastes, settings: Shopping,
) -> None:  # fmt: skip
    """Write impressions and the events of clicks."""
    k, n = settings.k, items.size
    slate = texts(slates, "s").take(pa.array(np.repeat(np.arange(len(slates)), k)))
    position = np.tile(np.arange(1, k + 1, dtype="int32"), len(slates))
    place = pa.array([f"-{p}" for p in range(1, k + 1)], TEXT).take(pa.array(position - 1))
    impression = pa.compute.binary_join_element_wise(slate, place, "")
    contexts = pa.array([one.name for one in settings.contexts], TEXT)
    arm = coded(np.repeat(policy, k), pa.array(names, TEXT))
    products = coded(items.ravel(), pa.array(tastes.products, TEXT))
    agents = same(AGENTS[agent], n)
    when = times(settings.first, clicked_at.ravel(), ~clicked.ravel())
    writers.put(
        "impressions", n, impression_id=impression, slate_id=slate, customer_id=customers,
        context=coded(np.repeat(context, k), contexts), strategy=arm, variant=arm, product_id=products,
        position=pa.array(position), propensity=pa.array(propensity.ravel()),
        shown_at=times(settings.first, np.repeat(shown_at, k)), clicked=pa.array(clicked.ravel()), clicked_at=when,
        simulated=pa.array(np.ones(n, dtype=bool)), source=same(SOURCE, n), device_id=devices, user_agent=agents,
    )  # fmt: skip
    rows = np.flatnonzero(clicked.ravel())
    at = pa.array(rows)
    writers.put(
        "events", len(rows), event_id=impression.take(at), customer_id=customers.take(at),
        session_id=texts(session[rows // k], "v"), product_id=products.take(at), event=same("select", len(rows)),
        occurred_at=when.take(at), list_id=slate.take(at), position=pa.array(position[rows]),
        source=same(SOURCE, len(rows)), device_id=devices.take(at), user_agent=agents.take(at),
    )  # fmt: skip


def _bots(
    writers: Writers, rows: int, policies: Sequence[Policy], people: Crowd, tastes: Tastes, settings: Shopping
) -> tuple[pd.Index, int]:
    """Programs that click at once, day and night, at any position, and order nothing: device ids, impressions."""
    shown = [policy for policy, one in enumerate(policies) if one.lists is not None]
    slates = round(rows / settings.k * settings.bots / (1 - settings.bots))
    bots = max(1, round(slates / settings.bot_slates / settings.days)) if slates else 0
    first_device, first_slate = int(people.device[-1]), 10**9  # beyond those of shoppers
    names, rng = [policy.name for policy in policies], np.random.default_rng([settings.seed, BOTS])
    for low in range(0, slates, SLATES):
        number = np.arange(low, min(low + SLATES, slates))
        n, bot = len(number), number % bots
        policy = np.array(shown)[bot % len(shown)]
        lists = [policies[one].lists[:, : settings.k] for one in shown]
        items = np.stack(lists)[bot % len(shown), rng.integers(len(tastes.customers), size=n)]
        at = (rng.random(n) * settings.days * DAY).astype("int64")
        clicked = rng.random((n, settings.k)) < BOT_CLICKS
        clicked_at = at[:, None] + ((0.1 + 0.8 * rng.random((n, settings.k))) * SECOND).astype("int64")
        device = coded(np.repeat(bot, settings.k), texts(first_device + np.arange(bots), "device-"))
        nobody = coded(np.zeros(n * settings.k), pa.array([""], TEXT), np.ones(n * settings.k, dtype=bool))
        context = rng.integers(len(settings.contexts), size=n)
        _impressions(
            writers, first_slate + number, nobody, context, policy, names, items,
            np.full(items.shape, np.nan), at, clicked, clicked_at, device, first_slate + number, 1, tastes, settings,
        )  # fmt: skip
    return pd.Index([f"device-{first_device + bot}" for bot in range(bots)], dtype=object), slates * settings.k


#: Chance that a program follows any link.
BOT_CLICKS = 0.3
