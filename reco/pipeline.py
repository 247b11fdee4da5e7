"""From a workbook to what its notebooks report on: one function a result, each built once and found again.

Every function takes the workbook and a moment `until`: it knows nothing that happened at or after it.
"""

from functools import lru_cache

import ibis
import pandas as pd

from reco.columns import Columns
from reco.evaluation import Evaluation, evaluate
from reco.interactions import Cutoffs, Interactions, cutoffs
from reco.models import MODELS, Recommender, make_model
from reco.models.hybrid import blend
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


def sold(wb: Workbook) -> ibis.Table:
    """Order lines of known customers with recommendable products: what models may learn from."""
    lines, products = wb.table("order_lines"), wb.table("products")
    lines = lines.filter(lines.customer_id.notnull(), lines.quantity > 0)
    return lines.semi_join(products.filter(products.recommendable), "product_id")


@lru_cache(maxsize=4)
def history(wb: Workbook, until: pd.Timestamp) -> Interactions:
    """Interactions before `until`: a product in an order counts once; weights are numbers of orders.

    Products that fewer than `catalogue.min_customers` customers bought are left out.
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


@lru_cache(maxsize=4)
def fitted(wb: Workbook, model: str, until: pd.Timestamp) -> Recommender:
    """A model of the registry, with the settings' options, fitted to the history before `until`."""
    return make_model(model, **wb.settings.models.get(model, {})).fit(history(wb, until))


def candidates(wb: Workbook, model: str, until: pd.Timestamp, exclude_seen: bool) -> pd.DataFrame:
    """The best `CANDIDATES` items of every known customer by one model or by the `hybrid` of the settings."""
    if model == "hybrid":
        parts, weights = wb.settings.hybrid.parts, wb.settings.hybrid.weights
        lists = {part: candidates(wb, name, until, exclude_seen) for part, name in parts.items()}
        return blend(lists, weights, CANDIDATES)
    return wb.cached(
        f"candidates-{model}",
        lambda: fitted(wb, model, until).recommend(history(wb, until).users, CANDIDATES, exclude_seen),
        **_depends(wb, model, until),
        exclude_seen=exclude_seen,
        k=CANDIDATES,
    )


def neighbours(wb: Workbook, model: str, until: pd.Timestamp) -> pd.DataFrame:
    """The `NEIGHBOURS` items that go best with every item, by one model."""
    return wb.cached(
        f"neighbours-{model}",
        lambda: fitted(wb, model, until).similar(history(wb, until).items, NEIGHBOURS),
        **_depends(wb, model, until),
        k=NEIGHBOURS,
    )


def judge(
    wb: Workbook, lists: pd.DataFrame, task: str, start: pd.Timestamp, end: pd.Timestamp, **options
) -> Evaluation:
    """Evaluate lists made at `start` by what customers bought from then to `end`; task is `anything` or `new`."""
    taken = (purchases if task == "anything" else new_purchases)(wb, start, end)
    return evaluate(lists, taken, history(wb, start), **options)


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


def _depends(wb: Workbook, model: str, until: pd.Timestamp) -> dict[str, object]:
    return {
        "model": model,
        "options": wb.settings.models.get(model, {}),
        "catalogue": wb.settings.catalogue.model_dump(mode="json"),
        "until": until.isoformat(),
    }
