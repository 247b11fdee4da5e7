"""Options of a model, searched on validation folds, and what they gain over those it started from."""

import time
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import optuna
import pandas as pd
import yaml
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from reco.columns import Columns
from reco.evaluation import Interval, bootstrap, evaluate, paired_difference
from reco.interactions import Interactions
from reco.models import MODELS, make_model
from reco.models.base import Among, Range

optuna.logging.set_verbosity(optuna.logging.ERROR)

#: What an option may be in the settings.
Value = bool | int | float | str | None

#: Significant digits of floats that are tried, so that what is measured is what is written down.
DIGITS: Final = 4


class Fold(NamedTuple):
    """A part of the history to learn from, and what was taken right after it.

    Attributes:
        train: interactions before a moment.
        taken: user_id, item_id of what users took in the weeks from that moment; each of these users counts.
    """

    train: Interactions
    taken: pd.DataFrame


class Search(NamedTuple):
    """Result of `search`.

    Attributes:
        model: name of the model.
        options: the best options of the space, and those that held in every trial.
        value: mean NDCG@k of the best options with its bootstrap interval over users. The best of many trials looks
            better than it is: what it is worth, only weeks can tell that no trial has seen.
        gain: what they gain over the first trial, a paired difference over the same users; NaN where that failed.
        trials: one row a trial in the order tried: trial (from 0), ndcg, low, high (NaN where it failed), seconds,
            reason (why it failed, else None), and a column an option of the space.
    """

    model: str
    options: dict[str, Value]
    value: Interval
    gain: Interval
    trials: pd.DataFrame

    @property
    def yaml(self) -> str:
        """The best options as the section `models` of workbook.yaml."""
        return yaml.safe_dump({"models": {self.model: self.options}}, sort_keys=False, allow_unicode=True)


class _Trial(NamedTuple):
    options: dict[str, Value]
    per_user: pd.Series  # empty where it failed
    seconds: float
    reason: str | None


def search(
    model: str,
    folds: Sequence[Fold],
    budget: int,
    k: int = 10,
    seed: int = 0,
    fixed: Mapping[str, Value] | None = None,
    start: Mapping[str, Value] | None = None,
    among: Among = "all",
    seconds: float | None = None,
) -> Search:
    """The options of a model's `space` with the best NDCG@k, of at most `budget` trials.

    A trial fits the model to each fold's `train` and asks it for the `k` best items of the users in `taken`: any, or
    only those that are `new` to them or that they have `seen`. A user counts with the mean over the folds in which
    they took something; a fold without recommendations for them is a zero.

    The first trial is the model as it stands: its defaults, or the options in `start` where given. The others come
    from a tree-structured Parzen estimator (J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl, "Algorithms for
    hyper-parameter optimization", NeurIPS 2011) as Optuna has it, seeded with `seed`. Of equal trials the first wins,
    so that nothing changes without a gain. A trial that raises `ValueError` has failed, and the search goes on.
    Options in `fixed`, and those in `start` outside the space, hold in every trial. After `seconds` no trial begins
    but the first.

    Raises `ValueError` for an unknown model or option, where there is nothing to search or nobody to measure by, and
    when every trial failed.
    """
    fixed, start = dict(fixed or {}), dict(start or {})
    stands = make_model(model, **start | fixed)
    space = {option: values for option, values in MODELS[model].space.items() if option not in fixed}
    held = {option: value for option, value in (start | fixed).items() if option not in space}
    if not space:
        raise ValueError(f"{model}: no option to search; its space has {', '.join(MODELS[model].space) or 'none'}")
    if not folds or any(fold.taken.empty for fold in folds):
        raise ValueError(f"{model}: expected folds, in each of which somebody took something")
    if budget < 1:
        raise ValueError(f"{model}: a budget of {budget} trials; expected 1 or more")

    begin, tried = time.perf_counter(), {}

    def attempt(options: dict[str, Value]) -> float:
        """NDCG of options, NaN where they fail; in a small space the same ones come again."""
        key = tuple(options.values())
        if key not in tried:
            tried[key] = _attempt(model, options, held, folds, k, among)
        return tried[key].per_user.mean()

    distributions = {option: _distribution(values) for option, values in space.items()}
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    options = {option: getattr(stands, option) for option in space}
    value = attempt(options)
    if value == value and all(_holds(values, options[option]) for option, values in space.items()):
        study.add_trial(create_trial(params=options, distributions=distributions, value=value))
    for _ in range(budget - 1):
        if seconds is not None and time.perf_counter() - begin >= seconds:
            break
        trial = study.ask(distributions)
        value = attempt({option: _readable(trial.params[option], values) for option, values in space.items()})
        failed = value != value
        study.tell(trial, None if failed else value, TrialState.FAIL if failed else TrialState.COMPLETE)
    return _result(model, list(tried.values()), space, held, seed)


def _attempt(
    model: str, options: dict[str, Value], held: dict[str, Value], folds: Sequence[Fold], k: int, among: Among
) -> _Trial:
    begin, per_user, reason = time.perf_counter(), pd.Series(dtype="float64"), None
    try:
        per_user = pd.concat([_measure(model, options | held, fold, k, among) for fold in folds])
        per_user = per_user.groupby(level=0).mean()
    except ValueError as error:
        reason = str(error)
    return _Trial(options, per_user, time.perf_counter() - begin, reason)


def _measure(model: str, options: dict[str, Value], fold: Fold, k: int, among: Among) -> pd.Series:
    """NDCG@k of each user who took something."""
    users = fold.taken[Columns.USER].drop_duplicates()
    lists = make_model(model, **options).fit(fold.train).lists(users, k, (among,))[among]
    return evaluate(lists, fold.taken, fold.train, k).per_user["ndcg"]


def _result(
    model: str, trials: list[_Trial], space: Mapping[str, Range | tuple], held: dict[str, Value], seed: int
) -> Search:
    if all(trial.per_user.empty for trial in trials):
        raise ValueError(f"{model}: every trial failed, the first because: {trials[0].reason}")
    measured = pd.concat([trial.per_user for trial in trials], axis=1).to_numpy()
    value, low, high = bootstrap(measured, seed=seed)
    best = int(np.nanargmax(value))
    about = {
        "trial": range(len(trials)),
        "ndcg": value,
        "low": low,
        "high": high,
        "seconds": [trial.seconds for trial in trials],
        "reason": pd.Series([trial.reason for trial in trials], dtype="object"),
    }
    for option, values in space.items():  # choices stay what they are, None among them
        dtype = None if isinstance(values, Range) else "object"
        about[option] = pd.Series([trial.options[option] for trial in trials], dtype=dtype)
    return Search(
        model,
        trials[best].options | held,
        Interval(float(value[best]), float(low[best]), float(high[best])),
        paired_difference(measured[:, best], measured[:, 0], seed=seed),
        pd.DataFrame(about),
    )


def _distribution(values: Range | tuple) -> BaseDistribution:
    if not isinstance(values, Range):
        return CategoricalDistribution(values)
    whole = isinstance(values.low, int) and isinstance(values.high, int)
    return (IntDistribution if whole else FloatDistribution)(values.low, values.high, log=values.log)


def _holds(values: Range | tuple, value: Value) -> bool:
    """Whether what may be tried includes `value`; an option may start elsewhere."""
    if isinstance(values, Range):
        return isinstance(value, int | float) and values.low <= value <= values.high
    return value in values


def _readable(value: Value, values: Range | tuple) -> Value:
    """A float without digits that nobody would write, still within its range.

    >>> _readable(0.123456, Range(0.0, 1.0)), _readable(2 / 3 * 1e-5, Range(1e-6, 1.0, log=True))
    (0.1235, 6.667e-06)
    """
    if not isinstance(value, float) or not isinstance(values, Range):
        return value
    return min(max(float(f"{value:.{DIGITS}g}"), values.low), values.high)
