"""Who sees which variant: by hashing, so that it is the same tomorrow, on every server, without a table of it."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

import numpy as np
import pandas as pd
from scipy import stats

from reco.errors import InputError
from reco.experiments.checks import ALARM, Check

#: Salt of the holdout, the same for all experiments, so that its units are in none of them.
HOLDOUT: Final = "holdout"


def place(units: pd.Series, salt: str) -> np.ndarray:
    """A number from 0 up to 1 for each unit, the same whenever unit and salt are, unrelated between salts.

    SipHash of the unit's text, keyed by the salt. Units 7 and "7" are the same; their order does not matter.

    >>> place(pd.Series(["a", "b"]), "test").round(3).tolist() == place(pd.Series(["a", "b"]), "test").round(3).tolist()
    True
    """
    if missing := int(units.isna().sum()):
        raise InputError(f"units: {missing:,} of {len(units):,} are missing")
    key = sha256(salt.encode()).hexdigest()[:16]
    hashed = pd.util.hash_array(units.astype("str").to_numpy(dtype=object), hash_key=key, categorize=True)
    return (hashed >> np.uint64(11)) * 2.0**-53


def assign(
    units: pd.Series,
    experiment: str,
    shares: Mapping[str, float],
    *,
    layer: str | None = None,
    slot: tuple[float, float] = (0.0, 1.0),
    ramp: float = 1.0,
    holdout: float = 0.0,
) -> pd.Series:
    """The arm of each unit, missing where the unit is not in the experiment.

    Args:
        units: identifiers of what is randomized.
        experiment: name, the salt of its arms: another experiment mixes the same units anew.
        shares: of the arms, in an order that stays.
        layer, slot: experiments that must not meet share a layer and take slots of it that do not overlap.
        ramp: share of the units that may enter so far. Raising it adds units and moves none.
        holdout: share of units that are kept out of all experiments.
    """
    weights = np.array(list(shares.values()), dtype=float)
    low, high = slot
    wrong = [
        (not experiment, f"experiment: expected a name, found {experiment!r}"),
        (len(weights) < 2 or not (weights > 0).all() or not np.isfinite(weights).all(),
         f"shares: expected numbers above 0 for two arms or more, found {dict(shares)}"),
        (not 0 <= low < high <= 1, f"slot: expected a part of 0 to 1, found {slot}"),
        (slot != (0.0, 1.0) and layer is None, f"slot: {slot} is a part of no layer"),
        (not 0 <= ramp <= 1, f"ramp: expected a share from 0 to 1, found {ramp}"),
        (not 0 <= holdout < 1, f"holdout: expected a share from 0 up to 1, found {holdout}"),
    ]  # fmt: skip
    for is_wrong, message in wrong:
        if is_wrong:
            raise InputError(message)
    enters = place(units, f"{experiment}:ramp") < ramp
    if holdout:
        enters &= place(units, HOLDOUT) >= holdout
    if layer is not None:
        at = place(units, f"layer:{layer}")
        enters &= (at >= low) & (at < high)
    edges = weights.cumsum() / weights.sum()
    arm = np.searchsorted(edges[:-1], place(units, f"{experiment}:arm"), side="right")
    names = pd.Series(np.array([str(name) for name in shares], dtype=object)[arm], units.index, dtype="str")
    return names.where(enters).rename("variant")


def independent(one: pd.Series, other: pd.Series) -> Check:
    """Whether the arms of two experiments, by unit, have nothing to do with each other: chi-square, alarm at 0.001."""
    both = pd.DataFrame({"one": one, "other": other}).dropna()
    table = pd.crosstab(both["one"], both["other"])
    if min(table.shape, default=0) < 2:
        return Check("independent assignment", True, np.nan, np.nan, f"{len(both):,} units in several arms of both")
    result = stats.chi2_contingency(table)
    detail = f"{len(both):,} units are in both experiments"
    return Check("independent assignment", bool(result.pvalue >= ALARM), result.statistic, result.pvalue, detail)
