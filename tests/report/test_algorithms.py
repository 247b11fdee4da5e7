"""What notebooks 02 and 03 show of algorithms."""

import numpy as np
import pandas as pd
import pytest

from reco.evaluation import Interval
from reco.report import algorithms, charts, display
from reco.search import Search

BOARD = pd.DataFrame(
    {
        "model": ["a", "b", "c"],
        "title": ["Alpha", "Beta", "<b>Gamma</b>"],
        "ndcg": [0.3, 0.2, 0.1],
        "ndcg_low": [0.28, 0.18, 0.09],
        "ndcg_high": [0.32, 0.22, 0.11],
        "recall": [0.25, 0.2, 0.1],
        "recall_low": [0.2, 0.1, 0.05],
        "recall_high": [0.3, 0.3, 0.15],
        "margin_recall": [np.nan] * 3,
        "coverage": [0.1, 0.5, 0.9],
        "novelty": [3.0, 4.0, 5.0],
    }
)


@pytest.fixture
def shown(monkeypatch):
    """Everything that is shown, in order."""
    found = []
    monkeypatch.setattr(display, "display", found.append)
    return found


def test_a_ranking_shows_intervals_and_leaves_out_what_nobody_has(shown):
    algorithms.ranking(BOARD, "Board", 1234, 0.95)
    cells = shown[0].cells
    assert list(cells) == ["Algorithm", "NDCG", "Recall"]
    assert cells["NDCG"][0] == "0.300 (0.280 to 0.320)"
    assert "1,234 customers" in shown[0].subtitle


def test_beyond_accuracy_shows_what_decides_and_folds_the_rest(shown):
    algorithms.beyond_accuracy(BOARD.assign(personalization=0.5), "Rest")
    assert list(shown[0].cells) == ["Algorithm", "Coverage", "Novelty, bits"]
    assert shown[0].cells["Coverage"].tolist() == ["0.100", "0.500", "0.900"]
    assert list(shown[0].rest.cells) == ["Algorithm", "Personalization"]
    assert shown[0].note is None


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        ([0.0, 0.004, 0.002], "finds 0.00% of what customers buy there; no algorithm finds as much as 1%"),
        ([0.001, 0.04, 0.02], "finds 0.10% of what customers buy there, and Beta most, 4.00%."),
        ([0.05, 0.04, 0.02], "finds 5.00% of what customers buy there, the most."),
    ],
)
def test_what_is_found_of_the_tail_is_put_in_words(shown, tail, words):
    algorithms.beyond_accuracy(BOARD.assign(tail_recall=tail), "Rest")
    assert f"Alpha, which leads, {words}" in shown[0].note


def test_groups_too_small_to_tell_have_no_number(shown):
    swap = pd.DataFrame(
        [("all", 900, 0.3, 0.5, 0.2, 0.02, 0.01, 0.03), ("new", 29, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0),
         ("light", 30, 0.1, 0.7, 0.2, -0.02, -0.03, -0.01), ("heavy", 400, 0.1, 0.8, 0.1, 0.0, -0.01, 0.01)],
        columns=["segment", "users", "better", "equal", "worse", "change", "low", "high"],
    )  # fmt: skip
    algorithms.swap(swap, "Swap")
    assert shown[0].cells["Reading"].tolist() == ["gains", "not enough data", "loses", "tie"]
    assert shown[0].cells["Change in NDCG"].tolist()[1:3] == ["–", "−0.0200 (−0.0300 to −0.0100)"]
    assert shown[0].cells["Better"].tolist() == ["30%", "–", "10%", "10%"]
    assert "Groups of fewer than 30 customers: not enough data." in shown[0].note
    thirds = pd.DataFrame(
        [("a", "Alpha", "new", 11, 0.1, 0.0, 0.2), ("a", "Alpha", "heavy", 600, 0.1, 0.05, 0.2)],
        columns=["model", "title", "activity", "users", "value", "low", "high"],
    )
    algorithms.by_segment(thirds, "Thirds")
    assert shown[1].cells["NDCG"].tolist() == ["–", "0.1000 (0.0500 to 0.2000)"]
    algorithms.by_segment(thirds[1:], "Thirds")
    assert shown[2].note is None


def test_why_somebody_takes_no_part(shown):
    table = pd.DataFrame(
        {
            "model": ["a", "b", "c"],
            "title": ["Alpha", "Beta", "Gamma"],
            "family": ["One", "Two", "Elsewhere"],
            "reason": [None, "needs views", None],
            "trained": [None, None, "yes, trained elsewhere"],
            **{key: [True, False, False] for key in ("new_customers", "new_products", "updates", "explains")},
        }
    )
    algorithms.entrants(table)
    assert shown[0].cells["Takes part"].tolist() == ["yes", "needs views", "yes, trained elsewhere"]
    assert shown[0].cells["Tells why"].tolist() == ["yes", "no", "no"]


def test_an_empty_learning_curve_says_so(shown):
    algorithms.learning_curve(pd.DataFrame(columns=["weeks", "model", "title", "ndcg", "low", "high"]), 10)
    assert "too short" in repr(shown[0])


def test_a_search_tells_its_best_trials_and_what_they_pay(shown):
    trials = pd.DataFrame(
        {
            "trial": [0, 1],
            "ndcg": [0.1, 0.2],
            "low": [0.05, 0.15],
            "high": [0.15, 0.25],
            "seconds": [1.0, 1.0],
            "reason": [None, None],
            "factors": [16, 32],
        }
    )
    found = Search("als", {"factors": 32}, Interval(0.2, 0.15, 0.25), Interval(0.1, 0.0, 0.2), trials)
    algorithms.tuning(found, "ALS", Interval(0.01, -0.01, 0.03), 10)
    assert shown[0].cells["Trial"].tolist() == ["1", "0"]
    assert "+0.0100 (-0.0100 to +0.0300)" in repr(shown[1])


def test_examples_escape_titles(shown):
    frame = pd.DataFrame({"place": [1], "before": ["<script>x</script>"], "a": ["✓ Tea"], "after": ["Tea"]})
    algorithms.examples([frame], {"a": "Alpha", "other": "Other"})
    assert list(shown[0].cells) == ["Place", "Bought most before", "Alpha", "Bought then"]
    assert "<script>" not in shown[0]._repr_html_()


def test_glossary_of_the_metrics_shown(shown):
    algorithms.glossary(["ndcg", "coverage", "ndcg_low"])
    assert len(shown[0].cells) == 2


@pytest.mark.parametrize(
    ("best", "named"),
    [("high", ["Alpha", "Beta", "Gamma"]), ("low", ["Alpha"])],
)
def test_a_scatter_names_those_that_no_other_beats(best, named):
    figure = charts.scatter([1, 2, 3], [0.3, 0.2, 0.1], ["Alpha", "Beta", "Gamma"], "T", ("x", "y"), best=best)
    assert sorted(text.get_text() for text in figure.axes[0].texts) == named


def test_of_two_equal_points_both_are_named():
    figure = charts.scatter([1, 1], [0.3, 0.3], ["Alpha", "Beta"], "T", ("x", "y"))
    assert len(figure.axes[0].texts) == 2


def test_a_listing_is_text(shown):
    display.listing("models:\n  als: {name: <b>x</b>}\n")
    assert repr(shown[0]) == "models:\n  als: {name: <b>x</b>}"
    assert shown[0]._repr_html_() == "<pre>models:\n  als: {name: &lt;b&gt;x&lt;/b&gt;}</pre>"
