"""Options are searched on the folds alone, from the model's defaults, and come out ready for workbook.yaml."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import yaml

from reco import pipeline, settings
from reco.evaluation import evaluate, paired_difference
from reco.interactions import Interactions
from reco.models import MODELS, Recommender, make_model
from reco.models.base import Range
from reco.search import Fold, search
from tests.conftest import ROOT

ITEMS = 12
OPTIONS = ["shift", "spread", "kind"]


@dataclass
class Steps(Recommender):
    """Expects everybody to go on from the item they have by `shift` items."""

    name, title = "steps", "Steps"
    shift: int = 0
    spread: float = 1.0
    kind: str | None = None
    seed: int = 0

    space: ClassVar = {"shift": Range(0, 9), "spread": Range(1e-6, 1.0, log=True), "kind": (None, "flat")}
    fits: ClassVar[list[Interactions]] = []

    def _train(self, x: Interactions) -> None:
        if self.shift == 7:
            raise ValueError("steps: shift of 7 goes nowhere")
        self.fits.append(x)
        self.has = x.matrix.indices

    def _score(self, rows: np.ndarray) -> np.ndarray:
        items = np.arange(len(self.interactions.items))
        distance = np.abs(items - self.has[rows][:, None] - self.shift)
        return (-distance if self.kind is None else 0 * distance).astype("float32")


@pytest.fixture(autouse=True)
def steps(monkeypatch):
    monkeypatch.setitem(MODELS, "steps", Steps)
    monkeypatch.setattr(Steps, "fits", [])
    return Steps


def fold(step: int = 3, users: range = range(6)) -> Fold:
    """A user for each of the first items, who then takes the item `step` further."""
    has = pd.DataFrame({"user_id": [f"u{n}" for n in range(ITEMS)], "item_id": [f"i{n:02}" for n in range(ITEMS)]})
    taken = pd.DataFrame({"user_id": [f"u{n}" for n in users], "item_id": [f"i{n + step:02}" for n in users]})
    return Fold(Interactions.from_frame(has), taken)


@pytest.fixture
def found():
    return search("steps", [fold()], 25, k=1, seed=3)


# what is found


def test_finds_the_better_option(found):
    assert found.options["shift"] == 3
    assert found.options["kind"] is None
    assert found.value == (1, 1, 1)
    assert found.gain == (1, 1, 1)


def test_the_first_trial_is_the_defaults(found):
    first = found.trials.iloc[0]
    assert first[["trial", *OPTIONS]].to_list() == [0, 0, 1.0, None]
    assert first["ndcg"] == 0


def test_starts_from_the_options_given():
    found = search("steps", [fold()], 25, k=1, start={"shift": 2, "seed": 5}, fixed={"kind": None})
    assert found.trials.loc[0, ["shift", "spread"]].to_list() == [2, 1.0]
    assert found.options == {"shift": 3, "spread": found.options["spread"], "seed": 5, "kind": None}
    assert "kind" not in found.trials


def test_a_start_outside_the_space_is_tried_all_the_same():
    found = search("steps", [fold()], 25, k=1, start={"shift": 11})
    assert found.trials["shift"].iloc[0] == 11
    assert found.trials["shift"].iloc[1:].between(0, 9).all()
    assert found.options["shift"] == 3


def test_the_same_seed_finds_the_same_by_the_same_way(found):
    again = search("steps", [fold()], 25, k=1, seed=3)
    assert again.options == found.options
    assert again.yaml == found.yaml
    pd.testing.assert_frame_equal(again.trials.drop(columns="seconds"), found.trials.drop(columns="seconds"))
    other = search("steps", [fold()], 25, k=1, seed=4)
    assert not other.trials["spread"].iloc[1:].isin(found.trials["spread"]).any()


def test_of_equal_trials_the_first_wins():
    found = search("steps", [fold(step=0)], 25, k=1)
    assert found.options == {"shift": 0, "spread": 1.0, "kind": None}
    assert found.gain == (0, 0, 0)


def test_a_small_space_is_not_measured_twice(steps):
    found = search("steps", [fold()], 40, k=1, fixed={"shift": 3, "spread": 0.5})
    assert found.trials["kind"].to_list() == [None, "flat"]
    assert len(steps.fits) == 2


def test_values_are_in_the_space_and_short_enough_to_read(found):
    spread = found.trials["spread"]
    assert spread.between(1e-6, 1).all()
    assert (spread == [float(f"{value:.4g}") for value in spread]).all()
    assert (spread < 1e-3).any()  # on the logarithm
    assert found.trials["shift"].dtype == "int64"


# how it is measured


@pytest.mark.parametrize(("task", "among"), [("anything", "all"), ("new", "new")])
def test_a_trial_is_what_evaluating_by_hand_gives(wb, monkeypatch, task, among):
    monkeypatch.setattr(MODELS["trending"], "space", {"recent_days": (14, 28)})
    when = pipeline.periods(wb)
    train, taken = pipeline.history(wb, when.validation), pipeline.TASKS[task](wb, when.validation, when.test)
    found = search("trending", [Fold(train, taken)], 5, k=5, among=among)
    assert len(found.trials) == 2
    for row in found.trials.itertuples():
        model = make_model("trending", recent_days=row.recent_days).fit(train)
        lists = model.recommend(train.users, 5, exclude_seen=among == "new")
        by_hand = evaluate(lists, taken, train, k=5).summary.loc["ndcg"]
        assert [row.ndcg, row.low, row.high] == pytest.approx(by_hand.to_list(), rel=1e-12)


def test_a_user_counts_once_whatever_the_number_of_folds():
    hit, miss = fold(users=range(1)), fold(step=4, users=range(6))  # u0: 1 and 0, the others 0
    found = search("steps", [hit, miss], 1, k=1, start={"shift": 3})
    assert found.value.value == pytest.approx(0.5 / 6)
    by_hand = paired_difference(np.array([0.5, 0, 0, 0, 0, 0]), np.zeros(6))
    assert found.value == pytest.approx(by_hand)


def test_only_the_folds_are_looked_at(steps):
    folds = [fold(), fold(users=range(2, 8))]
    search("steps", folds, 1, k=1)
    assert [one is fold.train for one, fold in zip(steps.fits, folds, strict=True)] == [True, True]


def test_nothing_of_the_test_weeks_is_learned_from(wb, steps):
    """The folds of a workbook, by weeks that roll back from the test."""
    when = pipeline.periods(wb)
    starts = [when.test - pd.DateOffset(weeks=weeks) for weeks in (4, 8)]
    folds = [
        Fold(pipeline.history(wb, start), pipeline.purchases(wb, start, start + pd.DateOffset(weeks=4)))
        for start in starts
    ]
    search("steps", folds, 1)
    assert [one.log["timestamp"].max() < start for one, start in zip(steps.fits, starts, strict=True)] == [True, True]


def test_the_budget_in_seconds_ends_the_search_after_the_first_trial():
    assert len(search("steps", [fold()], 25, seconds=0).trials) == 1


# what does not work


def test_a_trial_that_fails_is_told_and_not_fatal():
    found = search("steps", [fold()], 5, k=1, start={"shift": 7})
    failed = found.trials.iloc[0]
    assert failed["reason"] == "steps: shift of 7 goes nowhere"
    assert failed[["ndcg", "low", "high"]].isna().all()
    assert found.trials["reason"].iloc[1:].isna().any()
    assert np.isnan(found.gain).all()
    assert found.options["shift"] != 7


@pytest.mark.filterwarnings("error")
def test_failures_on_the_way_are_told_too():
    found = search("steps", [fold(step=7, users=range(5))], 60, k=1, fixed={"kind": None, "spread": 1.0})
    failed = found.trials.query("shift == 7")
    assert len(failed) == 1
    assert failed["ndcg"].isna().all()
    assert found.options["shift"] != 7


def test_when_all_fail_the_first_reason_is_raised():
    with pytest.raises(ValueError, match="steps: every trial failed, the first because: steps: shift of 7"):
        search("steps", [fold()], 3, fixed={"shift": 7})


def test_an_error_that_is_none_of_the_options_passes_through(monkeypatch):
    monkeypatch.setattr(Steps, "_score", lambda self, rows: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        search("steps", [fold()], 3)


def test_a_model_without_space(monkeypatch):
    monkeypatch.setattr(Steps, "space", {})
    with pytest.raises(ValueError, match="steps: no option to search; its space has none"):
        search("steps", [fold()], 3)


def test_all_options_fixed():
    with pytest.raises(ValueError, match="steps: no option to search; its space has shift, spread, kind"):
        search("steps", [fold()], 3, fixed={"shift": 3, "spread": 0.5, "kind": "flat"})


@pytest.mark.parametrize("folds", [[], [Fold(fold().train, fold().taken.head(0))], [fold(), fold(users=range(0))]])
def test_nobody_to_measure_by(folds):
    with pytest.raises(ValueError, match="steps: expected folds, in each of which somebody took something"):
        search("steps", folds, 3)


def test_budget_of_nothing():
    with pytest.raises(ValueError, match="steps: a budget of 0 trials"):
        search("steps", [fold()], 0)


@pytest.mark.parametrize("more", [{"fixed": {"shfit": 3}}, {"start": {"shfit": 3}}])
def test_an_option_that_there_is_not(more):
    with pytest.raises(ValueError, match="'steps' has no option 'shfit'"):
        search("steps", [fold()], 3, **more)


# the settings


def test_the_winner_is_a_section_of_workbook_yaml(tmp_path, found):
    assert found.yaml == f"models:\n  steps:\n    shift: 3\n    spread: {found.options['spread']}\n    kind: null\n"
    values = yaml.safe_load((ROOT / "workbook.yaml").read_text()) | yaml.safe_load(found.yaml)
    (tmp_path / "workbook.yaml").write_text(yaml.safe_dump(values))
    assert settings.load(tmp_path / "workbook.yaml").models == {"steps": found.options}


def test_tiny_floats_stay_floats_in_the_settings():
    found = search("steps", [fold()], 1, fixed={"kind": None}, start={"spread": 1e-05})
    assert yaml.safe_load(found.yaml)["models"]["steps"]["spread"] == 1e-05


def test_the_settings_found_give_the_value_told(found):
    model = make_model("steps", **yaml.safe_load(found.yaml)["models"]["steps"]).fit(fold().train)
    lists, taken = model.recommend([f"u{n}" for n in range(6)], 1, exclude_seen=False), fold().taken
    assert lists["item_id"].to_list() == taken["item_id"].to_list()
