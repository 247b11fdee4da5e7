"""The contract of exposure logs, and what an analysis gets from a log that keeps it."""

import numpy as np
import pandas as pd
import pytest

from reco.errors import InputError
from reco.experiments import Ratio, analyze
from reco.experiments.exposures import KINDS, check_exposures, from_impressions, triggered


@pytest.fixture
def log():
    return pd.DataFrame(
        {
            "request": ["r1", "r1", "r2", "r3", "r4"],
            "unit": ["u1", "u1", "u1", "u2", "u3"],
            "variant": ["A", "A", "A", "B", "B"],
            "context": "cart",
            "position": [0, 1, 0, 0, 0],
            "product": ["p1", "p2", "p1", "p1", "p2"],
            "propensity": [0.5, np.nan, 1.0, 0.25, 0.25],
            "rendered": [True, True, True, True, False],
            "viewable": [True, False, True, True, False],
            "shown_at": pd.date_range("2026-01-01", periods=5, tz="UTC"),
            "clicked": [True, False, False, True, False],
        }
    )


def test_a_log_in_order_passes_with_its_further_columns(log):
    assert check_exposures(log[log.columns[::-1]]).columns.tolist() == [*KINDS, "clicked"]


def test_only_units_that_saw_something_count(log):
    units = triggered(log).set_index("unit")
    assert units.index.tolist() == ["u1", "u2"]
    assert units.loc["u1", ["variant", "requests", "impressions", "viewable", "clicks"]].tolist() == ["A", 2, 3, 2, 1]
    assert units.loc["u1", "first_shown_at"] == pd.Timestamp("2026-01-01", tz="UTC")


def test_a_unit_in_two_arms_stays_in_both(log):
    log.loc[3, "unit"] = "u1"
    assert triggered(log)["variant"].tolist() == ["A", "B"]


def test_analyze_takes_what_was_triggered(log):
    many = pd.concat([log.assign(request=log["request"] + s, unit=log["unit"] + s) for s in "abcdefgh"])
    many["clicked"] = np.arange(len(many)) % 3 == 0
    result = analyze(triggered(many.reset_index(drop=True)), unit="unit", metrics=[Ratio("clicks", "impressions")])
    assert {arm: m.n for arm, m in result.moments.items()} == {"A": 8, "B": 8}
    shown = many[many["rendered"]]
    wanted = shown[shown["variant"] == "B"]["clicked"].mean()
    assert result.table["value"].tolist() == pytest.approx([wanted])


@pytest.mark.parametrize(
    ("row", "column", "value", "message"),
    [
        (2, "unit", None, "row 2, unit: expected a value, found"),
        (2, "request", " ", "row 2, request: expected a value"),
        (3, "position", -1, "row 3, position: expected 0 or more, found"),
        (4, "propensity", 0.0, "row 4, propensity: expected a chance above 0 and up to 1, found"),
        (1, "unit", "u9", "row 1, unit: expected the same in all rows of a request, found 'u9'"),
        (1, "variant", "B", "row 1, variant: expected the same"),
        (1, "position", 0, "row 1, position: expected each slot of a request once"),
        (4, "viewable", True, "row 4, viewable: expected false where nothing was rendered"),
        (0, "shown_at", pd.NaT, "row 0, shown_at: expected a value"),
    ],
)
def test_what_breaks_the_contract_is_named_by_row_and_column(log, row, column, value, message):
    log.loc[row, column] = value
    with pytest.raises(InputError, match=message):
        check_exposures(log)


def test_columns_that_are_missing_or_of_another_type_are_named(log):
    with pytest.raises(InputError, match="no column 'rendered'; expected request, unit"):
        check_exposures(log.drop(columns="rendered"))
    with pytest.raises(InputError, match="shown_at: expected a column of type time"):
        check_exposures(log.assign(shown_at="2026-01-01"))
    with pytest.raises(InputError, match="no row was rendered"):
        triggered(log.assign(rendered=False, viewable=False))


def test_the_stores_impressions_keep_the_contract():
    impressions = pd.DataFrame(
        {
            "impression_id": ["i1", "i2", "i3"],
            "slate_id": ["s1", "s1", None],
            "customer_id": ["c1", "c1", None],
            "variant": "A",
            "context": "cart",
            "product_id": ["p1", "p2", "p1"],
            "position": [0, 1, 0],
            "propensity": np.nan,
            "shown_at": pd.Timestamp("2026-01-01", tz="UTC"),
            "clicked": [True, None, False],
        }
    )
    found = from_impressions(impressions)
    assert found["request"].tolist() == ["s1", "s1", "i3"]
    assert found["unit"].tolist() == ["c1", "c1", "request i3"]
    assert found["rendered"].all() and found["viewable"].isna().all()
    assert triggered(found)["clicks"].tolist() == [1, 0]
    assert triggered(found)["viewable"].isna().all()
