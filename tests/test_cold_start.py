"""What newcomers are shown, measured on the sample's real ones and on histories that were cut."""

import numpy as np
import pandas as pd
import pytest

from reco import cold_start, pipeline
from reco.cold_start import CONTENDERS, WHOLE
from reco.report import cold_start as views


def measured(weeks: list[int], personal: list[float], mixture: list[float], seen: list[float] | None = None):
    customers = [f"c{number}" for number in range(len(weeks))]
    columns = {"customer_id": customers, "weeks": weeks, "seen": seen or [1.0] * len(weeks), "popular": 0.1}
    return pd.DataFrame(columns | {"personal": personal, "mixture": mixture})


def test_curve_counts_means_and_says_who_is_better():
    table = cold_start.curve(measured([0, 0, 0, 4, 4, 4], [0, 0, 0, 0.5, 0.6, 0.7], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]))
    assert table["customers"].tolist() == [3, 3]
    assert table["personal"].tolist() == pytest.approx([0, 0.6])
    assert table["difference"].tolist() == pytest.approx([-0.2, 0.1])
    assert table["verdict"].tolist() == ["worse", "better"]
    assert cold_start.personal_from(table) == 4


def test_curve_by_interactions_counts_a_customer_once():
    looks = measured([1, 2, 3], [0.2, 0.4, 0.9], [0.2, 0.4, 0.9], seen=[3, 5, 6])
    table = cold_start.curve(looks.assign(customer_id=["a", "a", "b"]), "seen")
    assert table["seen"].astype(str).tolist() == ["1–5", "6–10"]
    assert table["customers"].tolist() == [1, 1]
    assert table["personal"].tolist() == pytest.approx([0.3, 0.9])
    assert cold_start.personal_from(table) == "1–5"


def test_worse_to_the_end():
    assert cold_start.personal_from(pd.DataFrame({"weeks": [0, 1], "verdict": ["tie", "worse"]})) is None


def test_reached_is_a_ratio_over_the_same_customers():
    both = pd.concat([measured([2] * 3, [0.1, 0.2, 0.3], [0] * 3), measured([WHOLE] * 3, [0.2, 0.4, 0.6], [0] * 3)])
    assert cold_start.reached(both, 2) == pytest.approx((0.5, 0.5, 0.5))


@pytest.fixture(scope="module")
def cut(wb) -> pd.DataFrame:
    return cold_start.shortened(wb)


@pytest.fixture(scope="module")
def new(wb) -> pd.DataFrame:
    return cold_start.newcomers(wb)


def test_without_history_there_is_nothing_personal(cut, new):
    for looks in (cut, new):
        before = looks[looks["seen"] == 0]
        assert len(before)
        assert (before["personal"] == 0).all()
        assert before["mixture"].mean() > 0


def test_cut_histories_are_those_of_the_same_customers(cut, wb):
    assert cut.groupby("customer_id")["weeks"].nunique().eq(len(cold_start.WEEKS) + 1).all()
    seen = cut.pivot(index="customer_id", columns="weeks", values="seen")
    assert (seen[0] == 0).all()
    assert (np.diff(seen.to_numpy(), axis=1) >= 0).all()
    assert (seen[1] > 0).all()
    lines = pipeline.sold(wb).filter(lambda t: t.ordered_at < pipeline.periods(wb).test)
    whole = lines.select("customer_id", "product_id", "order_id").distinct().execute().groupby("customer_id").size()
    assert seen[WHOLE].tolist() == whole.loc[seen.index].tolist()


def test_more_history_finds_more(cut):
    assert cold_start.reached(cut, 1).value < 1
    assert cold_start.curve(cut)["personal"].iloc[-1] > cold_start.curve(cut)["popular"].iloc[-1]


def test_newcomers_really_came_in_later(new, wb):
    first = pipeline.sold(wb).group_by("customer_id").aggregate(first=lambda t: t.ordered_at.min()).execute()
    first = first.set_index("customer_id")["first"]
    assert (first.loc[new["customer_id"]] >= first.min() + cold_start.WATCHED * cold_start.WEEK).all()
    assert set(new["weeks"]) <= set(cold_start.WEEKS)
    assert (new.loc[new["weeks"] == 0, "seen"] == 0).all()
    assert (new.loc[new["weeks"] > 0, "seen"] > 0).all()


def test_the_curve_of_the_settings(wb):
    table = cold_start.shares(wb.settings.cold_start)
    assert table["popular_share"].iloc[0] == wb.settings.cold_start.popular_share
    assert table["popular_share"].iloc[-1] < 0.01


def test_views(cut, new, wb, capsys):
    views.popular_shares(cold_start.shares(wb.settings.cold_start))
    views.cold_start_curve(cold_start.curve(cut), "Cut", 10)
    views.cold_start_table(cold_start.curve(cut), "Cut", cut=True)
    views.cold_start_table(cold_start.curve(new, "seen"), "New")
    views.reached({2: cold_start.reached(cut, 2)})
    assert set(CONTENDERS) <= set(cut)
