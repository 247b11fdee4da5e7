"""Last click within seven days, on logs of a few lines."""

import ibis
import pandas as pd
import pytest

from reco.kpis import attribute

NOON = pd.Timestamp("2026-03-01 12:00", tz="UTC")
DAY, MOMENT = pd.Timedelta(days=1), pd.Timedelta(microseconds=1)


def impression(name: str, clicked_at: pd.Timestamp | None, customer: str | None = "c", product: str = "p") -> dict:
    return {
        "impression_id": name,
        "customer_id": customer,
        "product_id": product,
        "context": "cart",
        "clicked": clicked_at is not None,
        "clicked_at": clicked_at,
    }


def line(at: pd.Timestamp, revenue: float = 10, quantity: float = 1, customer: str | None = "c", product: str = "p"):
    return {
        "customer_id": customer,
        "product_id": product,
        "ordered_at": at,
        "quantity": quantity,
        "revenue": revenue,
    }


def table(rows: list[dict], like: dict) -> ibis.Table:
    frame = pd.DataFrame(rows or [like]).astype({"customer_id": "str"})
    for column in {"clicked_at", "ordered_at"} & set(like):
        frame[column] = pd.to_datetime(frame[column], utc=True).astype("datetime64[us, UTC]")
    return ibis.memtable(frame.head(len(rows)))


def credited(impressions: list[dict], lines: list[dict], days: int = 7) -> dict[str, float]:
    """Revenue by impression, of those that led to an order."""
    seen, sold = table(impressions, impression("", NOON)), table(lines, line(NOON))
    found = attribute(seen, sold, days).execute()
    assert sorted(found["impression_id"]) == sorted(row["impression_id"] for row in impressions)
    assert (found.loc[~found["ordered"], "revenue"] == 0).all()
    return found[found["ordered"]].sort_values("impression_id").set_index("impression_id")["revenue"].to_dict()


def test_last_click_wins():
    clicks = [impression("first", NOON), impression("last", NOON + 2 * DAY)]
    assert credited(clicks, [line(NOON + 3 * DAY)]) == {"last": 10}


def test_click_between_two_orders_takes_the_later_one_only():
    clicks = [impression("first", NOON), impression("second", NOON + 2 * DAY)]
    lines = [line(NOON + DAY, 10), line(NOON + 3 * DAY, 7)]
    assert credited(clicks, lines) == {"first": 10, "second": 7}


def test_clicks_at_the_same_moment_go_by_id():
    assert credited([impression("b", NOON), impression("a", NOON)], [line(NOON + DAY)]) == {"a": 10}


@pytest.mark.parametrize(
    ("wait", "counts"),
    [
        (pd.Timedelta(0), True),
        (-MOMENT, False),
        (7 * DAY, True),
        (7 * DAY + MOMENT, False),
    ],
)
def test_both_ends_of_the_window_count(wait, counts):
    assert credited([impression("i", NOON)], [line(NOON + wait)]) == ({"i": 10} if counts else {})


def test_window_of_one_day():
    assert credited([impression("i", NOON)], [line(NOON + 2 * DAY)], days=1) == {}


def test_click_too_old_leaves_the_line_to_nobody_else():
    clicks = [impression("old", NOON), impression("after", NOON + 9 * DAY)]
    assert credited(clicks, [line(NOON + 8 * DAY)]) == {}


def test_same_product_twice_in_an_order_is_credited_twice_to_one_click():
    assert credited([impression("i", NOON)], [line(NOON + DAY, 3), line(NOON + DAY, 3)]) == {"i": 6}


def test_lines_alike_to_the_last_column_are_each_credited_once():
    clicks = [impression("a", NOON), impression("b", NOON + DAY)]
    assert credited(clicks, [line(NOON + 2 * DAY)] * 3) == {"b": 30}


@pytest.mark.parametrize("quantity", [0, -1])
def test_returns_are_not_credited(quantity):
    assert credited([impression("i", NOON)], [line(NOON + DAY, -10, quantity), line(NOON + DAY, 4)]) == {"i": 4}


def test_other_customer_and_other_product_are_not_credited():
    lines = [line(NOON + DAY, customer="d"), line(NOON + DAY, product="q")]
    assert credited([impression("i", NOON)], lines) == {}


def test_guests_are_not_each_other():
    assert credited([impression("i", NOON, customer=None)], [line(NOON + DAY, customer=None)]) == {}


def test_seen_and_not_clicked():
    assert credited([impression("i", None)], [line(NOON + DAY)]) == {}


def test_click_without_its_time_is_not_credited():
    assert credited([impression("i", NOON) | {"clicked_at": None}, impression("j", None)], [line(NOON + DAY)]) == {}


def test_no_impressions():
    assert credited([], [line(NOON)]) == {}


def test_no_orders():
    assert credited([impression("i", NOON)], []) == {}


def test_credited_order_of_no_money_is_an_order():
    assert credited([impression("i", NOON)], [line(NOON + DAY, 0)]) == {"i": 0}


def test_other_columns_stay():
    seen = table([impression("i", NOON)], impression("", NOON))
    found = attribute(seen, table([line(NOON)], line(NOON)))
    assert found.columns == (*seen.columns, "ordered", "revenue")


def test_attributing_again_changes_nothing():
    seen, sold = table([impression("i", NOON)], impression("", NOON)), table([line(NOON)], line(NOON))
    once = attribute(seen, sold)
    pd.testing.assert_frame_equal(attribute(once, sold).execute(), once.execute())


def test_nothing_is_credited_double_in_a_crowd():
    # 300 clicks and 300 lines of 5 customers and 4 products: every line counts at most once, and only near a click
    frame = pd.DataFrame({"n": range(300)})
    clicks = [impression(f"i{n:03}", NOON + n * 7 * DAY / 10, f"c{n % 5}", f"p{n % 4}") for n in frame["n"]]
    lines = [line(NOON + n * DAY, 1, 1, f"c{n * 3 % 5}", f"p{n * 7 % 4}") for n in frame["n"]]
    expected = 0
    for order in lines:
        expected += any(
            click["customer_id"] == order["customer_id"]
            and click["product_id"] == order["product_id"]
            and pd.Timedelta(0) <= order["ordered_at"] - click["clicked_at"] <= 7 * DAY
            for click in clicks
        )
    assert 0 < expected < 300
    assert sum(credited(clicks, lines).values()) == expected
