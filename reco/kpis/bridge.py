"""What moved revenue from one period to the next: traffic, click-through, conversion and order value."""

from typing import Final

import numpy as np
import pandas as pd

from reco.errors import InputError
from reco.kpis.summary import COUNTS

#: Factors of revenue in the order of the funnel, each as the counts above and below its line.
FACTORS: Final = {
    "traffic": ("impressions", None),
    "click-through": ("clicks", "impressions"),
    "conversion": ("orders", "clicks"),
    "order value": ("revenue", "orders"),
}
#: Revenue of contexts that have none in one of the periods, or that no clicked order stands behind.
OTHER: Final = "new, gone or by views"


def bridge(before: pd.DataFrame, after: pd.DataFrame, by: str = "context") -> pd.DataFrame:
    """How revenue got from one period to the next: step, change, low and high end of its bar; money in cents exact.

    Revenue of a context is impressions · CTR · conversion · order value. A factor x moves it by
    L(R1, R0) · ln(x1 / x0), with L(a, b) = (a - b) / ln(a / b) the logarithmic mean: the moves of the factors add up
    to R1 - R0 and nothing is left over, whichever order they are taken in. B. Ang, "The LMDI approach to
    decomposition analysis: a practical guide", Energy Policy 2005. What one period lacks, logarithms cannot tell; it
    is the step `OTHER`. The steps are rounded to cents so that they add up to the rounded ends.

    `before` and `after` hold `COUNTS` and the column `by`; several rows of one value are added up.
    """
    for frame in (before, after):
        if missing := [column for column in (by, *COUNTS) if column not in frame]:
            raise InputError(f"no column {missing[0]!r}; the frame has {', '.join(map(str, frame))}")
    sums = [frame.groupby(by, observed=True)[list(COUNTS)].sum().astype("float64") for frame in (before, after)]
    names = sums[0].index.union(sums[1].index)
    one, two = (table.reindex(names, fill_value=0.0) for table in sums)
    whole = (one > 0).all(axis=1) & (two > 0).all(axis=1)
    mean = _log_mean(one.loc[whole, "revenue"].to_numpy(), two.loc[whole, "revenue"].to_numpy())
    moved = {}
    for factor, (above, below) in FACTORS.items():
        ratios = [t.loc[whole, above] / (1.0 if below is None else t.loc[whole, below]) for t in (one, two)]
        moved[factor] = float(mean @ np.log(ratios[1] / ratios[0]).to_numpy())
    moved[OTHER] = float((two["revenue"] - one["revenue"])[~whole].sum())
    start, end = (round(100 * table["revenue"].sum()) for table in (one, two))
    cents = _to_cents(np.array(list(moved.values())), end - start)
    ends = start + np.concatenate([[0], np.cumsum(cents)])
    table = pd.DataFrame(
        {
            "step": ["before", *moved, "after"],
            "change": np.concatenate([[start], cents, [end]]) / 100,
            "low": np.concatenate([[0], np.minimum(ends[:-1], ends[1:]), [0]]) / 100,
            "high": np.concatenate([[start], np.maximum(ends[:-1], ends[1:]), [end]]) / 100,
        }
    )
    return table[(table["step"] != OTHER) | (table["change"] != 0)].reset_index(drop=True)


def last_periods(cube: pd.DataFrame, days: int = 7) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of a summary's cube of the last `days` days of the log, and before them those of as many days earlier.

    Raises `InputError` for a log of fewer than two such periods.
    """
    dated = cube[cube["day"] != ""] if "day" in cube else cube.iloc[:0]
    day = pd.to_datetime(dated["day"]) if len(dated) else pd.Series(dtype="datetime64[us]")
    span = (day.max() - day.min()).days + 1 if len(dated) else 0
    if days < 1 or span < 2 * days:
        raise InputError(f"expected a log of two periods of {days} days, found {span} days")
    ago = (day.max() - day).dt.days // days
    return dated[ago == 1], dated[ago == 0]


def _log_mean(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(a - b) / ln(a / b), which is a where the two are equal."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (a - b) / np.log1p((a - b) / b)
    return np.where(np.isclose(a, b, rtol=1e-9), (a + b) / 2, mean)


def _to_cents(moves: np.ndarray, total: int) -> np.ndarray:
    """Whole cents that add up to `total`: rounded down, the cents left over go to the largest remainders."""
    exact = 100 * moves
    exact[np.argmax(np.abs(exact))] += total - exact.sum()  # what adding up in floating point has lost
    floors = np.floor(exact)
    left = int(total - floors.sum())
    floors[np.argsort(floors - exact, kind="stable")[:left]] += 1
    return floors.astype("int64")
