"""What deep models are trained on, that training repeats itself, and that numpy scores as PyTorch does."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from reco.interactions import Interactions
from reco.models import make_model
from reco.models.deep import base
from reco.models.deep.features import item_features
from reco.models.deep.networks import Network, TwoTower, cross_entropy
from reco.models.deep.training import NEWCOMERS, TARGETS, Draw, Sampler, train
from tests.models.contract import as_interactions, toy_frame

DEEP = pytest.mark.parametrize("model", ["neumf", "two_tower", "wide_deep"])
SMALL = {"factors": 4, "epochs": 2}


@pytest.fixture(scope="module", autouse=True)
def few_suffice():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base.Deep, "min_interactions", 20)
        yield


@pytest.fixture(scope="module")
def x():
    """The toy data, with a brand and a price band that some items lack."""
    whole = as_interactions(toy_frame())
    products = whole.products.assign(department=["a", "b", None] * (len(whole.items) // 3))
    return replace(whole, products=products)


@DEEP
def test_numpy_scores_as_the_network_does(model, x):
    fitted = make_model(model, **SMALL).fit(x)
    has = base.binary(x.matrix)
    network = fitted._network(x, has)()
    network.load_state_dict({name: torch.from_numpy(values) for name, values in fitted.weights.items()})
    n_users, n_items = has.shape
    items = torch.arange(n_items).expand(n_users, -1)
    # whole histories, filled up with the number that stands for none
    width = np.diff(has.indptr).max()
    history = torch.full((n_users, width), n_items)
    for row in range(n_users):
        history[row, : has[row].nnz] = torch.from_numpy(has[row].indices.astype("int64"))
    with torch.no_grad():
        expected = {
            "neumf": lambda: network(torch.arange(n_users), items),
            "two_tower": lambda: network.user(history) @ network.item(items[0], items[0]).T / fitted.temperature,
            "wide_deep": lambda: network(history, items),
        }[model]()
    np.testing.assert_allclose(fitted._score(np.arange(n_users)), expected, rtol=1e-4, atol=1e-5)


def test_blocks_of_pairs_do_not_matter(x, monkeypatch):
    fitted = make_model("neumf", **SMALL).fit(x)
    whole = fitted._score(np.arange(40))
    monkeypatch.setattr(base, "USERS_AT_ONCE", 3)
    monkeypatch.setattr(base, "ITEMS_AT_ONCE", 7)
    np.testing.assert_allclose(fitted._score(np.arange(40)), whole, rtol=1e-4, atol=1e-6)


@DEEP
def test_same_seed_same_weights(model, x):
    one, again, other = (make_model(model, **SMALL, seed=seed).fit(x).weights for seed in (0, 0, 1))
    for name, values in one.items():
        np.testing.assert_array_equal(values, again[name])
    assert not np.array_equal(one["items.weight"], other["items.weight"])


def test_training_takes_one_thread_and_leaves_pytorch_as_it_was():
    met = []

    class Spy(Network):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(1))

        def loss(self, sampler):
            met.append((torch.get_num_threads(), torch.initial_seed()))
            return self.weight.sum()

    threads, seed = torch.get_num_threads(), torch.initial_seed()
    torch.set_num_threads(3)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    try:
        train(Spy, sparse.csr_matrix(np.ones((10, 64), "float32")), 2, 0.1, 0.0, seed=7)
        assert met == [(1, 7)] * 20  # 2 epochs of 640 items, 8 of each of 8 users a step
        assert torch.get_num_threads() == 3
        assert torch.equal(torch.get_rng_state(), before)
    finally:
        torch.set_num_threads(threads)
        torch.manual_seed(seed)


@pytest.fixture(scope="module")
def sampler():
    """User 0 has 30 items of 50, user 1 has 10, user 2 has one, user 3 nothing."""
    rows = [0] * 30 + [1] * 10 + [2]
    columns = [*range(30), *range(40, 50), 7]
    has = sparse.csr_matrix((np.ones(41, "float32"), (rows, columns)), shape=(4, 50))
    return Sampler(has, torch.Generator().manual_seed(0))


def test_users_are_drawn_as_often_as_they_have_items(sampler):
    drawn = torch.cat([sampler.draw().users for _ in range(2000)])
    shares = torch.bincount(drawn, minlength=4) / len(drawn)
    np.testing.assert_allclose(shares, np.array([30, 10, 1, 0]) / 41, atol=0.015)


def test_targets_and_history_are_what_the_user_has_and_never_the_same(sampler):
    has = {0: set(range(30)), 1: set(range(40, 50)), 2: {7}}
    longer = []
    for _ in range(300):
        draw = sampler.draw(12)
        assert draw.targets.shape == (8, TARGETS)
        assert draw.history.shape == (8, 12)
        for user, targets, history in zip(*(part.tolist() for part in draw), strict=True):
            shown = set(history) - {50}
            assert set(targets) <= has[user]
            assert shown <= has[user] - set(targets)
            assert user != 2 or not shown  # the only item is the target
            if user == 0:
                longer.append(len(shown))
    empty = np.mean(np.array(longer) == 0)
    assert empty == pytest.approx(NEWCOMERS, abs=0.015)
    assert max(longer) == 12


def test_items_of_no_interest_are_those_the_user_lacks(sampler):
    users = torch.tensor([0, 1, 2, 3])
    items, lacked = sampler.others(users, 3000)
    assert sorted(items.unique().tolist()) == list(range(50))
    has = [set(range(30)), set(range(40, 50)), {7}, set()]
    for of, found, told in zip(has, items.tolist(), lacked.tolist(), strict=True):
        assert told == [item not in of for item in found]


def test_steps_grow_with_the_data():
    def users_per_step(n: int) -> int:
        has = sparse.csr_matrix(np.ones((10, n // 10), "float32"))
        return Sampler(has, torch.Generator()).users_per_step

    assert [users_per_step(n) for n in (100, 10_000, 100_000, 1_000_000)] == [8, 12, 125, 256]


def test_cross_entropy_leaves_out_what_the_user_has():
    logits = torch.cat([torch.full((1, TARGETS), 1.0), torch.tensor([[2.0, 3.0]])], 1)
    lacked = torch.tensor([[False, True]])
    expected = np.log1p(np.exp(-1)) + np.log1p(np.exp(3)) / TARGETS
    assert cross_entropy(logits, lacked).item() == pytest.approx(expected, rel=1e-6)


def test_softmax_is_corrected_for_the_shares_of_items():
    # where all scores are 0, the loss is that of the corrected probabilities, worked out by hand
    shares = np.array([0.5, 0.25, 0.25])
    network = TwoTower(shares, {}, factors=2, hidden=2, history=1, temperature=1.0)
    with torch.no_grad():
        for values in network.parameters():
            values.zero_()

    class Fixed:
        def draw(self, length):
            targets = torch.tensor([[0] * TARGETS, [1] * TARGETS])
            return Draw(torch.tensor([0, 1]), targets, torch.full((2, 1), 3))

        def uniform(self, *shape):
            return torch.ones(shape)

    # user 0: one target of weight 1/0.5 = 2 against eight of weight 4; user 1: one of 4 against eight of 2
    expected = (-np.log(2 / (2 + 8 * 4)) - np.log(4 / (4 + 8 * 2))) / 2
    assert network.loss(Fixed()).item() == pytest.approx(expected, rel=1e-6)


def test_thirds_of_the_price_are_those_of_the_category():
    products = pd.DataFrame(
        {
            "category": ["tea"] * 6 + ["soap"] * 3 + [None] * 3,
            "price": [1, 2, 3, 4, 5, 6, 30, 20, 10, 7, None, 8],
        }
    )
    features = item_features(products, least=3)
    assert features["price_band"].tolist() == [1, 1, 2, 2, 3, 3, 3, 2, 1, 2, 0, 3]
    assert features["category"].tolist() == [2] * 6 + [1] * 3 + [0] * 3


def test_rare_values_are_none():
    products = pd.DataFrame({"brand": ["a", "d", "d", "c", "c", "c", "b", "b"]})
    assert item_features(products, least=2)["brand"].tolist() == [0, 3, 3, 2, 2, 2, 1, 1]
    assert item_features(products, least=2, most=1)["brand"].tolist() == [0, 0, 0, 1, 1, 1, 0, 0]
    # equally frequent: the first in the alphabet stays
    assert item_features(products, least=2, most=2)["brand"].tolist() == [0, 0, 0, 2, 2, 2, 1, 1]


@pytest.mark.parametrize("products", [None, pd.DataFrame({"title": ["x"]}), pd.DataFrame({"brand": [None, None]})])
def test_nothing_is_known(products):
    assert item_features(products) == {}


def test_more_interactions_than_customers_and_items_of_one():
    frame = pd.DataFrame({"user_id": ["a"] * 30, "item_id": ["x"] * 30})
    x = Interactions.from_frame(frame)
    for model in ("neumf", "two_tower", "wide_deep"):
        lists = make_model(model, **SMALL).fit(x).recommend(["a"], exclude_seen=False)
        assert lists["item_id"].tolist() == ["x"]
