"""The book's own attribution, and what its truth is good for."""

import dataclasses

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco.experiments.offpolicy import Log, evaluate
from reco.shoppers import Context, Shopping, personal, potential, shop
from reco.shoppers.book import Touches, credited
from reco.shoppers.visits import DAY

#: Moments around the ends of windows.
MOMENTS = [0, 1, 7 * DAY - 1, 7 * DAY, 7 * DAY + 1, 8 * DAY, 14 * DAY, 14 * DAY + 1]
EVENTS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from(MOMENTS)), max_size=12)


def touches(events):
    return Touches(*(np.array([event[column] for event in events], dtype="int64") for column in range(3)))


@given(clicks=EVENTS, orders=EVENTS)
def test_orders_are_credited_as_by_brute_force(clicks, orders):
    expected = [
        any(who == buyer and what == item and 0 <= at - when <= 7 * DAY for who, what, when in clicks)
        for buyer, item, at in orders
    ]
    assert credited(touches(clicks), touches(orders)).tolist() == expected


def test_another_policy_s_truth_is_found_from_the_log(tastes, tmp_path):
    # nobody stops at a click, so that what is clicked does not depend on its neighbours: each row stands for itself
    page = (Context("page", 1.0, 1.0),)
    settings = Shopping(seed=5, shoppers=2_000, explore=0.6, satisfied=0.0, contexts=page, bots=0)
    policy = personal(tastes)
    shop(tastes, [policy], settings, tmp_path)
    log = pq.read_table(tmp_path / "impressions.parquet", columns=["propensity", "clicked", "customer_id"]).to_pandas()
    head = log["propensity"] > 0.1  # 1 - 0.6 + 0.6 / 20 at the head of the list, 0.6 / 20 elsewhere
    found = evaluate(
        Log(log["clicked"], log["propensity"], head.astype(float), cluster=log["customer_id"]),
        rng=np.random.default_rng(0),
        rounds=200,
        confidence=0.999,
    ).set_index("estimator")
    truth = potential(tastes, [policy], dataclasses.replace(settings, explore=0.0)).policies.loc[0, "ctr"]
    for name in ("ips", "snips"):
        assert found.loc[name, "value_low"] <= truth <= found.loc[name, "value_high"]
    assert found.loc["snips", "value"] == pytest.approx(truth, rel=0.05)
    assert log["clicked"].mean() < 0.9 * truth  # the log's own rate is another
