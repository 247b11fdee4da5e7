"""Quantiles by bootstrap over units."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reco.errors import InputError
from reco.experiments.quantiles import compare_quantiles


def frame(n, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    arm = np.repeat(["A", "B"], n)
    return pd.DataFrame({"user_id": range(2 * n), "variant": arm, "x": rng.normal(10, 1, 2 * n) + shift * (arm == "B")})


def compare(data, q=0.5, **options):
    return compare_quantiles(data, "x", q, rng=np.random.default_rng(1), **options).iloc[0]


@pytest.mark.parametrize("q", [0.5, 0.9])
def test_width_is_that_of_the_asymptotic_formula(q):
    # variance of a sample quantile: q(1 − q) / (n f²)
    row = compare(frame(4000), q)
    density = stats.norm.pdf(stats.norm.ppf(q))
    error = np.sqrt(2 * q * (1 - q) / 4000) / density
    assert (row["effect_high"] - row["effect_low"]) / (2 * 1.96 * error) == pytest.approx(1, abs=0.12)


def test_repeated_rows_of_a_unit_tell_nothing_new():
    data = frame(500)
    again = pd.concat([data] * 4).sort_values("user_id", kind="stable")
    one, four = compare(data), compare(again)
    assert one.drop(["metric", "variant"]).tolist() == pytest.approx(
        four.drop(["metric", "variant"]).tolist(), rel=1e-12
    )
    naive = compare(again.assign(user_id=range(len(again))))
    assert naive["effect_high"] - naive["effect_low"] < 0.7 * (one["effect_high"] - one["effect_low"])


def test_value_is_the_quantile_of_all_rows():
    data = frame(501)
    row = compare(data, 0.9)
    assert row["control_value"] == np.quantile(data.loc[data["variant"] == "A", "x"], 0.9, method="inverted_cdf")
    assert row["relative"] == pytest.approx(row["value"] / row["control_value"] - 1)


def test_a_shift_is_found_and_no_shift_is_not():
    assert compare(frame(2000, 0.2))["p_value"] < 0.01 and compare(frame(2000, 0.2))["effect_low"] > 0
    assert compare(frame(2000))["p_value"] > 0.05
    same = frame(50).assign(x=3.0)
    assert (compare(same)["p_value"], compare(same)["effect_low"], compare(same)["effect_high"]) == (1, 0, 0)


def test_covers_in_19_of_20_samples_of_dependent_rows():
    held = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        user = np.repeat(np.arange(300), 4)
        x = np.repeat(rng.normal(0, 1, 300), 4) + rng.normal(0, 0.5, 1200)
        data = pd.DataFrame({"user_id": user, "variant": np.where(user < 150, "A", "B"), "x": x})
        row = compare(data, rounds=300)
        held += row["effect_low"] <= 0 <= row["effect_high"]
    assert 0.9 <= held / 200 <= 0.99


def test_a_control_at_zero_has_no_relative_effect():
    row = compare(frame(50).assign(x=0.0))
    assert np.isnan(row["relative"]) and row["relative_high"] == np.inf and row["p_value"] == 1


@pytest.mark.parametrize("wrong", [{"q": 1.0}, {"control": "Z"}, {"confidence": 95}])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(InputError):
        compare(frame(10), **wrong)
    with pytest.raises(InputError, match="1 of 20 rows are missing"):
        compare(frame(10).assign(x=[np.nan] + [1.0] * 19))
