"""Correction for asking several questions of one experiment."""

from collections.abc import Sequence
from math import expm1, log1p

import numpy as np
from statsmodels.stats.multitest import multipletests


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Holm's adjusted p-values: the chance of any false win in the family stays at the level that they are held to.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979).

    >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    return multipletests(p_values, method="holm")[1]


def sidak(alpha: float, comparisons: int) -> float:
    """Level for each of several comparisons that keeps the family's at `alpha`.

    >>> round(sidak(0.05, 2), 6)
    0.025321
    """
    return -expm1(log1p(-alpha) / comparisons)
