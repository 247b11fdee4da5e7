"""What changed since an earlier run: differences with intervals, ties, and what lay behind them."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

from reco.report.changes import change, since
from reco.report.kpi import Kpi
from reco.runs.compare import differences, figures
from reco.runs.record import Entry, Facts, Outcome, Run, State

START = datetime(2026, 11, 20, 6, tzinfo=UTC)
FACTS = Facts(store="corner", title="Corner", settings_file="w.yaml", about=[], fingerprint="f" * 64, commit="c" * 40)


def rate(value=0.3, half=0.02, **more):
    shape = {"n": 900, "format": "percent", "better": "higher", "definition": "Share that buys."}
    return Kpi(**{"name": "Rate", "value": value, "low": value - half, "high": value + half} | shape | more)


def run(day, *kpis, made=None, state=State.OK, facts=FACTS, parameters=None, **more):
    """The run of a day that holds one notebook, executed by it or `made` by that of an earlier day."""
    ids = [f"{START + timedelta(days=each):%Y%m%d-%H%M%S}-abc" for each in (day, day if made is None else made)]
    entry = Entry(
        name="first",
        title="First",
        question="?",
        key="k",
        outcome=Outcome(state=state),
        run=ids[1],
        kpis=kpis,
        headline=f"Day {day if made is None else made}",
        parameters=parameters or {},
    )
    when = START + timedelta(days=day)
    return Run(id=ids[0], created_at=when, finished_at=when, facts=facts, notebooks={"first": entry}, **more)


def compare(earlier, now):
    return since(earlier, now, now.notebooks["first"])


@pytest.mark.parametrize(
    ("before", "after", "verdict", "words"),
    [
        (rate(0.3), rate(0.36), "better", "up 6.00 points (3.17 to 8.83): better"),
        (rate(0.36), rate(0.3), "worse", "down 6.00 points (−8.83 to −3.17): worse"),
        (rate(0.3, better="lower"), rate(0.36, better="lower"), "worse", "up 6.00 points (3.17 to 8.83): worse"),
        (rate(0.3, better="neither"), rate(0.36, better="neither"), "up", "up 6.00 points (3.17 to 8.83)"),
        (rate(0.3), rate(0.32), "tie", "up 2.00 points (−0.83 to 4.83): a tie"),
        (rate(0.3), rate(0.3), "same", "as before"),
        (rate(), rate(simulated=True), "not compared", "not compared: one of the two is simulated"),
        (rate(), rate(definition="Else."), "not compared", "not compared: it was defined in another way"),
        (rate(), rate(level=0.9), "not compared", "not compared: its interval was made in another way"),
        (rate(n=5), rate(0.5), "not compared", "not compared: not enough data in one of the two"),
        (rate(), rate(0.5, low=None), "not compared", "not compared: not enough data in one of the two"),
    ],
)
def test_a_difference_has_an_interval_and_a_verdict(before, after, verdict, words):
    found = change(before, after)
    assert (found.verdict, found.words) == (verdict, words)


def test_what_is_counted_in_full_differs_without_noise():
    before, after = (Kpi.counted(name="Orders", value=value, format="integer") for value in (1200, 1234))
    assert change(before, after).words == "up 34"
    assert change(after, before).words == "down 34"


numbers = st.floats(-100, 100).map(lambda value: round(value, 2))
halves = st.floats(0.01, 10).map(lambda value: round(value, 2))


@given(numbers, numbers, halves, halves)
def test_the_interval_is_that_of_two_independent_estimates(a, b, half_a, half_b):
    one, other = rate(a, half_a), rate(b, half_b)
    there, back = change(one, other), change(other, one)
    if there.verdict == "same":
        return
    assert there.high - there.difference == pytest.approx(np.hypot(half_a, half_b))
    assert there.low == pytest.approx(-back.high)
    assert there.high == pytest.approx(-back.low)
    assert there.moved == (abs(b - a) > np.hypot(half_a, half_b)) or abs(abs(b - a) - np.hypot(half_a, half_b)) < 1e-9


def wilson(hits, n):
    """A share with its score interval of 95 %."""
    share, z = hits / n, 1.959964
    middle, half = share + z**2 / (2 * n), z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return Kpi(name="x", value=share, low=(middle - half) / (1 + z**2 / n), high=(middle + half) / (1 + z**2 / n), n=n)


@pytest.mark.parametrize(("before", "after"), [((48, 80), (56, 70)), ((3, 40), (9, 40)), ((0, 40), (5, 30))])
def test_the_interval_is_newcombes(before, after):
    """Beside statsmodels, whose method `newcomb` is square-and-add on Wilson's intervals."""
    found = change(wilson(*before), wilson(*after))
    expected = confint_proportions_2indep(*after, *before, method="newcomb", compare="diff")
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-6)
    assert found.difference == pytest.approx(after[0] / after[1] - before[0] / before[1])


def test_the_interval_covers_the_true_difference_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    drawn = zip(rng.binomial(150, 0.1, 1000), rng.binomial(150, 0.16, 1000), strict=True)
    found = [change(wilson(a, 150), wilson(b, 150)) for a, b in drawn]
    assert 0.93 <= np.mean([each.low <= 0.06 <= each.high for each in found]) <= 0.97


def test_it_is_set_against_the_last_other_result_of_the_notebook():
    first, failed, last = run(0, rate(0.3)), run(1, state=State.CELL_ERROR), run(3, rate(0.36))
    carried = run(2, rate(0.3), made=0)
    for earlier in ([first, failed, carried], [carried, failed, first]):
        found = compare(earlier, last)
        assert found.run == first.id
        assert found.when == START
        assert found.headline == "Day 0"
        assert found.summary == "1 of 1 key figures moved by more than noise."
    assert compare([], first) is None
    assert compare([failed], last) is None
    assert compare([first], run(2, made=0)) is None  # the same result, carried over
    assert compare([first], run(2, state=State.CELL_ERROR)) is None


def test_figures_that_came_or_went_are_named():
    found = compare([run(0, rate(), rate(name="Old"))], run(1, rate(), rate(name="New")))
    assert (list(found.changes), found.new, found.gone) == (["Rate"], ["New"], ["Old"])
    assert found.summary == "No key figure moved by more than noise."
    none = compare([run(0)], run(1, rate()))
    assert (none.new, none.summary) == ([], "The earlier run kept none of these figures.")


@pytest.mark.parametrize(
    ("before", "after", "causes"),
    [
        ({}, {}, {}),
        (
            {"rows": {"order_lines": 1000}},
            {"rows": {"order_lines": 1200}, "facts": FACTS.model_copy(update={"fingerprint": "0" * 64})},
            {"data": ["order lines: 1,000 → 1,200"]},
        ),
        (
            {"parameters": {"k": 10, "config": "a"}},
            {"parameters": {"k": 20, "config": "b"}},
            {"parameters": ["k: 10 → 20"]},
        ),
        ({"settings": {"a": {"b": 1}}}, {"settings": {"a": {"b": 2}}}, {"settings": ["a.b: 1 → 2"]}),
        (
            {"settings": dict.fromkeys("abcdefg", 1)},
            {"settings": dict.fromkeys("abcdefg", 2)},
            {"settings": [*(f"{key}: 1 → 2" for key in "abcde"), "and 2 more"]},
        ),
        (
            {},
            {"facts": FACTS.model_copy(update={"commit": "d" * 40, "clean": False})},
            {"code": ["cccccccccc → dddddddddd with changes"]},
        ),
        (
            {},
            {"facts": FACTS.model_copy(update={"clean": False})},
            {"code": ["commit cccccccccc with changes that are not committed"]},
        ),
        ({}, {"facts": FACTS.model_copy(update={"versions": {"pandas": "2"}})}, {"versions": ["pandas: none → 2"]}),
    ],
)
def test_what_lay_behind_is_read_from_the_records(before, after, causes):
    found = compare([run(0, rate(), **before)], run(1, rate(), **after))
    assert found.causes == causes
    if not causes:
        assert found.reason.startswith("Nothing that is on record differs")
    else:
        assert found.reason == f"Between the two runs only the {next(iter(causes))} changed."


def test_of_two_causes_none_is_named():
    found = compare([run(0, rate(), parameters={"k": 1})], run(1, rate(), parameters={"k": 2}, settings={"a": 1}))
    words = "Between the two runs parameters and settings changed, so no single one can be named as the cause."
    assert found.reason == words


def test_last_digits_of_a_sum_are_no_difference():
    assert list(figures({"revenue": 4596038.47, "x": 1.0}, {"revenue": 4596038.470000001, "x": 1.0001})) == [
        "x: 1 → 1, +0.0001 (+0.0 %)"
    ]


def test_reco_diff_tells_key_figures_with_intervals():
    lines = list(differences(run(0, rate(0.3), rate(name="Same")), run(1, rate(0.36), rate(name="Same"))))
    assert "  Rate: 30.0% (28.0% to 32.0%) → 36.0% (34.0% to 38.0%), up 6.00 points (3.17 to 8.83): better" in lines
    assert not any("Same" in line for line in lines)
