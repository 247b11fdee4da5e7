"""The hybrid of a workbook: weights of contexts, and reasons that are true."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from reco import Workbook, blends, pipeline
from reco.learned import families
from reco.models.hybrid import SCALINGS, blend, comparable

WEIGHTS = {"collaborative": 0.1, "content": 0.1, "rules": 0.8}


@pytest.fixture(scope="module")
def until(wb) -> pd.Timestamp:
    return pipeline.periods(wb).test


@pytest.fixture(scope="module")
def other(wb) -> Workbook:
    """The workbook with weights of the cart's own, fused by reciprocal ranks."""
    hybrid = wb.settings.hybrid.model_copy(update={"contexts": {"cart": WEIGHTS}, "scaling": "reciprocal"})
    other = Workbook(wb.settings.model_copy(update={"hybrid": hybrid}))
    other.connection, other.tables = wb.connection, wb.tables
    return other


def test_contexts_have_weights_of_their_own(other, until):
    parts = pipeline.parts(other, until, "new")
    expected = blend(parts, WEIGHTS, pipeline.CANDIDATES, "reciprocal")
    assert_frame_equal(pipeline.candidates(other, "hybrid", until, "new", context="cart"), expected)
    usual = pipeline.candidates(other, "hybrid", until, "new")
    assert_frame_equal(pipeline.candidates(other, "hybrid", until, "new", context="email"), usual)
    assert_frame_equal(usual, blend(parts, other.settings.hybrid.weights, pipeline.CANDIDATES, "reciprocal"))


def test_every_scaling_is_judged_on_the_validation_weeks(wb):
    found = blends.scalings(wb, "new", wb.settings.hybrid.weights, k=10)
    assert list(found) == list(SCALINGS)
    when = pipeline.periods(wb)
    taken = pipeline.new_purchases(wb, when.validation, when.test)
    assert all(set(one.per_user.index) == set(taken["user_id"]) for one in found.values())


def test_reasons_are_those_of_the_part_that_adds_most(wb, until):
    told = blends.reasons(wb, "hybrid", until)
    lists = pipeline.candidates(wb, "hybrid", until)
    shown = lists[lists["rank"] <= blends.TOLD]
    assert_frame_equal(told[["user_id", "item_id"]], shown[["user_id", "item_id"]].reset_index(drop=True))
    scores = comparable(pipeline.parts(wb, until)).merge(told, on=["user_id", "item_id"])
    added = pd.DataFrame({part: weight * scores[part] for part, weight in wb.settings.hybrid.weights.items()})
    assert (added.idxmax(axis=1) == scores["part"]).all()
    assert told["part"].nunique() == 3
    for part, model in wb.settings.hybrid.parts.items():
        mine = told[(told["part"] == part) & told["because_id"].notna()].head(200)
        expected = pipeline.fitted(wb, model, until).explain(mine, most=2)
        expected = expected[expected["because_id"] != expected["item_id"]].drop_duplicates(["user_id", "item_id"])
        assert mine["because_id"].tolist() == expected["because_id"].tolist()


def test_what_speaks_for_an_item_was_bought_by_the_customer(wb, until):
    told = blends.reasons(wb, "hybrid", until)
    told = told[told["because_id"].notna()]
    x = pipeline.history(wb, until)
    assert (x.matrix[x.rows(told["user_id"]), x.columns(told["because_id"])] > 0).all()
    assert (told["kind"] == "because_you_bought").all()


@pytest.mark.parametrize(("model", "kinds"), [("popularity", {"popular"}), ("personal_frequency", {"bought_before"})])
def test_kinds_of_models_that_do_not_explain(wb, until, model, kinds):
    told = blends.reasons(wb, model, until)
    assert set(told["kind"]) == kinds
    assert told["because_id"].isna().all()
    assert (told["part"] == model).all()


def test_the_learned_blend_stands_beside_its_algorithms(wb):
    board = blends.learned(wb, "new", k=10)
    assert list(board) == ["learned", *wb.settings.hybrid.learned.algorithms] == list(blends.learned_titles(wb))
    gains = blends.gains(wb, "new")
    assert gains["gain"].sum() == pytest.approx(1)
    assert gains["gain"].is_monotonic_decreasing
    assert gains["feature"].is_unique


@pytest.fixture(scope="module")
def learned(wb, until) -> pd.DataFrame:
    return blends.reasons(wb, "learned", until)


def test_the_learned_blend_s_reasons_are_those_of_the_family_that_adds_most(wb, until, learned):
    lists = pipeline.candidates(wb, "learned", until)
    shown = lists[lists["rank"] <= blends.TOLD]
    assert_frame_equal(learned[["user_id", "item_id"]], shown[["user_id", "item_id"]].reset_index(drop=True))
    customer = learned["user_id"][0]
    seen = pipeline.seen_at(wb, until, pd.Index([customer]))
    added = (
        pipeline.rankers(wb, until)["anything"].contributions(seen.features).set_axis(seen.x.items[seen.pairs.column])
    )
    had = pd.Series(seen.pairs.had, added.index)
    for row in learned[learned["user_id"] == customer].itertuples():
        sums = dict.fromkeys(families.FAMILIES, 0.0)
        for name, value in added.loc[row.item_id].drop("start").items():
            of = families.family(name)
            if of == "history" and not had[row.item_id]:
                of = "neighbours" if name.startswith(("score_", "rank_")) else None
            if of:
                sums[of] += value
        assert row.part == max(sums, key=sums.get)


def test_the_learned_blend_s_reasons_are_true(wb, until, learned):
    x = pipeline.history(wb, until)
    had = np.asarray(x.matrix[x.rows(learned["user_id"]), x.columns(learned["item_id"])]).ravel() > 0
    told = learned["kind"]
    assert {"because_you_bought", "bought_before", "popular_in_category"} <= set(told)
    assert had[told == "bought_before"].all()
    assert not had[told == "new"].any()
    because = learned[told == "because_you_bought"]
    assert set(because["part"]) <= {"neighbours", "content"}
    assert (because["because_id"] != because["item_id"]).all()
    assert (x.matrix[x.rows(because["user_id"]), x.columns(because["because_id"])] > 0).all()
    assert learned.loc[told != "because_you_bought", "because_id"].isna().all()


def test_every_feature_has_the_family_it_is_about():
    found = {feature: families.family(feature) for feature in ("score_tifu_knn", "score_ease", "rank_tfidf")}
    assert list(found.values()) == ["history", "neighbours", "content"]
    nothing = pd.DataFrame({"times": [-1.0, 5.0], "score_tifu_knn": [0.0, 1.0], "price": [9.0, 9.0]})
    assert families.strongest(nothing, np.array([True, False])).tolist() == [None, "neighbours"]


def test_contributions_name_what_moves_each_score(wb):
    until = pipeline.periods(wb).test
    customer = pipeline.history(wb, until).users[0]
    table = blends.contributions(wb, customer, "new", k=4, most=2)
    lists = pipeline.candidates(wb, "learned", until, "new")
    own = lists[lists["user_id"] == customer].head(4)
    titles = pipeline.history(wb, until).products["title"].loc[own["item_id"]]
    assert table["title"].tolist() == titles.tolist()
    assert table["score"].tolist() == pytest.approx(own["score"].tolist(), rel=1e-6)
    assert table.columns.tolist() == ["rank", "title", "score", "by_1", "by_2"]
    moved = table[["by_1", "by_2"]].map(lambda words: abs(float(words.rsplit("(", 1)[1].rstrip(")"))))
    assert (moved["by_1"] >= moved["by_2"]).all()
