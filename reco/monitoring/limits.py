"""Control limits of click-through and conversion rates that know weekday and season, with few false alarms."""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import betainccinv, betaincinv, expit, logit

from reco.errors import InputError

#: Days of a quarter.
QUARTER: Final = 91

#: Residuals beyond so many scales weigh less: 95 % of the efficiency of least squares where nothing is odd.
HUBER: Final = 1.345

#: Variance of a standard normal residual that is cut off there.
BOUNDED: Final = float(stats.chi2.cdf(HUBER**2, 3) + HUBER**2 * 2 * stats.norm.sf(HUBER))

#: Standard deviation of weekdays' logits around their mean, as guessed before any day is seen: it matters only where
#: clicks are few, and keeps a weekday on which nobody happened to click from being expected to have none.
WEEKDAYS: Final = 0.5

#: A year's turn is learned from so many days on; from fewer it cannot be told from a trend.
YEARS: Final = 400


class Fit(NamedTuple):
    """Robust regressions of many rates on the same days.

    Attributes:
        coefficients: series x columns of the design, in logits.
        covariance: series x columns x columns, of the coefficients.
        scatter: variance of a day's logit beyond sampling, at least 0; by series.
        df: days less columns.
    """

    coefficients: np.ndarray
    covariance: np.ndarray
    scatter: np.ndarray
    df: int


def design(days: pd.DatetimeIndex, first: pd.Timestamp, span: int) -> np.ndarray:
    """The days as a regression sees them: days x columns, seven of weekdays and, from 400 days on, two waves a year.

    `first` and `span` (days) are those of the history that is learned from, for all days alike.

    >>> design(pd.DatetimeIndex(["2026-03-02", "2026-03-08"]), pd.Timestamp("2026-03-02"), 56).nonzero()[1].tolist()
    [0, 6]
    """
    parts = [np.eye(7)[days.day_of_week]]
    if span >= YEARS:
        turn = 2 * np.pi * np.asarray((days - first) / pd.Timedelta(days=365.25), float)[:, None]
        parts += [wave(times * turn) for times in (1, 2) for wave in (np.sin, np.cos)]
    return np.hstack(parts)


def learn(X: np.ndarray, successes: np.ndarray, trials: np.ndarray, rounds: int = 25) -> Fit:
    """Regress rates (`successes` of `trials`, series x days) on `X` (days x columns), odd days weighing less.

    A binomial regression in logits whose days scatter more than sampling: a day's variance is m + m² t, where m is
    n p (1 - p) and t the scatter of its logit. Days weigh by Huber's function of their standardized residual, and the
    scatter is such that the residuals so bounded have the variance they should (Huber's proposal 2). Days without
    trials do not count. The first seven columns are the weekdays, drawn to their mean where they hold little.
    E. Cantoni, E. Ronchetti, "Robust inference for generalized linear models", JASA 2001.
    """
    n, s, (count, columns) = trials, successes, X.shape
    known = n > 0
    df = max(int(known.sum(axis=1).min()) - columns, 1)
    squares = (X[:, :, None] * X[:, None, :]).reshape(count, -1)
    start = logit((s.sum(axis=1) + 0.5) / (n.sum(axis=1) + 1))
    line, scatter = np.repeat(start[:, None], count, axis=1), np.zeros(len(n))
    prior = np.zeros((columns, columns))
    prior[:7, :7] = (np.eye(7) - 1 / 7) / WEEKDAYS**2
    prior += 1e-9 * np.eye(columns)
    for _ in range(rounds):
        rate = expit(line)
        m = np.maximum(n * rate * (1 - rate), 1e-12)
        spread = np.sqrt(m + m**2 * scatter[:, None])
        residual = np.where(known, (s - n * rate) / spread, 0)
        weights = np.minimum(1, HUBER / np.maximum(np.abs(residual), 1e-12))
        precision = np.where(known, weights * (m / spread) ** 2, 0)
        inverse = np.linalg.inv((precision @ squares).reshape(-1, columns, columns) + prior)
        target = precision * (line + np.where(known, (s - n * rate) / m, 0))
        coefficients = np.einsum("spq,sq->sp", inverse, target @ X)
        line = np.clip(coefficients @ X.T, -30, 30)
        bounded = (np.clip(residual, -HUBER, HUBER) ** 2).sum(axis=1) / (df * BOUNDED)
        # the residuals' variance is m (1 + m t) / (m (1 + m t now)): move t to where it is 1
        typical = m.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        scatter = np.maximum((bounded * (1 + typical * scatter) - 1) / typical, 0)
    return Fit(coefficients, inverse, scatter, df)


def alarm_level(false_alarms: float, charts: int, per_quarter: float = QUARTER) -> float:
    """The chance of a false alarm that one point of one of `charts` may have, for so many a quarter in all.

    >>> round(alarm_level(0.5, charts=2), 5)
    0.00275
    """
    return false_alarms / (per_quarter * charts)


def bounds(X: np.ndarray, fit: Fit, trials: np.ndarray, level: float) -> tuple[np.ndarray, ...]:
    """Expected rate, lower limit, upper limit and standard error of a new day's rate (each series x days).

    The variance is that of sampling `trials` (series x days), of the days' scatter and of the fit. The limits are
    quantiles of the beta distribution with this mean and variance, for rates are skewed where clicks are few, half a
    count wider, for counts are whole, and further out by as much as Student's t is wider than the normal distribution.
    """
    rate = expit(np.clip(X @ fit.coefficients.T, -30, 30).T)
    binomial = rate * (1 - rate)
    doubt = np.einsum("dp,spq,dq->sd", X, fit.covariance, X)
    n = np.maximum(trials, 1)
    variance = binomial / n + binomial**2 * (fit.scatter[:, None] + doubt)
    size = np.maximum(binomial / variance - 1, 1e-3)
    tail = stats.norm.sf(stats.t.isf(level / 2, fit.df))
    a, b = rate * size, (1 - rate) * size
    low, high = betaincinv(a, b, tail) - 0.5 / n, betainccinv(a, b, tail) + 0.5 / n
    return rate, np.maximum(low, 0), np.minimum(high, 1), np.sqrt(variance)


def control_limits(
    daily: pd.DataFrame,
    *,
    successes: str = "clicks",
    trials: str = "impressions",
    latest: int = 7,
    false_alarms: float = 0.5,
    charts: int = 2,
    least_days: int = 28,
) -> pd.DataFrame:
    """The days of a rate beside what weekday and season lead to expect: learned from all but the `latest` days.

    `daily` has `day` (dates or ISO text), `successes` and `trials`, one row a day, as `Summary.by("day")` gives it;
    days without trials have no rate and raise no alarm, rows without a day do not count. For the conversion rate
    (`orders` of `clicks`) leave out days whose attribution window is not over: their orders still come in.
    Result: day, trials, rate, expected, low, high, z (standard errors from the expected), learned (whether the limits
    were learned from this day) and verdict: `above`, `below`, `inside`, or `no data`. The days are a binomial that
    scatters more than sampling (a quasi-binomial whose scale is measured). `false_alarms` is how many a quarter may
    bring in all `charts` that are watched. Fewer than `least_days` days to learn from, or two rows of a day, raise
    `InputError`.
    """
    frame = daily.assign(day=pd.to_datetime(daily["day"])).dropna(subset="day").sort_values("day", ignore_index=True)
    days = pd.DatetimeIndex(frame["day"])
    known = len(frame) - latest
    if known < least_days:
        raise InputError(f"control limits of {successes}: expected at least {least_days} days before, found {known}")
    if frame["day"].duplicated().any():
        raise InputError(f"control limits of {successes}: expected one row a day, found {days[days.duplicated()][0]}")
    X = design(days, days[0], (days[known - 1] - days[0]).days + 1)
    n, s = (frame[name].to_numpy(float)[None] for name in (trials, successes))
    fit = learn(X[:known], s[:, :known], n[:, :known])
    rate, low, high, error = (part[0] for part in bounds(X, fit, n, alarm_level(false_alarms, charts)))
    empty = n[0] == 0
    found = np.where(empty, np.nan, s[0] / np.where(empty, 1, n[0]))
    z = np.where(empty, np.nan, (found - rate) / error)
    verdict = np.select([empty, found > high, found < low], ["no data", "above", "below"], "inside")
    return pd.DataFrame(
        {
            "day": frame["day"],
            "trials": frame[trials],
            "rate": found,
            "expected": rate,
            "low": low,
            "high": high,
            "z": z,
            "learned": np.arange(len(frame)) < known,
            "verdict": verdict,
        }
    )


def false_alarm_rate(
    simulations: int,
    *,
    rate: float = 0.08,
    trials: int = 2_000,
    scatter: float = 0.05,
    baseline: int = 56,
    false_alarms: float = 0.5,
    charts: int = 2,
    seed: int = 0,
) -> np.ndarray:
    """False alarms of each of so many simulated quarters in which nothing changed, `charts` of a rate each.

    Weekdays differ by a third, traffic by as much, each day's logit scatters by `scatter` beside sampling, and the
    limits are learned anew every week from the `baseline` days before it.
    """
    rng, series = np.random.default_rng(seed), simulations * charts
    days = pd.date_range("2026-01-05", periods=baseline + QUARTER, freq="D")
    weekly = 1 + np.sin(2 * np.pi * np.arange(7) / 7)[days.day_of_week] / 3
    n = rng.poisson(trials * weekly, (series, len(days))).astype(float)
    s = rng.binomial(n.astype(int), expit(logit(rate * weekly) + rng.normal(0, scatter, n.shape))).astype(float)
    X, level, alarms = design(days, days[0], baseline), alarm_level(false_alarms, charts), np.zeros(series)
    for week in range(QUARTER // 7):
        past, now = slice(7 * week, 7 * week + baseline), slice(7 * week + baseline, 7 * week + baseline + 7)
        _, low, high, _ = bounds(X[now], learn(X[past], s[:, past], n[:, past]), n[:, now], level)
        found = s[:, now] / n[:, now]
        alarms += ((found < low) | (found > high)).sum(axis=1)
    return alarms.reshape(simulations, charts).sum(axis=1)
