"""Drift of mixes and distributions in effect sizes that do not grow with the sample, with likely cause and action.

A distance between two samples of the same population is above zero by chance, the more so the fewer they are. What
chance alone brings is measured by drawing both samples again and again from the two together, with as many
independent counts as the weeks before show there to be, and is taken off. What is left estimates the distance of the
populations: it neither grows nor shrinks with the sample.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

#: Draws by which chance is measured.
DRAWS: Final = 1_000

#: Independent counts that the smaller mix must be expected to hold of a kind, for the kind to stand alone.
RARE: Final = 1.0

#: Weeks of a quarter.
QUARTER: Final = 13


class Distance(NamedTuple):
    """How far one mix is from another.

    Attributes:
        effect: the distance less what chance brings on average; below zero where chance alone would bring more.
        raw: the distance of the two samples as they are.
        noise: what chance brings on average.
        limit: raw distance that chance reaches only at the level asked for.
    """

    effect: float
    raw: float
    noise: float
    limit: float


def psi(expected: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Population stability index along the last axis of counts: Σ (f - e) ln(f / e) of shares, half a count added.

    >>> psi(np.array([50, 50]), np.array([[50, 50], [75, 25]])).round(3).tolist()
    [0.0, 0.269]
    """
    e, f = _shares(expected), _shares(found)
    return ((f - e) * np.log(f / e)).sum(axis=-1)


def jensen_shannon(expected: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence in bits along the last axis of counts, half a count added: 0 alike, 1 nothing shared.

    J. Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on Information Theory 1991.

    >>> jensen_shannon(np.array([50, 50]), np.array([[50, 50], [75, 25]])).round(3).tolist()
    [0.0, 0.048]
    """
    e, f = _shares(expected), _shares(found)
    middle = (e + f) / 2
    return ((e * np.log2(e / middle)).sum(axis=-1) + (f * np.log2(f / middle)).sum(axis=-1)) / 2


#: Measures of drift, each with the factor that turns a limit of the stability index into its own: for small shifts
#: both are multiples of the same sum of squares, Σ (f - e)² / e, the index once
#: and the divergence in bits 1 / (8 ln 2) times.
MEASURES: Final = {"psi": (psi, 1.0), "js": (jensen_shannon, 1 / (8 * np.log(2)))}


def _shares(counts: np.ndarray) -> np.ndarray:
    counts = np.asarray(counts, float) + 0.5
    return counts / counts.sum(axis=-1, keepdims=True)


def clumping(weeks: np.ndarray) -> float:
    """How many times more the shares of categories differ from week to week than independent counts would: at least 1.

    Pearson's χ² of `weeks` (weeks x categories) by its degrees of freedom. Purchases come by basket and customer, so
    that a thousand of them tell less than a thousand independent ones. J. Rao, A. Scott, "The analysis of categorical
    data from complex sample surveys", JASA 1981.

    >>> clumping(np.array([[10, 10], [10, 10]])), round(clumping(np.array([[100, 0], [0, 100]])), 1)
    (1.0, 200.0)
    """
    weeks = weeks[weeks.sum(axis=1) > 0][:, weeks.sum(axis=0) > 0].astype(float)
    df = (weeks.shape[0] - 1) * (weeks.shape[1] - 1)
    if df < 1:
        return 1.0
    expected = weeks.sum(axis=1, keepdims=True) * weeks.sum(axis=0) / weeks.sum()
    return max(float(((weeks - expected) ** 2 / expected).sum() / df), 1.0)


def distance(
    expected: np.ndarray,
    found: np.ndarray,
    measure: str = "psi",
    clumps: float = 1.0,
    level: float = 0.01,
    seed: int = 0,
    df: float = np.inf,
) -> Distance:
    """`psi` or `js` between two mixes (counts of the same categories), what chance brings taken off.

    `clumps` is how many counts tell as much as one independent one, known with `df` degrees of freedom: fewer put the
    limit further out, as F's are beyond χ²'s. Chance exceeds the limit with probability `level`. Kinds of which the
    smaller mix would hold less than one independent count are taken together, for their logarithms are mostly noise.
    NaN where one of the mixes is empty.
    """
    compute = MEASURES[measure][0]
    if not (expected.sum() > 0 and found.sum() > 0):
        return Distance(*[float("nan")] * 4)
    e, f = (np.asarray(mix, float) / clumps for mix in (expected, found))
    rare = (e + f) / (e + f).sum() * min(e.sum(), f.sum()) < RARE
    e, f = (np.append(mix[~rare], mix[rare].sum()) if rare.any() else mix for mix in (e, f))
    raw = float(compute(e, f))  # of independent counts: the half count added weighs as it does in the draws
    rng, pooled = np.random.default_rng(seed), (e + f) / (e + f).sum()
    drawn = [rng.multinomial(max(round(mix.sum()), 1), pooled, DRAWS) for mix in (e, f)]
    chance = compute(*drawn)
    noise = float(chance.mean())
    if np.isfinite(df):
        chance = chance * df / rng.chisquare(df, DRAWS)
    return Distance(raw - noise, raw, noise, float(np.quantile(chance, 1 - level)))


def binned(values: np.ndarray, week: np.ndarray, baseline_weeks: int, bins: int = 10) -> pd.DataFrame:
    """Numbers as a mix: how many of each week (rows, to 0) lie in each of `bins` equally filled ranges (columns).

    The ranges are those of the `baseline_weeks` before week 0; missing and infinite values do not count. `week` holds
    the number of each value's week; values after week 0 are left out.

    >>> binned(np.array([1.0, 2.0, 3.0, 4.0, 9.0]), np.array([-1, -1, -1, -1, 0]), 1, bins=2).to_numpy().tolist()
    [[2, 2], [0, 1]]
    """
    values, week = np.asarray(values, float), np.asarray(week)
    kept = np.isfinite(values) & (week <= 0)
    values, week = values[kept], week[kept]
    past = values[(week < 0) & (week >= -baseline_weeks)]
    if not len(past):
        return pd.DataFrame(index=pd.RangeIndex(0, 1, name="week"))
    edges = np.unique(np.quantile(past, np.linspace(0, 1, bins + 1)[1:-1]))
    first, kinds = int(week.min()), len(edges) + 1
    place = np.searchsorted(edges, values, side="right")
    counts = np.bincount((week - first) * kinds + place, minlength=(1 - first) * kinds).reshape(-1, kinds)
    ends = [f"{edge:.4g}" for edge in edges]
    starts = [
        f"below {ends[0]}" if ends else "all",
        *(f"{a} to {b}" for a, b in zip(ends, [*ends[1:], "more"], strict=True)),
    ]
    return pd.DataFrame(counts, pd.RangeIndex(first, 1, name="week"), starts)


class Watched(NamedTuple):
    """What is watched for drift, with the limits of the stability index and words for when it drifts.

    Attributes:
        name: what readers call it.
        cause: the likely cause; `{mover}` is the category or range whose share moved most, `{change}` by how much.
        action: what to do.
        watch: index from which on it is worth a look.
        act: index from which on something should be done.
    """

    name: str
    cause: str
    action: str
    watch: float = 0.1
    act: float = 0.25


#: What the workbook watches.
WATCHED: Final = {
    "purchases": Watched(
        "purchase mix",
        "customers buy other things, {mover} most ({change}): a season, a campaign, or a change of the range",
        "retrain, and compare with the same weeks of last year before any weight is changed",
    ),
    "prices": Watched(
        "prices paid",
        "prices moved, {mover} most ({change}): a price list, a sale, or amounts in another currency",
        "check the latest price file and its currency, then the rules that compare prices",
    ),
    "traffic": Watched(
        "traffic",
        "visitors come otherwise, {mover} most ({change}): a campaign, bots, or a tag that stopped counting",
        "check the tracking of the channel that moved and its campaigns before reading CTR",
    ),
    "scores": Watched(
        "scores",
        "models score otherwise, {mover} most ({change}): a training on other data, or a source that stopped",
        "compare the history the latest model learned from with the one before; go back to that model if it shrank",
    ),
}  # fmt: skip


def drift_table(
    mixes: dict[str, pd.DataFrame],
    baseline_weeks: int = 8,
    watched: dict[str, Watched] = WATCHED,
    measures: Sequence[str] = ("psi", "js"),
    false_alarms: float = 0.5,
    seed: int = 0,
) -> pd.DataFrame:
    """The latest week of each mix (weeks x categories, as `weekly_mix` gives it) beside the weeks before.

    A row for each mix and measure: name, measure, effect (at least 0), raw, noise, watch, act (limits of this
    measure), verdict, mover, change (of its share), cause and action (empty where nothing drifted). The verdict is
    `act` or `watch` where the effect reaches that limit and the raw distance also exceeds what chance brings, all
    mixes together, `false_alarms` times a quarter; `fine`, or `not enough data` without a latest week or a past.
    """
    level, rows = false_alarms / (QUARTER * max(len(mixes), 1)), []
    for key, mix in mixes.items():
        one, past = watched[key], mix.iloc[-baseline_weeks - 1 : -1].to_numpy(float)
        latest = mix.iloc[-1].to_numpy(float)
        expected = past.sum(axis=0)
        clumps = clumping(past) if past.size else 1.0
        df = max(((past > 0).any(axis=1).sum() - 1) * ((past > 0).any(axis=0).sum() - 1), 1) if past.size else np.inf
        for measure in measures:
            found = distance(expected, latest, measure, clumps, level, seed, df)
            watch, act = (limit * MEASURES[measure][1] for limit in (one.watch, one.act))
            beyond = found.raw > found.limit
            verdict = "act" if found.effect >= act else "watch" if found.effect >= watch else "fine"
            verdict = "not enough data" if np.isnan(found.effect) else verdict if beyond else "fine"
            mover, change = _mover(mix.columns, expected, latest)
            words = [text.format(mover=mover, change=f"{change:+.1%} of all") for text in (one.cause, one.action)]
            told = words if verdict in ("watch", "act") else ["", ""]
            effect = float(np.maximum(found.effect, 0))
            rows.append((one.name, measure, effect, found.raw, found.noise, watch, act, verdict, mover, change, *told))
    columns = ["name", "measure", "effect", "raw", "noise", "watch", "act", "verdict", "mover", "change", "cause"]
    return pd.DataFrame(rows, columns=[*columns, "action"])


def _mover(kinds: pd.Index, expected: np.ndarray, found: np.ndarray) -> tuple[str, float]:
    """The category whose share changed most and by how much; none where one of the mixes is empty."""
    if not (expected.sum() > 0 and found.sum() > 0):
        return "", float("nan")
    change = found / found.sum() - expected / expected.sum()
    most = int(np.abs(change).argmax())
    return str(kinds[most]), float(change[most])
