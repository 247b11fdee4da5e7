"""Who takes part, who leads, for whom, at what cost: on the sample store, with a few fast models."""

import json

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from reco import Workbook, comparison, pipeline
from reco.errors import InputError
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


@pytest.fixture
def elsewhere(wb, monkeypatch, tmp_path):
    """A workbook whose settings name batch output that ranks what everybody buys, from the worst; and its options."""
    monkeypatch.setattr(comparison, "MODELS", {name: MODELS[name] for name in ("popularity", "personalize")})
    when = pipeline.periods(wb)
    best = pipeline.candidates(wb, "popularity", when.test)
    lists = best[best["rank"] <= 20].sort_values("rank", ascending=False).groupby("user_id")["item_id"].agg(list)
    lines = [json.dumps({"input": {"userId": u}, "output": {"recommendedItems": one}}) for u, one in lists.items()]
    (tmp_path / "out.jsonl").write_text("\n".join(lines))

    def named(**options: str) -> Workbook:
        options = {"file": str(tmp_path / "out.jsonl"), **options}
        other = Workbook(wb.settings.model_copy(update={"models": {"personalize": options}}))
        other.connection, other.tables = wb.connection, wb.tables
        return other

    return named, when


def test_lists_that_were_made_elsewhere_stand_on_the_board(elsewhere):
    named, when = elsewhere
    wb = named(trained_until=when.test.isoformat())
    table = comparison.entrants(wb).set_index("model")
    assert table.loc["personalize", "family"] == "Trained elsewhere"
    assert table.loc["personalize", "trained"] == (
        "yes, trained elsewhere on data before 2017-12-04 00:00, as the settings say"
    )
    board = comparison.leaderboard(wb, "anything")[10]
    best = pipeline.candidates(wb, "popularity", when.test)
    worst = best[best["rank"].between(11, 20)].assign(rank=21 - best["rank"])
    test, x = pipeline.purchases(wb, when.test, when.end), pipeline.history(wb, when.test)
    assert board["personalize"].summary.loc["ndcg", "value"] == pytest.approx(
        evaluate(worst, test, x, k=10).summary.loc["ndcg", "value"]
    )
    assert 0 < board["personalize"].summary.loc["ndcg", "value"] < board["popularity"].summary.loc["ndcg", "value"]
    assert comparison.costs(wb, list(board))["model"].tolist() == ["popularity"]
    assert set(comparison.learning_curve(wb, list(board), [4], "anything")["model"]) == {"popularity"}
    assert comparison.tunable(pd.DataFrame({"model": ["personalize", "popularity"]})) == "popularity"


def test_lists_whose_model_has_seen_the_test_weeks_take_no_part(wb, elsewhere, tmp_path):
    named, when = elsewhere
    late = (when.test + pd.Timedelta(hours=1)).tz_convert(wb.settings.store.time_zone)
    manifest = {"system": "personalize", "run": "r", "last_interaction": late.isoformat()}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    wb = named(manifest=str(tmp_path))
    reason = comparison.entrants(wb).set_index("model").loc["personalize", "reason"]
    assert reason == (
        f"was trained on data up to {late:%Y-%m-%d %H:%M}, by the manifest of export r; expected nothing from "
        "2017-12-04 on"
    )
    assert comparison.entrants(named(trained_until="2017-12-04"))["reason"].isna().all()  # a day of the shop's own time
    with pytest.raises(InputError, match=r"workbook\.yaml: models\.personalize: was trained on data up to"):
        pipeline.fitted(wb, "personalize", when.test)
    early = {**manifest, "last_interaction": (when.test - pd.Timedelta(seconds=1)).isoformat()}
    (tmp_path / "manifest.json").write_text(json.dumps(early))
    assert comparison.entrants(wb)["reason"].isna().all()
    for options, words in (({}, "nothing says until when"), ({"file": ""}, "takes part once models.personalize.file")):
        assert words in comparison.entrants(named(**options)).set_index("model").loc["personalize", "reason"]


def test_another_file_of_lists_is_another_key_of_the_cache(elsewhere, tmp_path):
    named, when = elsewhere
    wb = named(trained_until=when.test.isoformat())
    before = pipeline.depends(wb, "personalize", when.test)
    (tmp_path / "out.jsonl").write_text("")
    assert pipeline.depends(wb, "personalize", when.test) != before
    assert "files" not in pipeline.depends(wb, "popularity", when.test)


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
