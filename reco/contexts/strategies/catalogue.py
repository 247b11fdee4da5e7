"""Strategies that start from the shop's own shelf: what is new, what trends, what its staff picked."""

from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd
from scipy import sparse

from reco.columns import Columns
from reco.contexts.asked import Asked
from reco.contexts.proposals import Lists
from reco.contexts.snapshot import Snapshot
from reco.contexts.strategies.pairs import listed, proposed
from reco.contexts.strategies.personal import rows
from reco.contexts.strategies.picks import read_picks
from reco.contexts.strategies.taste import Acts, acts, share_of, shares
from reco.pipeline import fitted, product_features
from reco.ranking import best_cells, place
from reco.settings import Strategy

#: Categories of a customer that are looked at, the largest shares first.
CATEGORIES: Final = 8
#: Products of one category that are looked at.
DEEP: Final = 30
#: Models whose list is the same for everyone.
FOR_ALL: Final = ("trending", "popularity")
#: What the customer's own order counts beside that of the curated list.
OWN: Final = 0.5


def new_in_category(shop: Snapshot, asked: Asked, strategy: Strategy) -> pd.DataFrame:
    """Products younger than `days` in the customer's categories, which they have not bought yet.

    Score: the category's share of the customer's taste times what is left of the product's time as new, times one
    half to 1 by the rank of its recent sales.
    """
    slate, item, score = _in_categories(shop, asked, acts(shop, asked), _new(shop, strategy.days))[:3]
    bought, entry = shop.bought.within(asked.customer, asked.at, strategy.days)
    width = len(shop.shelf.ids)
    had = np.isin(slate * width + item, bought * width + shop.bought.item[entry])
    return proposed(slate[~had], item[~had], score[~had])


def trending_in_interests(shop: Snapshot, asked: Asked, strategy: Strategy) -> pd.DataFrame:
    """What trends in the customer's categories, more so what is of the brands and price bands they buy.

    Score: log(1 + trend) times the root of the category's share, times 1 + the brand's share, times 1/2 + the price
    band's share. A model that ranks for customers may stand in place of the trend.
    """
    told = acts(shop, asked)
    if strategy.model in FOR_ALL:
        slate, item, _, trend, share = _in_categories(shop, asked, told, _trend(shop, strategy.model))
    else:
        row = rows(shop, asked)
        known = np.flatnonzero(row >= 0)
        slate, item, trend = shop.customer_lists(strategy.model, asked.context).gather(row[known])
        slate, trend = known[slate], np.log1p(np.maximum(trend, 0))
        share = share_of(shares(shop, told, asked.count, "category"), slate, shop.shelf.codes("category")[item])
    brand, band = (
        share_of(shares(shop, told, asked.count, column), slate, shop.shelf.codes(column)[item])
        for column in ("brand", "price_band")
    )
    score = trend * np.sqrt(share) * (1 + brand) * (0.5 + band)
    liked = score > 0
    return proposed(slate[liked], item[liked], score[liked])


def curated(shop: Snapshot, asked: Asked, strategy: Strategy) -> pd.DataFrame:
    """The products of a file, in an order between the file's and the customer's own.

    The file's order gives 1 for its first product and less for each that follows; the customer's gives the shares of
    the product's category and price band, and its score in the list of a `model` where the strategy names one, each
    as a share of the slate's best. Raises `InputError` where there is no such file or it names no products.
    """
    picks = read_picks(shop, strategy.file)
    slate, item = np.repeat(np.arange(asked.count), len(picks)), np.tile(picks, asked.count)
    told = acts(shop, asked)
    own = np.zeros((asked.count, len(picks)))
    for column in ("category", "price_band"):
        found = shares(shop, told, asked.count, column)
        own += _relative(share_of(found, slate, shop.shelf.codes(column)[item]).reshape(own.shape))
    if strategy.model is not None:
        own += _relative(_listed_score(shop, asked, strategy.model, picks))
    order = np.linspace(1, 0, len(picks), endpoint=False)
    return proposed(slate, item, ((1 - OWN) * order + OWN * _relative(own)).ravel())


def _in_categories(shop: Snapshot, asked: Asked, told: Acts, lists: Lists) -> tuple[np.ndarray, ...]:
    """Products of each slate's largest categories: slate, item, share times quality, quality, share."""
    taste = shares(shop, told, asked.count, "category").tocoo()
    best = best_cells(taste.row, taste.col, taste.data, CATEGORIES)
    slate, category, share = taste.row[best].astype("int64"), taste.col[best], taste.data[best]
    found, item, quality = lists.gather(category)
    return slate[found], item.astype("int64"), share[found] * quality, quality, share[found]


@lru_cache(maxsize=8)
def _new(shop: Snapshot, days: int) -> Lists:
    """The new products of every category, the newest and best sold first."""
    age = shop.shelf.numbers("age_days")
    sold = product_features(shop.wb, shop.until).set_index("product_id")["units_28_days"].reindex(shop.shelf.ids)
    rank = sold.fillna(0).rank(pct=True).to_numpy()
    with np.errstate(invalid="ignore"):
        young = (age >= 0) & (age < days)
    return _by_category(shop, np.flatnonzero(young), (1 - age / days) * (0.5 + 0.5 * rank))


@lru_cache(maxsize=8)
def _trend(shop: Snapshot, model: str) -> Lists:
    """What trends (or is popular) in every category, by log(1 + score); what loses ground is left out."""
    items = len(shop.x.items)
    nobody = f"{shop.x.users.max()}?"  # an id that no customer has: models give it the list for anyone
    frame = fitted(shop.wb, model, shop.until).recommend([nobody], k=items)
    score = np.full(len(shop.shelf.ids), np.nan)
    score[shop.x.columns(frame[Columns.ITEM])] = frame[Columns.SCORE]
    return _by_category(shop, np.flatnonzero(score > 0), np.log1p(np.maximum(score, 0)))


def _by_category(shop: Snapshot, items: np.ndarray, quality: np.ndarray) -> Lists:
    """The `DEEP` best of `items` in every category."""
    category = shop.shelf.codes("category")
    items = items[category[items] >= 0]
    return listed(category[items], items, quality[items], len(shop.shelf.names("category")), DEEP)


def _relative(scores: np.ndarray) -> np.ndarray:
    """Scores of slates (rows) as shares of the best one's; zeros where a slate has none above 0."""
    best = scores.max(axis=1, initial=0, keepdims=True)
    return np.divide(np.maximum(scores, 0), best, out=np.zeros_like(scores), where=best > 0)


def _listed_score(shop: Snapshot, asked: Asked, model: str, picks: np.ndarray) -> np.ndarray:
    """How high each pick (column) stands in the list of each slate's customer (row): 1 at the top, 0 if not there."""
    row = rows(shop, asked)
    known = np.flatnonzero(row >= 0)
    slate, item, _ = shop.customer_lists(model, asked.context).gather(row[known])
    standing = 1 / (1 + place(slate))
    table = sparse.csr_matrix((standing, (known[slate], item)), (asked.count, len(shop.shelf.ids)))
    return table[:, picks].toarray()
