"""The funnel of recommendations: how far units get, and which step a difference in revenue comes from.

Only rates of all exposed units, or of all sessions, are compared. A rate of one step given the step before compares
people whom the variant itself has chosen, and may fall where every step has gained: it is a description.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import ibis
import numpy as np
import pandas as pd

from reco.errors import InputError
from reco.experiments.analysis import analyze
from reco.experiments.inputs import read
from reco.experiments.means import Estimate, compare_means
from reco.experiments.metrics import Rate, Ratio
from reco.experiments.moments import Moments, Part
from reco.experiments.multiplicity import Correction

#: What stands beside every figure that no verdict may rest on.
DESCRIPTION: Final = "description"


class Funnel(NamedTuple):
    """How far each arm gets.

    Attributes:
        checks: as of `analyze`.
        table: one row a step and variant: step, then the columns of `analyze`; all steps share one denominator.
        description: one row a step and arm: step, given (the step before), variant, value, kind. No test, no verdict.
        correction: that was applied over all rows, in words.
    """

    checks: pd.DataFrame
    table: pd.DataFrame
    description: pd.DataFrame
    correction: str


class Decomposition(NamedTuple):
    """Where a difference in the last total per the first comes from.

    Attributes:
        checks: as of `analyze`.
        whole: the row of `analyze` for the last total per the first, with its verdict.
        parts: variant, factor, role (`part` or `whole`), value, control_value, effect (difference of logarithms) with
            effect_low and effect_high, relative with its bounds (the same as a ratio less one), kind. The parts'
            effects add to that of the whole. No p-value and no verdict: what comes after a click is a description.
        covariance: by variant, factors by factors, of the effects of the parts.
        notes: variants that have no logarithms, and why.
    """

    checks: pd.DataFrame
    whole: pd.DataFrame
    parts: pd.DataFrame
    covariance: dict[str, pd.DataFrame]
    notes: tuple[str, ...]


def funnel(
    frame: "pd.DataFrame | ibis.Table",
    steps: Sequence[str],
    *,
    per: str | None = None,
    unit: str | None = "user_id",
    variant: str = "variant",
    control: str | int = "A",
    confidence: float = 0.95,
    shares: Mapping[str, float] | None = None,
    correction: Correction = "holm",
) -> Funnel:
    """Rate of each step over all that were exposed, by arm, with the difference from the control.

    Args:
        frame: a row an exposure or session, as `analyze` takes it.
        steps: columns in the order of the funnel: 0/1 where units are counted, any counts with `per`.
        per: None for the share of units that reach a step; a column, or `rows`, for the total per total of it
            (sessions, say), by the delta method over units.
        unit, variant, control, confidence, shares, correction: as in `analyze`.

    Raises `InputError` for fewer than two steps, or the same twice, and where `analyze` does.
    """
    if len(steps) < 2 or len(set(steps)) < len(steps):
        raise InputError(f"steps: expected two or more different columns, found {', '.join(steps) or 'none'}")
    metrics = [_step(step, per, frame) for step in steps]
    result = analyze(
        frame,
        unit=unit,
        variant=variant,
        control=control,
        metrics=metrics,
        confidence=confidence,
        shares=shares,
        correction=correction,
    )
    rivals = len(result.moments) - 1
    table = result.table.assign(step=np.repeat(list(steps), rivals))
    totals = {arm: [m.total(metric.parts[0]) for metric in metrics] for arm, m in result.moments.items()}
    described = pd.DataFrame(
        [
            {"step": step, "given": given, "variant": arm, "value": reached / before, "kind": DESCRIPTION}
            for arm, found in totals.items()
            for given, step, before, reached in zip(steps, steps[1:], found, found[1:], strict=False)
            if before > 0
        ],
        columns=["step", "given", "variant", "value", "kind"],
    )
    table = table[["step", *result.table.columns]]
    return Funnel(result.checks, table, described, result.correction)


def decompose(
    frame: "pd.DataFrame | ibis.Table",
    chain: Sequence[str | None] = (None, "clicks", "orders", "revenue"),
    *,
    unit: str | None = "user_id",
    variant: str = "variant",
    control: str | int = "A",
    confidence: float = 0.95,
    shares: Mapping[str, float] | None = None,
    signed: bool = False,
) -> Decomposition:
    """Split the difference in revenue per session into clicks per session, orders per click and revenue per order.

    ln(R/S) = ln(C/S) + ln(O/C) + ln(R/O) in every arm, so the differences between arms add as well. Each logarithm's
    variance is that of b/b̄ − a/ā over units by the delta method, covariances likewise; intervals by Welch.

    Args:
        frame: a row a session, as `analyze` takes it.
        chain: columns whose totals are divided, each by the one before; None is the number of rows.
        unit, variant, control, confidence, shares: as in `analyze`.
        signed: whether values of the last column below zero are meant, as with refunds.

    A variant whose totals, or the control's, are not all above zero has no logarithms: it is named in `notes` and its
    parts are left out. Raises `InputError` where `analyze` does.
    """
    if len(chain) < 3 or len(set(chain)) < len(chain):
        raise InputError("chain: expected three or more different columns")
    names = ["rows" if column is None else column for column in chain]
    result = analyze(
        frame,
        unit=unit,
        variant=variant,
        control=control,
        metrics=[_ratio(chain[-1], chain[0], signed)],
        confidence=confidence,
        shares=shares,
    )
    ratios = [_ratio(above, below, signed) for below, above in pairwise(chain)]
    moments = read(frame, ratios, variant=variant, unit=unit).moments
    order = [Part(column) for column in chain]
    factors = [f"{above} / {below}" for below, above in pairwise(names)]
    control = str(control)
    zero = {arm: [n for part, n in zip(order, names, strict=True) if m.total(part) <= 0] for arm, m in moments.items()}
    notes = tuple(f"arm {arm} has no {' and no '.join(none)}: no logarithm" for arm, none in zero.items() if none)
    logs = {arm: _logs(m, order) for arm, m in moments.items() if not zero[arm]}
    rows, covariance = [], {}
    for arm in moments if not zero[control] else ():
        if arm == control or zero[arm]:
            continue
        (one, spread), (other, spread_0) = logs[arm], logs[control]
        covariance[arm] = pd.DataFrame(spread + spread_0, index=factors, columns=factors)
        pick = np.vstack([np.eye(len(factors)), np.ones(len(factors))])
        for weights, name in zip(pick, [*factors, f"{names[-1]} / {names[0]}"], strict=True):
            effect = compare_means(
                _combined(weights, one, spread, moments[arm].n),
                _combined(weights, other, spread_0, moments[control].n),
                confidence,
            )
            bounds = effect._asdict()
            differences = {key: bounds[key] for key in ("effect", "effect_low", "effect_high")}
            rows.append(
                {
                    "variant": arm,
                    "factor": name,
                    "role": "whole" if weights.sum() > 1 else "part",
                    "value": np.exp(weights @ one),
                    "control_value": np.exp(weights @ other),
                    **differences,
                    **{key.replace("effect", "relative"): np.expm1(value) for key, value in differences.items()},
                    "kind": DESCRIPTION,
                }
            )
    columns = [
        "variant", "factor", "role", "value", "control_value", "effect", "effect_low", "effect_high",
        "relative", "relative_low", "relative_high", "kind",
    ]  # fmt: skip
    return Decomposition(result.checks, result.table, pd.DataFrame(rows, columns=columns), covariance, notes)


def log_factors(sums: np.ndarray, products: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of each total over the one before, and their covariance, from sums (…, k) and products (…, k, k).

    >>> log_factors(np.array([2.0, 4.0]), np.array([[2.0, 4.0], [4.0, 8.0]]), np.array(2))[1].round(12).tolist()
    [[0.0]]
    """
    size = np.asarray(n, dtype=float)
    means = sums / size[..., None]
    scaled = products / size[..., None, None] / (means[..., :, None] * means[..., None, :]) - 1
    steps = np.diff(np.eye(sums.shape[-1]), axis=0)
    logs = np.log(sums) @ steps.T
    return logs, steps @ scaled @ steps.T / (size[..., None, None] - 1)


def _logs(moments: Moments, order: Sequence[Part]) -> tuple[np.ndarray, np.ndarray]:
    at = [moments.parts.index(part) for part in order]
    return log_factors(moments.sums[at], moments.products[np.ix_(at, at)], np.array(moments.n))


def _combined(weights: np.ndarray, logs: np.ndarray, spread: np.ndarray, n: int) -> Estimate:
    # a quotient that never varies leaves rounding of either sign
    variance = float(weights @ spread @ weights)
    return Estimate(float(weights @ logs), variance if variance > 1e-14 / n else 0.0, n)


def _ratio(above: str | None, below: str | None, signed: bool) -> Ratio:
    if above is None:
        raise InputError("chain: only its first column may be the number of rows")
    return Ratio(above, below, signed=signed)


def _step(step: str, per: str | None, frame: "pd.DataFrame | ibis.Table") -> Rate | Ratio:
    if per is None:
        return Rate(step)
    return Ratio(step, None if per == "rows" and per not in frame.columns else per)
