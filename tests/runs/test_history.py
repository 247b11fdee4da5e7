"""The history of runs, what is removed of it in time, and what differs between two runs."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco.errors import InputError
from reco.runs.compare import differences, figures
from reco.runs.history import find, lines, prune, runs
from reco.runs.record import Entry, Facts, Outcome, Run, State, read

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FACTS = Facts(store="corner", title="Corner", settings_file="w.yaml", about=[], fingerprint="f" * 64, commit="c" * 40)


def entry(name="first", state=State.OK, **more):
    return Entry(name=name, title=name, question="?", key="k", outcome=Outcome(state=state), run="r", **more)


def record(age=0, *entries, **more):
    moment = NOW - timedelta(days=age)
    entries = entries or (entry(),)
    return Run(
        id=f"{moment:%Y%m%d-%H%M%S}-abc",
        created_at=moment,
        finished_at=moment + timedelta(seconds=42),
        facts=more.pop("facts", FACTS),
        notebooks={each.name: each for each in entries},
        **more,
    )


def write(store, run, latest=False):
    (store / run.id).mkdir(parents=True)
    run.write(store / run.id)
    if latest:
        (store / "latest").symlink_to(run.id)
    return run.id


@pytest.mark.parametrize(
    ("keep", "days", "left"),
    [
        (None, None, [0, 1, 2, 5, 9]),
        (3, None, [0, 1, 2, 9]),
        (1, None, [0, 9]),
        (None, 2, [0, 1, 2, 9]),
        (None, 1, [0, 1, 9]),
        (4, 1, [0, 1, 9]),
    ],
)
def test_old_runs_go_but_for_the_newest_and_the_one_that_latest_shows(tmp_path, keep, days, left):
    ids = {age: write(tmp_path, record(age), latest=age == 9) for age in (0, 1, 2, 5, 9)}
    removed = prune(tmp_path, keep, days, NOW)
    assert {age for age, run in ids.items() if (tmp_path / run).exists()} == set(left)
    assert set(removed) == {run for age, run in ids.items() if age not in left}
    assert [kept.run.id for kept in runs(tmp_path)] == list(ids.values())
    assert {kept.run.id for kept in runs(tmp_path) if kept.folder is None} == set(removed)
    assert read(tmp_path / "latest").id == ids[9]


def test_what_is_no_record_is_passed_over_and_goes_in_time(tmp_path):
    (tmp_path / "20260101-000000-aaa").mkdir()
    (tmp_path / "history").mkdir()
    (tmp_path / "history" / "20250101-000000-aaa.json").write_text("{")
    kept = write(tmp_path, record())
    assert [each.run.id for each in runs(tmp_path)] == [kept]
    assert prune(tmp_path, 1, None, NOW) == ["20260101-000000-aaa"]


def test_the_history_says_how_runs_ended(tmp_path):
    broken = Outcome(state=State.CELL_ERROR, sentence="No jam.", cell=3, heading="Counting")
    failed = record(0, entry().model_copy(update={"outcome": broken}), entry("second", State.SKIPPED))
    write(tmp_path, failed)
    good = write(tmp_path, record(1, entry(), entry("second", outdated=True)), latest=True)
    write(tmp_path, record(2))
    prune(tmp_path, 2, None, NOW)
    assert list(lines(tmp_path, 2)) == [
        f"{failed.id}  failed         42 s  1 cell error, 1 skipped",
        "    first: cell error in code cell 3, “Counting”. No jam.",
        f"{good}  ok             42 s  1 ok, 1 stale  ← latest",
        "… and 1 earlier",
    ]
    assert list(lines(tmp_path, 3))[-1].endswith("1 ok  (pages removed)")
    assert list(lines(tmp_path / "none", 3)) == [f"No run yet in {tmp_path / 'none'}"]


def test_a_run_is_found_by_the_beginning_of_its_id(tmp_path):
    first, second = write(tmp_path, record(0), latest=True), write(tmp_path, record(1))
    assert find(tmp_path, "latest").id == first
    assert find(tmp_path, second[:8]).id == second
    with pytest.raises(InputError, match="more than one run begins so"):
        find(tmp_path, "2026")
    with pytest.raises(InputError, match=f"no such run; expected latest or one of {first}"):
        find(tmp_path, "1999")
    shutil.rmtree(tmp_path / first)
    with pytest.raises(InputError):
        find(tmp_path, "latest")


def test_what_differs_between_runs_is_named():
    before = record(
        1,
        entry(figures={"share": 0.5, "best": "als", "same": 3}, parameters={"k": 10, "config": "a"}),
        entry("gone"),
        entry("second"),
        settings={"kpis": {"cost": 1, "days": 7}},
        rows={"orders": 10},
    )
    after = record(
        0,
        entry(figures={"share": 0.4, "best": "ease", "same": 3}, parameters={"k": 20, "config": "b"}),
        entry("second", State.TIMED_OUT),
        settings={"kpis": {"cost": 2, "days": 7}},
        rows={"orders": 12},
        facts=FACTS.model_copy(update={"fingerprint": "e" * 64, "clean": False}),
    )
    assert list(differences(before, after)) == [
        f"From run {before.id} to run {after.id}",
        "data: ffffffffffff → eeeeeeeeeeee",
        "code: cccccccccc → cccccccccc with changes",
        "rows orders: 10 → 12",
        "setting kpis.cost: 1 → 2",
        "first",
        "  parameter k: 10 → 20",
        "  share: 0.5 → 0.4, -0.1 (-20.0 %)",
        "  best: als → ease",
        "gone",
        "  only in the earlier run",
        "second",
        "  state: ok → time-out. It took longer than it may, and was ended.",
    ]
    assert list(differences(before, before))[1:] == ["Nothing differs."]


@pytest.mark.parametrize(
    ("before", "after", "tie"),
    [
        ((1, 0.8, 1.3), (1.1, 0.9, 1.4), True),
        ((1, 0.8, 1.05), (1.1, 0.9, 1.4), False),
        ((1, 0.8, 2), (2, 1.5, 3), False),
    ],
)
def test_values_inside_each_others_interval_are_a_tie(before, after, tie):
    names = ("a", "a_low", "a_high")
    [line] = figures(dict(zip(names, before, strict=True)), dict(zip(names, after, strict=True)))
    assert line.endswith("a tie") == tie


@given(st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)))
def test_figures_that_are_the_same_are_not_named(found):
    assert list(figures(found, dict(found))) == []


def test_runs_are_kept_by_the_settings(fresh_shop, pretending):
    with pretending():
        for k in (11, 12):
            fresh_shop.run(only=["second"], changes=[f"second.k={k}", "runs.keep=1"])
        assert len(fresh_shop.published()) == 1
        assert len(runs(fresh_shop.store)) == 2
        fresh_shop.run(only=["second"], changes=["second.k=12", "runs.keep=2"])
    assert "nothing was run" in fresh_shop.lines[0]  # how long runs are kept is no reason to run a notebook
