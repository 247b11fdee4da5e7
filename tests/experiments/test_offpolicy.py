"""Off-policy estimates against a simulated log whose true value is known."""

import numpy as np
import pytest

from reco.errors import InputError
from reco.experiments.offpolicy import Log, estimates, evaluate, support

ACTIONS = 5
WORTH = np.array([0.05, 0.1, 0.15, 0.2, 0.3])
LOGGED = np.array([0.4, 0.3, 0.1, 0.1, 0.1])
OTHER = np.array([0.1, 0.1, 0.2, 0.2, 0.4])
TRUTH = float(OTHER @ WORTH)


def logged(rng, rows=2000, model=None):
    action = rng.choice(ACTIONS, rows, p=LOGGED)
    reward = (rng.random(rows) < WORTH[action]).astype(float)
    extra = {} if model is None else {"predicted": model[action], "expected": np.full(rows, OTHER @ model)}
    return Log(reward, LOGGED[action], OTHER[action], **extra)


def test_estimates_by_hand():
    log = Log(
        reward=np.array([1.0, 0.0, 1.0, 0.0]),
        propensity=np.array([0.5, 0.5, 0.25, 0.25]),
        target=np.array([0.25, 0.75, 0.5, 0.0]),
        predicted=np.array([0.5, 0.2, 0.6, 0.1]),
        expected=np.array([0.4, 0.4, 0.3, 0.3]),
    )
    table = evaluate(log, rng=np.random.default_rng(0), rounds=50).set_index("estimator")
    weight = np.array([0.5, 1.5, 2.0, 0.0])
    assert table["value"].to_dict() == pytest.approx(
        {
            "ips": 2.5 / 4,
            "snips": 2.5 / 4.0,
            "dm": 0.35,
            "dr": 0.35 + (0.5 * 0.5 - 1.5 * 0.2 + 2 * 0.4) / 4,
        }
    )
    np.testing.assert_allclose(table["relative"], table["value"] / 0.5)
    assert support(log) == pytest.approx((4, weight.sum() ** 2 / (weight**2).sum(), 2.0, 1.0))


@pytest.mark.parametrize("model", [WORTH, WORTH[::-1]])
def test_estimators_are_unbiased_and_the_direct_one_is_as_good_as_its_model(model):
    rng = np.random.default_rng(1)
    values = [evaluate(logged(rng, model=model), rng=rng, rounds=2).set_index("estimator")["value"] for _ in range(150)]
    mean = sum(values) / len(values)
    assert mean[["ips", "snips", "dr"]].tolist() == pytest.approx([TRUTH] * 3, abs=0.003)
    assert mean["dm"] == pytest.approx(OTHER @ model)


def test_a_good_model_makes_the_doubly_robust_estimate_steadier():
    rng = np.random.default_rng(2)
    tables = [evaluate(logged(rng, model=WORTH), rng=rng, rounds=2)["value"].to_numpy() for _ in range(300)]
    ips, _, _, dr = np.std(tables, axis=0)
    assert dr < 0.95 * ips


def test_intervals_hold_the_truth_in_19_of_20_logs():
    # 2,000 logs of 2,000 rows, each drawn again 400 times. Rows with the same action and reward are alike, so a log,
    # and a draw of its rows, is a count of ten cells.
    rng, rows, runs, rounds = np.random.default_rng(3), 2000, 2000, 400
    action, reward = np.repeat(np.arange(ACTIONS), 2), np.tile([0.0, 1.0], ACTIONS)
    chance = LOGGED[action] * np.where(reward == 1, WORTH[action], 1 - WORTH[action])
    weight, model = OTHER[action] / LOGGED[action], WORTH * [1.5, 1, 1, 1, 0.7]
    dm = np.full(2 * ACTIONS, OTHER @ model)
    cells = {"one": np.ones(2 * ACTIONS), "reward": reward, "weight": weight, "ips": weight * reward, "dm": dm}
    cells["dr"] = dm + weight * (reward - model[action])
    logs = rng.multinomial(rows, chance, size=runs)
    drawn = rng.multinomial(rows, logs[:, None] / rows, size=(runs, rounds))
    held, totals = {}, {name: drawn @ values for name, values in cells.items()}
    for name, (value, _) in estimates(totals).items():
        low, high = np.quantile(value, [0.025, 0.975], axis=1)
        held[name] = float(((low <= TRUTH) & (high >= TRUTH)).mean())
    # the effective sample size is 1 / Σ OTHER² / LOGGED = 41 % of the rows
    assert rows * weight @ chance / (weight**2 @ chance) == pytest.approx(
        rows / (0.01 / 0.4 + 0.01 / 0.3 + 0.4 + 0.4 + 1.6)
    )
    assert all(0.93 <= held[name] <= 0.97 for name in ("ips", "snips", "dr")), held
    assert held["dm"] == 0  # a model that is wrong is sure of it
    # the same log, row by row
    seen = np.repeat(np.arange(2 * ACTIONS), logs[0])
    log = Log(reward[seen], LOGGED[action[seen]], OTHER[action[seen]], None, model[action[seen]], dm[seen])
    table = evaluate(log, rng=rng, rounds=400).set_index("estimator")
    assert table["value"].to_dict() == pytest.approx(
        {name: float(value) for name, (value, _) in estimates({n: logs[0] @ v for n, v in cells.items()}).items()}
    )
    ips = np.quantile(totals["ips"][0] / rows, [0.025, 0.975])
    assert table.loc["ips", ["value_low", "value_high"]].tolist() == pytest.approx(ips.tolist(), rel=0.04)


def test_rows_that_hang_together_tell_less():
    log = logged(np.random.default_rng(4), 500)
    twice = Log(*(np.repeat(part, 4) for part in log[:3]))
    together = twice._replace(cluster=np.repeat(np.arange(500), 4))

    def width(a_log):
        row = evaluate(a_log, rng=np.random.default_rng(5)).iloc[0]
        return row["value_high"] - row["value_low"]

    assert width(together) == pytest.approx(width(log), rel=1e-9)
    assert width(twice) < 0.6 * width(together)


def test_the_same_policy_keeps_every_row():
    log = logged(np.random.default_rng(6), 300)
    same = log._replace(target=log.propensity)
    assert support(same) == (300, 300, 1, 1)
    assert evaluate(same, rng=np.random.default_rng(7))["relative"].tolist() == [1, 1]


def test_a_policy_that_never_chose_any_of_it_has_no_support():
    log = logged(np.random.default_rng(8), 300)
    none = log._replace(target=np.zeros(300))
    assert support(none).effective == 0
    assert evaluate(none, rng=np.random.default_rng(9))["value"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"propensity": np.zeros(300)}, "propensity: 300 of 300 rows are no chance above 0"),
        ({"propensity": np.full(300, np.nan)}, "propensity: 300 of 300"),
        ({"target": np.full(300, 1.2)}, "target: 300 of 300 rows are no chance"),
        ({"reward": np.full(300, np.inf)}, "reward: 300 of 300 rows are missing or not finite"),
        ({"reward": np.ones(3)}, "of the same rows, found 3, 300 and 300"),
        ({"cluster": np.zeros(300)}, "at least 2 clusters"),
    ],
)
def test_logs_that_cannot_be_weighed_are_refused(change, message):
    log = logged(np.random.default_rng(10), 300)._replace(**change)
    with pytest.raises(InputError, match=message):
        evaluate(log, rng=np.random.default_rng(11))
