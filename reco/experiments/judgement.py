"""A log of exposures from its rows to a decision: analysis, the course of its days, and what follows by the rule."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from reco.experiments.analysis import Analysis, analyze
from reco.experiments.courses import course, looks
from reco.experiments.decision import decide
from reco.experiments.metrics import Metric
from reco.experiments.moments import Part
from reco.experiments.outcomes import Decision, Progress, Reading
from reco.experiments.sequential import METHODS
from reco.settings import Rule


class Judged(NamedTuple):
    """What a log says.

    Attributes:
        analysis: of the whole log.
        course: what each day's look at the first metric may say (see `courses.course`); empty where the rule looks only
            once.
        decision: what follows, by the rule.
    """

    analysis: Analysis
    course: pd.DataFrame
    decision: Decision


def judge(
    log: pd.DataFrame,
    metrics: Sequence[Metric],
    *,
    control: str,
    rule: Rule,
    reading: Reading,
    unit: str | None,
    conversions: Part,
    time: str,
    variant: str = "variant",
    guardrails: Mapping[Metric, float] | None = None,
    names: Mapping[str, str] | None = None,
    planned_days: int = 0,
) -> Judged:
    """Analyze a log, look at each of its days, and decide.

    Args:
        log: a row an exposure with its outcomes.
        metrics: in preferred order; each counts only where those before it did, and the first decides.
        control, unit, variant, guardrails: as `analyze` takes them.
        rule, reading, names: as `decide` takes them.
        conversions: what the rule's least number of conversions counts; part of one of the metrics.
        time: column with the moment of each row; days are those of UTC.
        planned_days: length planned, if longer than the log and the rule's least.
    """
    days = log.assign(day=log[time].dt.tz_convert("UTC").dt.date)
    options = {"control": control, "confidence": rule.confidence}
    result = analyze(
        log, unit=unit, variant=variant, metrics=metrics, guardrails=guardrails, correction="ordered", **options
    )
    length = int(days["day"].nunique())
    planned, followed = max(length, rule.min_days, planned_days), pd.DataFrame()
    if rule.looks != "fixed":
        cumulated = looks(days, metrics[0], variant=variant, unit=unit, day="day")
        followed = course(cumulated, metrics[0], planned=planned, method=METHODS[rule.looks], **options)
    counted = {arm: m.total(conversions) for arm, m in result.moments.items()}
    decision = decide(
        result,
        followed if len(followed) else None,
        rule,
        metric=metrics[0],
        control=control,
        progress=Progress(length, planned, counted),
        reading=reading,
        names=names,
    )
    return Judged(result, followed, decision)
