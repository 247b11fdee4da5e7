"""Cells of the same units: positions, days."""

import ibis
import numpy as np
import pandas as pd
import pytest

from reco.errors import InputError
from reco.experiments import Ratio, analyze
from reco.experiments.cells import MOST, compare_cells, ratios, read_cells, same_everywhere


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(5)
    user = rng.integers(0, 600, 6000)
    place = rng.integers(1, 5, 6000)
    taste = rng.beta(1, 4, 600)[user]
    return pd.DataFrame(
        {
            "user_id": user,
            "variant": np.array(list("AB"))[user % 2],
            "position": place,
            "clicked": rng.random(6000) < taste / place,
            "views": rng.integers(1, 4, 6000),
        }
    )


def test_each_cell_is_the_analysis_of_its_rows(rows):
    cells = read_cells(rows, "position", "clicked", "views", variant="variant", unit="user_id")
    table = compare_cells(cells, "position", "A", 0.9)
    for key, row in zip(cells.keys, table.to_dict("records"), strict=True):
        alone = analyze(rows[rows["position"] == key], metrics=[Ratio("clicked", "views")], confidence=0.9).table.iloc[
            0
        ]
        for name in ("value", "control_value", "effect", "effect_low", "relative_high", "statistic", "p_value"):
            assert row[name] == pytest.approx(alone[name], rel=1e-9)


@pytest.mark.parametrize("unit", ["user_id", None])
@pytest.mark.parametrize("below", ["views", None])
def test_a_table_in_a_database_is_a_frame(rows, unit, below):
    options = {"variant": "variant", "unit": unit}
    one, other = (read_cells(d, "position", "clicked", below, **options) for d in (rows, ibis.memtable(rows)))
    assert one.keys == other.keys == [1, 2, 3, 4]
    for arm in "AB":
        np.testing.assert_allclose(one.arms[arm].covariance, other.arms[arm].covariance, rtol=1e-9, atol=1e-15)
        assert one.arms[arm].units.tolist() == other.arms[arm].units.tolist()


def test_covariance_is_that_of_drawing_units(rows):
    cells = read_cells(rows, "position", "clicked", None, variant="variant", unit="user_id")
    mine = rows[rows["variant"] == "A"]
    by = pd.crosstab(mine["user_id"], mine["position"]).to_numpy()
    hits = pd.crosstab(mine["user_id"], mine["position"], mine["clicked"], aggfunc="sum").fillna(0).to_numpy()
    times = np.random.default_rng(1).multinomial(len(by), np.full(len(by), 1 / len(by)), 4000)
    drawn = np.cov(((times @ hits) / (times @ by)).T)
    scale = np.sqrt(np.outer(drawn.diagonal(), drawn.diagonal()))
    np.testing.assert_allclose(cells.arms["A"].covariance / scale, drawn / scale, atol=0.06)
    assert (cells.arms["A"].covariance / scale)[0, 1] > 0.1  # the same users: not independent


def test_the_same_effect_everywhere_is_told_from_different_ones(rows):
    cells = read_cells(rows, "position", "clicked", None, variant="variant", unit="user_id").arms
    statistic, freedom, p_value = same_everywhere(cells["B"], cells["A"])
    assert freedom == 3 and p_value > 0.05
    better = rows.assign(clicked=rows["clicked"] | ((rows["variant"] == "B") & (rows["position"] == 4)))
    changed = read_cells(better, "position", "clicked", None, variant="variant", unit="user_id").arms
    assert same_everywhere(changed["B"], changed["A"])[2] < 1e-9
    arm = changed["B"]
    shifted = arm._replace(values=arm.values + 0.3)
    assert same_everywhere(shifted, changed["A"])[0] == pytest.approx(same_everywhere(arm, changed["A"])[0])
    constant = arm._replace(covariance=np.zeros((4, 4)))
    assert same_everywhere(constant, constant) == (0.0, 0, 1.0)
    assert statistic > 0


def test_many_experiments_at_once_are_one_by_one(rows):
    values = rows[["clicked", "views"]].to_numpy(float).reshape(-1, 4)[:1200]
    one = ratios(values.sum(axis=0), values.T @ values, np.array(1200))
    two = ratios(*(np.stack([m, m]) for m in (values.sum(axis=0), values.T @ values)), np.array([1200, 1200]))
    np.testing.assert_array_equal(one[1], two[1][1])
    assert one[0].tolist() == (values[:, ::2].sum(axis=0) / values[:, 1::2].sum(axis=0)).tolist()


def test_reach_counts_units_that_did_not_come_back(rows):
    reach = rows.assign(reach=rows["user_id"] % 5)
    options = {"variant": "variant", "unit": "user_id", "reach": "reach"}
    for data in (reach, ibis.memtable(reach)):
        arm = read_cells(data, "position", "clicked", None, **options).arms["A"]
        users = reach[reach["variant"] == "A"].groupby("user_id")["reach"].first()
        assert arm.below.tolist() == arm.units.tolist() == [(users >= k).sum() for k in (1, 2, 3, 4)]


def test_cells_of_one_arm_are_left_out_and_named(rows):
    more = rows.assign(position=rows["position"].where((rows["variant"] == "B") | (rows["position"] < 4), 3))
    for data in (more, ibis.memtable(more)):
        cells = read_cells(data, "position", "clicked", None, variant="variant", unit="user_id")
        assert cells.keys == [1, 2, 3]
        assert cells.notes == ("position 4 is left out: fewer than 2 units in arm A",)


def test_cells_that_cannot_be_read_are_refused(rows):
    options = {"variant": "variant", "unit": "user_id"}
    for wrap in (lambda frame: frame, ibis.memtable):
        with pytest.raises(InputError, match="no column 'place'"):
            read_cells(wrap(rows), "place", "clicked", None, **options)
        gap = rows.assign(position=rows["position"].where(rows.index > 0))
        with pytest.raises(InputError, match="position: rows without a value"):
            read_cells(wrap(gap), "position", "clicked", None, **options)
        with pytest.raises(InputError, match=f"at most {MOST} values, found 100"):
            read_cells(wrap(rows.assign(position=rows.index % 100)), "position", "clicked", None, **options)
