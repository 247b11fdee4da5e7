"""The Bayesian reading against published numbers and simulation."""

import numpy as np
import pytest

from reco.errors import InputError
from reco.experiments.bayes import chance_to_win, read_out, risk


def test_chance_and_risk_as_gbstats():
    # growthbook packages/stats tests/bayesian/test_tests.py: 49/100 against 51/100, relative effect .04082
    # (-.24779, .32943), chance to win .60918, risk of either choice .0814 and .04058
    mean, value = 0.49, 0.51
    error = np.sqrt(value * (1 - value) / 100 / mean**2 + mean * (1 - mean) / 100 * value**2 / mean**4)
    effect = value / mean - 1
    assert (effect, effect - 1.959964 * error, effect + 1.959964 * error) == pytest.approx(
        (0.04082, -0.24779, 0.32943), abs=5.1e-6
    )
    assert round(chance_to_win(effect, error), 5) == 0.60918
    assert (round(risk(-effect, error), 4), round(risk(effect, error), 5)) == (0.0814, 0.04058)


def test_two_arms_are_their_difference():
    table = read_out({"A": (1.0, 0.04), "B": (1.3, 0.09)}).set_index("variant")
    error = np.sqrt(0.13)
    assert table.loc["B", "best"] == pytest.approx(chance_to_win(0.3, error), abs=1e-10)
    assert table.loc["B", "loss"] == pytest.approx(risk(0.3, error), abs=1e-10)
    assert table.loc["A", "loss"] == pytest.approx(risk(-0.3, error), abs=1e-10)


def test_four_arms_as_simulated():
    arms = {"A": (1.0, 0.04), "B": (1.3, 0.09), "C": (1.1, 1e-6), "D": (-3.0, 4.0)}
    table = read_out(arms)
    draws = np.random.default_rng(0).normal(
        [v for v, _ in arms.values()], [s**0.5 for _, s in arms.values()], (10**6, 4)
    )
    won = np.bincount(draws.argmax(axis=1), minlength=4) / 10**6
    np.testing.assert_allclose(table["best"], won, atol=2e-3)
    np.testing.assert_allclose(table["loss"], (draws.max(axis=1)[:, None] - draws).mean(axis=0), atol=3e-3)
    assert table["best"].sum() == pytest.approx(1, abs=1e-9)


def test_equal_arms_share_the_chance():
    np.testing.assert_allclose(read_out(dict.fromkeys("ABC", (0.05, 1e-6)))["best"], 1 / 3, atol=1e-10)


def test_no_error_leaves_no_doubt():
    assert (chance_to_win(1, 0), chance_to_win(-1, 0), chance_to_win(0, 0)) == (1, 0, 0.5)
    assert (risk(1, 0), risk(-2, 0)) == (0, 2)


@pytest.mark.parametrize(
    "arms", [{"A": (1.0, 0.1)}, {"A": (1.0, 0.0), "B": (1.0, 0.1)}, {"A": (np.nan, 1), "B": (1, 1)}]
)
def test_arms_without_values_are_refused(arms):
    with pytest.raises(InputError, match="variances above 0 of two arms"):
        read_out(arms)
