"""A frame, a table in a database, and days added up give the same sums."""

from decimal import Decimal

import ibis
import numpy as np
import pandas as pd
import pytest

from reco.errors import InputError
from reco.experiments import Mean, Rate, Ratio, analyze, analyze_by
from reco.experiments.inputs import read
from reco.experiments.moments import Part, by_day, collect, cumulate, merge, roll_up


@pytest.fixture(scope="module")
def rows():
    """8,000 rows of 1,500 users who come back on up to five days."""
    rng = np.random.default_rng(11)
    user = rng.integers(0, 1500, 8000)
    bought = rng.random(8000) < 0.1
    return pd.DataFrame(
        {
            "user_id": user,
            "variant": np.array(list("ABC"))[user % 3],
            "day": pd.Timestamp("2026-03-01") + pd.to_timedelta(rng.integers(0, 5, 8000), unit="D"),
            "clicks": rng.integers(0, 3, 8000),
            "impressions": 6,
            "clicked": rng.random(8000) < 0.3,
            "revenue": np.where(bought, rng.lognormal(3, 1.5, 8000), 0.0),
            "past": np.sqrt(user % 97),
        }
    )


METRICS = [
    "clicked",
    "clicks",
    Mean("revenue", before="past"),
    Mean("revenue", cap=0.9),
    Ratio("clicks", "impressions"),
]


@pytest.mark.parametrize("unit", ["user_id", None])
def test_a_table_in_a_database_is_a_frame(rows, unit):
    frame, table = (analyze(data, unit=unit, metrics=METRICS) for data in (rows, ibis.memtable(rows)))
    pd.testing.assert_frame_equal(frame.table, table.table, rtol=1e-9)
    pd.testing.assert_frame_equal(frame.checks, table.checks, rtol=1e-9)
    for arm, moments in frame.moments.items():
        assert table.moments[arm].n == moments.n
        np.testing.assert_allclose(table.moments[arm].products, moments.products, rtol=1e-12)


def test_a_unit_in_two_arms_is_counted_in_a_table_too(rows):
    mixed = rows.assign(user_id=rows["user_id"] // 3, past=1.0)
    frame, table = (read(d, METRICS, variant="variant", unit="user_id") for d in (mixed, ibis.memtable(mixed)))
    assert frame.crossed == table.crossed > 900 and frame.units == table.units == 500
    for arm, moments in frame.moments.items():
        np.testing.assert_allclose(table.moments[arm].products, moments.products, rtol=1e-12)


@pytest.mark.parametrize("as_table", [False, True])
@pytest.mark.parametrize(
    ("change", "metrics", "message"),
    [
        ({"variant": None}, ["clicked"], "variant: 8,000 of 8,000 rows have none"),
        ({"revenue": np.inf}, ["revenue"], "revenue: 8,000 of 8,000 rows are missing or not finite"),
        ({"revenue": np.nan}, ["revenue"], "revenue: 8,000 of 8,000 rows are missing or not finite"),
        ({"revenue": "much"}, ["revenue"], "revenue: expected numbers or true/false"),
        ({}, [Rate("clicks")], "clicks: a rate needs true/false or 0/1"),
        ({}, ["profit"], "no column 'profit' to judge by"),
        ({}, [Mean("clicks", before="revenue")], "revenue: expected one value for all rows of a unit"),
    ],
)
def test_what_no_estimate_can_be_made_of(rows, as_table, change, metrics, message):
    frame = rows.assign(**change)
    if as_table and change.get("variant", "") is None:
        frame["variant"] = frame["variant"].astype("str")
    with pytest.raises(InputError, match=message):
        analyze(ibis.memtable(frame) if as_table else frame, metrics=metrics)


@pytest.mark.parametrize("twin", ["a", "A ", " A"])
def test_an_arm_named_like_the_control_twice_is_refused(rows, twin):
    renamed = rows.assign(variant=rows["variant"].replace("C", twin))
    for data in (renamed, ibis.memtable(renamed)):
        with pytest.raises(InputError, match="too alike to be two arms"):
            analyze(data, metrics=["clicked"])


def test_arms_1_as_number_and_as_text_are_refused(rows):
    mixed = rows.assign(variant=pd.Series([1, "1"] * 4000, dtype=object))
    with pytest.raises(InputError, match="1 and '1' are too alike"):
        analyze(mixed, control="1", metrics=["clicked"])


@pytest.mark.parametrize("unit", ["user_id", None])
def test_no_rows_are_no_arms(rows, unit):
    for data in (rows.head(0), ibis.memtable(rows).limit(0)):
        with pytest.raises(InputError, match="no arm 'A' to compare with; the arms are none"):
            analyze(data, unit=unit, metrics=[Mean("revenue")])


def test_wrong_values_are_counted_whatever_the_ends_say(rows):
    odd = rows.assign(revenue=rows["revenue"].where(rows.index % 1000 > 0, np.nan))
    odd.loc[1, "revenue"], odd.loc[2, "revenue"] = -np.inf, np.inf
    for data in (odd, ibis.memtable(odd)):
        with pytest.raises(InputError, match="revenue: 10 of 8,000 rows are missing or not finite"):
            analyze(data, metrics=["clicked", "revenue"])


def test_segments_of_a_table_are_those_of_a_frame(rows):
    frame, table = (analyze_by(data, "day", metrics=["clicked", "revenue"]) for data in (rows, ibis.memtable(rows)))
    pd.testing.assert_frame_equal(frame.table, table.table, rtol=1e-9, check_dtype=False)
    for data in (rows.assign(day=None), ibis.memtable(rows)):
        with pytest.raises(InputError, match="no values of 'd"):
            analyze_by(data, "day" if isinstance(data, pd.DataFrame) else "date", metrics=["clicked"])


def test_revenue_below_zero_is_named_unless_meant(rows):
    refunds = rows.assign(revenue=rows["revenue"] - 0.5)
    for data in (refunds, ibis.memtable(refunds)):
        result = analyze(data, metrics=["revenue", "clicked"])
        assert not result.checks.set_index("check").loc["not negative: revenue", "passed"]
        assert result.table["verdict"].tolist()[:2] == ["not trustworthy"] * 2
        assert "not trustworthy" not in result.table["verdict"].tolist()[2:]
    meant = analyze(refunds, metrics=[Mean("revenue", signed=True)])
    assert meant.checks["passed"].all()


def test_outcomes_before_exposure_and_dates_in_the_future(rows):
    shown = rows.assign(seen=rows["day"], bought=rows["day"] + pd.Timedelta("1h"))
    options = {"exposed_at": "seen", "outcome_at": "bought", "metrics": ["clicked"]}
    now = pd.Timestamp("2026-03-06")
    for wrap in (lambda frame: frame, ibis.memtable):
        assert analyze(wrap(shown), now=now, **options).checks["passed"].all()
        early = shown.assign(bought=shown["bought"].where(shown.index != 7, shown["seen"] - pd.Timedelta("1s")))
        result = analyze(wrap(early), now=now, **options)
        assert result.checks.set_index("check").loc["outcome after exposure", "detail"] == (
            "1 outcomes before their exposure"
        )
        assert set(result.table["verdict"]) == {"not trustworthy"}
        result = analyze(wrap(shown), now=pd.Timestamp("2026-03-05"), **options)
        late = int((shown["bought"] > "2026-03-05").sum())
        assert result.checks.set_index("check").loc["no dates in the future", "detail"].startswith(f"{late:,} rows")
        assert set(result.table["verdict"]) == {"not trustworthy"}


def test_moments_in_another_zone_than_now(rows):
    shown = rows.assign(seen=rows["day"].dt.tz_localize("UTC"))
    options = {"exposed_at": "seen", "metrics": ["clicked"]}
    for now in (pd.Timestamp("2026-03-06"), pd.Timestamp("2026-03-05 23:00", tz="America/New_York")):
        assert analyze(shown, now=now, **options).checks["passed"].all()


PARTS = (Part("clicked", "any"), Part("clicks"), Part("revenue", cap=0.95), Part("past", "once"), Part(None))


@pytest.mark.parametrize("unit", ["user_id", None])
def test_days_added_up_are_all_rows(rows, unit):
    frame = rows.astype({"clicked": float})
    days = by_day(frame, PARTS, variant="variant", unit=unit, day="day")
    whole = collect(roll_up(frame, PARTS, variant="variant", unit=unit), PARTS)
    for arm, moments in whole.items():
        merged = merge(list(days[arm].values()))
        assert merged.n == moments.n
        np.testing.assert_allclose(merged.sums, moments.sums, rtol=1e-12)
        np.testing.assert_allclose(merged.products, moments.products, rtol=1e-12)


def test_each_look_is_what_the_rows_so_far_say(rows):
    parts = tuple(part._replace(cap=None) for part in PARTS)
    frame = rows.astype({"clicked": float})
    looks = cumulate(by_day(frame, parts, variant="variant", unit="user_id", day="day")["B"])
    assert len(looks) == 5
    for day, look in looks.items():
        sofar = collect(roll_up(frame[frame["day"] <= day], parts, variant="variant", unit="user_id"), parts)["B"]
        assert look.n == sofar.n
        np.testing.assert_allclose(look.products, sofar.products, rtol=1e-12)


def test_a_cap_is_one_threshold_for_all_arms(rows):
    per_user = rows.groupby(["variant", "user_id"])["revenue"].sum()
    top = np.quantile(per_user[per_user > 0], 0.9)
    table = analyze(rows, metrics=[Mean("revenue", cap=0.9)]).table
    assert table.loc[0, "value"] == pytest.approx(per_user["B"].clip(upper=top).mean(), rel=1e-12)
    assert table.loc[0, "metric"] == "revenue, cut at 0.9"


def test_decimal_and_boolean_columns_of_a_table():
    frame = pd.DataFrame({"variant": list("AB") * 50, "hit": [True, False, False, True] * 25})
    frame["money"] = [Decimal(f"{i % 7}.25") for i in range(100)]
    table = analyze(ibis.memtable(frame), unit=None, metrics=["hit", "money"]).table
    pd.testing.assert_frame_equal(table, analyze(frame, unit=None, metrics=["hit", "money"]).table, rtol=1e-9)
