"""What models learn from and are judged by, against filters by hand: nothing leaks from after the cutoff."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from reco import Workbook, blends, pipeline
from reco.contexts import make_slates, standing_requests
from reco.errors import InputError
from reco.evaluation import evaluate
from reco.models.hybrid import blend
from reco.tuning import try_weights

COLUMNS = ["customer_id", "order_id", "product_id", "ordered_at", "quantity"]


@pytest.fixture(scope="module")
def when(wb):
    return pipeline.periods(wb)


@pytest.fixture(scope="module")
def lines(wb) -> pd.DataFrame:
    """What may be learned from: sold to known customers, recommendable."""
    frame = wb.connection.to_pandas(wb.table("order_lines").select(*COLUMNS))
    products = wb.connection.to_pandas(wb.table("products").select("product_id", "recommendable"))
    good = products.loc[products["recommendable"], "product_id"]
    return frame[frame["product_id"].isin(good) & frame["customer_id"].notna() & (frame["quantity"] > 0)]


def pairs(frame: pd.DataFrame) -> set[tuple[str, str]]:
    return set(frame.iloc[:, :2].itertuples(index=False, name=None))


def test_periods_are_midnights_of_the_shop(wb, when, lines):
    days = [moment.tz_convert("America/New_York") for moment in when]
    assert [str(day) for day in days] == [
        "2017-11-06 00:00:00-05:00",
        "2017-12-04 00:00:00-05:00",
        "2018-01-01 00:00:00-05:00",
    ]
    assert lines["ordered_at"].max() < when.end


def test_periods_across_a_change_of_clocks(wb):
    # eight test weeks before 1 January begin on 6 November, eight more on 11 September, in summer time
    split = wb.settings.split.model_copy(update={"test_weeks": 8, "validation_weeks": 8})
    other = Workbook(wb.settings.model_copy(update={"split": split}))
    local = [moment.tz_convert("America/New_York") for moment in pipeline.periods(other)]
    assert [f"{moment:%d %H:%M %z}" for moment in local] == ["11 00:00 -0400", "06 00:00 -0500", "01 00:00 -0500"]


def test_history_is_what_was_sold_before(wb, when, lines):
    x = pipeline.history(wb, when.test)
    before = lines[lines["ordered_at"] < when.test].drop_duplicates(["customer_id", "order_id", "product_id"])
    buyers = before.groupby("product_id")["customer_id"].nunique()
    common = before[before["product_id"].isin(buyers.index[buyers >= 20])]
    expected = common.groupby(["customer_id", "product_id"]).size()
    assert x.users.tolist() == sorted(common["customer_id"].unique())
    assert x.items.tolist() == sorted(common["product_id"].unique())
    found = x.matrix[x.rows(expected.index.get_level_values(0)), x.columns(expected.index.get_level_values(1))]
    assert np.array_equal(np.asarray(found).ravel(), expected)
    assert x.matrix.nnz == len(expected)
    assert x.log["timestamp"].max() < when.test
    assert x.products.index.tolist() == x.items.tolist()


def test_history_keeps_orders_apart(wb, when, lines):
    x = pipeline.history(wb, when.test)
    orders = lines[(lines["ordered_at"] < when.test) & lines["product_id"].isin(x.items)]
    assert x.log["basket_id"].nunique() == orders["order_id"].nunique()


def test_history_tells_what_was_taken_off(wb, when):
    table = wb.table("order_lines").select("customer_id", "product_id", "ordered_at", "revenue", "discount")
    lines = wb.connection.to_pandas(table).astype({"revenue": "float64", "discount": "float64"})
    log = pipeline.history(wb, when.test).log
    chosen = log.drop_duplicates(["user", "item", "timestamp"], keep=False).iloc[::500]
    x = pipeline.history(wb, when.test)
    keys = pd.DataFrame(
        {
            "customer_id": x.users.take(chosen["user"]),
            "product_id": x.items.take(chosen["item"]),
            "ordered_at": chosen["timestamp"].array,
            "off": chosen["off"].array,
        }
    )
    sums = lines.groupby(["customer_id", "product_id", "ordered_at"], as_index=False)[["revenue", "discount"]].sum()
    both = keys.merge(sums, on=["customer_id", "product_id", "ordered_at"])
    paid = both[both["revenue"] > 0]
    assert len(paid) > 50
    expected = paid["discount"] / (paid["discount"] + paid["revenue"])
    assert paid["off"].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-6)
    assert 0.02 < paid["off"].mean() < 0.5


def test_purchases_from_start_to_end_exclusive(wb, lines):
    moment = lines["ordered_at"].sort_values().iloc[-100]
    earlier, later = moment - pd.Timedelta(days=3), moment + pd.Timedelta(microseconds=1)
    for start, end in ((earlier, moment), (moment, later), (earlier, later)):
        during = lines[(lines["ordered_at"] >= start) & (lines["ordered_at"] < end)]
        found = pipeline.purchases(wb, start, end)
        assert not found.duplicated().any()
        assert pairs(found) == pairs(during[["customer_id", "product_id"]])


def test_new_purchases_are_those_never_made_before(wb, when, lines):
    before = pairs(lines.loc[lines["ordered_at"] < when.test, ["customer_id", "product_id"]])
    during = lines[(lines["ordered_at"] >= when.test) & (lines["ordered_at"] < when.end)]
    expected = pairs(during[["customer_id", "product_id"]]) - before
    found = pipeline.new_purchases(wb, when.test, when.end)
    assert pairs(found) == expected
    assert len(found) == len(expected)


def test_protocol(wb, when, lines):
    table = pipeline.protocol(wb)
    assert table["period"].tolist() == ["training", "validation", "test"]
    assert table["from"].tolist() == ["2017-01-01", "2017-11-06", "2017-12-04"]
    assert table["to"].tolist() == ["2017-11-06", "2017-12-04", "2018-01-01"]
    bounds = [lines["ordered_at"].min(), *when]
    for row, start, end in zip(table.itertuples(), bounds, bounds[1:], strict=False):
        during = lines[(lines["ordered_at"] >= start) & (lines["ordered_at"] < end)]
        assert row.customers == during["customer_id"].nunique()
        assert row.purchases == len(pairs(during[["customer_id", "product_id"]]))


@pytest.fixture(scope="module")
def cut(wb, when, tmp_path_factory) -> Workbook:
    """The same store as it was when the test weeks began, in a folder of its own."""
    folder = wb.settings.store.model_copy(update={"path": tmp_path_factory.mktemp("cut")})
    other = Workbook(wb.settings.model_copy(update={"store": folder}))
    other.connection, other.tables = wb.connection, dict(wb.tables)
    other.tables["order_lines"] = wb.table("order_lines").filter(lambda t: t.ordered_at < when.test)
    return other


@pytest.mark.parametrize(
    ("model", "task"),
    [
        ("popularity", "new"),
        ("trending", "anything"),
        ("personal_frequency", "repeat"),
        ("item_knn", "new"),
        ("hybrid", "new"),
    ],
)
def test_candidates_are_the_same_without_a_future(wb, cut, when, model, task):
    found = pipeline.candidates(cut, model, when.test, task)
    assert_frame_equal(found, pipeline.candidates(wb, model, when.test, task))


def test_neighbours_are_the_same_without_a_future(wb, cut, when):
    found = pipeline.neighbours(cut, "association_rules", when.test)
    assert_frame_equal(found, pipeline.neighbours(wb, "association_rules", when.test))


def test_slates_are_the_same_without_a_future(wb, cut, when):
    found = [make_slates(w, "cart", standing_requests(w, "cart", when.test), when.test).frame for w in (wb, cut)]
    assert_frame_equal(*found)


def test_candidates_leave_out_what_was_bought_where_asked(wb, when, lines):
    bought = pairs(lines.loc[lines["ordered_at"] < when.test, ["customer_id", "product_id"]])
    unseen = pipeline.candidates(wb, "hybrid", when.test, "new")
    assert not pairs(unseen[["user_id", "item_id"]]) & bought
    assert pairs(pipeline.candidates(wb, "hybrid", when.test)[["user_id", "item_id"]]) & bought


def test_hybrid_is_the_blend_of_its_parts(wb, when):
    parts = pipeline.parts(wb, when.test, "new")
    expected = blend(parts, {"collaborative": 0.5, "content": 0.3, "rules": 0.2}, pipeline.CANDIDATES)
    assert_frame_equal(pipeline.candidates(wb, "hybrid", when.test, "new"), expected)


def test_judging_is_evaluating_the_purchases_of_the_period(wb, when):
    lists = pipeline.candidates(wb, "popularity", when.test)
    found = pipeline.judge(wb, lists, "new", when.test, when.end, k=5)
    taken = pipeline.new_purchases(wb, when.test, when.end)
    assert_frame_equal(found.per_user, evaluate(lists, taken, pipeline.history(wb, when.test), k=5).per_user)


def test_repeat_purchases_are_those_made_before(wb, when):
    every, new, again = (pairs(pipeline.TASKS[task](wb, when.test, when.end)) for task in pipeline.TASKS)
    assert new | again == every
    assert not new & again
    assert new
    assert again


def test_purchases_carry_their_revenue(wb, when, lines):
    found = pipeline.purchases(wb, when.test, when.end)
    assert list(found) == ["user_id", "item_id", "revenue"]  # the store knows no costs, so there is no margin
    chosen = pipeline.sold(wb).filter(lambda t: (t.ordered_at >= when.test) & (t.ordered_at < when.end))
    assert found["revenue"].sum() == pytest.approx(float(chosen.revenue.sum().execute()), rel=1e-9)


def test_a_trial_tells_lists_and_costs(wb, when):
    lists, cost = pipeline.trial(wb, "popularity", when.test)
    assert list(lists) == list(pipeline.TASKS)
    assert cost.keys() == {"fit_seconds", "recommend_seconds", "memory", "size"}
    assert cost["size"] == 4 * len(pipeline.history(wb, when.test).items)
    assert pipeline.trial(wb, "popularity", when.test)[1] == cost  # as it was measured, from the cache
    assert pipeline.trial(wb, "hybrid", when.test)[1] == {}


def test_history_since_a_moment(wb, when, lines):
    since = when.test - pd.DateOffset(weeks=8)
    x = pipeline.interactions(wb, when.test, since)
    assert x.log["timestamp"].min() >= since
    assert x.log["timestamp"].max() < when.test


@pytest.mark.parametrize("task", ["anything", "new"])
def test_blends_of_the_same_weights_are_the_same(wb, task):
    weights = pd.Series(wb.settings.hybrid.weights)
    board = blends.blends(wb, task, weights, k=10)
    assert list(board) == ["default", "tuned", "collaborative", "content", "rules"]
    assert_frame_equal(board["default"].per_user, board["tuned"].per_user)


def test_tuning_looks_at_the_validation_weeks_only(wb, cut):
    assert_frame_equal(blends.tune(wb, "anything", 0.5, 10), _tuned(cut, pipeline.periods(wb)))


def _tuned(cut: Workbook, when: pipeline.Cutoffs) -> pd.DataFrame:
    taken = pipeline.purchases(cut, when.validation, when.test)
    return try_weights(pipeline.parts(cut, when.validation), taken, 0.5, 10)


def test_a_history_of_nothing_says_what_to_change(wb):
    with pytest.raises(InputError, match=r"bought by 20 known customers before 2016-01-01; expected .* workbook\.yaml"):
        pipeline.history(wb, pd.Timestamp("2016-01-01", tz="UTC"))
