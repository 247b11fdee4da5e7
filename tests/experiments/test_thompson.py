"""Thompson sampling's chances and its replay, where the right answer is known."""

import numpy as np
import pytest
from scipy import stats

from reco.errors import InputError
from reco.experiments.thompson import chances, replay

WORTH = np.array([0.05, 0.1, 0.6, 0.1])


def uniform(rng, rows=20_000, best=(2, 2)):
    action, position = rng.integers(0, 4, rows), rng.integers(0, 2, rows)
    worth = np.array([np.roll(WORTH, arm - 2) for arm in best])
    return action, position, (rng.random(rows) < worth[position, action]).astype(int)


def test_the_chance_of_the_better_of_two_arms():
    # P(X > Y) for X ~ Beta(3, 2), Y ~ Beta(2, 2), by integration
    grid = (np.arange(100_000) + 0.5) / 100_000
    wanted = float((stats.beta(3, 2).pdf(grid) * stats.beta(2, 2).cdf(grid)).mean())
    found = chances(np.array([3, 2]), np.array([2, 2]), 2, np.random.default_rng(0), draws=200_000)
    np.testing.assert_allclose(found, [[wanted, 1 - wanted], [1 - wanted, wanted]], atol=0.004)


def test_blocks_do_not_change_the_draws():
    prior = np.array([3, 2, 5]), np.array([9, 8, 7])
    one, other = (chances(*prior, 2, np.random.default_rng(1), draws=500, block=block) for block in (7, 500))
    np.testing.assert_array_equal(one, other)


def test_replay_learns_the_best_arm_of_each_position():
    found = replay(*uniform(np.random.default_rng(2), best=(0, 3)), arms=4, seeds=20, rng=np.random.default_rng(3))
    assert found.seeds["matched"].mean() == pytest.approx(5_000, rel=0.05)
    assert found.course["rate"].iloc[0] < found.course["rate"].iloc[-1]
    assert found.course["rate"].iloc[-1] == pytest.approx(0.6, abs=0.02)
    assert found.low <= found.rate <= found.high


def test_parts_and_seeds_add_up_to_the_same():
    found = replay(*uniform(np.random.default_rng(4), 3_000), arms=4, seeds=7, rng=np.random.default_rng(5))
    assert found.course["matched"].sum() == found.seeds["matched"].sum()
    assert found.course["clicks"].sum() == found.seeds["clicks"].sum()


def test_arms_that_are_alike_earn_what_the_log_earned():
    rng = np.random.default_rng(6)
    action, reward = rng.integers(0, 4, 20_000), (rng.random(20_000) < 0.3).astype(int)
    found = replay(action, np.zeros(20_000), reward, arms=4, seeds=30, rng=rng)
    assert found.rate == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize(
    ("action", "reward", "message"),
    [
        ([0, 4], [0, 1], "from 0 to 3, found 0 to 4"),
        ([0, 1], [0, 2], "expected 0 or 1"),
        ([], [], "found 0, 0 and|0, 0, 0"),
    ],
)
def test_logs_that_cannot_be_replayed_are_refused(action, reward, message):
    with pytest.raises(InputError, match=message):
        replay(np.array(action), np.zeros(len(action)), np.array(reward), arms=4, rng=np.random.default_rng(7))
