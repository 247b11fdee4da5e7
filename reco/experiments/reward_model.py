"""A model of clicks for estimates of what another policy would have earned: a logistic regression per position."""

from typing import NamedTuple

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from reco.errors import InputError


class Predicted(NamedTuple):
    """Expected rewards of logged rows, each by a model that did not see the row.

    Attributes:
        logged: of the choice that was made.
        target: of the other policy, Σ target(a) · model(a).
    """

    logged: np.ndarray
    target: np.ndarray


def cross_fit(
    context: np.ndarray,
    action: np.ndarray,
    position: np.ndarray,
    reward: np.ndarray,
    *,
    items: np.ndarray,
    target: np.ndarray,
    folds: np.ndarray,
    c: float = 1.0,
) -> Predicted:
    """Predict clicks of every row from the rows of the other folds.

    The log-odds are a sum of a part of the row and a part of the item, so all items of a row cost one addition each.

    Args:
        context: rows × features of who looks.
        action: number of the item that was shown, a row of `items`.
        position: number of the slot, a column of `target`.
        reward: 0 or 1.
        items: items × features.
        target: items × slots, chance of the other policy to show the item there.
        folds: number of the fold of each row; keep together what hangs together.
        c: inverse strength of the L2 penalty.
    """
    reward = np.asarray(reward).astype(int)
    if not len(context) == len(action) == len(position) == len(reward) == len(folds):
        raise InputError("expected contexts, actions, positions, rewards and folds of the same rows")
    if target.shape[0] != len(items):
        raise InputError(f"target: expected a row for each of {len(items)} items, found {target.shape[0]}")
    logged, expected = np.zeros(len(reward)), np.zeros(len(reward))
    seen = np.hstack([context, items[action]])
    width = context.shape[1]
    for fold in np.unique(folds):
        for slot in np.unique(position):
            here = position == slot
            train, test = np.flatnonzero(here & (folds != fold)), np.flatnonzero(here & (folds == fold))
            if not len(test):
                continue
            if len(np.unique(reward[train])) < 2:
                raise InputError(f"fold {fold}, position {slot}: expected rows with and without reward to learn from")
            model = LogisticRegression(C=c).fit(seen[train], reward[train])
            weight = model.coef_[0]
            odds = context[test] @ weight[:width] + model.intercept_[0]
            chance = expit(odds[:, None] + items @ weight[width:])
            logged[test] = chance[np.arange(len(test)), action[test]]
            expected[test] = chance @ target[:, slot]
    return Predicted(logged, expected)
