"""Decay by age is found where weeks differ, and the advice follows from it and from what retraining costs."""

import numpy as np
import pandas as pd
import pytest

from reco.errors import InputError
from reco.monitoring.retraining import Decay, advise, decay
from reco.settings import Monitoring

LIMITS = Monitoring(training_cost=200, max_model_age_weeks=8, accuracy_loss=0.1)
SURE = Decay(0.01, 0.008, 0.012, 24, 6)


def judged(loss: float, noise: float = 0.0, weeks: int = 6, seed: int = 0) -> pd.DataFrame:
    """Models of 1, 3, 5 and 9 weeks judged in weeks that differ a lot; the older are judged in the easier weeks."""
    rng = np.random.default_rng(seed)
    rows = [(week, age) for week in range(weeks) for age in (1, 3, 5, 9) if week or age < 9]
    frame = pd.DataFrame(rows, columns=["week", "age_weeks"])
    level = 0.1 * 1.3 ** frame["week"]
    return frame.assign(value=level * (1 - loss) ** frame["age_weeks"] * np.exp(rng.normal(0, noise, len(frame))))


def test_decay_is_found_whatever_the_weeks_are_like():
    found = decay(judged(0.02))
    assert (found.per_week, found.low, found.high) == pytest.approx((0.02, 0.02, 0.02), abs=1e-9)
    assert (found.judgements, found.weeks) == (23, 6)
    assert found.loss(2) == pytest.approx(1 - 0.98**2)


def test_the_interval_covers_the_truth():
    found = [decay(judged(0.02, 0.05, seed=seed)) for seed in range(80)]
    assert 0.87 <= np.mean([one.low <= 0.02 <= one.high for one in found]) <= 1


def test_weeks_judged_by_one_age_alone_tell_nothing():
    alone = pd.DataFrame({"week": [1, 2, 3], "age_weeks": [1, 2, 3], "value": [0.3, 0.2, 0.1]})
    assert np.isnan(decay(alone).per_week) and decay(alone).weeks == 0
    few = pd.DataFrame({"week": [1, 1], "age_weeks": [1, 2], "value": [0.2, 0.1]})
    assert decay(few).per_week == pytest.approx(0.5) and np.isnan(decay(few).low)
    with pytest.raises(InputError, match="above zero, found 0"):
        decay(few.assign(value=[0.1, 0]))


def test_how_often_retraining_pays_is_where_all_costs_are_least():
    advice = advise(SURE, 1, LIMITS, weekly_revenue=10_000, currency="GBP")
    ages = np.linspace(0.1, 20, 2_000)
    total = LIMITS.training_cost / ages + 10_000 * SURE.per_week * ages / 2  # a week, mean age half the span
    assert advice.every_weeks == pytest.approx(ages[total.argmin()], abs=0.02)
    assert advice.verdict == "wait" and "200 GBP pays every 2.0 weeks" in advice.reason
    assert advice.weekly_loss == pytest.approx(100)
    assert advise(SURE, 2.1, LIMITS, 10_000).verdict == "retrain"


@pytest.mark.parametrize(
    ("found", "age", "verdict", "words"),
    [
        (SURE, 3, "wait", "3.0% by now, below the limit of 10%"),
        (Decay(0.05, 0.03, 0.07, 24, 6), 3, "retrain", "14.3% by now, at or beyond"),
        (SURE, 8, "retrain", "8.0 weeks old, at or beyond the limit of 8"),
        (Decay(0.01, -0.01, 0.03, 24, 6), 3, "wait", "No decay is proven"),
        (Decay(0.01, -0.01, 0.03, 24, 6), 9, "retrain", "No decay is proven"),
        (Decay(*[float("nan")] * 3, 0, 0), 3, "not enough data", "Too few judgements"),
        (Decay(*[float("nan")] * 3, 0, 0), 9, "retrain", "Too few judgements"),
    ],
)
def test_without_a_price_the_limits_decide(found, age, verdict, words):
    advice = advise(found, age, LIMITS)
    assert advice.verdict == verdict and words in advice.reason
    assert advice.every_weeks is None
