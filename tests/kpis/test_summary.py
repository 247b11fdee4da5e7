"""Counts, quality, baskets and data notes of a log full of oddities, against pandas on the same rows."""

from itertools import pairwise

import ibis
import numpy as np
import pandas as pd
import pytest

from reco.errors import InputError
from reco.kpis import Rule, baskets, credits, notes, quality, summarize
from reco.kpis.calendar import day_number, midnights
from tests.kpis.test_credits import CATEGORIES, world

RULE = Rule(2, currency="USD")
ZONE = "Europe/London"
PRODUCTS = ibis.memtable(
    pd.DataFrame(
        {
            "product_id": [*CATEGORIES, "p9", "gone"],
            "category": ["tea", "tea", None, "jam", "jam", "tea"],
            "recommendable": [True] * 5 + [False],
        }
    )
)
#: What is wrong with rows of the log, and how often.
ODD = {"customer_id": 5, "clicked_at": 6, "position": 7, "shown_at": 8}


@pytest.fixture(scope="module")
def log() -> tuple[pd.DataFrame, pd.DataFrame]:
    seen, sold = world(11, customers=40)
    rng = np.random.default_rng(0)
    n = len(seen)
    seen["context"] = rng.choice(["cart", "home", "odd"], n, p=[0.5, 0.4, 0.1])
    seen["strategy"] = rng.choice(["a", "b"], n)
    seen["position"] = pd.Series(rng.integers(1, 6, n), dtype="Int32")
    seen["slate_id"] = [f"s{k // 4}" for k in range(n)]
    # half of the rows about the night on which clocks go forward
    shift = pd.to_timedelta(np.where(rng.random(n) < 0.5, 27 * 24, 0), unit="h")
    for column in ("shown_at", "clicked_at"):
        seen[column] = (seen[column] + shift).astype("datetime64[us, UTC]")
    usable = seen.index[seen["clicked"] & seen["clicked_at"].notna()].to_numpy()
    picks = iter(rng.permutation(usable))
    for column, times in ODD.items():
        for _ in range(times):
            seen.loc[next(picks), column] = None
    seen.loc[next(picks), "clicked_at"] -= pd.Timedelta(hours=9)
    seen.loc[seen.index[~seen["clicked"]][:3], "clicked_at"] = seen["shown_at"].max()
    seen = pd.concat([seen, seen.loc[[next(picks), next(picks)]]], ignore_index=True)
    sold["currency"] = np.where(rng.random(len(sold)) < 0.1, "EUR", "USD")
    sold["order_id"] = [f"o{k // 3}" for k in range(len(sold))]
    sold["returned_order_id"] = None
    sold.loc[sold.index[sold["quantity"] > 0][:4], "customer_id"] = None
    sold = pd.concat([sold, sold.tail(2)], ignore_index=True)
    return seen, sold.astype({"returned_order_id": "str"})


@pytest.fixture(scope="module")
def tables(log):
    return tuple(ibis.memtable(frame) for frame in log)


@pytest.fixture(scope="module")
def given(tables) -> pd.DataFrame:
    """Credited impressions."""
    return credits(*tables, RULE).execute()


@pytest.fixture(scope="module")
def summary(tables):
    segments = ibis.memtable(pd.DataFrame({"customer_id": ["1", "2", "3"], "segment": ["x", "y", "x"]}))
    named = {("cart", "a"): "als", ("home", "a"): "ease"}
    return summarize(*tables, RULE, zone=ZONE, products=PRODUCTS, segments=segments, algorithms=named)


def pairs(table: pd.DataFrame, key: str) -> dict:
    return table.set_index(key)[["impressions", "clicks", "orders", "revenue"]].round(4).T.to_dict("list")


@pytest.mark.parametrize("key", ["context", "strategy", "position", "day", "week", "segment", "product_id", "category"])
def test_every_breakdown_adds_up_and_agrees_with_pandas(log, given, summary, key):
    seen = log[0].merge(given[["impression_id", "revenue"]], on="impression_id", how="left")
    seen["orders"] = seen["revenue"].notna() & ~seen.duplicated("impression_id")
    seen["revenue"] = seen["revenue"].where(seen["orders"]).fillna(0)
    local = seen["shown_at"].dt.tz_convert(ZONE)
    seen["day"] = local.dt.strftime("%Y-%m-%d").fillna("")
    seen["week"] = local.dt.tz_localize(None).dt.to_period("W").dt.start_time.dt.strftime("%Y-%m-%d").fillna("")
    seen["segment"] = seen["customer_id"].map({"1": "x", "2": "y", "3": "x"}).fillna("unknown")
    seen["category"] = seen["product_id"].map({"p0": "tea", "p1": "tea", "p3": "jam"}).fillna("unknown")
    seen["position"] = seen["position"].fillna(0)
    whole = seen.groupby(key).agg(
        impressions=("clicked", "size"), clicks=("clicked", "sum"), orders=("orders", "sum"), revenue=("revenue", "sum")
    )
    found = summary.by(key)
    assert pairs(found, key) == whole.round(4).T.to_dict("list")
    assert found["revenue"].sum() == pytest.approx(given["revenue"].sum())
    assert len(found) > 1


def test_days_are_the_shops_own_on_the_night_clocks_change():
    instants = pd.to_datetime(
        ["2026-03-28 23:59:59.999999", "2026-03-29 00:30", "2026-03-29 22:59:59", "2026-03-29 23:00", None],
        utc=True,
        format="ISO8601",
    ).astype("datetime64[us, UTC]")
    starts = midnights(instants[0], instants[3], ZONE)[1]
    table = ibis.memtable(pd.DataFrame({"row": range(5), "at": instants}))
    found = table.select("row", day=day_number(table["at"], starts)).order_by("row").execute()["day"].tolist()
    assert found[:4] == [0, 1, 1, 2]
    assert pd.isna(found[4])
    autumn = midnights(*(pd.Timestamp(f"2026-10-{day}", tz="UTC") for day in (24, 26)), ZONE)[1]
    assert [int((b - a) / pd.Timedelta(hours=1)) for a, b in pairwise(autumn)] == [24, 25]
    # in Santiago midnight itself is left out
    jump = midnights(*(pd.Timestamp(f"2026-09-0{day} 12:00", tz="UTC") for day in (5, 7)), "America/Santiago")[1]
    assert [int((b - a) / pd.Timedelta(hours=1)) for a, b in pairwise(jump)] == [24, 23]


def test_algorithms_stand_behind_strategies(summary):
    found = summary.by("context", "strategy", "algorithm").set_index(["context", "strategy"])["algorithm"].to_dict()
    assert found[("cart", "a")] == "als"
    assert found[("home", "a")] == "ease"
    assert {found[("cart", "b")], found[("odd", "a")]} == {"unknown"}


def test_what_the_log_does_not_tell_is_refused(summary, tables):
    with pytest.raises(InputError, match="device"):
        summary.by("device")
    with pytest.raises(InputError, match="by themselves"):
        summary.by("category", "context")
    with pytest.raises(InputError, match="clicked"):
        summarize(tables[0].drop("clicked"), tables[1], RULE)


def test_ends_of_the_products_do_not_meet(summary):
    found = summary.extremes(most=3, least_impressions=1)
    assert found["end"].tolist() == ["top"] * 3 + ["bottom"]
    assert found["product_id"].is_unique
    per_thousand = found["revenue_per_thousand"].tolist()
    assert per_thousand[:3] == sorted(per_thousand[:3], reverse=True)
    assert per_thousand[3] <= per_thousand[2]


def test_quality_as_pandas(log, tables, given, summary):
    seen, sold = log
    clicks = seen[seen["clicked"] & seen["customer_id"].notna() & seen["clicked_at"].notna()]
    first = sold[sold["quantity"] > 0].groupby(["customer_id", "product_id"])["ordered_at"].min().rename("first")
    rows = clicks.join(first, on=["customer_id", "product_id"])
    new = rows[~(rows["first"] < rows["clicked_at"])]
    owners = sold[sold["quantity"] > 0].groupby("product_id")["customer_id"].nunique()
    best = (
        owners.reset_index().sort_values(["customer_id", "product_id"], ascending=[False, True])["product_id"].iloc[0]
    )
    lucky = new[new["impression_id"].isin(given["impression_id"]) & (new["product_id"] != best)]
    events = pd.DataFrame(
        {
            "event": ["add_to_cart", "add_to_cart", "view"],
            "customer_id": clicks["customer_id"].iloc[:3].to_numpy(),
            "product_id": clicks["product_id"].iloc[:3].to_numpy(),
            "occurred_at": clicks["clicked_at"].iloc[:3].reset_index(drop=True) + pd.to_timedelta([0, 25, 1], unit="h"),
        }
    )
    events["occurred_at"] = events["occurred_at"].astype("datetime64[us, UTC]")
    found = quality(*tables, summary, products=PRODUCTS, events=ibis.memtable(events), best_sellers=1).set_index(
        "metric"
    )
    top = (seen["clicked"] & seen["position"].between(1, 3)).sum()
    assert found.loc["relevance", ["part", "whole"]].tolist() == [top, seen["clicked"].sum()]
    assert found.loc["novelty", ["part", "whole"]].tolist() == [len(new), len(clicks)]
    assert found.loc["serendipity", ["part", "whole"]].tolist() == [len(lucky), len(clicks)]
    assert 0 < len(lucky) < len(new) < len(clicks)
    assert found.loc["coverage", ["part", "whole", "value"]].tolist() == [4, 5, 0.8]
    added = found.loc["add_to_cart_rate"]
    assert added["part"] == 1
    assert added["whole"] == seen["clicked"].sum()
    kind = seen["product_id"].map({"p0": "tea", "p1": "tea", "p3": "jam"}).fillna(seen["product_id"])
    slates = [part.to_numpy() for _, part in kind.groupby(seen["slate_id"])]
    differ = [np.mean((s[:, None] != s)[~np.eye(len(s), dtype=bool)]) for s in slates if len(s) > 1]
    assert found.loc["diversity", "value"] == pytest.approx(np.mean(differ))
    assert found.loc["diversity", "whole"] == len(differ)


def test_baskets_with_and_without(log, tables, given, summary):
    seen, sold = log
    inside = sold["ordered_at"].between(seen["shown_at"].min(), seen["shown_at"].max())
    bought = sold[(sold["quantity"] > 0) & (sold["currency"] == "USD") & inside]
    found = baskets(*tables, summary).set_index("recommended")
    assert found["orders"].sum() == bought["order_id"].nunique()
    assert found["revenue"].sum() == pytest.approx(bought["revenue"].sum())
    assert 0 < found.loc["with", "orders"] <= given["lines"].sum()
    units = (found["units_per_order"] * found["orders"]).sum()
    assert units == pytest.approx(bought["quantity"].sum())
    assert (found["average_order_value_low"] < found["average_order_value"]).all()


def test_notes_count_every_oddity(log, tables, summary):
    seen, sold = log
    table = notes(*tables, summary, contexts=["cart", "home"], products=PRODUCTS, every_id=True)
    found = dict(zip(table["note"], table["rows"], strict=True))
    clicked = seen["clicked"]
    assert found["impressions in contexts that the settings do not know: odd"] == (seen["context"] == "odd").sum()
    assert found["impressions without position"] == ODD["position"]
    assert found["impressions without time"] == found["clicks on impressions without time"] == ODD["shown_at"]
    assert found["clicks without time"] == (clicked & seen["clicked_at"].isna()).sum() >= ODD["clicked_at"]
    assert found["clicks without customer"] == ODD["customer_id"]
    assert found["times of clicks on impressions not clicked"] == 3
    assert found["clicks with a repeated impression id"] == found["impressions with a repeated id"] == 2
    assert found["clicks before they were shown"] == (seen["clicked_at"] < seen["shown_at"]).sum() >= 1
    assert found["order lines without customer"] == 4
    assert found["returned lines"] == ((sold["quantity"] < 0) & (sold["revenue"] < 0)).sum()
    assert found["order lines not in USD"] == (sold["currency"] == "EUR").sum()
    assert found["order lines like another in all that counts"] >= 2
    assert found["clicks on products that the catalogue does not know"] == 0
    assert found["days without any impression"] > 20
    usable = seen[clicked & seen["customer_id"].notna() & seen["clicked_at"].notna()]
    lines = sold[(sold["quantity"] > 0) & (sold["currency"] == "USD")].reset_index()
    both = lines.merge(usable[["customer_id", "product_id", "clicked_at"]], on=["customer_id", "product_id"])
    both["wait"] = both["ordered_at"] - both["clicked_at"]
    before = both.groupby("index")["wait"].max() < pd.Timedelta(0)
    inside = both["wait"].between(pd.Timedelta(0), pd.Timedelta(days=2)).groupby(both["index"]).any()
    assert found["order lines bought before their first click"] == before.sum() > 0
    assert found["order lines more than 2 days after their click"] == (~before & ~inside).sum() > 0


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_empty_log(tables):
    nothing, lines = tables[0].limit(0), tables[1]
    empty = summarize(nothing, lines, RULE, zone=ZONE, products=PRODUCTS)
    assert empty.by("context").empty
    assert empty.total().tolist() == [0, 0, 0, 0]
    found = quality(nothing, lines, empty, products=PRODUCTS).set_index("metric")
    assert found.loc["coverage", "value"] == 0
    assert found["value"].drop("coverage").isna().all()
    assert notes(nothing, lines, empty, contexts=["cart"])["rows"].min() == 0
