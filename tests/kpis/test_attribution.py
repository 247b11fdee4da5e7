"""Last click within seven days, on logs of a few lines."""

import ibis
import pandas as pd

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


#: Clicks and order lines of one customer each, and what is credited to which impression.
CASES = {
    "last click wins": ([("first", 0), ("last", 2)], [line(NOON + 3 * DAY)], {"last": 10}),
    "a click between two orders takes the later one only": (
        [("first", 0), ("second", 2)],
        [line(NOON + DAY, 10), line(NOON + 3 * DAY, 7)],
        {"first": 10, "second": 7},
    ),
    "clicks at the same moment go by id": ([("b", 0), ("a", 0)], [line(NOON + DAY)], {"a": 10}),
    "at once": ([("i", 0)], [line(NOON)], {"i": 10}),
    "before the click": ([("i", 0)], [line(NOON - MOMENT)], {}),
    "at the end of the window": ([("i", 0)], [line(NOON + 7 * DAY)], {"i": 10}),
    "after the window": ([("i", 0)], [line(NOON + 7 * DAY + MOMENT)], {}),
    "too old a click leaves the line to nobody else": ([("old", 0), ("after", 9)], [line(NOON + 8 * DAY)], {}),
    "the same product twice in an order": ([("i", 0)], [line(NOON + DAY, 3), line(NOON + DAY, 3)], {"i": 6}),
    "lines alike to the last column": ([("a", 0), ("b", 1)], [line(NOON + 2 * DAY)] * 3, {"b": 30}),
    "a return": ([("i", 0)], [line(NOON + DAY, -10, -1), line(NOON + DAY, 4)], {"i": 4}),
    "no quantity": ([("i", 0)], [line(NOON + DAY, -10, 0), line(NOON + DAY, 4)], {"i": 4}),
    "another product": ([("i", 0)], [line(NOON + DAY, product="q")], {}),
    "seen and not clicked": ([("i", None)], [line(NOON + DAY)], {}),
    "an order of no money is an order": ([("i", 0)], [line(NOON, 0)], {"i": 0}),
}


def test_each_customer_by_itself():
    # all at once: that they do not meet is part of what is tested
    clicks = [
        impression(f"{name}/{label}", None if day is None else NOON + day * DAY, name)
        for name, (seen, _, _) in CASES.items()
        for label, day in seen
    ]
    clicks.append(impression("untimed", NOON, "untimed") | {"clicked_at": None})
    clicks.append(impression("guest", NOON, None))
    lines = [row | {"customer_id": name} for name, (_, rows, _) in CASES.items() for row in rows]
    lines += [line(NOON + DAY, customer=None), line(NOON + DAY, customer="untimed"), line(NOON, customer="other")]
    expected = {f"{name}/{label}": sum_ for name, (_, _, found) in CASES.items() for label, sum_ in found.items()}
    assert credited(clicks, lines) == expected


def test_window_of_one_day():
    assert credited([impression("i", NOON)], [line(NOON + 2 * DAY)], days=1) == {}


def test_no_impressions():
    assert credited([], [line(NOON)]) == {}


def test_no_orders():
    assert credited([impression("i", NOON)], []) == {}


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
