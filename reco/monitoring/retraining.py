"""Is retraining due, how fast accuracy is lost with age, and what a new training is worth."""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.regression.linear_model import OLS

from reco.errors import InputError
from reco.settings import Monitoring

#: Judgements that must be left over beside the unknowns, for a slope to have an interval worth reading.
LEAST_DF: Final = 2


#: The trigger that `drift_table` also speaks for.
DRIFT: Final = "Drift of the purchase mix"


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
        check("Weeks since training", age_weeks, age, age),
        check(DRIFT, drift, limits.drift_watch, limits.drift_act),
        check("Accuracy lost to a fresh model", accuracy_loss, limits.accuracy_loss / 2, limits.accuracy_loss),
    ]


class Decay(NamedTuple):
    """What a model loses by growing older.

    Attributes:
        per_week: share of its accuracy lost in a week of age, with the bounds of its 95 % interval; below zero where
            older models did better.
        low: lower bound.
        high: upper bound.
        judgements: accuracies that it rests on.
        weeks: weeks judged by models of more than one age; only these tell.
    """

    per_week: float
    low: float
    high: float
    judgements: int
    weeks: int

    def loss(self, age: float) -> float:
        """Share of its accuracy that a model of `age` weeks has lost: 1 - (1 - per_week) ** age."""
        return 1 - (1 - self.per_week) ** age


def decay(accuracy: pd.DataFrame, confidence: float = 0.95) -> Decay:
    """The share of accuracy lost in a week of age, from models of several ages judged in the same weeks.

    `accuracy` has `week` (that was judged), `age_weeks` (of the model then) and `value` (such as NDCG, above zero).
    Weeks are not alike, so that only ages within the same week are compared: least squares of ln(value) on age with
    a constant for every week, the interval by Student's t with White's errors as J. MacKinnon and H. White correct
    them for few points ("Some heteroskedasticity-consistent covariance matrix estimators", Journal of Econometrics
    1985, HC3). NaN bounds where fewer than two judgements are left over; all NaN where no week has two ages. Raises
    `InputError` for a value that is not above zero.
    """
    bad = accuracy["value"] <= 0
    if bad.any():
        raise InputError(f"decay of accuracy: expected values above zero, found {accuracy.loc[bad, 'value'].iloc[0]:g}")
    known = accuracy.dropna(subset=["week", "age_weeks", "value"])
    known = known[known.groupby("week")["age_weeks"].transform("nunique") > 1]
    weeks, nan = known["week"].nunique(), float("nan")
    if not weeks:
        return Decay(nan, nan, nan, 0, 0)
    X = np.column_stack([known["age_weeks"].to_numpy(float), pd.get_dummies(known["week"]).to_numpy(float)])
    fit = OLS(np.log(known["value"].to_numpy(float)), X).fit()
    slope, df = fit.params[0], int(fit.df_resid)
    if df < LEAST_DF:
        return Decay(1 - np.exp(slope), nan, nan, len(known), weeks)
    reach = stats.t.isf((1 - confidence) / 2, df) * fit.get_robustcov_results("HC3").bse[0]
    bounds = (float(1 - np.exp(slope + side * reach)) for side in (0, 1, -1))
    return Decay(*bounds, len(known), weeks)


class Advice(NamedTuple):
    """Whether to retrain.

    Attributes:
        verdict: `retrain`, `wait` or `not enough data`.
        every_weeks: how often retraining costs least in all, or None where that is not known.
        loss_now: share of accuracy lost at the present age.
        weekly_loss: revenue lost a week at the present age, or None.
        reason: one sentence.
    """

    verdict: str
    every_weeks: float | None
    loss_now: float | None
    weekly_loss: float | None
    reason: str


def advise(
    found: Decay, age_weeks: float, limits: Monitoring, weekly_revenue: float | None = None, currency: str = ""
) -> Advice:
    """Retrain now or wait, from the measured decay, the model's age and what retraining costs.

    `weekly_revenue` is what recommendations add a week; revenue is taken to fall as accuracy does, which is an
    assumption and not measured. With it and `training_cost` of the settings, models are retrained so often that
    training and lost accuracy together cost least: every √(2 · cost / (revenue · decay)) weeks (F. Harris, "How many
    parts to make at once", 1913, for lots; here for weeks). Without, when `accuracy_loss` is reached. A decay whose
    interval holds zero asks for nothing; then the limit of age alone speaks.
    """
    limit = limits.max_model_age_weeks
    old = age_weeks >= limit
    by_age = f"the model is {age_weeks:.1f} weeks old, {'at or beyond' if old else 'below'} the limit of {limit}"
    if np.isnan(found.low):
        verdict = "retrain" if old else "not enough data"
        return Advice(verdict, None, None, None, f"Too few judgements tell how accuracy decays; {by_age}.")
    bounds = f"{found.per_week:.1%} a week, 95% interval {found.low:.1%} to {found.high:.1%}"
    loss = found.loss(age_weeks)
    if found.low <= 0:
        verdict = "retrain" if old else "wait"
        return Advice(verdict, None, loss, None, f"No decay is proven ({bounds}); {by_age}.")
    weekly = None if weekly_revenue is None else weekly_revenue * loss
    cost = limits.training_cost
    if weekly_revenue and cost is not None:
        every = float(np.sqrt(2 * cost / (weekly_revenue * found.per_week)))
        verdict = "retrain" if age_weeks >= every else "wait"
        money = f"retraining for {cost:,.0f} {currency}".rstrip()
        side = "older" if verdict == "retrain" else "younger"
        reason = f"Accuracy decays by {bounds}: {money} pays every {every:.1f} weeks, and the model is {side}."
        return Advice(verdict, every, loss, weekly, reason)
    lost = loss >= limits.accuracy_loss
    reached = f"{'at or beyond' if lost else 'below'} the limit of {limits.accuracy_loss:.0%}"
    reason = f"Accuracy decays by {bounds}, {loss:.1%} by now, {reached}; {by_age}."
    return Advice("retrain" if lost or old else "wait", None, loss, weekly, reason)
