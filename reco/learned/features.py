"""What a learned blend knows of a customer, a product and the two together at the moment it is asked.

Everything is counted from events before that moment; dues and shares are ratios of what is counted.
"""

from typing import Final

import numpy as np
import pandas as pd
from scipy import sparse

from reco.interactions import Interactions
from reco.learned import again, offers, products
from reco.learned.candidates import Pairs
from reco.learned.history import DAY, History, local, read
from reco.learned.moment import Likeness, liken
from reco.learned.products import HOURS
from reco.learned.timeline import Own, Timeline
from reco.models.base import BLOCK

#: Days and baskets back within which purchases are counted.
DAYS: Final = (7, 14, 28, 91, 182)
BASKETS: Final = (1, 2, 3, 5, 10, 20)

#: Days after which a purchase counts half.
HALF_LIVES: Final = (30, 90)

#: Share of its weight that a purchase keeps with every basket after it.
KEPT: Final = 0.9

#: Attributes of products in which customers have affinities, where the store has them.
ATTRIBUTES: Final = ("department", "category", "subcategory", "brand")

#: Those of them that products standing in for one another share: what was bought of them lately, and when.
KINDS: Final = ("category", "subcategory")

#: Days after which what was bought of a kind counts half.
KIND_HALF_LIFE: Final = 45

#: Features in words, by name. `{algorithm}` and `{attribute}` stand for each of theirs.
FEATURES: Final = {
    "score_{algorithm}": "Score: {algorithm}",
    "rank_{algorithm}": "Rank: {algorithm}",
    "score_of_best_{algorithm}": "Score beside the customer's best: {algorithm}",
    "times": "Times bought",
    **{f"times_{days}_days": f"Times bought in {days} days" for days in DAYS},
    **{f"in_{n}_baskets": f"Bought in the last {n} baskets" for n in BASKETS},
    "basket_share": "Share of baskets with it",
    "kept": "Times bought, fading with baskets",
    **{f"fading_{days}": f"Times bought, halved every {days} days" for days in HALF_LIVES},
    "days_since": "Days since bought",
    "baskets_since": "Baskets since bought",
    "days_known": "Days since first bought",
    "share_since_first": "Share of baskets since first bought",
    "usual_days": "Usual days between purchases",
    "usual_baskets": "Usual baskets between purchases",
    "last_gap": "Days between the last two purchases",
    "due_days": "Due by days",
    "due_baskets": "Due by baskets",
    "share_this_hour": "Share of baskets at this time of day",
    "share_this_weekday": "Share of baskets on this weekday",
    "share_fading": "Share of baskets with it, fading",
    "share_by_clock": "Share of baskets at such an hour and weekday",
    "share_by_days": "Share of baskets after so many days",
    "share_like_now": "Share of baskets like this one",
    "again_kind": "Chance of its kind to be bought again now",
    "again_product": "Chance to be bought again now",
    "again_customer": "Chance to be bought again now, by the customer's habit",
    "with_last_basket": "Bought together with the last basket",
    "product_buyers": "Customers of the product",
    "product_times": "Purchases of the product",
    "product_again": "Purchases for each of its customers",
    "product_gap": "Usual days until it is bought again",
    "product_due": "Due by the product's usual days",
    "product_now_7": "Product's share of the last 7 days",
    "product_now_3": "Product's share of the last 3 days",
    "product_now_28": "Product's share of the last 28 days",
    "product_now_91": "Product's share of the last 91 days",
    "product_trend": "Product's trend",
    "product_season": "Product's season, by last year",
    "product_this_hour": "Product's sales at this time of day",
    "product_this_weekday": "Product's sales on this weekday",
    "product_age": "Days since the product was first sold",
    "product_off_7": "Taken off the product's price in 7 days",
    "product_off_change": "Taken off in 7 days, more than in 182",
    "product_off_beside_own": "Taken off in 7 days, more than when bought",
    "own_off": "Taken off the price when bought",
    "customer_off": "Taken off what the customer buys",
    "price": "Price",
    "price_distance": "Price beside the customer's usual",
    "{attribute}_times": "Times bought: same {attribute}",
    "{attribute}_share": "Share of baskets: same {attribute}",
    "{attribute}_days_since": "Days since bought: same {attribute}",
    "{attribute}_due": "Due: same {attribute}",
    "{attribute}_loyalty": "Share within the {attribute}",
    "{attribute}_in_last_basket": "In the last basket: same {attribute}",
    "{attribute}_bought_since": "Bought since: same {attribute}",
    "{attribute}_fading": "Times bought, fading: same {attribute}",
    "{attribute}_fading_loyalty": "Share within the {attribute}, fading",
    "{attribute}_like_now": "Share of baskets like this one: same {attribute}",
    "customer_baskets": "Customer's baskets",
    "customer_size": "Customer's usual basket size",
    "customer_last_size": "Size of the last basket",
    "customer_size_like_now": "Customer's usual size of baskets like this one",
    "customer_gap": "Customer's usual days between baskets",
    "customer_variety": "Customer's variety",
    "customer_away": "Days since the last basket",
    "customer_weekday": "Day of the week",
    "customer_hour": "Hour of the day",
}


def describe(x: Interactions, pairs: Pairs, asked_at: pd.Series) -> pd.DataFrame:
    """Features of `pairs`, a row each, float32, as of each user's moment `asked_at` (in the order of `pairs.users`).

    `FEATURES` says what each column means; NaN is what is not known, such as the days since a product was bought that
    never was. Raises `ValueError` where the log has no timestamps.
    """
    past = read(x)
    now = past.seconds(asked_at)
    asked = x.rows(pairs.users)
    like = liken(x, past, asked, now, asked_at)
    asked = asked[pairs.row]
    own = Own(Timeline(past.user * len(x.items) + past.item, past.time), asked * len(x.items) + pairs.column)
    found = (
        _of_algorithms(pairs)
        | _of_pairs(x, past, pairs, own, now, asked_at)
        | _like_now(own, asked, like)
        | products.of_products(x, past, pairs, now, asked_at)
        | offers.of_offers(x, past, pairs, own, now)
        | _of_customers(x, past, pairs, now, asked_at)
    )
    for attribute in ATTRIBUTES:
        if x.products is not None and attribute in x.products and x.products[attribute].notna().any():
            found |= _of_attribute(x, past, pairs, now, attribute, found["times"])
            if attribute in KINDS:
                found |= _of_kind(x, past, pairs, own, now, attribute, like)
    kind = _codes(x, "subcategory" if "subcategory_times" in found else "category")
    found |= again.again(past, kind, asked, pairs.column, found["times"], found["baskets_since"])
    found["product_due"] = found["days_since"] / found["product_gap"]
    return pd.DataFrame({name: np.asarray(values, "float32") for name, values in found.items()})


def titles(columns: list[str], algorithms: dict[str, str]) -> dict[str, str]:
    """Features in words, by name; `algorithms` says what each is called."""
    words = {}
    for name, title in FEATURES.items():
        filled = {
            name.format(algorithm=one, attribute=two): title.format(algorithm=algorithms.get(one, one), attribute=two)
            for one in (algorithms if "{algorithm}" in name else ("",))
            for two in (ATTRIBUTES if "{attribute}" in name else ("",))
        }
        words |= filled
    return {column: words[column] for column in columns}


def _of_algorithms(pairs: Pairs) -> dict[str, np.ndarray]:
    ranks = pairs.ranks()
    best = pairs.scores.groupby(pairs.row).transform("max")
    beside = pairs.scores / best.where(best > 0)
    return {f"score_{name}": pairs.scores[name].to_numpy() for name in pairs.scores} | {
        f"{told}_{name}": table[name].to_numpy()
        for told, table in (("rank", ranks), ("score_of_best", beside))
        for name in table
    }


def _of_pairs(
    x: Interactions, past: History, pairs: Pairs, own: Own, now: np.ndarray, asked_at: pd.Series
) -> dict[str, np.ndarray]:
    """How often, how lately and how regularly the customer bought the product."""
    owner = x.rows(pairs.users)
    asked, at = owner[pairs.row], now[pairs.row]
    line, key = own
    baskets = Timeline(past.user * len(x.items) + past.item, past.number)
    had = past.baskets[asked]
    times = line.count(key, np.zeros_like(at), at)
    last, first = line.last(key, at), line.first(key)
    last_basket, first_basket = baskets.last(key, had), baskets.first(key)
    bought = times > 0

    def where_bought(values: np.ndarray) -> np.ndarray:
        return np.where(bought, values, np.nan)

    latest = _last_moment(x, past)
    age = (latest[past.user] - past.time) / DAY
    back = past.baskets[past.user] - 1 - past.number
    with np.errstate(invalid="ignore", divide="ignore"):
        usual_days = np.where(times > 1, (last - first) / DAY / (times - 1), np.nan)
        usual_baskets = np.where(times > 1, (last_basket - first_basket) / (times - 1), np.nan)
        since = where_bought((at - last) / DAY)
        baskets_since = where_bought(had - 1 - last_basket)
        return {
            "times": times,
            **{f"times_{days}_days": line.count(key, at - days * DAY, at) for days in DAYS},
            **{f"in_{n}_baskets": baskets.count(key, had - n, had) for n in BASKETS},
            "basket_share": times / np.maximum(had, 1),
            "kept": line.total(key, KEPT**back),
            **{f"fading_{days}": line.total(key, 0.5 ** (age / days)) for days in HALF_LIVES},
            "days_since": since,
            "baskets_since": baskets_since,
            "days_known": where_bought((at - first) / DAY),
            "share_since_first": where_bought(times / np.maximum(had - first_basket, 1)),
            "usual_days": usual_days,
            "usual_baskets": usual_baskets,
            "last_gap": np.where(times > 1, (last - line.last(key, at, back=1)) / DAY, np.nan),
            "due_days": since / usual_days,
            "due_baskets": (baskets_since + 1) / usual_baskets,
            "with_last_basket": _together(x, past, pairs, owner),
        } | _by_the_clock(x, past, pairs, asked, asked_at)


def _by_the_clock(
    x: Interactions, past: History, pairs: Pairs, asked: np.ndarray, asked_at: pd.Series
) -> dict[str, np.ndarray]:
    """Share of the customer's baskets with the product, among those at such an hour and on such a day."""
    when = pd.DatetimeIndex(asked_at)
    events = local(past, when)
    bought = past.user * len(x.items) + past.item
    once = np.unique(past.user * (past.number.max(initial=0) + 1) + past.number, return_index=True)[1]
    key, found = asked * len(x.items) + pairs.column, {}
    for name, of, now, wide in [
        ("share_this_hour", events.hour, when.hour, HOURS),
        ("share_this_weekday", events.day_of_week, when.day_of_week, 0),
    ]:
        of, at = of.to_numpy("int64") + wide, now.to_numpy("int64")[pairs.row] + wide
        span = at - wide, at + wide + 1
        baskets = Timeline(past.user[once], of[once]).count(asked, *span)
        found[name] = Timeline(bought, of).count(key, *span) / np.maximum(baskets, 1)
    return found


def _like_now(own: Own, asked: np.ndarray, like: Likeness) -> dict[str, np.ndarray]:
    """Share of the customer's baskets with the product, each counted as much as it is like the one asked for."""
    names = {"fading": "fading", "clock": "by_clock", "days": "by_days", "now": "like_now"}
    found = {"customer_size_like_now": like.size[asked]}
    for kind, name in names.items():
        found[f"share_{name}"] = own.line.total(own.pair, like.events[kind]) / np.maximum(like.total[kind][asked], 1e-9)
    return found


def _of_kind(
    x: Interactions, past: History, pairs: Pairs, own: Own, now: np.ndarray, attribute: str, like: Likeness
) -> dict[str, np.ndarray]:
    """What the customer bought in the product's place, lately and in baskets like the one asked for."""
    code = _codes(x, attribute)
    asked, width = x.rows(pairs.users)[pairs.row], code.max(initial=0) + 1
    key, events = asked * width + code[pairs.column], past.user * width + code[past.item]
    kind, at = Timeline(events, past.time), now[pairs.row]
    last = own.line.last(own.pair, at)
    fading = 0.5 ** ((_last_moment(x, past)[past.user] - past.time) / DAY / KIND_HALF_LIFE)
    of_kind = kind.total(key, fading)
    # each basket once
    chosen = np.unique(events * (past.number.max(initial=0) + 1) + past.number, return_index=True)[1]
    held = Timeline(events[chosen], past.time[chosen]).total(key, like.events["now"][chosen])
    return {
        f"{attribute}_bought_since": np.where(last >= 0, kind.count(key, last + 1, at), np.nan),
        f"{attribute}_fading": of_kind,
        f"{attribute}_fading_loyalty": own.line.total(own.pair, fading) / np.maximum(of_kind, 1e-6),
        f"{attribute}_like_now": held / np.maximum(like.total["now"][asked], 1e-9),
    }


def _of_attribute(
    x: Interactions, past: History, pairs: Pairs, now: np.ndarray, attribute: str, mine: np.ndarray
) -> dict[str, np.ndarray]:
    """How often and how lately the customer bought of the product's category or the like; `mine`: of the product."""
    code = _codes(x, attribute)
    asked, at, width = x.rows(pairs.users)[pairs.row], now[pairs.row], code.max(initial=0) + 1
    key, events = asked * width + code[pairs.column], past.user * width + code[past.item]
    line = Timeline(events, past.time)
    # each basket once
    chosen = np.unique(events * (past.number.max(initial=0) + 1) + past.number, return_index=True)[1]
    baskets = Timeline(events[chosen], past.number[chosen])
    had = past.baskets[asked]
    times, last, first = line.count(key, np.zeros_like(at), at), line.last(key, at), line.first(key)
    in_baskets = baskets.count(key, np.zeros_like(had), had)
    last_basket = past.number == past.baskets[past.user] - 1
    with np.errstate(invalid="ignore", divide="ignore"):
        since = np.where(times > 0, (at - last) / DAY, np.nan)
        usual = np.where(in_baskets > 1, (last - first) / DAY / (in_baskets - 1), np.nan)
        return {
            f"{attribute}_times": times,
            f"{attribute}_share": in_baskets / np.maximum(had, 1),
            f"{attribute}_days_since": since,
            f"{attribute}_due": since / usual,
            f"{attribute}_loyalty": np.where(times > 0, mine / times, np.nan),
            f"{attribute}_in_last_basket": line.total(key, last_basket.astype("float64")),
        }


def _of_customers(
    x: Interactions, past: History, pairs: Pairs, now: np.ndarray, asked_at: pd.Series
) -> dict[str, np.ndarray]:
    """How the customer shops, and when it is that they are asked for."""
    asked = x.rows(pairs.users)
    count = len(x.users)
    bought = np.maximum(np.bincount(past.user, minlength=count), 1)
    first = np.full(count, np.iinfo("int64").max)
    np.minimum.at(first, past.user, past.time)
    latest, baskets = _last_moment(x, past), past.baskets
    final = past.number == baskets[past.user] - 1
    when = pd.DatetimeIndex(asked_at)
    found = {
        "customer_baskets": baskets[asked],
        "customer_size": (bought / np.maximum(baskets, 1))[asked],
        "customer_last_size": np.bincount(past.user[final], minlength=count)[asked],
        "customer_gap": ((latest - first) / DAY / np.maximum(baskets - 1, 1))[asked],
        "customer_variety": (np.diff(x.matrix.indptr) / bought)[asked],
        "customer_away": (now - latest[asked]) / DAY,
        "customer_weekday": when.day_of_week.to_numpy(),
        "customer_hour": when.hour.to_numpy(),
    }
    return {name: values[pairs.row] for name, values in found.items()}


def _codes(x: Interactions, attribute: str) -> np.ndarray:
    """A number from 0 for each item by its value of an attribute; those without are of one kind, int64."""
    if x.products is None or attribute not in x.products:
        return np.zeros(len(x.items), "int64")
    code, values = pd.factorize(x.products[attribute])
    return np.where(code < 0, len(values), code).astype("int64")


def _last_moment(x: Interactions, past: History) -> np.ndarray:
    """When each user bought last, in seconds."""
    latest = np.zeros(len(x.users), "int64")
    np.maximum.at(latest, past.user, past.time)
    return latest


def _together(x: Interactions, past: History, pairs: Pairs, owner: np.ndarray) -> np.ndarray:
    """Sum of the cosines, by baskets, of each pair's product and the others in the customer's last basket."""
    basket = np.unique(past.user * (past.number.max(initial=0) + 1) + past.number, return_inverse=True)[1]
    final = past.number == past.baskets[past.user] - 1
    held = _marks(basket, past.item, (basket.max(initial=-1) + 1, len(x.items)))
    last = _marks(past.user[final], past.item[final], (len(x.users), len(x.items)))
    length = np.sqrt(np.maximum(np.asarray(held.sum(axis=0)).ravel(), 1))
    scaled = (held @ sparse.diags_array(1 / length)).astype("float32").tocsr()
    across = scaled.T.tocsc()
    found = np.empty(len(pairs.row), "float32")
    for start in range(0, len(owner), BLOCK):
        of = last[owner[start : start + BLOCK]]
        near = ((of @ across) @ scaled - of).toarray()  # less each product's cosine with itself
        span = slice(*np.searchsorted(pairs.row, [start, start + BLOCK]))
        found[span] = near[pairs.row[span] - start, pairs.column[span]]
    return found


def _marks(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    """A matrix of ones at these cells."""
    marks = sparse.csr_matrix((np.ones(len(rows), "float32"), (rows, columns)), shape)
    marks.data[:] = 1
    return marks
