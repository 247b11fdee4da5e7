"""From a log to a decision: metrics in their order, days in UTC, the rule of the settings."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reco.errors import InputError
from reco.experiments import Ratio
from reco.experiments.judgement import judge
from reco.experiments.moments import Part
from reco.experiments.outcomes import Reading
from reco.settings import load

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def rule():
    return load(ROOT / "workbook.yaml").experiments.decision


def shown(lift: float, users: int = 4000, days: int = 21) -> pd.DataFrame:
    """A log whose variant is clicked more by `lift`; a tenth of the rows lie in the last hour of a UTC day."""
    rng, n = np.random.default_rng(5), users * 8
    frame = pd.DataFrame({"customer_id": rng.integers(0, users, n).astype(str)})
    frame["variant"] = np.where(frame["customer_id"].astype(int) % 2, "B", "A")
    hour = rng.choice([3, 23], n, p=[0.9, 0.1])
    moment = pd.Timestamp("2025-03-01", tz="UTC") + pd.to_timedelta(rng.integers(0, days, n) * 24 + hour, unit="h")
    clicked = rng.random(n) < 0.1 * np.where(frame["variant"] == "B", 1 + lift, 1)
    return frame.assign(shown_at=moment, clicked=clicked, ordered=clicked & (rng.random(n) < 0.5))


def judged(log: pd.DataFrame, rule, **options):
    return judge(
        log, [Ratio("clicked"), Ratio("ordered")], control="A", rule=rule, reading=Reading("clicks"),
        unit="customer_id", conversions=Part("clicked"), time="shown_at", **options,
    )  # fmt: skip


def test_a_clear_winner_ships_before_the_planned_end(rule):
    found = judged(shown(0.5), rule, planned_days=28)
    assert (found.decision.action, found.decision.variant) == ("ship", "B")
    assert found.analysis.correction.startswith("metrics in their order")
    assert (found.analysis.table["verdict"] == "better").all()
    assert found.course["time"].max() == 21 / 28


def test_no_difference_keeps_the_control_at_the_end(rule):
    found = judged(shown(0.0), rule)
    assert (found.decision.action, found.decision.variant) == ("keep", "A")
    assert found.course["verdict"].iloc[-1] == "tie"


def test_days_are_those_of_utc_wherever_the_clock_stands(rule):
    log = shown(0.0)
    abroad = log.assign(shown_at=log["shown_at"].dt.tz_convert("Asia/Tokyo"))
    assert judged(abroad, rule).course.equals(judged(log, rule).course)
    assert len(judged(log, rule).course) == 21


def test_a_failed_check_stops_all(rule):
    log = shown(0.5)
    lost = log[~((log["variant"] == "B") & (log["customer_id"].astype(int) % 10 < 3))]
    found = judged(lost, rule)
    assert found.decision.action == "stop" and found.decision.failed == ("sample ratio",)
    assert (found.analysis.table["verdict"] == "not trustworthy").all()


def test_an_arm_that_is_not_there(rule):
    with pytest.raises(InputError, match="no arm 'A'"):
        judged(shown(0.1).query("variant == 'B'"), rule)
