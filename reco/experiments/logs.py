"""Logs of impressions as experiments: whose rows belong together, and the click-through rate of each arm."""

from collections.abc import Mapping
from typing import get_args

import pandas as pd

from reco.columns import Columns
from reco.experiments.analysis import Analysis, analyze
from reco.experiments.checks import Check, enough
from reco.experiments.design import MIN_CONVERSIONS, MIN_DAYS
from reco.experiments.judgement import Judged, judge
from reco.experiments.metrics import Rate, Ratio
from reco.experiments.outcomes import Reading
from reco.experiments.rates import rates
from reco.settings import Rule
from reco.workbook import Workbook


def arms(log: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """What was logged, by context and arm: impressions, clicks, their rate, first and last time."""
    place = [Columns.CONTEXT, Columns.VARIANT]
    times = log.groupby(place, observed=True)[Columns.SHOWN_AT].agg(first="min", last="max").reset_index()
    return rates(log, place, Columns.CLICKED, confidence).merge(times, on=place)


def click_metric(log: pd.DataFrame, unit: str | None = None) -> tuple[str | None, Rate | Ratio]:
    """The unit of a log and its click-through rate.

    With `unit`, or where the log knows every customer, clicks per impression by the delta method over units.
    Else every impression counts as independent, with Newcombe's interval.
    """
    if unit is None and log[Columns.CUSTOMER].notna().all():
        unit = Columns.CUSTOMER
    return unit, Rate(Columns.CLICKED) if unit is None else Ratio(Columns.CLICKED)


def analyze_clicks(log: pd.DataFrame, *, control: str, unit: str | None = None, confidence: float = 0.95) -> Analysis:
    """Click-through rate by arm of a log of impressions; see `click_metric` for its unit."""
    unit, metric = click_metric(log, unit)
    return analyze(log, unit=unit, control=control, metrics=[metric], confidence=confidence)


def judge_clicks(
    log: pd.DataFrame, *, control: str, rule: Rule, names: Mapping[str, str], lift: float = 0.1, power: float = 0.8
) -> Judged:
    """Decide a log of impressions on its clicks, by `rule`; `names` is how readers call the arms.

    `lift` and `power` are what the next test is planned for. Clicks are the conversions.
    """
    unit, metric = click_metric(log)
    return judge(
        log,
        [metric],
        control=control,
        rule=rule,
        reading=Reading("click-through rate", counts="clicks", lift=lift, power=power),
        unit=unit,
        conversions=metric.parts[0],
        time=Columns.SHOWN_AT,
        variant=Columns.VARIANT,
        names=names,
    )


def minima(log: pd.DataFrame) -> list[Check]:
    """Whether the log has the days, and its poorest arm the clicks, that any test must have before it stops."""
    days = log[Columns.SHOWN_AT].dt.date.nunique()
    clicks = log.groupby(Columns.VARIANT, observed=True)[Columns.CLICKED].sum().min()
    return [enough("days", days, MIN_DAYS), enough("clicks in each arm", clicks, MIN_CONVERSIONS)]


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
