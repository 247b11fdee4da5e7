"""Tests published as snapshots: counts, means and variances of each arm over time, without the users behind them.

Each variant and metric gets the verdict that looking at every snapshot allows, and beside it what looking every day
at a p-value made for the end would have claimed.
"""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from scipy.stats import chi2, norm

from reco.errors import InputError
from reco.experiments.checks import ALARM
from reco.experiments.courses import course
from reco.experiments.metrics import Mean, Rate
from reco.experiments.moments import Moments, Part
from reco.experiments.schedules import many_bounds
from reco.experiments.sequential import LEAST, NEVER, mixture_rho

COLUMNS: Final = (
    "experiment_id", "variant_id", "metric_id", "time_since_start",
    "count_c", "count_t", "mean_c", "mean_t", "variance_c", "variance_t",
)  # fmt: skip
SERIES: Final = ["experiment", "variant", "metric"]
#: The metric of the ASOS tests that is yes or no by unit; the publisher names none of the four.
RATES: Final = (1,)
#: Units of both arms at which the confidence sequence is narrowest: a round number for a shop of this size.
TUNED: Final = 1_000_000
#: Flaws that do not keep a snapshot from being a look.
USED: Final = ("", "fewer units than before")
#: A z this far from those before and after it comes from the snapshot and not from the customers.
ASTRAY: Final = 2.0
#: Arms further apart than this were not planned to be equal, and what was planned is not published.
UNEQUAL: Final = 1.5


def read(path: str | Path) -> pd.DataFrame:
    """Snapshots in order: experiment, variant, metric, day (since the start), and n, mean, variance of both arms.

    Columns of the control end in `_c`, of the variant in `_t`. Raises `InputError` for a missing column, rows that
    say twice what was found at one moment, and numbers that no test can have.
    """
    try:
        frame = pd.read_parquet(path)
    except OSError as error:
        raise InputError(f"{path}: {error}") from None
    if missing := [column for column in COLUMNS if column not in frame]:
        raise InputError(f"{path}: no column {missing[0]!r}; the file has {', '.join(map(str, frame.columns))}")
    names = ("experiment", "variant", "metric", "day", "n_c", "n_t", "mean_c", "mean_t", "variance_c", "variance_t")
    frame = frame[list(COLUMNS)].set_axis(list(names), axis=1).sort_values([*SERIES, "day"], ignore_index=True)
    if twice := int(frame.duplicated([*SERIES, "day"]).sum()):
        raise InputError(f"{path}: {twice:,} snapshots of a moment that has one already")
    numbers = frame[list(names[3:])]
    if (wrong := int((numbers[["day", "n_c", "n_t", "variance_c", "variance_t"]] < 0).any(axis=1).sum())) or np.isinf(
        numbers.to_numpy()
    ).any():
        raise InputError(f"{path}: {wrong:,} snapshots with a day, count or variance below zero, or a value not finite")
    return frame


def flaws(snapshots: pd.DataFrame) -> pd.Series:
    """What keeps each snapshot from being a look, in words; empty for a sound one.

    `fewer units than before` is named and used all the same. `arms out of step` is a snapshot that took one arm later
    than the other: its z stands apart from the snapshots before and after it, on the same side of both, by more than
    `ASTRAY` and by more than six standard deviations of what new units can move it. That shows one snapshot later.
    """
    units = snapshots[["n_c", "n_t"]]
    spread = snapshots[["variance_c", "variance_t"]]
    fallen = (units.groupby([snapshots[key] for key in SERIES]).diff() < 0).any(axis=1)
    named = [
        (units.isna().any(axis=1) | snapshots[["mean_c", "mean_t"]].isna().any(axis=1), "count or mean missing"),
        ((units < 2).any(axis=1), "fewer than 2 units"),
        (spread.isna().any(axis=1), "variance missing"),
        ((spread == 0).any(axis=1), "no variation"),
        (fallen, "fewer units than before"),
    ]
    flaw = pd.Series(np.select([is_so for is_so, _ in named], [text for _, text in named], ""), snapshots.index)
    sound = flaw.isin(USED)
    flaw[sound & _astray(snapshots[sound]).reindex(snapshots.index, fill_value=False)] = "arms out of step"
    return flaw


def looks(
    snapshots: pd.DataFrame, experiment: str, variant: int, metric: int
) -> tuple[dict[str, dict[float, Moments]], Mean | Rate]:
    """Moments by arm and day of one test's sound snapshots, for `sequential.watch`, and the metric they are of.

    The arms are `control` and the variant's number. Raises `InputError` where there is no sound snapshot.
    """
    one = snapshots[_where(snapshots, experiment, variant, metric)]
    one = one[flaws(one).isin(USED)]
    if one.empty:
        raise InputError(f"no sound snapshot of experiment {experiment}, variant {variant}, metric {metric}")
    name = f"metric {metric}"
    measure = Rate(name) if metric in RATES else Mean(name)
    arms = {"control": "c", str(variant): "t"}
    found = {}
    for arm, end in arms.items():
        rows = zip(one["day"], one[f"n_{end}"], one[f"mean_{end}"], one[f"variance_{end}"], strict=True)
        part = Part(name, "any") if metric in RATES else Part(name)
        found[arm] = {day: Moments.from_summary(part, int(n), mean, spread) for day, n, mean, spread in rows}
    return found, measure


def follow(
    snapshots: pd.DataFrame, experiment: str, variant: int, metric: int, confidence: float = 0.95
) -> pd.DataFrame:
    """One comparison over time: what `watch` says at every sound snapshot, with the interval that looks once.

    Adds day, once_low and once_high to the columns of `watch`; the level is shared by the experiment's variants.
    """
    found, measure = looks(snapshots, experiment, variant, metric)
    rivals = snapshots.loc[snapshots["experiment"] == experiment, "variant"].nunique()
    days, end = list(found["control"]), snapshots.loc[_where(snapshots, experiment, variant, metric), "day"].max()
    level = 1 - (1 - confidence) / rivals
    options = {"control": "control", "planned": end, "by": "days", "confidence": level, "once": confidence}
    return course(found, measure, **options).assign(day=days)


def judge(snapshots: pd.DataFrame, confidence: float = 0.95, tuned: float = TUNED) -> pd.DataFrame:
    """Every variant and metric of every experiment: its verdict, when it could have been given, what peeking claims.

    One row an experiment, variant and metric:

    - snapshots, flawed (left out), days (length of the test), units, control_units, value, control_value, relative
    - effect, effect_low, effect_high: at the last sound snapshot; the interval holds at all looks together
    - p_value: the one made for the planned end, which is the last snapshot; missing where that one is flawed
    - sequential: `higher` or `lower` from the first look beyond its O'Brien-Fleming limit, `tie` where the planned
      end has come without, `no verdict` where the test ends on a flawed snapshot; `decided` is the day, `saved` the
      share of the test's days after it, `held` whether the p-value of the end says the same
    - open, open_decided: the same by a confidence sequence, for a test without a planned end
    - claim, claimed: what a p-value below 1 - confidence, looked at once a day, claims first, and when; `stood` is as
      `held`
    - sample_ratio (`kept`, `alarm`, or `plan unknown` where the arms are too unequal to have been planned equal)
      with ratio_p
    - verdict: as `sequential`, but `not trustworthy` after an alarm

    An experiment's variants share `1 - confidence`; metrics are judged each by itself.
    """
    keys = snapshots[SERIES].drop_duplicates(ignore_index=True)
    series = snapshots.groupby(SERIES, sort=False).ngroup().to_numpy()
    flaw = flaws(snapshots)
    sound = flaw.isin(USED).to_numpy()
    end = snapshots.groupby(SERIES, sort=False).tail(1).reset_index(drop=True)
    finished = pd.Series(sound).groupby(series).last().to_numpy()
    alpha = (1 - confidence) / keys.groupby("experiment")["variant"].transform("nunique").to_numpy()

    good, at = snapshots[sound], series[sound]
    z, variance, known = _tests(good)
    counts = np.bincount(at, minlength=len(keys))
    place = (at, good.groupby(at).cumcount().to_numpy())
    times, knows = np.ones((2, len(keys), max(int(counts.max(initial=0)), 1)))
    times[place] = good["day"].to_numpy() / end["day"].to_numpy()[at]
    knows[place] = known
    have = counts > 0
    limits = np.full(times.shape, np.inf)
    limits[have] = many_bounds(times[have], _rising(knows)[have], counts[have], alpha[have])
    limit = limits[place]

    size = (good["n_c"] + good["n_t"]).to_numpy()
    rho = np.array([mixture_rho(tuned, level) for level in alpha])[at]
    ever = np.sqrt((size + rho) * (np.log1p(size / rho) + 2 * np.log(1 / alpha[at])) / size)
    once = norm.ppf((1 + confidence) / 2)
    last_of_day = ~pd.DataFrame({"s": at, "day": np.ceil(good["day"].to_numpy() - 1e-6)}).duplicated(keep="last")

    table = keys.assign(
        snapshots=np.bincount(series, minlength=len(keys)), flawed=np.bincount(series[~sound], minlength=len(keys)),
        days=end["day"], units=end["n_t"], control_units=end["n_c"],
    )  # fmt: skip
    final = pd.DataFrame(
        {
            "value": good["mean_t"].to_numpy(),
            "control_value": good["mean_c"].to_numpy(),
            "margin": np.where(limit < NEVER, limit, np.inf) * np.sqrt(variance),
            "z": z,
        }
    )
    final = final.groupby(at).last().reindex(range(len(keys)))
    table[["value", "control_value"]] = final[["value", "control_value"]]
    table["effect"] = table["value"] - table["control_value"]
    table["relative"] = table["effect"] / table["control_value"].where(table["control_value"] != 0)
    table["effect_low"], table["effect_high"] = table["effect"] - final["margin"], table["effect"] + final["margin"]
    table["p_value"] = np.where(finished, 2 * norm.sf(final["z"].abs()), np.nan)
    day = good["day"].to_numpy()
    rest = np.where(finished, "tie", "no verdict")
    table["sequential"], table["decided"] = _first(np.abs(z) > limit, z, day, at, rest)
    table["saved"] = 1 - table["decided"] / table["days"]
    table["open"], table["open_decided"] = _first(
        np.abs(z) > ever, z, day, at, np.where(have, "continue", "no verdict")
    )
    peeked = (np.abs(z) > once) & last_of_day.to_numpy()
    table["claim"], table["claimed"] = _first(peeked, z, day, at, np.full(len(keys), "none"))
    at_end = np.where(final["z"] > once, "higher", np.where(final["z"] < -once, "lower", "none"))
    for said, confirmed in (("sequential", "held"), ("claim", "stood")):
        table[confirmed] = pd.array(table[said] == at_end, dtype="boolean")
        table.loc[~table[said].isin(["higher", "lower"]) | ~finished, confirmed] = pd.NA
    table["ratio_p"], table["sample_ratio"] = _sample_ratio(end)
    alarm = table["sample_ratio"] == "alarm"
    return table.assign(verdict=table["sequential"].where(~alarm, "not trustworthy"))


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """What `judge` found, counted: a row a metric and one for all of them.

    Columns: metric, comparisons, no_verdict, ratio_alarms, decided (by O'Brien-Fleming before or at the end), early
    (before it), median_saved (share of days, of those decided), overturned (of those
    decided, those that the end does not confirm), open_decided, claimed (by peeking), checked (of
    these, those whose end is known), unconfirmed (of these, those that the end does not confirm).
    """

    def count(part: pd.DataFrame) -> dict[str, object]:
        clear = part["decided"].notna()
        return {
            "comparisons": len(part),
            "no_verdict": int((part["sequential"] == "no verdict").sum()),
            "ratio_alarms": int((part["sample_ratio"] == "alarm").sum()),
            "decided": int(clear.sum()),
            "early": int((part["saved"] > 0).sum()),
            "median_saved": part.loc[clear, "saved"].median(),
            "overturned": int((part["held"] == False).sum()),  # noqa: E712
            "open_decided": int(part["open_decided"].notna().sum()),
            "claimed": int(part["claimed"].notna().sum()),
            "checked": int(part["stood"].notna().sum()),
            "unconfirmed": int((part["stood"] == False).sum()),  # noqa: E712
        }

    groups = [(str(metric), part) for metric, part in table.groupby("metric")]
    return pd.DataFrame([{"metric": name, **count(part)} for name, part in [*groups, ("all", table)]])


def flawed(snapshots: pd.DataFrame) -> pd.DataFrame:
    """Snapshots by what is wrong with them: flaw, snapshots, experiments, used."""
    found = snapshots.assign(flaw=flaws(snapshots)).query("flaw != ''").groupby("flaw")
    table = found.agg(snapshots=("day", "size"), experiments=("experiment", "nunique")).reset_index()
    return table.assign(used=table["flaw"].isin(USED))


def _where(snapshots: pd.DataFrame, experiment: str, variant: int, metric: int) -> pd.Series:
    return (snapshots["experiment"] == experiment) & (snapshots["variant"] == variant) & (snapshots["metric"] == metric)


def _astray(sound: pd.DataFrame) -> pd.Series:
    """Whether the z of a snapshot jumps away from the one before it and back at the next."""
    z, _, known = _tests(sound)
    series = [sound[key] for key in SERIES]
    table = pd.DataFrame({"z": z, "known": known}, index=sound.index)
    before = table.groupby(series).shift()
    kept = np.sqrt(np.minimum(before["known"] / table["known"], 1))
    jump = table["z"] - before["z"]
    far = jump.abs() > np.maximum(ASTRAY, 6 * np.sqrt(2 * (1 - kept)))
    after = pd.DataFrame({"jump": jump, "far": far}).groupby(series).shift(-1)
    return far & (after["far"] == True) & (np.sign(jump) == -np.sign(after["jump"]))  # noqa: E712


def _tests(good: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Statistic, variance of the effect and information of each snapshot, as `Rate` and `Mean` have them."""
    n_c, n_t, c, t = (good[name].to_numpy(float) for name in ("n_c", "n_t", "mean_c", "mean_t"))
    is_rate = good["metric"].isin(RATES).to_numpy()
    pooled = (n_c * c + n_t * t) / (n_c + n_t)
    variance = good["variance_c"].to_numpy() / n_c + good["variance_t"].to_numpy() / n_t
    variance = np.where(is_rate, c * (1 - c) / n_c + t * (1 - t) / n_t, variance)
    tested = np.where(is_rate, pooled * (1 - pooled) * (1 / n_c + 1 / n_t), variance)
    return (t - c) / np.sqrt(tested), variance, ((c + t) / 2) ** 2 / variance


def _rising(known: np.ndarray) -> np.ndarray:
    """Information that never falls, as `sequential.information` has it."""
    known = known.copy()
    for look in range(1, known.shape[1]):
        known[:, look] = np.maximum(known[:, look], known[:, look - 1] * (1 + LEAST))
    return known


def _first(
    beyond: np.ndarray, z: np.ndarray, day: np.ndarray, at: np.ndarray, rest: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """By series, `higher` or `lower` and the day at its first row that is `beyond`, else `rest` and no day."""
    found, first = np.unique(at[beyond], return_index=True)
    said, when = rest.astype(object), np.full(len(rest), np.nan)
    said[found] = np.where(z[beyond][first] > 0, "higher", "lower")
    when[found] = day[beyond][first]
    return said, when


def _sample_ratio(end: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Chi-square test that both arms of each row got equal shares, and what it means."""
    n_c, n_t = end["n_c"].to_numpy(float), end["n_t"].to_numpy(float)
    p_value = chi2.sf((n_t - n_c) ** 2 / np.maximum(n_t + n_c, 1), 1)
    ratio = np.maximum(n_t, n_c) / np.maximum(np.minimum(n_t, n_c), 1)
    said = np.select([ratio > UNEQUAL, p_value < ALARM], ["plan unknown", "alarm"], "kept")
    return np.where(ratio > UNEQUAL, np.nan, p_value), said
