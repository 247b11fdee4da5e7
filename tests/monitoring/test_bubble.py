"""Variety, exploring and newcomers on logs small enough to count by hand, and beside other code."""

import ibis
import numpy as np
import pandas as pd
import pytest
from scipy.stats import entropy

from reco.errors import InputError
from reco.monitoring.bubble import exploration, newcomers, trend, variety_of_customers

END = pd.Timestamp("2026-03-02", tz="UTC")
WEEK, DAY = pd.Timedelta(weeks=1), pd.Timedelta(days=1)
TIME = "datetime64[us, UTC]"
PRODUCTS = ibis.memtable(pd.DataFrame({"product_id": ["a", "b", "c", "d"], "category": ["x", "y", "z", None]}))


def log(frame: pd.DataFrame) -> ibis.Table:
    frame["shown_at"] = (END - frame.pop("ago") * WEEK).astype(TIME)
    return ibis.memtable(frame.assign(impression_id=[f"i{n}" for n in range(len(frame))]))


def test_entropy_by_hand():
    rows = (
        [("u", "a", 0.5)] * 5
        + [("u", "b", 0.5)] * 5
        + [("v", "d", 0.5)] * 10
        + [("w", "a", 0.5)] * 9
        + [("u", "c", 1.5)] * 10
    )
    found = variety_of_customers(log(pd.DataFrame(rows, columns=["customer_id", "product_id", "ago"])), PRODUCTS, END)
    assert found["week"].tolist() == [-1, 0] and found["customers"].tolist() == [1, 2]
    both = 1 + 1 / (2 * 10 * np.log(2))  # u saw two categories equally often, v one
    assert found["entropy"].tolist() == pytest.approx([0, both / 2])
    assert found["reach"].tolist() == pytest.approx([1, 2 ** (both / 2)])
    assert np.isnan(found["low"][0]) and found["low"][1] < found["entropy"][1] < found["high"][1]


def test_entropy_does_not_fall_because_customers_come_less_often():
    rng, shares = np.random.default_rng(0), np.array([0.5, 0.25, 0.25])
    parts = [
        pd.DataFrame({"customer_id": np.repeat([f"u{n}" for n in range(200)], size), "ago": ago})
        for ago, size in ((1.5, 200), (0.5, 20))
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame["product_id"] = rng.choice(["a", "b", "c"], len(frame), p=shares)
    found = variety_of_customers(log(frame), PRODUCTS, END)
    assert found["entropy"].tolist() == pytest.approx([entropy(shares, base=2)] * 2, abs=0.02)


def test_a_narrowing_is_told_from_chance():
    week, rng = np.arange(-11, 1), np.random.default_rng(1)
    flat = pd.DataFrame({"week": week, "entropy": 3 + rng.normal(0, 0.02, 12)})
    flat = flat.assign(low=flat["entropy"] - 0.04, high=flat["entropy"] + 0.04)
    _, low, high = trend(flat)
    assert low < 0 < high
    slope, low, high = trend(flat.assign(entropy=flat["entropy"] - 0.05 * week))
    assert slope == pytest.approx(-0.05, abs=0.01) and high < 0
    assert np.isnan(trend(flat.head(2))).all()


def explored(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"customer_id": rng.choice([f"u{n}" for n in range(80)], 2_000), "ago": 0.5})
    frame["strategy"] = rng.choice(["explore", "best"], 2_000, p=[0.2, 0.8])
    frame["clicked"] = rng.random(2_000) < np.where(frame["strategy"] == "explore", 0.05, 0.1)
    return frame.assign(revenue=np.where(frame["clicked"], 2.0, np.nan))


def test_what_exploring_earned():
    frame = explored()
    table = log(frame.copy())
    found = exploration(table, END, table.strategy == "explore", revenue="revenue").set_index("kind")
    part = frame["strategy"] == "explore"
    assert found.loc["explored", "impressions"] == part.sum()
    assert found["share"].sum() == pytest.approx(1)
    assert found.loc["explored", "ctr"] == pytest.approx(frame.loc[part, "clicked"].mean())
    assert found["per_thousand"].to_numpy() == pytest.approx(2_000 * found["ctr"].to_numpy())
    units = frame[part].groupby("customer_id")["clicked"].agg(["sum", "size"])
    off = units["sum"] - found.loc["explored", "ctr"] * units["size"]
    error = np.sqrt(len(units) / (len(units) - 1) * (off**2).sum()) / part.sum()
    assert found.loc["explored", "high"] - found.loc["explored", "ctr"] == pytest.approx(1.96 * error, rel=1e-4)


def test_one_customer_gives_no_interval_and_a_missing_column_is_named():
    table = log(explored().assign(customer_id="u"))
    assert exploration(table, END, table.strategy == "explore")["low"].isna().all()
    unknown = log(explored().assign(customer_id=None).astype({"customer_id": object}))
    assert exploration(unknown, END, unknown.strategy == "explore")["low"].notna().all()
    with pytest.raises(InputError, match="a column 'money'"):
        exploration(table, END, table.strategy == "explore", revenue="money")


def test_newcomers_by_hand():
    lines = pd.DataFrame(
        [
            ("old", 70, 1),
            ("old", 5, 1),
            ("u", 40, 1),
            ("u", 13, 1),
            ("v", 40, 1),
            ("v", 11, 1),
            ("w", 3, 1),
            ("x", 3, -1),
        ],
        columns=["customer_id", "ago", "quantity"],
    )
    lines["ordered_at"] = (END - lines.pop("ago") * DAY).astype(TIME)
    shown = pd.DataFrame(
        [
            ("u", 41, True),
            ("u", 39, False),
            ("u", 13, True),
            ("v", 39, False),
            ("w", 2, True),
            ("w", 1, True),
            ("x", 1, True),
        ],
        columns=["customer_id", "days", "clicked"],
    )
    shown["shown_at"] = (END - shown.pop("days") * DAY).astype(TIME)
    found = newcomers(ibis.memtable(lines), ibis.memtable(shown), END)
    assert found["week"].tolist() == [-9, -5, 0]  # a week begins with its first moment: 70 days ago is in -9
    assert found["newcomers"].tolist() == [1, 2, 1]
    assert found["shown"].tolist() == [0, 2, 1]
    assert found["clicked"].tolist() == [0, 1, 1]  # before the first order does not count
    assert found["returned"].tolist() == [0, 1, 0]  # 29 days are too late
    assert found["finished"].tolist() == [True, True, False]
