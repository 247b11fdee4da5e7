"""Effects that wear off, and the noise of users who come back."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reco.errors import InputError
from reco.experiments import Ratio
from reco.experiments.cells import ratios
from reco.experiments.novelty import ages, contrasts, novelty, novelty_sentence


def visits(shape, seed=7, start=0.1):
    """1,600 users seen on each of ten days; `shape` is B's lift by day."""
    rng = np.random.default_rng(seed)
    user, day = np.repeat(np.arange(1600), 10), np.tile(np.arange(10), 1600)
    lift = np.where(user % 2, np.asarray(shape)[day], 0.0)
    taste = rng.beta(2, 18, 1600)[user] + start + lift
    entered = pd.Timestamp("2026-03-01") + pd.to_timedelta(rng.integers(0, 72, 1600), unit="h")
    return pd.DataFrame(
        {
            "user_id": user,
            "variant": np.array(list("AB"))[user % 2],
            "day": day,
            "at": entered[user] + pd.to_timedelta(day, unit="D"),
            "clicked": rng.random(16000) < taste,
        }
    )


@pytest.mark.parametrize(
    ("shape", "reading", "words"),
    [
        (np.linspace(0.12, 0.0, 10), "wears off", "part of it is novelty"),
        (np.linspace(-0.05, 0.08, 10), "learning", "users learn"),
        (np.linspace(0.0, -0.1, 10) - 0.03, "gets worse", "gets worse"),
        (np.full(10, 0.05), "no sign", "no sign of novelty"),
    ],
)
def test_trends_are_read(shape, reading, words):
    result = novelty(visits(shape), Ratio("clicked"), time="at")
    row = result.trend.iloc[0]
    assert row["reading"] == reading and words in novelty_sentence(row)
    assert row["slope_low"] < (shape[-1] - shape[0]) / 9 < row["slope_high"]
    assert result.table["age"].tolist() == list(range(10))


def test_the_line_is_weighted_least_squares():
    rng = np.random.default_rng(2)
    at, one, other, effect = np.arange(6.0), rng.uniform(50, 90, 6), rng.uniform(50, 90, 6), rng.normal(0, 1, 6)
    slope, level = np.polyfit(at, effect, 1, w=np.sqrt(1 / (1 / one + 1 / other)))
    found = contrasts(at, one, other)
    assert [weights @ effect for weights in found] == pytest.approx([level, slope])


def test_days_and_timestamps_count_alike_and_periods_group_them():
    log = visits(np.full(10, 0.05))
    assert ages(log, "day", "user_id").tolist() == ages(log, "at", "user_id").tolist() == log["day"].tolist()
    assert ages(log, "at", "user_id", 7).max() == 1
    weeks = novelty(log, Ratio("clicked"), time="at", period=7)
    assert weeks.trend.empty and weeks.notes == ("2 periods show no trend: at least 3 are needed",)
    assert len(weeks.table) == 2


def test_a_failed_check_replaces_the_reading():
    log = visits(np.linspace(0.12, 0.0, 10))
    lost = log[(log["variant"] == "A") | (log["user_id"] % 3 != 0)]
    row = novelty(lost, Ratio("clicked"), time="at").trend.iloc[0]
    assert row["reading"] == "not trustworthy" and novelty_sentence(row).startswith("The checks failed")


def test_days_without_one_arm_are_left_out():
    log = visits(np.full(10, 0.05))
    result = novelty(log[(log["variant"] == "A") | (log["day"] < 8)], Ratio("clicked"), time="at")
    assert result.notes[0] == "age 8 is left out: fewer than 2 units in arm B" and len(result.table) == 8


def test_null_trends_keep_their_level():
    rng, runs, users, days = np.random.default_rng(30), 2000, 250, 6
    z, naive = [], []
    for _ in range(8):
        taste = rng.beta(0.5, 2, (runs // 8, 2, users, 1))
        shown = rng.binomial(3, 0.6, (runs // 8, 2, users, days)) + (np.arange(days) == 0)
        both = np.stack([rng.binomial(shown, taste), shown], axis=-1).reshape(runs // 8, 2, users, 2 * days)
        both = both.astype(np.float32)
        value, spread = ratios(both.sum(axis=2), np.swapaxes(both, 2, 3) @ both, np.full((runs // 8, 2), users))
        below = both.sum(axis=2)[..., 1::2]
        _, slope = contrasts(np.arange(days), below[:, 0], below[:, 1])
        effect, joint = ((value[:, 1] - value[:, 0]) * slope).sum(axis=1), spread.sum(axis=1)
        z.append(effect / np.sqrt(np.einsum("ri,rij,rj->r", slope, joint, slope)))
        alone = np.diagonal(joint, axis1=1, axis2=2)
        naive.append(effect / np.sqrt((slope**2 * alone).sum(axis=1)))
    wrong, apart = ((np.abs(np.concatenate(s)) > stats.norm.isf(0.025)).mean() for s in (z, naive))
    assert 0.038 < wrong < 0.063, wrong
    assert apart < 0.02, apart  # days as if independent: the users' own tastes drown the trend


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"time": "when"}, "no column 'when'"),
        ({"at": "today"}, {}, "expected timestamps or whole days"),
        ({"at": pd.NaT}, {}, "16,000 of 16,000 rows have none"),
        ({}, {"period": 0}, "expected days above zero"),
        ({}, {"control": "Z"}, "no arm 'Z'"),
    ],
)
def test_bad_input_is_refused_by_name(change, options, message):
    with pytest.raises(InputError, match=message):
        novelty(visits(np.zeros(10)).assign(**change), Ratio("clicked"), **{"time": "at", **options})
