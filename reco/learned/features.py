"""What a learned blend knows of a customer, a product and the two together at the moment it is asked.

Everything is counted from events before that moment; dues and shares are ratios of what is counted.
"""

from typing import Final

import numpy as np
import pandas as pd
from scipy import sparse

from reco.interactions import Interactions
from reco.learned.candidates import Pairs
from reco.learned.history import DAY, History, read
from reco.learned.timeline import Timeline
from reco.models.base import BLOCK

#: Days and baskets back within which purchases are counted.
DAYS: Final = (7, 14, 28, 91, 182)
BASKETS: Final = (1, 2, 3, 5, 10, 20)

#: Days after which a purchase counts half.
HALF_LIVES: Final = (30, 90)

#: Hours before and after one that are the same time of day.
HOURS: Final = 2

#: Share of its weight that a purchase keeps with every basket after it.
KEPT: Final = 0.9

#: Attributes of products in which customers have affinities, where the store has them.
ATTRIBUTES: Final = ("department", "category", "subcategory", "brand")

#: Features in words, by name. `{algorithm}` and `{attribute}` stand for each of theirs.
FEATURES: Final = {
    "score_{algorithm}": "Score: {algorithm}",
    "rank_{algorithm}": "Rank: {algorithm}",
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
    "with_last_basket": "Bought together with the last basket",
    "product_buyers": "Customers of the product",
    "product_times": "Purchases of the product",
    "product_again": "Purchases for each of its customers",
    "product_gap": "Usual days until it is bought again",
    "product_due": "Due by the product's usual days",
    "product_now_7": "Product's share of the last 7 days",
    "product_now_28": "Product's share of the last 28 days",
    "product_now_91": "Product's share of the last 91 days",
    "product_trend": "Product's trend",
    "product_season": "Product's season, by last year",
    "product_age": "Days since the product was first sold",
    "price": "Price",
    "price_distance": "Price beside the customer's usual",
    "{attribute}_times": "Times bought: same {attribute}",
    "{attribute}_share": "Share of baskets: same {attribute}",
    "{attribute}_days_since": "Days since bought: same {attribute}",
    "{attribute}_due": "Due: same {attribute}",
    "{attribute}_loyalty": "Share within the {attribute}",
    "{attribute}_in_last_basket": "In the last basket: same {attribute}",
    "customer_baskets": "Customer's baskets",
    "customer_size": "Customer's usual basket size",
    "customer_last_size": "Size of the last basket",
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
    found = (
        _of_algorithms(pairs)
        | _of_pairs(x, past, pairs, now, asked_at)
        | _of_products(x, past, pairs, now)
        | _of_customers(x, past, pairs, now, asked_at)
    )
    for attribute in ATTRIBUTES:
        if x.products is not None and attribute in x.products and x.products[attribute].notna().any():
            found |= _of_attribute(x, past, pairs, now, attribute, found["times"])
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
    return {f"score_{name}": pairs.scores[name].to_numpy() for name in pairs.scores} | {
        f"rank_{name}": ranks[name].to_numpy() for name in ranks
    }


def _of_pairs(
    x: Interactions, past: History, pairs: Pairs, now: np.ndarray, asked_at: pd.Series
) -> dict[str, np.ndarray]:
    """How often, how lately and how regularly the customer bought the product."""
    owner = x.rows(pairs.users)
    asked, at = owner[pairs.row], now[pairs.row]
    key = asked * len(x.items) + pairs.column
    events = past.user * len(x.items) + past.item
    line, baskets = Timeline(events, past.time), Timeline(events, past.number)
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
    zone = pd.DatetimeIndex(asked_at).tz
    events = pd.DatetimeIndex(pd.to_datetime(past.time + past.first - 1, unit="s", utc=True)).tz_convert(zone or "UTC")
    when = pd.DatetimeIndex(asked_at)
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


def _of_products(x: Interactions, past: History, pairs: Pairs, now: np.ndarray) -> dict[str, np.ndarray]:
    """How the product sells to everybody, now and before, and what it costs."""
    column, at = pairs.column, now[pairs.row]
    line, all_sales = Timeline(past.item, past.time), Timeline(np.zeros_like(past.item), past.time)
    everything, start = np.zeros_like(column), np.zeros_like(at)

    def share(from_days: int, to_days: int = 0) -> np.ndarray:
        span = at - from_days * DAY, at - to_days * DAY
        return line.count(column, *span) / np.maximum(all_sales.count(everything, *span), 1)

    times, buyers = line.count(column, start, at), x.customers_per_item[column]
    now_91 = share(91)
    gaps, repeats = _gaps(x, past)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {
            "product_buyers": buyers,
            "product_times": times,
            "product_again": times / np.maximum(buyers, 1),
            "product_gap": np.where(repeats > 0, gaps / repeats, np.nan)[column],
            "product_now_7": share(7),
            "product_now_28": share(28),
            "product_now_91": now_91,
            "product_trend": np.where(now_91 > 0, share(7) / now_91, np.nan),
            # what sold in the four weeks that began a year ago, beside what sold in the year
            "product_season": np.where(at > 393 * DAY, share(365, 337) / share(365), np.nan),
            "product_age": np.where(times > 0, (at - line.first(column)) / DAY, np.nan),
        }
        price = None if x.products is None or "price" not in x.products else x.products["price"].to_numpy("float64")
        if price is not None:
            known = np.isfinite(price[past.item])
            spent = np.bincount(past.user[known], price[past.item[known]], minlength=len(x.users))
            usual = spent / np.bincount(past.user[known], minlength=len(x.users))
            found["price"] = price[column]
            found["price_distance"] = price[column] / usual[x.rows(pairs.users)][pairs.row]
    return found


def _of_attribute(
    x: Interactions, past: History, pairs: Pairs, now: np.ndarray, attribute: str, mine: np.ndarray
) -> dict[str, np.ndarray]:
    """How often and how lately the customer bought of the product's category or the like; `mine`: of the product."""
    code, values = pd.factorize(x.products[attribute])
    code = np.where(code < 0, len(values), code).astype("int64")  # products without it are of one kind
    asked, at, width = x.rows(pairs.users)[pairs.row], now[pairs.row], len(values) + 1
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


def _last_moment(x: Interactions, past: History) -> np.ndarray:
    """When each user bought last, in seconds."""
    latest = np.zeros(len(x.users), "int64")
    np.maximum.at(latest, past.user, past.time)
    return latest


def _gaps(x: Interactions, past: History) -> tuple[np.ndarray, np.ndarray]:
    """Days between two purchases of one product by one customer: their sum and their number for each product."""
    line = Timeline(past.user * len(x.items) + past.item, past.time)
    again = line.code[1:] == line.code[:-1]
    item = past.item[line.order][1:][again]
    days = np.diff(line.time)[again] / DAY
    return np.bincount(item, days, minlength=len(x.items)), np.bincount(item, minlength=len(x.items))


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
