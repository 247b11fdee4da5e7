"""Is retraining due, how fast accuracy is lost with age, and what a new training is worth."""

from typing import NamedTuple

import numpy as np

from reco.settings import Monitoring


class Check(NamedTuple):
    """One trigger of retraining.

    Attributes:
        trigger: what was looked at.
        found: the value measured, or None where it could not be.
        limit: the value from which on it asks for retraining.
        verdict: `due`, `watch`, `fine` or `not enough data`.
    """

    trigger: str
    found: float | None
    limit: float
    verdict: str


def retraining_checks(
    limits: Monitoring, age_weeks: float, drift: float | None, accuracy_loss: float | None
) -> list[Check]:
    """Is retraining due? By the model's age, the purchase mix's drift and the accuracy lost for want of it.

    `accuracy_loss` is relative: 0.1 is a tenth less than a freshly trained model reaches in the same weeks.

    >>> [check.verdict for check in retraining_checks(Monitoring(), 5, 0.12, None)]
    ['due', 'watch', 'not enough data']
    """

    def check(trigger: str, found: float | None, watch: float, act: float) -> Check:
        if found is None or np.isnan(found):
            return Check(trigger, None, act, "not enough data")
        return Check(trigger, found, act, "due" if found >= act else "watch" if found >= watch else "fine")

    age = limits.max_model_age_weeks
    return [
        check("Age of the models, weeks", age_weeks, age, age),
        check("Drift of the purchase mix", drift, limits.drift_watch, limits.drift_act),
        check("Accuracy lost to a fresh model", accuracy_loss, limits.accuracy_loss / 2, limits.accuracy_loss),
    ]
