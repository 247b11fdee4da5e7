"""The deep models: the contract, what they learn, what they need, and what stays of them without PyTorch."""

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from reco.evaluation import evaluate
from reco.interactions import Interactions
from reco.models import make_model
from reco.models.deep import base
from tests.models.contract import RecommenderContract, as_interactions, toy_frame

SMALL = {"factors": 4, "epochs": 1}


@pytest.fixture(scope="module", autouse=True)
def few_suffice():
    """Five hundred purchases are enough for a test; ten are not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base.Deep, "min_interactions", 20)
        yield


class TestNeuMF(RecommenderContract):
    model = "neumf"
    options = SMALL


class TestTwoTower(RecommenderContract):
    model = "two_tower"
    options = SMALL
    update_is_exact = False


class TestWideDeep(RecommenderContract):
    model = "wide_deep"
    options = SMALL
    update_is_exact = False


DEEP = pytest.mark.parametrize("model", ["neumf", "two_tower", "wide_deep"])
OF_HISTORIES = pytest.mark.parametrize("model", ["two_tower", "wide_deep"])

#: Enough for two camps; a user's own items are to be told from others', not remembered.
LEARN = {"factors": 16, "epochs": 15, "learning_rate": 0.02}


def two_camps() -> tuple[pd.DataFrame, pd.DataFrame]:
    """12 of 20 items for each of 200 users, who buy nothing of the other camp's 20 items: 9 now and 3 later."""
    rng = np.random.default_rng(0)
    rows = [
        (f"u{user:03}", f"i{20 * (user % 2) + item:02}", place)
        for user in range(200)
        for place, item in enumerate(rng.permutation(20)[:12])
    ]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "place"])
    return frame[frame["place"] < 9], frame[frame["place"] >= 9]


#: What there is to know of the items; n0 and n4 are new ones of the one camp, n1 of the other, n2 of neither, n3 is
#: not described.
ITEMS = [f"i{item:02}" for item in range(40)] + [f"n{item}" for item in range(5)]
NEW_BRANDS = ["north", "south", "west", None, "north"]
PRODUCTS = pd.DataFrame({"brand": ["north"] * 20 + ["south"] * 20 + NEW_BRANDS}, index=ITEMS)


@pytest.fixture(scope="module")
def camps():
    now, later = two_camps()
    listed = pd.DataFrame({"user_id": "u000", "item_id": ITEMS[40:], "weight": 0.0})
    now = pd.concat([now.assign(weight=1.0), listed])
    return Interactions.from_frame(now, weight="weight", products=PRODUCTS), later


@pytest.fixture(scope="module")
def learned(camps):
    return {name: make_model(name, **LEARN).fit(camps[0]) for name in ("neumf", "two_tower", "wide_deep")}


@DEEP
def test_finds_what_the_camp_buys(model, learned, camps):
    x, later = camps
    ndcg = [
        evaluate(fitted.recommend(x.users, 10), later, x).summary.loc["ndcg", "value"]
        for fitted in (learned[model], make_model("popularity").fit(x))
    ]
    assert ndcg[0] > 1.4 * ndcg[1]  # of ten items all from the own camp, against half


@OF_HISTORIES
def test_new_user_is_known_by_the_first_purchases(model, learned, camps):
    x, _ = camps
    fitted = make_model(model, **LEARN).fit(x)
    fitted.partial_fit(pd.DataFrame({"user_id": "new", "item_id": ["i21", "i25", "i30"]}))
    assert all(item >= "i20" for item in fitted.recommend(["new"], 10)["item_id"])
    assert_frame_equal(fitted.recommend(x.users), learned[model].recommend(x.users))
    # whoever has the same has the same score
    fitted.partial_fit(x.log.query("user == 1").assign(user_id="twin", item_id=lambda log: x.items[log["item"]]))
    twin, other = (fitted.recommend([user], 50, exclude_seen=False) for user in ("twin", "u001"))
    assert_frame_equal(twin.drop(columns="user_id"), other.drop(columns="user_id"))


@OF_HISTORIES
def test_newcomers_get_what_is_popular(model):
    rng = np.random.default_rng(0)
    chance = np.arange(20, 0, -1.0) ** 2
    rows = [
        (f"u{user}", f"i{item:02}") for user in range(300) for item in rng.choice(20, 5, False, chance / chance.sum())
    ]
    x = Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id"]))
    scores = make_model(model, **LEARN).fit(x).recommend(["nobody"], 20).set_index("item_id")["score"]
    popularity = make_model("popularity").fit(x).recommend(["nobody"], 20).set_index("item_id")["score"]
    assert scores.corr(popularity, method="spearman") > 0.9


def test_new_items_are_placed_by_their_features(learned, camps):
    scores = (
        learned["two_tower"].recommend(camps[0].users, 50).pivot(index="user_id", columns="item_id", values="score")
    )
    north = scores.index.str[1:].astype(int) % 2 == 0
    assert (scores["n0"] > scores["n1"])[north].all()
    assert (scores["n0"] < scores["n1"])[~north].all()
    np.testing.assert_array_equal(scores["n0"], scores["n4"])
    assert not {"n2", "n3"} & set(scores)  # too few are from the west, and nothing is known of n3
    assert learned["two_tower"].similar(["n0"], 5)["similar_id"].isin([*ITEMS[:20], "n4"]).all()


def test_items_are_similar_within_a_camp(learned):
    similar = learned["two_tower"].similar([f"i{item:02}" for item in range(40)], 10)
    assert (similar["item_id"].lt("i20") == similar["similar_id"].isin([*ITEMS[:20], "n0", "n4"])).all()


@DEEP
def test_saved_weights_are_safetensors(model, learned, camps, tmp_path):
    from safetensors.numpy import load_file

    learned[model].save(tmp_path / "m")
    weights = load_file(tmp_path / "m" / "weights.safetensors")
    assert weights.keys() == learned[model].weights.keys()
    for name, values in learned[model].weights.items():
        np.testing.assert_array_equal(weights[name], values)
        assert values.dtype == "float32"
    with np.load(tmp_path / "m" / "arrays.npz") as arrays:
        assert not [name for name in arrays if name.startswith("weights")]


def test_pytorch_is_needed_to_fit_alone(learned, camps, tmp_path):
    x, _ = camps
    for model, fitted in learned.items():
        fitted.save(tmp_path / model)
        fitted.recommend(x.users, 5).to_parquet(tmp_path / f"{model}.parquet")
    program = """
import sys
import pandas as pd
from reco.models import load_model
for model in ("neumf", "two_tower", "wide_deep"):
    expected = pd.read_parquet(f"{sys.argv[1]}/{model}.parquet")
    loaded = load_model(f"{sys.argv[1]}/{model}")
    pd.testing.assert_frame_equal(loaded.recommend(loaded.interactions.users, 5), expected)
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program, tmp_path], check=True)


@DEEP
def test_too_few_interactions(model, monkeypatch):
    monkeypatch.setattr(base.Deep, "min_interactions", 10_000)
    with pytest.raises(ValueError, match=f"^{model}: needs 10,000 interactions; found 500$"):
        make_model(model).fit(as_interactions(toy_frame()))


@DEEP
@pytest.mark.parametrize("package", ["torch", "safetensors"])
def test_without_pytorch(model, package, monkeypatch):
    monkeypatch.setattr(base, "find_spec", lambda name: None if name == package else find_spec(name))
    with pytest.raises(ValueError, match=f"^{model}: needs PyTorch; install it with: make deep$"):
        make_model(model).fit(as_interactions(toy_frame()))


@DEEP
def test_nothing_but_returns(model):
    with pytest.raises(ValueError, match=f"^{model}: no weight is above 0"):
        make_model(model).fit(as_interactions(toy_frame().assign(quantity=-1)))


@DEEP
def test_steps_that_are_too_large(model):
    with pytest.raises(ValueError, match=f"^{model}: training diverged; expected a learning_rate below 1e"):
        make_model(model, learning_rate=1e38).fit(as_interactions(toy_frame()))


@DEEP
def test_without_products(model):
    x = Interactions.from_frame(toy_frame())
    lists = make_model(model, **SMALL).fit(x).recommend(x.users, 3)
    assert lists.groupby("user_id").size().eq(3).all()
