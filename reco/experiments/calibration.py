"""Do the tests keep their promises? Simulated experiments, with and without an effect, judged by the same formulas.

Everything here is simulated: users of three arms enter over fourteen days, with one to eight sessions, clicks by a
taste of their own (beta), orders from clicks and log-normal order values. Users of a kind (sessions, clicks, orders)
are drawn together, which is exact and makes thousands of experiments cheap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import betabinom, binom, chi2, norm, poisson

from reco.experiments.checks import ALARM
from reco.experiments.design import Spread
from reco.experiments.metrics import Metric, Rate, Ratio
from reco.experiments.moments import Moments, Part
from reco.experiments.sequential import bounds, mixture_rho

#: What is summed over users, and where.
SESSIONS, CLICKS, BOUGHT, REVENUE = Part("sessions"), Part("clicks"), Part("bought", "any"), Part("revenue")
PARTS: Final = (SESSIONS, CLICKS, BOUGHT, REVENUE)
METRICS: Final[dict[str, Metric]] = {
    "click-through rate": Ratio("clicks", "sessions"),
    "conversion rate": Rate("bought"),
    "revenue per session": Ratio("revenue", "sessions"),
}
_BATCH: Final = 250


@dataclass(frozen=True)
class World:
    """How simulated users behave; the control's click-through rate is `taste`, and `lift` is that of the second arm."""

    users_per_arm: int = 3920
    arms: int = 3
    days: int = 14
    taste: float = 0.25
    order: float = 0.2
    sigma: float = 0.8
    lift: float = 0.0


class Sums(NamedTuple):
    """Cumulative sums by experiment, arm and day: n (…), sums (…, 4) and products (…, 4, 4) in the order of PARTS."""

    n: np.ndarray
    sums: np.ndarray
    products: np.ndarray

    def moments(self, experiment: int, arm: int, day: int = -1) -> Moments:
        """Those of one arm of one experiment at the end of a day."""
        at = (experiment, arm, day)
        return Moments(PARTS, int(self.n[at]), self.sums[at], self.products[at])


def simulate(experiments: int, rng: np.random.Generator, world: World | None = None) -> Sums:
    """Cumulative sums of many experiments."""
    world = world or World()
    batches = [_batch(min(_BATCH, experiments - start), rng, world) for start in range(0, experiments, _BATCH)]
    return Sums(*(np.concatenate(parts).cumsum(axis=2) for parts in zip(*batches, strict=True)))


def statistics(sums: Sums, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Differences of every arm from the first and their standard errors, by experiment, arm and day."""
    n = sums.n
    if metric == "conversion rate":
        value = sums.sums[..., 2] / n
        pooled = (sums.sums[:, 1:, :, 2] + sums.sums[:, :1, :, 2]) / (n[:, 1:] + n[:, :1])
        error = np.sqrt(pooled * (1 - pooled) * (1 / n[:, 1:] + 1 / n[:, :1]))
    else:
        value, variance = _ratio(sums, 1 if metric == "click-through rate" else 3)
        error = np.sqrt(variance[:, 1:] + variance[:, :1])
    return value[:, 1:] - value[:, :1], error


def calibrate(experiments: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Error rates, coverage and power over simulated experiments, beside what naive analyses would do.

    Columns: claim, found, low, high, experiments, kept. `low` and `high` are what was promised; both missing for the
    naive ways, which promise nothing. Bands of two-sided claims widen with the noise of few experiments (99 %).
    """
    rng, world = np.random.default_rng(seed), World()
    sums = simulate(experiments, rng, world)
    noise = norm.ppf(0.995) * np.sqrt(0.05 * 0.95 / experiments)
    rows: list[tuple[str, float, float, float]] = []
    z = {}
    for metric in METRICS:
        effect, error = statistics(sums, metric)
        z[metric] = np.divide(effect, error, out=np.zeros_like(effect), where=error > 0)
        wrong = float((np.abs(z[metric][:, 0, -1]) > norm.isf(0.025)).mean())
        rows.append((f"false positives, {metric}", wrong, 0.05 - noise, 0.05 + noise))
    rows += _families(np.stack([z[metric][:, :, -1] for metric in METRICS], axis=1), noise)
    rows += _early(sums, z["click-through rate"][:, 0], world, noise)
    alarms = (chi2.sf(_split(sums.n), world.arms - 1) < ALARM).any(axis=1).mean()
    rows.append(("sample-ratio alarms, 14 looks", float(alarms), 0.0, 0.01))
    rows.append(("naive: sessions as independent, click-through rate", _naive_sessions(sums), np.nan, np.nan))
    rows += [_power(experiments, rng, noise), *_coverage(experiments, rng, noise)]
    table = pd.DataFrame(rows, columns=["claim", "found", "low", "high"]).assign(experiments=experiments)
    return table.assign(kept=table["low"].isna() | table["found"].between(table["low"], table["high"]))


def fieller_covers(above: np.ndarray, below: np.ndarray, ratio: float = 1.0, confidence: float = 0.95) -> np.ndarray:
    """Whether Fieller's interval of a quotient of two means holds `ratio`; columns of both: value, variance."""
    distance = above[:, 0] - ratio * below[:, 0]
    return distance**2 <= norm.ppf((1 + confidence) / 2) ** 2 * (above[:, 1] + ratio**2 * below[:, 1])


def newcombe(hits: np.ndarray, n: int, hits_0: np.ndarray, n_0: int, confidence: float = 0.95) -> np.ndarray:
    """Newcombe's limits of many differences of rates at once, a row each."""
    q = norm.ppf((1 + confidence) / 2)
    (rate, low, high), (rate_0, low_0, high_0) = (_wilson(h, m, q) for h, m in ((hits, n), (hits_0, n_0)))
    difference = rate - rate_0
    return np.column_stack(
        [
            difference - np.sqrt((rate - low) ** 2 + (high_0 - rate_0) ** 2),
            difference + np.sqrt((high - rate) ** 2 + (rate_0 - low_0) ** 2),
        ]
    )


def _batch(experiments: int, rng: np.random.Generator, world: World) -> Sums:
    """What each day adds."""
    places = world.arms * world.days
    shape = (experiments, world.arms, world.days)
    entered = rng.multinomial(world.users_per_arm * world.arms, np.full(places, 1 / places), experiments).reshape(shape)
    kinds, chances = _kinds(world)
    sessions, clicks, orders = kinds.T
    counts = np.stack([rng.multinomial(entered[:, arm], chances[arm]) for arm in range(world.arms)], axis=1)
    values = np.column_stack([sessions, clicks, orders > 0]).astype(float)
    flat = counts.reshape(-1, len(kinds)).astype(float)
    total = np.zeros((len(flat), 4))
    products = np.zeros((len(flat), 4, 4))
    total[:, :3] = flat @ values
    products[:, :3, :3] = (flat @ (values[:, :, None] * values[:, None, :]).reshape(len(kinds), 9)).reshape(-1, 3, 3)
    # buyers one by one, as order values differ
    buying = np.flatnonzero(orders > 0)
    many = counts.reshape(-1, len(kinds))[:, buying]
    place, kind = np.divmod(np.repeat(np.arange(many.size), many.ravel()), len(buying))
    bought = orders[buying][kind]
    spent = np.bincount(
        np.repeat(np.arange(len(bought)), bought), rng.lognormal(3, world.sigma, int(bought.sum())), len(bought)
    )
    total[:, 3] = np.bincount(place, spent, len(flat))
    products[:, 3, 3] = np.bincount(place, spent**2, len(flat))
    for part, weight in enumerate((sessions, clicks, np.ones(len(kinds)))):
        cross = np.bincount(place, spent * weight[buying][kind], len(flat))
        products[:, 3, part] = products[:, part, 3] = cross
    return Sums(entered, total.reshape(*shape, 4), products.reshape(*shape, 4, 4))


def _kinds(world: World) -> tuple[np.ndarray, list[np.ndarray]]:
    """Kinds of users (sessions, clicks, orders) and the chance of each by arm."""
    most = 8
    kinds = np.array([(s, c, k) for s in range(1, most + 1) for c in range(s + 1) for k in range(c + 1)])
    s, c, k = kinds.T
    often = poisson.pmf(s - 1, 1) / poisson.cdf(most - 1, 1)
    chances = []
    for arm in range(world.arms):
        taste = world.taste * (1 + world.lift if arm == 1 else 1)
        chance = often * betabinom.pmf(c, s, taste, 1 - taste) * binom.pmf(k, c, world.order)
        chances.append(chance / chance.sum())
    return kinds, chances


def _ratio(sums: Sums, part: int) -> tuple[np.ndarray, np.ndarray]:
    """Total of a part per session and the variance of it, by the delta method over users."""
    n, below = sums.n, sums.sums[..., 0]
    value = sums.sums[..., part] / below
    square = (
        sums.products[..., part, part] - 2 * value * sums.products[..., part, 0] + value**2 * sums.products[..., 0, 0]
    )
    return value, square / (n - 1) * n / below**2


def _naive_sessions(sums: Sums) -> float:
    """False positives where every session counts as independent."""
    clicks, sessions = sums.sums[:, :2, -1, 1], sums.sums[:, :2, -1, 0]
    rate, pooled = clicks / sessions, clicks.sum(axis=1) / sessions.sum(axis=1)
    error = np.sqrt(pooled * (1 - pooled) * (1 / sessions).sum(axis=1))
    return float((np.abs(rate[:, 1] - rate[:, 0]) > norm.isf(0.025) * error).mean())


def _families(z: np.ndarray, noise: float) -> list[tuple[str, float, float, float]]:
    """Any false win: two variants on one metric, then all metrics; Holm rejects anything where Bonferroni does."""
    smallest = [2 * norm.sf(np.abs(part).reshape(len(z), -1).max(axis=1)) for part in (z[:, 0], z)]
    two, six = smallest
    return [
        ("any false win of 2, Holm", float((2 * two <= 0.05).mean()), 0.0, 0.05 + noise),
        ("any false win of 6, Holm", float((6 * six <= 0.05).mean()), 0.0, 0.05 + noise),
        ("naive: any false win of 6, uncorrected", float((six <= 0.05).mean()), np.nan, np.nan),
    ]


def _early(sums: Sums, z: np.ndarray, world: World, noise: float) -> list[tuple[str, float, float, float]]:
    """Any false win at any of the daily looks."""
    looks = np.arange(1, world.days + 1) / world.days
    size = sums.n[:, 1] + sums.n[:, 0]
    rho = mixture_rho(5000)
    sequence = np.sqrt((size + rho) * (np.log1p(size / rho) + 2 * np.log(20)) / size)
    return [
        (
            "false wins, 14 looks, O'Brien-Fleming",
            float((np.abs(z) > bounds(looks)).any(axis=1).mean()),
            0,
            0.05 + noise,
        ),
        ("false wins, 14 looks, confidence sequence", float((np.abs(z) > sequence).any(axis=1).mean()), 0, 0.05),
        ("naive: daily peeking", float((np.abs(z) > norm.isf(0.025)).any(axis=1).mean()), np.nan, np.nan),
    ]


def _split(n: np.ndarray) -> np.ndarray:
    expected = n.mean(axis=1, keepdims=True)
    return ((n - expected) ** 2 / expected).sum(axis=1)


def _power(experiments: int, rng: np.random.Generator, noise: float) -> tuple[str, float, float, float]:
    """Power at a lift of 7.2 %, against the plan's formula with the spread of the control."""
    world = World(lift=0.072, days=1, arms=2)
    sums = simulate(experiments, rng, world)
    effect, error = statistics(sums, "click-through rate")
    value, variance = (part.mean() for part in _ratio(Sums(*(part[:, :1] for part in sums)), 1))
    planned = Spread(value, float(np.sqrt(variance * world.users_per_arm))).power(world.users_per_arm, world.lift)
    found, slack = float((effect[:, 0, 0] > norm.isf(0.025) * error[:, 0, 0]).mean()), 0.02 + noise
    return f"power of a plan with {planned:.1%}", found, planned - slack, planned + slack


def _coverage(experiments: int, rng: np.random.Generator, noise: float) -> Sequence[tuple[str, float, float, float]]:
    """Intervals of rates and of revenue lift at 500 conversions in each arm, sigma 2, no effect."""
    n, hits = 25_000, rng.binomial(25_000, 0.02, (experiments, 2))
    limits = newcombe(hits[:, 1], n, hits[:, 0], n)
    held = float(((limits[:, 0] <= 0) & (limits[:, 1] >= 0)).mean())
    arms = []
    for arm in range(2):
        owner = np.repeat(np.arange(experiments), hits[:, arm])
        value = rng.lognormal(0, 2, len(owner))
        total, square = np.bincount(owner, value, experiments), np.bincount(owner, value**2, experiments)
        arms.append(np.column_stack([total / n, (square - total**2 / n) / (n - 1) / n]))
    lift = float(fieller_covers(arms[1], arms[0]).mean())
    return [
        ("coverage of rates, 500 conversions", held, 0.95 - max(noise, 0.01), 0.95 + max(noise, 0.01)),
        ("coverage of revenue lift, 500 conversions, sigma 2", lift, 0.94 - noise / 2, 0.97 + noise / 2),
    ]


def _wilson(hits: np.ndarray, n: int, q: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rate = hits / n
    middle, half = rate + q**2 / (2 * n), q * np.sqrt(rate * (1 - rate) / n + q**2 / (4 * n**2))
    return rate, (middle - half) / (1 + q**2 / n), (middle + half) / (1 + q**2 / n)


def main() -> None:
    """Print the calibration of 20,000 experiments; exit 1 if a promise was not kept."""
    table = calibrate(20_000)
    print(table.round(4).to_string(index=False))
    raise SystemExit(not table["kept"].all())


if __name__ == "__main__":
    main()
