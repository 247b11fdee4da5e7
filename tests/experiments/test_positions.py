"""Positions of one user are taken together."""

import ibis
import numpy as np
import pandas as pd
import pytest

from reco.errors import InputError
from reco.experiments import Ratio, analyze, analyze_by
from reco.experiments.positions import positions


@pytest.fixture(scope="module")
def log():
    """12,000 impressions of 800 users at six positions; B gains at the first two only."""
    rng = np.random.default_rng(6)
    user = np.repeat(rng.integers(0, 800, 2000), 6)
    place = np.tile(np.arange(1, 7), 2000)
    arm = np.array(list("AB"))[user % 2]
    chance = rng.beta(1, 3, 800)[user] / place * np.where((arm == "B") & (place < 3), 1.8, 1)
    return pd.DataFrame({"user_id": user, "variant": arm, "position": place, "clicked": rng.random(12000) < chance})


def test_each_position_is_its_rows_alone(log):
    result = positions(log)
    alone = analyze_by(log, "position", metrics=[Ratio("clicked")]).table
    pd.testing.assert_frame_equal(result.table[alone.columns], alone, rtol=1e-9, check_dtype=False)
    assert result.table["verdict"].tolist() == ["better"] * 2 + ["tie"] * 4
    assert result.shift["p_value"].iloc[0] < 0.001 and result.shift["freedom"].iloc[0] == 5 and not result.notes


def test_top_share_is_clustered_by_user(log):
    top = positions(log).top.iloc[0]
    clicks = log[log["clicked"]].assign(top=lambda rows: rows["position"] <= 3)
    share = clicks.groupby("variant")["top"].mean()
    assert top["value"] == pytest.approx(share["B"]) and top["control_value"] == pytest.approx(share["A"])
    alone = analyze(clicks.astype({"top": float}), metrics=[Ratio("top")]).table.iloc[0]
    assert top["effect_low"] == pytest.approx(alone["effect_low"], rel=0.05)
    assert "verdict" not in top


def test_a_table_in_a_database_is_a_frame(log):
    for one, other in zip(positions(log)[:4], positions(ibis.memtable(log))[:4], strict=True):
        pd.testing.assert_frame_equal(one, other, rtol=1e-6, check_dtype=False)


def test_positions_of_one_arm_and_arms_without_clicks_are_named(log):
    silent = log.assign(clicked=log["clicked"] & (log["variant"] == "A"))
    for wrap in (lambda frame: frame, ibis.memtable):
        short = positions(wrap(log[(log["variant"] == "A") | (log["position"] < 5)]))
        assert short.notes[0] == "position 5 is left out: fewer than 2 units in arm B" and len(short.notes) == 2
        assert short.table["position"].tolist() == [1, 2, 3, 4]
        none = positions(wrap(silent))
        assert none.notes == ("arm B has no clicks: no share of them in the top 3",) and none.top.empty
        assert set(none.table["verdict"]) <= {"worse", "tie"} and none.table["p_value"].notna().all()


def test_a_failed_check_replaces_every_verdict(log):
    lost = log[(log["variant"] == "A") | (log["user_id"] % 3 != 0)]
    assert set(positions(lost).table["verdict"]) == {"not trustworthy"}


def test_positions_are_numbers(log):
    for wrap in (lambda frame: frame, ibis.memtable):
        with pytest.raises(InputError, match="position: expected numbers"):
            positions(wrap(log.assign(position=log["position"].astype("str"))))
