"""What the shop knows when slates are filled, in memory: products on the shelf, customers, and what they did."""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.contexts.proposals import Lists, customer_lists, item_lists, own_weights
from reco.contexts.stand_ins import stand_ins
from reco.contexts.stock import with_dates, with_stock
from reco.interactions import Interactions
from reco.journal import Journal
from reco.pipeline import candidates, depends, history, product_features, season, sold, without_consent
from reco.rules import Fresh, Shelf
from reco.workbook import Workbook

#: Trending and popular products that stand by for slates with too few.
STANDBY = 50


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The shop at one moment; models know what happened before `until`, the journals what the store knows.

    Attributes:
        wb: the workbook.
        until: the moment that models know everything before of.
        x: what the models learned from; its items are the first products of the shelf, in the same order.
        shelf: products by number, those of `x` and then the new ones that no model knows yet.
        customers: every customer who bought or viewed anything, ascending.
        rows: row in `x.users` of each customer, -1 where models do not know them.
        agreed: whether each customer may be shown anything personal.
        bought: purchases, by numbers of `customers` and of the shelf.
        viewed: views of products, likewise; empty where the store has no events.
        stand: the established product that stands for each new one, in their order on the shelf; -1 where none does.
        stands: the same for every other product of the catalogue, by product id.
        seen: how many interactions of each customer the models know, by numbers of `customers`.
        standby: numbers of trending products, then of popular ones, each once.
        trending: how many of these are trending.
        popular: numbers of the most popular products, in order.
        remarks: what the stock and date files lack, in words.
    """

    wb: Workbook
    until: pd.Timestamp
    x: Interactions
    shelf: Shelf
    customers: pd.Index
    rows: np.ndarray
    agreed: np.ndarray
    bought: Journal
    viewed: Journal
    stand: np.ndarray
    stands: pd.Series
    seen: np.ndarray
    standby: np.ndarray
    trending: int
    popular: np.ndarray
    remarks: list[str] = field(default_factory=list)

    def customer_lists(self, model: str, context: str | None = None) -> Lists:
        """The candidates of every customer that `x` knows, by one model, in the order of `x.users`.

        The hybrid's are blended with the weights of the context, where the settings give it its own.
        """
        return customer_lists(self.wb, model, self.until, own_weights(self.wb, model, context))

    def item_lists(self, model: str, k: int | None = None) -> Lists:
        """What goes with every item of `x`, by one model, in the order of `x.items`."""
        return item_lists(self.wb, model, self.until, k)

    def numbers(self, item_ids: object) -> np.ndarray:
        """Number on the shelf of each product id, -1 where it is not there."""
        return self.shelf.ids.get_indexer(pd.Index(item_ids, dtype=object))

    def standing_for(self, item_ids: object) -> np.ndarray:
        """Number of the established product that stands for each product id.

        It is the product itself where models know it, else the one described most like it; -1 where none is.
        """
        item_ids = pd.Index(item_ids, dtype=object)
        numbers = self.numbers(item_ids)
        unknown = (numbers < 0) | (numbers >= self.shelf.established)
        if unknown.any():
            place = self.stands.index.get_indexer(item_ids[unknown])
            numbers[unknown] = np.append(self.stands.to_numpy(), -1)[place]
        return numbers


@lru_cache(maxsize=4)
def snapshot(wb: Workbook, until: pd.Timestamp) -> Snapshot:
    """The shop at `until`; raises `InputError` where models have nothing to learn from."""
    x = history(wb, until)
    shelf, remarks = _shelf(wb, x, until)
    bought = _acts(wb, "bought")
    viewed = _acts(wb, "viewed") if wb.has("events") else bought[:0]
    customers = pd.Index(np.unique(pd.concat([bought, viewed])["customer_id"].astype(object)), dtype=object)
    refused = wb.connection.to_pandas(without_consent(wb))["customer_id"] if wb.has("customers") else []
    journals = [
        Journal.of(
            customers.get_indexer(acts["customer_id"]),
            shelf.ids.get_indexer(acts["product_id"]),
            acts["at"].dt.as_unit("us").astype("int64").to_numpy(),
        )
        for acts in (bought, viewed)
    ]
    trending, popular = (
        shelf.ids.get_indexer(candidates(wb, model, until).iloc[:STANDBY][Columns.ITEM])
        for model in ("trending", "popularity")
    )
    rows = x.rows(customers.astype(x.users.dtype)) if len(customers) else np.empty(0, "int64")
    stands = _standing(wb, x, until)
    logged = np.bincount(x.log["user"], minlength=len(x.users))
    return Snapshot(
        wb,
        until,
        x,
        shelf,
        customers,
        rows,
        ~customers.isin(refused),
        *journals,
        stands.reindex(shelf.ids[shelf.established :], fill_value=-1).to_numpy("int64"),
        stands,
        np.where(rows >= 0, logged[rows], 0),
        pd.unique(np.concatenate([trending, popular])),
        len(trending),
        popular,
        remarks,
    )


def _standing(wb: Workbook, x: Interactions, until: pd.Timestamp) -> pd.Series:
    """The established product that stands for every other one of the catalogue, by product id; -1 where none does."""

    def build() -> pd.DataFrame:
        products = wb.connection.to_pandas(wb.table("products").order_by("product_id")).set_index("product_id")
        others = products[~products.index.isin(x.items)]
        return pd.DataFrame({"stand": stand_ins(x.products, others)}, index=others.index)

    found = wb.cached("stand-ins", build, **depends(wb, "tfidf", until))["stand"]
    return found.set_axis(found.index.astype(object))


def _acts(wb: Workbook, what: str) -> pd.DataFrame:
    """What customers bought or viewed: customer_id, product_id, at."""
    if what == "bought":
        table = sold(wb)
        rows = table.select("customer_id", "product_id", at="ordered_at").distinct()
    else:
        table = wb.table("events").filter(lambda t: (t.event == "view_item") & t.customer_id.notnull())
        table = table.filter(table.product_id.notnull()).anti_join(without_consent(wb), "customer_id")
        rows = table.select("customer_id", "product_id", at="occurred_at").distinct()
    return wb.connection.to_pandas(rows)


def _shelf(wb: Workbook, x: Interactions, until: pd.Timestamp) -> tuple[Shelf, list[str]]:
    """The products of `x` and new ones, with what rules ask about them, and remarks about the files read."""
    features = product_features(wb, until).set_index("product_id")
    new = _newcomers(wb, features, x, until)
    # an index of objects finds a few ids far sooner than one of Arrow's strings
    ids = x.items.append(pd.Index(new, dtype=x.items.dtype)).astype(object)
    products = wb.table("products")
    texts = products.select("product_id", "title", "department", "category", "subcategory", "brand")
    frame = wb.connection.to_pandas(texts).set_index("product_id").reindex(ids)
    known = features.reindex(ids)
    columns = ("price_band", "margin", "stock")
    frame = frame.assign(
        **{column: known[column] for column in columns},
        price=known["unit_price"],
        age_days=known["product_age_days"],
        repurchase_days=known["repurchase_interval_days"],
        season_index=season(wb, until).reindex(ids),
    )
    frame, stock = with_stock(wb, frame)
    frame, dates = with_dates(wb, frame)
    return Shelf(ids, frame, len(x.items)), stock + dates


def _newcomers(wb: Workbook, features: pd.DataFrame, x: Interactions, until: pd.Timestamp) -> np.ndarray:
    """Ids of recommendable products that came in lately and that no model knows yet, ascending."""
    days = max((rule.days for rule in wb.settings.rules.declared(Fresh)), default=0)
    products = wb.table("products")
    recommendable = wb.connection.to_pandas(products.filter(products.recommendable).select("product_id"))["product_id"]
    young = features.index[(features["product_age_days"] >= 0) & (features["product_age_days"] < days)]
    return np.sort(young[young.isin(recommendable) & ~young.isin(x.items)].to_numpy(object))
