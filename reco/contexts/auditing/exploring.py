"""Exploration as logged: whether the propensities can be true, and whether as much was explored as the settings say."""

from collections.abc import Mapping
from math import erfc, sqrt

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.contexts.auditing.case import Case
from reco.settings import Rules
from reco.workbook import Workbook

#: How far a number of choices may be from a whole one.
NEAR = 1e-6


def impossible(case: Case) -> np.ndarray:
    """Propensities that are no chance above 0, or not 1 where nothing explores; bool by row shown."""
    chance = case.shown[Columns.PROPENSITY].to_numpy("float64")
    fine = (chance > 0) & (chance <= 1 + 1e-12)
    return ~fine if case.rules.exploration else ~(fine & np.isclose(chance, 1))


def untrue(case: Case) -> np.ndarray:
    """Propensities that no number of allowed products explains; bool by row shown.

    With m products and a share s, a place goes to the one that would have been shown anyway with chance 1 - s + s / m,
    to any other with s / m.
    """
    chance = case.shown[Columns.PROPENSITY].to_numpy("float64")
    share = case.rules.exploration.share
    return ~(np.isclose(chance, 1) | _whole(_ratio(share, chance)) | _whole(_ratio(share, chance - (1 - share))))


def explored(wb: Workbook, slates: Mapping[str, pd.DataFrame], rules: Rules | None = None) -> pd.DataFrame:
    """How many places of finished `slates` (by context) were explored, and how many were to be expected.

    Columns: context (title), places (where there was a choice), explored (the product shown is not the one that would
    have been shown anyway), expected, p_value (two-sided, by the normal approximation of independent draws with each
    place's own chance s (1 - 1 / m)). No row where the settings explore nothing, or half the places and more: there a
    propensity does not tell which product it belongs to.
    """
    rule, rows = (wb.settings.rules if rules is None else rules).exploration, []
    for name, frame in slates.items():
        if rule is None or not 0 < rule.share < 0.5:
            break
        rows.append((wb.settings.contexts[name].title, *_tested(frame[Columns.PROPENSITY].to_numpy(), rule.share)))
    return pd.DataFrame(rows, columns=["context", "places", "explored", "expected", "p_value"])


def _tested(chance: np.ndarray, share: float) -> tuple[int, int, float, float]:
    chance = chance[(chance > 0) & (chance < 1 - 1e-9)]
    other = chance <= share
    choices = np.where(other, share / chance, share / np.maximum(chance - (1 - share), 1e-12))
    each = share * (1 - 1 / choices)
    expected, spread = each.sum(), sqrt((each * (1 - each)).sum())
    if spread == 0:
        return len(chance), int(other.sum()), float(expected), float("nan")
    away = max(abs(other.sum() - expected) - 0.5, 0) / spread
    return len(chance), int(other.sum()), float(expected), erfc(away / sqrt(2))


def _ratio(share: float, chance: np.ndarray) -> np.ndarray:
    return np.divide(share, chance, out=np.full(len(chance), np.nan), where=chance > 0)


def _whole(number: np.ndarray) -> np.ndarray:
    return (number >= 1 - NEAR) & (np.abs(number - np.round(number)) <= NEAR * np.maximum(number, 1))
