"""Logs of impressions as experiments: whose rows belong together, and the click-through rate of each arm."""

from collections.abc import Mapping
from typing import get_args

import pandas as pd

from reco.columns import Columns
from reco.experiments.analysis import Analysis, analyze
from reco.experiments.checks import Check, enough
from reco.experiments.design import MIN_CONVERSIONS, MIN_DAYS
from reco.experiments.metrics import Rate, Ratio
from reco.experiments.rates import rates
from reco.experiments.verdicts import rate_sentence
from reco.workbook import Workbook


def arms(log: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """What was logged, by context and arm: impressions, clicks, their rate, first and last time."""
    place = [Columns.CONTEXT, Columns.VARIANT]
    times = log.groupby(place, observed=True)[Columns.SHOWN_AT].agg(first="min", last="max").reset_index()
    return rates(log, place, Columns.CLICKED, confidence).merge(times, on=place)


def analyze_clicks(log: pd.DataFrame, *, control: str, unit: str | None = None, confidence: float = 0.95) -> Analysis:
    """Click-through rate by arm of a log of impressions.

    With `unit`, or where the log knows every customer, clicks per impression by the delta method over units.
    Else every impression counts as independent, with Newcombe's interval.
    """
    if unit is None and log[Columns.CUSTOMER].notna().all():
        unit = Columns.CUSTOMER
    metric = Rate(Columns.CLICKED) if unit is None else Ratio(Columns.CLICKED)
    return analyze(log, unit=unit, control=control, metrics=[metric], confidence=confidence)


def minima(log: pd.DataFrame) -> list[Check]:
    """Whether the log has the days, and its poorest arm the clicks, that any test must have before it stops."""
    days = log[Columns.SHOWN_AT].dt.date.nunique()
    clicks = log.groupby(Columns.VARIANT, observed=True)[Columns.CLICKED].sum().min()
    return [enough("days", days, MIN_DAYS), enough("clicks in each arm", clicks, MIN_CONVERSIONS)]


def answer(
    result: Analysis, stop: list[Check], names: Mapping[str, str], control: str, confidence: float = 0.95
) -> str:
    """Who won and whether the test may stop, in sentences; `names` is how readers call the arms."""

    def name(arm: str) -> str:
        return names.get(arm, arm)

    short = " and ".join(check.detail for check in stop if not check.passed)
    won = [
        rate_sentence(row, name(row[Columns.VARIANT]), name(control), confidence=confidence, final=not short)
        for _, row in result.table.iterrows()
    ]
    verdict = f"It is too early to stop: the log has {short}." if short else "The test may stop."
    return " ".join([*won, verdict])


def sensitivity(log: pd.DataFrame, *, control: str, confidence: float = 0.95) -> pd.DataFrame:
    """The effect on clicks under three beliefs about which impressions belong together.

    Each impression by itself, those of one page view, those of one arm and hour. Where the interval hardly widens,
    dependence between impressions does not decide the result.
    """
    hour = log[Columns.VARIANT].astype("str") + " " + log[Columns.SHOWN_AT].dt.floor("h").astype("str")
    beliefs = {"impression": pd.Series(range(len(log)), log.index), "page view": page_views(log), "hour": hour}
    tables = {
        name: analyze_clicks(log.assign(unit=ids), control=control, unit="unit", confidence=confidence).table
        for name, ids in beliefs.items()
    }
    counts = pd.Series({name: ids.nunique() for name, ids in beliefs.items()}, name="units")
    return pd.concat(tables, names=["unit"]).reset_index("unit").merge(counts, left_on="unit", right_index=True)


def page_views(log: pd.DataFrame, within: str = "1ms") -> pd.Series:
    """A number for each page view: rows of one arm and context logged less than `within` after one another.

    The Open Bandit log names neither user nor page view, but the slots of a page are logged within a
    millisecond. In its sample all rows so found show different positions, and 99 % the same user features.
    """
    place = [Columns.CONTEXT, Columns.VARIANT]
    ordered = log.sort_values([*place, Columns.SHOWN_AT], kind="stable")
    gap = ordered.groupby(place, observed=True)[Columns.SHOWN_AT].diff()
    return (~(gap < pd.Timedelta(within))).cumsum().reindex(log.index)


def read_campaigns(workbook: Workbook) -> pd.DataFrame:
    """The experiment's log for every campaign that its source offers, told apart by `context`."""
    source = workbook.settings.experiments and workbook.settings.experiments.source
    field = type(source).model_fields.get("campaign")
    if field is None:
        return workbook.experiment_log()
    logs = []
    for campaign in get_args(field.annotation):
        chosen = source.model_copy(update={"campaign": campaign})
        experiments = workbook.settings.experiments.model_copy(update={"source": chosen})
        logs.append(Workbook(workbook.settings.model_copy(update={"experiments": experiments})).experiment_log())
    return pd.concat(logs, ignore_index=True)
