"""Checks alarm when they should."""

import pandas as pd
import pytest

from reco.errors import InputError
from reco.experiments.checks import ALARM, as_frame, enough, one_arm_each, outcome_varies, same_mix, sample_ratio


@pytest.mark.parametrize(
    ("counts", "statistic", "p_value"),
    [
        # Kohavi, Tang and Xu, Trustworthy Online Controlled Experiments: p 1.8e-6
        ((821_588, 815_482), None, 1.8e-6),
        # Wikipedia, Sample ratio mismatch: 2.54e-10
        ((600, 400), None, 2.54e-10),
        # srm.osc.garden: 0.0008
        ((44_000, 45_000), None, 8e-4),
        # ep-stats tests, evaluations_checks.csv
        ((5000, 5100, 5200), 3.9215686, 0.140748),
        ((5000, 5100, 5300), 9.090909, 0.0106153),
        # Statsig docs, monitoring/srm.mdx: below 0.01 %; value by scipy
        ((166_080, 171_180, 166_300), 99.0, 3.1e-22),
    ],
)
def test_sample_ratio_as_published(counts, statistic, p_value):
    check = sample_ratio(dict(zip("ABC", counts, strict=False)))
    digits = len(f"{p_value:g}".split("e")[0].replace("0.", "").lstrip("0").replace(".", ""))
    assert float(f"{check.p_value:.{digits}g}") == pytest.approx(p_value, rel=1e-9)
    if statistic:
        assert check.statistic == pytest.approx(statistic, abs=0.05 if statistic == 99.0 else 1e-6)
    assert check.passed == (check.p_value >= ALARM)


def test_sample_ratio_with_planned_shares():
    assert sample_ratio({"A": 9000, "B": 1000}, {"A": 0.9, "B": 0.1}).p_value == 1
    assert not sample_ratio({"A": 9000, "B": 1000}).passed


@pytest.mark.parametrize("shares", [{"A": 1.0}, {"A": 1, "B": 0}, {"A": 1, "B": float("nan")}, {"A": 1, "C": 1}])
def test_shares_must_fit_the_arms(shares):
    with pytest.raises(InputError, match="positive share for each of the arms A, B"):
        sample_ratio({"A": 1, "B": 1}, shares)


def test_units_in_two_arms():
    check = one_arm_each(1, 2)
    assert not check.passed and check.detail == "1 of 2 units were seen in more than one arm"
    assert one_arm_each(0, 2).passed


def test_mix_of_days():
    frame = pd.DataFrame({"arm": ["A", "B"] * 500, "day": [1, 1, 2, 2] * 250})
    assert same_mix(frame, "arm", "day").passed
    assert not same_mix(frame.assign(day=frame["arm"]), "arm", "day").passed


def test_named_checks_make_a_table():
    table = as_frame([outcome_varies("x", ["A", "B"], 2), outcome_varies("x", ["B"], 2), enough("clicks", 42, 500)])
    assert table["passed"].tolist() == [False, True, False]
    assert table["detail"].tolist()[1:] == ["the same for every unit of B", "42 of 500 clicks"]
