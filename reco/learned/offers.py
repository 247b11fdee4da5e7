"""What is taken off a product's price these days, where the log says what was taken off at each purchase."""

import numpy as np

from reco.columns import Columns
from reco.interactions import Interactions
from reco.learned.candidates import Pairs
from reco.learned.history import DAY, History
from reco.learned.timeline import Own, Timeline


def of_offers(x: Interactions, past: History, pairs: Pairs, own: Own, now: np.ndarray) -> dict[str, np.ndarray]:
    """How much lower each pair's product sold lately than before, and than when the customer bought it.

    What is taken off is a share of the full price, from 0 to 1. Nothing where the log never
    tells of any; of single purchases that it does not tell of, nothing was taken off.
    """
    if Columns.OFF not in x.log or not x.log[Columns.OFF].gt(0).any():
        return {}
    off = np.nan_to_num(x.log.loc[x.log[Columns.WEIGHT] > 0, Columns.OFF].to_numpy("float64"))
    asked, column, at = x.rows(pairs.users)[pairs.row], pairs.column, now[pairs.row]
    line = Timeline(past.item, past.time)

    def mean(days: int) -> np.ndarray:
        span = at - days * DAY, at
        return line.sum(column, *span, off) / line.count(column, *span)

    with np.errstate(invalid="ignore", divide="ignore"):
        lately, before = mean(7), mean(182)
        paid = own.line.total(own.pair, off) / own.line.total(own.pair, np.ones(len(off)))
        customer = np.bincount(past.user, off, len(x.users)) / np.bincount(past.user, minlength=len(x.users))
    return {
        "product_off_7": lately,
        "product_off_change": lately - before,
        "product_off_beside_own": lately - paid,
        "own_off": paid,
        "customer_off": customer[asked],
    }
