"""Published tests read as moments: what is flawed is named, verdicts are those of `watch`, peeking claims too much."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from reco.errors import InputError
from reco.experiments import drawings, snapshots
from reco.experiments.moments import Moments, Part
from reco.experiments.schedules import many_bounds
from reco.experiments.sequential import bounds, watch
from reco.report import display

FILE = Path(__file__).resolve().parents[2] / "data" / "asos_digital_experiments.parquet"
DAYS = 10


@pytest.fixture(scope="module")
def asos():
    return snapshots.read(FILE)


def made(effect=0.0, experiment="e", variant=1, metric=2, **changes):
    """Ten daily snapshots of two arms with 1,000 new units a day, mean 2, variance 9 and an effect."""
    n = 1000.0 * np.arange(1, DAYS + 1)
    frame = pd.DataFrame(
        {"experiment": experiment, "variant": variant, "metric": metric, "day": np.arange(1.0, DAYS + 1)}
    )
    columns = {"n_c": n, "n_t": n, "mean_c": 2.0, "mean_t": 2.0 + effect, "variance_c": 9.0, "variance_t": 9.0}
    return frame.assign(**columns | changes)


def test_what_was_published(asos):
    # Liu, Cardoso, Couturier and McCoy, NeurIPS 2021: 78 tests, 99 treatments, 4 metrics, 24,153 snapshots
    assert len(asos) == 24_153
    assert asos["experiment"].nunique() == 78
    assert len(asos.drop_duplicates(["experiment", "variant"])) == 99
    assert sorted(asos["metric"].unique()) == [1, 2, 3, 4]


def test_only_the_first_metric_is_yes_or_no(asos):
    for metric, rows in asos.groupby("metric"):
        as_rate = rows["mean_c"] * (1 - rows["mean_c"])
        assert np.allclose(rows["variance_c"], as_rate, atol=1e-12) == (metric in snapshots.RATES)


def test_flaws_are_counted_and_none_is_lost(asos):
    found = snapshots.flawed(asos).set_index("flaw")
    assert found.loc["variance missing", "snapshots"] == asos[["variance_c", "variance_t"]].isna().any(axis=1).sum()
    assert found.loc["fewer than 2 units", "snapshots"] == (asos["n_c"] < 2).sum() == 8
    assert found.loc[~found["used"], "snapshots"].sum() + snapshots.flaws(asos).isin(snapshots.USED).sum() == len(asos)


@pytest.fixture(scope="module")
def few(asos):
    """Tests of all kinds: three arms, no variance at all, unequal arms, arms out of step."""
    return asos[asos["experiment"].isin(["0bad33", "3b4300", "eeefa3", "162a38", "329386", "df31d1"])]


@pytest.fixture(scope="module")
def judged(few):
    return snapshots.judge(few)


def test_one_row_each(few, judged):
    keys = few[snapshots.SERIES].drop_duplicates()
    assert len(judged) == len(keys) and not judged.duplicated(snapshots.SERIES).any()
    assert judged["snapshots"].sum() == len(few)
    assert judged["flawed"].sum() == (~snapshots.flaws(few).isin(snapshots.USED)).sum()


@pytest.mark.parametrize("key", [("0bad33", 1, 2), ("eeefa3", 3, 1)])
def test_verdicts_are_those_of_watch(few, judged, key):
    course = snapshots.follow(few, *key)
    row = judged.set_index(snapshots.SERIES).loc[key]
    clear = course[course["verdict"].isin(["better", "worse"])]
    words = {"better": "higher", "worse": "lower", "tie": "tie"}
    assert row["sequential"] == words[course["verdict"].iloc[-1]]
    assert (clear["day"].iloc[0] if len(clear) else None) == (None if np.isnan(row["decided"]) else row["decided"])
    last = course.iloc[-1]
    found = row[["effect", "effect_low", "effect_high", "p_value"]].astype(float)
    np.testing.assert_allclose(found, last[found.index].astype(float), rtol=2e-2)
    np.testing.assert_allclose(found["effect"], last["effect"], rtol=1e-9)


def test_limits_of_many_are_those_of_one():
    rng, cases = np.random.default_rng(3), []
    for looks in (1, 2, 9, 25):
        known = rng.uniform(0.05, 1, looks).cumsum()
        cases.append((np.arange(1, looks + 1) / looks, known))
    cases.append((np.array([0.2, 0.2, 0.5, 0.7, 1.0]), np.array([1.0, 1.0, 2.0, 2.0, 3.0])))  # looks without a limit
    times, known = np.ones((2, len(cases), 25))
    for row, (time, knows) in enumerate(cases):
        times[row, : len(time)], known[row, : len(knows)] = time, knows
    counts, alpha = np.array([len(time) for time, _ in cases]), np.array([0.05, 0.025, 0.05, 0.05, 0.05])
    found = many_bounds(times, known, counts, alpha)
    for row, (time, knows) in enumerate(cases):
        expected = bounds(time, alpha[row], information=knows)
        np.testing.assert_allclose(found[row, : len(time)], expected, rtol=1e-5)
        assert np.isinf(found[row, len(time) :]).all()


def test_a_made_up_test_by_hand():
    # z of day d: effect / sqrt(2 * 9 / (1000 d)); 0.2 gives 1.49, 2.11, 2.58, …, 4.71
    table = snapshots.judge(made(0.2)).iloc[0]
    z = 0.2 / np.sqrt(18 / (1000 * np.arange(1, 11)))
    limits = bounds(np.arange(1, 11) / 10)
    assert table["decided"] == 1 + int(np.argmax(z > limits)) < DAYS
    assert table["saved"] == pytest.approx(1 - table["decided"] / DAYS)
    assert (table["claim"], table["claimed"], table["stood"]) == ("higher", 2, True)
    assert table["p_value"] == pytest.approx(2 * norm.sf(z[-1]))
    assert table["effect_low"] == pytest.approx(0.2 - limits[-1] * np.sqrt(18 / 10_000), rel=1e-5)
    assert (table["sample_ratio"], table["verdict"]) == ("kept", "higher")
    assert snapshots.judge(made(-0.2)).iloc[0]["verdict"] == "lower"


def test_a_claim_that_the_end_does_not_confirm():
    effect = np.where(np.arange(10) < 4, -0.17, 0.0)  # z of -1.27, -1.79, -2.19, -2.53, then 0
    table = snapshots.judge(made(effect)).iloc[0]
    assert (table["claim"], table["claimed"], table["stood"], table["sequential"]) == ("lower", 3, False, "tie")
    summary = snapshots.summarize(snapshots.judge(made(effect))).set_index("metric").loc["all"]
    assert (summary["claimed"], summary["unconfirmed"], summary["decided"]) == (1, 1, 0)


def test_peeking_looks_once_a_day():
    halves = made().assign(day=np.arange(1, 11) / 2)
    halves["mean_t"] = np.where(halves["day"] == 1.5, 2.17, 2.0)  # z of 2.19 at noon, none in the evening
    assert snapshots.judge(halves).iloc[0]["claim"] == "none"


def test_variants_share_the_level_and_metrics_do_not():
    two = pd.concat([made(0.13), made(0.0, variant=2), made(0.13, metric=3)], ignore_index=True)
    table = snapshots.judge(two).set_index(["variant", "metric"])
    width = table["effect_high"] - table["effect_low"]
    shared = 2 * bounds(np.arange(1, 11) / 10, 0.025)[-1] * np.sqrt(18 / 10_000)
    np.testing.assert_allclose(width, shared, rtol=1e-5)


def test_unequal_arms():
    lost = snapshots.judge(made(0.2, n_t=900.0 * np.arange(1, 11))).iloc[0]
    assert (lost["sample_ratio"], lost["sequential"], lost["verdict"]) == ("alarm", "higher", "not trustworthy")
    planned = snapshots.judge(made(0.2, n_t=100.0 * np.arange(1, 11))).iloc[0]
    assert planned["sample_ratio"] == "plan unknown" and np.isnan(planned["ratio_p"])


def test_flawed_snapshots_are_left_out_and_said():
    broken = made(0.2)
    broken.loc[0, "n_c"], broken.loc[1, "variance_t"], broken.loc[2, "variance_c"] = 1, np.nan, 0
    assert snapshots.flaws(broken).tolist()[:3] == ["fewer than 2 units", "variance missing", "no variation"]
    assert snapshots.judge(broken).loc[0, "flawed"] == 3
    ends = made(0.0)
    ends.loc[9, "variance_t"] = np.nan
    row = snapshots.judge(ends).iloc[0]
    assert row["sequential"] == "no verdict" and np.isnan(row["p_value"])
    none = snapshots.judge(made(variance_t=np.nan)).iloc[0]
    assert none["sequential"] == none["open"] == "no verdict" and none["flawed"] == DAYS
    with pytest.raises(InputError, match="no sound snapshot"):
        snapshots.looks(made(variance_t=np.nan), "e", 1, 2)


def test_one_arm_taken_later_than_the_other_decides_nothing():
    jumped = made(np.where(np.arange(10) == 6, 0.4, 0.0))  # z of 7.9 for one day
    assert snapshots.flaws(jumped).tolist() == [""] * 6 + ["arms out of step"] + [""] * 3
    assert snapshots.judge(jumped).iloc[0]["sequential"] == "tie"
    stays = made(np.where(np.arange(10) >= 6, 0.4, 0.0))  # an effect that stays is none of that
    assert (snapshots.flaws(stays) == "").all()


def test_snapshots_are_moments_that_add(few):
    looks, metric = snapshots.looks(few, "0bad33", 1, 4)
    days = list(looks["control"])
    later, earlier = looks["control"][days[-1]], looks["control"][days[0]]
    again = (later - earlier) + earlier
    np.testing.assert_allclose(again.products, later.products, rtol=1e-12)
    row = few.query("experiment == '0bad33' and variant == 1 and metric == 4").iloc[-1]
    assert later.total(Part("metric 4")) / later.n == pytest.approx(row["mean_c"], rel=1e-12)
    assert later.variance({Part("metric 4"): 1.0}) == pytest.approx(row["variance_c"], rel=1e-9)
    assert isinstance(later, Moments) and metric.name == "metric 4"


def test_days_as_the_planned_end():
    looks, metric = snapshots.looks(made(0.1), "e", 1, 2)
    by_days = watch(looks, metric, control="control", planned=10, by="days")
    pd.testing.assert_frame_equal(by_days, watch(looks, metric, control="control", planned=10))
    assert watch(looks, metric, control="control", planned=20, by="days")["verdict"].iloc[-1] == "continue"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="count_c"), "no column 'count_c'"),
        (lambda f: pd.concat([f, f.head(1)]), "1 snapshots of a moment that has one already"),
        (lambda f: f.assign(variance_t=-1.0), "below zero"),
        (lambda f: f.assign(mean_t=np.inf), "not finite"),
    ],
)
def test_files_that_are_no_snapshots(tmp_path, change, message):
    file = tmp_path / "tests.parquet"
    change(pd.read_parquet(FILE).head(5)).to_parquet(file)
    with pytest.raises(InputError, match=message):
        snapshots.read(file)
    with pytest.raises(InputError, match="nowhere"):
        snapshots.read(tmp_path / "nowhere.parquet")


def test_pictures_show_what_their_words_say(few, judged):
    course = snapshots.follow(few, "0bad33", 1, 2)
    axes = drawings.draw_course(course, "A test").axes[0]
    dot = next(line for line in axes.lines if line.get_label() == "decided")
    assert f"from day {dot.get_xdata()[0]:g} on" in drawings.describe_course(course)
    assert "never leaves zero out" in drawings.describe_course(course.assign(verdict="continue"))
    panels = drawings.draw_stops(judged, "Tests").axes
    drawn = [sum(bar.get_height() for bar in panel.patches) for panel in panels]
    assert drawn == [judged["decided"].notna().sum(), judged["claimed"].notna().sum()]
    assert f"limits decide {drawn[0]:.0f}," in drawings.describe_stops(judged)


def test_the_numbers_behind_the_pictures(few, judged, monkeypatch):
    shown = []
    monkeypatch.setattr(display, "display", shown.append)
    course = snapshots.follow(few, "0bad33", 1, 2)
    course.loc[course.index[0], ["effect_low", "effect_high"]] = [-np.inf, np.inf]
    drawings.show_course(course, "A test", "One comparison")
    cells = shown[0].data.cells
    assert len(cells) == len(course)
    assert "(" not in cells["Effect so far"][0]  # a look that tells nothing has no interval
    assert f"{course['effect'].iloc[-1]:+.4f}".replace("-", "−") in cells["Effect so far"].iloc[-1]
    counts = drawings.stops(judged).drop(columns="up_to")
    ways = {way: counts.filter(like=way).to_numpy().sum() for way in drawings.WAYS}
    assert [*ways.values()] == [judged["decided"].notna().sum(), judged["claimed"].notna().sum()]
    drawings.show_stops(judged, "Tests", "All of them")
    assert 1 < len(shown[1].data.cells) <= 20
