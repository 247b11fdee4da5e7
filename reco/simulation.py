"""Shoppers simulated from real baskets, for stores that log no impressions.

Each real order of the weeks after a model was trained is a visit. The visitor sees slates that the workbook's own
models make, looks at positions in turn with a falling chance, clicks mostly on products that the rest of the real
basket or the orders of the next days hold, sometimes astray, and now and then orders after a stray click: that is
all that recommendations add here. A share of the customers is held out and shown nothing. Whatever is computed from the
result is simulated and must say so.
"""

from typing import NamedTuple

import ibis
import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.contexts.requests import Requests, opaque_ids
from reco.contexts.slates import make_slates
from reco.experiments.assignment import place
from reco.pipeline import periods, sold
from reco.settings import Simulation
from reco.workbook import Workbook

#: Days after a visit whose orders count as wanted in e-mails and after the purchase.
LATER_DAYS = 7

#: Product pages that a visitor opens, and the share of visitors who leave a cart behind.
PAGES_PER_VISIT = 2
ABANDONED_SHARE = 0.1

#: What visitors hold in their hands, and how often: three in four visits are on the customer's usual device.
DEVICES = {"mobile": 0.6, "desktop": 0.35, "tablet": 0.05}
USUAL_DEVICE = 0.75

#: The arms of the holdout, how many customers who spent alike share one draw, and the source of order lines that a
#: stray click brought.
SHOWN, HOLDOUT = "shown", "holdout"
STRATUM = 20
SOURCE = "simulation"


class Visits(NamedTuple):
    """Real orders as visits.

    Attributes:
        start: when the weeks begin; no slate is shown before.
        orders: order_id, customer_id, ordered_at; one row an order, ordered by time.
        lines: order (row number in `orders`), item_id, revenue, random (uniform, fixes who is on the page or in
            the cart already): one row a product of the order.
    """

    start: pd.Timestamp
    orders: pd.DataFrame
    lines: pd.DataFrame


class World(NamedTuple):
    """What the simulation logs.

    Attributes:
        impressions: columns of the unified table, plus `fallback` and `gave_way` (see `reco.contexts.slates`) and
            `age_weeks` (of the model that made the slate).
        order_lines: the real order lines of the simulated weeks and the extra ones after stray clicks, in the
            columns of the unified table; `source` tells which (`simulation` for the extra ones).
        assignments: one row a visit, also of those who were shown nothing: customer_id, variant (`shown` or
            `holdout`), session_id, assigned_at (when the log begins); no row where nobody is held out.
    """

    impressions: pd.DataFrame
    order_lines: pd.DataFrame
    assignments: pd.DataFrame


def simulate(wb: Workbook) -> World:
    """Impressions, clicks and orders of the validation and test weeks, found in the cache when nothing changed.

    The models are trained once at the start of each of the two periods, as a shop would that retrains monthly.
    """
    whole = ("contexts", "rules", "simulation", "hybrid", "cold_start", "models", "split", "catalogue")
    season = {"monitoring": {"seasonal", "seasonal_strength"}}
    depends = {"settings": wb.settings.model_dump(mode="json", include=dict.fromkeys(whole, True) | season)}
    worlds: list[World] = []

    def run() -> World:
        if not worlds:
            worlds.append(_run(wb))
        return worlds[0]

    return World(
        wb.cached("simulated-impressions", lambda: run().impressions, **depends),
        wb.cached("simulated-order-lines", lambda: run().order_lines, **depends),
        wb.cached("simulated-assignments", lambda: run().assignments, **depends),
    )


def _run(wb: Workbook) -> World:
    when, rng = periods(wb), np.random.default_rng(wb.settings.simulation.seed)
    parts, assignments, arms = [], [], held_out(wb, when.validation)
    for start, end in ((when.validation, when.test), (when.test, when.end)):
        seen, assigned = _shown(visits(wb, start, end, rng), arms, when.validation)
        assignments.append(assigned)
        for context in wb.settings.contexts:
            requests, wanted = ask(wb, context, seen, rng)
            slates = make_slates(wb, context, requests, until=start, explained=False).frame
            shown = slates.merge(requests.frame[["slate_id", "asked_at"]], on="slate_id")
            shown["age_weeks"] = ((shown["asked_at"] - start).dt.days // 7).astype("int8")
            parts.append(behave(shown, wanted, wb.settings.simulation, rng))
    impressions = pd.concat(parts, ignore_index=True)
    return World(
        _as_impressions(impressions),
        _as_order_lines(wb, impressions, when.validation, when.end),
        pd.concat(assignments, ignore_index=True),
    )


def visits(wb: Workbook, start: pd.Timestamp, end: pd.Timestamp, rng: np.random.Generator) -> Visits:
    """The real orders from `start` to `end` (exclusive)."""
    lines = sold(wb).filter(lambda lines: (lines.ordered_at >= start) & (lines.ordered_at < end))
    lines = lines.group_by("order_id", "customer_id", "product_id").aggregate(
        ordered_at=lines.ordered_at.min(), revenue=lines.revenue.sum().cast("float64")
    )
    frame = wb.connection.to_pandas(lines.order_by("ordered_at", "order_id", "product_id"))
    orders = frame[["order_id", "customer_id", "ordered_at"]].drop_duplicates("order_id", ignore_index=True)
    numbers = pd.Index(orders["order_id"]).get_indexer(frame["order_id"])
    return Visits(
        start,
        orders,
        pd.DataFrame(
            {
                "order": numbers,
                "item_id": frame["product_id"],
                "revenue": frame["revenue"],
                "random": rng.random(len(frame)),
            }
        ),
    )


def held_out(wb: Workbook, start: pd.Timestamp) -> pd.Series:
    """The arm of every customer (index), drawn at random among customers who spent alike before `start`.

    A small shop's few large spenders would else decide by luck which arm looks better: of each `STRATUM` customers
    next to each other by revenue the same number is held out. Empty where nobody is.
    """
    share, seed = wb.settings.simulation.holdout, wb.settings.simulation.seed
    if not share:
        return pd.Series(dtype=object)
    lines = sold(wb)
    before = ibis.ifelse(lines.ordered_at < start, lines.revenue.cast("float64"), 0.0)
    spent = wb.connection.to_pandas(lines.group_by("customer_id").aggregate(spent=before.sum()))
    luck = place(spent["customer_id"], f"simulated recommendations {seed}")
    spent = spent.assign(luck=luck).sort_values(["spent", "luck"], ignore_index=True)
    stratum = pd.Series(spent.index // STRATUM)
    rank = spent.groupby(stratum)["luck"].rank(method="first") - 1
    size = stratum.map(stratum.value_counts())
    # a number with a fraction is rounded up or down at random, so that everybody's chance is the share
    up = place(stratum, f"simulated strata {seed}")
    return pd.Series(np.where(rank + up < share * size, HOLDOUT, SHOWN), spent["customer_id"])


def _shown(seen: Visits, arms: pd.Series, start: pd.Timestamp) -> tuple[Visits, pd.DataFrame]:
    """The visits of customers who are not held out, and the arm of every visit's customer."""
    orders, columns = seen.orders, ["customer_id", "variant", "session_id", "assigned_at"]
    if arms.empty:
        none = orders.head(0).assign(variant="", session_id="", assigned_at=start)
        return seen, none[columns].astype({"variant": "str", "session_id": "str"})
    arm = orders["customer_id"].map(arms)
    kept = (arm == SHOWN).to_numpy()
    number = np.where(kept, kept.cumsum() - 1, -1)  # orders that are left are counted anew
    lines = seen.lines.assign(order=number[seen.lines["order"]]).query("order >= 0").reset_index(drop=True)
    assigned = orders.assign(variant=arm.astype("str"), session_id=orders["order_id"].astype("str"), assigned_at=start)
    return Visits(seen.start, orders[kept].reset_index(drop=True), lines), assigned[columns]


def ask(wb: Workbook, context: str, seen: Visits, rng: np.random.Generator) -> tuple[Requests, pd.DataFrame]:
    """The slates that visits ask for in one context, and what each visitor really wants: slate_id, item_id.

    On site before the order, the wanted products are the rest of its basket; after it and by e-mail, what the
    customer orders in the following days.
    """
    settings = wb.settings.contexts[context]
    orders, lines = seen.orders, seen.lines
    later = settings.channel == "email" or context == "post_purchase"
    if settings.channel == "email" and settings.anchor == "basket":
        asked = np.flatnonzero(rng.random(len(orders)) < ABANDONED_SHARE)
    elif settings.channel == "email":
        week = (orders["ordered_at"] - orders["ordered_at"].min()).dt.days // 7
        asked = np.flatnonzero(~pd.DataFrame({"c": orders["customer_id"], "w": week}).duplicated())
    else:
        asked = np.arange(len(orders))
    lines = lines[lines["order"].isin(asked)]

    if settings.anchor == "product":
        nth = lines.sort_values("random", kind="stable").groupby("order").cumcount().sort_index()
        anchors = lines[nth < PAGES_PER_VISIT].assign(page=nth.astype(str))
        visit = anchors["order"].map(orders["order_id"])
        anchors["slate_id"] = opaque_ids(wb, context, visit + "\0" + anchors["page"], seen.start)
        slates = anchors[["order", "slate_id"]]
    else:
        slates = pd.DataFrame({"order": asked})
        slates["slate_id"] = opaque_ids(wb, context, orders["order_id"].iloc[asked], seen.start).to_numpy()
        whole = context == "post_purchase"
        held = lines if whole else lines[lines["random"] < 0.5]
        anchors = held.merge(slates, on="order") if settings.anchor == "basket" else held.iloc[:0].assign(slate_id="")

    asked_at = orders["ordered_at"].to_numpy("datetime64[us]")[slates["order"]]
    minutes = rng.uniform(2, 30, len(slates)) * (1 if later else -1)
    frame = pd.DataFrame(
        {
            "slate_id": slates["slate_id"].to_numpy(),
            "customer_id": orders["customer_id"].to_numpy(object)[slates["order"]],
            "asked_at": pd.to_datetime(asked_at + (minutes * 60e6).astype("timedelta64[us]"), utc=True),
        }
    )
    frame["asked_at"] = frame["asked_at"].clip(lower=seen.start)
    requests = Requests(frame, anchors[["slate_id", "item_id"]].reset_index(drop=True))
    wanted = _wanted_later(wb, frame) if later else slates.merge(lines[["order", "item_id"]], on="order")
    return requests, wanted[["slate_id", "item_id"]]


def _wanted_later(wb: Workbook, frame: pd.DataFrame) -> pd.DataFrame:
    """What each slate's customer orders within `LATER_DAYS` after it was shown."""
    start, end = frame["asked_at"].min(), frame["asked_at"].max() + pd.Timedelta(days=LATER_DAYS)
    lines = sold(wb).filter(lambda lines: (lines.ordered_at >= start) & (lines.ordered_at < end))
    bought = wb.connection.to_pandas(lines.select("customer_id", "ordered_at", item_id="product_id").distinct())
    pairs = frame.merge(bought, on="customer_id")
    wait = pairs["ordered_at"] - pairs["asked_at"]
    pairs = pairs[(wait > pd.Timedelta(0)) & (wait <= pd.Timedelta(days=LATER_DAYS))]
    return pairs[["slate_id", "item_id"]].drop_duplicates()


def behave(shown: pd.DataFrame, wanted: pd.DataFrame, chances: Simulation, rng: np.random.Generator) -> pd.DataFrame:
    """Shown products with what the shopper did: adds clicked, clicked_at and stray_order.

    A shopper who looked at a position looks at the next with chance `examination`, so position p is looked at with
    chance examination ** (p - 1), as in the position-based cascade of Craswell et al. (WSDM 2008) without its stop
    at the first click.
    """
    keys = pd.MultiIndex.from_frame(wanted)
    relevant = pd.MultiIndex.from_frame(shown[["slate_id", "item_id"]]).isin(keys)
    codes = pd.factorize(shown["slate_id"])[0]
    patience = rng.random(codes.max() + 1 if len(codes) else 0)[codes]
    examined = patience < chances.examination ** (shown["position"].to_numpy() - 1)
    chance = np.where(relevant, chances.click_if_wanted, chances.click_otherwise)
    clicked = examined & (rng.random(len(shown)) < chance)
    stray = clicked & ~relevant & (rng.random(len(shown)) < chances.order_after_stray_click)
    seconds = (rng.uniform(3, 60, len(shown)) * 1e6).astype("timedelta64[us]")
    return shown.assign(
        clicked=clicked, clicked_at=(shown["asked_at"] + pd.to_timedelta(seconds)).where(clicked), stray_order=stray
    )


def devices(customers: pd.Series, slates: pd.Series) -> np.ndarray:
    """The device that each slate was seen on: mostly the customer's usual one, so that it comes back."""
    edges, names = np.cumsum(list(DEVICES.values())), np.array(list(DEVICES), dtype=object)
    codes, ids = pd.factorize(slates)
    usual = place(customers, "usual device")[np.unique(codes, return_index=True)[1]]
    now = place(pd.Series(ids), "device of the moment")
    stays = place(pd.Series(ids), "usual or not") < USUAL_DEVICE
    return names[np.searchsorted(edges[:-1], np.where(stays, usual, now), side="right")][codes]


def _as_impressions(shown: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "impression_id": shown["slate_id"].str.cat(shown["position"].astype(str), sep="-"),
            Columns.SLATE: shown["slate_id"],
            Columns.CUSTOMER: shown["customer_id"],
            Columns.CONTEXT: shown["context"],
            Columns.STRATEGY: shown["strategy"],
            Columns.PRODUCT: shown["item_id"],
            Columns.POSITION: shown["position"],
            Columns.PROPENSITY: shown["propensity"],
            Columns.SHOWN_AT: shown["asked_at"],
            Columns.CLICKED: shown["clicked"],
            Columns.CLICKED_AT: shown["clicked_at"],
            "device": devices(shown[Columns.CUSTOMER], shown[Columns.SLATE]),
            "fallback": shown["fallback"],
            "gave_way": shown["gave_way"],
            "age_weeks": shown["age_weeks"],
            "simulated": True,
        }
    )


def _as_order_lines(wb: Workbook, shown: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Real order lines of the simulated weeks, and one piece at its usual price for every order after a stray click."""
    until = end + pd.Timedelta(days=LATER_DAYS)
    real = wb.table("order_lines").filter(lambda lines: (lines.ordered_at >= start) & (lines.ordered_at < until))
    columns = ["order_id", "customer_id", "product_id", "ordered_at", "quantity", "revenue", "currency", "source"]
    real = wb.connection.to_pandas(
        real.select(real.revenue.cast("float64").name("revenue"), *(c for c in columns if c != "revenue"))
    )
    stray = shown[shown["stray_order"]]
    products = wb.table("products")
    prices = wb.connection.to_pandas(products.select("product_id", price=products.price.cast("float64")))
    price = stray[["item_id"]].merge(prices, left_on="item_id", right_on="product_id", how="left")["price"]
    extra = pd.DataFrame(
        {
            "order_id": "simulated-" + stray["slate_id"],
            "customer_id": stray["customer_id"],
            "product_id": stray["item_id"],
            "ordered_at": stray["clicked_at"] + pd.Timedelta(minutes=1),
            "quantity": 1.0,
            "revenue": price.fillna(0.0).to_numpy(),
            "currency": wb.settings.store.currency,
            "source": SOURCE,
        }
    )
    return pd.concat([real[columns], extra], ignore_index=True)
