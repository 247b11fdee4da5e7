"""From a workbook to what its notebooks report on: one function a result, each built once and found again.

Every function takes the workbook and a moment `until`: it knows nothing that happened at or after it.
"""

from functools import lru_cache

import ibis
import pandas as pd

from reco import clock, elsewhere, features
from reco.columns import Columns
from reco.errors import InputError
from reco.evaluation import Evaluation, evaluate
from reco.evaluation.cost import measured, size
from reco.interactions import Cutoffs, Interactions, cutoffs
from reco.learned import Look, Ranker, learn, look, rank
from reco.models import Recommender, make_model
from reco.models.base import Among
from reco.models.hybrid import blend
from reco.monitoring import seasonal
from reco.workbook import Workbook

#: Length of the candidate lists that blends and slates choose from.
CANDIDATES = 100

#: What gives candidates without being a model of the registry.
BLENDS = ("hybrid", "learned")

#: Length of the item-to-item lists that slates choose from.
NEIGHBOURS = 30


def periods(wb: Workbook) -> Cutoffs:
    """When training, validation and test end, by the settings' weeks and the store's last order."""
    last = pd.Timestamp(wb.table("order_lines").ordered_at.max().execute())
    split = wb.settings.split
    local = cutoffs(last.tz_convert(wb.settings.store.time_zone), split.validation_weeks, split.test_weeks)
    return Cutoffs(*(moment.tz_convert("UTC") for moment in local))


def without_consent(wb: Workbook) -> ibis.Table:
    """customer_id of those whose behaviour may not be used for them in person, by `privacy` of the settings."""
    customers = wb.table("customers")
    consent = customers.personalization_consent.fill_null(wb.settings.privacy.without_consent == "personal")
    return customers.filter(~consent).select("customer_id")


def sold(wb: Workbook) -> ibis.Table:
    """Order lines of known customers with recommendable products: what models may learn from and slates build on.

    Customers without personalization consent are not among them; they count in totals only.
    """
    lines, products = wb.table("order_lines"), wb.table("products")
    lines = lines.filter(lines.customer_id.notnull(), lines.quantity > 0)
    lines = lines.semi_join(products.filter(products.recommendable), "product_id")
    return lines.anti_join(without_consent(wb), "customer_id")


@lru_cache(maxsize=8)
def interactions(wb: Workbook, until: pd.Timestamp, since: pd.Timestamp | None = None) -> Interactions:
    """Interactions before `until`, and not before `since` where given: a product in an order counts once.

    Weights are numbers of orders. Products that fewer than `catalogue.min_customers` customers bought are left out;
    there may be none left. What was viewed in one visit is with it where the store has such events.
    """
    lines = sold(wb).filter(lambda lines: lines.ordered_at < until)
    if since is not None:
        lines = lines.filter(lines.ordered_at >= since)
    common = lines.group_by("product_id").aggregate(buyers=lines.customer_id.nunique())
    common = common.filter(common.buyers >= wb.settings.catalogue.min_customers)
    bought = lines.semi_join(common, "product_id").group_by("customer_id", "product_id", "order_id")
    frame = wb.connection.to_pandas(
        bought.aggregate(_off(lines), ordered_at=lines.ordered_at.min()).order_by(
            "ordered_at", "order_id", "product_id"
        )
    )
    products = wb.table("products").semi_join(common, "product_id")
    products = products.mutate(price=products.price.cast("float64"), cost=products.cost.cast("float64"))
    return Interactions.from_frame(
        frame,
        "customer_id",
        "product_id",
        "ordered_at",
        basket="order_id",
        products=wb.connection.to_pandas(products).set_index("product_id"),
        views=views(wb, until),
        off=Columns.OFF,
    )


def _off(lines: ibis.Table) -> ibis.Value:
    """The share of the full price that was taken off: missing where no discount is known, or nothing was to pay."""
    taken, paid = lines.discount.cast("float64").sum(), lines.revenue.cast("float64").sum()
    return (taken / (taken + paid).nullif(0)).clip(0, 1).name(Columns.OFF)


def views(wb: Workbook, until: pd.Timestamp) -> pd.DataFrame | None:
    """What was viewed in one visit before `until`: distinct session_id and item_id; None where no event tells."""
    if not wb.has("events"):
        return None
    events = wb.table("events").filter(lambda t: (t.event == "view_item") & (t.occurred_at < until))
    events = events.filter(events.session_id.notnull(), events.product_id.notnull())
    events = events.anti_join(without_consent(wb), "customer_id") if wb.has("customers") else events
    frame = wb.connection.to_pandas(events.select("session_id", item_id="product_id").distinct())
    return frame if len(frame) else None


@lru_cache(maxsize=16)
def learned_since(wb: Workbook, until: pd.Timestamp) -> pd.Timestamp | None:
    """From when models learn, where the rules have preferences reset; None is from the first order."""
    reset = wb.settings.rules.reset
    if reset is None:
        return None
    first = pd.Timestamp(sold(wb).ordered_at.min().execute())
    since = reset.since(first, until)
    return since if since > first else None


def history(wb: Workbook, until: pd.Timestamp) -> Interactions:
    """The `interactions` before `until` that models learn from; raises `InputError` when there are none."""
    x = interactions(wb, until, learned_since(wb, until))
    if x.log.empty:
        raise InputError(
            f"no product was bought by {wb.settings.catalogue.min_customers} known customers before {until:%Y-%m-%d}; "
            f"expected orders from longer ago, fewer weeks under split, a lower catalogue.min_customers, or less under "
            f"catalogue.exclude in {wb.settings.file.name}"
        )
    return x


def purchases(wb: Workbook, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Who bought what from `start` to `end` (exclusive): distinct user_id, item_id, and their revenue and margin.

    Margin is there where products have a cost.
    """
    return _taken(wb, _during(wb, start, end))


def new_purchases(wb: Workbook, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """The part of `purchases` that the customer had never bought before `start`."""
    return _taken(wb, _during(wb, start, end).anti_join(_bought(wb, start), ["customer_id", "product_id"]))


def repeat_purchases(wb: Workbook, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """The part of `purchases` that the customer had bought before `start` already."""
    return _taken(wb, _during(wb, start, end).semi_join(_bought(wb, start), ["customer_id", "product_id"]))


def _during(wb: Workbook, start: pd.Timestamp, end: pd.Timestamp) -> ibis.Table:
    return sold(wb).filter(lambda lines: (lines.ordered_at >= start) & (lines.ordered_at < end))


def _bought(wb: Workbook, until: pd.Timestamp) -> ibis.Table:
    return sold(wb).filter(lambda lines: lines.ordered_at < until).select("customer_id", "product_id").distinct()


def _taken(wb: Workbook, lines: ibis.Table) -> pd.DataFrame:
    costs = wb.table("products").select("product_id", cost=wb.table("products").cost.cast("float64"))
    lines = lines.left_join(costs, "product_id")
    revenue = lines.revenue.cast("float64")
    pairs = lines.group_by(user_id="customer_id", item_id="product_id").aggregate(
        revenue=revenue.sum(), margin=(revenue - lines.cost * lines.quantity).sum()
    )
    frame = wb.connection.to_pandas(pairs.order_by("user_id", "item_id"))
    return frame.drop(columns="margin") if frame["margin"].isna().all() else frame


#: What counts as a hit, by the question asked: anything bought next, only products new to the customer, or only those
#: bought before.
TASKS = {"anything": purchases, "new": new_purchases, "repeat": repeat_purchases}

#: What lists may hold, by the question asked.
AMONG: dict[str, Among] = {"anything": "all", "new": "new", "repeat": "seen"}


@lru_cache(maxsize=16)  # a leaderboard asks every model two questions
def fitted(wb: Workbook, model: str, until: pd.Timestamp) -> Recommender:
    """A model of the registry, with the settings' options, fitted to the history before `until`.

    Raises `InputError` for one that was trained elsewhere and may have seen what happened since.
    """
    if reason := elsewhere.ahead(wb.settings, model, until):
        raise InputError(f"{wb.settings.file.name}: models.{model}: {reason}")
    return make_model(model, **elsewhere.options(wb.settings, model)).fit(history(wb, until))


def candidates(
    wb: Workbook, model: str, until: pd.Timestamp, task: str = "anything", context: str | None = None
) -> pd.DataFrame:
    """The best `CANDIDATES` items of every known customer for a task, by one model or one of `BLENDS`.

    A `context` to which the settings give weights of its own gets the hybrid with these.
    """
    if model == "hybrid" and context in wb.settings.hybrid.contexts:
        frame = wb.cached(
            f"candidates-hybrid-{context}", lambda: _blended(wb, until, context), k=CANDIDATES,
            context=context, **depends(wb, model, until),
        )  # fmt: skip
        return _by_task(frame)[task]
    return trial(wb, model, until)[0][task]


def trial(wb: Workbook, model: str, until: pd.Timestamp) -> tuple[dict[str, pd.DataFrame], dict[str, float]]:
    """The `candidates` of a model for every task, from one pass over its scores, and what they cost.

    Cost is empty for blends, whose parts cost; else fit_seconds, recommend_seconds (for a thousand customers and
    all tasks), memory and size in bytes.
    """
    frame = wb.cached(f"candidates-{model}", lambda: _try(wb, model, until), k=CANDIDATES, **depends(wb, model, until))
    return _by_task(frame), frame.attrs


def _by_task(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    lists = {task: frame[frame["task"] == task] for task in TASKS}
    return {task: one.drop(columns="task").reset_index(drop=True) for task, one in lists.items()}


def _blended(wb: Workbook, until: pd.Timestamp, context: str | None = None) -> pd.DataFrame:
    """The hybrid's candidates for every task, with the weights of a context where it has its own."""
    hybrid = wb.settings.hybrid
    weights = hybrid.contexts.get(context, hybrid.weights)
    lists = {task: blend(parts(wb, until, task), weights, CANDIDATES, hybrid.scaling) for task in TASKS}
    if strength := wb.settings.monitoring.seasonal_strength:
        lists = {task: seasonal.adjusted(one, _seasons(wb, until), strength, CANDIDATES) for task, one in lists.items()}
    return pd.concat([one.assign(task=task) for task, one in lists.items()], ignore_index=True)


def seasonal_indices(wb: Workbook, until: pd.Timestamp) -> pd.DataFrame:
    """How each category sells by month, 1 as usual: as the settings supply it, else learned before `until`."""
    if given := wb.settings.monitoring.seasonal:
        return seasonal.supplied(given)
    lines, products = sold(wb).filter(lambda t: t.ordered_at < until), wb.table("products")
    local = clock.to_local(wb.settings.store.time_zone, lines.ordered_at)
    dated = lines.select("product_id", year=local.year(), month=local.month())
    kinds = products.filter(products.category.notnull()).select("product_id", "category")
    sales = dated.inner_join(kinds, "product_id").group_by("category", "year", "month").aggregate(count=ibis._.count())
    return seasonal.seasonal_indices(wb.connection.to_pandas(sales.order_by("category", "year", "month")))


def _seasons(wb: Workbook, until: pd.Timestamp) -> pd.Series:
    """The seasonal part of each product's score in the month of `until`."""
    month = until.tz_convert(wb.settings.store.time_zone).month
    return seasonal.component(history(wb, until).products["category"], seasonal_indices(wb, until), month)


def _try(wb: Workbook, model: str, until: pd.Timestamp) -> pd.DataFrame:
    if model == "hybrid":
        return _blended(wb, until)
    if model == "learned":
        return _ranked(wb, until)
    users = history(wb, until).users
    fitted_model, fit = measured(lambda: fitted(wb, model, until))
    by_among, told = measured(lambda: fitted_model.lists(users, CANDIDATES))
    frame = pd.concat([by_among[among].assign(task=task) for task, among in AMONG.items()], ignore_index=True)
    frame.attrs = {
        "fit_seconds": fit.seconds,
        "recommend_seconds": told.seconds / len(users) * 1000,
        "memory": max(fit.memory, told.memory),
        "size": size(fitted_model),
    }
    return frame


def parts(wb: Workbook, until: pd.Timestamp, task: str = "anything") -> dict[str, pd.DataFrame]:
    """The lists of the hybrid's parts for a task, by part."""
    return {part: candidates(wb, model, until, task) for part, model in wb.settings.hybrid.parts.items()}


def rankers(wb: Workbook, until: pd.Timestamp) -> dict[str, Ranker]:
    """What the learned blend ranks by, for anything and for new products: learned from weeks before `until` alone.

    Raises `InputError` where the orders before it are too few to learn from.
    """
    frame = wb.cached("rankers", lambda: _learn(wb, until), **depends(wb, "learned", until))
    return {task: Ranker.from_text(trees) for task, trees in zip(frame["task"], frame["trees"], strict=True)}


def seen_at(wb: Workbook, moment: pd.Timestamp, users: pd.Index | None = None) -> Look:
    """The learned blend's candidates and features as of a moment, for every known customer or those given."""
    settings, x = wb.settings.hybrid.learned, history(wb, moment)
    models = {name: fitted(wb, name, moment) for name in settings.algorithms}
    users = x.users if users is None else x.users.intersection(users)
    local = moment.tz_convert(wb.settings.store.time_zone)
    return look(x, models, pd.Series(local, index=users), settings.named)


def _learn(wb: Workbook, until: pd.Timestamp) -> pd.DataFrame:
    settings, weeks = wb.settings.hybrid.learned, wb.settings.split.test_weeks
    first = pd.Timestamp(sold(wb).ordered_at.min().execute())
    end, looks = until.tz_convert(wb.settings.store.time_zone), []
    for number in range(settings.looks):
        after = end - pd.DateOffset(weeks=number * settings.weeks_apart)
        moment = (after - pd.DateOffset(weeks=weeks)).tz_convert("UTC")
        if moment - pd.Timedelta(weeks=weeks) > first:
            taken = purchases(wb, moment, after.tz_convert("UTC"))
            looks.append((seen_at(wb, moment, pd.Index(taken[Columns.USER].unique())), taken))
    try:
        learned = {task: learn(looks, AMONG[task], settings.trees) for task in ("anything", "new")}
    except ValueError as error:
        raise InputError(
            f"the learned blend has {len(looks)} looks at weeks before {until:%Y-%m-%d}: {error}; expected orders of "
            f"{2 * weeks} weeks or more in {wb.settings.file.name}, or another model in place of learned"
        ) from None
    return pd.DataFrame({"task": list(learned), "trees": [ranker.text() for ranker in learned.values()]})


def _ranked(wb: Workbook, until: pd.Timestamp) -> pd.DataFrame:
    """The learned blend's candidates for every task; what is bought again is ranked as anything is."""
    learned, seen = rankers(wb, until), seen_at(wb, until)
    lists = {task: rank(seen, learned.get(task, learned["anything"]), CANDIDATES, AMONG[task]) for task in TASKS}
    return pd.concat([one.assign(task=task) for task, one in lists.items()], ignore_index=True)


def neighbours(wb: Workbook, model: str, until: pd.Timestamp, k: int = NEIGHBOURS) -> pd.DataFrame:
    """The `k` items that go best with every item, by one model."""
    return wb.cached(
        f"neighbours-{model}",
        lambda: fitted(wb, model, until).similar(history(wb, until).items, k),
        **depends(wb, model, until),
        k=k,
    )


def judge(
    wb: Workbook, lists: pd.DataFrame, task: str, start: pd.Timestamp, end: pd.Timestamp, **options: float
) -> Evaluation:
    """Evaluate lists made at `start` by what customers bought from then to `end`; task is one of `TASKS`."""
    return evaluate(lists, TASKS[task](wb, start, end), history(wb, start), **options)


def protocol(wb: Workbook) -> pd.DataFrame:
    """The three periods: period, from, to (days of the shop's own time, `to` exclusive), customers, purchases."""
    when = periods(wb)
    first = sold(wb).ordered_at.min().execute()
    starts = {"training": first, "validation": when.validation, "test": when.test}
    spans = zip(starts, starts.values(), when, strict=True)
    rows = []
    for name, start, end in spans:
        taken = purchases(wb, start, end)
        days = (moment.tz_convert(wb.settings.store.time_zone).strftime("%Y-%m-%d") for moment in (start, end))
        rows.append((name, *days, taken[Columns.USER].nunique(), len(taken)))
    return pd.DataFrame(rows, columns=["period", "from", "to", "customers", "purchases"])


def depends(wb: Workbook, model: str, until: pd.Timestamp) -> dict[str, object]:
    """What lists of a model depend on beside data and code: the key of what is cached of it."""
    blended, of = model in BLENDS, wb.settings.monitoring
    return {
        "model": model,
        "options": wb.settings.models if blended else wb.settings.models.get(model, {}),
        **elsewhere.fingerprint(wb.settings, model),
        "hybrid": wb.settings.hybrid.model_dump(mode="json") if blended else {},
        "weeks": wb.settings.split.test_weeks if model == "learned" else None,
        "catalogue": wb.settings.catalogue.model_dump(mode="json"),
        "reset": str(learned_since(wb, until)),
        "until": until.isoformat(),
        **({"season": [of.seasonal_strength, of.seasonal]} if model == "hybrid" and of.seasonal_strength else {}),
    }


def customer_features(wb: Workbook, until: pd.Timestamp) -> pd.DataFrame:
    """Features of every customer as of `until`, one row each (`reco.features.FEATURES` says what they mean)."""
    return _features(wb, "customers", until)


def product_features(wb: Workbook, until: pd.Timestamp) -> pd.DataFrame:
    """Features of every product as of `until`, one row each (`reco.features.FEATURES` says what they mean)."""
    return _features(wb, "products", until)


def _features(wb: Workbook, of: str, until: pd.Timestamp) -> pd.DataFrame:
    derive, zone = getattr(features, of), wb.settings.store.time_zone
    derived = derive(wb.tables, until, zone).order_by(f"{of.removesuffix('s')}_id")
    return wb.cached(f"features-{of}", lambda: wb.connection.to_pandas(derived), until=until.isoformat())


def season(wb: Workbook, until: pd.Timestamp) -> pd.Series:
    """How each product sells in the month of `until`, 1 being even, by product id.

    Products without a season of their own have their category's; with less than a year of orders there is none.
    """
    zone = wb.settings.store.time_zone
    found = features.seasons(wb.tables, until, zone)
    month = found.filter(found.month == until.tz_convert(zone).month, found.season_index.notnull())
    frame = wb.cached(
        "seasons-now", lambda: wb.connection.to_pandas(month.order_by("kind", "value")), until=until.isoformat()
    )
    products = wb.connection.to_pandas(wb.table("products").select("product_id", "category")).set_index("product_id")
    index = {kind: part.set_index("value")["season_index"] for kind, part in frame.groupby("kind")}
    nothing = pd.Series(dtype="float64")
    by_category = products["category"].map(index.get("category", nothing))
    own = products.index.to_series().map(index.get("product", nothing))
    return own.fillna(by_category).astype("float64")
