"""A small made-up shop and a world of its shoppers that tests share; do not change what they hold."""

from pathlib import Path
from typing import NamedTuple

import ibis
import numpy as np
import pandas as pd
import pytest

from reco.shoppers import Book, Policy, Shopping, Tastes, holdout, personal, popular, shop, tastes_of

CUSTOMERS, PRODUCTS = 300, 200


class World(NamedTuple):
    """What one run wrote, its book and its settings."""

    tables: dict[str, ibis.Table]
    book: Book
    settings: Shopping
    folder: Path


@pytest.fixture(scope="session")
def tastes() -> Tastes:
    rng = np.random.default_rng(7)
    n = 20 * CUSTOMERS
    pairs = pd.DataFrame({"customer_id": rng.integers(CUSTOMERS, size=n), "product_id": rng.integers(PRODUCTS, size=n)})
    pairs["product_id"] = (pairs["product_id"] ** 2 / PRODUCTS).astype(int)
    baskets = pairs.astype(str).value_counts().rename("frequency").reset_index()
    prices = np.round(rng.gamma(2, 3, PRODUCTS) + 0.5, 2)
    return tastes_of(baskets, pd.DataFrame({"product_id": np.arange(PRODUCTS).astype(str), "price": prices}))


@pytest.fixture(scope="session")
def policies(tastes: Tastes) -> list[Policy]:
    return [holdout(), popular(tastes), personal(tastes)]


@pytest.fixture(scope="session")
def world(tastes: Tastes, policies: list[Policy], tmp_path_factory: pytest.TempPathFactory) -> World:
    # half of the visits order and many lines come back: attribution has much to do
    folder = tmp_path_factory.mktemp("world")
    settings = Shopping(seed=3, shoppers=1_500, weeks=4, returns=0.1, bots=0.05, later_days=6.0)
    book = shop(tastes, policies, settings, folder)
    connection = ibis.duckdb.connect()
    tables = {path.stem: connection.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
    return World(tables, book, settings, folder)
