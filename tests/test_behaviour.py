"""Funnel, gaps and freshness by hand and by property."""

import datetime as dt
from itertools import count

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.behaviour import STEPS, freshness, funnel, gaps
from reco.engines import ENGINES
from reco.store import SCHEMAS


@pytest.fixture(scope="module")
def engine():
    return ENGINES["duckdb"].connect(None)


@pytest.fixture(scope="module")
def table(engine):
    """A function that makes a unified table of rows."""
    made = count()

    def make(name, rows):
        view = f"{name}_{next(made)}"
        engine.con.register(view, pa.Table.from_pylist(rows, schema=SCHEMAS[name]))
        return engine.table(view)

    return make


def at(text):
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def events(visitor, *steps, session=True, day="2021-05-03"):
    """Events a minute apart; of a session, or of a customer whose session is not known."""
    who = {"session_id" if session else "customer_id": visitor}
    start = at(f"{day}T10:00")
    return [who | {"event": step, "occurred_at": start + dt.timedelta(minutes=n)} for n, step in enumerate(steps)]


def order(customer, moment, order_id="1", quantity=1.0):
    return {"order_id": order_id, "customer_id": customer, "ordered_at": at(moment), "quantity": quantity}


def test_a_visit_reaches_steps_in_their_order_only(table):
    rows = [
        *events("whole", "view", "add_to_cart", "begin_checkout", "purchase"),
        *events("backwards", "purchase", "begin_checkout", "add_to_cart", "view"),
        *events("skips", "view", "begin_checkout", "purchase"),
        *events("returns", "add_to_cart", "view", "view", "add_to_cart", "select"),
        *events("no view", "add_to_cart", "begin_checkout"),
        {"event": "view", "occurred_at": at("2021-05-03T10:00")},  # nobody's
    ]
    found = funnel(table("events", rows))
    assert found["step"].tolist() == list(STEPS)
    assert found["visitors"].tolist() == [4, 2, 1, 1]
    assert found["rate"].tolist() == pytest.approx([np.nan, 0.5, 0.5, 1], nan_ok=True)


def test_intervals_are_wilsons(table):
    rows = [row for n in range(10) for row in events(str(n), "view", *(["add_to_cart"] if n < 3 else []))]
    found = funnel(table("events", rows)).loc[1]
    # Newcombe 1998, formula of method 3: (2np + z² ± z √(z² + 4npq)) / 2(n + z²)
    n, p, z = 10, 0.3, 1.959963984540054
    half = z * np.sqrt(z**2 + 4 * n * p * (1 - p))
    limits = [(2 * n * p + z**2 + sign * half) / (2 * (n + z**2)) for sign in (-1, 1)]
    assert found[["rate", "rate_low", "rate_high"]].tolist() == pytest.approx([0.3, *limits])


def test_without_a_session_a_customers_day_is_the_visit(table):
    rows = [
        *events("ann", "view", session=False), *events("ann", "add_to_cart", session=False, day="2021-05-04"),
        *events("bob", "view", "add_to_cart", session=False),
        {"customer_id": "cid", "event": "view", "occurred_at": at("2021-05-03T23:30")},
        {"customer_id": "cid", "event": "add_to_cart", "occurred_at": at("2021-05-04T00:30")},
    ]  # fmt: skip
    assert funnel(table("events", rows))["visitors"].tolist()[:2] == [3, 1]
    assert funnel(table("events", rows), time_zone="America/New_York")["visitors"].tolist()[:2] == [3, 2]


def test_an_order_is_a_purchase_of_the_visit_that_led_to_it(table):
    rows = [
        {"customer_id": customer, "session_id": session, "event": event, "occurred_at": at(moment)}
        for customer, session, event, moment in (
            ("ann", "a1", "view", "2021-05-01T10:00"), ("ann", "a1", "begin_checkout", "2021-05-01T10:05"),
            ("ann", "a2", "view", "2021-05-03T10:00"), ("ann", "a2", "begin_checkout", "2021-05-03T10:05"),
            ("bob", "b", "view", "2021-05-03T10:00"), ("bob", "b", "begin_checkout", "2021-05-03T10:05"),
            ("cid", "c", "view", "2021-05-03T10:00"), ("cid", "c", "begin_checkout", "2021-05-03T10:05"),
        )
    ]  # fmt: skip
    orders = [
        order("ann", "2021-05-03T10:05"),  # of the second visit, at the very moment of its checkout
        order("bob", "2021-05-04T10:06"),  # too late
        order("cid", "2021-05-03T09:59"), order("cid", "2021-05-03T11:00", "2", -1.0),  # before, and a return
        order(None, "2021-05-03T11:00", "3"), order("dan", "2021-05-03T11:00", "4"),  # never seen
    ]  # fmt: skip
    found = funnel(table("events", rows), table("order_lines", orders))
    assert found["visitors"].fillna(-1).tolist() == [4, -1, 4, 1]  # nothing tells of carts
    assert found["rate"].tolist() == pytest.approx([np.nan, np.nan, 1, 0.25], nan_ok=True)


def test_no_events_make_no_funnel(table):
    found = funnel(table("events", []), table("order_lines", [order("ann", "2021-05-03T10:00")]))
    assert found["step"].tolist() == list(STEPS)
    assert found[["visitors", "rate", "rate_low", "rate_high"]].isna().all(axis=None)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(STEPS), st.integers(0, 99)), max_size=30))
def test_a_funnel_narrows_and_agrees_with_walking_each_visit(table, rows):
    frame = [
        {"session_id": who, "event": step, "occurred_at": at("2021-05-03T10:00") + dt.timedelta(seconds=second)}
        for who, step, second in rows
    ]
    recorded = [step for step in STEPS if any(row[1] == step for row in rows)]
    expected = dict.fromkeys(recorded, 0)
    for who in {row[0] for row in rows}:
        since = -1
        for step in recorded:
            moments = [second for visitor, name, second in rows if (visitor, name) == (who, step) and second >= since]
            if not moments:
                break
            expected[step] += 1
            since = min(moments)
    found = funnel(table("events", frame)).set_index("step")["visitors"].dropna()
    assert found.to_dict() == expected
    assert found.is_monotonic_decreasing


def days(*found):
    return [order("ann", f"{day}T12:00") for day in found]


def every_day(start, end, without=(), closed=()):
    span = pd.date_range(start, end)
    kept = span[~span.isin(pd.to_datetime(list(without))) & ~span.day_of_week.isin(closed)]
    return days(*kept.strftime("%Y-%m-%d"))


def runs(table, rows, zone="UTC"):
    found = gaps(table("order_lines", rows), "ordered_at", zone)
    return [(f"{run.start:%m-%d}", f"{run.end:%m-%d}", run.days) for run in found.itertuples()]


def test_gaps_are_runs_between_the_first_and_the_last_day(table):
    rows = every_day("2021-03-01", "2021-04-30", without=["2021-03-05", "2021-03-20", "2021-03-21"])
    assert runs(table, rows) == [("03-05", "03-05", 1), ("03-20", "03-21", 2)]
    assert runs(table, every_day("2021-03-01", "2021-04-30")) == []


def test_a_closed_weekday_is_no_gap_and_does_not_end_one(table):
    lost = ["2021-03-12", "2021-03-13", "2021-03-15"]  # Friday, Saturday, Monday
    rows = every_day("2021-03-01", "2021-04-30", without=lost, closed=[6])
    assert runs(table, rows) == [("03-12", "03-15", 3)]
    assert runs(table, every_day("2021-03-01", "2021-04-30", closed=[5, 6])) == []


def test_months_that_are_lost_do_not_make_their_weekdays_unusual(table):
    rows = every_day("2021-01-04", "2021-01-17") + every_day("2021-11-01", "2021-11-14")
    assert runs(table, rows) == [("01-18", "10-31", 287)]


def test_days_are_those_of_the_shop(table):
    rows = every_day("2021-03-01", "2021-03-31", without=["2021-03-10"])
    late = {"order_id": "2", "ordered_at": at("2021-03-11T02:00"), "quantity": 1.0}  # the 10th in New York
    assert runs(table, [*rows, late]) == [("03-10", "03-10", 1)]
    assert runs(table, [*rows, late], "America/New_York") == []


def test_one_day_or_none_has_no_gaps(table):
    assert runs(table, days("2021-03-01")) == []
    assert runs(table, []) == []
    undated = table("events", [{"event": "view"}])
    assert gaps(undated, "occurred_at", "UTC").empty


def test_freshness_names_the_newest_row_of_each_source(table):
    orders = [{"source": "shopify", "ordered_at": at(moment)} for moment in ("2021-05-01T00:00", "2021-05-03T12:00")]
    seen = [{"source": source, "occurred_at": at("2021-05-05T00:00")} for source in ("ga4", "klaviyo")]
    tables = {"order_lines": table("order_lines", orders), "events": table("events", seen)}
    tables["customers"] = table("customers", [])
    found = freshness(tables, pd.Timestamp("2021-05-04", tz="UTC"))
    assert found[["source", "table", "age_days"]].to_numpy().tolist() == [
        ["shopify", "order_lines", 0.5], ["ga4", "events", -1.0], ["klaviyo", "events", -1.0],
    ]  # fmt: skip
    assert found["newest"].tolist()[0] == pd.Timestamp("2021-05-03T12:00", tz="UTC")
    assert freshness({}, pd.Timestamp("2021-05-04", tz="UTC")).empty
