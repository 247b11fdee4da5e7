"""Key figures: status, words and cards, and that no card is shown without its interval."""

import json

import numpy as np
import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.formatters import DisplayFormatter
from pydantic import ValidationError

from reco.report import ACTIONS, CARDS, display
from reco.report.kpi import Kpi, Status, legend

HOSTILE = "<script>alert('x')</script>"
RATE = {"name": "Hit rate", "value": 0.3, "low": 0.2, "high": 0.4, "n": 120, "of": "customers", "format": "percent"}


def rate(**more):
    return Kpi(**RATE | more)


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"better": "higher", "target": 0.2}, Status.ON_TARGET),
        ({"better": "higher", "target": 0.21}, Status.WATCH),
        ({"better": "higher", "target": 0.4}, Status.WATCH),
        ({"better": "higher", "target": 0.41}, Status.ACT),
        ({"better": "lower", "target": 0.4}, Status.ON_TARGET),
        ({"better": "lower", "target": 0.39}, Status.WATCH),
        ({"better": "lower", "target": 0.19}, Status.ACT),
        ({"better": "lower", "target": 0.19, "act_at": 0.21}, Status.WATCH),
        ({"better": "lower", "target": 0.1, "act_at": 0.2}, Status.ACT),
        ({"better": "higher", "target": 0.6, "act_at": 0.3}, Status.WATCH),
        ({"better": "higher", "target": 0.1, "n": 29}, Status.NOT_ENOUGH),
        ({"better": "higher", "target": 0.1, "n": 29, "least": 20}, Status.ON_TARGET),
        ({"better": "higher", "target": 0.1, "n": None}, Status.NOT_ENOUGH),
        ({"better": "higher", "target": 0.1, "low": None}, Status.NOT_ENOUGH),
        ({"better": "higher", "target": 0.1, "high": float("nan")}, Status.NOT_ENOUGH),
        ({"value": None}, Status.NOT_ENOUGH),
        ({}, Status.NO_TARGET),
    ],
)
def test_the_status_follows_from_interval_target_and_numbers(more, status):
    assert rate(**more).status == status


def test_what_is_counted_in_full_has_no_noise():
    refused = {"name": "Refused", "format": "percent:2", "better": "lower", "target": 0.01}
    assert Kpi.counted(value=0.01, **refused).status == Status.ON_TARGET
    assert Kpi.counted(value=0.0101, **refused).status == Status.ACT
    assert Kpi.counted(value=0.02, **refused, act_at=0.05).status == Status.WATCH
    assert Kpi.counted(value=0.05, **refused, act_at=0.05).status == Status.ACT
    assert Kpi.counted(value=None, **refused).status == Status.NOT_ENOUGH


@pytest.mark.parametrize(
    "more",
    [
        {"low": 0.5},
        {"target": 0.2},
        {"better": "higher", "act_at": 0.2},
        {"better": "higher", "target": 0.2, "act_at": 0.3},
        {"better": "lower", "target": 0.2, "act_at": 0.1},
        {"format": "pounds"},
        {"level": 95},
        {"better": "up"},
    ],
)
def test_figures_that_make_no_sense_are_refused(more):
    with pytest.raises(ValidationError):
        rate(**more)


def test_a_card_in_plain_text():
    kpi = rate(better="higher", target=0.25, simulated=True)
    assert kpi.lines() == [
        "Hit rate (simulated)",
        "  30.0% (20.0% to 40.0%), 95% interval, 120 customers",
        "  ◆ Watch, target: at least 25.0%",
    ]
    assert str(rate(low=None)) == "Hit rate: 30.0% (no interval)"
    assert rate(low=None).lines()[2] == "  ○ Not enough data"


def test_what_misses_its_target_calls_for_something():
    short = rate(better="higher", target=0.5, simulated=True)
    assert short.call == "■ Act: Hit rate is 30.0% (20.0% to 40.0%), target: at least 50.0%, simulated."
    assert rate(better="higher", target=0.3).call.startswith("◆ Watch: Hit rate is")
    assert (rate().call, rate(better="higher", target=0.1).call, rate(n=3).call) == ("", "", "")


values = st.floats(0, 1).map(lambda value: round(value, 3))


@given(values, values, values, st.sampled_from(["higher", "lower"]), values, st.integers(0, 1000))
def test_every_way_of_showing_a_figure_has_its_interval_and_its_status(a, b, c, better, target, n):
    low, value, high = sorted((a, b, c))
    kpi = Kpi(name="X", value=value, low=low, high=high, n=n, format="number", better=better, target=target)
    shown = BeautifulSoup(kpi.html(), "html.parser").get_text(" ")
    for words in (str(kpi), f"{kpi}", "\n".join(kpi.lines()), shown):
        assert f"{low:.3f} to {high:.3f}" in words
        assert f"{value:.3f}" in words
    for words in ("\n".join(kpi.lines()), shown):
        assert kpi.status.value.word in words
        assert kpi.status.value.shape in words


def test_hostile_words_are_text_and_links_lead_both_ways():
    kpi = rate(name=HOSTILE, of=HOSTILE, simulated=True)
    html = kpi.html(id="card-1", note="definition-1", change=HOSTILE)
    assert "<script" not in html
    soup = BeautifulSoup(html, "html.parser")
    assert soup.li["id"] == "card-1"
    assert soup.find("a", href="#definition-1").get_text() == HOSTILE
    assert soup.select_one(".simulated-mark").get_text(strip=True) == "◇Simulated"


def test_a_figure_survives_the_way_through_a_notebook():
    kpi = rate(value=np.float32(0.25), n=np.int64(120), low=np.float64("-inf"), better="higher", target=0.2)
    there = json.loads(json.dumps(kpi.model_dump(mode="json")))
    assert Kpi.model_validate(there) == kpi
    assert (there["value"], there["n"], there["low"]) == (0.25, 120, None)


def test_the_legend_tells_what_statuses_mean_where_one_is_shown():
    assert legend([rate()]) == ""
    words = legend([rate(better="higher", target=0.25)])
    assert all(f"{s.value.shape} {s.value.word}: " in words for s in Status if s != Status.NO_TARGET)


@pytest.fixture
def shown(monkeypatch):
    formatter, seen = DisplayFormatter(), []
    monkeypatch.setattr(display, "display", lambda thing: seen.append(formatter.format(thing)))
    return seen


def test_cards_are_shown_and_kept_for_the_record(shown):
    kpis = [rate(), rate(name=HOSTILE), Kpi.counted(name="Orders", value=12, format="integer")]
    display.cards(kpis)
    [(data, _)] = shown
    assert [Kpi.model_validate(each) for each in json.loads(json.dumps(data[CARDS]))] == kpis
    assert "<script" not in data["text/html"]
    assert data["text/plain"].splitlines()[:2] == [
        "Hit rate",
        "  30.0% (20.0% to 40.0%), 95% interval, 120 customers",
    ]


@pytest.mark.parametrize("names", [["a", "b"], list("abcdef"), ["a", "b", "a"]])
def test_three_to_five_cards_of_different_names(names):
    with pytest.raises(ValueError, match="cards"):
        display.cards([rate(name=name) for name in names])


def test_what_to_do_is_shown_and_kept_and_nothing_when_there_is_nothing(shown):
    display.actions([f"Ask {HOSTILE}\n today."])
    display.actions([])
    [(data, _)] = shown
    assert data[ACTIONS] == [f"Ask {HOSTILE} today."]
    assert "<script" not in data["text/html"]
    assert data["text/plain"] == f"- Ask {HOSTILE} today."
