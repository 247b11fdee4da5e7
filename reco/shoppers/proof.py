"""What attribution and a holdout find in a world of which the truth is known: a trial of the method on this store."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import ibis
import pandas as pd

from reco.kpis import Rule, claimed, incremental, per_customer
from reco.pipeline import candidates, depends, periods
from reco.shoppers.settings import Shopping
from reco.shoppers.tastes import Policy, Tastes, holdout, listed, of_store, popular
from reco.shoppers.world import shop
from reco.workbook import Workbook

#: Shoppers of a trial: some hundred thousand impressions an arm, and a lift that an interval tells from nothing.
SHOPPERS = 30_000


def prove(tastes: Tastes, policies: Sequence[Policy], settings: Shopping, confidence: float = 0.95) -> pd.DataFrame:
    """What is measured of each policy in a simulated world, beside what is true; the first policy shows nothing.

    Columns: variant, customers (assigned to it), attributed (what Reco credits, net of returns), booked (what the
    simulator credited by its own code), added, low, high (incremental revenue by the holdout, `confidence`), truth
    (what the policy really added), covered (whether the interval holds it).
    """
    rule, base = Rule(currency=settings.currency), policies[0].name
    with TemporaryDirectory() as folder:
        told = shop(tastes, policies, settings, Path(folder)).policies.set_index("variant")
        connection = ibis.duckdb.connect()
        tables = {path.stem: connection.read_parquet(path) for path in Path(folder).glob("*.parquet")}
        claims = claimed(tables["impressions"], tables["order_lines"], rule)
        customers = per_customer(tables["exposures"], tables["order_lines"], rule, claims=claims).execute()
        connection.disconnect()
    rows = []
    for policy in policies[1:]:
        name, book = policy.name, told.loc[policy.name]
        found = incremental(customers, holdout=base, shown=name, confidence=confidence).table.set_index("what")
        credited, added = found.loc["attributed", "revenue"], found.loc["incremental"]
        covered = added["low"] <= book["added_revenue"] <= added["high"]
        rows.append((name, int(book["customers"]), credited, book["attributed"], *added[["revenue", "low", "high"]],
                     book["added_revenue"], covered))  # fmt: skip
    columns = ["variant", "customers", "attributed", "booked", "added", "low", "high", "truth", "covered"]
    return pd.DataFrame(rows, columns=columns)


def proof(wb: Workbook, confidence: float = 0.95, model: str = "hybrid", shoppers: int = SHOPPERS) -> pd.DataFrame:
    """`prove` with the tastes of a store's customers: nothing, its best sellers and its model's lists shown.

    Found in the cache when nothing changed. Lists are of before the test weeks.
    """
    until, seed = periods(wb).test, wb.settings.simulation.seed

    def build() -> pd.DataFrame:
        tastes = of_store(wb)
        shown = listed(tastes, candidates(wb, model, until), name=model)
        settings = Shopping(seed=seed, shoppers=shoppers, currency=wb.settings.store.currency)
        return prove(tastes, [holdout(), popular(tastes), shown], settings, confidence)

    key = depends(wb, model, until) | {"seed": seed, "confidence": confidence, "shoppers": shoppers}
    return wb.cached("known-world", build, **key)
