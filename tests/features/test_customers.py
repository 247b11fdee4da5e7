"""Features of customers: by hand, by property, and on real households."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.features import affinities, customers
from reco.segments import rfm

END = pd.Timestamp("2021-07-01", tz="UTC")
YEAR_END = pd.Timestamp("2018-01-01 05:00", tz="UTC")


def line(customer, days, order, product="p", quantity=1, revenue=1, **more):
    """An order line of so many days ago."""
    more |= {"customer_id": customer, "order_id": order, "product_id": product}
    return {"ordered_at": days, "quantity": quantity, "revenue": revenue, **more}


def by_customer(frame, *columns):
    found = frame.set_index("customer_id")[list(columns)].astype(object)
    return found.where(found.notna(), None).apply(tuple, axis=1).to_dict()


def test_recency_money_and_baskets_by_hand(derive):
    lines = [
        line("ann", 100, "1", "p", 1, 5), line("ann", 100, "1", "q", 3, 7),
        line("ann", 10.5, "2", "p", 2, 3), line("ann", 3, "2r", "p", -1, -1.5),  # the return is no visit
        line("bob", 1, "3", "q", 1, 10), line("bob", 0, "4", "q", 9, 99),  # at the end is too late
        line("cid", 2, "5", "p", -1, -4),  # bought before the data begin
        line(None, 2, "6", "p", 1, 50),  # a guest
    ]  # fmt: skip
    found = derive(customers, order_lines=lines)
    assert by_customer(found, "recency_days", "frequency", "monetary") == {
        "ann": (10.5, 2, 13.5), "bob": (1.0, 1, 10.0), "cid": (None, 0, -4.0),
    }  # fmt: skip
    assert by_customer(found, "basket_items", "basket_products", "basket_value") == {
        "ann": (3.0, 1.5, 7.5), "bob": (1.0, 1.0, 10.0), "cid": (None, None, None),
    }  # fmt: skip


def test_stages_follow_the_shops_own_interval(derive):
    regular = [line("regular", days, f"r{days}") for days in (205, 105, 5)]  # every 100 days
    weekly = [line("weekly", days, f"w{days}") for days in (400, 393)]
    monthly = [line("monthly", days, f"m{days}") for days in (130, 100)]  # the median of 7, 30 and 100 days
    others = [
        line("twice a day", 50, "a"),
        line("twice a day", 49.8, "b"),
        line("fresh", 30, "f"),
        line("long", 61, "l"),
    ]
    seen = [{"customer_id": "looker", "event": "view", "occurred_at": 1}]
    found = derive(customers, order_lines=[*regular, *weekly, *monthly, *others], events=seen)
    assert by_customer(found, "lifecycle_stage") == {
        "regular": ("active",), "weekly": ("lapsed",), "monthly": ("at_risk",), "twice a day": ("active",),
        "fresh": ("new",), "long": ("at_risk",), "looker": ("prospect",),
    }  # fmt: skip


def test_where_no_one_came_back_a_month_is_the_interval(derive):
    found = derive(customers, order_lines=[line("a", 60, "1"), line("b", 61, "2"), line("c", 121, "3")])
    assert by_customer(found, "lifecycle_stage") == {"a": ("active",), "b": ("at_risk",), "c": ("lapsed",)}


def test_recency_bands_meet_without_gap(derive):
    days = {"a": 0.01, "b": 7, "c": 7.5, "d": 90, "e": 180.5, "f": 365, "g": 365.5}
    found = derive(customers, order_lines=[line(name, ago, name) for name, ago in days.items()])
    assert by_customer(found, "recency_band") == {
        "a": ("up to 7 days",), "b": ("up to 7 days",), "c": ("8 to 30 days",), "d": ("31 to 90 days",),
        "e": ("181 to 365 days",), "f": ("181 to 365 days",), "g": ("over 365 days",),
    }  # fmt: skip


def test_price_band_is_that_of_the_median_purchase_in_its_own_category(derive):
    wines = [{"product_id": f"wine{n}", "category": "wine", "price": 100 + n} for n in range(12)]
    pens = [{"product_id": f"pen{n}", "category": "pens", "price": 1 + n} for n in range(12)]
    lines = [
        line("thrifty", 9, "1", "wine0", 2, 200), line("thrifty", 9, "1", "pen0", 1, 1),
        line("thrifty", 9, "1", "pen11", 1, 12),
        line("even", 9, "2", "wine0", 1, 100), line("even", 9, "2", "pen11", 1, 12),
        line("lavish", 9, "3", "pen11", 10, 120),
        line("gifted", 9, "4", "pen3", 1, 0),  # a gift tells nothing
    ]  # fmt: skip
    found = derive(customers, order_lines=lines, products=wines + pens)
    assert by_customer(found, "price_band") == {
        "thrifty": ("budget",), "even": ("mid",), "lavish": ("premium",), "gifted": (None,),
    }  # fmt: skip


def test_taste_halves_every_ninety_days_and_returns_lower_it(derive):
    goods = [
        {"product_id": "tea", "category": "drinks", "brand": "Leaf"}, {"product_id": "cup", "category": "china"},
        {"product_id": "pan", "category": "kitchen"}, {"product_id": "odd"},
    ]  # fmt: skip
    lines = [
        line("ann", 90, "1", "tea", 2, 16), line("ann", 180, "2", "cup", 1, 16), line("ann", 90, "3", "cup", 1, 8),
        line("ann", 9, "4", "pan", 1, 5), line("ann", 9, "5", "pan", -1, -5),  # all of it came back
        line("ann", 9, "6", "odd", 1, 77),
    ]  # fmt: skip
    found = derive(affinities, order_lines=lines, products=goods)
    found = found.sort_values(["kind", "rank"])[["kind", "value", "share", "rank"]]
    assert found.to_numpy().tolist() == [
        ["brand", "Leaf", 1.0, 1], ["category", "china", 0.5, 1], ["category", "drinks", 0.5, 2],
    ]  # fmt: skip
    tops = derive(customers, order_lines=lines, products=goods)
    assert by_customer(tops, "top_category", "top_brand") == {"ann": ("china", "Leaf")}


def test_channel_counts_orders_and_hours_of_events(derive):
    lines = [
        line("ann", 1, "1", channel="web"), line("ann", 1, "1", "q", channel="web"), line("ann", 2, "2", channel="pos"),
        line("ann", 3, "3", channel="pos"),
        line("bob", 1, "4", channel="web"), line("bob", 2, "5", channel="app"),  # as often: by name
        line("cid", 1, "6"),
    ]  # fmt: skip
    clicks = [
        {"customer_id": "cid", "event": "view", "source": "ga4", "occurred_at": f"2021-06-01 1{n}:0{n}Z"}
        for n in range(3)
    ]
    burst = [
        {"customer_id": "ann", "event": "view", "source": "ga4", "occurred_at": f"2021-06-01 10:0{n}Z"}
        for n in range(9)
    ]
    found = derive(customers, order_lines=lines, events=clicks + burst)
    assert by_customer(found, "preferred_channel") == {"ann": ("pos",), "bob": ("app",), "cid": ("ga4",)}


def test_hour_is_local_and_goes_round_midnight(derive):
    def at(*times):
        return [line("ann", f"2021-06-{day:02} {time}Z", str(day)) for day, time in enumerate(times, start=1)]

    def hour(lines, zone="UTC"):
        return derive(customers, zone, order_lines=lines)["preferred_hour"].tolist()

    assert hour(at("23:30", "00:30", "01:15", "12:00", "12:10")) == [0]
    assert hour(at("23:30"), "America/New_York") == [19]
    assert hour(at("09:00", "15:00")) == [9]


def test_engagement_counts_acts_of_ninety_days_and_no_machines(derive):
    mail = [
        {"customer_id": "ann", "event": event, "occurred_at": days}
        for event, days in (
            ("opened", 1),
            ("clicked", 1),
            ("machine_opened", 1),
            ("machine_clicked", 1),
            ("opened", 91),
            ("sent", 1),
            ("clicked", 0),
        )
    ]
    views = [{"customer_id": "ann", "session_id": "s", "event": "view", "occurred_at": days} for days in (5, 5.001)]
    shown = [
        {"customer_id": "bob", "impression_id": "1", "clicked": True, "shown_at": 3, "simulated": True},
        {"customer_id": "bob", "impression_id": "2", "clicked": True, "shown_at": 3},
        {"customer_id": "bob", "impression_id": "3", "clicked": False, "shown_at": 3},
    ]
    lines = [line("ann", 1, "1"), line("bob", 1, "2"), line("cid", 1, "3")]
    found = derive(customers, order_lines=lines, events=views, engagement=mail, impressions=shown)
    assert by_customer(found, "engagement_score") == {"ann": (7 / 17,), "bob": (3 / 13,), "cid": (0.0,)}


def test_a_store_of_orders_alone_leaves_the_rest_null(derive):
    found = derive(customers, order_lines=[line("ann", 1, "1")])
    assert found.loc[0, ["top_category", "top_brand", "preferred_channel", "engagement_score"]].isna().all()
    assert (found["lifecycle_stage"].item(), found["preferred_hour"].item()) == ("new", 0)


purchases = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.integers(0, 400), st.integers(0, 3), st.integers(0, 9), st.integers(-1, 3),
    ),
    min_size=1, max_size=40,
)  # fmt: skip
GOODS = [{"product_id": str(n), "category": f"c{n % 4}", "brand": f"b{n % 3}" if n else None} for n in range(10)]


def drawn(rows):
    return [line(who, days, f"{who}{order}", str(what), n, round(1.1 * n, 2)) for who, days, order, what, n in rows]


@settings(max_examples=25, deadline=None)
@given(purchases)
def test_shares_add_to_one_and_ranks_count_up(derive, rows):
    found = derive(affinities, order_lines=drawn(rows), products=GOODS)
    for _, part in found.groupby(["customer_id", "kind"]):
        assert part["share"].sum() == pytest.approx(1)
        assert (part["share"] > 0).all()
        assert sorted(part["rank"]) == list(range(1, len(part) + 1))
        assert part.sort_values("rank")["share"].round(9).is_monotonic_decreasing


@settings(max_examples=6, deadline=None)
@given(purchases, st.randoms())
def test_the_order_of_rows_does_not_matter(derive, rows, random):
    mixed = random.sample(rows, len(rows))
    one, other = (
        derive(customers, order_lines=drawn(lines), products=GOODS).sort_values("customer_id", ignore_index=True)
        for lines in (rows, mixed)
    )
    pd.testing.assert_frame_equal(one, other)


@pytest.fixture(scope="module")
def households(engine, sample):
    return engine.to_pandas(customers(sample, YEAR_END, "America/New_York")).set_index("customer_id").sort_index()


def test_scores_of_households_are_those_of_the_segments(households, sample):
    expected = rfm(sample["order_lines"], YEAR_END).set_index("customer_id")
    names = ["recency_score", "frequency_score", "segment", "frequency", "monetary"]
    pd.testing.assert_frame_equal(households[names], expected[names], check_dtype=False, check_index_type=False)
    assert households["recency_days"].to_numpy() == pytest.approx(expected["recency"].to_numpy(), abs=1e-9)


def test_an_earlier_end_sees_what_a_cut_store_holds(engine, sample):
    end = pd.Timestamp("2017-07-01", tz="UTC")
    lines = sample["order_lines"]
    cut = {**sample, "order_lines": lines.filter(lines.ordered_at < end)}
    whole, part = (
        engine.to_pandas(customers(tables, end, "America/New_York").order_by("customer_id")) for tables in (sample, cut)
    )
    pd.testing.assert_frame_equal(whole, part)


def test_means_of_baskets_agree_with_pandas(households, engine, sample):
    lines = engine.to_pandas(sample["order_lines"])
    lines = lines[lines["quantity"] > 0].astype({"revenue": float})
    orders = lines.groupby(["customer_id", "order_id"]).agg({"revenue": "sum", "product_id": "nunique"})
    means = orders.groupby("customer_id").mean()
    assert households["basket_value"].to_dict() == pytest.approx(means["revenue"].to_dict())
    assert households["basket_products"].to_dict() == pytest.approx(means["product_id"].to_dict())
