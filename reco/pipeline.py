"""From a workbook to what its notebooks report on: one function a result, each built once and found again.

Every function takes the workbook and a moment `until`: it knows nothing that happened at or after it.
"""

from functools import lru_cache

import ibis
import pandas as pd

from reco import features
from reco.columns import Columns
from reco.errors import InputError
from reco.evaluation import Evaluation, Interval, evaluate, paired_difference
from reco.interactions import Cutoffs, Interactions, cutoffs
from reco.models import MODELS, Recommender, make_model
from reco.models.hybrid import blend
from reco.tuning import try_weights
from reco.workbook import Workbook

#: Length of the candidate lists that blends and slates choose from.
CANDIDATES = 100

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


@lru_cache(maxsize=4)
def interactions(wb: Workbook, until: pd.Timestamp) -> Interactions:
    """Interactions before `until`: a product in an order counts once; weights are numbers of orders.

    Products that fewer than `catalogue.min_customers` customers bought are left out; there may be none left.
    """
    lines = sold(wb).filter(lambda lines: lines.ordered_at < until)
    common = lines.group_by("product_id").aggregate(buyers=lines.customer_id.nunique())
    common = common.filter(common.buyers >= wb.settings.catalogue.min_customers)
    bought = lines.semi_join(common, "product_id").group_by("customer_id", "product_id", "order_id")
    frame = wb.connection.to_pandas(
        bought.aggregate(ordered_at=lines.ordered_at.min()).order_by("ordered_at", "order_id", "product_id")
    )
    products = wb.connection.to_pandas(wb.table("products").semi_join(common, "product_id"))
    return Interactions.from_frame(
        frame, "customer_id", "product_id", "ordered_at", basket="order_id", products=products.set_index("product_id")
    )


def history(wb: Workbook, until: pd.Timestamp) -> Interactions:
    """The `interactions` before `until` that models learn from; raises `InputError` when there are none."""
    x = interactions(wb, until)
    if x.log.empty:
        raise InputError(
            f"no product was bought by {wb.settings.catalogue.min_customers} known customers before {until:%Y-%m-%d}; "
            f"expected orders from longer ago, fewer weeks under split, or a lower catalogue.min_customers in "
            f"{wb.settings.file.name}"
        )
    return x


def purchases(wb: Workbook, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Who bought what from `start` to `end` (exclusive): distinct user_id, item_id."""
    lines = sold(wb).filter(lambda lines: (lines.ordered_at >= start) & (lines.ordered_at < end))
    pairs = lines.select(user_id="customer_id", item_id="product_id").distinct()
    return wb.connection.to_pandas(pairs.order_by("user_id", "item_id"))


def new_purchases(wb: Workbook, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """The part of `purchases` that the customer had never bought before `start`."""
    lines = sold(wb)
    before = lines.filter(lines.ordered_at < start).select("customer_id", "product_id").distinct()
    during = lines.filter((lines.ordered_at >= start) & (lines.ordered_at < end))
    pairs = during.anti_join(before, ["customer_id", "product_id"])
    pairs = pairs.select(user_id="customer_id", item_id="product_id").distinct()
    return wb.connection.to_pandas(pairs.order_by("user_id", "item_id"))


#: What counts as a hit, by the question asked: anything bought next, or only products new to the customer.
TASKS = {"anything": purchases, "new": new_purchases}


@lru_cache(maxsize=16)  # a leaderboard asks every model two questions
def fitted(wb: Workbook, model: str, until: pd.Timestamp) -> Recommender:
    """A model of the registry, with the settings' options, fitted to the history before `until`."""
    return make_model(model, **wb.settings.models.get(model, {})).fit(history(wb, until))


def candidates(wb: Workbook, model: str, until: pd.Timestamp, exclude_seen: bool) -> pd.DataFrame:
    """The best `CANDIDATES` items of every known customer by one model or by the `hybrid` of the settings."""

    def build() -> pd.DataFrame:
        if model == "hybrid":
            return blend(parts(wb, until, exclude_seen), wb.settings.hybrid.weights, CANDIDATES)
        return fitted(wb, model, until).recommend(history(wb, until).users, CANDIDATES, exclude_seen)

    depends = _depends(wb, model, until) | {"exclude_seen": exclude_seen, "k": CANDIDATES}
    return wb.cached(f"candidates-{model}", build, **depends)


def neighbours(wb: Workbook, model: str, until: pd.Timestamp) -> pd.DataFrame:
    """The `NEIGHBOURS` items that go best with every item, by one model."""
    return wb.cached(
        f"neighbours-{model}",
        lambda: fitted(wb, model, until).similar(history(wb, until).items, NEIGHBOURS),
        **_depends(wb, model, until),
        k=NEIGHBOURS,
    )


def judge(
    wb: Workbook, lists: pd.DataFrame, task: str, start: pd.Timestamp, end: pd.Timestamp, **options: float
) -> Evaluation:
    """Evaluate lists made at `start` by what customers bought from then to `end`; task is `anything` or `new`."""
    return evaluate(lists, TASKS[task](wb, start, end), history(wb, start), **options)


def leaderboard(wb: Workbook, task: str, k: int = 10, confidence: float = 0.95, seed: int = 0) -> dict[str, Evaluation]:
    """Every model of the registry on the test weeks, by name; `new` leaves out what the customer has bought.

    Personal frequency can only repeat, so it is left out of task `new`.
    """
    when = periods(wb)
    names = [name for name in MODELS if task == "anything" or name != "personal_frequency"]
    return {
        name: judge(
            wb,
            candidates(wb, name, when.test, exclude_seen=task == "new"),
            task,
            when.test,
            when.end,
            k=k,
            confidence=confidence,
            seed=seed,
        )
        for name in names
    }


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


def parts(wb: Workbook, until: pd.Timestamp, exclude_seen: bool) -> dict[str, pd.DataFrame]:
    """The lists of the hybrid's parts, by part."""
    return {part: candidates(wb, model, until, exclude_seen) for part, model in wb.settings.hybrid.parts.items()}


def tune(wb: Workbook, task: str, step: float, k: int) -> pd.DataFrame:
    """Weights of the hybrid tried on the validation weeks, best first (see `tuning.try_weights`)."""
    when = periods(wb)
    taken = TASKS[task](wb, when.validation, when.test)
    return try_weights(parts(wb, when.validation, task == "new"), taken, step, k)


def blends(wb: Workbook, task: str, tuned: pd.Series, **options: float) -> dict[str, Evaluation]:
    """On the test weeks: the hybrid with default and with `tuned` weights, and each part alone."""
    when, hybrid = periods(wb), wb.settings.hybrid
    lists = parts(wb, when.test, exclude_seen=task == "new")
    contenders = {
        "default": blend(lists, hybrid.weights, CANDIDATES),
        "tuned": blend(lists, {part: float(tuned[part]) for part in hybrid.parts}, CANDIDATES),
        **lists,
    }
    return {name: judge(wb, frame, task, when.test, when.end, **options) for name, frame in contenders.items()}


def blend_parts(wb: Workbook) -> pd.DataFrame:
    """The hybrid's parts: part, algorithm (title), default_weight."""
    hybrid = wb.settings.hybrid
    rows = [(part, MODELS[model].title, hybrid.weights.get(part, 0.0)) for part, model in hybrid.parts.items()]
    return pd.DataFrame(rows, columns=["part", "algorithm", "default_weight"])


def blend_titles(wb: Workbook) -> dict[str, str]:
    """What reports call the contenders of `blends`."""
    alone = {part: f"{MODELS[model].title} alone ({part})" for part, model in wb.settings.hybrid.parts.items()}
    return {"default": "Hybrid, default weights", "tuned": "Hybrid, tuned weights"} | alone


def ageing(wb: Workbook, k: int) -> pd.DataFrame:
    """Accuracy of an older and a fresher hybrid in each of the test weeks: week, model, ndcg, low, high.

    `old` was trained before the validation weeks, `fresh` before the test weeks; week 0 is the latest.
    """
    when, rows = periods(wb), []
    end_of_weeks = when.end.tz_convert(wb.settings.store.time_zone)
    for model, until in {"old": when.validation, "fresh": when.test}.items():
        lists, train = candidates(wb, "hybrid", until, exclude_seen=False), history(wb, until)
        for week in range(1 - wb.settings.split.test_weeks, 1):
            start, end = ((end_of_weeks + pd.DateOffset(weeks=w)).tz_convert("UTC") for w in (week - 1, week))
            taken = purchases(wb, start, end)
            if len(taken):
                rows.append((week, model, *evaluate(lists, taken, train, k=k).summary.loc["ndcg"]))
    return pd.DataFrame(rows, columns=["week", "model", "ndcg", "low", "high"])


def loss_of_age(wb: Workbook, k: int) -> Interval:
    """Share of its NDCG that a hybrid loses by not having been retrained before the test weeks.

    1 - old / fresh over the test weeks, with the paired bootstrap interval of the difference in units of fresh.
    """
    when = periods(wb)
    taken = purchases(wb, when.test, when.end)
    old, fresh = (
        evaluate(candidates(wb, "hybrid", until, False), taken, history(wb, until), k=k).per_user["ndcg"].to_numpy()
        for until in (when.validation, when.test)
    )
    return Interval(*(bound / (fresh.mean() or float("nan")) for bound in paired_difference(fresh, old)))


def _depends(wb: Workbook, model: str, until: pd.Timestamp) -> dict[str, object]:
    return {
        "model": model,
        "options": wb.settings.models if model == "hybrid" else wb.settings.models.get(model, {}),
        "hybrid": wb.settings.hybrid.model_dump(mode="json") if model == "hybrid" else {},
        "catalogue": wb.settings.catalogue.model_dump(mode="json"),
        "until": until.isoformat(),
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
