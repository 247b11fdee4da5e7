"""From a log to a matrix with its ids, and the ends of the periods."""

from zoneinfo import available_timezones

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.interactions import Interactions, cutoffs

LOG = pd.DataFrame(
    {
        "who": ["b", "a", "b", "b"],
        "what": ["x", "y", "x", "z"],
        "when": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-04"]),
        "weight": [1.0, 2.0, 0.5, 4.0],
        "order": ["o1", "o2", "o3", "o3"],
    }
)

logs = st.lists(
    st.tuples(st.sampled_from("dbca"), st.sampled_from(["10", "9", "é", "Z"]), st.integers(0, 5)), max_size=30
).map(lambda rows: pd.DataFrame(rows, columns=["user_id", "item_id", "weight"]).astype({"weight": "float64"}))


def test_a_matrix_by_hand():
    x = Interactions.from_frame(LOG, "who", "what", "when", "weight", basket="order")
    assert x.matrix.toarray().tolist() == [[0, 2, 0], [1.5, 0, 4]]
    assert (list(x.users), list(x.items)) == (["a", "b"], ["x", "y", "z"])
    assert x.log.columns.tolist() == ["user", "item", "weight", "timestamp", "basket_id"]
    assert x.log["basket_id"].tolist() == [0, 1, 2, 2]
    assert x.log["timestamp"].tolist() == LOG["when"].tolist()
    assert x.customers_per_item.tolist() == [1, 1, 1]


@settings(max_examples=40, deadline=None)
@given(logs)
def test_the_matrix_holds_the_sum_of_the_log(frame):
    x = Interactions.from_frame(frame, weight="weight")
    sums = frame.groupby(["user_id", "item_id"])["weight"].sum()
    for (user, item), weight in sums.items():
        assert x.matrix[x.rows([user])[0], x.columns([item])[0]] == weight
    assert x.matrix.sum() == frame["weight"].sum()
    assert x.matrix.nnz == (sums != 0).sum()


@settings(max_examples=40, deadline=None)
@given(logs)
def test_the_contract_of_the_matrix(frame):
    x = Interactions.from_frame(frame, weight="weight")
    assert (x.matrix.format, x.matrix.dtype) == ("csr", np.float32)
    assert x.matrix.shape == (len(x.users), len(x.items)) == (frame["user_id"].nunique(), frame["item_id"].nunique())
    assert x.matrix.has_sorted_indices
    assert (x.matrix.data != 0).all()
    assert x.users.is_monotonic_increasing
    assert x.items.is_monotonic_increasing
    assert len(x.log) == len(frame)


@settings(max_examples=40, deadline=None)
@given(logs, st.randoms())
def test_the_order_of_rows_does_not_matter(frame, random):
    order = list(frame.index)
    random.shuffle(order)
    one, two = (Interactions.from_frame(each, weight="weight") for each in (frame, frame.loc[order]))
    assert (one.matrix != two.matrix).nnz == 0
    assert one.users.equals(two.users)
    assert one.items.equals(two.items)


@settings(max_examples=40, deadline=None)
@given(logs)
def test_the_log_gives_the_frame_back(frame):
    x = Interactions.from_frame(frame, weight="weight")
    assert x.users[x.log["user"]].tolist() == frame["user_id"].tolist()
    assert x.items[x.log["item"]].tolist() == frame["item_id"].tolist()


def test_what_was_taken_off_is_in_the_log():
    frame = pd.DataFrame({"user_id": ["b", "a"], "item_id": ["x", "x"], "less": [0.25, None]})
    log = Interactions.from_frame(frame, off="less").log
    assert log["off"].tolist() == [0.25, pytest.approx(float("nan"), nan_ok=True)]
    assert "off" not in Interactions.from_frame(frame).log


def test_categories_are_ids_like_any_other():
    frame = LOG.assign(what=pd.Categorical(LOG["what"], categories=["z", "unused", "y", "x"]))
    x = Interactions.from_frame(frame, "who", "what")
    assert list(x.items) == ["x", "y", "z"]
    assert x.matrix.toarray().tolist() == [[0, 1, 0], [2, 0, 1]]


def test_unknown_ids_are_minus_one():
    x = Interactions.from_frame(LOG, "who", "what")
    assert x.rows(["b", "nobody", "a"]).tolist() == [1, -1, 0]
    assert x.columns([]).tolist() == []


def test_products_come_in_the_order_of_items_and_may_be_missing():
    products = pd.DataFrame({"title": ["Z", "X"]}, index=["z", "x"])
    x = Interactions.from_frame(LOG, "who", "what", products=products)
    assert x.products.index.tolist() == ["x", "y", "z"]
    assert x.products["title"].where(x.products["title"].notna(), "?").tolist() == ["X", "?", "Z"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"what": ["x", None, "x", "z"]}, "column 'what' holds a missing id in row 1"),
        ({"who": ["b", "a", None, "b"]}, "column 'who' holds a missing id in row 2"),
        ({"order": ["o1", "o2", "o3", None]}, "column 'order' holds a missing id in row 3"),
        ({"weight": [1, np.nan, 1, 1]}, "column 'weight' holds nan in row 1; expected finite numbers"),
        ({"weight": [1, 1, 1, np.inf]}, "column 'weight' holds inf in row 3; expected finite numbers"),
    ],
)
def test_a_bad_value_is_named_with_its_row(change, message):
    with pytest.raises(ValueError, match=message):
        Interactions.from_frame(LOG.assign(**change), "who", "what", weight="weight", basket="order")


def test_a_missing_column_is_named_with_what_was_found():
    with pytest.raises(ValueError, match="no column 'user_id'; found who, what, when, weight, order"):
        Interactions.from_frame(LOG)


def test_an_empty_log_is_an_empty_matrix():
    x = Interactions.from_frame(LOG.head(0), "who", "what")
    assert (x.matrix.shape, x.customers_per_item.tolist()) == ((0, 0), [])


# periods


@pytest.mark.parametrize(
    ("last", "zone", "validation", "test", "end"),
    [
        ("2017-12-31 22:00", None, "2017-11-06 00:00", "2017-12-04 00:00", "2018-01-01 00:00"),
        # midnights of the shop's own time before and after the clocks went back
        ("2020-11-10 15:00", "Europe/London", "2020-09-15 23:00", "2020-10-13 23:00", "2020-11-11 00:00"),
        ("2020-11-10 15:00", "America/New_York", "2020-09-16 04:00", "2020-10-14 04:00", "2020-11-11 05:00"),
        # a day that begins at one o'clock, and one whose first hour comes twice
        ("2018-11-03 15:00", "America/Sao_Paulo", "2018-09-09 03:00", "2018-10-07 03:00", "2018-11-04 03:00"),
        ("2018-12-01 15:00", "America/Sao_Paulo", "2018-10-07 03:00", "2018-11-04 03:00", "2018-12-02 02:00"),
        ("2020-11-01 12:00", "America/Havana", "2020-09-07 04:00", "2020-10-05 04:00", "2020-11-02 05:00"),
    ],
)
def test_cutoffs_are_midnights_of_the_zone(last, zone, validation, test, end):
    found = cutoffs(pd.Timestamp(last, tz=zone), validation_weeks=4, test_weeks=4)
    expected = [pd.Timestamp(each, tz="UTC" if zone else None) for each in (validation, test, end)]
    assert [moment.tz_convert("UTC") if zone else moment for moment in found] == expected


@settings(max_examples=200, deadline=None)
@given(
    st.datetimes(pd.Timestamp("1995-01-01"), pd.Timestamp("2035-01-01")),
    st.sampled_from(sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc"))),
    st.integers(1, 8),
    st.integers(1, 8),
)
def test_cutoffs_hold_in_every_zone(moment, zone, validation_weeks, test_weeks):
    last = pd.Timestamp(moment, tz="UTC").tz_convert(zone)
    found = cutoffs(last, validation_weeks, test_weeks)
    assert found.validation < found.test < found.end
    assert last < found.end
    assert found.end - last <= pd.Timedelta(hours=26)
    assert found.test.strftime("%a") == found.end.strftime("%a") == found.validation.strftime("%a")


# later events


EVENTS = pd.DataFrame(
    {
        "user_id": ["a", "new", "b"],
        "item_id": ["z", "x", "unheard of"],
        "timestamp": pd.Timestamp("2020-02-01"),
        "basket_id": ["o9", "o8", "o8"],
        "weight": [2.0, 1.0, 1.0],
    }
)


def small() -> Interactions:
    return Interactions.from_frame(LOG, "who", "what", "when", "weight", basket="order")


def test_later_events_by_hand():
    x = small()
    grown, rows, first = x.extended(EVENTS)
    assert list(grown.users) == ["a", "b", "new"]
    assert grown.items is x.items
    assert grown.matrix.toarray().tolist() == [[0, 2, 2], [1.5, 0, 4], [1, 0, 0]]
    assert (rows.tolist(), first) == ([0, 2], 4)
    assert grown.log["user"].tolist() == [1, 0, 1, 1, 0, 2]
    assert grown.log["basket_id"].tolist() == [0, 1, 2, 2, 3, 4]  # no basket of old
    assert x.matrix.shape == (2, 3)
    assert len(x.log) == 4


def test_newcomers_stand_behind_in_ascending_order():
    events = EVENTS.assign(user_id=["9", "10", "b"], item_id="x")
    assert list(small().extended(events).interactions.users) == ["a", "b", "10", "9"]


def test_events_that_undo_leave_no_cell():
    undo = pd.DataFrame(
        {"user_id": ["a"], "item_id": ["y"], "weight": [-2.0], "timestamp": LOG["when"][0], "basket_id": 1}
    )
    grown = small().extended(undo).interactions
    assert grown.matrix.nnz == small().matrix.nnz - 1


@settings(max_examples=40, deadline=None)
@given(logs.filter(len), logs)
def test_extended_holds_what_one_log_would(first, later):
    later = later[later["item_id"].isin(first["item_id"])]
    grown = Interactions.from_frame(first, weight="weight").extended(later).interactions
    whole = Interactions.from_frame(pd.concat([first, later]), weight="weight")
    rows = grown.rows(whole.users)
    assert (rows >= 0).all()
    assert np.array_equal(grown.matrix[rows].toarray(), whole.matrix.toarray())
    assert grown.matrix.has_sorted_indices


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e.drop(columns="timestamp"), "events have no column 'timestamp'"),
        (lambda e: e.drop(columns="basket_id"), "events have no column 'basket_id'"),
        (lambda e: e.assign(user_id=[None, "a", "b"]), "'user_id' of the events holds a missing value"),
        (lambda e: e.assign(weight=np.inf), "not a finite number"),
        (lambda e: e.assign(user_id=[1, 2, 3]), "user ids are int64, those known are"),
        (lambda e: e.assign(item_id=[1, 2, 3]), "item ids are int64, those known are"),
    ],
)
def test_events_that_cannot_be_taken_in(change, message):
    with pytest.raises(ValueError, match=message):
        small().extended(change(EVENTS))


# visits


def test_visits_hold_what_was_viewed_in_one():
    views = pd.DataFrame({"session_id": ["s1", "s1", "s1", "s2", "s3"], "item_id": ["x", "z", "x", "other", "y"]})
    x = Interactions.from_frame(LOG, "who", "what", views=views)
    assert x.sessions.toarray().tolist() == [[1, 0, 1], [0, 1, 0]]  # s2 saw nothing that is known


def test_views_that_name_products_otherwise():
    views = pd.DataFrame({"session_id": ["s1"], "item_id": [7]})
    with pytest.raises(ValueError, match="item ids of the views are int64"):
        Interactions.from_frame(LOG, "who", "what", views=views)


# fingerprint


def test_same_content_same_fingerprint():
    assert small().fingerprint == small().fingerprint


@pytest.mark.parametrize(
    "change",
    [
        lambda log: log.assign(weight=log["weight"] + 1),
        lambda log: log.assign(who=log["who"].replace("a", "c")),
        lambda log: log.assign(when=log["when"] + pd.Timedelta(days=1)),
        lambda log: log.iloc[::-1],
    ],
)
def test_other_content_other_fingerprint(change):
    other = Interactions.from_frame(change(LOG), "who", "what", "when", "weight", basket="order")
    assert other.fingerprint != small().fingerprint
