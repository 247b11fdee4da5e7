"""Moments add, and say the same as all rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.experiments.moments import Moments, Part, collect, merge, roll_up

X, Y = Part("x"), Part("y")
numbers = st.floats(-1e4, 1e4, allow_subnormal=False)


def close(one: Moments, other: Moments) -> None:
    assert one.n == other.n
    np.testing.assert_allclose(one.sums, other.sums, rtol=1e-12, atol=1e-12 * np.abs(one.products).max() ** 0.5)
    np.testing.assert_allclose(one.products, other.products, rtol=1e-12, atol=1e-12 * np.abs(one.products).max())


@settings(deadline=None)
@given(st.lists(st.tuples(numbers, numbers), min_size=3, max_size=40), st.data())
def test_moments_of_strata_add_up_to_those_of_all_rows(rows, data):
    values = np.array(rows)
    cut = data.draw(st.integers(1, len(values) - 1))
    parts = [Moments.of(block, (X, Y)) for block in np.split(values, [cut])]
    close(merge(parts), Moments.of(values, (X, Y)))


def test_variance_is_that_of_the_weighted_sum():
    values = np.random.default_rng(0).normal(size=(50, 2))
    moments = Moments.of(values, (X, Y))
    assert moments.variance({X: 1.0}) == pytest.approx(values[:, 0].var(ddof=1), rel=1e-12)
    assert moments.variance({X: 1.0, Y: -2.0}) == pytest.approx((values @ [1, -2]).var(ddof=1), rel=1e-12)


@pytest.mark.parametrize("constant", [0.1, 1e6, 1 / 3])
def test_rounding_is_no_variance(constant):
    assert Moments.of(np.full((1000, 1), constant), (X,)).variance({X: 1.0}) == 0


def test_moments_of_different_columns_do_not_add():
    with pytest.raises(ValueError, match="do not add"):
        _ = Moments.of(np.ones((2, 1)), (X,)) + Moments.of(np.ones((2, 1)), (Y,))


def test_rows_of_a_unit_become_one():
    frame = pd.DataFrame({"arm": list("AAAB"), "user": [1, 1, 2, 3], "x": [1.0, 1.0, 0.0, 1.0]})
    parts = (Part("x", "any"), X, Part(None))
    units = roll_up(frame, parts, variant="arm", unit="user")
    assert units.to_numpy().tolist() == [[1, 2, 2], [0, 0, 1], [1, 1, 1]]
    assert collect(units, parts)["A"].sums.tolist() == [1, 2, 3]
    rows = collect(roll_up(frame, parts, variant="arm", unit=None), parts)
    assert rows["A"].n == 3 and rows["A"].sums.tolist() == [2, 2, 3]
