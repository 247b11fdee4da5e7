"""The dashboard against the requirement's own table, published intervals, and edges."""

import ibis
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reco.kpis import (
    TOTAL,
    Rule,
    against_benchmarks,
    compare,
    compare_orders,
    dashboard,
    named,
    pay,
    rates,
    summarize,
    totals,
)
from reco.report.text import Format
from reco.settings import Context, Target

#: The requirement's PERFORMANCE DASHBOARD: context, impressions, CTR, conversion rate, revenue; largest first.
PUBLISHED = [
    ("Product Page", "245,000", "12.3%", "18.5%", "$89,400"),
    ("Homepage", "310,000", "9.1%", "12.3%", "$56,200"),
    ("Shopping Cart", "85,000", "8.7%", "22.1%", "$42,300"),
    ("Post-Purchase", "42,000", "15.8%", "25.0%", "$31,500"),
    ("Email", "120,000", "5.2%", "8.4%", "$28,600"),
]
#: The counts behind it: clicks are impressions x CTR, orders clicks x conversion rate, to the nearest whole.
COUNTS = pd.DataFrame(
    [
        ("Product Page", 245_000, 30_135, 5_575, 89_400.0),
        ("Homepage", 310_000, 28_210, 3_470, 56_200.0),
        ("Shopping Cart", 85_000, 7_395, 1_634, 42_300.0),
        ("Post-Purchase", 42_000, 6_636, 1_659, 31_500.0),
        ("Email", 120_000, 6_240, 524, 28_600.0),
    ],
    columns=["context", "impressions", "clicks", "orders", "revenue"],
)

#: Implementation cost that "ROI: 8.2x (revenue / implementation cost)" stands for: 248,000 / 8.2.
COST = 30_244


@pytest.fixture(scope="module")
def rated() -> pd.DataFrame:
    """The table, computed from one row for each of the 802,000 impressions."""
    row = COUNTS.loc[COUNTS.index.repeat(COUNTS["impressions"])].reset_index(drop=True)
    nth = row.groupby("context").cumcount()
    attributed = pd.DataFrame(
        {
            "context": row["context"],
            "clicked": nth < row["clicks"],
            "ordered": nth < row["orders"],
            "revenue": np.where(nth == 0, row["revenue"], 0.0),
        }
    )
    return rates(totals(dashboard(ibis.memtable(attributed))))


def shown(row: pd.Series) -> tuple[str, ...]:
    formats = {"impressions": "integer", "ctr": "percent", "conversion": "percent", "revenue": "money:USD:0"}
    return (row["context"], *(Format.parse(spec)(row[column]) for column, spec in formats.items()))


def test_rows_of_the_requirement(rated):
    assert [shown(row) for _, row in rated.iloc[:-1].iterrows()] == PUBLISHED


def test_total_of_the_requirement(rated):
    # The requirement prints 10.1% and 15.9% in its total row. Its own rows make 9.8% and 16.4%: see the next test.
    assert shown(rated.iloc[-1]) == (TOTAL, "802,000", "9.8%", "16.4%", "$248,000")


def test_rates_of_the_published_total_follow_from_no_counts():
    # however the rows were rounded to one decimal, CTR is at most 9.9% and conversion at least 16.1%
    half = 0.0005
    shares = [(int(n.replace(",", "")), float(ctr[:-1]) / 100, float(c[:-1]) / 100) for _, n, ctr, c, _ in PUBLISHED]
    most_clicks = sum(n * (ctr + half) for n, ctr, _ in shares)
    assert most_clicks / 802_000 < 0.1005
    fewest_orders = sum(n * (ctr - half) * (conversion - half) for n, ctr, conversion in shares)
    assert fewest_orders / most_clicks > 0.1595


def test_revenue_per_thousand_of_the_requirement(rated):
    earned = pay(rated, all_revenue=1_000_000, cost=COST)
    assert Format.parse("money:USD")(earned.revenue_per_thousand) == "$309.23"


def test_roi_of_the_requirement(rated):
    earned = pay(rated, all_revenue=1_000_000, cost=COST)
    assert f"{earned.roi:.1f}x" == "8.2x"
    assert (earned.attributed_revenue, earned.cost, earned.share) == (248_000, COST, 0.248)


def test_equal_revenues_go_by_context():
    attributed = pd.DataFrame({"context": list("cab"), "clicked": True, "ordered": True, "revenue": 1.0})
    assert dashboard(ibis.memtable(attributed))["context"].tolist() == list("abc")


# R. G. Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3
@pytest.mark.parametrize(
    ("clicks", "impressions", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_as_published(clicks, impressions, low, high):
    counts = pd.DataFrame({"impressions": [impressions], "clicks": [clicks], "orders": [0], "revenue": [0.0]})
    row = rates(counts).iloc[0]
    assert (round(row["ctr_low"], 4), round(row["ctr_high"], 4)) == (low, high)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_wilson_intervals_as_scipy(confidence):
    for _, row in rates(COUNTS, confidence).iterrows():
        for rate, above, below in (("ctr", "clicks", "impressions"), ("conversion", "orders", "clicks")):
            theirs = stats.binomtest(int(row[above]), int(row[below])).proportion_ci(confidence, "wilson")
            assert row[rate] == row[above] / row[below]
            assert (row[f"{rate}_low"], row[f"{rate}_high"]) == pytest.approx((theirs.low, theirs.high), rel=1e-9)


def test_rates_leave_the_counts_alone():
    before = COUNTS.copy()
    rates(COUNTS)
    pd.testing.assert_frame_equal(COUNTS, before)


def counted(impressions: int, clicks: int, orders: int, revenue: float = 0.0, context: str = "page") -> pd.DataFrame:
    numbers = {"impressions": impressions, "clicks": clicks, "orders": orders, "revenue": revenue}
    return pd.DataFrame([{"context": context, **numbers}])


@pytest.mark.filterwarnings("error")
def test_nothing_to_divide_by():
    nothing = rates(counted(0, 0, 0)).iloc[0]
    assert nothing[["ctr", "ctr_low", "ctr_high", "conversion", "revenue_per_thousand"]].isna().all()
    unclicked = rates(counted(10, 0, 0)).iloc[0]
    assert unclicked["ctr"] == 0
    assert np.isnan(unclicked["conversion"])


@pytest.mark.filterwarnings("error::RuntimeWarning", "error::FutureWarning")
def test_log_without_impressions():
    row = {"context": "page", "clicked": True, "ordered": True, "revenue": 1.0}
    rated = rates(totals(dashboard(ibis.memtable(pd.DataFrame([row])).limit(0))))
    assert rated["context"].tolist() == [TOTAL]
    assert rated["impressions"].tolist() == [0]
    assert np.isnan(rated["ctr"][0])
    assert np.isnan(pay(rated, all_revenue=0, cost=1).share)


def context(channel: str = "on_site", title: str = "Page") -> Context:
    strategies = [{"title": "Popular", "model": "popularity"}]
    return Context(title=title, channel=channel, anchor="customer", size=4, strategies=strategies)


TARGET = Target(ctr_benchmark=(0.05, 0.15), ctr=0.1, conversion_benchmark=(0.1, 0.3), conversion=0.15)


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.11, 0.2, "on target"),
        (0.1, 0.2, "at target"),
        (0.09, 0.11, "at target"),
        (0.05, 0.1, "at target"),
        (0.05, 0.09, "below target"),
        (np.nan, np.nan, "not enough data"),
    ],
)
def test_verdict_by_the_whole_interval(low, high, word):
    row = {"context": "page", "ctr": 0.1, "ctr_low": low, "ctr_high": high}
    row |= {"conversion": 0.5, "conversion_low": 0.4, "conversion_high": 0.6}
    table = compare(pd.DataFrame([row]), {"page": context()}, {"on_site": TARGET})
    assert table.set_index("rate")["verdict"].to_dict() == {"ctr": word, "conversion": "on target"}


def test_verdicts_stand_beside_the_targets_of_their_channel():
    mail = TARGET.model_copy(update={"ctr": 0.05, "conversion_benchmark": (0.2, 0.4)})
    rated = rates(totals(pd.concat([counted(1000, 100, 15), counted(1000, 60, 30, context="mail")])))
    table = compare(rated, {"page": context(), "mail": context("email")}, {"on_site": TARGET, "email": mail})
    assert table[["context", "rate"]].to_numpy().tolist() == [
        ["page", "ctr"], ["page", "conversion"], ["mail", "ctr"], ["mail", "conversion"],
    ]  # fmt: skip
    assert table["target"].tolist() == [0.1, 0.15, 0.05, 0.15]
    assert table.loc[3, ["value", "benchmark_low", "benchmark_high"]].tolist() == [0.5, 0.2, 0.4]
    assert table["verdict"].tolist() == ["at target", "at target", "at target", "on target"]


@pytest.mark.filterwarnings("error")
def test_no_impressions_is_not_enough_data():
    table = compare(rates(counted(0, 0, 0)), {"page": context()}, {"on_site": TARGET})
    assert table["verdict"].tolist() == ["not enough data", "not enough data"]


def test_channel_without_targets_is_left_out():
    rated = rates(pd.concat([counted(10, 1, 1), counted(10, 1, 1, context="mail")]))
    table = compare(rated, {"page": context(), "mail": context("email")}, {"on_site": TARGET})
    assert table["context"].unique().tolist() == ["page"]


def test_titles_in_place_of_keys():
    table = named(totals(pd.concat([counted(1, 1, 1), counted(1, 1, 1, context="gone")])), {"page": context()})
    assert table["context"].tolist() == ["Page", "gone", "Total"]


def test_post_purchase_of_the_requirement_is_within_its_benchmark(rated):
    found = compare_orders(rated, {"Post-Purchase": (0.03, 0.08)})
    assert found["verdict"].tolist() == ["within benchmark"]
    assert f"{found['value'][0]:.1%}" == "4.0%"  # by clicks it is 25.0%, which no benchmark of 3 to 8 % holds


@pytest.mark.parametrize(
    ("orders", "word"),
    [
        (1, "below benchmark"),
        (30, "around its end"),
        (55, "within benchmark"),
        (80, "around its end"),
        (200, "above benchmark"),
    ],
)
def test_places_by_a_benchmark(orders, word):
    found = compare_orders(rates(counted(1000, 500, orders)), {"page": (0.03, 0.08), "other": (0, 1)})
    assert found[["context", "rate", "verdict"]].to_numpy().tolist() == [["page", "orders_per_impression", word]]


@pytest.mark.filterwarnings("error")
def test_no_impressions_have_no_place():
    nothing = rates(counted(0, 0, 0))
    assert compare_orders(nothing, {"page": (0.03, 0.08)})["verdict"].tolist() == ["not enough data"]


def test_requirement_against_its_own_benchmarks(rated):
    places = {name: context("email" if name == "Email" else "on_site") for name in COUNTS["context"]}
    mail = Target(ctr_benchmark=(0.03, 0.08), ctr=0.05, conversion_benchmark=(0.1, 0.3), conversion=0.08)
    table = against_benchmarks(compare(rated, places, {"on_site": TARGET, "email": mail}))
    words = {(row.context, row.rate): (row.verdict, row.benchmark) for row in table.itertuples()}
    assert words["Product Page", "ctr"] == ("on target", "within benchmark")
    assert words["Homepage", "ctr"] == ("below target", "within benchmark")
    assert words["Homepage", "conversion"] == ("below target", "within benchmark")
    assert words["Email", "conversion"] == ("at target", "below benchmark")
    assert words["Post-Purchase", "ctr"] == ("on target", "above benchmark")
    assert words["Shopping Cart", "conversion"] == ("on target", "within benchmark")


def test_every_cell_of_the_requirement_by_way_of_attribution():
    # one row for each impression, one order line for each order: nothing is given but what a shop logs
    row = COUNTS.loc[COUNTS.index.repeat(COUNTS["impressions"])].reset_index(drop=True)
    nth, ids = row.groupby("context").cumcount(), pd.Series(row.index.astype("str"))
    at = pd.Series(pd.Timestamp("2026-03-01", tz="UTC"), index=row.index).astype("datetime64[us, UTC]")
    clicked = nth < row["clicks"]
    log = pd.DataFrame({"impression_id": ids, "customer_id": ids, "product_id": "p", "context": row["context"]})
    log = log.assign(clicked=clicked, shown_at=at, clicked_at=at.where(clicked))
    ordered = nth < row["orders"]
    cents = (100 * row["revenue"]).astype("int64")
    lines = pd.DataFrame({"customer_id": ids, "product_id": "p", "ordered_at": at + pd.Timedelta(days=1)})
    lines["quantity"] = 1.0
    # every order of a context the same, what is left over in the first
    lines["revenue"] = (cents // row["orders"] + np.where(nth == 0, cents % row["orders"], 0)) / 100
    found = summarize(ibis.memtable(log), ibis.memtable(lines[ordered]), Rule())
    rated = rates(totals(found.dashboard()))
    assert [shown(one) for _, one in rated.iloc[:-1].iterrows()] == PUBLISHED
    assert shown(rated.iloc[-1]) == (TOTAL, "802,000", "9.8%", "16.4%", "$248,000")
    earned = pay(rated, all_revenue=1_000_000, cost=COST)
    assert Format.parse("money:USD")(earned.revenue_per_thousand) == "$309.23"
    assert f"{earned.roi:.1f}x" == "8.2x"


def test_orders_by_views_count_their_revenue_and_no_conversion():
    attributed = pd.DataFrame({"context": "c", "clicked": [True, False], "ordered": True, "revenue": [1.0, 2.0]})
    assert dashboard(ibis.memtable(attributed))[["clicks", "orders", "revenue"]].to_numpy().tolist() == [[1, 1, 3]]
