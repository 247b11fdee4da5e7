"""Days of a table in a database are those of a frame."""

import ibis
import numpy as np
import pandas as pd
import pytest

from reco.errors import InputError
from reco.experiments.days import by_day
from reco.experiments.moments import Part, collect, merge, roll_up

PARTS = (Part("clicked", "any"), Part("clicks"), Part("revenue", cap=0.95), Part("past", "once"), Part(None))


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(12)
    user = rng.integers(0, 900, 5000)
    return pd.DataFrame(
        {
            "user_id": user,
            "variant": np.array(list("ABC"))[user % 3],
            "day": rng.integers(1, 6, 5000),
            "clicks": rng.integers(0, 3, 5000),
            "clicked": (rng.random(5000) < 0.3).astype(float),
            "revenue": np.where(rng.random(5000) < 0.1, rng.lognormal(3, 1.5, 5000), 0.0),
            "past": np.sqrt(user % 97),
        }
    )


@pytest.mark.parametrize("unit", ["user_id", None])
def test_days_of_a_table_are_those_of_a_frame(rows, unit):
    options = {"variant": "variant", "unit": unit, "day": "day"}
    frame, table = (by_day(data, PARTS, **options) for data in (rows, ibis.memtable(rows)))
    whole = collect(roll_up(rows, PARTS, variant="variant", unit=unit), PARTS)
    assert list(frame) == list(table) == list("ABC")
    for arm, days in frame.items():
        assert list(days) == list(table[arm]) == [1, 2, 3, 4, 5]
        for day, moments in days.items():
            assert table[arm][day].n == moments.n
            np.testing.assert_allclose(table[arm][day].sums, moments.sums, rtol=1e-9)
            np.testing.assert_allclose(table[arm][day].products, moments.products, rtol=1e-9)
        merged = merge(list(table[arm].values()))
        assert merged.n == whole[arm].n
        np.testing.assert_allclose(merged.products, whole[arm].products, rtol=1e-12)


@pytest.mark.parametrize("wrap", [lambda frame: frame, ibis.memtable])
def test_what_has_no_days_is_refused(rows, wrap):
    options = {"variant": "variant", "unit": "user_id", "day": "day"}
    with pytest.raises(InputError, match="no column 'date'"):
        by_day(wrap(rows), PARTS, **{**options, "day": "date"})
    with pytest.raises(InputError, match="day: 1 rows have none"):
        by_day(wrap(rows.assign(day=rows["day"].astype(float).where(rows.index > 0))), PARTS, **options)
    with pytest.raises(InputError, match="clicks: expected one value for all rows of a unit"):
        by_day(wrap(rows), (Part("clicks", "once"),), **options)
