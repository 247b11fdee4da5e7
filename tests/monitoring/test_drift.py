"""Drift that means the same for a small shop and a large one, and few false alarms."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from reco.monitoring import stability_index
from reco.monitoring.drift import DRAWS, WATCHED, binned, clumping, distance, drift_table, jensen_shannon, psi

SHARES = np.array([0.4, 0.3, 0.2, 0.05, 0.03, 0.02])
MOVED = np.array([0.2, 0.3, 0.4, 0.05, 0.03, 0.02])


def weeks(rng: np.random.Generator, size: int, latest: np.ndarray = SHARES, count: int = 9) -> pd.DataFrame:
    mix = np.vstack([rng.multinomial(size, SHARES, count - 1), rng.multinomial(size, latest)])
    return pd.DataFrame(mix, index=pd.RangeIndex(1 - count, 1, name="week"), columns=list("abcdef"))


mixes = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=2, max_size=15)


@given(mixes)
def test_measures_are_those_of_other_code(pairs):
    one, other = np.array(pairs).T
    assert psi(one, other) == pytest.approx(stability_index(one, other), abs=1e-12)
    oracle = jensenshannon(one + 0.5, other + 0.5, base=2) ** 2
    assert jensen_shannon(one, other) == pytest.approx(oracle, abs=1e-9)


@pytest.mark.parametrize("measure", ["psi", "js"])
def test_what_chance_brings_is_taken_off(measure):
    rng = np.random.default_rng(0)
    for size in (100, 10_000):
        pairs = rng.multinomial(size, SHARES, (60, 2))
        found = [distance(*pair, measure, seed=number) for number, pair in enumerate(pairs)]
        effect, raw = np.array([[one.effect, one.raw] for one in found]).T
        assert abs(effect.mean()) < 0.35 * raw.mean()
        assert raw.mean() == pytest.approx(np.mean([one.noise for one in found]), rel=0.35)


@pytest.mark.parametrize("measure", ["psi", "js"])
def test_the_effect_of_the_same_shift_does_not_grow_with_the_sample(measure):
    rng, true = np.random.default_rng(1), {"psi": psi, "js": jensen_shannon}[measure](SHARES * 1e9, MOVED * 1e9)
    for size in (150, 1_500, 150_000):
        effects = [
            distance(rng.multinomial(8 * size, SHARES), rng.multinomial(size, MOVED), measure) for _ in range(40)
        ]
        assert np.mean([one.effect for one in effects]) == pytest.approx(true, rel=0.15)


def test_clumped_counts_tell_less():
    rng = np.random.default_rng(2)
    assert clumping(rng.multinomial(1000, SHARES, 50)) == pytest.approx(1, abs=0.25)
    assert clumping(6 * rng.multinomial(1000, SHARES, 50)) == pytest.approx(6, rel=0.2)
    assert clumping(np.zeros((3, 2))) == clumping(np.ones((1, 4))) == 1


def test_false_alarms_in_quarters_where_nothing_changed():
    rng, alarms, loud = np.random.default_rng(3), 0, 0
    quarters = 3
    for week in range(13 * quarters):
        # baskets of five alike, few of them: the raw index is above its limit most weeks
        same = {name: 5 * weeks(rng, 12) for name in WATCHED}
        table = drift_table(same, measures=["psi"], seed=week)
        loud += table["raw"].max() > 0.1
        alarms += (table["verdict"] != "fine").sum()
    assert alarms <= quarters
    assert loud > 13 * quarters / 2


def test_a_shift_is_named_with_its_cause_and_action():
    rng = np.random.default_rng(4)
    table = drift_table({"purchases": weeks(rng, 5_000, MOVED), "prices": weeks(rng, 5_000)})
    assert table["verdict"].tolist() == ["act", "act", "fine", "fine"]
    first = table.iloc[0]
    assert first["mover"] in "ac" and abs(first["change"]) == pytest.approx(0.2, abs=0.03)
    assert f"{first['mover']} most ({first['change']:+.1%} of all)" in first["cause"]
    assert first["action"].startswith("retrain")
    assert table.loc[2:, ["cause", "action"]].eq("").all(axis=None)


def test_nothing_to_compare_is_said():
    empty = pd.DataFrame({"a": [3, 0], "b": [4, 0]}, index=pd.RangeIndex(-1, 1))
    table = drift_table({"traffic": empty, "scores": empty.tail(1)})
    assert table["verdict"].eq("not enough data").all()


def test_numbers_become_a_mix():
    week, value = np.repeat([-2, -1, 0, 1], 100), np.tile(np.arange(100.0), 4)
    value[250] = np.nan
    mix = binned(value, week, baseline_weeks=2, bins=4)
    assert mix.to_numpy().tolist() == [[25] * 4, [25] * 4, [25, 25, 24, 25]]
    assert mix.columns.tolist() == ["below 24.75", "24.75 to 49.5", "49.5 to 74.25", "74.25 to more"]
    assert binned(value[:0], week[:0], 2).empty
    assert binned(np.ones(4), np.array([-1, -1, 0, 0]), 1).sum().sum() == 4


def test_kinds_that_are_hardly_sold_are_taken_together():
    expected, found = np.array([500, 500, *[1] * 40]), np.array([50, 50, *[0] * 39, 1])
    together = distance(np.array([500, 500, 40]), np.array([50, 50, 1]))
    assert distance(expected, found).raw == together.raw
    assert distance(expected, np.array([50, 50, *[0] * 39, 60])).effect > 1  # a new kind that sells is no noise


def test_little_known_clumps_put_the_limit_further_out():
    one, other = np.array([400, 600]), np.array([60, 40])
    known, guessed = distance(one, other), distance(one, other, df=5)
    assert guessed.limit > known.limit and guessed.effect == known.effect


def test_draws_are_seeded():
    one, other = np.array([40, 60]), np.array([60, 40])
    assert distance(one, other, seed=5) == distance(one, other, seed=5)
    assert DRAWS >= 1_000
