"""From rows to verdicts, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from reco.errors import InputError
from reco.experiments import Mean, Rate, Ratio, analyze, analyze_by
from reco.experiments.analysis import COLUMNS
from reco.experiments.means import compare_means
from reco.experiments.moments import merge
from reco.experiments.rates import compare_rates


@pytest.fixture(scope="module")
def sessions():
    """9,000 sessions of 3,000 users in three arms; B is truly better on clicks."""
    rng = np.random.default_rng(3)
    user = np.repeat(np.arange(3000), 3)
    arm = np.array(list("ABC"))[user % 3]
    clicks = rng.binomial(6, np.where(arm == "B", 0.14, 0.1))
    revenue = np.where(rng.random(9000) < 0.1, rng.lognormal(3, 1, 9000), 0)
    return pd.DataFrame(
        {"user_id": user, "variant": arm, "day": np.tile([1, 2, 3], 3000), "clicks": clicks, "impressions": 6}
    ).assign(clicked=clicks > 0, revenue=revenue)


METRICS = ["clicked", "revenue", Ratio("clicks", "impressions")]


def test_table_has_the_public_columns_and_verdicts(sessions):
    result = analyze(sessions, unit="user_id", variant="variant", control="A", metrics=METRICS)
    assert tuple(result.table.columns) == COLUMNS
    assert result.table["metric"].tolist() == ["clicked"] * 2 + ["revenue"] * 2 + ["clicks / impressions"] * 2
    assert result.table["variant"].tolist() == ["B", "C"] * 3
    assert result.table["verdict"].tolist() == ["better", "tie", "tie", "tie", "better", "tie"]
    assert result.checks["passed"].all()


def test_rows_are_rolled_up_to_units(sessions):
    table = analyze(sessions, metrics=["clicked", Mean("clicked")]).table
    by_user = sessions.groupby(["variant", "user_id"])["clicked"].agg(["any", "sum"])
    hits = by_user["any"].groupby("variant").agg(["sum", "size"])
    assert table.loc[0, "value"] == by_user.loc["B", "any"].mean()
    assert table.loc[2, "value"] == pytest.approx(by_user.loc["B", "sum"].mean(), rel=1e-12)
    effect = compare_rates(*hits.loc["B"], *hits.loc["A"])
    assert table.loc[0, list(effect._fields)].tolist() == list(effect)


def test_relabelling_arms_flips_signs(sessions):
    two = sessions[sessions["variant"] != "C"]
    one = analyze(two, control="A", metrics=METRICS).table
    other = analyze(two, control="B", metrics=METRICS).table
    np.testing.assert_allclose(one["effect"], -other["effect"], rtol=1e-12)
    np.testing.assert_allclose(one["effect_low"], -other["effect_high"], rtol=1e-9)
    np.testing.assert_allclose(one["p_value"], other["p_value"], rtol=1e-9)
    assert other["verdict"].tolist() == ["worse", "tie", "worse"]


def test_strata_merged_are_all_rows(sessions):
    metrics = [Rate("clicked"), Mean("revenue"), Ratio("clicks", "impressions")]
    whole = analyze(sessions, unit=None, metrics=metrics)
    days = [analyze(rows, unit=None, metrics=metrics).moments for _, rows in sessions.groupby("day")]
    merged = {arm: merge([day[arm] for day in days]) for arm in "ABC"}
    for metric, row in zip(metrics, whole.table.iloc[::2].to_dict("records"), strict=True):
        effect = metric.compare(merged["B"], merged["A"], 0.95)
        assert [row[field] for field in effect._fields] == pytest.approx(list(effect), rel=1e-10)
    for arm in "ABC":
        np.testing.assert_allclose(merged[arm].sums, whole.moments[arm].sums, rtol=1e-12)
        np.testing.assert_allclose(merged[arm].products, whole.moments[arm].products, rtol=1e-12)


def test_a_wrong_split_replaces_the_verdict(sessions):
    lost = sessions[(sessions["variant"] != "B") | (sessions["user_id"] % 5 != 0)]
    result = analyze(lost, metrics=METRICS)
    assert result.checks.set_index("check")["passed"]["sample ratio"] == False  # noqa: E712 a numpy boolean
    assert set(result.table["verdict"]) == {"not trustworthy"}
    shares = {"A": 1000, "B": 800, "C": 1000}
    assert "not trustworthy" not in set(analyze(lost, metrics=METRICS, shares=shares).table["verdict"])


def test_a_unit_in_two_arms_replaces_the_verdict(sessions):
    mixed = sessions.assign(user_id=sessions["user_id"] // 3)
    result = analyze(mixed, metrics=["revenue"])
    assert not result.checks.set_index("check").loc["one arm per unit", "passed"]
    assert set(result.table["verdict"]) == {"not trustworthy"}


def test_an_outcome_that_never_varies_has_no_verdict(sessions):
    result = analyze(sessions.assign(none=0, seven=7.0), metrics=["none", "seven", "revenue"])
    assert result.table["verdict"].tolist() == ["not trustworthy"] * 4 + ["tie"] * 2
    assert not result.table[["effect", "p_value", "p_adjusted"]].isna().any(axis=None)


def test_an_arm_without_hits_is_named_and_compared(sessions):
    silent = sessions.assign(clicked=sessions["clicked"] & (sessions["variant"] != "C"))
    result = analyze(silent, metrics=["clicked"])
    assert result.checks.iloc[-1]["detail"] == "the same for every unit of C"
    assert result.table["verdict"].tolist() == ["better", "worse"]


def test_holm_covers_the_whole_table(sessions):
    table = analyze_by(sessions, "day", metrics=["clicked", "revenue"]).table
    assert table.columns[0] == "day" and len(table) == 12
    smallest = table["p_value"].idxmin()
    assert table.loc[smallest, "p_adjusted"] == pytest.approx(12 * table.loc[smallest, "p_value"])


def test_arms_may_be_numbers_and_categories(sessions):
    numbered = sessions.assign(variant=sessions["user_id"] % 3)
    text = analyze(sessions, metrics=METRICS).table
    assert analyze(numbered, control=0, metrics=METRICS).table["effect"].equals(text["effect"])
    category = sessions.assign(variant=sessions["variant"].astype("category"))
    assert analyze(category, metrics=METRICS).table.equals(text)


def test_decimal_money_is_a_number(sessions):
    from decimal import Decimal

    money = sessions.assign(revenue=[Decimal(f"{value:.2f}") for value in sessions["revenue"]])
    rounded = sessions.assign(revenue=sessions["revenue"].round(2))
    one, other = (analyze(frame, metrics=["revenue"]).table for frame in (money, rounded))
    np.testing.assert_allclose(one["effect"], other["effect"], rtol=1e-9)


def test_revenue_per_user_is_welch(sessions):
    row = analyze(sessions, metrics=["revenue"]).table.iloc[0]
    from reco.experiments.means import Estimate

    per_user = sessions.groupby(["variant", "user_id"])["revenue"].sum()
    arms = [per_user.loc[arm] for arm in "BA"]
    effect = compare_means(*(Estimate(s.mean(), s.var() / len(s), len(s)) for s in arms))
    assert row[list(effect._fields)].tolist() == pytest.approx(list(effect), rel=1e-9)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"unit": "customer"}, "no column 'customer'"),
        ({}, {"metrics": ["profit"]}, "no column 'profit' to judge by"),
        ({}, {"metrics": [Ratio("clicks", "views")]}, "no column 'views' to judge by"),
        ({}, {"metrics": []}, "expected at least one"),
        ({}, {"control": "Z"}, "no arm 'Z' to compare with; the arms are A, B, C"),
        ({}, {"shares": {"A": 1, "B": 1, "C": 1, "D": 1}}, "no rows in arm D"),
        ({}, {"confidence": 95}, "between 0.5 and 1"),
        ({"variant": "A"}, {}, "nothing to compare: the only arm is A"),
        ({"variant": pd.Categorical(list("AB") * 4500, categories=list("ABC"))}, {}, "no rows in arm C"),
        ({"variant": [None] * 9 + list("ABC") * 2997}, {}, "variant: 9 of 9,000 rows have none"),
        ({"user_id": [np.nan] + [1.0] * 8999}, {}, "user_id: 1 of 9,000 rows have none"),
        ({"revenue": np.nan}, {}, "revenue: 9,000 of 9,000 rows are missing or not finite"),
        ({"revenue": [np.inf] + [1.0] * 8999}, {}, "revenue: 1 of 9,000 rows are missing or not finite"),
        ({"revenue": "much"}, {}, "revenue: expected numbers or true/false"),
        ({"variant": ["C"] + list("AB") * 4499 + ["A"]}, {"unit": None}, "arm C has 1 unit; at least 2"),
        ({}, {"metrics": [Rate("revenue")]}, "a rate needs true/false or 0/1"),
        ({"impressions": 0}, {}, "the total of impressions is zero in arm A"),
    ],
)
def test_bad_input_is_refused_by_name(sessions, change, options, message):
    with pytest.raises(InputError, match=message):
        analyze(sessions.assign(**change), **{"metrics": METRICS, **options})


def test_an_empty_frame_is_refused(sessions):
    with pytest.raises(InputError, match="the arms are none"):
        analyze(sessions.iloc[:0], metrics=METRICS)
