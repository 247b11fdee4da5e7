"""Who takes part, who leads, for whom, at what cost: on the sample store, with a few fast models."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from reco import Workbook, comparison, pipeline
from reco.evaluation import evaluate
from reco.models import MODELS

FAST = ("popularity", "trending", "personal_frequency", "item_knn", "tfidf")


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Only a few models, so that nothing slow is fitted."""
    monkeypatch.setattr(comparison, "MODELS", {name: MODELS[name] for name in FAST})


def changed(wb: Workbook, **values: object) -> Workbook:
    section = wb.settings.comparison.model_copy(update=values)
    other = Workbook(wb.settings.model_copy(update={"comparison": section}))
    other.connection, other.tables = wb.connection, wb.tables
    return other


def test_every_module_of_models_has_a_family():
    assert all(comparison.family(model) for model in MODELS.values())


def test_entrants_and_what_they_declare(wb):
    table = comparison.entrants(wb).set_index("model")
    assert table.index.tolist() == list(FAST)
    assert table["reason"].isna().all()
    assert table.loc["popularity", "new_customers"]
    assert not table.loc["item_knn", "new_customers"]


def test_who_is_left_out_says_why(wb, monkeypatch):
    monkeypatch.setattr(comparison, "MODELS", {name: MODELS[name] for name in (*FAST, "co_view")})
    monkeypatch.setitem(comparison.FAMILIES, "neighbours", comparison.FAMILIES["deep"])
    table = comparison.entrants(changed(wb, leave_out=["tfidf"], deep="never")).set_index("model")
    assert table.loc["tfidf", "reason"] == "left out by comparison.leave_out in the settings"
    assert table.loc["item_knn", "reason"] == "left out by comparison.deep in the settings"
    assert "view" in table.loc["co_view", "reason"]  # the store has no events
    assert pd.isna(table.loc["popularity", "reason"])
    assert comparison.entrants(changed(wb, deep="auto"))["reason"].isna().sum() == len(FAST)


def test_leaderboard_judges_everyone_at_every_length(wb):
    when = pipeline.periods(wb)
    boards = comparison.leaderboard(wb, "new", ks=(5, 10))
    assert list(boards) == [5, 10]
    assert list(boards[5]) == ["popularity", "trending", "item_knn", "tfidf"]  # the other can only repeat
    lists = pipeline.candidates(wb, "item_knn", when.test, "new")
    expected = evaluate(lists, pipeline.new_purchases(wb, when.test, when.end), pipeline.history(wb, when.test), k=5)
    assert_frame_equal(boards[5]["item_knn"].per_user, expected.per_user)
    assert list(comparison.leaderboard(wb, "repeat")[10]) == list(FAST)


def test_costs(wb):
    table = comparison.costs(wb, ["popularity", "item_knn"]).set_index("model")
    assert (table[["fit_seconds", "recommend_seconds", "size_mb"]] > 0).all(axis=None)
    assert table.loc["item_knn", "size_mb"] > table.loc["popularity", "size_mb"]


def test_learning_curve_uses_the_last_weeks_only(wb):
    when = pipeline.periods(wb)
    table = comparison.learning_curve(wb, ["popularity", "personal_frequency"], [4, 16, 400], "anything", k=10)
    assert table["weeks"].tolist() == [4, 4, 16, 16]  # the store is not 400 weeks old
    x = pipeline.interactions(wb, when.test, when.test - pd.DateOffset(weeks=4))
    lists = MODELS["popularity"]().fit(x).recommend(x.users, 10, exclude_seen=False)
    expected = evaluate(lists, pipeline.purchases(wb, when.test, when.end), x).summary.loc["ndcg"]
    assert table.loc[0, ["ndcg", "low", "high"]].tolist() == pytest.approx(expected.tolist(), rel=1e-12)


def test_tuning_sees_the_validation_weeks_and_is_paid_on_the_test_weeks(wb):
    found = comparison.tuned(wb, "item_knn", "new", budget=3, k=10)
    assert len(found.trials) == 3
    when = pipeline.periods(wb)
    x, taken = pipeline.history(wb, when.validation), pipeline.new_purchases(wb, when.validation, when.test)
    stands = MODELS["item_knn"]().fit(x).recommend(x.users, 10)
    expected = evaluate(stands, taken, x).summary.loc["ndcg", "value"]
    assert found.trials.loc[0, "ndcg"] == pytest.approx(expected, rel=1e-12)
    gain = comparison.gain_of_tuning(wb, found, "new")
    assert gain.low <= gain.value <= gain.high
    if found.options == {option: getattr(MODELS["item_knn"](), option) for option in found.options}:
        assert gain.value == 0


def test_examples_show_real_people_without_their_names(wb):
    frames = comparison.examples(wb, ["popularity", "personal_frequency"], count=3, k=4)
    assert len(frames) == 3
    for frame in frames:
        assert list(frame) == ["place", "before", "popularity", "personal_frequency", "after"]
        assert frame["place"].tolist() == [1, 2, 3, 4]
        assert not frame.isna().any(axis=None)
        before = [title for title in frame["before"] if title]
        shown = [title.removeprefix("✓ ") for title in frame["personal_frequency"] if title]
        assert shown == before[: len(shown)]  # what was bought most often before
    users = set(pipeline.history(wb, pipeline.periods(wb).test).users)
    assert not users & {str(cell) for frame in frames for cell in frame.drop(columns="place").to_numpy().ravel()}


def test_a_product_bought_then_is_marked(wb):
    when = pipeline.periods(wb)
    frames = comparison.examples(wb, ["personal_frequency"], count=20, k=5)
    marks = sum(title.startswith("✓ ") for frame in frames for title in frame["personal_frequency"])
    assert marks > 0
    assert when.test < when.end


def test_leaders_once_each():
    tables = {"a": pd.DataFrame({"model": ["x", "y", "z"]}), "b": pd.DataFrame({"model": ["y", "w", "v"]})}
    assert comparison.leaders(tables, most=2) == ["x", "y", "w"]
