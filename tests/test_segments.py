"""Recency, frequency and money: by hand, by property, and on the sample."""

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.pipeline import periods
from reco.segments import SEGMENTS, _thirds, rfm, segment_table

END = pd.Timestamp("2020-02-01", tz="UTC")


def lines(*rows: tuple) -> ibis.Table:
    """Order lines of (customer, order, day of January, quantity, revenue)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "order_id", "day", "quantity", "revenue"])
    frame["ordered_at"] = pd.to_datetime("2020-01-01", utc=True) + pd.to_timedelta(frame.pop("day") - 1, unit="D")
    return ibis.memtable(frame)


def test_recency_frequency_and_money_by_hand():
    found = rfm(
        lines(
            ("ann", "1", 1, 1, 5.0), ("ann", "1", 1, 2, 7.0), ("ann", "2", 22, 1, 3.0),
            ("bob", "3", 31, 1, 10.0),
            ("cid", "4", 11, 1, 8.0), ("cid", "5", 28, -1, -8.0),  # the return is no visit
            ("dan", "6", 30, -1, -4.0),  # bought before the data begin
            (None, "7", 30, 1, 99.0),  # a guest
        ),
        END,
    ).set_index("customer_id")  # fmt: skip
    assert found[["recency", "frequency", "monetary"]].to_dict("index") == {
        "ann": {"recency": 10, "frequency": 2, "monetary": 15},
        "bob": {"recency": 1, "frequency": 1, "monetary": 10},
        "cid": {"recency": 21, "frequency": 1, "monetary": 0},
    }
    assert found["segment"].to_dict() == {
        "ann": SEGMENTS[2, 3],
        "bob": SEGMENTS[3, 1],
        "cid": SEGMENTS[1, 2],  # as frequent as bob, whose id comes first
    }


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=60))
def test_thirds_differ_by_one_at_most_and_follow_the_values(values):
    thirds = _thirds(pd.Series(values))
    sizes = thirds.value_counts().reindex([1, 2, 3], fill_value=0)
    assert sizes.sum() == len(values)
    assert sizes.max() - sizes.min() <= 1
    order = np.argsort(values, kind="stable")
    assert thirds.to_numpy()[order].tolist() == sorted(thirds)


def test_every_pair_of_scores_has_a_segment_of_its_own():
    assert set(SEGMENTS) == {(recency, frequency) for recency in (1, 2, 3) for frequency in (1, 2, 3)}
    assert len(set(SEGMENTS.values())) == 9


@pytest.fixture(scope="module")
def sample(wb):
    return rfm(wb.table("order_lines"), periods(wb).end)


def test_sample_has_thirds_of_300_households(sample):
    assert sample["recency_score"].value_counts().to_dict() == {1: 100, 2: 100, 3: 100}
    assert sample["frequency_score"].value_counts().to_dict() == {1: 100, 2: 100, 3: 100}
    assert (sample["recency"] > 0).all()


def test_sample_scores_put_the_recent_and_frequent_on_top(sample):
    for score, value, rising in (("recency_score", "recency", False), ("frequency_score", "frequency", True)):
        limits = sample.groupby(score)[value].agg(["min", "max"])
        upper, lower = (limits["max"], limits["min"]) if rising else (limits["max"][::-1], limits["min"][::-1])
        assert (upper.to_numpy()[:-1] <= lower.to_numpy()[1:]).all()


def test_table_adds_up_to_the_store(wb, sample):
    table = segment_table(sample)
    assert table["customers"].sum() == 300
    assert table["customer_share"].sum() == pytest.approx(1, rel=1e-12)
    assert table["revenue_share"].sum() == pytest.approx(1, rel=1e-12)
    assert table["revenue"].sum() == pytest.approx(float(wb.table("order_lines").revenue.sum().execute()), rel=1e-12)
    assert table["revenue"].is_monotonic_decreasing
