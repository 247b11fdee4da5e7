"""Daily looks: what each may say is what a look at the rows up to that day says."""

import numpy as np
import pandas as pd
import pytest

from reco.experiments import Ratio, watch
from reco.experiments.courses import course, looks
from reco.experiments.moments import collect, roll_up


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    rng, n = np.random.default_rng(3), 6000
    frame = pd.DataFrame({"user_id": rng.integers(0, 900, n), "day": rng.integers(1, 8, n)})
    frame["variant"] = np.where(frame["user_id"] % 2, "B", "A")
    return frame.assign(clicked=rng.random(n) < np.where(frame["variant"] == "B", 0.12, 0.1))


def test_a_look_is_that_at_the_rows_up_to_its_day(log):
    metric = Ratio("clicked")
    found = looks(log, metric, variant="variant", unit="user_id", day="day")
    for day in range(1, 8):
        units = roll_up(log[log["day"] <= day], metric.parts, variant="variant", unit="user_id")
        for arm, expected in collect(units, metric.parts).items():
            assert found[arm][day].n == expected.n
            np.testing.assert_allclose(found[arm][day].products, expected.products, rtol=1e-12)


def test_the_interval_of_one_look_is_that_of_its_variance(log):
    metric = Ratio("clicked")
    found = looks(log, metric, variant="variant", unit="user_id", day="day")
    table = course(found, metric, control="A", planned=7, confidence=0.9)
    plain = watch(found, metric, control="A", planned=7, confidence=0.9)
    pd.testing.assert_frame_equal(table[plain.columns], plain)
    last, error = table.iloc[-1], np.sqrt(metric.variance(found["B"][7], found["A"][7]))
    assert last["once_high"] - last["effect"] == pytest.approx(1.6448536269514722 * error, rel=1e-12)
    assert table["day"].tolist() == [1, 2, 3, 4, 5, 6, 7]
