"""What deep models know of an item beside who has it: its category, brand and so on, as numbers of values."""

from typing import Final

import numpy as np
import pandas as pd

from reco.columns import Columns

#: Columns of the products that are read, where present, each value a number of its own.
NAMED: Final = ("department", Columns.CATEGORY, "subcategory", "brand")

PRICE_BAND: Final = "price_band"


def item_features(products: pd.DataFrame | None, least: int = 5, most: int = 1000) -> dict[str, np.ndarray]:
    """The number of every item's value by feature, int64 from 1; 0 where it is missing or rare.

    Rare is a value that fewer than `least` items have, or that is not among the `most` frequent. The price band
    is 1 in the lower third of the item's category, 2 in the middle and 3 in the upper one.

    >>> item_features(pd.DataFrame({"brand": ["b", "a", None, "b", "c"], "price": [1, 2, 3, None, 4]}), least=1)
    {'brand': array([2, 1, 0, 2, 3]), 'price_band': array([1, 2, 3, 0, 3])}
    """
    if products is None:
        return {}
    features = {name: _numbered(products[name], least, most) for name in NAMED if name in products}
    if Columns.PRICE in products:
        price = pd.to_numeric(products[Columns.PRICE], errors="coerce").astype("float64")
        if Columns.CATEGORY in products:
            price = price.groupby(products[Columns.CATEGORY].to_numpy(), dropna=False)
        features[PRICE_BAND] = np.ceil(3 * price.rank(pct=True)).fillna(0).to_numpy("int64")
    return {name: numbers for name, numbers in features.items() if numbers.any()}


def _numbered(values: pd.Series, least: int, most: int) -> np.ndarray:
    values = values.astype("string")
    counts = values.value_counts()
    kept = counts[counts >= least].sort_index().nlargest(most).index.sort_values()
    return kept.get_indexer(values) + 1
