"""Splits against a small log by hand, and what must hold for every log."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.evaluation.splits import Fold, global_time, leave_last_basket, leave_last_item, random_folds, rolling
from reco.interactions import cutoffs

START = pd.Timestamp("2026-03-01", tz="UTC")

events = st.tuples(
    st.sampled_from("abcd"),
    st.sampled_from("vwxyz"),
    st.integers(0, 40).map(lambda hours: START + pd.Timedelta(hours=12 * hours)),
    st.sampled_from([1, 2, 3, 4]),
)


def as_log(rows: list[tuple]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp", "basket_id"]).astype(
        {"user_id": "str", "item_id": "str", "timestamp": "datetime64[us, UTC]", "basket_id": "int64"}
    )


logs = st.lists(events, max_size=30).map(as_log)


def check_parts(fold: Fold, log: pd.DataFrame) -> None:
    """Rows of the log as they are, each in one part at most; cold users and items counted by sets."""
    assert not set(fold.train.index) & set(fold.test.index)
    for part in fold[:2]:
        pd.testing.assert_frame_equal(part, log.loc[log.index.isin(part.index)])
    assert fold.cold_users == len(set(fold.test["user_id"]) - set(fold.train["user_id"]))
    assert fold.cold_items == len(set(fold.test["item_id"]) - set(fold.train["item_id"]))


def is_whole(fold: Fold, log: pd.DataFrame) -> bool:
    return len(fold.train) + len(fold.test) == len(log)


@settings(max_examples=40)
@given(logs, st.lists(st.integers(-3, 25), min_size=2, max_size=4, unique=True).map(sorted))
def test_time_goes_on_from_training_to_test(log, days):
    moments = [START + pd.Timedelta(days=day) for day in days]
    folds = global_time(log, moments)
    assert len(folds) == len(days) - 1
    for fold, start, end in zip(folds, moments, moments[1:], strict=False):
        check_parts(fold, log)
        assert is_whole(fold, log[log["timestamp"] < end])
        assert (fold.train["timestamp"] < start).all()
        assert fold.test["timestamp"].between(start, end, inclusive="left").all()


@settings(max_examples=40)
@given(logs, st.integers(1, 4), st.integers(1, 3))
def test_rolling_weeks_follow_one_another(log, folds, weeks):
    end = START + pd.Timedelta(days=20)
    rolled = rolling(log, end, folds, weeks)
    assert len(rolled) == folds
    for number, fold in enumerate(rolled):
        check_parts(fold, log)
        start = end - pd.Timedelta(weeks=weeks * (folds - number))
        assert set(fold.test.index) == set(
            log.index[(log["timestamp"] >= start) & (log["timestamp"] < start + pd.Timedelta(weeks=weeks))]
        )
        assert set(fold.train.index) == set(log.index[log["timestamp"] < start])


@settings(max_examples=40)
@given(logs)
def test_last_baskets(log):
    fold = leave_last_basket(log)
    check_parts(fold, log)
    assert is_whole(fold, log)
    for user, of in log.groupby("user_id"):
        began = of.groupby("basket_id")["timestamp"].min()
        left = fold.test.loc[fold.test["user_id"] == user, "basket_id"].unique()
        assert len(left) == (len(began) > 1)
        assert (began[left] == began.max()).all()
        kept = fold.train.loc[fold.train["user_id"] == user, "basket_id"]
        assert not set(kept) & set(left)  # a basket is never torn apart
    assert fold.cold_users == 0


@settings(max_examples=40)
@given(logs)
def test_last_items(log):
    fold = leave_last_item(log)
    check_parts(fold, log)
    assert is_whole(fold, log)
    assert fold.cold_users == 0
    for user, of in log.groupby("user_id"):
        left = fold.test[fold.test["user_id"] == user]
        assert len(left) == (len(of) > 1)
        assert (left["timestamp"] == of["timestamp"].max()).all()


@settings(max_examples=40)
@given(logs.filter(lambda log: len(log) > 1), st.data(), st.integers(0, 3))
def test_each_event_is_tested_once(log, data, seed):
    k = data.draw(st.integers(2, len(log)))
    folds = random_folds(log, k, np.random.default_rng(seed))
    assert len(folds) == k
    for fold in folds:
        check_parts(fold, log)
        assert is_whole(fold, log)
        assert len(log) // k <= len(fold.test) <= -(-len(log) // k)
    assert sorted(pd.concat([fold.test for fold in folds]).index) == list(log.index)


def test_random_folds_are_those_of_the_generator():
    log = as_log([("a", "x", START, 1)] * 50)
    tests = [
        [list(fold.test.index) for fold in random_folds(log, 5, np.random.default_rng(seed))] for seed in (1, 1, 2)
    ]
    assert tests[0] == tests[1] != tests[2]


@pytest.fixture
def log() -> pd.DataFrame:
    """a has three baskets, the last of which stands first; b has one; c has two at one moment."""
    rows = [
        ("a", "x", "2026-03-09 10:00", 3),
        ("a", "y", "2026-03-01 10:00", 1),
        ("a", "x", "2026-03-05 10:00", 2),
        ("a", "z", "2026-03-09 10:05", 3),
        ("b", "x", "2026-03-02 10:00", 3),
        ("b", "w", "2026-03-02 10:00", 3),
        ("c", "x", "2026-03-03 10:00", 9),
        ("c", "v", "2026-03-03 10:00", 8),
    ]
    return as_log(rows)


def test_last_baskets_by_hand(log):
    fold = leave_last_basket(log)
    assert list(fold.test.index) == [0, 3, 7]  # basket 3 of b is another than that of a
    assert (fold.cold_users, fold.cold_items) == (0, 2)  # z and v


def test_last_items_by_hand(log):
    fold = leave_last_item(log)
    assert list(fold.test.index) == [3, 5, 7]
    assert (fold.cold_users, fold.cold_items) == (0, 3)


def test_validation_and_test_weeks_by_hand(log):
    when = cutoffs(pd.Timestamp("2026-03-14 12:00", tz="UTC"), validation_weeks=1, test_weeks=1)
    assert [str(moment.date()) for moment in when] == ["2026-03-01", "2026-03-08", "2026-03-15"]
    validation, test = global_time(log, when)
    assert (list(validation.train.index), list(validation.test.index)) == ([], [1, 2, 4, 5, 6, 7])
    assert (validation.cold_users, validation.cold_items) == (3, 4)
    assert (list(test.train.index), list(test.test.index)) == ([1, 2, 4, 5, 6, 7], [0, 3])
    assert (test.cold_users, test.cold_items) == (0, 1)


def test_a_fold_of_the_training_is_for_tuning(log):
    tuning = leave_last_basket(leave_last_basket(log).train)
    assert list(tuning.test.index) == [2]
    assert list(tuning.train.index) == [1, 4, 5, 6]


def test_rolling_weeks_keep_the_hour_when_clocks_change():
    end = pd.Timestamp("2026-04-05", tz="Europe/Madrid")  # clocks went forward on 29 March
    # half an hour before midnight in Madrid, half an hour after it
    log = as_log([("a", "x", pd.Timestamp(f"2026-03-28 {hour}:30", tz="UTC"), 1) for hour in (22, 23)])
    earlier, later = rolling(log, end, folds=2)
    assert (list(earlier.test.index), list(later.test.index)) == ([0], [1])


@pytest.mark.parametrize("split", [leave_last_basket, leave_last_item])
def test_nothing_to_split(split):
    fold = split(as_log([]))
    assert fold.train.empty
    assert fold.test.empty
    assert fold[2:] == (0, 0)


@pytest.mark.parametrize("column", ["timestamp", "basket_id", "user_id"])
def test_what_a_log_lacks(log, column):
    with pytest.raises(ValueError, match=f"no column '{column}'"):
        leave_last_basket(log.drop(columns=column))
    holes = log.astype({column: "object"})
    holes.loc[2, column] = None
    with pytest.raises(ValueError, match=f"column '{column}' of the log holds a missing value"):
        leave_last_basket(holes)


@pytest.mark.parametrize("days", [[], [1], [2, 1], [1, 1]])
def test_cutoffs_that_do_not_ascend(log, days):
    with pytest.raises(ValueError, match="expected two cutoffs or more in ascending order"):
        global_time(log, [START + pd.Timedelta(days=day) for day in days])


@pytest.mark.parametrize("counts", [{"folds": 0}, {"weeks": 0}])
def test_no_weeks(log, counts):
    with pytest.raises(ValueError, match="expected 1 or more of each"):
        rolling(log, START, **counts)


@pytest.mark.parametrize("k", [0, 1, 9])
def test_folds_that_cannot_be(log, k):
    with pytest.raises(ValueError, match=f"k is {k} with 8 events; expected 2 to 8"):
        random_folds(log, k, np.random.default_rng(0))
