"""Popular products among personal ones, by the customer's share of them, and what new products borrow."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reco.contexts.asked import code
from reco.contexts.newcomers import (
    PERSONAL,
    POPULAR,
    TRENDING,
    borrowed,
    interactions_seen,
    line_up,
    mix,
    popular_share,
    with_newcomers,
)
from reco.contexts.proposals import Lists
from reco.contexts.requests import Requests
from reco.contexts.snapshot import snapshot
from reco.rules import Shelf
from reco.settings import ColdStart


def proposals(*lists: list[int]) -> pd.DataFrame:
    """One slate a list, its items the best first."""
    rows = [(slate, item, 10.0 - place, 99) for slate, items in enumerate(lists) for place, item in enumerate(items)]
    frame = pd.DataFrame(rows, columns=["slate", "item", "score", "because"])
    return frame.astype({"slate": "int64", "item": "int64", "score": "float32", "because": "int64"})


def mixed(frame: pd.DataFrame, standby: list[int], trending: int, share: list[float]) -> list[list[int]]:
    first, then = np.array(standby[:trending], "int64"), np.array(standby[trending:], "int64")
    found = mix(frame, first, then, np.array(share), 0.5)
    return [found.loc[found["slate"] == slate, "item"].tolist() for slate in range(len(share))]


# the curve

falling = st.builds(
    lambda whole, half, ratio: ColdStart(popular_share=whole, half_at=half, full_at=half * ratio),
    st.floats(0, 1),
    st.floats(0.1, 1000),
    st.floats(1.05, 100),
)


@given(falling, st.lists(st.integers(0, 100_000), min_size=2))
def test_the_share_falls_from_the_whole_to_nothing(settings, seen):
    share = popular_share(np.sort(seen), settings)
    assert ((share >= 0) & (share <= settings.popular_share)).all()
    assert (np.diff(share) <= 0).all()


@given(falling)
def test_the_settings_are_points_of_the_curve(settings):
    at = popular_share(np.array([0, settings.half_at, settings.full_at]), settings)
    assert at[:2] == pytest.approx([settings.popular_share, settings.popular_share / 2])
    assert at[2] < 0.01


def test_settings_cannot_contradict():
    with pytest.raises(ValidationError, match="expected more than half_at of 10, found 10"):
        ColdStart(half_at=10, full_at=10)


# mixing


def test_half_and_half_alternates_and_trending_comes_before_popular():
    assert mixed(proposals([1, 2, 3, 4]), [7, 8, 9, 5], 2, [0.5]) == [[1, 7, 2, 9, 3, 8, 4, 5]]


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, [7, 8, 9, 5, 6]), (0.2, [7, 8, 5, 9, 6]), (1.0, [5, 6, 7, 8, 9])],
)
def test_trending_products_have_their_share_of_what_is_mixed_in(share, expected):
    found = mix(proposals([1]), np.array([5, 6]), np.array([7, 8, 9]), np.array([0.5]), share)
    assert [item for item in found["item"] if item != 1] == expected
    parts = dict(zip(found["item"], found["part"], strict=True))
    assert [parts[item] for item in (1, 5, 7)] == [PERSONAL, TRENDING, POPULAR]


@given(
    st.floats(0.01, 1),
    st.integers(0, 30),
    st.integers(0, 30),
)
def test_every_prefix_holds_its_share_while_both_last(share, personal, popular):
    of_trending = np.arange(100, 100 + popular // 2)
    others = np.arange(100 + popular // 2, 100 + popular)
    found = mix(proposals(list(range(personal))), of_trending, others, np.array([share]), 0.2)
    assert len(found) == personal + popular
    of_popular = (found["part"] != PERSONAL).to_numpy()
    for p in range(1, len(found) + 1):
        here = int(of_popular[:p].sum())
        if here < popular and p - here < personal:
            assert abs(here - share * p) <= 0.5 + 1e-6
    assert found.loc[~of_popular, "item"].is_monotonic_increasing
    assert (np.diff(found["score"]) < 0).all()


def test_without_a_share_nothing_changes_but_the_scores():
    frame = proposals([4, 2, 9], [3])
    assert mixed(frame, [7, 8], 1, [0.0, 0.009]) == [[4, 2, 9], [3]]


def test_a_slate_without_anything_personal_gets_popular_products_in_the_personal_places():
    popular = np.array([9, 1, 8, 2, 5])
    found = mix(proposals([1, 2]), np.array([7, 8]), popular, np.array([0.0, 0.0, 0.5, 1.0]), 0.4)
    lists = [found.loc[found["slate"] == slate, "item"].tolist() for slate in range(4)]
    # of a new customer's places, 0.4 of the half are trending; where no share is, none is
    assert lists == [[1, 2], [9, 1, 8, 2, 5, 7], [9, 1, 7, 8, 2, 5], [9, 7, 1, 8, 2, 5]]
    assert (found.loc[found["slate"] > 0, "because"] == -1).all()
    assert (found.loc[found["slate"] > 0, "part"] != PERSONAL).all()


def test_an_item_of_both_kinds_is_there_once_as_what_it_comes_first_as():
    frame = proposals([1, 2, 3, 7, 8])
    early, late = (mix(frame, np.array([7]), np.array(items), np.array([0.5]), 0.5) for items in ([3], [2, 3]))
    assert early["item"].tolist() == late["item"].tolist() == [1, 7, 2, 3, 8]
    assert early["part"].tolist() == [PERSONAL, TRENDING, PERSONAL, POPULAR, PERSONAL]
    assert late["part"].tolist() == [PERSONAL, TRENDING, PERSONAL, PERSONAL, PERSONAL]


def test_what_is_personal_keeps_what_speaks_for_it():
    found = mix(proposals([1]), np.array([], "int64"), np.array([7]), np.array([0.5]), 0.2)
    assert found["because"].tolist() == [99, -1]
    assert found["part"].tolist() == [PERSONAL, POPULAR]


def test_slates_do_not_touch_each_other():
    frame, share = proposals([1, 2, 3], [5, 7], [], [9, 8, 2]), [0.3, 0.7, 0.2, 0.5]
    alone = [
        mixed(proposals(items), [7, 8, 9], 1, [s])[0]
        for items, s in zip([[1, 2, 3], [5, 7], [], [9, 8, 2]], share, strict=True)
    ]
    assert mixed(frame, [7, 8, 9], 1, share) == alone


def test_nothing_stands_by_and_nothing_is_asked():
    assert mixed(proposals([2, 1]), [], 0, [0.5]) == [[2, 1]]
    assert mix(proposals(), np.array([1]), np.array([2]), np.empty(0), 0.2).empty


def test_interactions_seen(wb):
    until = wb_until(wb)
    shop = snapshot(wb, until)
    customer = shop.customers[5]
    lines = wb.connection.to_pandas(wb.table("order_lines").filter(wb.table("order_lines").customer_id == customer))
    lines = lines[lines["product_id"].isin(shop.shelf.ids) & (lines["quantity"] > 0)]
    moment = lines["ordered_at"].sort_values().iloc[len(lines) // 2] + pd.Timedelta(minutes=1)
    frame = pd.DataFrame({"slate_id": ["a", "b"], "customer_id": [customer, None], "asked_at": moment})
    anchors = pd.DataFrame({"slate_id": ["a", "b", "b"], "item_id": shop.shelf.ids[[0, 1, 2]]})
    before = lines[lines["ordered_at"] < moment].drop_duplicates(["product_id", "ordered_at"])
    assert interactions_seen(shop, code(shop, Requests(frame, anchors))).tolist() == [len(before), 2]


def wb_until(wb):
    from reco import pipeline

    return pipeline.periods(wb).test


# new products


def shelf(ages: list[float], established: int) -> Shelf:
    ids = pd.Index([f"p{number}" for number in range(len(ages))])
    return Shelf(ids, pd.DataFrame({"age_days": ages}, index=ids), established)


def test_new_products_borrow_the_lists_of_what_stands_for_them():
    lists = Lists(np.array([0, 2, 3]), np.array([1, 0, 0], "int32"), np.array([3, 2, 1], "float32"))
    found = borrowed(lists, np.array([1, -1, 0]))
    assert found.starts.tolist() == [0, 2, 3, 4, 4, 6]
    assert found.items.tolist() == [1, 0, 0, 0, 1, 0]
    assert found.scores.tolist() == [3, 2, 1, 1, 3, 2]
    assert borrowed(lists, np.empty(0, "int64")).starts.tolist() == [0, 2, 3]


def test_a_new_product_comes_just_behind_what_stands_for_it():
    found = with_newcomers(proposals([0, 1], [1]), line_up(shelf([90, 90, 3], 2), np.array([0])))
    order = found.sort_values(["slate", "score"], ascending=[True, False])
    assert order[["slate", "item"]].to_numpy().tolist() == [[0, 0], [0, 2], [0, 1], [1, 1]]
    assert (found["because"] == 99).all()
    behind = found.loc[(found["slate"] == 0) & found["item"].isin([0, 2])].set_index("item")["score"]
    assert behind[2] == np.nextafter(behind[0], np.float32(0))
    assert found["score"].dtype == "float32"


def test_the_youngest_go_first_and_there_are_not_too_many():
    found = with_newcomers(proposals([0]), line_up(shelf([90, 9, 3, 3, 5], 1), np.array([0, 0, 0, 0]), most=2))
    assert found["item"].tolist() == [0, 2, 3]


def test_one_that_is_proposed_already_stays_where_it_is():
    found = with_newcomers(proposals([2, 0, 1]), line_up(shelf([90, 90, 3], 2), np.array([1])))
    assert found["item"].tolist() == [2, 0, 1]


def test_without_stand_ins_nothing_changes():
    frame = proposals([0, 1])
    pd.testing.assert_frame_equal(with_newcomers(frame, line_up(shelf([90, 90, 3], 2), np.array([-1]))), frame)
    pd.testing.assert_frame_equal(with_newcomers(frame, line_up(shelf([90, 90], 2), np.empty(0, "int64"))), frame)
