"""Every rule of attribution against a slow one written out, and what must hold of any of them."""

import ibis
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.errors import InputError
from reco.kpis import Rule, attribute, credits
from tests.kpis.test_attribution import DAY, MOMENT, NOON, impression, line, table

CATEGORIES = {"p0": "tea", "p1": "tea", "p2": None, "p3": None}
PRODUCTS = ibis.memtable(pd.DataFrame({"product_id": list(CATEGORIES), "category": list(CATEGORIES.values())}))
RULES = [
    Rule(2),
    Rule(2, "first", refunds=False),
    Rule(2, view_days=1),
    Rule(2, scope="category"),
    Rule(2, "first", "category", view_days=1),
]


def world(seed: int, customers: int = 25) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Impressions and order lines of a few days, on a clock of hours so that moments meet."""
    rng = np.random.default_rng(seed)
    n, m = 4 * customers, 5 * customers
    shown = NOON + pd.to_timedelta(rng.integers(0, 60, n), unit="h")
    clicked = rng.random(n) < 0.6
    late = shown + pd.to_timedelta(rng.integers(0, 3, n), unit="h")
    impressions = pd.DataFrame(
        {
            "impression_id": rng.permutation([f"i{k:03}" for k in range(n)]),
            "customer_id": rng.integers(0, customers, n).astype(str),
            "product_id": rng.choice(list(CATEGORIES), n),
            "context": "cart",
            "shown_at": shown,
            "clicked": clicked,
            "clicked_at": pd.Series(late).where(clicked & (rng.random(n) < 0.95)),
        }
    )
    back = rng.random(m) < 0.25
    orders = rng.choice(["o1", "o2", "o3"], m)
    lines = pd.DataFrame(
        {
            "order_id": orders,
            "customer_id": rng.integers(0, customers, m).astype(str),
            "product_id": rng.choice(list(CATEGORIES), m),
            "ordered_at": NOON + pd.to_timedelta(rng.integers(0, 120, m), unit="h"),
            "quantity": np.where(back, -1.0, 1.0),
            "revenue": np.where(back, -1, 1) * rng.integers(0, 2_000, m) / 100,
            "returned_order_id": pd.Series(np.where(back & (rng.random(m) < 0.5), orders, None), dtype="str"),
        }
    )
    for frame in (impressions, lines):
        for column in {"shown_at", "clicked_at", "ordered_at"} & set(frame):
            frame[column] = frame[column].astype("datetime64[us, UTC]")
    return impressions, lines


def slowly(impressions: pd.DataFrame, lines: pd.DataFrame, rule: Rule) -> dict[str, tuple[int, int, int]]:
    """Lines, gross and net cents by impression id, one line after the other."""
    sold = [{**row, "left": round(100 * row["revenue"])} for row in lines.to_dict("records") if row["quantity"] > 0]
    sold.sort(key=lambda row: (row["ordered_at"], row["order_id"]))
    returns = [row for row in lines.to_dict("records") if row["quantity"] < 0 and row["revenue"] < 0]
    returns.sort(key=lambda row: row["ordered_at"])
    for named in (True, False):
        for back in returns if rule.refunds else ():
            if isinstance(back["returned_order_id"], str) != named:
                continue
            open_amount = round(-100 * back["revenue"])
            for row in reversed(sold):
                same = (row["customer_id"], row["product_id"]) == (back["customer_id"], back["product_id"])
                same &= not named or row["order_id"] == back["returned_order_id"]
                if same and row["ordered_at"] < back["ordered_at"]:
                    taken = min(row["left"], open_amount)
                    row["left"] -= taken
                    open_amount -= taken
    found: dict[str, tuple[int, int, int]] = {}
    for row in sold:
        claims = []
        for seen in impressions.to_dict("records"):
            at, days = (seen["clicked_at"], rule.days) if seen["clicked"] else (seen["shown_at"], rule.view_days)
            category = CATEGORIES[seen["product_id"]]
            other = seen["product_id"] != row["product_id"]
            fits = not other or (
                rule.scope == "category" and category is not None and category == CATEGORIES[row["product_id"]]
            )
            if not fits or days is None or pd.isna(at) or seen["customer_id"] != row["customer_id"]:
                continue
            wait = row["ordered_at"] - at
            if pd.Timedelta(0) <= wait <= days * DAY:
                sign = 1 if rule.touch == "last" else -1
                claims.append((not seen["clicked"], other, sign * wait, seen["impression_id"]))
        if claims:
            name = min(claims)[-1]
            n, gross, net = found.get(name, (0, 0, 0))
            found[name] = (n + 1, gross + round(100 * row["revenue"]), net + row["left"])
    return found


def quickly(impressions: pd.DataFrame, lines: pd.DataFrame, rule: Rule) -> dict[str, tuple[int, int, int]]:
    found = credits(ibis.memtable(impressions), ibis.memtable(lines), rule, products=PRODUCTS).execute()
    cents = [(100 * found[column]).round().astype(int) for column in ("gross", "revenue")]
    return dict(zip(found["impression_id"], zip(found["lines"], *cents, strict=True), strict=True))


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_rule_as_written_out(rule):
    seen, sold = world(7)
    expected = slowly(seen, sold, rule)
    assert len(expected) > 10
    assert quickly(seen, sold, rule) == expected


@settings(max_examples=5)
@given(st.integers(0, 2**32), st.sampled_from([1, 3]))
def test_any_world_as_written_out(seed, customers):
    # few customers: many returns and clicks of each
    seen, sold = world(seed, customers)
    rule = RULES[seed % len(RULES)]
    assert quickly(seen, sold, rule) == slowly(seen, sold, rule)


def given_to(impressions: list[dict], lines: list[dict], **options) -> dict[str, float]:
    seen = pd.DataFrame(impressions)
    seen["shown_at"] = seen.get("shown_at", seen["clicked_at"])
    for column in ("clicked_at", "shown_at"):
        seen[column] = pd.to_datetime(seen[column], utc=True).astype("datetime64[us, UTC]")
    found = attribute(ibis.memtable(seen), table(lines, line(NOON)), products=PRODUCTS, **options).execute()
    return found[found["ordered"]].sort_values("impression_id").set_index("impression_id")["revenue"].to_dict()


def test_first_click_in_the_window_not_the_first_of_all():
    clicks = [impression("old", NOON - 8 * DAY), impression("first", NOON), impression("last", NOON + DAY)]
    assert given_to(clicks, [line(NOON + 2 * DAY)], touch="first") == {"first": 10}


def test_view_counts_only_without_a_click():
    view = impression("view", None) | {"shown_at": NOON + DAY}
    click = impression("click", NOON) | {"shown_at": NOON}
    bought = [line(NOON + DAY)]
    assert given_to([view, click], bought, view_days=1) == {"click": 10}
    assert given_to([view], bought, view_days=1) == {"view": 10}
    assert given_to([view], bought) == {}
    assert given_to([view], [line(NOON + 2 * DAY + MOMENT)], view_days=1) == {}


def test_category_goes_to_the_product_itself_first():
    clicks = [impression("itself", NOON, product="p0"), impression("alike", NOON + DAY, product="p1")]
    bought = [line(NOON + 2 * DAY, product="p0"), line(NOON + 2 * DAY, 4, product="p1")]
    assert given_to(clicks[:1], bought, scope="category") == {"itself": 14}
    assert given_to(clicks, bought, scope="category") == {"itself": 10, "alike": 4}
    assert given_to([impression("none", NOON, product="p2")], [line(NOON, product="p3")], scope="category") == {}


def back(at: pd.Timestamp, revenue: float) -> dict:
    return line(at, -revenue, -1)


RETURNS = {
    "in part": ([back(NOON + 2 * DAY, 4)], 6),
    "whole, long after the window": ([back(NOON + 2 * DAY, 4), back(NOON + 90 * DAY, 6)], 0),
    "more than was paid": ([back(NOON + 2 * DAY, 40)], 0),
    "before it was bought": ([back(NOON, 4)], 10),
    "at the same moment": ([back(NOON + DAY, 4)], 10),
    "another product": ([back(NOON + 2 * DAY, 4) | {"product_id": "q"}], 10),
    "too much before, some after": ([back(NOON, 4), back(NOON + 2 * DAY, 3)], 7),
}


def test_returns_take_back():
    clicks = [impression(name, NOON, name) for name in RETURNS]
    lines = [row | {"customer_id": name} for name, (back, _) in RETURNS.items() for row in (line(NOON + DAY), *back)]
    assert given_to(clicks, lines) == {name: left for name, (_, left) in sorted(RETURNS.items())}
    assert set(given_to(clicks, lines, refunds=False).values()) == {10}


def test_returns_take_from_the_latest_purchase_though_it_was_not_recommended():
    lines = [line(NOON + DAY), line(NOON + 9 * DAY, 3), back(NOON + 10 * DAY, 4)]
    assert given_to([impression("i", NOON)], lines) == {"i": 9}
    assert given_to([impression("i", NOON)], [*lines, line(NOON + 11 * DAY, 9)]) == {"i": 9}


def test_return_that_names_its_order_takes_from_that():
    lines = [
        line(NOON - DAY, 10) | {"order_id": "before", "returned_order_id": None},
        line(NOON + DAY, 10) | {"order_id": "after", "returned_order_id": None},
        back(NOON + 2 * DAY, 4) | {"order_id": "back", "returned_order_id": "after"},
        back(NOON + 2 * DAY, 99) | {"order_id": "back", "returned_order_id": "long ago"},
    ]
    assert given_to([impression("i", NOON)], lines) == {"i": 6}


def test_repeated_impressions_are_credited_once():
    seen = table([impression("i", NOON), impression("i", NOON)], impression("", NOON))
    found = credits(seen, table([line(NOON)], line(NOON)), Rule()).execute()
    assert found[["impression_id", "lines", "revenue"]].to_numpy().tolist() == [["i", 1, 10.0]]


def test_lines_in_another_currency_are_left_aside():
    lines = [line(NOON) | {"currency": "USD"}, line(NOON, 500) | {"currency": "JPY"}]
    assert given_to([impression("i", NOON)], lines, currency="USD") == {"i": 10}


@pytest.mark.parametrize("night", ["2026-03-29", "2026-10-25"])
def test_a_window_of_days_is_hours_on_nights_when_clocks_change(night, tmp_path):
    connection = ibis.duckdb.connect()
    connection.raw_sql("SET TimeZone = 'Europe/London'")
    clicked = pd.Timestamp(night, tz="Europe/London") - pd.Timedelta(hours=12)
    waits = {"in time": DAY, "late": DAY + MOMENT, "early": DAY - MOMENT}
    clicks = table([impression(name, clicked, name) for name in waits], impression("", NOON))
    sold = table([line(clicked + wait, customer=name) for name, wait in waits.items()], line(NOON))
    for name, one in (("seen", clicks), ("sold", sold)):
        pq.write_table(one.to_pyarrow(), tmp_path / name)
    found = attribute(*(connection.read_parquet(tmp_path / name) for name in ("seen", "sold")), days=1).execute()
    assert found.set_index("impression_id")["ordered"].to_dict() == {"in time": True, "late": False, "early": True}


@pytest.mark.parametrize("options", [{"touch": "middle"}, {"scope": "shop"}, {"days": 0}, {"view_days": 0}])
def test_rules_that_cannot_be_followed(options):
    seen, sold = table([impression("i", NOON)], impression("", NOON)), table([line(NOON)], line(NOON))
    with pytest.raises(InputError, match=next(iter(options))):
        attribute(seen, sold, **options)


def test_category_needs_products():
    with pytest.raises(InputError, match="products"):
        credits(*(table([row], row) for row in (impression("i", NOON), line(NOON))), Rule(scope="category"))
