"""Comparison of quantiles, such as the time to the first click that nine of ten stay below."""

import numpy as np
import pandas as pd

from reco.errors import InputError


def compare_quantiles(
    frame: pd.DataFrame,
    column: str,
    q: float = 0.5,
    *,
    rng: np.random.Generator,
    unit: str = "user_id",
    variant: str = "variant",
    control: str | int = "A",
    confidence: float = 0.95,
    rounds: int = 2000,
) -> pd.DataFrame:
    """The q-quantile of all rows by arm against the control's, with bootstrap intervals over units.

    Units are drawn with all their rows, since rows of one unit hang together. The intervals are the percentiles of
    the differences and relative differences of `rounds` draws; the p-value is twice the smaller share of them on one
    side of zero, ties counting half, and at least 1 / rounds. Columns: metric, variant, value, control_value, effect,
    effect_low, effect_high, relative, relative_low, relative_high, p_value.
    """
    if not 0 < q < 1 or not 0.5 < confidence < 1:
        raise InputError(f"expected a quantile between 0 and 1 and a confidence from 0.5, found {q}, {confidence}")
    arms = frame[variant].astype("str")
    control = str(control)
    names = sorted(set(arms))
    if control not in names or len(names) < 2:
        raise InputError(f"{variant}: expected {control!r} and other arms, found {', '.join(names) or 'none'}")
    if wrong := int((~np.isfinite(frame[column].to_numpy(float))).sum()):
        raise InputError(f"{column}: {wrong:,} of {len(frame):,} rows are missing or not finite")
    found = {
        arm: _draws(frame.loc[arms == arm, column].to_numpy(float), frame.loc[arms == arm, unit], q, rng, rounds)
        for arm in names
    }
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    base, base_draws = found.pop(control)
    rows = []
    for arm, (value, draws) in found.items():
        differences = draws - base_draws
        known = base != 0 and bool((base_draws != 0).all())
        relative = differences / base_draws if known else np.full(rounds, np.nan)
        below = ((differences < 0).mean() + (differences <= 0).mean()) / 2
        low, high = np.quantile(differences, tails)
        relative_low, relative_high = np.quantile(relative, tails) if known else (-np.inf, np.inf)
        rows.append(
            {
                "metric": f"{column}, {q:.0%} quantile",
                "variant": arm,
                "value": value,
                "control_value": base,
                "effect": value - base,
                "effect_low": low,
                "effect_high": high,
                "relative": value / base - 1 if known else np.nan,
                "relative_low": relative_low,
                "relative_high": relative_high,
                "p_value": min(1.0, max(2 * min(below, 1 - below), 1 / rounds)),
            }
        )
    return pd.DataFrame(rows)


def _draws(
    values: np.ndarray, units: pd.Series, q: float, rng: np.random.Generator, rounds: int
) -> tuple[float, np.ndarray]:
    """The quantile of all rows, and of the rows of units drawn with replacement."""
    codes, names = pd.factorize(units)
    if len(names) < 2:
        raise InputError(f"quantiles need at least 2 units in every arm, found {len(names)}")
    order = np.argsort(values, kind="stable")
    ordered, owner = values[order], codes[order]

    def quantile(times: np.ndarray) -> float:
        weight = times[owner].cumsum()
        return float(ordered[np.searchsorted(weight, q * weight[-1])])

    drawn = (np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names)) for _ in range(rounds))
    return quantile(np.ones(len(names))), np.array([quantile(times) for times in drawn])
