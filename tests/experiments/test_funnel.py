"""The funnel: one denominator for every step, and parts that add to the whole."""

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reco.errors import InputError
from reco.experiments.calibration import simulate
from reco.experiments.funnel import decompose, funnel, log_factors
from reco.experiments.rates import compare_rates


@pytest.fixture(scope="module")
def sessions():
    """Sessions of 1,500 users in three arms; B has more clicks, its orders per click are fewer."""
    rng = np.random.default_rng(9)
    user = rng.integers(0, 1500, 7000)
    arm = np.array(list("ABC"))[user % 3]
    clicks = rng.binomial(5, np.where(arm == "B", 0.3, 0.2) * (0.5 + user % 2))
    orders = rng.binomial(clicks, np.where(arm == "B", 0.15, 0.2))
    revenue = orders * rng.lognormal(3, 0.6, 7000)
    frame = pd.DataFrame({"user_id": user, "variant": arm, "clicks": clicks, "orders": orders, "revenue": revenue})
    return frame.assign(seen=1, clicked=clicks > 0, ordered=orders > 0)


def carts(first, second):
    """1,000 users an arm, so many of whom put something in the cart, and so many bought it."""
    place = np.arange(1000)
    arms = [
        pd.DataFrame({"variant": arm, "exposed": 1, "cart": place < n, "purchase": place < bought})
        for arm, (n, bought) in {"A": first, "B": second}.items()
    ]
    return pd.concat(arms, ignore_index=True).rename_axis("user_id").reset_index()


def test_a_step_given_the_step_before_is_no_verdict():
    # GrowthBook, docs "Funnel metrics": carts 200 -> 400, purchases 100 -> 140 of 1,000 an arm.
    # Of all exposed: +4.0 points, z = 2.75, p = .0059. Of carts: -15 points, z = -3.54, p = .0004.
    result = funnel(carts((200, 100), (400, 140)), ["cart", "purchase"])
    bought = result.table.set_index("step").loc["purchase"]
    assert bought["effect"] == pytest.approx(0.04)
    assert round(bought["statistic"], 2) == 2.75 and round(bought["p_value"], 4) == 0.0059
    assert result.table["verdict"].tolist() == ["better", "better"]
    given = compare_rates(140, 400, 100, 200)
    assert round(given.effect, 2) == -0.15 and round(given.statistic, 2) == -3.54 and round(given.p_value, 4) == 0.0004
    described = result.description
    assert described["value"].tolist() == [0.5, 0.35]
    assert described.columns.tolist() == ["step", "given", "variant", "value", "kind"]
    assert set(described["kind"]) == {"description"}


@pytest.mark.parametrize(("per", "value"), [(None, "any"), ("rows", "mean"), ("seen", "mean")])
def test_all_steps_share_a_denominator(sessions, per, value):
    result = funnel(sessions, ["clicked", "ordered"], per=per)
    mine = sessions[sessions["variant"] == "B"]
    for step, row in zip(["clicked", "clicked", "ordered", "ordered"], result.table.to_dict("records"), strict=True):
        assert row["step"] == step
        if row["variant"] == "B":
            by_user = mine.groupby("user_id")[step].any().mean()
            assert row["value"] == pytest.approx(by_user if value == "any" else mine[step].mean())
    assert result.correction.startswith("Holm over 4")
    assert (result.table["p_adjusted"] >= result.table["p_value"]).all()
    table = funnel(ibis.memtable(sessions), ["clicked", "ordered"], per=per)
    pd.testing.assert_frame_equal(table.table, result.table, rtol=1e-9)
    pd.testing.assert_frame_equal(table.description, result.description, rtol=1e-9)


def test_parts_add_to_the_whole(sessions):
    for chain in [(None, "clicks", "orders", "revenue"), ("seen", "clicks", "ordered", "orders", "revenue")]:
        result = decompose(sessions, chain)
        for variant, parts in result.parts.groupby("variant"):
            whole = parts[parts["role"] == "whole"].iloc[0]
            split = parts[parts["role"] == "part"]
            assert split["effect"].sum() == pytest.approx(whole["effect"], abs=1e-12)
            assert (1 + split["relative"]).prod() - 1 == pytest.approx(whole["relative"], rel=1e-12)
            margin = whole["effect_high"] - whole["effect"]
            error = np.sqrt(result.covariance[variant].to_numpy().sum())
            freedom = (sessions["variant"] != "C").sum()
            assert margin / error == pytest.approx(stats.t.ppf(0.975, freedom), rel=0.003)
            totals = sessions.groupby("variant")[["revenue"]].mean()["revenue"]
            assert whole["effect"] == pytest.approx(np.log(totals[variant] / totals["A"]), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(3, 60))
def test_parts_add_for_any_totals(seed, length, units):
    values = np.random.default_rng(seed).lognormal(0, 1, (units, length))
    logs, covariance = log_factors(values.sum(axis=0), values.T @ values, np.array(units))
    whole, variance = log_factors(
        values[:, [0, -1]].sum(axis=0), values[:, [0, -1]].T @ values[:, [0, -1]], np.array(units)
    )
    assert logs.sum() == pytest.approx(whole[0], abs=1e-12)
    assert covariance.sum() == pytest.approx(variance[0, 0], rel=1e-9, abs=1e-12)
    share = (values / values.mean(axis=0)) @ np.diff(np.eye(length), axis=0).T
    np.testing.assert_allclose(covariance, np.atleast_2d(np.cov(share.T)) / units, rtol=1e-8, atol=1e-12)


def test_variance_is_that_of_drawing_users(sessions):
    result = decompose(sessions)
    rng, drawn = np.random.default_rng(4), []
    for arm in "AB":
        mine = sessions[sessions["variant"] == arm]
        totals = mine.groupby("user_id")[["seen", "clicks", "orders", "revenue"]].sum().to_numpy()
        times = rng.multinomial(len(totals), np.full(len(totals), 1 / len(totals)), 3000)
        drawn.append(np.diff(np.log(times @ totals), axis=1))
    bootstrap = np.cov((drawn[1] - drawn[0]).T)
    scale = np.sqrt(np.outer(bootstrap.diagonal(), bootstrap.diagonal()))
    np.testing.assert_allclose(result.covariance["B"] / scale, bootstrap / scale, atol=0.08)


def test_parts_tell_where_a_difference_comes_from(sessions):
    result = decompose(sessions)
    parts = result.parts.set_index(["variant", "factor"]).loc["B"]
    assert parts.loc["clicks / rows", "effect_low"] > 0 and parts.loc["orders / clicks", "effect_high"] < 0
    assert parts.loc["revenue / orders", "effect_low"] < 0 < parts.loc["revenue / orders", "effect_high"]
    assert not {"verdict", "p_value", "p_adjusted"} & set(result.parts.columns)
    assert result.whole["verdict"].isin(["better", "tie", "worse"]).all()
    assert parts["relative"].to_numpy() == pytest.approx(parts["value"] / parts["control_value"] - 1, rel=1e-12)
    table = decompose(ibis.memtable(sessions))
    pd.testing.assert_frame_equal(table.parts, result.parts, rtol=1e-9)


def test_swapping_arms_flips_signs(sessions):
    two = sessions[sessions["variant"] != "C"]
    one, other = (decompose(two, control=arm).parts for arm in "AB")
    np.testing.assert_allclose(one["effect"], -other["effect"], rtol=1e-12)
    np.testing.assert_allclose(one["effect_low"], -other["effect_high"], rtol=1e-9)


def test_totals_of_zero_have_no_logarithm(sessions):
    silent = sessions.assign(**{c: sessions[c].where(sessions["variant"] != "C", 0) for c in ("orders", "revenue")})
    result = decompose(silent)
    assert result.notes == ("arm C has no orders and no revenue: no logarithm",)
    assert set(result.parts["variant"]) == {"B"} and result.whole["variant"].tolist() == ["B", "C"]
    assert result.whole["verdict"].tolist()[1] == "worse"
    nothing = decompose(silent.assign(revenue=silent["revenue"].where(silent["variant"] != "A", 0.0)))
    assert nothing.parts.empty and nothing.notes[0] == "arm A has no revenue: no logarithm"
    for table in (result.whole, result.parts, nothing.whole):
        assert not table[["effect", "effect_low", "effect_high"]].isna().any(axis=None)


def test_refunds_need_to_be_meant(sessions):
    refunds = sessions.assign(revenue=sessions["revenue"] - 0.5)
    assert set(decompose(refunds).whole["verdict"]) == {"not trustworthy"}
    assert decompose(refunds, signed=True).checks["passed"].all()
    lost = refunds.assign(revenue=-1.0 - refunds["orders"])
    assert decompose(lost, signed=True).notes[0] == "arm A has no revenue: no logarithm"


def test_a_factor_that_never_varies_has_no_width(sessions):
    fixed = sessions.assign(revenue=7.0 * sessions["orders"])
    parts = decompose(fixed).parts.set_index("factor").loc["revenue / orders"]
    assert (parts[["effect", "effect_low", "effect_high"]].abs() < 1e-9).all(axis=None)


def test_null_factors_keep_their_level():
    sums = simulate(2000, np.random.default_rng(21))
    logs, covariance = log_factors(sums.sums[:, :2, -1], sums.products[:, :2, -1], sums.n[:, :2, -1])
    difference, spread = logs[:, 1] - logs[:, 0], covariance.sum(axis=1)
    whole = difference.sum(axis=1) / np.sqrt(spread.sum(axis=(1, 2)))
    z = np.column_stack([difference / np.sqrt(np.diagonal(spread, axis1=1, axis2=2)), whole])
    wrong = (np.abs(z) > stats.norm.isf(0.025)).mean(axis=0)
    assert ((wrong > 0.038) & (wrong < 0.063)).all(), wrong


@pytest.mark.parametrize(
    ("steps", "options", "message"),
    [
        (["clicked"], {}, "two or more different columns, found clicked"),
        (["clicked", "clicked"], {}, "two or more different columns"),
        (["clicked", "basket"], {}, "no column 'basket'"),
        (["clicks", "orders"], {}, "a rate needs true/false or 0/1"),
        (["clicked", "ordered"], {"control": "Z"}, "no arm 'Z'"),
        (["clicked", "ordered"], {"per": "views"}, "no column 'views'"),
        (["clicked", "ordered"], {"shares": {"A": 1, "B": 1, "C": 1, "D": 1}}, "no rows in arm D"),
    ],
)
def test_bad_input_is_refused_by_name(sessions, steps, options, message):
    with pytest.raises(InputError, match=message):
        funnel(sessions, steps, **options)


def test_a_chain_has_three_different_totals(sessions):
    for chain in [(None, "revenue"), (None, "clicks", "clicks")]:
        with pytest.raises(InputError, match="three or more different columns"):
            decompose(sessions, chain)
    with pytest.raises(InputError, match="only its first column"):
        decompose(sessions, ("clicks", None, "revenue"))
