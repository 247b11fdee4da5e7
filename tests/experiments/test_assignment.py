"""Assignment by hashing: stable, in its shares, and unrelated between experiments."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reco.errors import InputError
from reco.experiments.assignment import assign, independent, place
from reco.experiments.checks import sample_ratio

UNITS = pd.Series(np.arange(60_000))
THIRDS = {"A": 1, "B": 1, "C": 1}


def test_places_are_stable_for_good():
    # golden values: a change here would move every customer to another arm in the middle of a test
    assert place(pd.Series(["customer-1", "customer-2"]), "algorithm:arm").round(6).tolist() == [0.199299, 0.362609]


def test_places_are_uniform_and_those_of_the_text():
    places = place(UNITS, "algorithm:arm")
    assert stats.kstest(places, "uniform").pvalue > 0.001
    assert (place(UNITS.astype("str"), "algorithm:arm") == places).all()
    shuffled = UNITS.sample(frac=1, random_state=1)
    assert (place(shuffled, "algorithm:arm") == places[shuffled]).all()


@pytest.mark.parametrize("shares", [THIRDS, {"A": 0.9, "B": 0.1}, {"A": 2, "B": 1, "C": 1, "D": 4}])
def test_arms_have_their_shares(shares):
    arms = assign(UNITS, "algorithm", shares)
    assert sample_ratio(arms.value_counts().to_dict(), shares).p_value > 0.001


def test_experiments_are_unrelated_and_a_shared_salt_is_noticed():
    one, other = assign(UNITS, "algorithm", THIRDS), assign(UNITS, "placement", THIRDS)
    assert independent(one, other).passed
    assert not independent(one, assign(UNITS, "algorithm", {"x": 1, "y": 1})).passed
    assert independent(one, one.where(one == "A")).passed


def test_a_ramp_adds_units_and_moves_none():
    ten, half, whole = (assign(UNITS, "algorithm", THIRDS, ramp=share) for share in (0.1, 0.5, 1.0))
    assert ten.notna().mean() == pytest.approx(0.1, abs=0.005) and whole.notna().all()
    assert half[ten.notna()].equals(ten.dropna()) and whole[half.notna()].equals(half.dropna())
    assert sample_ratio(ten.value_counts().to_dict()).passed
    assert assign(UNITS, "algorithm", THIRDS, ramp=0).isna().all()


def test_slots_of_a_layer_never_meet_and_layers_do():
    one = assign(UNITS, "algorithm", THIRDS, layer="product page", slot=(0, 0.5))
    other = assign(UNITS, "placement", THIRDS, layer="product page", slot=(0.5, 1))
    assert not (one.notna() & other.notna()).any() and (one.notna() | other.notna()).all()
    third = assign(UNITS, "volume", THIRDS, layer="cart", slot=(0, 0.5))
    assert (one.notna() & third.notna()).mean() == pytest.approx(0.25, abs=0.01)


def test_the_holdout_is_the_same_for_all():
    one, other = (assign(UNITS, name, THIRDS, holdout=0.05) for name in ("algorithm", "placement"))
    assert one.isna().equals(other.isna()) and one.isna().mean() == pytest.approx(0.05, abs=0.004)


@pytest.mark.parametrize(
    "wrong",
    [
        {"shares": {"A": 1}},
        {"shares": {"A": 1, "B": 0}},
        {"slot": (0.5, 0.5), "layer": "cart"},
        {"slot": (0.0, 0.5)},
        {"ramp": 1.5},
        {"holdout": 1.0},
        {"experiment": ""},
    ],
)
def test_impossible_assignments_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        assign(UNITS, **{"experiment": "algorithm", "shares": THIRDS, **wrong})


def test_a_missing_unit_is_refused():
    with pytest.raises(InputError, match="units: 1 of 2 are missing"):
        place(pd.Series(["a", None]), "x")
