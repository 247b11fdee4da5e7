"""How well customers of whom little is known are served: popular products, personal ones, and the two mixed.

Measured in two ways. `newcomers` are customers who really came in while the shop was watched, each looked at as time
goes by. `shortened` are customers of long standing whose history is cut to its last weeks, so that each can be
compared with what the whole history would have found; those are no newcomers, and reports say so.
"""

import copy
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd

from reco import pipeline
from reco.columns import Columns
from reco.contexts.newcomers import mix, popular_share
from reco.contexts.snapshot import STANDBY
from reco.evaluation import Interval, bootstrap, evaluate, paired_difference, verdict
from reco.interactions import Interactions
from reco.models import Recommender, make_model
from reco.models.hybrid import blend
from reco.ranking import place
from reco.settings import ColdStart
from reco.workbook import Workbook

#: What is measured, and what reports call it.
CONTENDERS: Final = {"popular": "Popular products", "personal": "Personal only", "mixture": "Mixture by the curve"}

#: Weeks of history looked at: more than the number before, and at most this one; 0 is before the first order.
WEEKS: Final = (0, 1, 2, 3, 4, 6, 8, 12)

#: Weeks that stand for a whole history.
WHOLE: Final = 999

#: Upper ends of the groups by interactions seen.
SEEN: Final = (0, 5, 10, 20, 40, 60, 100)

#: Weeks that a first order comes after the data begin, so that the customer was not just unseen before; weeks of
#: purchases that tell whether a list was right; weeks between the moments looked at.
WATCHED: Final = 8
AHEAD: Final = 4
EVERY: Final = 2

#: Parts that customers are put into at random; each is unknown to the models that serve it.
FOLDS: Final = 4

#: What `shortened` judges from one pass over fits and scores.
JUDGED: Final = ("anything", "new")

WEEK: Final = pd.Timedelta(weeks=1)


def newcomers(wb: Workbook, task: str = "anything", k: int = 10) -> pd.DataFrame:
    """NDCG@k of what newcomers would have been shown: customer_id, weeks, seen, popular, personal, mixture.

    A newcomer's first order is `WATCHED` weeks or more after the data begin. Every `EVERY` weeks, models are fitted to
    all that was known, and lists are judged by the purchases of the next `AHEAD` weeks; customers without any do not
    count. `weeks` is the group of `WEEKS` by the time since the first order, `seen` the interactions known of the
    customer; several looks at one customer in one group are averaged. `task` is one of `pipeline.TASKS`: what counts as
    a hit, and what lists may hold.
    """
    return wb.cached("cold-start-newcomers", lambda: _newcomers(wb, task, k), task=task, k=k, **_depends(wb))


def shortened(wb: Workbook, task: str = "anything", k: int = 10) -> pd.DataFrame:
    """NDCG@k with histories cut to the weeks that end with the last order: columns as in `newcomers`.

    At the beginning of the test weeks, customers known for `max(WEEKS)` weeks are judged by what they bought in the
    `AHEAD` weeks after it. Each is served by models that were fitted without them and took in the cut history;
    `weeks` of `WHOLE` is the uncut one. `task` is one of `JUDGED`.
    """
    measured = wb.cached("cold-start-shortened", lambda: _shortened(wb, k), k=k, **_depends(wb))
    return measured[measured["task"] == task].drop(columns="task").reset_index(drop=True)


def curve(measured: pd.DataFrame, by: str = "weeks") -> pd.DataFrame:
    """Means by `weeks` or `seen`, with 95 % bootstrap intervals over customers.

    Columns: `by`, customers, seen (median; not by `seen` itself), each of `CONTENDERS` with `_low` and `_high`, and
    difference (personal less mixture, paired), difference_low, difference_high, verdict (of personal alone).
    """
    rows = []
    groups = measured["weeks"] if by == "weeks" else _seen_group(measured["seen"])
    numbers = ["seen", *CONTENDERS]  # a customer may stand in one group of interactions for several weeks
    once = measured.groupby([groups.rename("group"), "customer_id"], observed=True)[numbers].mean().reset_index()
    for group, here in once.groupby("group", observed=True):
        means = bootstrap(here[list(CONTENDERS)].to_numpy())
        gap = paired_difference(here["personal"].to_numpy(), here["mixture"].to_numpy())
        row = {by: group, "customers": len(here)}
        row |= {"seen": here["seen"].median()} if by == "weeks" else {}
        for number, name in enumerate(CONTENDERS):
            row |= dict(zip((name, f"{name}_low", f"{name}_high"), means[:, number], strict=True))
        row |= dict(zip(("difference", "difference_low", "difference_high"), gap, strict=True))
        rows.append(row | {"verdict": verdict(gap)})
    return pd.DataFrame(rows)


def personal_from(table: pd.DataFrame) -> int | str | None:
    """The first group of a `curve` from which personal lists alone are never worse than the mixture.

    A tie is not worse; None where it is worse to the end.

    >>> personal_from(pd.DataFrame({"weeks": [0, 1, 2], "verdict": ["worse", "tie", "better"]}))
    1
    """
    worse = np.flatnonzero(table["verdict"] == "worse")
    first = int(worse[-1]) + 1 if len(worse) else 0
    return table.iloc[first].to_dict()[table.columns[0]] if first < len(table) else None


def reached(measured: pd.DataFrame, weeks: int, seed: int = 0) -> Interval:
    """Share of the whole history's NDCG that personal lists reach with so many `weeks` of it (from `shortened`).

    The ratio of means over the same customers, with its 95 % bootstrap interval.
    """
    table = measured[measured["weeks"].isin([weeks, WHOLE])].pivot(
        index="customer_id", columns="weeks", values="personal"
    )
    values = table[[weeks, WHOLE]].dropna().to_numpy()
    drawn = np.random.default_rng(seed).poisson(1.0, (1000, len(values))) @ values
    ratios = drawn[drawn[:, 1] > 0]  # a draw in which nobody counts tells nothing
    low, high = np.quantile(ratios[:, 0] / ratios[:, 1], [0.025, 0.975])
    return Interval(float(values[:, 0].sum() / values[:, 1].sum()), float(low), float(high))


def shares(settings: ColdStart, most: int | None = None) -> pd.DataFrame:
    """The curve of the settings: seen (interactions), popular_share, at every whole number up to `most`."""
    seen = np.arange(int(most or np.ceil(settings.full_at * 1.25)) + 1)
    return pd.DataFrame({"seen": seen, "popular_share": popular_share(seen, settings)})


def _newcomers(wb: Workbook, task: str, k: int) -> pd.DataFrame:
    bought = _bought(wb)
    first = bought.groupby("customer_id")["ordered_at"].min()
    begin, end = first.min() + WATCHED * WEEK, pipeline.periods(wb).end
    first = first[first >= begin]
    parts, moment = [], end - AHEAD * WEEK
    while moment >= begin:  # a fit of all models a time
        due = first[(first < moment + EVERY * WEEK) & (first >= moment - max(WEEKS) * WEEK)]
        taken = pipeline.TASKS[task](wb, moment, moment + AHEAD * WEEK)
        taken = taken[taken[Columns.USER].isin(due.index)]
        if len(taken):
            x = pipeline.history(wb, moment)
            known = bought[(bought["ordered_at"] < moment) & bought["customer_id"].isin(due.index)]
            seen = known.groupby("customer_id").size().reindex(due.index, fill_value=0)
            lists = _served(wb, x, _fitted(wb, x), seen, known, (task,))
            found = _judged(lists[task], taken, x, k)
            age = np.ceil((moment - due.loc[found.index]) / WEEK).clip(lower=0)
            weeks = np.array(WEEKS)[np.searchsorted(WEEKS, age.to_numpy())]
            parts.append(found.assign(weeks=weeks, seen=seen.loc[found.index].astype("float64")))
        moment -= EVERY * WEEK
    if not parts:
        return pd.DataFrame({"customer_id": [], "weeks": [], "seen": []} | {name: [] for name in CONTENDERS})
    looks = pd.concat(parts).rename_axis("customer_id").reset_index()
    columns = ["customer_id", "weeks", "seen", *CONTENDERS]
    return looks.groupby(["customer_id", "weeks"], as_index=False).mean()[columns]


def _shortened(wb: Workbook, k: int) -> pd.DataFrame:
    """What `shortened` tells, for all of `JUDGED`, by task."""
    bought, moment = _bought(wb), pipeline.periods(wb).test
    bought = bought[bought["ordered_at"] < moment]
    spans = bought.groupby("customer_id")["ordered_at"].agg(["min", "max"])
    taken = {task: pipeline.TASKS[task](wb, moment, moment + AHEAD * WEEK) for task in JUDGED}
    old = spans.index[spans["min"] <= moment - max(WEEKS) * WEEK].sort_values()
    old = old[old.isin(taken["anything"][Columns.USER])]
    fold = pd.Series(np.random.default_rng(0).permutation(len(old)) % FOLDS, index=old)
    x, parts = pipeline.history(wb, moment), []
    for number in range(FOLDS):
        held = fold.index[fold == number]
        others = _without(x, held)
        models = _fitted(wb, others)
        mine = bought[bought["customer_id"].isin(held)]
        age = spans["max"].reindex(mine["customer_id"]).to_numpy() - mine["ordered_at"].to_numpy()
        for weeks in (*WEEKS, WHOLE):
            cut = mine[(age < weeks * WEEK) | (weeks == WHOLE)]
            seen = cut.groupby("customer_id").size().reindex(held, fill_value=0)
            events = cut.rename(columns={"customer_id": Columns.USER, "product_id": Columns.ITEM})
            events = events.rename(columns={"ordered_at": Columns.TIMESTAMP, "order_id": Columns.BASKET})
            told = {part: copy.deepcopy(model) for part, model in models.items()}
            if len(events):
                told = {part: model.partial_fit(events) for part, model in told.items()}
            for task, lists in _served(wb, others, told, seen, cut, JUDGED).items():
                found = _judged(lists, taken[task][taken[task][Columns.USER].isin(held)], others, k)
                parts.append(found.assign(task=task, weeks=weeks, seen=seen.loc[found.index].astype("float64")))
    looks = pd.concat(parts).rename_axis("customer_id").reset_index()
    return looks[["task", "customer_id", "weeks", "seen", *CONTENDERS]]


def _bought(wb: Workbook) -> pd.DataFrame:
    """One row a product in an order: customer_id, product_id, order_id, ordered_at."""
    lines = pipeline.sold(wb).group_by("customer_id", "product_id", "order_id")
    frame = lines.aggregate(ordered_at=lambda t: t.ordered_at.min())
    return wb.connection.to_pandas(frame.order_by("ordered_at", "order_id", "product_id"))


def _without(x: Interactions, users: pd.Index) -> Interactions:
    """`x` without some of its users."""
    log = x.log[~x.users[x.log["user"]].isin(users)]
    frame = log.assign(user=x.users.take(log["user"]), item=x.items.take(log["item"]))
    return Interactions.from_frame(frame, "user", "item", Columns.TIMESTAMP, basket=Columns.BASKET, products=x.products)


def _fitted(wb: Workbook, x: Interactions) -> dict[str, Recommender]:
    """The hybrid's parts, fitted to `x`."""
    named = wb.settings.hybrid.parts.items()
    return {part: make_model(model, **wb.settings.models.get(model, {})).fit(x) for part, model in named}


def _served(
    wb: Workbook,
    x: Interactions,
    models: Mapping[str, Recommender],
    seen: pd.Series,
    known: pd.DataFrame,
    tasks: Sequence[str],
) -> dict[str, dict[str, pd.DataFrame]]:
    """Lists of each contender for customers (index of `seen`), by task, by what was seen and is `known` of each."""
    users = pd.Index(seen.index)
    kinds = {pipeline.AMONG[task] for task in tasks}
    parts = {part: model.lists(users, pipeline.CANDIDATES, kinds) for part, model in models.items()}
    trending, popular = (
        x.columns(make_model(name).fit(x).recommend(x.users[:1], STANDBY, exclude_seen=False)[Columns.ITEM])
        for name in ("trending", "popularity")
    )
    settings = wb.settings.cold_start
    share = popular_share(seen.to_numpy(), settings)
    column = x.columns(known["product_id"])
    had = (users.get_indexer(known["customer_id"]) * len(x.items) + column)[column >= 0]
    found = {}
    for task in tasks:
        among = pipeline.AMONG[task]
        lists = {part: one[among] for part, one in parts.items()}
        personal = blend(lists, wb.settings.hybrid.weights, pipeline.CANDIDATES)
        slates = _contenders(x, users, personal, trending, popular, share, settings.trending_share)
        if among == "new":
            left = {name: ~pd.Index(slate * len(x.items) + item).isin(had) for name, (slate, item) in slates.items()}
            slates = {name: (slate[left[name]], item[left[name]]) for name, (slate, item) in slates.items()}
        found[task] = {name: _ranked(users, x.items, *pairs) for name, pairs in slates.items()}
    return found


def _contenders(
    x: Interactions,
    users: pd.Index,
    personal: pd.DataFrame,
    trending: np.ndarray,
    popular: np.ndarray,
    share: np.ndarray,
    trending_share: float,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Numbers of users and items of each contender's lists, the best first."""
    proposals = pd.DataFrame(
        {
            "slate": users.get_indexer(personal[Columns.USER]),
            "item": x.columns(personal[Columns.ITEM]),
            "score": personal[Columns.SCORE].to_numpy("float32"),
            "because": -1,
        }
    )
    mixture = mix(proposals, trending, popular, share, trending_share)
    return {
        "popular": (np.repeat(np.arange(len(users)), len(popular)), np.tile(popular, len(users))),
        "personal": (proposals["slate"].to_numpy(), proposals["item"].to_numpy()),
        "mixture": (mixture["slate"].to_numpy(), mixture["item"].to_numpy()),
    }


def _ranked(users: pd.Index, items: pd.Index, slate: np.ndarray, item: np.ndarray) -> pd.DataFrame:
    """Numbers of users and items, the best first, as lists; the users' numbers need not ascend."""
    order = np.argsort(slate, kind="stable")
    slate, item = slate[order], item[order]
    columns = {Columns.USER: users.take(slate), Columns.RANK: place(slate) + 1, Columns.ITEM: items.take(item)}
    return pd.DataFrame(columns)


def _judged(lists: Mapping[str, pd.DataFrame], taken: pd.DataFrame, x: Interactions, k: int) -> pd.DataFrame:
    """NDCG@k by customer (index) of every contender."""
    taken = taken[[Columns.USER, Columns.ITEM]]
    return pd.DataFrame({name: evaluate(one, taken, x, k).per_user["ndcg"] for name, one in lists.items()})


def _seen_group(seen: pd.Series, ends: Sequence[int] = SEEN) -> pd.Series:
    """The group of each number of interactions, such as `6–10`."""
    names = ["0", *(f"{low + 1:,}–{high:,}" for low, high in pairwise(ends)), f"over {ends[-1]:,}"]
    found = pd.Categorical.from_codes(np.searchsorted(ends, seen.to_numpy()), names, ordered=True)
    return pd.Series(found, index=seen.index)


def _depends(wb: Workbook) -> dict[str, object]:
    settings = wb.settings
    return {
        "hybrid": settings.hybrid.model_dump(mode="json"),
        "models": settings.models,
        "catalogue": settings.catalogue.model_dump(mode="json"),
        "split": settings.split.model_dump(mode="json"),
        "cold_start": settings.cold_start.model_dump(mode="json"),
        "reset": settings.rules.model_dump(mode="json").get("reset"),
    }
