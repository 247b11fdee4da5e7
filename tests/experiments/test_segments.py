"""Effects by segment: what stands out by chance is drawn back."""

import ibis
import numpy as np
import pandas as pd
import pytest

from reco.errors import InputError
from reco.experiments import Mean, Rate, Ratio, analyze_by
from reco.experiments.segments import WARNING, between, segments, segments_sentence, shrink


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(10)
    user = rng.integers(0, 4000, 9000)
    segment = np.array(["app", "desktop", "mobile", "store", "tablet"])[user // 2 % 5]
    arm = np.array(list("AB"))[user % 2]
    clicked = rng.random(9000) < np.where((arm == "B") & (segment == "app"), 0.45, 0.25)
    return pd.DataFrame({"user_id": user, "variant": arm, "segment": segment, "clicked": clicked})


def test_spread_between_segments_is_that_of_metafor():
    # R: rma(c(61.0, 61.4, 62.21, 62.3, 62.34, 62.6, 62.7, 62.84, 65.9), c(0.2025, 1.2100, 0.0900, 0.2025, 0.3844,
    # 0.5625, 0.0676, 0.0225, 1.8225), method = "PM"), quoted in statsmodels stats/tests/results/results_meta.py
    y = np.array([61.0, 61.4, 62.21, 62.3, 62.34, 62.6, 62.7, 62.84, 65.9])
    v = np.array([0.2025, 1.2100, 0.0900, 0.2025, 0.3844, 0.5625, 0.0676, 0.0225, 1.8225])
    found = between(y, v)
    assert found.tau**2 == pytest.approx(0.705395309224248, rel=1e-8)
    assert found.effect == pytest.approx(62.4076199113286, rel=1e-9)
    assert found.error == pytest.approx(0.338030602684471, rel=1e-8)
    assert found.q == pytest.approx(24.801897741835) and found.p_value == pytest.approx(0.00167935146372742)
    assert found.i_squared == pytest.approx(0.67744403741711)  # method = "DL"


def test_eight_schools_are_one():
    # Rubin 1981; Gelman et al., Bayesian Data Analysis, section 5.5: pooled 7.7 with standard error 4.1
    y, s = np.array([28, 8, -3, 7, -1, 1, 18, 12.0]), np.array([15, 10, 16, 11, 9, 11, 10, 18.0])
    found = between(y, s**2)
    assert found.tau == 0 and round(found.effect, 1) == 7.7 and round(found.error, 1) == 4.1
    assert np.allclose(shrink(y, s**2)["shrunken"], found.effect)


def test_shrinking_is_the_posterior_of_a_normal_population():
    y, v = np.array([0.0, 2.0, 5.0, 9.0]), np.array([1.0, 2.0, 0.5, 1.0])
    found, own = between(y, v), shrink(y, v)
    grid = np.linspace(-10, 20, 200_001)
    for k in range(4):
        density = np.exp(-((grid - y[k]) ** 2) / (2 * v[k]) - (grid - found.effect) ** 2 / (2 * found.tau**2))
        assert own["shrunken"][k] == pytest.approx((grid * density).sum() / density.sum(), rel=1e-6)
    assert (own["weight"] > 0).all() and (np.abs(own["shrunken"] - found.effect) < np.abs(y - found.effect)).all()


def test_shrunken_effects_are_closer_to_the_truth_and_q_keeps_its_level():
    rng, wrong, raw, drawn, held = np.random.default_rng(3), 0, 0.0, 0.0, 0.0
    for _ in range(500):
        v = rng.uniform(0.5, 2, 8)
        wrong += between(rng.normal(1, np.sqrt(v)), v).p_value < 0.05
        truth = rng.normal(1, 0.7, 8)
        seen = truth + rng.normal(0, np.sqrt(v))
        own = shrink(seen, v)
        raw, drawn = raw + ((seen - truth) ** 2).mean(), drawn + ((own["shrunken"] - truth) ** 2).mean()
        held += own["shrunken_low"].le(truth).mean() + own["shrunken_high"].ge(truth).mean() - 1
    assert 12 < wrong < 40
    assert drawn < 0.6 * raw
    assert held > 0.925 * 500, held


@pytest.mark.parametrize("metric", [Rate("clicked"), Mean("clicked"), Ratio("clicked")])
def test_segments_are_those_of_analyze_by_with_shrinkage(rows, metric):
    result = segments(rows, "segment", metric)
    alone = analyze_by(rows, "segment", metrics=[metric]).table
    pd.testing.assert_frame_equal(result.table[alone.columns], alone)
    spread = result.spread.iloc[0]
    assert spread["p_adjusted"] < 0.01 and spread["segments"] == 5
    app = result.table.set_index("segment").loc["app"]
    assert spread["effect"] < app["shrunken"] < app["effect"] and app["verdict"] == "better"
    assert "differs between the 5 segments" in segments_sentence(spread) and segments_sentence(spread).endswith(WARNING)
    table = segments(ibis.memtable(rows), "segment", metric)
    pd.testing.assert_frame_equal(table.table, result.table, rtol=1e-6, check_dtype=False)


def test_segments_with_one_arm_only_are_left_out_and_named(rows):
    lost = rows[(rows["segment"] != "tablet") | (rows["variant"] == "A")]
    for data in (lost, ibis.memtable(lost)):
        result = segments(data, "segment", Rate("clicked"), shares={"A": 2000, "B": 1600})
        assert result.notes == ("segment tablet is left out: fewer than 2 units in arm B",)
        assert result.table["segment"].tolist() == ["app", "desktop", "mobile", "store"]


def test_segments_that_never_vary_are_left_out_and_named(rows):
    silent = rows.assign(clicked=rows["clicked"] & (rows["segment"] != "store"))
    result = segments(silent, "segment", Ratio("clicked"))
    assert result.notes == ("segment store is left out: no variation in arm B",)
    assert result.table[["effect", "shrunken", "p_adjusted"]].notna().all(axis=None)


def test_units_in_several_segments_and_missing_columns_are_refused(rows):
    with pytest.raises(InputError, match="some units are in several segments"):
        segments(rows.assign(segment=rows.index % 3), "segment", Rate("clicked"))
    with pytest.raises(InputError, match="no column 'place'"):
        segments(rows, "place", Rate("clicked"))
    with pytest.raises(InputError, match="no segment has 2 units in every arm"):
        segments(rows.assign(segment=rows["variant"]), "segment", Rate("clicked"))
