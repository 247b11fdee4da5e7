"""The same effects by another road: regression on rows, with errors that know which rows belong together."""

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.stats import norm

from reco.errors import InputError


def clustered(
    frame: pd.DataFrame,
    numerator: str,
    denominator: str | None = None,
    *,
    unit: str = "user_id",
    variant: str = "variant",
    control: str | int = "A",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Differences of `numerator` per row, or per `denominator`, from the control, by least squares on all rows.

    Rows weigh by their denominator; errors are robust to dependence within a unit (Liang and Zeger, Biometrika 73,
    1986), as R's `sandwich::vcovCL` and Stata's `vce(cluster)` have them. Columns: variant, effect, effect_low,
    effect_high, error, p_value. A cross-check for `Ratio`, whose delta method needs no rows.
    """
    weights = np.ones(len(frame)) if denominator is None else frame[denominator].to_numpy(float)
    if not (weights > 0).all():
        raise InputError(f"{denominator}: expected a number above 0 in every row")
    arms = frame[variant].astype("str")
    rivals = sorted(set(arms) - {str(control)})
    if str(control) not in set(arms) or not rivals:
        raise InputError(f"{variant}: expected {control!r} and other arms, found {', '.join(sorted(set(arms)))}")
    design = sm.add_constant(np.column_stack([(arms == arm).to_numpy(float) for arm in rivals]))
    units = pd.factorize(frame[unit])[0]
    model = sm.WLS(frame[numerator].to_numpy(float) / weights, design, weights=weights)
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": units})
    effect, error = fit.params[1:], fit.bse[1:]
    margin = norm.ppf((1 + confidence) / 2) * error
    return pd.DataFrame(
        {
            "variant": rivals,
            "effect": effect,
            "effect_low": effect - margin,
            "effect_high": effect + margin,
            "error": error,
            "p_value": fit.pvalues[1:],
        }
    )
