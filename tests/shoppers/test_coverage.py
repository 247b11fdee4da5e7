"""Intervals of the lift against a holdout hold what is true, in worlds of which the truth is known.

Two hundred tests here, each of shoppers whom no other has; a thousand worlds by tests/benchmarks/bench_shoppers.py.
"""

import numpy as np
import pytest
from scipy import stats

from reco.experiments.means import Estimate, compare_means
from reco.kpis import incremental
from reco.shoppers import Shopping, potential

RUNS, SHOPPERS, ASKED = 200, 250, 20


def test_the_lift_s_interval_holds_the_truth(tastes, policies):
    settings = Shopping(seed=11, shoppers=RUNS * SHOPPERS, weeks=4, unevenness=0.2)
    everyone = potential(tastes, [policies[0], policies[2]], settings).customers
    shown = (everyone["variant"] == "personal").to_numpy()
    everyone["revenue"] = np.where(shown, everyone["revenue_personal"], everyone["revenue_holdout"])
    everyone["attributed"] = 0.0
    held = []
    for run, test in enumerate(np.array_split(np.arange(len(everyone)), RUNS)):
        frame, saw = everyone.iloc[test], shown[test]
        arms = [frame["revenue"].to_numpy()[chosen] for chosen in (saw, ~saw)]
        effect = compare_means(*(Estimate(arm.mean(), arm.var(ddof=1) / len(arm), len(arm)) for arm in arms))
        low, high = saw.sum() * effect.effect_low, saw.sum() * effect.effect_high
        if run < ASKED:  # what `incremental` says; it takes its time for all else that it tells
            found = incremental(frame[["customer_id", "variant", "revenue", "attributed"]], holdout="holdout")
            row = found.table.set_index("what").loc["incremental"]
            assert (found.lift_low, found.lift_high) == pytest.approx((effect.relative_low, effect.relative_high))
            assert (row["low"], row["high"]) == pytest.approx((low, high))
        lift = frame["revenue_personal"].sum() / frame["revenue_holdout"].sum() - 1
        added = (frame["revenue_personal"] - frame["revenue_holdout"])[saw].sum()
        held.append((effect.relative_low <= lift <= effect.relative_high, low <= added <= high))
    least, most = stats.binom.interval(0.998, RUNS, 0.95)
    for covered in np.sum(held, axis=0):
        assert least <= covered <= most
