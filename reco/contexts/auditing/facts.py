"""What the auditor knows of products and customers, read anew from the unified tables and the shop's files."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import ibis
import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.errors import InputError
from reco.pipeline import candidates, product_features, season
from reco.settings import Rules
from reco.workbook import Workbook

#: Trending and popular products that slates with too few are filled from.
STANDBY = 50
#: Times between purchases of a product from which their median is told.
INTERVALS = 5

#: Finds purchases: of pairs (pair, customer_id, item_id, since, asked_at) the last moment in [since, asked_at) by pair.
Purchases = Callable[[pd.DataFrame], pd.Series]


@dataclass(frozen=True, eq=False)
class Facts:
    """What slates are held against.

    Attributes:
        zone: the shop's time zone.
        products: by product_id: recommendable (bool), category, brand, band (text), stock, age_days, season_index
            (floats), starts_at, ends_at (moments); missing is unknown.
        not_personal: customer_id of those who may not be shown anything personal.
        no_mail: customer_id of those who refused mail.
        last_bought: finds what customers bought.
        usual_days: median days between purchases, by product_id, of the products that it is given.
        find_standby: finds trending and popular products, the best first.
    """

    zone: str
    products: pd.DataFrame
    not_personal: pd.Index
    no_mail: pd.Index
    last_bought: Purchases
    usual_days: Callable[[pd.Index], pd.Series]
    find_standby: Callable[[], pd.Index]

    @cached_property
    def standby(self) -> pd.Index:
        """Trending and popular products; looked for only where a slate is short."""
        return self.find_standby()

    def of(self, item_ids: pd.Series, column: str) -> np.ndarray:
        """A column of products, for each id; missing where there is no such product."""
        return self.products[column].reindex(item_ids).to_numpy()


def facts(wb: Workbook, until: pd.Timestamp, rules: Rules) -> Facts:
    """The facts of a store; prices, ages and seasons as of `until`.

    Files are read as they are now. Raises what the files' absence raises.
    """
    columns = ["product_id", "recommendable", "category", "brand", "stock"]
    products = wb.connection.to_pandas(wb.table("products").select(*columns)).set_index("product_id")
    products.index = products.index.astype(object)
    known = product_features(wb, until).set_index("product_id")
    products["stock"] = _stocked(wb, rules, products["stock"].astype("float64"))
    products = products.assign(
        band=known["price_band"].reindex(products.index).astype(object),
        age_days=known["product_age_days"].reindex(products.index).astype("float64"),
        season_index=season(wb, until).reindex(products.index).astype("float64"),
        **_dated(wb, rules, products.index),
    )
    customers = pd.DataFrame({"customer_id": [], "email_consent": [], "personalization_consent": []})
    if wb.has("customers"):
        customers = wb.connection.to_pandas(wb.table("customers").select(*customers.columns))
    unasked = wb.settings.privacy.without_consent == "personal"
    agreed = np.array([unasked if pd.isna(one) else bool(one) for one in customers["personalization_consent"]], bool)
    refused = np.array([not pd.isna(one) and not one for one in customers["email_consent"]], bool)
    zone = wb.settings.store.time_zone
    return Facts(
        zone,
        products,
        pd.Index(customers["customer_id"][~agreed], dtype=object),
        pd.Index(customers["customer_id"][refused], dtype=object),
        lambda pairs: _last_bought(wb, pairs),
        lambda ids: usual_days(_purchases(wb, ids, until), zone),
        lambda: _standby(wb, until),
    )


def usual_days(purchases: pd.DataFrame, zone: str) -> pd.Series:
    """Median days between a customer's days of buying a product, by product_id; where there are enough intervals.

    `purchases` has customer_id, product_id, ordered_at (UTC) in any order.
    """
    day = purchases["ordered_at"].dt.tz_convert(zone).dt.tz_localize(None).dt.normalize()
    days = purchases[["product_id", "customer_id"]].assign(day=day).drop_duplicates()
    days = days.sort_values(["product_id", "customer_id", "day"])
    gap = days.groupby(["product_id", "customer_id"], sort=False)["day"].diff().dt.days
    found = gap.groupby(days["product_id"]).agg(["median", "count"])
    return found.loc[found["count"] >= INTERVALS, "median"].astype("float64")


def _purchases(wb: Workbook, ids: pd.Index, until: pd.Timestamp) -> pd.DataFrame:
    lines = wb.table("order_lines")
    wanted = ibis.memtable(pd.DataFrame({"product_id": pd.Series(ids, dtype="str")}))
    bought = lines.filter(lines.customer_id.notnull(), lines.quantity > 0, lines.ordered_at < until)
    bought = bought.semi_join(wanted, "product_id").select("customer_id", "product_id", "ordered_at").distinct()
    return wb.connection.to_pandas(bought)


def _last_bought(wb: Workbook, pairs: pd.DataFrame) -> pd.Series:
    lines = wb.table("order_lines")
    bought = lines.filter(lines.quantity > 0).select("customer_id", "ordered_at", item_id="product_id")
    found = ibis.memtable(pairs).inner_join(bought, ["customer_id", "item_id"])
    found = found.filter(found.ordered_at >= found.since, found.ordered_at < found.asked_at)
    last = found.group_by("pair").aggregate(last=found.ordered_at.max())
    return wb.connection.to_pandas(last).set_index("pair")["last"]


def _standby(wb: Workbook, until: pd.Timestamp) -> pd.Index:
    try:
        lists = [candidates(wb, model, until)[Columns.ITEM].iloc[:STANDBY] for model in ("trending", "popularity")]
    except InputError:  # nothing was sold yet
        return pd.Index([], dtype=object)
    return pd.Index(pd.concat(lists).unique(), dtype=object)


def _read(wb: Workbook, file: Path) -> pd.DataFrame:
    frame = pd.read_csv(wb.settings.root / file, dtype="str", encoding="utf-8-sig", skipinitialspace=True)
    return frame.set_index("product_id")


def _stocked(wb: Workbook, rules: Rules, stock: pd.Series) -> pd.Series:
    """Stock by the rule's file; what it does not tell of keeps the store's own."""
    if rules.in_stock is None or rules.in_stock.file is None:
        return stock
    told = _read(wb, rules.in_stock.file)["stock"].astype("float64").groupby(level=0).last()
    return told.reindex(stock.index).combine_first(stock)


def _dated(wb: Workbook, rules: Rules, index: pd.Index) -> dict[str, pd.Series]:
    """First and last moment of sale by the rule's file; moments without a zone are the shop's own."""
    nothing = pd.Series(pd.NaT, index=index, dtype="datetime64[us, UTC]")
    if rules.not_ended is None or rules.not_ended.file is None:
        return {"starts_at": nothing, "ends_at": nothing}
    frame = _read(wb, rules.not_ended.file)
    return {
        name: _moments(frame[name], wb.settings.store.time_zone).reindex(index) for name in ("starts_at", "ends_at")
    }


def _moments(text: pd.Series, zone: str) -> pd.Series:
    found = {}
    for key, value in text.dropna().items():
        moment = pd.Timestamp(value)
        local = moment.tz is None
        moment = moment.tz_localize(zone, ambiguous=True, nonexistent="shift_forward") if local else moment
        found[key] = moment.tz_convert("UTC")
    return pd.Series(found, dtype="datetime64[us, UTC]")
