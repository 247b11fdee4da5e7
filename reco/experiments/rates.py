"""Comparison of rates: Wilson, Newcombe and log-ratio intervals, the pooled z test."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from reco.experiments.means import Effect


def compare_rates(hits: float, n: float, hits_0: float, n_0: float, confidence: float = 0.95) -> Effect:
    """A rate of `hits` in `n` against the control's `hits_0` in `n_0`.

    The difference has Newcombe's interval (Statistics in Medicine 17, 1998, method 10), which holds its coverage
    at few hits; the relative difference has the interval of the log ratio (Katz et al., Biometrics 34, 1978), with
    half a hit added to every cell where an arm has none (Walter, Biometrics 31, 1975). The test is the score test
    with pooled variance, R's `prop.test(correct = FALSE)`. Interval and test are different approximations: at the
    very edge one may call what the other does not.

    >>> e = compare_rates(7, 34, 1, 34)
    >>> round(e.effect_low, 3), round(e.effect_high, 3)
    (0.019, 0.34)
    """
    alpha, rate, rate_0 = 1 - confidence, hits / n, hits_0 / n_0
    low, high = confint_proportions_2indep(hits, n, hits_0, n_0, "newcomb", "diff", alpha=alpha)
    method = "log" if hits and hits_0 else "log-adjusted"
    ratio_low, ratio_high = confint_proportions_2indep(hits, n, hits_0, n_0, method, "ratio", alpha=alpha)
    pooled = (hits + hits_0) / (n + n_0)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / n_0))
    z = (rate - rate_0) / error if error else 0.0
    return Effect(
        rate - rate_0,
        float(low),
        float(high),
        rate / rate_0 - 1 if rate_0 else np.nan,
        float(ratio_low) - 1 if hits else -1.0,
        float(ratio_high) - 1 if hits_0 else np.inf,
        float(z),
        float(2 * stats.norm.sf(abs(z))),
    )


def rates(frame: pd.DataFrame, by: str | Sequence[str], outcome: str, confidence: float = 0.95) -> pd.DataFrame:
    """Rows, hits and rate of a 0/1 outcome by group, with Wilson's interval.

    Columns: those of `by`, n, hits, rate, rate_low, rate_high. Rows count as independent.
    """
    table = frame.groupby(by, observed=True)[outcome].agg(n="size", hits="sum").reset_index()
    table["hits"] = table["hits"].astype(int)
    low, high = proportion_confint(table["hits"], table["n"], alpha=1 - confidence, method="wilson")
    return table.assign(rate=table["hits"] / table["n"], rate_low=low, rate_high=high)
