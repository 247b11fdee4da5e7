"""Verdicts and the words that state them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from reco.experiments.multiplicity import holm


def add_verdicts(table: pd.DataFrame, alpha: float, adjusted: np.ndarray | None = None) -> pd.DataFrame:
    """The table with `p_adjusted` (Holm over its rows if not given) and `verdict`.

    A variant is better or worse when its interval leaves out zero and the adjusted p-value is at most `alpha`;
    otherwise it is a tie, and where `trusted` is false none of it counts.
    """
    if adjusted is None:
        adjusted = holm(table["p_value"].to_numpy())
    clear = (adjusted <= alpha) & ((table["effect_low"] > 0) | (table["effect_high"] < 0))
    verdict = np.select(
        [~table["trusted"], clear & (table["effect"] > 0), clear & (table["effect"] < 0)],
        ["not trustworthy", "better", "worse"],
        "tie",
    )
    return table.drop(columns="trusted").assign(p_adjusted=adjusted, verdict=verdict)


def guard(row: Mapping[str, float], margin: float, trusted: bool) -> str:
    """Whether a guardrail held: `safe` if the whole interval of the relative effect lies above −margin, `harmed` if
    all of it lies below, `unclear` between."""
    if not trusted:
        return "not trustworthy"
    if row["relative_low"] > -margin:
        return "safe"
    return "harmed" if row["relative_high"] < -margin else "unclear"


def points(share: float) -> str:
    """A difference of two rates in percentage points, with its sign.

    >>> points(-0.0014), points(0.0)
    ('−0.14', '0.00')
    """
    text = f"{100 * share:+.2f}".replace("-", "−")
    return "0.00" if text[1:] == "0.00" else text
