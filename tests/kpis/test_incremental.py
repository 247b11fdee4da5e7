"""Lift, incremental revenue and the guardrail on customers of whom the truth is known."""

import ibis
import numpy as np
import pandas as pd
import pytest

from reco.errors import InputError
from reco.experiments.means import Estimate, fieller
from reco.kpis import Rule, claimed, incremental, per_customer
from reco.kpis.incremental import WARNING
from tests.kpis.test_attribution import DAY, NOON, impression, line, table


def customers(rng: np.random.Generator, n: int = 4_000, lift: float = 0.2, more_sessions: float = 0.0) -> pd.DataFrame:
    """Half of the customers held out; the others spend `lift` more on average, and 30 % of it is attributed."""
    shown = np.arange(n) % 2 == 0
    revenue = rng.gamma(2.0, 10.0, n) * np.where(shown, 1 + lift, 1.0)
    return pd.DataFrame(
        {
            "customer_id": [f"c{k}" for k in range(n)],
            "variant": np.where(shown, "recommendations", "holdout"),
            "revenue": revenue,
            "attributed": np.where(shown, 0.3 * revenue, 0.0),
            "sessions": 1 + rng.poisson(2 + np.where(shown, more_sessions, 0)),
        }
    )


def test_intervals_hold_the_truth():
    rng = np.random.default_rng(1)
    runs = [incremental(customers(rng, n=400), holdout="holdout") for _ in range(60)]
    assert 0.87 <= np.mean([run.lift_low <= 0.2 <= run.lift_high for run in runs]) <= 1
    # 200 shown customers who would have spent 20 each added 4 each
    added = pd.concat([run.table[run.table["what"] == "incremental"] for run in runs])
    assert 0.87 <= ((added["low"] <= 800) & (added["high"] >= 800)).mean() <= 1


def test_by_hand():
    frame = customers(np.random.default_rng(2))
    found = incremental(frame, holdout="holdout", share=0.5)
    shown, held = (frame[frame["variant"] == name]["revenue"] for name in ("recommendations", "holdout"))
    assert found.lift == pytest.approx(shown.mean() / held.mean() - 1)
    means = [Estimate(arm.mean(), arm.var() / len(arm), len(arm)) for arm in (shown, held)]
    assert (1 + found.lift_low, 1 + found.lift_high) == pytest.approx(fieller(*means, 1.96), abs=1e-4)
    rows = found.table.set_index("what")
    assert rows.loc["attributed", "revenue"] == pytest.approx(0.3 * shown.sum())
    assert rows.loc["attributed", "share"] == pytest.approx(0.3)
    assert rows.loc["incremental", "revenue"] == pytest.approx(shown.sum() - len(shown) * held.mean())
    assert found.ratio == pytest.approx(rows.loc["incremental", "revenue"] / rows.loc["attributed", "revenue"])
    assert found.sentence.startswith("30.0% of the revenue of customers who saw recommendations is attributed to them")
    assert f"added {found.lift_low:.1%} to {found.lift_high:.1%}" in found.sentence
    assert found.checks["passed"].all()
    assert "incremental" in WARNING


def test_all_attributed_and_nothing_added_is_a_tie():
    found = incremental(customers(np.random.default_rng(3), lift=0.0), holdout="holdout")
    assert found.lift_low < 0 < found.lift_high
    assert "it is a tie" in found.sentence


def test_harm_is_said():
    found = incremental(customers(np.random.default_rng(3), lift=-0.3), holdout="holdout")
    assert "the holdout says they cost" in found.sentence


def test_guardrail_is_on_revenue_per_session():
    # recommendations that bring sessions and no revenue: revenue per customer is a tie, per session it falls
    found = incremental(customers(np.random.default_rng(4), lift=0.0, more_sessions=1.5), holdout="holdout")
    assert found.guardrail["metric"].tolist() == ["revenue / sessions"]
    assert found.guardrail.loc[0, "relative_high"] < -0.02
    assert found.guardrail.loc[0, "verdict"] == "harmed"
    fine = incremental(customers(np.random.default_rng(4)), holdout="holdout").guardrail
    assert fine.loc[0, "verdict"] == "safe"


def test_per_customer_from_tables():
    exposed = pd.DataFrame(
        [
            ("a", "on", 0, "s1"),
            ("a", "on", 2, "s2"),
            ("a", "on", 2, "s2"),  # seen twice in one session
            ("b", "off", 0, "s3"),
            ("c", "on", 1, "s4"),
            (None, "on", 0, "s5"),
        ],
        columns=["customer_id", "variant", "day", "session_id"],
    )
    exposed["assigned_at"] = pd.to_datetime(NOON + exposed.pop("day") * DAY).astype("datetime64[us, UTC]")
    lines = [
        line(NOON - DAY, 99, customer="a"),  # before the test
        line(NOON + DAY, 10, customer="a"),
        line(NOON + 3 * DAY, -4, -1, customer="a"),
        line(NOON + 3 * DAY, 7, customer="b"),
        line(NOON + DAY, 5, customer="stranger"),
    ]
    sold, seen = table(lines, line(NOON)), table([impression("i", NOON, "a")], impression("", NOON))
    units = per_customer(ibis.memtable(exposed), sold, claims=claimed(seen, sold, Rule()))
    found = units.order_by("customer_id").execute()
    columns = ["customer_id", "variant", "sessions", "revenue", "attributed"]
    assert found[columns].to_numpy().tolist() == [["a", "on", 2, 6, 6], ["b", "off", 1, 7, 0], ["c", "on", 1, 0, 0]]
    alone = per_customer(ibis.memtable(exposed.drop(columns="session_id")), sold).order_by("customer_id").execute()
    assert alone["sessions"].tolist() == [3, 1, 1]  # each exposure is one


def test_without_a_holdout():
    frame = customers(np.random.default_rng(5), n=20)
    with pytest.raises(InputError, match="no variant 'none'"):
        incremental(frame, holdout="none")
    frame.loc[0, "variant"] = "third"
    with pytest.raises(InputError, match="expected the variant that was shown"):
        incremental(frame, holdout="holdout")


def test_what_customers_spent_before_narrows_the_interval_and_moves_nothing_on_average():
    rng = np.random.default_rng(3)
    frame = customers(rng)
    usual = frame["revenue"] / np.where(frame["variant"] == "holdout", 1.0, 1.2)
    frame = frame.assign(before=usual + rng.normal(0, 2, len(frame)))
    plain, adjusted = (incremental(one, holdout="holdout") for one in (frame.drop(columns="before"), frame))
    assert adjusted.lift_high - adjusted.lift_low < 0.3 * (plain.lift_high - plain.lift_low)
    assert adjusted.lift_low <= 0.2 <= adjusted.lift_high
    assert adjusted.guardrail["metric"].tolist() == ["revenue / sessions, adjusted by before"]
    assert "alike before: revenue, adjusted by before" in adjusted.checks["check"].tolist()


def test_revenue_before_is_of_the_days_before_the_assignment():
    exposed = pd.DataFrame({"customer_id": ["a", "b"], "variant": ["on", "off"]})
    exposed["assigned_at"] = pd.Series([NOON, NOON]).astype("datetime64[us, UTC]")
    lines = [
        line(NOON - 84 * DAY, 1, customer="a"),
        line(NOON - 85 * DAY, 2, customer="a"),
        line(NOON - DAY, 4, customer="a"),
        line(NOON, 8, customer="a"),
    ]
    sold = table(lines, line(NOON))
    found = per_customer(ibis.memtable(exposed), sold, history=sold).order_by("customer_id").execute()
    assert found[["before", "revenue"]].to_numpy().tolist() == [[5, 8], [0, 0]]
