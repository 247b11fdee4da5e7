"""What another policy would have earned, from the log of the one that ran and the chances that it chose by."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from reco.errors import InputError


class Support(NamedTuple):
    """How much of a log bears on another policy.

    Attributes:
        rows: logged rows.
        effective: rows that would tell as much if all had the same weight, (Σw)² / Σw².
        largest: largest weight.
        mean_weight: mean of the weights; far from 1 the logged propensities are not those that were used.
    """

    rows: int
    effective: float
    largest: float
    mean_weight: float


class Log(NamedTuple):
    """A log of choices, one row each.

    Attributes:
        reward: what the choice earned.
        propensity: chance by which the logging policy made it, above 0.
        target: chance by which the other policy would have made it.
        cluster: rows with the same number hang together, such as those of one page view or user; None for none.
        predicted: the expected reward of the logged choice by a model, for `dr`.
        expected: the expected reward of the other policy in this row by that model, Σ target(a) · model(a), for `dm`.
    """

    reward: np.ndarray
    propensity: np.ndarray
    target: np.ndarray
    cluster: np.ndarray | None = None
    predicted: np.ndarray | None = None
    expected: np.ndarray | None = None


def support(log: Log) -> Support:
    """How much of the log bears on the other policy."""
    weight = _weights(log)
    square = float((weight**2).sum())
    effective = float(weight.sum() ** 2 / square) if square else 0.0
    return Support(len(weight), effective, float(weight.max()), float(weight.mean()))


def evaluate(log: Log, *, rng: np.random.Generator, rounds: int = 1000, confidence: float = 0.95) -> pd.DataFrame:
    """The other policy's mean reward per row, by several estimators, with percentile intervals over clusters.

    - `ips`: mean of w·r with w = target / propensity. Unbiased. Horvitz and Thompson, JASA 47 (1952).
    - `snips`: Σ w·r / Σ w, less scattered. Swaminathan and Joachims, NIPS 2015.
    - `dm`: mean of the model's expectation; as biased as the model.
    - `dr`: `dm` plus the mean of w·(r − model); unbiased if weights or model are right. Dudík, Langford and Li, ICML
      2011.

    The last two need `predicted` and `expected`. Columns: estimator, value, value_low, value_high, relative,
    relative_low, relative_high; relative is to what the logging policy earned, as a factor.
    """
    weight, reward = _weights(log), np.asarray(log.reward, dtype=float)
    rows = {"one": np.ones(len(reward)), "reward": reward, "weight": weight, "ips": weight * reward}
    if log.predicted is not None and log.expected is not None:
        rows["dm"] = np.asarray(log.expected, dtype=float)
        rows["dr"] = rows["dm"] + weight * (reward - log.predicted)
    _finite(rows, len(reward))
    groups = np.arange(len(reward)) if log.cluster is None else pd.factorize(log.cluster)[0]
    # sums by cluster are all that a draw of clusters needs
    sums = np.column_stack([np.bincount(groups, values) for values in rows.values()])
    if len(sums) < 2:
        raise InputError(f"cluster: expected at least 2 clusters to draw from, found {len(sums)}")
    drawn = [np.bincount(rng.integers(0, len(sums), len(sums)), minlength=len(sums)) @ sums for _ in range(rounds)]
    totals = dict(zip(rows, np.vstack([sums.sum(axis=0), *drawn]).T, strict=True))
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    table = []
    for name, (value, factor) in estimates(totals).items():
        low, high = np.quantile(value[1:], tails)
        factors = np.quantile(factor[1:], tails, method="closest_observation")
        table.append((name, value[0], low, high, factor[0], *factors))
    return pd.DataFrame(
        table,
        columns=["estimator", "value", "value_low", "value_high", "relative", "relative_low", "relative_high"],
    )


def estimates(totals: Mapping[str, np.ndarray]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Value of the other policy and its factor to what was earned, by estimator, from totals over rows.

    `totals` holds arrays of one shape, an entry a draw: one (rows), reward, weight, ips (weight times reward), and,
    with a model, dm and dr.
    """
    earned, found = totals["reward"] / totals["one"], {}
    for name in ("ips", "snips", "dm", "dr"):
        if name not in totals and name != "snips":
            continue
        above, below = (totals["ips"], totals["weight"]) if name == "snips" else (totals[name], totals["one"])
        value = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
        found[name] = value, np.divide(value, earned, out=np.full_like(value, np.inf), where=earned != 0)
    return found


def _weights(log: Log) -> np.ndarray:
    propensity, target = (np.asarray(chances, dtype=float) for chances in (log.propensity, log.target))
    if not len(propensity) or len(propensity) != len(target) or len(target) != len(log.reward):
        raise InputError(
            f"expected rewards, propensities and targets of the same rows, found {len(log.reward)}, "
            f"{len(propensity)} and {len(target)}"
        )
    if wrong := int((~((propensity > 0) & (propensity <= 1))).sum()):
        raise InputError(f"propensity: {wrong:,} of {len(propensity):,} rows are no chance above 0")
    if wrong := int((~((target >= 0) & (target <= 1))).sum()):
        raise InputError(f"target: {wrong:,} of {len(target):,} rows are no chance from 0 to 1")
    return target / propensity


def _finite(rows: dict[str, np.ndarray], size: int) -> None:
    for name, values in rows.items():
        if len(values) != size:
            raise InputError(f"{name}: expected {size:,} rows, found {len(values):,}")
        if wrong := int((~np.isfinite(values)).sum()):
            raise InputError(f"{name}: {wrong:,} of {size:,} rows are missing or not finite")
