"""Effects by segment, drawn together as far as they differ by chance alone."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import ibis
import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import brentq

from reco.errors import InputError
from reco.experiments.analysis import analyze, analyze_by
from reco.experiments.metrics import Mean, Rate, Ratio
from reco.experiments.multiplicity import holm

#: Stands beside every table of segments.
WARNING: Final = "A segment that stands out is a reason for a new test, not a finding."


class Spread(NamedTuple):
    """How effects differ between segments.

    Attributes:
        effect: mean of a random-effects model, with `error` its standard error.
        tau: standard deviation of the true effects between segments (Paule and Mandel).
        q, freedom, p_value: Cochran's test that there is one effect for all.
        i_squared: share of the spread that is not chance, max(0, (q − freedom) / q).
    """

    effect: float
    error: float
    tau: float
    q: float
    freedom: int
    p_value: float
    i_squared: float


class Segments(NamedTuple):
    """Effects by segment.

    Attributes:
        checks: as of `analyze_by`, those of the whole experiment first (segment `all`).
        table: one row a segment and variant: the segment, the columns of `analyze` (Holm over all rows), error, then
            shrunken with shrunken_low and shrunken_high, and weight (what is left of the segment's own estimate).
        spread: one row a variant: segments, the fields of `Spread` with effect_low and effect_high, p_adjusted.
        notes: segments that were left out, and why.
    """

    checks: pd.DataFrame
    table: pd.DataFrame
    spread: pd.DataFrame
    notes: tuple[str, ...]


def segments(
    frame: "pd.DataFrame | ibis.Table",
    by: str,
    metric: Rate | Mean | Ratio,
    *,
    unit: str = "user_id",
    variant: str = "variant",
    control: str | int = "A",
    confidence: float = 0.95,
    shares: Mapping[str, float] | None = None,
) -> Segments:
    """The effect on one metric in each segment, raw and shrunken, and whether segments differ at all.

    `by` must be a fact of the unit from before the test; segments that the variant can change compare people whom it
    has chosen. Segments are taken as independent. Those with fewer than 2 units in an arm, or no variation, are left
    out and named. Raises `InputError` where `analyze` does, and for units in several segments.
    """
    control = str(control)
    judge = {"unit": unit, "variant": variant, "control": control, "confidence": confidence, "shares": shares}
    whole = analyze(frame, metrics=[metric], **judge)
    units = _units(frame, by, unit, variant)
    arms = list(whole.moments)
    counts = units.pivot(index=by, columns="arm", values="n").reindex(columns=arms).fillna(0)
    if (counts.sum().sum() - sum(m.n for m in whole.moments.values())) > 0:
        expected = "expected one arm, and a fact of the unit from before the test"
        raise InputError(f"{by}: some units are in several segments or arms; {expected}")
    short = counts.index[(counts < 2).any(axis=1)]
    few = tuple(f"{by} {key} is left out: fewer than 2 units in arm {_few(counts.loc[key])}" for key in short)
    kept = [key for key in counts.index if key not in set(short)]
    if not kept:
        raise InputError(f"{by}: no segment has 2 units in every arm")
    rows = frame.filter(frame[by].isin(kept)) if isinstance(frame, ibis.Table) else frame[frame[by].isin(kept)]
    result = analyze_by(rows, by, metrics=[metric], **judge)
    table = result.table
    pairs = zip(table[by], table["variant"], strict=True)
    found = [(result.moments[f"{key} {arm}"], result.moments[f"{key} {control}"]) for key, arm in pairs]
    table["error"] = [np.sqrt(_variance(metric, *pair)) for pair in found]
    flat = table[table["error"] <= 0]
    notes = (*few, *(f"{by} {row[by]} is left out: no variation in arm {row['variant']}" for _, row in flat.iterrows()))
    if not (whole.table["verdict"] != "not trustworthy").all():
        table["verdict"] = "not trustworthy"
    table = table[table["error"] > 0].reset_index(drop=True)
    spreads = []
    for arm, part in table.groupby("variant", sort=False):
        effect, variance = part["effect"].to_numpy(), part["error"].to_numpy() ** 2
        found_spread, own = between(effect, variance), shrink(effect, variance, confidence)
        for name in own:
            table.loc[part.index, name] = own[name].to_numpy()
        margin = stats.norm.ppf((1 + confidence) / 2) * found_spread.error
        bounds = {"effect_low": found_spread.effect - margin, "effect_high": found_spread.effect + margin}
        spreads.append({"variant": arm, "segments": len(part), **found_spread._asdict(), **bounds})
    spread = pd.DataFrame(spreads)
    if len(spread):
        spread["p_adjusted"] = holm(spread["p_value"])
    checks = pd.concat([whole.checks.assign(**{by: "all"}), result.checks], ignore_index=True)[result.checks.columns]
    return Segments(checks, table, spread, notes)


def between(effects: np.ndarray, variances: np.ndarray) -> Spread:
    """Cochran's Q, I² and a random-effects mean with Paule and Mandel's variance between segments.

    The variance solves Σ (yₖ − μ)² / (vₖ + τ²) = k − 1, or is zero where that has no solution. Cochran, "The
    combination of estimates from different experiments", Biometrics 10 (1954); Paule and Mandel, "Consensus values and
    weighting factors", Journal of Research of the National Bureau of Standards 87 (1982).

    >>> round(between(np.array([1.0, 3.0]), np.array([1.0, 1.0])).q, 12)
    2.0
    """
    freedom = len(effects) - 1

    def q(tau2: float) -> float:
        weight = 1 / (variances + tau2)
        return float(weight @ (effects - weight @ effects / weight.sum()) ** 2)

    alone = q(0.0)
    tau2 = 0.0
    if alone > freedom > 0:
        top = float(np.ptp(effects) ** 2 * len(effects))
        tau2 = float(brentq(lambda t: q(t) - freedom, 0.0, top, xtol=1e-15 * top, rtol=1e-14))
    weight = 1 / (variances + tau2)
    mean, error = float(weight @ effects / weight.sum()), float(weight.sum() ** -0.5)
    p_value = float(stats.chi2.sf(alone, freedom)) if freedom else 1.0
    return Spread(mean, error, tau2**0.5, alone, freedom, p_value, max(0.0, 1 - freedom / alone) if alone else 0.0)


def shrink(effects: np.ndarray, variances: np.ndarray, confidence: float = 0.95) -> pd.DataFrame:
    """Empirical Bayes: each effect moved towards the mean by the share of its spread that is chance.

    Columns: shrunken, shrunken_low, shrunken_high, weight. The posterior mean of a normal effect in a normal
    population, τ² / (τ² + vₖ) of it its own, at Paule and Mandel's τ. The interval holds what is not known of the mean
    and of τ: the spread about that centre of the posteriors at all τ, each as likely as the effects make it (flat
    prior; Gelman, "Prior distributions for variance parameters", Bayesian Analysis 1, 2006).
    """
    spread = between(effects, variances)
    weight = spread.tau**2 / (spread.tau**2 + variances)
    centre = weight * effects + (1 - weight) * spread.effect
    taus = np.linspace(0, 3 * max(spread.tau, float(np.sqrt(variances.mean()))), 301)[:, None]
    total = variances + taus**2
    precision = (1 / total).sum(axis=1, keepdims=True)
    mean = (effects / total).sum(axis=1, keepdims=True) / precision
    log = -0.5 * (np.log(precision[:, 0]) + (np.log(total) + (effects - mean) ** 2 / total).sum(axis=1))
    chance = np.exp(log - log.max())
    own = taus**2 / total
    inside = own * variances + (1 - own) ** 2 / precision
    apart = (own * effects + (1 - own) * mean - centre) ** 2
    margin = stats.norm.ppf((1 + confidence) / 2) * np.sqrt(chance @ (inside + apart) / chance.sum())
    return pd.DataFrame(
        {"shrunken": centre, "shrunken_low": centre - margin, "shrunken_high": centre + margin, "weight": weight}
    )


def segments_sentence(row: Mapping[str, float], control: str = "A", alpha: float = 0.05) -> str:
    """What a row of `Segments.spread` says, with the warning."""
    differ = row["p_adjusted"] <= alpha
    return (
        f"The effect of {row['variant']} against {control} {'differs' if differ else 'does not differ'} between the "
        f"{row['segments']} segments by more than chance (Q {row['q']:.1f} on {row['freedom']}, "
        f"p {row['p_value']:.3f}, I² {row['i_squared']:.0%}). {WARNING}"
    )


def _variance(metric: Rate | Mean | Ratio, *arms: object) -> float:
    """Of the difference; rates with a hit and a miss added, lest few hits look certain (Agresti and Caffo)."""
    if not isinstance(metric, Rate):
        return metric.variance(*arms)
    rates = [((arm.total(metric.parts[0]) + 1) / (arm.n + 2), arm.n + 2) for arm in arms]
    return sum(rate * (1 - rate) / n for rate, n in rates)


def _few(counts: pd.Series) -> str:
    return ", ".join(counts.index[counts < 2])


def _units(frame: "pd.DataFrame | ibis.Table", by: str, unit: str, variant: str) -> pd.DataFrame:
    if by not in frame.columns:
        raise InputError(f"no column {by!r}; the frame has {', '.join(map(str, frame.columns))}")
    if isinstance(frame, ibis.Table):
        known = frame.filter(frame[by].notnull())
        groups = known.group_by(by, arm=known[variant].cast("string")).aggregate(n=known[unit].nunique())
        return groups.order_by(by, "arm").to_pandas()
    groups = frame.groupby([by, frame[variant].astype("str").rename("arm")], observed=True)
    return groups[unit].nunique().rename("n").reset_index()
