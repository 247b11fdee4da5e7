"""Weekly figures of logs small enough to count by hand, and of larger ones beside other code."""

import ibis
import numpy as np
import pandas as pd
import pytest

from reco.errors import InputError
from reco.evaluation.beyond_accuracy import coverage, gini
from reco.monitoring.weekly import MEASURES, churn, freshness, weekly_table

END = pd.Timestamp("2026-03-02", tz="UTC")
WEEK = pd.Timedelta(weeks=1)
TIME = "datetime64[us, UTC]"


def orders(*rows: tuple[float, str, str], source: str = "till") -> ibis.Table:
    """Lines by weeks before the end, customer and product."""
    frame = pd.DataFrame(rows, columns=["ago", "customer_id", "product_id"])
    frame["ordered_at"] = (END - frame.pop("ago") * WEEK).astype(TIME)
    return ibis.memtable(frame.assign(quantity=1.0, source=source))


def impressions(rows: list[tuple], **more: list) -> ibis.Table:
    frame = pd.DataFrame(rows, columns=["ago", "slate_id", "product_id", "position"])
    frame["shown_at"] = (END - frame.pop("ago") * WEEK).astype(TIME)
    return ibis.memtable(frame.assign(context="home", source="log", **more))


def values(frame: pd.DataFrame) -> dict[tuple[str, int], float]:
    return {(one.measure, one.week): one.value for one in frame.itertuples()}


SOLD = [(3.5, "x", "a"), (3.5, "y", "a"), (3.5, "x", "b"), (3.2, "x", "a"), (3.2, "z", "b"), (3.2, "w", "c")]
SHOWN = [
    (0.5, "s", "a", 1),
    (0.5, "s", "b", 2),
    (0.4, "t", "a", 1),
    (0.4, "t", "d", 2),
    (0.4, "t", "a", 3),
    (1.5, "r", "c", 1),
]


def test_by_hand():
    more = {
        "fallback": [True, *[False] * 5],
        "gave_way": ["", "stock", "", None, "", ""],
        "age_weeks": [1, 1, 3, 3, 2, 4],
    }
    tables = {"order_lines": orders(*SOLD), "impressions": impressions(SHOWN, **more)}
    frame = weekly_table(tables, END, catalogue_size=10, sizes={"home": 3}, head=0.1)
    assert frame.columns.tolist() == ["week", "measure", "value"]
    found = values(frame)
    assert (found["coverage", 0], found["coverage", -1]) == (0.3, 0.1)
    assert found["head_share", 0] == 0.6  # three of five on a, the one product that sold most
    assert found["novelty", 0] == pytest.approx((3 * 1 + 1 + 3) / 5)  # a and b had two of four customers, d none
    assert found["novelty", -1] == pytest.approx(2)
    assert found["full_slates", 0] == 0.5 and found["full_slates", -1] == 0
    assert found["fallback_rate", 0] == 0.2
    assert found["give_ways", 0] == 0.5 and found["give_ways", -1] == 0
    assert found["cache_age_weeks", 0] == 2
    assert found["days_since:impressions:log", 0] == pytest.approx(2.8)
    assert set(frame["measure"].str.split(":").str[0]) <= set(MEASURES)


def test_what_the_log_does_not_hold_is_left_out():
    tables = {"order_lines": orders(*SOLD), "impressions": impressions(SHOWN)}
    measures = set(weekly_table(tables, END, 10)["measure"])
    assert not measures & {"fallback_rate", "give_ways", "cache_age_weeks", "full_slates"}
    assert {"coverage", "gini", "novelty"} <= measures
    assert "coverage" not in set(weekly_table({"order_lines": orders(*SOLD)}, END, 10)["measure"])
    with pytest.raises(InputError, match="expected the table order_lines"):
        weekly_table({}, END, 10)


def test_novelty_needs_sales_before_the_log():
    tables = {"order_lines": orders((0.1, "x", "a")), "impressions": impressions(SHOWN)}
    assert not set(weekly_table(tables, END, 10)["measure"]) & {"novelty", "head_share"}


def test_gini_and_coverage_are_those_of_evaluation():
    rng = np.random.default_rng(0)
    items, ago = rng.zipf(1.5, 3000).clip(max=60), rng.uniform(0.01, 1.99, 3000)
    rows = [(when, "s", f"p{item}", 1) for when, item in zip(ago, items, strict=True)]
    found = values(weekly_table({"order_lines": orders(*SOLD), "impressions": impressions(rows)}, END, 80))
    for week in (0, -1):
        counts = np.bincount(items[(ago <= 1) == (week == 0)], minlength=80)
        assert found["gini", week] == pytest.approx(gini(counts))
        assert found["coverage", week] == pytest.approx(coverage(counts))


def test_churn_by_hand():
    lines = orders((3.5, "x", "a"), (2.5, "y", "a"), (1.5, "x", "a"), (1.5, "z", "a"), (0.5, "w", "a"))
    found = values(churn(lines, "customer_id", END, span=2))
    # before: x, y; since: x, z, w
    assert found == {("customers_in", 0): pytest.approx(2 / 3), ("customers_out", 0): 0.5}


def test_churn_is_that_of_sets():
    rng = np.random.default_rng(1)
    ago, who = rng.uniform(0.01, 19.99, 400), rng.integers(0, 40, 400)
    lines = orders(*[(when, "x", f"p{one}") for when, one in zip(ago, who, strict=True)])
    found, week = values(churn(lines, "product_id", END, span=3)), -np.floor(ago).astype(int)
    for latest in range(-14, 1):
        now = set(who[(week <= latest) & (week > latest - 3)])
        past = set(who[(week <= latest - 3) & (week > latest - 6)])
        assert found["products_in", latest] == pytest.approx(len(now - past) / len(now))
        assert found["products_out", latest] == pytest.approx(len(past - now) / len(past))
    assert min(week for _, week in found) == -14


def test_a_source_that_stopped_gets_older_every_week():
    tables = {"order_lines": orders((2.5, "x", "a"), (2.25, "x", "a")).union(orders((0.5, "x", "a"), source="web"))}
    found = values(freshness(tables, END))
    assert [found["days_since:order_lines:till", week] for week in (-2, -1, 0)] == [1.75, 8.75, 15.75]
    assert found["days_since:order_lines:web", 0] == 3.5
    assert ("days_since:order_lines:web", -1) not in found
