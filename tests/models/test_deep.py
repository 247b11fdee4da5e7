"""The deep models: the contract, what they learn, and what they need."""

import importlib.util
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from reco.interactions import Interactions
from reco.models import load_model, make_model
from reco.models.deep import base
from tests.models.contract import RecommenderContract, as_interactions, toy_frame


@pytest.fixture(scope="module", autouse=True)
def few_suffice():
    """Five hundred purchases are enough for a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base.Deep, "min_interactions", 1)
        yield


class TestNeuMF(RecommenderContract):
    model = "neumf"
    options: ClassVar = {"factors": 4, "epochs": 1}


class TestTwoTower(RecommenderContract):
    model = "two_tower"
    options: ClassVar = {"factors": 4, "epochs": 1}
    update_is_exact = False  # new events make the user's side anew, the weights stay


class TestWideDeep(RecommenderContract):
    model = "wide_deep"
    options: ClassVar = {"factors": 4, "epochs": 1}
    update_is_exact = False  # new events make the user's side anew, the weights stay


DEEP = pytest.mark.parametrize("model", ["neumf", "two_tower", "wide_deep"])


def two_camps() -> Interactions:
    """Users of two camps, who buy nothing of the other's 20 items, but not all of their own."""
    rng = np.random.default_rng(0)
    rows = [(f"u{u:03}", f"i{20 * (u % 2) + i:02}") for u in range(200) for i in rng.choice(20, 10, replace=False)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id"]).assign(
        timestamp=pd.Timestamp("2026-01-01"), basket_id=lambda f: f["user_id"], quantity=1
    )
    products = pd.DataFrame({"category": "all", "brand": "one", "price": 1.0}, index=frame["item_id"].unique())
    return Interactions.from_frame(frame, timestamp="timestamp", basket="basket_id", products=products)


@DEEP
def test_learns_who_belongs_to_which_camp(model):
    x = two_camps()
    lists = make_model(model, epochs=20, learning_rate=0.02).fit(x).recommend(x.users, k=5)
    own = lists["user_id"].str[1:].astype(int) % 2 == lists["item_id"].str[1:].astype(int) // 20
    assert own.mean() > 0.9  # popularity would get one half


@pytest.mark.parametrize("model", ["two_tower", "wide_deep"])
def test_new_events_keep_the_weights_and_change_the_list(model):
    x = two_camps()
    fitted = make_model(model, epochs=5).fit(x)
    before, weights = fitted.recommend(["u000"], 20), {name: array.copy() for name, array in fitted.weights.items()}
    now = pd.Timestamp("2026-02-01")
    events = pd.DataFrame({"user_id": "u000", "item_id": x.items[25:30], "timestamp": now, "basket_id": "new"})
    after = fitted.partial_fit(events).recommend(["u000"], 20)
    assert not after["item_id"].isin(x.items[25:30]).any()
    assert before["score"].tolist() != after["score"].tolist()
    assert all(np.array_equal(fitted.weights[name], array) for name, array in weights.items())


@DEEP
def test_weights_are_safetensors(model, tmp_path):
    fitted = make_model(model, factors=4, epochs=1).fit(as_interactions(toy_frame()))
    fitted.save(tmp_path / "m")
    assert (tmp_path / "m" / "weights.safetensors").stat().st_size > 0
    loaded = load_model(tmp_path / "m")
    assert loaded.weights.keys() == fitted.weights.keys()
    assert all(np.array_equal(loaded.weights[name], array) for name, array in fitted.weights.items())


@DEEP
def test_another_seed_other_weights(model):
    x = as_interactions(toy_frame())
    one, other = (make_model(model, factors=4, epochs=1, seed=seed).fit(x) for seed in (0, 1))
    assert any(not np.array_equal(one.weights[name], other.weights[name]) for name in one.weights)


@DEEP
def test_too_few_interactions(model, monkeypatch):
    monkeypatch.setattr(base.Deep, "min_interactions", 10_000)
    with pytest.raises(ValueError, match=f"{model}: needs 10,000 interactions; found 500"):
        make_model(model).fit(as_interactions(toy_frame()))


@DEEP
def test_without_pytorch(model, monkeypatch):
    monkeypatch.setattr(base, "find_spec", lambda name: None if name == "torch" else importlib.util.find_spec(name))
    with pytest.raises(ValueError, match=f"{model}: needs PyTorch; install it with: make deep"):
        make_model(model).fit(as_interactions(toy_frame()))
