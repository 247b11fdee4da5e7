"""Thompson sampling judged from the random Open Bandit log, against the published values."""

import numpy as np
import pytest
from sklearn.model_selection import KFold

from reco.errors import InputError
from reco.experiments.offpolicy import evaluate, support
from reco.experiments.open_bandit import judge_thompson, read_choices, replay_thompson, thompson_chances, weighed


@pytest.fixture(scope="module")
def target():
    # the draws of Open Bandit Pipeline, examples/quickstart/obd.ipynb: 100,000 of a generator seeded 12345
    return thompson_chances(rng=np.random.RandomState(12345))


@pytest.fixture(scope="module")
def log(target):
    # the folds of the same notebook, over rows
    choices = read_choices()
    folds = np.zeros(len(choices.reward), dtype=int)
    for number, (_, held) in enumerate(KFold(3, shuffle=True, random_state=12345).split(choices.reward)):
        folds[held] = number
    return weighed(choices, target, folds)


def test_chances_as_published(target):
    # examples/quickstart/obd.ipynb, BernoulliTS(is_zozotown_prior=True, campaign="all", random_state=12345):
    # array([[[0.01078, 0.00931, 0.00917], [0.00167, 0.00077, 0.00076], ..., [0.0582 , 0.07603, 0.07998]]])
    assert target[[0, 1, -1]].tolist() == [
        [0.01078, 0.00931, 0.00917],
        [0.00167, 0.00077, 0.00076],
        [0.0582, 0.07603, 0.07998],
    ]
    np.testing.assert_allclose(target.sum(axis=0), 1)


def test_estimates_as_published(log):
    # the same notebook: ipw .004553, relative 1.198126 (full digits .00455288, 1.1981263), its 95 % bootstrap over rows
    # .001531 to .009254; dm .003545 and dr .004727 in its later version, whose model takes the items' four features
    # (an older one took their number too, and has .003399 and .004647)
    table = evaluate(log._replace(cluster=None), rng=np.random.default_rng(0), rounds=3000).set_index("estimator")
    assert table.loc["ips", "value"] == pytest.approx(0.00455288, abs=1e-12)
    assert table.loc["ips", "relative"] == pytest.approx(1.1981263, abs=5e-8)
    assert table.loc["ips", ["value_low", "value_high"]].tolist() == pytest.approx([0.001531, 0.009254], abs=2e-4)
    assert table.loc["dm", "value"] == pytest.approx(0.003545, abs=1e-6)
    # here .0047283: solvers of other versions of scikit-learn differ in the sixth decimal
    assert table.loc["dr", "value"] == pytest.approx(0.004727, abs=3e-6)


def test_a_sixth_of_the_log_bears_on_it(log):
    found = support(log)
    assert found.rows == 10_000
    assert found.effective == pytest.approx(1639.5, abs=0.1)
    assert found.largest == pytest.approx(19.5984)


def test_one_call_gives_estimates_beside_the_truth():
    judged = judge_thompson(rng=np.random.default_rng(1), rounds=300)
    table = judged.table.set_index("estimator")
    assert table.index.tolist() == ["ips", "snips", "dm", "dr", "on-policy"]
    assert table.loc["on-policy", "value"] == 0.0042
    for name in ("ips", "snips", "dr"):
        assert table.loc[name, "value_low"] < 0.0042 < table.loc[name, "value_high"]
    assert 1500 < judged.support.effective < 1800


def test_learning_from_the_log_matches_a_row_in_eighty():
    found = replay_thompson(rng=np.random.default_rng(2), seeds=5)
    assert found.seeds["matched"].mean() == pytest.approx(10_000 / 80, rel=0.1)
    assert found.seeds["clicks"].max() < 10


def test_unknown_campaigns_are_refused():
    with pytest.raises(InputError, match="no rows of campaign 'kids' under policy 'random'"):
        read_choices(campaign="kids")
