"""The course of a running test: what each look may say, beside what a single look at that moment would."""

from collections.abc import Mapping

import ibis
import numpy as np
import pandas as pd
from scipy.stats import norm

from reco.experiments.days import by_day
from reco.experiments.metrics import Metric
from reco.experiments.moments import Moments, cumulate
from reco.experiments.sequential import watch


def looks(
    frame: "pd.DataFrame | ibis.Table", metric: Metric, *, variant: str, unit: str | None, day: str
) -> dict[str, dict[object, Moments]]:
    """By arm and day, the moments of everything up to then: all that `sequential.watch` needs."""
    days = by_day(frame, metric.parts, variant=variant, unit=unit, day=day)
    return {arm: cumulate(found) for arm, found in days.items()}


def course(
    cumulated: Mapping[str, Mapping[object, Moments]],
    metric: Metric,
    *,
    control: str,
    planned: float,
    once: float | None = None,
    confidence: float = 0.95,
    **options: str,
) -> pd.DataFrame:
    """What `watch` says of daily looks, with the interval that is right for one look: a row a variant and look.

    `once` is the confidence of that interval, `confidence` by default; `options` are those of `watch`. Adds to its
    columns: day (looks so far, from 1), once_low, once_high.
    """
    table = watch(cumulated, metric, control=control, planned=planned, confidence=confidence, **options)
    pairs = zip(table["variant"], table["look"], strict=True)
    variances = np.array([metric.variance(cumulated[arm][look], cumulated[control][look]) for arm, look in pairs])
    margin = norm.ppf((1 + (once or confidence)) / 2) * np.sqrt(variances)
    day = table.groupby("variant", sort=False).cumcount() + 1
    return table.assign(day=day, once_low=table["effect"] - margin, once_high=table["effect"] + margin)
