"""From a log of exposures and outcomes to a verdict for each variant and metric."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, get_args

import ibis
import numpy as np
import pandas as pd
from scipy.stats import norm

from reco.errors import InputError
from reco.experiments import checks
from reco.experiments.inputs import Inputs, read
from reco.experiments.metrics import Metric, Rate
from reco.experiments.moments import Moments
from reco.experiments.multiplicity import Correction, dunnett, dunnett_level, holm, shared
from reco.experiments.verdicts import add_verdicts, guard

COLUMNS: Final = (
    "metric", "variant", "value", "control_value", "effect", "effect_low", "effect_high", "relative",
    "relative_low", "relative_high", "statistic", "p_value", "p_adjusted", "verdict",
)  # fmt: skip


class Analysis(NamedTuple):
    """What an experiment showed.

    Attributes:
        checks: one row a check (check, passed, statistic, p_value, detail).
        table: one row a metric and variant against the control; intervals are for each comparison by itself,
            `p_adjusted` is by the correction asked for, and the verdict needs both.
        moments: the sums by arm that all of it was computed from.
        correction: the correction that was applied, in words.
        simultaneous: metric, variant, effect_low, effect_high, relative_low, relative_high: intervals all of which
            hold together at the confidence asked for.
        guardrails: metric, variant, relative, relative_low, relative_high, margin, verdict of what must not get worse.
    """

    checks: pd.DataFrame
    table: pd.DataFrame
    moments: dict[str, Moments]
    correction: str = ""
    simultaneous: pd.DataFrame = pd.DataFrame()
    guardrails: pd.DataFrame = pd.DataFrame()


def analyze(
    frame: "pd.DataFrame | ibis.Table",
    *,
    unit: str | None = "user_id",
    variant: str = "variant",
    control: str | int = "A",
    metrics: Sequence[str | Metric],
    confidence: float = 0.95,
    shares: Mapping[str, float] | None = None,
    correction: Correction = "holm",
    guardrails: Mapping[str | Metric, float] | None = None,
    exposed_at: str | None = None,
    outcome_at: str | None = None,
    now: pd.Timestamp | None = None,
) -> Analysis:
    """Compare every arm with the control on every metric, after checking that the comparison is fair.

    Args:
        frame: a row an exposure, with its outcomes: a pandas frame, or an Ibis table that is summed where it lies.
        unit: column of what was assigned to an arm at random (a user, say); all rows of a unit are rolled up
            first, since they are not independent. None takes every row as its own unit: right only if rows were
            assigned one by one.
        variant: column of the arm.
        control: the arm that the others are compared with.
        metrics: column names, `Rate`, `Mean` or `Ratio`; a plain column name stands for its rate where it holds
            only 0 and 1, for its mean per unit otherwise. More counts as better.
        confidence: level of the intervals; one minus it is the level of the tests.
        shares: planned share of units by arm, equal by default.
        correction: `holm` over all rows; `dunnett` over the arms, times the number of metrics; `ordered` takes
            the metrics in the order given, each counting only where those before it did, times the number of arms;
            `none`.
        guardrails: metrics that must not get worse, each with the relative loss that is still borne. Their tests are
            not corrected: all must hold for a variant to be safe. Schultzberg, Ankargren and Frånberg,
            "Risk-aware product decisions in A/B tests with multiple metrics", arXiv 2402.11609.
        exposed_at, outcome_at: columns with the times of exposure and outcome, to check their order.
        now: the moment after which nothing may be dated.

    Raises `InputError` for a missing column, an empty arm, a single arm, or outcomes that are not numbers.
    """
    if not 0.5 < confidence < 1:
        raise InputError(f"confidence: expected a share between 0.5 and 1, found {confidence}")
    if correction not in get_args(Correction):
        raise InputError(f"correction: expected {', '.join(get_args(Correction))}, found {correction!r}")
    if not metrics:
        raise InputError("metrics: expected at least one")
    control, guards = str(control), dict(guardrails or {})
    if wrong := [margin for margin in guards.values() if not 0 < margin < 1]:
        raise InputError(f"guardrails: expected relative losses between 0 and 1, found {wrong[0]}")
    asked = [*metrics, *(metric for metric in guards if metric not in metrics)]
    times = {"exposed_at": exposed_at, "outcome_at": outcome_at, "now": now}
    inputs = read(frame, asked, variant=variant, unit=unit, **times)
    if len(set(inputs.metrics)) < len(inputs.metrics):
        raise InputError(f"metrics: {', '.join(metric.name for metric in inputs.metrics)} are not all different")
    moments = inputs.moments
    _comparable(moments, inputs.metrics, control, shares)
    general = _general_checks(inputs, shares, exposed_at, outcome_at, now)
    by_metric = {metric: _metric_checks(metric, inputs, control) for metric in inputs.metrics}
    fair = all(check.passed for check in general)
    trusted = {metric: fair and all(check.passed for check in found) for metric, found in by_metric.items()}
    judged = inputs.metrics[: len(metrics)]
    rivals = len(moments) - 1
    table = _compare(judged, moments, control, confidence)
    table["trusted"] = np.repeat([trusted[metric] for metric in judged], rivals)
    adjusted = _adjust(table, judged, moments, control, correction)
    found = [*general, *(check for metric in by_metric for check in by_metric[metric])]
    named = [(inputs.metrics[asked.index(metric)], margin) for metric, margin in guards.items()]
    return Analysis(
        checks.as_frame(found),
        add_verdicts(table, 1 - confidence, adjusted)[list(COLUMNS)],
        moments,
        _in_words(correction, len(judged), rivals),
        _simultaneous(judged, moments, control, confidence),
        _guard(named, moments, control, confidence, trusted),
    )


def analyze_by(frame: "pd.DataFrame | ibis.Table", by: str, **options: object) -> Analysis:
    """`analyze` within each value of `by`, with Holm's correction over all of it; `by` leads both tables.

    A table in a database is filtered and summed where it lies, once for each value.

    An effect that stands out in one of many segments is a reason for a new test, not a finding.
    """
    if by not in frame.columns:
        raise InputError(f"no values of {by!r} to tell segments by")
    if isinstance(frame, ibis.Table):
        keys = frame.filter(frame[by].notnull()).select(by).distinct().to_pyarrow().column(0).to_pylist()
        groups = ((key, frame.filter(frame[by] == key)) for key in sorted(keys))
    else:
        groups = frame.groupby(by, observed=True)
    parts = {segment: analyze(rows, **options) for segment, rows in groups}
    if not parts:
        raise InputError(f"no values of {by!r} to tell segments by")
    checked = pd.concat({s: part.checks for s, part in parts.items()}, names=[by]).reset_index(by)
    table = pd.concat({s: part.table for s, part in parts.items()}, names=[by]).reset_index(by)
    trusted = table.pop("verdict") != "not trustworthy"
    table = add_verdicts(table.assign(trusted=trusted), 1 - float(options.get("confidence", 0.95)))
    moments = {f"{s} {arm}": m for s, part in parts.items() for arm, m in part.moments.items()}
    return Analysis(
        checked.reset_index(drop=True),
        table[[by, *COLUMNS]].reset_index(drop=True),
        moments,
        f"Holm over {len(table)} comparisons in {len(parts)} segments",
    )


def _general_checks(
    inputs: Inputs,
    shares: Mapping[str, float] | None,
    exposed_at: str | None,
    outcome_at: str | None,
    now: pd.Timestamp | None,
) -> list[checks.Check]:
    """Checks of the experiment as a whole."""
    found = [checks.sample_ratio({arm: m.n for arm, m in inputs.moments.items()}, shares)]
    if inputs.units is not None:
        found.append(checks.one_arm_each(inputs.crossed, inputs.units))
    if exposed_at is not None and outcome_at is not None:
        found.append(checks.after_exposure(inputs.early))
    if now is not None and (exposed_at or outcome_at):
        found.append(checks.not_in_future(inputs.future, now))
    return found


def _metric_checks(metric: Metric, inputs: Inputs, control: str) -> list[checks.Check]:
    """Checks of one metric."""
    moments = inputs.moments
    constant = [arm for arm, m in moments.items() if not metric.varies(m)]
    found = [checks.outcome_varies(metric.name, constant, len(moments))]
    if not (isinstance(metric, Rate) or metric.signed):
        columns = dict.fromkeys(part.column for part in metric.parts if part.column is not None)
        found += [checks.none_below_zero(c, inputs.negative[c]) for c in columns if inputs.negative[c]]
    past = {arm: metric.compare_past(m, moments[control]) for arm, m in moments.items() if arm != control}
    if all(effect is not None for effect in past.values()):
        with_past = sum(getattr(other, "past", None) is not None for other in inputs.metrics)
        found.append(checks.alike_before(metric.name, past, with_past))
    return found


def _compare(
    metrics: Sequence[Metric], moments: Mapping[str, Moments], control: str, confidence: float
) -> pd.DataFrame:
    """One row a metric and arm."""
    base, rows = moments[control], []
    for metric in metrics:
        for arm, m in moments.items():
            if arm != control:
                value, control_value = metric.values(m, base)
                row = {"metric": metric.name, "variant": arm, "value": value, "control_value": control_value}
                rows.append(row | metric.compare(m, base, confidence)._asdict())
    return pd.DataFrame(rows)


def _ties(metric: Metric, moments: Mapping[str, Moments], control: str) -> np.ndarray:
    """How the comparisons of a metric hang together through the control."""
    spread = {arm: metric.spread(m) / m.n for arm, m in moments.items()}
    rivals = [value for arm, value in spread.items() if arm != control]
    if spread[control] <= 0 or min(rivals) <= 0:  # a constant arm: as if unrelated, which corrects the most
        return np.zeros(len(rivals))
    return shared(spread[control], rivals)


def _adjust(
    table: pd.DataFrame, metrics: Sequence[Metric], moments: Mapping[str, Moments], control: str, correction: Correction
) -> np.ndarray:
    """Adjusted p-values in the order of the table, metric by metric."""
    p_values = table["p_value"].to_numpy()
    if correction == "none":
        return p_values
    if correction == "holm":
        return holm(p_values)
    by_metric = p_values.reshape(len(metrics), -1)
    if correction == "ordered":
        return np.minimum(1, np.maximum.accumulate(by_metric, axis=0) * by_metric.shape[1]).ravel()
    # p-values carry the small-sample quantiles of their own tests; as z they enter Dunnett's large-sample integral
    rows = [dunnett(norm.isf(p / 2), _ties(m, moments, control)) for m, p in zip(metrics, by_metric, strict=True)]
    return np.minimum(1, len(metrics) * np.array(rows)).ravel()


def _simultaneous(
    metrics: Sequence[Metric], moments: Mapping[str, Moments], control: str, confidence: float
) -> pd.DataFrame:
    """Intervals that hold together: Dunnett over the arms, Bonferroni over the metrics."""
    alpha = (1 - confidence) / len(metrics)
    bounds = ["effect_low", "effect_high", "relative_low", "relative_high"]
    tables = [_compare([m], moments, control, 1 - dunnett_level(alpha, _ties(m, moments, control))) for m in metrics]
    return pd.concat(tables, ignore_index=True)[["metric", "variant", *bounds]]


def _guard(
    guards: Sequence[tuple[Metric, float]],
    moments: Mapping[str, Moments],
    control: str,
    confidence: float,
    trusted: Mapping[Metric, bool],
) -> pd.DataFrame:
    """Non-inferiority of every arm on every guardrail: one-sided tests at 1 − confidence."""
    columns = ["metric", "variant", "relative", "relative_low", "relative_high", "margin", "verdict"]
    tables = [
        _compare([metric], moments, control, 2 * confidence - 1).assign(
            margin=margin,
            verdict=lambda rows, margin=margin, metric=metric: [
                guard(row, margin, trusted[metric]) for row in rows.to_dict("records")
            ],
        )[columns]
        for metric, margin in guards
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def _in_words(correction: Correction, metrics: int, rivals: int) -> str:
    """What was corrected for.

    >>> _in_words("holm", 3, 2)
    'Holm over 6 comparisons (3 metrics, 2 variants)'
    """
    size = f"{metrics} metric{'s' * (metrics > 1)}, {rivals} variant{'s' * (rivals > 1)}"
    if metrics * rivals == 1:
        return "none needed for a single comparison"
    return {
        "holm": f"Holm over {metrics * rivals} comparisons ({size})",
        "dunnett": f"Dunnett over the variants, Bonferroni over the metrics ({size})",
        "ordered": f"metrics in their order, Bonferroni over the variants ({size})",
        "none": f"none for {metrics * rivals} comparisons ({size}): expect false wins",
    }[correction]


def _comparable(
    moments: Mapping[str, Moments],
    metrics: Sequence[Metric],
    control: str,
    shares: Mapping[str, float] | None,
) -> None:
    """Refuse arms that cannot be compared at all."""
    arms = ", ".join(moments)
    if control not in moments:
        raise InputError(f"no arm {control!r} to compare with; the arms are {arms or 'none'}")
    if empty := set(shares or ()) - set(moments):
        raise InputError(f"no rows in arm {', '.join(sorted(empty))}")
    if len(moments) < 2:
        raise InputError(f"nothing to compare: the only arm is {arms}")
    for arm, m in moments.items():
        if m.n < 2:
            raise InputError(f"arm {arm} has {m.n} unit; at least 2 are needed")
        for metric in metrics:
            quotients = () if isinstance(metric, Rate) else (metric.quotient, metric.past)
            for below in (quotient.below for quotient in quotients if quotient and quotient.below):
                if m.total(below) == 0:
                    raise InputError(f"{metric.name}: the total of {below.column} is zero in arm {arm}")
