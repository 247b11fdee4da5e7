"""What was sold by week, how its mix moved, and the clicks of every week."""

import ibis
import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint


def stability_index(expected: np.ndarray, found: np.ndarray) -> float:
    """Population stability index of two mixes of the same categories, from their counts.

    sum((f - e) * ln(f / e)) over the shares e and f, with half a count added to every category so that an empty one
    stays finite. Below 0.1 is usually read as stable, above 0.25 as a shift.

    >>> round(stability_index(np.array([50, 50]), np.array([50, 50])), 6)
    0.0
    """
    e = (expected + 0.5) / (expected + 0.5).sum()
    f = (found + 0.5) / (found + 0.5).sum()
    return float(((f - e) * np.log(f / e)).sum())


def weekly_mix(lines: ibis.Table, products: ibis.Table, end: pd.Timestamp, by: str = "category") -> pd.DataFrame:
    """Lines sold by week (rows; 0 is the week that ends at `end`, -1 the one before) and value of `by` (columns).

    A week is 168 hours; one without sales has zeros.
    """
    kinds = products.select("product_id", kind=products[by].fill_null("unknown"))
    joined = lines.filter(lines.quantity > 0).inner_join(kinds, "product_id")
    joined = joined.mutate(week=week_of(joined.ordered_at, end))
    counts = joined.filter(joined.week <= 0).group_by("week", "kind").aggregate(lines=ibis._.count()).execute()
    weeks = pd.RangeIndex(counts["week"].min() if len(counts) else 1, 1, name="week")
    return counts.pivot(index="week", columns="kind", values="lines").reindex(weeks).fillna(0).sort_index(axis=1)


def movers(mix: pd.DataFrame, baseline_weeks: int, most: int = 8) -> pd.DataFrame:
    """The categories whose share moved most in the latest week: category, before, latest, change (of shares)."""
    before, latest = mix.iloc[-baseline_weeks - 1 : -1].sum(), mix.iloc[-1]
    frame = pd.DataFrame({"before": before / before.sum(), "latest": latest / latest.sum()})
    frame["change"] = frame["latest"] - frame["before"]
    order = frame["change"].abs().sort_values(ascending=False, kind="stable").index[:most]
    return frame.loc[order].rename_axis("category").reset_index()


def mix_drift(mix: pd.DataFrame, baseline_weeks: int) -> pd.Series:
    """Stability index of every week's mix against the `baseline_weeks` before it.

    Missing where these are too few, and where nothing was sold in the week or before it.
    """
    earlier = mix.rolling(baseline_weeks).sum().shift(1)
    drift = {
        week: stability_index(earlier.loc[week].to_numpy(), mix.loc[week].to_numpy())
        for week in mix.index
        if earlier.loc[week].sum() > 0 and mix.loc[week].sum() > 0
    }
    return pd.Series(drift, name="drift").reindex(mix.index)


def weekly_performance(impressions: ibis.Table, end: pd.Timestamp, catalogue_size: int) -> pd.DataFrame:
    """By week (0 ends at `end`): impressions, clicks, ctr with its Wilson interval, products shown, coverage.

    Coverage is the share of `catalogue_size` products that were shown at least once in the week.
    """
    table = impressions.mutate(week=week_of(impressions.shown_at, end))
    by_week = table.group_by("week").aggregate(
        impressions=table.count(), clicks=table.clicked.sum(), products=table.product_id.nunique()
    )
    frame = by_week.filter(by_week.week <= 0).order_by("week").execute()
    low, high = proportion_confint(frame["clicks"], frame["impressions"], method="wilson")
    rates = {"ctr": frame["clicks"] / frame["impressions"], "ctr_low": low, "ctr_high": high}
    return frame.assign(**rates, coverage=frame["products"] / catalogue_size)


def week_of(moment: ibis.Value, end: pd.Timestamp) -> ibis.Value:
    """Number of the week of a moment: 0 holds the 168 hours before `end`, 1 what comes at `end` or after."""
    seconds = moment.epoch_seconds() - int(end.timestamp())
    return (seconds / (7 * 24 * 3600)).floor().cast("int64") + 1
