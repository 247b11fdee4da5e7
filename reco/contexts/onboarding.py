"""What new customers answer when asked what they like, as the history that they do not have yet."""

from typing import Final

import numpy as np
import pandas as pd

from reco.contexts.requests import Requests, opaque_ids
from reco.contexts.snapshot import Snapshot
from reco.errors import InputError
from reco.ranking import place

#: Best sellers that stand for one customer's answers.
MOST: Final = 12

#: How many values a message names.
NAMED: Final = 8

COLUMNS: Final = ("customer_id", "categories", "price_band")


def onboarding_anchors(shop: Snapshot, categories: list[str], band: str | None = None, most: int = MOST) -> np.ndarray:
    """Numbers of up to `most` best sellers of the preferred categories in the preferred price band, int64.

    Categories take turns, each with the product next most bought by customers, ties by lower number. Where a category
    has nothing in the band, or no band is preferred, its best sellers of any price stand in. Raises `InputError` for a
    category or band that no product on the shelf has.

    A model finds what goes with them as it would with what the customer bought.
    """
    answer = pd.DataFrame({"customer_id": ["one"], "categories": [list(categories)], "price_band": [band]})
    return _best_sellers(shop, answer, most)["item"].to_numpy("int64")


def answer_requests(shop: Snapshot, context: str, answers: pd.DataFrame, most: int = MOST) -> Requests:
    """Slates of a context for customers who answered: what `onboarding_anchors` gives is what they stand beside.

    `answers` has customer_id, categories (a list, or text with semicolons between) and price_band (missing where any
    will do); the last answer of a customer counts. Slates are asked for at the snapshot's moment. Raises `InputError`
    for a column that is absent, an answer without customer, and as `onboarding_anchors` does.
    """
    lacking = [column for column in COLUMNS if column not in answers]
    if lacking:
        raise InputError(f"answers: expected columns {', '.join(COLUMNS)}; found no {', '.join(lacking)}")
    answers = answers.reset_index(drop=True)
    nameless = answers["customer_id"].isna()
    if nameless.any():
        raise InputError(f"answers: row {int(nameless.argmax()) + 1} has no customer_id; expected one in every row")
    answers = answers.drop_duplicates("customer_id", keep="last", ignore_index=True)
    slate_id = opaque_ids(shop.wb, context, answers["customer_id"], shop.until)
    frame = pd.DataFrame({"slate_id": slate_id, "customer_id": answers["customer_id"], "asked_at": shop.until})
    found = _best_sellers(shop, answers, most)
    anchors = {"slate_id": slate_id.to_numpy()[found["row"]], "item_id": shop.shelf.ids.take(found["item"])}
    return Requests(frame, pd.DataFrame(anchors))


def _best_sellers(shop: Snapshot, answers: pd.DataFrame, most: int) -> pd.DataFrame:
    """Row of the answer and number of the product, the most telling first within each row."""
    wanted = _wanted(shop, answers)
    sold = _by_category(shop)
    within = wanted[wanted["band"] >= 0].merge(sold, on=["category", "band"])
    served = wanted.merge(within[["row", "category"]].drop_duplicates(), how="left", indicator="served")
    others = wanted[(served["served"] == "left_only").to_numpy()].drop(columns="band")
    found = pd.concat([within, others.merge(sold.drop(columns="band"), on="category")], ignore_index=True)
    found = found.sort_values(["row", "category", "buyers", "item"], ascending=[True, True, False, True])
    turn = found.groupby(["row", "category"]).cumcount()
    found = found.assign(turn=turn).sort_values(["row", "turn", "buyers", "item"], ascending=[True, True, False, True])
    return found[place(found["row"].to_numpy("int64")) < most][["row", "item"]].reset_index(drop=True)


def _wanted(shop: Snapshot, answers: pd.DataFrame) -> pd.DataFrame:
    """Row of the answer, number of the category and of the price band (-1: any), checked."""
    listed = answers["categories"].map(lambda told: told.split(";") if isinstance(told, str) else told).explode()
    listed = listed.dropna().astype("str").str.strip()
    listed = listed[listed != ""]
    band = answers["price_band"].astype("string").str.strip().replace("", pd.NA)
    category = _known(shop, "category", listed)
    bands = pd.Series(_known(shop, "price_band", band.dropna()), index=band.dropna().index, dtype="int64")
    row = listed.index.to_numpy("int64")
    wanted = pd.DataFrame({"row": row, "category": category, "band": bands.reindex(row).fillna(-1).to_numpy("int64")})
    return wanted.drop_duplicates(ignore_index=True)


def _known(shop: Snapshot, column: str, values: pd.Series) -> np.ndarray:
    """Number of each value among those that products on the shelf have; raises `InputError` for one that none has."""
    names = pd.Index(shop.shelf.names(column), dtype=object)
    found = names.get_indexer(pd.Index(values, dtype=object))
    if (found < 0).any():
        here = sorted(map(str, names))
        expected = ", ".join(here[:NAMED]) + (f" and {len(here) - NAMED:,} more" if len(here) > NAMED else "")
        unknown = values.iloc[int((found < 0).argmax())]
        raise InputError(
            f"answers: {column} {unknown!r} is unknown; expected one of {expected or 'none: the shop has none'}"
        )
    return found.astype("int64")


def _by_category(shop: Snapshot) -> pd.DataFrame:
    """Established products of known category: category, band, item, buyers."""
    some = slice(shop.shelf.established)
    frame = pd.DataFrame(
        {
            "category": shop.shelf.codes("category")[some],
            "band": shop.shelf.codes("price_band")[some],
            "item": np.arange(shop.shelf.established),
            "buyers": shop.x.customers_per_item,
        }
    )
    return frame[(frame["category"] >= 0) & (frame["buyers"] > 0)]
