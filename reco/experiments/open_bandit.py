"""The Open Bandit log as a bench for off-policy estimates: Thompson sampling judged from random choices, and checked.

The shop ran both policies, so what the estimates say of one from the log of the other stands beside what it earned.
"""

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.errors import InputError
from reco.experiments.logs import page_views
from reco.experiments.offpolicy import Log, Support, evaluate, support
from reco.experiments.rates import compare_rates, rates
from reco.experiments.reward_model import cross_fit
from reco.experiments.thompson import Random, Replay, chances, replay

LOG: Final = Path("data/open_bandit.parquet")
#: Beta parameters by campaign and item that the shop's Thompson sampling started with, beside the log.
PRIOR: Final = "open_bandit_prior.csv"
FEATURES: Final = ("item_feature_1", "item_feature_2", "item_feature_3")


class Choices(NamedTuple):
    """One policy's log of a campaign in order of time, as arrays.

    Attributes:
        action: number of the item, from 0.
        position: number of the slot, from 0.
        reward: 1 for a click, else 0.
        propensity: chance by which the item was put there.
        context: rows × features of who looked (dummies of the hashed user features).
        items: items × features (three codes and a number).
        page: number of the page view.
        slots: how many there are.
    """

    action: np.ndarray
    position: np.ndarray
    reward: np.ndarray
    propensity: np.ndarray
    context: np.ndarray
    items: np.ndarray
    page: np.ndarray
    slots: int


class Judged(NamedTuple):
    """Thompson sampling's click-through rate estimated from the log of random choices.

    Attributes:
        table: estimator, value, value_low, value_high, relative, relative_low, relative_high (see
            `offpolicy.evaluate`); the last row, `on-policy`, is what Thompson sampling earned in its own log, with
            Wilson's interval.
        support: how much of the random log bears on it.
    """

    table: pd.DataFrame
    support: Support


def read_choices(path: Path = LOG, *, campaign: str = "all", policy: str = "random") -> Choices:
    """Read one log; raises `InputError` for a campaign or policy that the file does not hold."""
    frame = pd.read_parquet(path)
    chosen = (frame["campaign"] == campaign) & (frame["policy"] == policy)
    if not chosen.any():
        raise InputError(f"{path}: no rows of campaign {campaign!r} under policy {policy!r}")
    items = frame[frame["campaign"] == campaign].drop_duplicates("item_id")
    items = items.assign(item_id=items["item_id"].astype(int)).sort_values("item_id")
    log = frame[chosen].sort_values("shown_at", kind="stable")
    codes = [pd.factorize(items[name].astype(str), sort=True)[0] for name in FEATURES]
    users = pd.get_dummies(log.filter(like="user_feature_").astype(str), drop_first=True)
    names = {"campaign": Columns.CONTEXT, "policy": Columns.VARIANT}
    position, slots = pd.factorize(log["position"], sort=True)
    return Choices(
        np.searchsorted(items["item_id"], log["item_id"].astype(int)),
        position,
        log["clicked"].to_numpy(dtype=float),
        log["propensity"].to_numpy(),
        users.to_numpy(dtype=float),
        np.column_stack([*codes, items["item_feature_0"]]),
        page_views(log.rename(columns=names)).to_numpy(),
        len(slots),
    )


def thompson_chances(
    path: Path = LOG, *, campaign: str = "all", slots: int = 3, rng: Random, draws: int = 100_000
) -> np.ndarray:
    """Items × slots: the chances of the shop's Thompson sampling on its first day, from its published prior."""
    prior = pd.read_csv(Path(path).with_name(PRIOR))
    prior = prior[prior["campaign"] == campaign].sort_values("item_id")
    if prior.empty:
        raise InputError(f"{Path(path).with_name(PRIOR)}: no campaign {campaign!r}")
    return chances(prior["alpha"].to_numpy(), prior["beta"].to_numpy(), slots, rng, draws=draws)


def weighed(choices: Choices, target: np.ndarray, folds: np.ndarray) -> Log:
    """The log as `offpolicy.evaluate` wants it: other chances, page views, and a click model fitted across folds."""
    model = cross_fit(
        choices.context,
        choices.action,
        choices.position,
        choices.reward,
        items=choices.items,
        target=target,
        folds=folds,
    )
    return Log(
        choices.reward,
        choices.propensity,
        target[choices.action, choices.position],
        choices.page,
        model.logged,
        model.target,
    )


def judge_thompson(
    path: Path = LOG, *, campaign: str = "all", rng: np.random.Generator, rounds: int = 2000, folds: int = 3
) -> Judged:
    """What Thompson sampling would earn, estimated from the random log, beside what it did earn.

    Intervals are by bootstrap over page views, and page views stay in one fold. They hold for the policy as it stood
    on its first day; the one that ran went on learning. That of `dm` knows nothing of the model's own error.
    """
    choices = read_choices(path, campaign=campaign)
    target = thompson_chances(path, campaign=campaign, slots=choices.slots, rng=rng)
    page, pages = pd.factorize(choices.page)
    log = weighed(choices, target, (rng.permutation(len(pages)) % folds)[page])
    table = evaluate(log, rng=rng, rounds=rounds)
    own = read_choices(path, campaign=campaign, policy="bts").reward
    truth = rates(pd.DataFrame({"policy": "bts", "clicked": own}), ["policy"], "clicked").iloc[0]
    lift = compare_rates(own.sum(), len(own), log.reward.sum(), len(log.reward), 0.95)
    factors = [1 + lift.relative, 1 + lift.relative_low, 1 + lift.relative_high]
    table.loc[len(table)] = ["on-policy", truth["rate"], truth["rate_low"], truth["rate_high"], *factors]
    return Judged(table, support(log))


def replay_thompson(
    path: Path = LOG, *, campaign: str = "all", rng: np.random.Generator, seeds: int = 20, **options: int
) -> Replay:
    """Thompson sampling learning from the random log, from nothing; see `thompson.replay` for options and limits."""
    log = read_choices(path, campaign=campaign)
    arms = len(log.items)
    return replay(log.action, log.position, log.reward, arms=arms, rng=rng, seeds=seeds, **options)
